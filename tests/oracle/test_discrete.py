"""Discrete levels: the best of all sequences, tried one by one in the environment, is what the oracle promises."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Objective, Scenario
from energy_gym.contracts import Tariff
from energy_gym.entities import Consumer, Grid, Solar, Wind
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.scenarios.arbitrage import ArbitrageVectorEnv

ID = "energy_gym/Arbitrage-v1"


def tiny(seed: int, steps: int) -> dict[str, Any]:
    """A random tiny problem: prices of both signs, losses, wear, standby losses, both terminals, all objectives."""
    random = np.random.default_rng(seed)
    minutes = int(random.choice([60, 30, 15]))
    index = pd.date_range("2024-03-31", periods=steps, freq=f"{minutes}min", tz="UTC")
    prices, carbon = random.normal(20.0, 80.0, steps), random.uniform(0.0, 700.0, steps)
    low = float(random.uniform(0.0, 0.3))
    battery = Battery(
        capacity_kwh=float(random.uniform(2.0, 12.0)),
        charge_kw=float(random.uniform(1.0, 12.0)),
        discharge_kw=float(random.uniform(1.0, 12.0)),
        efficiency_charge=float(random.choice([1.0, random.uniform(0.6, 1.0)])),
        efficiency_discharge=float(random.choice([1.0, random.uniform(0.6, 1.0)])),
        soc_min=low,
        soc_max=float(random.uniform(0.6, 1.0)),
        soc_initial=float(random.choice([low, random.uniform(low, 0.6)])),
        self_discharge_per_day=float(random.choice([0.0, 0.0, random.uniform(0.0, 0.9)])),
        wear_per_kwh=float(random.choice([0.0, 0.02])),
    )
    return {
        "data": pd.DataFrame({"price_per_mwh": prices, "carbon_g_per_kwh": carbon}, index=index),
        "battery": battery,
        "objective": ("cost", "carbon", "joint")[seed % 3],
        "terminal": ("settle", "free")[seed // 3 % 2],
        "carbon_price": 150.0,
        "episode_steps": None,
        "horizon": 2,
    }


def brute_force(problem: dict[str, Any], levels: int, steps: int) -> np.ndarray:
    """Return what every sequence earns, each in an environment of its own."""
    sequences = np.array(list(itertools.product(range(levels), repeat=steps)))
    batch = ArbitrageVectorEnv(len(sequences), actions=f"discrete-{levels}", autoreset="disabled", **problem)
    batch.reset(seed=0)
    total = np.zeros(len(sequences))
    for step in range(steps):
        total += batch.step(sequences[:, step])[1]
    return total


def replayed(env: Any, actions: list[Any]) -> float:
    earned = 0.0
    for step, action in enumerate(actions):
        _, reward, _, truncated, _ = env.step(action)
        earned += reward
        assert truncated == (step == len(actions) - 1)
    return earned


def pinched(seed: int, steps: int) -> dict[str, Any]:
    """A random site whose generation is cut at the export limit, with a battery that wears and hours without sun."""
    random = np.random.default_rng(seed)
    minutes = int(random.choice([60, 30, 15]))
    index = pd.date_range("2024-03-31", periods=steps, freq=f"{minutes}min", tz="UTC")
    made = random.uniform(0.0, 15.0, (2, steps)) * (random.random((2, steps)) < 0.7)
    columns = {"load_kw": random.uniform(0.0, 12.0, steps), "pv_kw": made[0], "wind_kw": made[1] / 2}
    columns |= {"price_per_mwh": random.normal(100.0, 100.0, steps), "carbon_g_per_kwh": random.uniform(0, 600, steps)}
    wearing = replace(tiny(seed, steps)["battery"], wear_per_kwh=float(random.uniform(0.0, 0.1)))
    entities: dict[str, Any] = {"battery": wearing, "load": Consumer()}
    entities |= {"pv": Solar(curtailment="limit")} | ({"wind": Wind(curtailment="limit")} if seed % 4 == 0 else {})
    limit = float(random.choice([30.0, random.uniform(12.0, 16.0)]))
    entities["grid"] = Grid(limit, float(random.choice([0.0, random.uniform(0.0, 5.0)])))
    sell = "price_per_mwh" if seed % 8 == 7 else float(random.uniform(-20.0, 150.0))
    supply = Tariff(float(random.uniform(100.0, 400.0)), sell)
    kind, end = (
        ("cost", "cost", "joint", "carbon")[seed % 4],
        ("free", "settle", "buyback", "cyclic")[seed % 3 + (seed % 9 == 2)],
    )
    objective = Objective(kind, 150.0, end)
    return {
        "data": pd.DataFrame(columns, index=index),
        "scenario": Scenario("pinched", entities, {"supply": supply}, objective=objective),
        "episode_steps": None,
        "horizon": 2,
    }


def best_sequence(problem: dict[str, Any], levels: int, steps: int) -> float:
    """Return what the best of every sequence earns, each in an environment of its own."""
    sequences = np.array(list(itertools.product(range(levels), repeat=steps)))
    batch = EnergyVectorEnv(len(sequences), actions=f"discrete-{levels}", autoreset="disabled", **problem)
    batch.reset(seed=0)
    return float(sum(batch.step(sequences[:, step])[1] for step in range(steps)).max())


@pytest.mark.parametrize("seed", range(120))
def test_best_of_all_sequences_where_generation_is_cut(seed: int) -> None:
    levels, steps = ((3, 6), (5, 4), (7, 3))[seed % 3]
    problem = pinched(seed, steps)
    best = best_sequence(problem, levels, steps)
    env = gym.make("energy_gym/Scenario-v1", actions=f"discrete-{levels}", **problem)
    env.reset(seed=0)
    solution = energy_gym.solve(env)
    assert solution.exact
    assert solution.value == pytest.approx(best, abs=1e-9)
    assert replayed(env, solution.actions) == pytest.approx(solution.value, abs=1e-9)


@pytest.mark.parametrize("seed", range(36))
def test_best_of_all_three_level_sequences(seed: int) -> None:
    problem = tiny(seed, 8)
    earned = brute_force(problem, 3, 8)
    env = gym.make(ID, actions="discrete-3", **problem)
    env.reset(seed=0)
    solution = energy_gym.solve(env)
    assert solution.exact
    assert solution.value == pytest.approx(earned.max(), abs=1e-6)
    assert solution.bound >= earned.max() - 1e-12
    assert replayed(env, solution.actions) == pytest.approx(solution.value, abs=1e-9)
    assert all(type(action) is int for action in solution.actions)


@pytest.mark.parametrize("seed", range(100, 112))
def test_best_of_all_five_level_sequences(seed: int) -> None:
    problem = tiny(seed, 5)
    earned = brute_force(problem, 5, 5)
    env = gym.make(ID, actions="discrete-5", **problem)
    env.reset(seed=0)
    solution = energy_gym.solve(env)
    assert solution.value == pytest.approx(earned.max(), abs=1e-6)
    assert solution.bound >= earned.max() - 1e-12


def test_every_sequence_in_the_single_environment() -> None:
    problem = tiny(5, 6)
    env = gym.make(ID, actions="discrete-3", **problem).unwrapped
    best = -np.inf
    for sequence in itertools.product(range(3), repeat=6):
        env.reset()
        best = max(best, replayed(env, list(sequence)))
    env.reset()
    assert energy_gym.solve(env).value == pytest.approx(best, abs=1e-6)
    assert brute_force(problem, 3, 6).max() == best


@pytest.mark.parametrize("seed", range(24))
def test_discrete_never_beats_continuous(seed: int) -> None:
    problem = tiny(seed, 12)
    env = gym.make(ID, actions="discrete-5", **problem)
    env.reset(seed=0)
    coarse = gym.make(ID, actions="discrete-3", **problem)
    coarse.reset(seed=0)
    physical = energy_gym.solve(env, continuous=True)
    free = gym.make(ID, **problem)
    free.reset(seed=0)
    assert energy_gym.solve(coarse).value <= energy_gym.solve(env).value + 1e-9
    assert energy_gym.solve(env).value <= physical.value + 1e-7
    assert physical.value == energy_gym.solve(free).value


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("actions", ["discrete-3", "discrete-5", "continuous"])
def test_in_the_middle_of_an_episode(seed: int, actions: str) -> None:
    problem = tiny(seed, 20)
    env = gym.make(ID, actions=actions, **problem)
    env.reset(seed=0)
    best = energy_gym.solve(env)
    earned = 0.0
    env.action_space.seed(seed)
    for _ in range(7):
        earned += env.step(env.action_space.sample())[1]
        assert earned + energy_gym.solve(env).value <= best.bound + 1e-6
    rest = energy_gym.solve(env)
    assert earned + replayed(env, rest.actions) == pytest.approx(earned + rest.value, abs=1e-6)
    env.reset(seed=0)
    earned = sum(env.step(action)[1] for action in best.actions[:9])
    assert earned + energy_gym.solve(env).value == pytest.approx(best.value, abs=1e-6)


def test_a_year_of_three_levels_is_exact_or_bracketed() -> None:
    env = gym.make(ID, actions="discrete-3", split="train", episode_steps=2000)
    env.reset(seed=0)
    solution = energy_gym.solve(env, time_limit=60.0)
    assert solution.bound >= solution.value
    assert solution.bound - solution.value <= 1e-3 * abs(solution.value)
    assert replayed(env, solution.actions) == pytest.approx(solution.value, abs=1e-6)


@pytest.mark.parametrize("actions", ["discrete-3", "discrete-5"])
def test_a_short_time_limit_still_gives_a_proven_bracket(actions: str) -> None:
    battery = Battery(efficiency_charge=0.93, charge_kw=3.3, discharge_kw=4.1)
    env = gym.make(ID, actions=actions, split="train", episode_steps=400, battery=battery)
    env.reset(seed=0)
    quick = energy_gym.solve(env, time_limit=0.05)
    patient = energy_gym.solve(env)
    assert quick.value <= patient.bound + 1e-6
    assert quick.bound >= patient.value - 1e-6
    assert quick.value <= quick.bound
    assert quick.exact == (quick.bound - quick.value <= 1e-6 * max(1.0, abs(quick.value)))
    assert quick.status.startswith("optimal" if quick.exact else "bracketed")
    assert replayed(env, quick.actions) == pytest.approx(quick.value, abs=1e-6)
