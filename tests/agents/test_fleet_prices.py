"""What ``mpc`` learns of a fleet's prices: they last, the day has a course, and nothing is read that is not known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from answers import answers

import energy_gym
from energy_gym import Battery
from energy_gym.agents import load_agent, make_agent
from energy_gym.agents.day_course import DayCourse
from energy_gym.agents.price_outlook import PriceOutlook
from energy_gym.errors import ConfigurationError
from energy_gym.reserve import Fleet, Reserve, Trade
from energy_gym.scenario import Scenario

ID = "energy_gym/FleetReserve-v1"
DAYS, STEPS = 30, 24


def frame(moment: int | None = None) -> pd.DataFrame:
    """Return hours whose price follows the day and lasts; what comes from a moment on is another."""
    random, steps = np.random.default_rng(3), DAYS * 24
    index = pd.date_range("2024-01-01", periods=steps, freq="h", tz="UTC")
    lasting = np.zeros(steps)
    for step in range(1, steps):
        lasting[step] = 0.7 * lasting[step - 1] + random.normal(0.0, 8.0)
    price = 60.0 + 40.0 * np.sin((index.hour.to_numpy() - 9) / 24.0 * 2.0 * np.pi) + lasting
    found = pd.DataFrame({"price_per_mwh": price, "up_per_mw_h": 3.0 + random.random(steps)}, index)
    if moment is not None:
        found.iloc[moment:] = found.iloc[moment:].to_numpy()[::-1] * 1.3
    return found


def fleet() -> Scenario:
    """Return one asset that trades energy and sells one reserve."""
    markets = (Trade("energy", "price_per_mwh", (500.0,)), Reserve("up", "up_per_mw_h", "up", (500.0,)))
    return Fleet(batteries={"a": Battery(2000.0, 500.0, 500.0)}, markets=markets)


def made(split: str = "test", moment: int | None = None, **keywords: Any) -> Any:
    """Return the fleet on a frame that is split by date, with a look-ahead of three hours."""
    splits = {"train": ("2024-01-01", "2024-01-21"), "test": ("2024-01-21", "2024-01-31")}
    usual = {"horizon": 3, "episode_steps": STEPS, "zone": "UTC", "published": "after"}
    return gym.make(ID, data=frame(moment), fleet=fleet(), splits=splits, split=split, **(usual | keywords))


def test_what_is_learnt_pays() -> None:
    env = made(episode_steps=96)
    options = {"start": env.unwrapped.setup.time(24)}
    fitted, plain = (
        energy_gym.evaluate(agent, env, options=options)
        for agent in (make_agent("mpc", env).fit(), make_agent("mpc", env))
    )
    assert fitted.return_ > plain.return_
    assert fitted.regret >= 0.0


def test_nothing_that_is_not_known_changes_what_it_does() -> None:
    moment, played = 24 * 22 + 7, []
    for env in (made(), made(moment=moment)):
        agent = make_agent("mpc", env).fit()
        start = env.unwrapped.setup.time(24)
        env.reset(options={"start": start})
        assert env.unwrapped.setup.feed.first + env.unwrapped.steps_left[0] == 24 * 21
        played.append(answers(agent, env, start, 24))
    assert np.array_equal(*played)


def test_it_is_saved_with_the_agent(tmp_path: Path) -> None:
    env = made()
    agent = make_agent("mpc", env).fit()
    agent.save(tmp_path)
    loaded = load_agent(tmp_path, env)
    one, two = (energy_gym.evaluate(player, env, seed=1).return_ for player in (agent, loaded))
    assert one == two
    for name in ("prices.npz", "course.npz"):
        (tmp_path / name).write_bytes(b"nothing")
        with pytest.raises(ConfigurationError, match="cannot be read"):
            load_agent(tmp_path, env)


def test_a_price_that_lasts_is_expected_to_last() -> None:
    env = made().unwrapped
    outlook = PriceOutlook.learnt(made("train", episode_steps=None).unwrapped)
    assert outlook.columns == ("price_per_mwh", "up_per_mw_h")
    missed = {"as forecast": 0.0, "as learnt": 0.0}
    for step in range(24, 120):
        env.reset(options={"start": env.setup.time(step)})
        actual = env.setup.feed.values["price_per_mwh"][env.setup.feed.first + step]
        missed["as forecast"] += abs(env.outlook()["price_per_mwh"][0] - actual)
        missed["as learnt"] += abs(outlook.outlook(env)["price_per_mwh"][0] - actual)
    assert missed["as learnt"] < 0.8 * missed["as forecast"]


def test_energy_is_worth_more_before_the_dear_hours() -> None:
    env = made().unwrapped
    course = DayCourse.learnt(made("train", episode_steps=None).unwrapped)
    assert course is not None
    found = {}
    for hour in (0, 11):
        env.reset(options={"start": env.setup.time(24 + hour), "steps": 72})
        closing = course.closing(env, 3)
        assert closing is not None
        found[hour] = closing.left
    assert found[11] > found[0]


def test_where_a_plan_sees_a_day_ahead_no_course_is_learnt() -> None:
    assert DayCourse.learnt(made("train", horizon=24, episode_steps=None).unwrapped) is None


def test_too_short_a_split_teaches_nothing() -> None:
    env = made().unwrapped
    short = gym.make(
        ID, data=frame().iloc[:20], fleet=fleet(), horizon=3, episode_steps=4, zone="UTC", published="after"
    ).unwrapped
    agent: Any = make_agent("mpc", env).fit(short)
    assert agent.prices.columns == ()
    assert agent.course is None
    assert energy_gym.evaluate(agent, env, seed=0).regret >= 0.0
