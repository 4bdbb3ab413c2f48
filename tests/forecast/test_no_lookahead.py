"""No look-ahead: whatever was not known at a moment may be changed at will without changing anything before it.

At a step k every value that nobody can know yet is replaced by noise; observations, infos, masks, rewards and what MPC
does up to and including step k must stay the same, bit for bit.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym.agents import make_agent
from energy_gym.data import feed as feed_module
from energy_gym.data.dataset import Dataset

ID = "energy_gym/Arbitrage-v1"
ZONE = "Europe/Berlin"
STEPS = 30
MOMENTS = [0, 1, 5, 9, 10, 11, 12, 13, 15, 22, 23, 24, 25, 29]


def base_frame(seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    index = pd.date_range(pd.Timestamp("2024-03-28", tz=ZONE), periods=160, freq="h")
    columns = {
        "price_per_mwh": random.normal(40.0, 60.0, 160),
        "carbon_g_per_kwh": random.uniform(50.0, 600.0, 160),
        "forecast_carbon_g_per_kwh": random.uniform(50.0, 600.0, 160),
    }
    return pd.DataFrame(columns, index)


def corrupted(data: pd.DataFrame, now: pd.Timestamp, hours: dict[str, tuple[str, int, int]], zone: str) -> pd.DataFrame:
    """Return the data with every value replaced that is not public at ``now``."""
    random = np.random.default_rng(9)
    changed = data.copy()
    for column, (kind, hour, minute) in hours.items():
        hidden = data.index >= now
        if kind == "day-ahead":
            hidden = np.array([release(stamp, zone, hour, minute) > now for stamp in data.index])
        changed.loc[hidden, column] = random.normal(0.0, 3000.0, int(hidden.sum()))
        if column.startswith(("carbon", "forecast_carbon")):
            changed[column] = changed[column].abs()
    return changed


def release(stamp: pd.Timestamp, zone: str, hour: int, minute: int) -> pd.Timestamp:
    day = stamp.tz_convert(zone).date() - timedelta(days=1)
    return pd.Timestamp(year=day.year, month=day.month, day=day.day, hour=hour, minute=minute, tz=ZoneInfo(zone))


RULES = {
    "price_per_mwh": ("day-ahead", 13, 0),
    "carbon_g_per_kwh": ("after", 0, 0),
    "forecast_carbon_g_per_kwh": ("day-ahead", 12, 0),
}


def trail(env: Any, start: Any, moments: int, agent: Any = None) -> list[Any]:
    """Play; return all that was seen up to the observation of step ``moments`` and what the agent then did."""
    observation, info = env.reset(seed=0, options={"start": start, "steps": STEPS + 1})
    random = np.random.default_rng(2)
    seen: list[Any] = [observation.tobytes(), info]
    for _ in range(moments):
        action = agent.act(observation, info) if agent else random.uniform(-1.0, 1.0, 1)
        observation, reward, terminated, truncated, info = env.step(action)
        seen += [np.asarray(action).tobytes(), observation.tobytes(), reward, terminated, truncated, info]
    rows = {column: row.tobytes() for column, row in env.unwrapped.outlook().items()}
    return [*seen, rows, np.asarray(agent.act(observation, info)).tobytes() if agent else None]


@pytest.mark.parametrize("forecast", ["published", "yesterday", "mean"])
@pytest.mark.parametrize("objective", ["cost", "carbon", "joint"])
def test_nothing_seen_depends_on_the_unknown(forecast: str, objective: str) -> None:
    data = base_frame()
    keywords = {"forecast": forecast, "objective": objective, "horizon": 30, "reference": data}
    start = data.index[50]
    env = gym.make(ID, data=data, **keywords)
    for moment in MOMENTS:
        other = gym.make(ID, data=corrupted(data, data.index[50 + moment], RULES, ZONE), **keywords)
        assert trail(env, start, moment) == trail(other, start, moment), moment


@pytest.mark.parametrize("objective", ["cost", "carbon", "joint"])
def test_a_frame_without_reference_shows_nothing_of_its_later_rows(objective: str) -> None:
    data = base_frame()
    keywords: dict[str, Any] = {"objective": objective, "horizon": 30}
    start = data.index[50]
    env = gym.make(ID, data=data, **keywords)
    for moment in MOMENTS:
        other = gym.make(ID, data=corrupted(data, data.index[50 + moment], RULES, ZONE), **keywords)
        assert trail(env, start, moment) == trail(other, start, moment), moment


@pytest.mark.parametrize("forecast", ["published", "yesterday", "mean"])
@pytest.mark.parametrize("actions", ["continuous", "discrete-3"])
def test_mpc_does_the_same_whatever_it_cannot_know(forecast: str, actions: str) -> None:
    data = base_frame()
    keywords = {"forecast": forecast, "objective": "joint", "horizon": 24, "reference": data, "actions": actions}
    start = data.index[50]
    env = gym.make(ID, data=data, **keywords)
    for moment in MOMENTS[::2]:
        other = gym.make(ID, data=corrupted(data, data.index[50 + moment], RULES, ZONE), **keywords)
        assert trail(env, start, moment, make_agent("mpc", env)) == trail(
            other, start, moment, make_agent("mpc", other)
        )


def test_the_test_can_fail_on_a_perfect_forecast() -> None:
    data = base_frame()
    keywords = {"forecast": "perfect", "horizon": 30, "reference": data}
    env = gym.make(ID, data=data, **keywords)
    other = gym.make(ID, data=corrupted(data, data.index[55], RULES, ZONE), **keywords)
    assert trail(env, data.index[50], 5) != trail(other, data.index[50], 5)


@pytest.mark.parametrize("moment", [0, 3, 13, 14, 24])
@pytest.mark.parametrize("forecast", ["published", "yesterday", "mean"])
def test_a_real_set_shows_nothing_of_what_comes(monkeypatch: pytest.MonkeyPatch, moment: int, forecast: str) -> None:
    loaded = energy_gym.load("ercot-2021-2022")
    start = pd.Timestamp("2022-08-10T05:00Z")
    now = start + pd.Timedelta(hours=moment)
    rules = {"price_per_mwh": ("day-ahead", 13, 30)}
    nearby = loaded.frame.loc[:"2022-08-20"]
    frame = loaded.frame.copy()
    frame.loc[nearby.index] = corrupted(nearby, now, rules, "America/Chicago")
    frame.loc["2022-08-20":] = -4000.0
    changed = Dataset(loaded.card, frame, loaded.filled)
    env = gym.make(ID, split="test", forecast=forecast, horizon=40)
    seen = trail(env, start, moment, make_agent("mpc", env))
    monkeypatch.setattr(energy_gym.data, "load", lambda _: changed)
    other = gym.make(ID, split="test", forecast=forecast, horizon=40)
    assert trail(other, start, moment, make_agent("mpc", other)) == seen
    assert feed_module.open_feed("ercot-2021-2022", None, "test").values["price_per_mwh"][-1] == -4000.0


def test_a_batch_shows_nothing_of_what_comes() -> None:
    data = base_frame()
    changed = corrupted(data, data.index[60], RULES, ZONE)
    seen = []
    for frame in (data, changed):
        batch = energy_gym.make_vec(ID, 3, data=frame, reference=data, objective="joint", horizon=30)
        observations, info = batch.reset(options={"start": [data.index[50 + i] for i in range(3)], "steps": 30})
        trail_ = [observations.tobytes(), *(value.tobytes() for value in info.values())]
        for step in range(8):
            actions = np.random.default_rng(step).uniform(-1.0, 1.0, (3, 1))
            observations, gains, _, _, info = batch.step(actions)
            trail_ += [observations.tobytes(), gains.tobytes(), *(value.tobytes() for value in info.values())]
        seen.append(trail_)
    assert seen[0] == seen[1]
