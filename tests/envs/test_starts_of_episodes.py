"""Where an episode may begin, and what is said where it may not."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym.errors import WindowError

ID = "energy_gym/Arbitrage-v1"


def frame(minutes: int, zone: str) -> pd.DataFrame:
    index = pd.date_range("2024-05-01", periods=480, freq=f"{minutes}min", tz=zone)
    return pd.DataFrame({"price_per_mwh": np.arange(480.0)}, index)


@pytest.mark.parametrize("seed", range(6))
def test_a_start_within_a_step_is_told_its_neighbours(seed: int) -> None:
    random = np.random.default_rng(seed)
    minutes, at = int(random.choice([15, 30, 60])), int(random.integers(0, 470))
    data = frame(minutes, "Europe/Berlin")
    env = gym.make(ID, data=data, episode_steps=5)
    start = data.index[at] + pd.Timedelta(minutes=float(random.uniform(1.0, minutes - 1.0)))
    with pytest.raises(WindowError, match="lies within a step") as caught:
        env.reset(options={"start": start})
    for near in (at, at + 1):
        stamp = data.index[near].tz_convert("UTC")
        assert stamp.isoformat() in caught.value.remedy
        env.reset(options={"start": stamp})


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Chicago", "Asia/Kolkata", "UTC"])
def test_a_moment_without_a_zone_is_local_as_a_period_is(zone: str) -> None:
    data = frame(30, zone)
    env = gym.make(ID, data=data, episode_steps=5).unwrapped
    env.reset(options={"start": "2024-05-03T06:00"})
    assert env.time == pd.Timestamp("2024-05-03T06:00", tz=zone)
    narrowed = gym.make(ID, data=data, episode_steps=None, period=("2024-05-03T06:00", "2024-05-04")).unwrapped
    narrowed.reset()
    assert narrowed.time == pd.Timestamp("2024-05-03T06:00", tz=zone)


@pytest.mark.parametrize("start", ["2024-04-30T00:00Z", "2025-01-01", "2024-05-11T00:30"])
def test_a_start_outside_the_data(start: str) -> None:
    with pytest.raises(WindowError, match="must be a step of the split"):
        gym.make(ID, data=frame(30, "UTC"), episode_steps=5).reset(options={"start": start})
