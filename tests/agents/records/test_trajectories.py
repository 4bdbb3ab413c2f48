"""Recorded episodes: what does not fit together is refused, and stacking loses and mixes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery
from energy_gym.agents.records.experts import record_expert
from energy_gym.agents.records.keywords import made_keywords, plain_keywords
from energy_gym.agents.records.trajectories import Episode, Trajectories
from energy_gym.errors import ConfigurationError, DataError, NonFiniteError
from energy_gym.tape import Slot

ID = "energy_gym/Arbitrage-v1"
LAYOUT = (Slot("state_of_charge", "1", 0.0, 1.0), Slot("price_per_mwh[+0]", "USD/MWh", 0.0, 1.0))


def episode(steps: int = 3, first: float = 0.0, **changes: Any) -> Episode:
    seen = (first + np.arange(2 * (steps + 1))).reshape(-1, 2).astype(np.float32)
    given: dict[str, Any] = {
        "observations": seen,
        "actions": np.zeros(steps, dtype=np.int64),
        "advice": np.ones(steps, dtype=np.int64),
        "rewards": first + np.arange(steps, dtype=np.float64),
        "seed": 0,
        "start": "2024-01-01T00:00:00+00:00",
        "oracle_value": 9.0,
        "oracle_bound": 9.0,
    }
    return Episode(**{**given, **changes})


def of(*episodes: Episode, **changes: Any) -> Trajectories:
    given: dict[str, Any] = {"id": ID, "keywords": {}, "layout": LAYOUT, "levels": (-1.0, 0.0, 1.0)}
    return Trajectories(episodes, **{**given, "policy": "oracle", "noise": 0.0, **changes})


def test_stacking_keeps_episodes_apart() -> None:
    both = of(episode(3), episode(2, first=100.0))
    assert len(both) == 5
    assert both.rows.shape == (7, 2)
    assert both.observations[:, 0].tolist() == [0, 2, 4, 100, 102]
    assert both.next_observations[:, 0].tolist() == [2, 4, 6, 102, 104]
    assert both.rewards.tolist() == [0, 1, 2, 100, 101]
    assert both.timeouts.tolist() == [False, False, True, False, True]
    assert both.actions.tolist() == [0] * 5 and both.advice.tolist() == [1] * 5
    assert both.before(both.rows).tobytes() == both.observations.tobytes()


@pytest.mark.parametrize(
    ("changes", "kind", "match"),
    [
        ({"rewards": np.zeros(2)}, DataError, r"observations of shape \(4, 2\)"),
        ({"rewards": np.array([0.0, np.nan, 1.0])}, NonFiniteError, r"rewards\[1\]"),
        ({"rewards": np.zeros(3, dtype=np.float32)}, DataError, "float64"),
        ({"advice": np.zeros(2, dtype=np.int64)}, DataError, "advice"),
        ({"advice": np.zeros((3, 1), dtype=np.float32)}, DataError, "advice"),
        ({"actions": np.zeros((3, 1))}, DataError, "actions of shape"),
        ({"observations": np.zeros((4, 2))}, DataError, "float32"),
        ({"observations": np.full((4, 2), np.inf, dtype=np.float32)}, NonFiniteError, r"observations\[0, 0\]"),
        ({"observations": np.zeros(4, dtype=np.float32)}, DataError, "observations"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, Any], kind: type[Exception], match: str) -> None:
    with pytest.raises(kind, match=match):
        episode(**changes)


def test_an_episode_of_no_steps_is_refused() -> None:
    with pytest.raises(DataError, match="rewards"):
        episode(0)


@pytest.mark.parametrize(
    ("changes", "match"),
    [({"layout": LAYOUT[:1]}, "2 slots"), ({"levels": None}, "discrete"), ({"levels": (0.0,)}, "action 1")],
)
def test_episodes_of_another_kind_are_refused(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(DataError, match=match):
        of(episode(), **changes)


def test_no_episodes_are_refused() -> None:
    with pytest.raises(DataError, match="0 episodes"):
        of()


def test_an_environment_that_does_not_fit_is_told_apart() -> None:
    own = gym.make(ID, actions="discrete-3", episode_steps=24)
    data = record_expert(own)
    data.check_matches(own)
    with pytest.raises(ConfigurationError, match=r"price_per_mwh\[\+23\] is only in the data"):
        data.check_matches(gym.make(ID, actions="discrete-3", horizon=23))
    with pytest.raises(ConfigurationError, match=r"actions are discrete-3 .* continuous"):
        data.check_matches(gym.make(ID))
    rescaled = tuple(slot._replace(scale=2.0 * slot.scale) for slot in data.layout)
    with pytest.raises(ConfigurationError, match="and 26 more"):
        replace(data, layout=rescaled).check_matches(own)
    with pytest.raises(ConfigurationError, match="another order"):
        replace(data, layout=data.layout[::-1]).check_matches(own)


def test_keywords_are_plain_and_make_the_same_environment() -> None:
    battery = Battery(capacity_kwh=50.0, charge_kw=20.0, discharge_kw=20.0)
    env = gym.make(ID, battery=battery, objective="joint", carbon_price=90.0, dataset="synthetic", horizon=12)
    keywords = plain_keywords(env.unwrapped)
    assert set(keywords) == {"dataset", "horizon", "scenario"}
    again = gym.make(ID, **made_keywords(keywords))
    assert again.unwrapped.scenario == env.unwrapped.scenario
    assert again.unwrapped.layout == env.unwrapped.layout


def test_what_cannot_be_kept_is_named(series: pd.DataFrame) -> None:
    keywords = plain_keywords(gym.make(ID, data=series).unwrapped)
    assert keywords == {"data": {"not kept": "a DataFrame of shape (240, 2)"}}
    with pytest.raises(ConfigurationError, match="a DataFrame of shape"):
        made_keywords(keywords)
