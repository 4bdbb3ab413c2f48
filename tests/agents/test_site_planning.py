"""Plans of a site on what is expected and how that errs: they pay, they are honest, and they leave the rest alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from answers import answers

import energy_gym
from energy_gym.agents import load_agent, make_agent
from energy_gym.agents.mpc import MPC
from energy_gym.agents.net_load import learnt
from energy_gym.agents.site_planning import plannable
from energy_gym.evaluation.episode import evaluate

HOME, SHARED, SITE = "energy_gym/HomeSolar-v1", "energy_gym/Microgrid-v1", "energy_gym/Commercial-v1"
CASES: list[tuple[str, dict[str, Any], int]] = [
    (HOME, {"home": 12}, 720),
    (HOME, {"home": 1, "control": "meter"}, 240),
    (HOME, {"home": 4, "actions": "discrete-5"}, 240),
    (SHARED, {"dataset": "california-homes-2016", "objective": "joint", "carbon_price": 80.0}, 480),
]


def site_frame(days: int = 60) -> pd.DataFrame:
    """Return a site whose load changes from day to day and within the day, more than its forecast says."""
    hours = pd.date_range("2024-01-01", periods=24 * days, freq="h", tz="UTC")
    random = np.random.default_rng(7)
    load = 2.0 + np.sin((hours.hour - 9) * np.pi / 12.0) + 0.8 * random.standard_normal(len(hours))
    sun = np.clip(np.sin((hours.hour - 6) * np.pi / 12.0), 0.0, None) * np.repeat(random.uniform(0.2, 1.0, days), 24)
    price = np.where((hours.hour >= 17) & (hours.hour < 21), 400.0, 150.0)
    frame = {"load_kw": np.maximum(load, 0.1), "pv_kw": 4.0 * sun, "price_per_mwh": price}
    return pd.DataFrame(frame, index=hours)


def own(frame: pd.DataFrame, split: str, **keywords: Any) -> Any:
    """Return a home on a frame that is split by date."""
    splits = {"train": ("2024-01-01", "2024-02-10"), "test": ("2024-02-10", "2024-03-01")}
    told = {"price_per_mwh": "always"}
    return gym.make(HOME, data=frame, splits=splits, split=split, published=told, zone="UTC", **keywords)


@pytest.mark.parametrize(("name", "keywords", "steps"), CASES)
def test_what_is_learnt_pays(name: str, keywords: dict[str, Any], steps: int) -> None:
    env = gym.make(name, split="test", episode_steps=steps, **keywords)
    options = {"start": env.unwrapped.setup.time(0)}
    plain = evaluate(make_agent("mpc", env), env, options=options)
    fitted = evaluate(make_agent("mpc", env).fit(), env, options=options)
    assert fitted.return_ >= fitted.idle
    assert fitted.return_ > plain.return_


@pytest.mark.parametrize("control", ["power", "meter"])
def test_demand_charges_do_not_make_it_dearer_than_doing_nothing(control: str) -> None:
    env = gym.make(SITE, split="test", episode_steps=192, control=control)
    result = evaluate(make_agent("mpc", env).fit(), env, options={"start": env.unwrapped.setup.time(96)})
    assert result.return_ > result.idle


@pytest.mark.parametrize("control", ["power", "meter"])
def test_where_the_forecast_is_perfect_it_stays_the_oracle(control: str) -> None:
    env = gym.make(HOME, home=3, split="test", forecast="perfect", horizon=48, episode_steps=48, control=control)
    env.reset(seed=2)
    result = evaluate(make_agent("mpc", env).fit(), env, seed=2)
    assert result.score == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("control", ["power", "meter"])
def test_nothing_that_is_not_known_changes_what_it_does(control: str) -> None:
    frame = site_frame()
    changed, moment = frame.copy(), 24 * 45
    changed.iloc[moment:, :2] = frame.iloc[moment:, :2].to_numpy()[::-1]
    played = []
    for data in (frame, changed):
        env = own(data, "test", control=control, episode_steps=24 * 8)
        agent = make_agent("mpc", env).fit()
        played.append(answers(agent, env, "2024-02-10T00:00Z", moment - 24 * 40 + 1))
    assert (played[0] == played[1]).all()


def test_it_is_saved_with_what_it_learnt(tmp_path: Path) -> None:
    env = own(site_frame(), "test", episode_steps=48)
    agent = make_agent("mpc", env).fit()
    agent.save(tmp_path)
    again = load_agent(tmp_path, env)
    assert evaluate(again, env, seed=1).return_ == evaluate(agent, env, seed=1).return_
    (tmp_path / "correction.npz").unlink()
    with pytest.raises(energy_gym.errors.ConfigurationError, match="save the agent again"):
        load_agent(tmp_path, env)


def test_an_agent_that_was_not_fitted_is_saved_too(tmp_path: Path) -> None:
    env = own(site_frame(), "test", episode_steps=48)
    make_agent("mpc", env).save(tmp_path)
    assert load_agent(tmp_path, env).name == "mpc"


def test_what_it_does_not_cover_is_planned_as_before() -> None:
    assert not plannable(gym.make("energy_gym/Arbitrage-v1", episode_steps=24).unwrapped)
    assert not plannable(gym.make("energy_gym/Bidding-v1", episode_steps=24).unwrapped)
    assert not plannable(gym.make(HOME, terminal="cyclic", episode_steps=24).unwrapped)
    assert plannable(gym.make(HOME, episode_steps=24).unwrapped)


def test_outcomes_are_spread_around_what_was_expected() -> None:
    train = own(site_frame(), "train", episode_steps=None).unwrapped
    correction = learnt(train)
    assert (np.diff(correction.missed_kw, axis=2) >= 0.0).all()
    assert np.abs(correction.missed_kw.mean(axis=(1, 2))).max() < 0.2
    assert not correction.exact


def test_a_training_split_of_a_day_teaches_nothing() -> None:
    splits = {"train": ("2024-01-01", "2024-01-02"), "test": ("2024-01-02", "2024-03-01")}
    env = gym.make(HOME, data=site_frame(), splits=splits, split="test", episode_steps=24, zone="UTC",
                   published={"price_per_mwh": "always"})  # fmt: skip
    with pytest.raises(energy_gym.errors.ConfigurationError, match="two days"):
        make_agent("mpc", env).fit()


class Dear:
    """A value of what is stored: each kWh is worth more than energy ever costs."""

    def worth(self, step: int, energy_kwh: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return 5.0 * energy_kwh


def test_what_is_stored_is_worth_what_is_said() -> None:
    # At one price all day nothing else moves it; what is worth as much later it puts off.
    env = own(site_frame().assign(price_per_mwh=150.0), "test", episode_steps=96)
    stored = {}
    for name, how in (("none", "none"), ("mean-price", "mean-price"), ("dear", Dear())):
        agent = MPC(env, continuation=how)
        agent.fit()
        observation, info = env.reset(seed=4)
        for _ in range(36):
            observation, _, _, _, info = env.step(agent.act(observation, info))
        stored[name] = info["energy_kwh"]
    assert stored["none"] <= stored["mean-price"] <= stored["dear"]
    assert stored["none"] < stored["dear"] - 2.0


def test_what_dynamic_programming_has_learnt_stands_behind_a_plan(tmp_path: Path) -> None:
    env = own(site_frame(), "test", episode_steps=72)
    agent = MPC(env, continuation="sdp").fit()
    found = evaluate(agent, env, seed=1)
    assert found.return_ > found.idle
    agent.save(tmp_path)
    assert evaluate(load_agent(tmp_path, env), env, seed=1).return_ == found.return_


def test_values_that_nobody_has_learnt_are_refused(tmp_path: Path) -> None:
    env = own(site_frame(), "test", episode_steps=48)
    observation, info = env.reset(seed=0)
    with pytest.raises(energy_gym.errors.ResetNeededError, match="call fit"):
        MPC(env, continuation="sdp").act(observation, info)
    with pytest.raises(energy_gym.errors.ConfigurationError, match="demand charges"):
        MPC(gym.make(SITE, episode_steps=24), continuation="sdp")
    with pytest.raises(energy_gym.errors.UnknownIdError, match="mean-price"):
        MPC(env, continuation="mean")
    with pytest.raises(energy_gym.errors.ConfigurationError, match="worth"):
        MPC(env, continuation=3)  # type: ignore[arg-type]
    with pytest.raises(energy_gym.errors.ConfigurationError, match="gates"):
        MPC(gym.make("energy_gym/Bidding-v1", episode_steps=24), continuation="none")
    with pytest.raises(energy_gym.errors.ConfigurationError, match="not saved"):
        MPC(env, continuation=Dear()).save(tmp_path)
    MPC(env, continuation="none").save(tmp_path)
    assert load_agent(tmp_path, env).continuation == "none"  # type: ignore[attr-defined]
