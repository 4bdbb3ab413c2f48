"""``history=``: the last known values of each series, single, batch and torch, and none that was not known."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym.errors import ConfigurationError
from energy_gym.scenarios.registration import SCENARIOS

PRICE, ID = "price_per_mwh", "energy_gym/Arbitrage-v1"


def frame(steps: int = 240, minutes: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(5)
    index = pd.date_range("2024-05-01", periods=steps, freq=f"{minutes}min", tz="Europe/Berlin")
    return pd.DataFrame({PRICE: random.normal(50.0, 20.0, steps), "load_kw": random.uniform(0.0, 5.0, steps)}, index)


def names(env: Any) -> list[str]:
    return [slot.name for slot in env.unwrapped.layout]


@pytest.mark.parametrize(
    ("rule", "lag"), [("after", 1), ("at-start", 0), ("day-ahead 13:00", 0)], ids=["after", "at-start", "day-ahead"]
)
@pytest.mark.parametrize("forecast", ["published", "yesterday", "mean"])
def test_an_observation_ends_with_the_last_known_values(rule: str, lag: int, forecast: str) -> None:
    data = frame()
    env = gym.make(ID, data=data, published=rule, forecast=forecast, history=4, horizon=2, episode_steps=None)
    assert names(env)[-4:] == [f"{PRICE}[{f'-{k}' if k else 'now'}]" for k in range(lag, lag + 4)]
    observation, _ = env.reset()
    figures = env.unwrapped.setup.feed.statistics[PRICE]
    for step in range(12):
        places = step - lag - np.arange(4)
        known = np.where(places < 0, env.unwrapped.setup.feed.expected_before(PRICE), data[PRICE].to_numpy()[places])
        np.testing.assert_array_equal(env.unwrapped.past()[PRICE], known)
        scaled = np.clip((known - figures.offset) / figures.scale, -10.0, 10.0)
        np.testing.assert_array_equal(observation[-4:], scaled.astype(np.float32))
        assert env.observation_space.contains(observation)
        observation, *_ = env.step(np.zeros(1))


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_id_takes_it_and_changes_nothing_else(name: str) -> None:
    plain, told = (gym.make(name, history=steps, episode_steps=8, split="test") for steps in (0, 3))
    tape = told.unwrapped.setup.tape
    extra = [slot for slot in names(told) if slot not in names(plain)]
    assert len(extra) == 3 * len(tape.remembered) > 0
    kept = [names(told).index(slot) for slot in names(plain)]
    first, second = (env.reset(seed=3)[0] for env in (plain, told))
    for step in range(8):
        np.testing.assert_array_equal(first, second[kept])
        assert told.observation_space.contains(second)
        plain.action_space.seed(step)
        action = plain.action_space.sample()
        (first, gain, *_), (second, other, *_) = plain.step(action), told.step(action)
        assert gain == other


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_batch_sees_the_same(name: str) -> None:
    keywords = {"history": 3, "episode_steps": 6, "split": "test"}
    env, batch = gym.make(name, **keywords), energy_gym.make_vec(name, 2, **keywords)
    seen, _ = batch.reset(seed=[4, 5])
    for row, seed in enumerate((4, 5)):
        np.testing.assert_array_equal(env.reset(seed=seed)[0], seen[row])


def test_series_that_are_known_at_all_times_have_no_past() -> None:
    env = gym.make("energy_gym/Commercial-v1", history=2).unwrapped
    always = [name for name in env.setup.tape.columns if env.setup.feed.published[name] == "always"]
    assert always
    assert not set(always) & set(env.setup.tape.remembered)
    assert set(env.setup.tape.remembered) == set(env.setup.tape.columns) - set(always)


def test_the_default_is_none_but_where_a_price_comes_in_real_time() -> None:
    data = frame()
    believed = data.assign(forecast_price_per_mwh=data[PRICE] + 1.0)
    for keywords, steps in (
        ({}, 0),
        ({"data": data, "published": "day-ahead 13:00"}, 0),
        ({"data": data, "published": "after"}, 0),
        ({"data": data, "published": "at-start"}, 12),
        ({"data": believed, "published": "after"}, 12),
        ({"data": believed, "published": "day-ahead 11:00"}, 0),
        ({"data": data, "published": "at-start", "history": 0}, 0),
    ):
        env = gym.make(ID, **keywords).unwrapped
        assert env.setup.tape.history == steps
        assert len(env.layout) == 31 + steps


def test_the_default_is_the_same_for_all_parts_of_the_data() -> None:
    data = frame()
    splits = {"train": (data.index[0], data.index[100]), "test": (data.index[102], data.index[200])}
    layouts = [
        gym.make(ID, data=data, published="at-start", splits=splits, split=split).unwrapped.layout
        for split in ("train", "test")
    ]
    assert layouts[0] == layouts[1]


def test_a_history_that_is_none() -> None:
    data = frame()
    splits = {"train": (data.index[5], data.index[100]), "test": (data.index[102], data.index[200])}
    told: dict[str, Any] = {"data": data, "published": "at-start", "splits": splits}
    assert gym.make(ID, **told, split="train", history=5).unwrapped.setup.tape.history == 5
    for history, split, rule in (
        (6, "train", "history=6: must be at most the 5 steps before the split"),
        (103, "test", "at most the 102 steps"),
        (-1, "test", "whole number of at least 0"),
        (True, "test", "whole number"),
        (2.0, "test", "whole number"),
        ("3", "test", "whole number"),
    ):
        with pytest.raises(ConfigurationError, match=rule):
            gym.make(ID, **told, split=split, history=history)
    with pytest.raises(ConfigurationError, match="240 steps there are"):
        gym.make(ID, data=data, published="at-start", history=241)


def test_rows_that_would_not_fit_are_refused_with_all_that_makes_them_wide() -> None:
    with pytest.raises(ConfigurationError, match="history=8000 over"):
        gym.make(ID, dataset="ercot-2021-2022", split="test", history=8000, horizon=200_000)


def test_the_last_price_is_seen_whatever_the_forecast() -> None:
    """A price that is posted as its step begins stands in the slot of the running step, with a history or without."""
    data = frame()
    for history in (0, 1):
        env = gym.make(ID, data=data, published="at-start", forecast="yesterday", history=history, horizon=1)
        before, _ = env.reset(options={"start": data.index[50], "steps": 4})
        other = data.copy()
        other.iloc[50, 0] += 5.0
        env = gym.make(ID, data=other, published="at-start", forecast="yesterday", history=history, horizon=1)
        after, _ = env.reset(options={"start": data.index[50], "steps": 4})
        assert before.tobytes() != after.tobytes()
