"""``lookahead="compact"``: fewer figures made of what the forecast says, the same single, batch and compiled."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym.agents import load_agent, make_agent
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.forecast import Noise
from energy_gym.lookahead import Blocks, Changes
from energy_gym.scenarios.registration import SCENARIOS

ARBITRAGE, COMMERCIAL = "energy_gym/Arbitrage-v1", "energy_gym/Commercial-v1"
ENGINES = ["numpy"] + ["compiled"] * (importlib.util.find_spec("llvmlite") is not None)


def names(env: Any) -> list[str]:
    return [slot.name for slot in env.unwrapped.layout]


def told(env: Any, observation: Any) -> dict[str, float]:
    """Return what an observation says, in units, by slot."""
    pairs = zip(env.unwrapped.layout, observation.tolist(), strict=True)
    return {slot.name: slot.offset + slot.scale * value for slot, value in pairs}


def as_blocks(column: str, row: Any) -> dict[str, float]:
    """Return the means of a row in blocks whose length is a fourth of their distance, told as the layout does."""
    found, first = {}, 0
    while first < len(row):
        last = min(first + max(first // 4, 1), len(row)) - 1
        name = f"{column}[+{first}]" if last == first else f"{column}[+{first}..+{last}]"
        found[name] = float(np.mean(row[first : last + 1]))
        first = last + 1
    return found


def as_changes(column: str, row: Any, hours: float) -> dict[str, float]:
    """Return the value now and the next four changes of a row."""
    places = [step for step in range(1, len(row)) if row[step] != row[step - 1]]
    found = {f"{column}[+0]": row[0]}
    for k in range(1, 5):
        place = places[k - 1] if k <= len(places) else len(row)
        found[f"hours_to_change({column})[{k}]"] = place * hours
        found[f"{column}[change {k}]"] = row[min(place, len(row) - 1)]
    return found


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_is_made_of_the_forecast_and_changes_nothing_else(name: str) -> None:
    keywords = {"episode_steps": 6, "split": "test", "history": 2}
    plain, brief = gym.make(name, **keywords), gym.make(name, **keywords, lookahead="compact")
    assert len(names(brief)) < len(names(plain))
    feed, series = brief.unwrapped.setup.feed, brief.unwrapped.setup.tape.columns
    common = [slot for slot in names(plain) if slot in names(brief)]
    places = [[names(env).index(slot) for slot in common] for env in (plain, brief)]
    plain.action_space.seed(3)
    first, second = (env.reset(seed=3)[0] for env in (plain, brief))
    for _ in range(6):
        np.testing.assert_array_equal(first[places[0]], second[places[1]])
        assert brief.observation_space.contains(second)
        outlook, seen = brief.unwrapped.outlook(), told(brief, second)
        for column in series:
            np.testing.assert_array_equal(outlook[column], plain.unwrapped.outlook()[column])
            seldom = feed.published[column] == "always"
            row = outlook[column]
            said = as_changes(column, row, feed.step_hours) if seldom else as_blocks(column, row)
            figures, limit = feed.statistics[column], 10.0
            for slot, value in said.items():
                low, high = figures.offset - limit * figures.scale, figures.offset + limit * figures.scale
                wanted = value if slot.startswith("hours") else np.clip(value, low, high)
                assert seen[slot] == pytest.approx(wanted, rel=1e-5, abs=1e-5 * max(figures.scale, 1.0))
        action = plain.action_space.sample()
        (first, gain, *_), (second, other, *_) = plain.step(action), brief.step(action)
        assert gain == other


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_batch_sees_the_same(name: str, engine: str) -> None:
    keywords: dict[str, Any] = {"lookahead": "compact", "episode_steps": 6, "split": "test"}
    kind = gym.make(name, **keywords).unwrapped
    if engine == "compiled" and kind.decision in ("bids", "fleet"):
        pytest.skip("played on arrays")
    batch = energy_gym.make_vec(name, 2, **keywords, engine=engine)
    batch.action_space.seed(1)
    envs = [gym.make(name, **keywords) for _ in range(2)]
    assert batch.unwrapped.layout == envs[0].unwrapped.layout
    seen, _ = batch.reset(seed=[4, 5])
    for row, env in zip(seen, envs, strict=True):
        np.testing.assert_array_equal(env.reset(seed=4 + envs.index(env))[0], row)
    for _ in range(3):
        actions = batch.action_space.sample()
        seen = batch.step(actions)[0]
        for row, env, action in zip(seen, envs, actions, strict=True):
            np.testing.assert_array_equal(env.step(action)[0], row)


def test_the_layout_names_its_blocks_and_changes() -> None:
    env = gym.make(COMMERCIAL, lookahead="compact").unwrapped
    views = env.setup.tape.views
    assert [type(views[name]) for name in env.setup.tape.columns] == [Changes, Changes, Blocks, Blocks]
    assert env.setup.tape.lookahead == "compact-1"
    assert names(env)[10:15] == [
        "tariff.buy_per_mwh[+0]",
        "hours_to_change(tariff.buy_per_mwh)[1]",
        "tariff.buy_per_mwh[change 1]",
        "hours_to_change(tariff.buy_per_mwh)[2]",
        "tariff.buy_per_mwh[change 2]",
    ]
    assert [env.layout[11].unit, env.layout[12].unit] == ["h", "CRC/MWh"]
    assert names(env)[-2:] == ["load_kw[+151..+187]", "load_kw[+188..+191]"]
    assert env.layout == gym.make(COMMERCIAL, lookahead="compact-1", split="test").unwrapped.layout


def test_an_observation_stays_within_its_space_however_far_it_looks() -> None:
    env = gym.make(COMMERCIAL, lookahead="compact", horizon=700, episode_steps=4, split="test")
    low, high = env.observation_space.low, env.observation_space.high
    rows = env.unwrapped.setup.tape.rows[:, 4:]
    assert (rows >= low[4:]).all()
    assert (rows <= high[4:]).all()
    assert env.observation_space.contains(env.reset(seed=0)[0])


def test_a_tariff_that_is_forecast_with_noise_is_shown_in_blocks() -> None:
    exact, noisy = (
        gym.make(COMMERCIAL, lookahead="compact", forecast=Noise(mae=size), horizon=24).unwrapped.setup.tape.views
        for size in (0.0, 100.0)
    )
    assert isinstance(exact["tariff.buy_per_mwh"], Changes)
    assert isinstance(noisy["tariff.buy_per_mwh"], Blocks)


def test_a_price_that_changes_by_the_hour_is_shown_in_blocks_though_it_is_always_known() -> None:
    index = pd.date_range("2024-05-01", periods=240, freq="h", tz="UTC")
    data = pd.DataFrame({"price_per_mwh": np.random.default_rng(1).normal(50.0, 20.0, 240)}, index)
    env = gym.make(ARBITRAGE, data=data, published="always", lookahead="compact").unwrapped
    assert isinstance(env.setup.tape.views["price_per_mwh"], Blocks)


@pytest.mark.parametrize("name", [ARBITRAGE, COMMERCIAL])
def test_it_is_refused_where_it_has_no_effect(name: str) -> None:
    with pytest.raises(ConfigurationError, match='lookahead="compact", horizon=9: shows the steps as they are'):
        gym.make(name, lookahead="compact", horizon=9)
    assert len(names(gym.make(name, lookahead="compact", horizon=10))) < len(names(gym.make(name, horizon=10)))


@pytest.mark.parametrize("said", ["compakt", "compact-0", None, 1])
def test_another_word_is_refused(said: Any) -> None:
    with pytest.raises(UnknownIdError, match="lookahead"):
        gym.make(ARBITRAGE, lookahead=said)


def test_a_saved_agent_remembers_what_it_saw(tmp_path: Path) -> None:
    brief = gym.make(ARBITRAGE, lookahead="compact", episode_steps=24)
    make_agent("idle", brief).save(tmp_path / "agent")
    assert load_agent(tmp_path / "agent", brief).env.layout == brief.unwrapped.layout
    with pytest.raises(ConfigurationError, match=r"the layouts differ in .*price_per_mwh\[\+8\.\.\+9\]"):
        load_agent(tmp_path / "agent", gym.make(ARBITRAGE, episode_steps=24))
