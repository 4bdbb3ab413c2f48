"""Where an episode may begin, and what is said where it may not."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from gymnasium.utils import seeding

from energy_gym.envs.starts import Starts
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


def test_a_batch_draws_long_as_each_draws_alone_and_asks_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = gym.make(ID, data=frame(60, "UTC"), episode_steps=5).unwrapped.setup
    starts, alone = Starts(setup, 3), [seeding.np_random(seed)[0] for seed in (7, 8, 9)]
    asked = np.zeros(3, dtype=int)
    refill = starts._refill

    def counted(index: int) -> None:
        asked[index] += 1
        refill(index)

    monkeypatch.setattr(starts, "_refill", counted)
    starts.seed({0: 7, 1: 8, 2: 9})
    random = np.random.default_rng(0)
    for turn in range(3000):
        which = np.flatnonzero(random.random(3) < 0.7)
        if turn % 1000 == 500:
            found, stops = starts.windows(which, {"steps": 9})
            wanted = [int(alone[index].integers(0, 480 - 9 + 1)) for index in which]
            assert (stops - found == 9).all()
        else:
            found, _ = starts.draw(which)
            wanted = [int(alone[index].integers(0, 480 - 5 + 1)) for index in which]
        assert found.tolist() == wanted
    # By blocks of 32, 128, 512 and 2048, begun anew after each of three windows that were asked for.
    assert asked.min() >= 4 and asked.max() <= 16
