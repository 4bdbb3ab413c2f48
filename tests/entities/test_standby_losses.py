"""Standby losses are a figure of a day: how it is cut into steps makes no difference."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, solve
from energy_gym.entities import PumpedHydro

ID = "energy_gym/Arbitrage-v1"


def idle_day(minutes: int, battery: Battery, days: int) -> list[float]:
    """Return what is stored at the end of each day in which nothing is done [kWh]."""
    steps = days * 1440 // minutes
    index = pd.date_range("2024-03-30", periods=steps, freq=f"{minutes}min", tz="UTC")
    env = gym.make(ID, data=pd.DataFrame({"price_per_mwh": 50.0}, index), battery=battery, episode_steps=None)
    env.reset(seed=0)
    stored = [env.step(np.zeros(1))[4]["energy_kwh"] for _ in range(steps)]
    return stored[1440 // minutes - 1 :: 1440 // minutes]


@pytest.mark.parametrize("seed", range(6))
def test_a_day_loses_what_the_battery_says_whatever_the_step(seed: int) -> None:
    random = np.random.default_rng(seed)
    loss, start = float(random.uniform(0.0, 0.95)), float(random.uniform(0.1, 0.9))
    battery = Battery(self_discharge_per_day=loss, soc_initial=start)
    expected = [10.0 * start * (1.0 - loss) ** day for day in (1, 2)]
    for minutes in random.choice([5, 10, 15, 20, 30, 60, 120, 240, 480, 720], 3, replace=False):
        assert idle_day(int(minutes), battery, 2) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_finer_steps_at_the_same_prices_never_earn_less(seed: int) -> None:
    """What can be done by the hour can be done by the quarter, up to when within the hour the losses fall."""
    random = np.random.default_rng(seed)
    prices, battery = random.uniform(10.0, 200.0, 24), Battery(self_discharge_per_day=float(random.uniform(0.0, 0.5)))
    values = []
    for parts in (1, 4):
        index = pd.date_range("2024-01-01", periods=24 * parts, freq=f"{60 // parts}min", tz="UTC")
        data = pd.DataFrame({"price_per_mwh": np.repeat(prices, parts)}, index)
        env = gym.make(ID, data=data, battery=battery, episode_steps=None, terminal="free")
        env.reset(seed=0)
        values.append(solve(env).value)
    assert values[1] == pytest.approx(values[0], rel=0.05)


def test_a_reservoir_does_the_same() -> None:
    plant = PumpedHydro(100.0, 10.0, 10.0, loss_per_day=0.3)
    assert [round(plant.cell(hours).keep ** (24.0 / hours), 12) for hours in (0.25, 1.0, 6.0, 24.0)] == [0.7] * 4
