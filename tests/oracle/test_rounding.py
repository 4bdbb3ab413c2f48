"""Levels tried many at a time come to the plan of trying them one by one, to the last level."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Scenario
from energy_gym.arrays import Floats
from energy_gym.contracts import DemandCharge, DemandWindow, Tariff
from energy_gym.entities import Consumer
from energy_gym.envs.env import EnergyEnv
from energy_gym.oracle import rounding
from energy_gym.oracle.rounding import improved, returns
from energy_gym.oracle.statement import Goal

COMMERCIAL = {"id": "energy_gym/Commercial-v1", "episode_steps": 48, "actions": "discrete-5"}


def problem(steps: int, seed: int) -> tuple[Any, tuple[float, ...], Goal, tuple[float, ...]]:
    """Return a commercial site's window, its states, what is maximised, and levels."""
    env: Any = gym.make(**{**COMMERCIAL, "episode_steps": steps}).unwrapped
    env.reset(seed=seed)
    setup, (first, stop) = env.setup, env.steps_left
    unit = setup.units[0].window(first, stop)
    return unit, tuple(env.states), Goal(setup.weights, setup.closings[0]), setup.levels


def one_by_one(unit: Any, states: Any, goal: Goal, levels: tuple[float, ...], plan: Floats) -> Floats:
    """Return what two sweeps of trying each level alone make of a plan of levels."""
    grid = np.array(levels)
    for _ in range(2):
        for step, control in np.ndindex(*plan.shape):
            tries = np.repeat(plan[None], len(grid), axis=0)
            tries[:, step, control] = grid
            plan = tries[int(np.argmax(returns(unit, states, goal, tries)))]
    return plan


@pytest.mark.parametrize("tries", [1, 7, 512])
@pytest.mark.parametrize("seed", [0, 3])
def test_many_at_a_time_are_as_one_by_one(seed: int, tries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    unit, states, goal, levels = problem(32, seed)
    monkeypatch.setattr(rounding, "MOST_TRIES", tries)
    start = np.zeros((len(unit), 1))
    found = improved(unit, states, goal, levels, start)
    assert np.array_equal(found, one_by_one(unit, states, goal, levels, start))
    assert not np.array_equal(found, start)


def test_levels_without_zero() -> None:
    """A plan that does nothing, which no level is, is left for levels at the first step that is tried."""
    unit, states, goal, _ = problem(16, 1)
    levels = (-0.5, 0.5)
    found = improved(unit, states, goal, levels, np.zeros((len(unit), 1)))
    assert set(np.unique(found)) <= set(levels)


def test_several_controls_take_turns_within_a_step() -> None:
    random = np.random.default_rng(2)
    index = pd.date_range("2024-06-01", periods=12, freq="h", tz="UTC")
    data = pd.DataFrame(
        {"price_per_mwh": random.normal(60.0, 60.0, 12), "load_kw": random.uniform(0.0, 6.0, 12)}, index
    )
    small = Battery(capacity_kwh=4.0, wear_per_kwh=0.01)
    entities = {"large": Battery(), "small": small, "load": Consumer()}
    contracts = {
        "supply": Tariff(sell=60.0, parties=tuple(entities)),
        "peaks": DemandCharge((DemandWindow("any", 0.3),), period="day", parties=tuple(entities)),
    }
    env = EnergyEnv(data=data, scenario=Scenario("two", entities, contracts), episode_steps=None)
    env.reset(seed=0)
    unit, goal = env.setup.units[0], Goal(env.setup.weights, env.setup.closings[0])
    levels = (-1.0, -0.5, 0.0, 0.5, 1.0)
    start = np.zeros((len(unit), 2))
    found = improved(unit, tuple(env.states), goal, levels, start)
    assert np.array_equal(found, one_by_one(unit, tuple(env.states), goal, levels, start))
