"""Continuous power: three independent statements of the optimum agree, and no policy beats them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery
from energy_gym.oracle.milp import solve_milp
from energy_gym.oracle.problem import problem_now
from energy_gym.oracle.pyomo_model import build_model, solve_model
from energy_gym.scenarios.arbitrage import ArbitrageVectorEnv

ID = "energy_gym/Arbitrage-v1"


def small(seed: int, steps: int = 24, mean: float = 15.0) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-03-31", periods=steps, freq="30min", tz="UTC")
    prices, carbon = random.normal(mean, 70.0, steps), random.uniform(0.0, 700.0, steps)
    low = float(random.uniform(0.0, 0.3))
    battery = Battery(
        capacity_kwh=float(random.uniform(2.0, 12.0)),
        charge_kw=float(random.uniform(1.0, 12.0)),
        discharge_kw=float(random.uniform(1.0, 12.0)),
        efficiency_charge=float(random.uniform(0.6, 1.0)),
        efficiency_discharge=float(random.uniform(0.6, 1.0)),
        soc_min=low,
        soc_max=float(random.uniform(0.6, 1.0)),
        soc_initial=float(random.choice([low, random.uniform(low, 0.6)])),
        self_discharge_per_day=float(random.choice([0.0, random.uniform(0.0, 0.9)])),
        wear_per_kwh=float(random.choice([0.0, 0.02])),
    )
    return {
        "data": pd.DataFrame({"price_per_mwh": prices, "carbon_g_per_kwh": carbon}, index=index),
        "battery": battery,
        "objective": ("cost", "carbon", "joint")[seed % 3],
        "terminal": ("settle", "free")[seed // 3 % 2],
        "carbon_price": 100.0,
        "episode_steps": None,
        "horizon": 2,
    }


def started(problem: dict[str, Any]) -> Any:
    env = gym.make(ID, **problem)
    env.reset(seed=0)
    return env


def by_hand(env: Any, problem: dict[str, Any], exclusive: bool = True) -> float:
    """The model written down a second time, from the words of the design, with a binary in every step."""
    import pyomo.environ as pyo

    data, cell = problem["data"], problem["battery"]
    hours = float((data.index[1] - data.index[0]).total_seconds()) / 3600.0
    money, carbon = {"cost": (1.0, 0.0), "carbon": (0.0, 1.0), "joint": (1.0, 0.1)}[problem["objective"]]
    worth = (money * data["price_per_mwh"] / 1e3 + carbon * data["carbon_g_per_kwh"] / 1e3).tolist()
    end = float(np.mean(worth)) if problem["terminal"] == "settle" else 0.0
    model, steps = pyo.ConcreteModel(), range(len(data))
    model.up = pyo.Var(steps, bounds=(0.0, cell.charge_kw * hours))
    model.down = pyo.Var(steps, bounds=(0.0, cell.discharge_kw * hours))
    model.stored = pyo.Var(steps, bounds=(0.0, cell.soc_max * cell.capacity_kwh))
    model.mode = pyo.Var(steps, domain=pyo.Binary)
    model.rules = pyo.ConstraintList()
    before: Any = cell.soc_initial * cell.capacity_kwh
    for t in steps:
        kept = before * (1.0 - cell.self_discharge_per_day) ** (hours / 24.0)
        after = kept + cell.efficiency_charge * model.up[t] - model.down[t] / cell.efficiency_discharge
        model.rules.add(model.stored[t] == after)
        if exclusive:
            model.rules.add(model.up[t] <= cell.charge_kw * hours * model.mode[t])
            model.rules.add(model.down[t] <= cell.discharge_kw * hours * (1 - model.mode[t]))
            model.rules.add(model.stored[t] >= cell.soc_min * cell.capacity_kwh * (1 - model.mode[t]))
        before = model.stored[t]
    gain = sum(worth[t] * (model.down[t] - model.up[t]) - money * cell.wear_per_kwh * model.down[t] for t in steps)
    gain += end * (model.stored[len(data) - 1] - cell.soc_initial * cell.capacity_kwh)
    model.gain = pyo.Objective(expr=gain, sense=pyo.maximize)
    pyo.SolverFactory("appsi_highs").solve(model, options={"mip_rel_gap": 1e-9, "mip_abs_gap": 1e-9})
    return float(pyo.value(model.gain))


@pytest.mark.parametrize("seed", range(24))
def test_all_statements_agree_and_the_plan_earns_it(seed: int) -> None:
    problem = small(seed)
    env = started(problem)
    solution = energy_gym.solve(env)
    model = solve_model(build_model(problem_now(env.unwrapped)))
    flows, bound = solve_milp(problem_now(env.unwrapped))
    assert solution.exact, solution.status
    assert solution.value == pytest.approx(model, abs=1e-6)
    assert solution.value == pytest.approx(bound, abs=1e-6)
    assert flows.shape == (24,)
    earned = [env.step(action) for action in solution.actions]
    assert sum(step[1] for step in earned) == pytest.approx(solution.value, abs=1e-6)
    assert max(step[4]["cost"] for step in earned) < 1e-6
    assert earned[-1][3]


@pytest.mark.parametrize("seed", range(12))
def test_a_model_written_down_a_second_time_agrees(seed: int) -> None:
    problem = small(seed)
    env = started(problem)
    assert energy_gym.solve(env).value == pytest.approx(by_hand(env, problem), abs=1e-6)


def test_charging_and_discharging_at_once_would_promise_too_much() -> None:
    problem = small(0, mean=-60.0) | {"objective": "cost"}
    env = started(problem)
    value = energy_gym.solve(env).value
    assert value == pytest.approx(by_hand(env, problem), abs=1e-6)
    assert by_hand(env, problem, exclusive=False) > value + 1e-3


@pytest.mark.parametrize("seed", range(12))
def test_no_random_policy_beats_it(seed: int) -> None:
    problem = small(seed, steps=10)
    env = started(problem)
    solution = energy_gym.solve(env)
    random = np.random.default_rng(seed)
    batch = ArbitrageVectorEnv(3000, autoreset="disabled", **problem)
    batch.reset(seed=0)
    wishes = np.array(solution.actions).reshape(1, -1).repeat(3000, axis=0)
    wild = random.uniform(-1.2, 1.2, wishes.shape)
    wishes[:1000] += random.normal(0.0, 0.05, wishes[:1000].shape)
    wishes[1000:2000] = np.where(random.random((1000, 10)) < 0.15, wild[1000:2000], wishes[1000:2000])
    wishes[2000:] = np.where(random.random((1000, 10)) < 0.5, np.sign(wild[2000:]), wild[2000:])
    total = np.zeros(3000)
    for step in range(10):
        total += batch.step(wishes[:, step : step + 1])[1]
    assert total.max() <= solution.value + 1e-6
    assert total.max() > -np.inf


@pytest.mark.parametrize("seed", range(6))
def test_no_rule_beats_it(seed: int) -> None:
    problem = small(seed, steps=48)
    solution = energy_gym.solve(started(problem))
    prices = problem["data"]["price_per_mwh"].to_numpy()
    levels = np.quantile(prices, np.linspace(0.0, 1.0, 21))
    low, high = (grid.ravel() for grid in np.meshgrid(levels, levels))
    batch = ArbitrageVectorEnv(len(low), autoreset="disabled", **problem)
    batch.reset(seed=0)
    total = np.zeros(len(low))
    for price in prices:
        total += batch.step(np.where(price <= low, 1.0, np.where(price >= high, -1.0, 0.0))[:, None])[1]
    assert total.max() <= solution.value + 1e-6


def test_losses_are_worth_money_at_negative_prices_but_only_in_turns() -> None:
    """Giving out 5 * 0.81 kWh makes room for taking in 5 kWh: the difference is burnt, at 100 a MWh paid."""
    index = pd.date_range("2024-01-01", periods=2, freq="h", tz="UTC")
    data = pd.DataFrame({"price_per_mwh": [-100.0, -100.0]}, index=index)
    battery = Battery(10, 5, 5, 0.9, 0.9, 0.0, 1.0, 1.0)
    env = gym.make(ID, data=data, battery=battery, episode_steps=None, terminal="free")
    env.reset()
    solution = energy_gym.solve(env)
    assert solution.value == pytest.approx(0.5 - 0.405, abs=1e-9)
    np.testing.assert_allclose(np.ravel(solution.actions), [-0.81, 1.0])


@pytest.mark.parametrize("limit", [0.01, 1.0])
def test_a_time_limit_gives_a_proven_bracket(limit: float) -> None:
    problem = small(2, steps=600, mean=-20.0)
    problem["battery"] = Battery(8, 3, 4, 0.8, 0.85, 0.1, 0.9, 0.5, self_discharge_per_day=0.1)
    env = started(problem)
    quick = energy_gym.solve(env, time_limit=limit)
    patient = energy_gym.solve(env)
    assert quick.value <= patient.bound + 1e-6
    assert quick.bound >= patient.value - 1e-6
    assert quick.exact == (quick.bound - quick.value <= 1e-6 * max(1.0, abs(quick.value)))
    assert sum(env.step(action)[1] for action in quick.actions) == pytest.approx(quick.value, abs=1e-6)
