"""Gates in the environment: what is due when, for which slots, over both clock changes; late bids change nothing."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym import Scenario
from energy_gym.contracts.market_presets import eu_day_ahead, india_day_ahead, india_real_time
from energy_gym.errors import (
    ActionError,
    ConfigurationError,
    MissingColumnError,
    ResetNeededError,
    UnknownIdError,
    WindowError,
)

ID = "energy_gym/Bidding-v1"


def year(producers: Any, zone: str, minutes: int, start: str = "2024-01-01", days: int = 366) -> pd.DataFrame:
    begin = pd.Timestamp(start, tz=zone)
    steps = int((begin + pd.DateOffset(days=days) - begin) / pd.Timedelta(minutes=minutes))
    frame: pd.DataFrame = producers.series(steps, minutes=minutes, start=start, zone=zone)
    return frame


@pytest.mark.parametrize("zone", ["Europe/Copenhagen", "Europe/Brussels"])
def test_a_year_of_hourly_gates(producers: Any, zone: str) -> None:
    chosen = producers.scenario(producers.PENALTIES["dual"], (eu_day_ahead(zone),))
    env = gym.make(ID, data=year(producers, zone, 60), scenario=chosen, episode_steps=None)
    _, info = env.reset()
    setup, counts = env.unwrapped.setup, {}
    idle, times = np.zeros(env.action_space.shape), setup.feed.times.tz_convert(zone)
    for step, now in enumerate(times):
        due = int(info["due"][2:].sum())
        assert (due > 0) == (now.hour == 12 and step < setup.steps - 12), now
        if due:
            tomorrow = pd.date_range(now.normalize() + pd.DateOffset(days=1), periods=2, freq="D")
            counts[str(tomorrow[0].date())] = due
            assert due == int((tomorrow[1] - tomorrow[0]) / pd.Timedelta(hours=1))
            assert times[int(setup.timetable.books[0].first[step])] == tomorrow[0]
        _, _, _, _, info = env.step(idle)
    assert counts["2024-03-31"] == 23
    assert counts["2024-10-27"] == 25
    assert len(counts) == 365
    assert env.action_space.shape == (27,)


def test_india_decides_tomorrow_and_soon_at_once(producers: Any) -> None:
    zone = "Asia/Kolkata"
    markets = (india_day_ahead(), india_real_time())
    chosen = producers.scenario(producers.PENALTIES["banded"], markets)
    data = year(producers, zone, 15, days=6)
    env = gym.make(ID, data=data, scenario=chosen, episode_steps=None)
    _, info = env.reset()
    for step in range(env.unwrapped.setup.steps - 8):
        now = env.unwrapped.setup.time(step).tz_convert(zone)
        ahead, soon = int(info["due"][2:98].sum()), int(info["due"][98:].sum())
        last = now.date() == data.index[-1].date()
        assert ahead == (96 if (now.hour, now.minute) == (14, 0) and not last else 0)
        assert soon == (2 if now.minute in (0, 30) else 0)
        action = np.zeros(100)
        if ahead:
            action[2:98] = np.linspace(-1.0, 0.9, 96)
            action[98:] = (-0.5, 0.5)
        _, _, _, _, info = env.step(action)
        if ahead:
            offered = env.unwrapped.offered()
            tomorrow = offered["day_ahead"][39 : 39 + 96]
            assert tomorrow[0] == -4000.0 and tomorrow[-1] == 1800.0 and (np.diff(tomorrow) >= 0.0).all()
            assert now.date() > data.index[0].date() or not offered["day_ahead"][:39].any()
            assert offered["real_time"][3:5].tolist() == [-2000.0, 1000.0]
            assert not offered["real_time"][:3].any()


def test_hourly_slots_on_quarter_hours(producers: Any) -> None:
    zone = "Europe/Brussels"
    chosen = producers.scenario(producers.PENALTIES["single"], (eu_day_ahead(zone),))
    data = year(producers, zone, 15, "2024-10-25", 5)
    env = gym.make(ID, data=data, scenario=chosen, episode_steps=None)
    env.reset(options={"start": pd.Timestamp("2024-10-26 12:00", tz=ZoneInfo(zone))})
    action = np.zeros(27)
    action[2:] = -np.arange(1, 26) / 40.0
    env.step(action)
    offered = env.unwrapped.offered()["day_ahead"]
    hours = offered[47 : 47 + 100].reshape(25, 4)
    np.testing.assert_allclose(hours, np.repeat(-100.0 * np.arange(1, 26)[:, None], 4, axis=1))


def test_bids_outside_their_gate_are_counted_and_change_nothing(producers: Any) -> None:
    zone = "Europe/Copenhagen"
    chosen = producers.scenario(producers.PENALTIES["dual"], (eu_day_ahead(zone),))
    data = year(producers, zone, 60, days=8)
    env = gym.make(ID, data=data, scenario=chosen, episode_steps=None)
    random = np.random.default_rng(0)
    seen = []
    for noise in (0.0, 1.0, np.nan):
        _, info = env.reset(options={"start": data.index[8]})
        trail = []
        for _ in range(60):
            action = np.zeros(27)
            action[:2] = 0.3, -0.2
            action[2:][info["due"][2:]] = -0.5
            late = ~info["due"]
            action[late] = random.uniform(-1.0, 1.0, int(late.sum())) if noise == 1.0 else noise
            observation, reward, _, _, info = env.step(action)
            trail.append((observation.tobytes(), reward))
            assert info["rejected"] == (0.0 if noise == 0.0 else float(late.sum()))
        seen.append(trail)
    assert seen[0] == seen[1] == seen[2]


def test_small_and_large_bids(producers: Any) -> None:
    chosen = producers.scenario(producers.PENALTIES["dual"], (eu_day_ahead("UTC"),))
    env = gym.make(ID, data=producers.series(96), scenario=chosen, episode_steps=None)
    env.reset(options={"start": "2024-03-01T12:00Z"})
    action = np.zeros(26)
    action[2:6] = -0.02, -0.26, 5.0, -0.0249
    info = env.step(action)[4]
    assert env.unwrapped.offered()["day_ahead"][11:15].tolist() == [0.0, -1000.0, 2000.0, 0.0]
    assert info["rejected"] == 2.0
    assert action.tolist()[2:6] == [-0.02, -0.26, 5.0, -0.0249]


def test_what_cannot_be_played(producers: Any) -> None:
    chosen = producers.scenario(producers.PENALTIES["dual"], (eu_day_ahead("UTC"),))
    env = gym.make(ID, data=producers.series(96), scenario=chosen, episode_steps=20)
    with pytest.raises(ResetNeededError):
        env.step(np.zeros(26))
    env.reset(options={"start": "2024-03-01T12:00Z"})
    action = np.zeros(26)
    action[5] = np.nan
    with pytest.raises(ActionError, match=r"day_ahead.volume\[3\].*2024-03-01T12:00"):
        env.step(action)
    with pytest.raises(ActionError, match="action of 3 numbers"):
        env.step(np.zeros(3))
    with pytest.raises(ActionError, match="must be numbers"):
        env.step(["a"] * 26)
    action[0] = np.inf
    with pytest.raises(ActionError, match="storage"):
        env.step(action)


def test_what_cannot_be_made(producers: Any) -> None:
    data, dual = producers.series(96), producers.scenario(producers.PENALTIES["dual"])
    with pytest.raises(UnknownIdError, match="eu-hourly"):
        gym.make(ID, preset="eu-hourli")
    with pytest.raises(ConfigurationError, match="exclude each other"):
        gym.make(ID, preset="eu-hourly", scenario=dual)
    with pytest.raises(ConfigurationError, match="discrete-4"):
        gym.make(ID, actions="discrete-4")
    with pytest.raises(MissingColumnError, match="settling deviations"):
        gym.make(ID, data=data.drop(columns="balancing_up_per_mwh"), scenario=dual)
    with pytest.raises(MissingColumnError, match="imbalance_per_mwh"):
        gym.make(ID, data=data[["price_per_mwh"]])
    with pytest.raises(MissingColumnError, match="market 'real_time'"):
        gym.make(ID, data=producers.series(960, minutes=15)[["price_per_mwh"]], preset="india-15min")
    with pytest.raises(ConfigurationError, match="no gate of these steps"):
        gym.make(ID, data=data.iloc[:6], scenario=producers.scenario(producers.PENALTIES["dual"], (eu_day_ahead(),)))
    with pytest.raises(ConfigurationError, match="same local days"):
        gym.make(ID, dataset="ercot-2021-2022", scenario=producers.scenario(producers.PENALTIES["linear"]))
    with pytest.raises(ConfigurationError, match="one trading"):
        gym.make(ID, data=data, scenario=Scenario())
    with pytest.raises(WindowError, match="pair of moments"):
        gym.make(ID, period="2020")
    with pytest.raises(ConfigurationError, match="storage="):
        gym.make(ID, storage="battery")
