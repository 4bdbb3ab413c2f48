"""Discrete levels under demand charges: between idling and the bound, near the best of every sequence, in seconds."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.contracts import DemandCharge, Tariff
from energy_gym.contracts.demand import DemandWindow
from energy_gym.entities import Consumer, Grid, Solar
from energy_gym.envs.env import EnergyEnv
from energy_gym.oracle.rounding import returns
from energy_gym.oracle.solution import idle_return
from energy_gym.oracle.solve import by_unit
from energy_gym.oracle.statement import Goal
from energy_gym.testing.optimum import check_replay


def charged(seed: int, steps: int) -> dict[str, Any]:
    """A store or a load that can be put off, under one to three demand charges that begin anew within the window."""
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-06-01T20:00", periods=steps, freq="h", tz="UTC")
    columns = {"load_kw": random.uniform(0.0, 8.0, steps), "pv_kw": random.uniform(0.0, 9.0, steps)}
    columns |= {"price_per_mwh": random.normal(60.0, 80.0, steps), "carbon_g_per_kwh": random.uniform(0, 600, steps)}
    low = float(random.uniform(0.0, 0.3))
    battery = Battery(
        capacity_kwh=float(random.uniform(2.0, 12.0)),
        charge_kw=float(random.uniform(1.0, 8.0)),
        discharge_kw=float(random.uniform(1.0, 8.0)),
        efficiency_charge=float(random.choice([1.0, random.uniform(0.6, 1.0)])),
        efficiency_discharge=float(random.choice([1.0, random.uniform(0.6, 1.0)])),
        soc_min=low,
        soc_initial=float(random.choice([low, random.uniform(low, 0.6)])),
        self_discharge_per_day=float(random.choice([0.0, random.uniform(0.0, 0.9)])),
        wear_per_kwh=float(random.choice([0.0, random.uniform(0.0, 0.1)])),
    )
    entities: dict[str, Any] = {"battery": battery, "load": Consumer()}
    if seed % 4 == 0:
        entities = {"load": Consumer(shiftable=0.5, debt_kwh=float(random.uniform(1.0, 9.0)))}
    if seed % 3 == 0:
        entities |= {"pv": Solar(curtailment="limit"), "grid": Grid(export_kw=0.0)}
    split = int(random.integers(1, 6))
    hours = ((20.0, 20.0 + split), (20.0 + split, 44.0), (0.0, 24.0))
    windows = [
        DemandWindow(f"w{place}", float(random.uniform(0.0, 0.5)), hours=((begin % 24.0, (end - 1.0) % 24.0 + 1.0),))
        for place, (begin, end) in enumerate(hours)
    ]
    kept = tuple(windows[place] for place in sorted(random.permutation(3)[: random.integers(1, 4)]))
    peaks = DemandCharge(kept, period=str(random.choice(["month", "day", "episode"])))
    supply = Tariff(sell=float(random.uniform(-20.0, 150.0)))
    objective = Objective(("cost", "joint", "carbon")[seed % 7 % 3], 100.0, ("settle", "free")[seed % 2])
    scenario = Scenario("charged", entities, {"supply": supply, "peaks": peaks}, objective=objective)
    return {"data": pd.DataFrame(columns, index), "scenario": scenario, "episode_steps": None, "horizon": 1}


def best_of_all(env: EnergyEnv, steps: int) -> float:
    """Return what the best of all sequences of levels earns from the environment's state on."""
    setup, (first, stop) = env.setup, env.steps_left
    plans = np.array(list(itertools.product(setup.levels or (), repeat=steps)))[:, :, None]
    states, goal = by_unit(setup, env.states)[0], Goal(setup.weights, setup.closings[0])
    return float(returns(setup.units[0].window(first, stop), states, goal, plans).max())


@pytest.mark.parametrize("seed", range(90))
def test_between_value_and_bound_lies_the_best_of_all_sequences(seed: int) -> None:
    count, steps = ((3, 7), (5, 4), (3, 6))[seed % 3]
    env = EnergyEnv(actions=f"discrete-{count}", **charged(seed, steps + seed % 2))
    env.reset(seed=0)
    for _ in range(seed % 2):
        env.step(count - 1)
    best, solution = best_of_all(env, steps), solve(env)
    idle = idle_return(env.setup, *env.steps_left, env.states)
    assert idle - 1e-9 <= solution.value <= best + 1e-9
    assert best <= solution.bound + 1e-9
    assert solution.value - idle >= 0.9 * (best - idle) - 1e-9
    check_replay(env, solution)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_commercial_day_reaches_most_of_what_is_possible(seed: int) -> None:
    assert reached(96, seed) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_commercial_week_reaches_most_of_what_is_possible(seed: int) -> None:
    assert reached(672, seed) > 0.8


def reached(steps: int, seed: int) -> float:
    """Return the share of the way from idling to the bound that the plan of a commercial site goes."""
    env: Any = gym.make("energy_gym/Commercial-v1", actions="discrete-5", episode_steps=steps).unwrapped
    env.reset(seed=seed)
    solution = solve(env)
    idle = idle_return(env.setup, *env.steps_left, env.states)
    check_replay(env, solution)
    return (solution.value - idle) / (solution.bound - idle)


def test_without_money_a_demand_charge_changes_nothing() -> None:
    keywords = charged(5, 6)
    keywords["scenario"] = replace(keywords["scenario"], objective=Objective("carbon"))
    env = EnergyEnv(actions="discrete-3", **keywords)
    env.reset(seed=0)
    solution = solve(env)
    assert solution.exact
    assert solution.value == pytest.approx(best_of_all(env, 6), abs=1e-9)
