"""The exact value functions against Pyomo with all binaries, against the environment, and against each other."""

from __future__ import annotations

import dataclasses
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_gym import Battery, solve
from energy_gym.entities.battery import next_energy
from energy_gym.oracle import value_function
from energy_gym.oracle.milp import solve_milp
from energy_gym.oracle.problem import Problem, problem_now
from energy_gym.oracle.pyomo_model import build_model, solve_model
from energy_gym.oracle.solve import best_power

LEAKS = (0.0, 0.001, 0.01, 0.3, 0.9)
HOURS = st.floats(-150.0, 250.0)


def draw_battery(rng: np.random.Generator, leaks: tuple[float, ...] = LEAKS) -> Battery:
    low, high = rng.uniform(0.0, 0.4) * rng.integers(0, 2), rng.uniform(0.6, 1.0)
    return Battery(
        capacity_kwh=rng.uniform(2.0, 20.0),
        charge_kw=rng.uniform(0.3, 8.0),
        discharge_kw=rng.uniform(0.3, 8.0),
        efficiency_charge=rng.choice([1.0, rng.uniform(0.6, 1.0)]),
        efficiency_discharge=rng.choice([1.0, rng.uniform(0.6, 1.0)]),
        soc_min=low,
        soc_max=high,
        soc_initial=rng.choice([low, high, rng.uniform(low, high)]),
        self_discharge_per_day=rng.choice(leaks),
        wear_per_kwh=rng.choice([0.0, rng.uniform(0.0, 0.05)]),
    )


def draw_series(rng: np.random.Generator, steps: int, mean: float = 20.0) -> pd.DataFrame:
    index = pd.date_range("2021-01-01", periods=steps, freq="h", tz="UTC")
    carbon = rng.uniform(0.0, 600.0, steps)
    return pd.DataFrame({"price_per_mwh": rng.normal(mean, 60.0, steps), "carbon_g_per_kwh": carbon}, index=index)


def make_env(rng: np.random.Generator, steps: int, **more: Any) -> Any:
    keywords: dict[str, Any] = {
        "data": draw_series(rng, steps + 20),
        "battery": draw_battery(rng),
        "objective": rng.choice(["cost", "carbon", "joint"]).item(),
        "carbon_price": float(rng.uniform(0.0, 200.0)),
        "terminal": rng.choice(["settle", "free"]).item(),
        "episode_steps": steps,
    }
    return gym.make("energy_gym/Arbitrage-v1", **(keywords | more))


def draw_problem(rng: np.random.Generator, steps: int, leaks: tuple[float, ...] = LEAKS) -> Problem:
    battery = draw_battery(rng, leaks)
    price = rng.normal(rng.choice([0.02, -0.03]), 0.06, steps)
    end_value = rng.choice([0.0, rng.uniform(-0.05, 0.1)])
    sell = price - battery.wear_per_kwh
    return Problem(battery.cell(1.0), price, sell, battery.energy_initial_kwh, end_value)


@pytest.mark.parametrize("seed", range(60))
def test_equals_pyomo_with_all_binaries_and_the_replay_earns_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    env = make_env(rng, int(rng.integers(2, 11)))
    env.reset(seed=seed)
    solution = solve(env)
    assert solution.value == pytest.approx(solve_model(build_model(problem_now(env.unwrapped))), abs=1e-7)
    assert solution.exact
    assert solution.bound >= solution.value
    assert "value" in solution.status
    earned = sum(env.step(action)[1] for action in solution.actions)
    assert earned == pytest.approx(solution.value, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    prices=st.lists(HOURS, min_size=1, max_size=6),
    leak=st.floats(0.001, 0.95),
    wear=st.sampled_from([0.0, 0.03]),
    end_value=st.sampled_from([0.0, 0.04, -0.02]),
    share=st.floats(0.0, 1.0),
)
def test_any_prices_from_any_energy_equal_pyomo(
    prices: list[float], leak: float, wear: float, end_value: float, share: float
) -> None:
    cell = Battery(self_discharge_per_day=leak, soc_min=0.3, charge_kw=2.0, wear_per_kwh=wear).cell(1.0)
    buy = np.array(prices) / 1000.0
    problem = Problem(cell, buy, buy - wear, share * cell.energy_max, end_value)
    curves = value_function.value_functions(problem)
    assert curves is not None
    found = value_function.value_at(curves[0], problem.energy)
    # HiGHS itself is good for some 1e-6 only: binaries count as whole within that, and plans as optimal.
    assert found == pytest.approx(solve_model(build_model(problem)), abs=2e-6)


@pytest.mark.parametrize("seed", range(20))
def test_value_at_is_what_a_solution_restarted_there_earns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    env = make_env(rng, 30, actions="continuous", battery=draw_battery(rng, (0.01, 0.5)))
    env.reset(seed=seed)
    problem = problem_now(env.unwrapped)
    curves = value_function.value_functions(problem)
    assert curves is not None
    for step in range(29):
        env.step(rng.uniform(-1.0, 1.0, 1).astype(np.float32))
        expected = value_function.value_at(curves[step + 1], env.unwrapped.energy_kwh) + problem.constant
        assert solve(env).value == pytest.approx(expected, abs=1e-9)


def test_no_random_policy_earns_more() -> None:
    rng = np.random.default_rng(5)
    battery = Battery(self_discharge_per_day=0.2, soc_min=0.2)
    env = make_env(rng, 48, actions="continuous", battery=battery, objective="cost")
    env.reset(seed=5)
    solution, start = solve(env), env.unwrapped.time
    for _ in range(50):
        env.reset(options={"start": start, "steps": 48})
        earned = sum(env.step(rng.uniform(-1.0, 1.0, 1).astype(np.float32))[1] for _ in range(48))
        assert earned <= solution.value + 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_vanishing_self_discharge_approaches_none(seed: int) -> None:
    problem = draw_problem(np.random.default_rng(seed), 100, leaks=(0.0,))
    _, exact, _ = best_power(problem)
    gaps = []
    for leak in (1e-3, 1e-5, 1e-7, 1e-12):
        _, bound, _ = best_power(dataclasses.replace(problem, cell=problem.cell._replace(keep=1.0 - leak)))
        gaps.append(abs(bound - exact))
    assert gaps[0] > gaps[2]
    assert gaps[1] < 100.0 * gaps[0]
    assert gaps[2] < 1e-4
    assert gaps[3] < 1e-8


@pytest.mark.parametrize("seed", range(3))
def test_a_week_equals_the_milp(seed: int) -> None:
    problem = draw_problem(np.random.default_rng(seed), 168, leaks=(0.01, 0.1))
    _, bound, method = best_power(problem)
    assert method == "value function"
    flows, proven = solve_milp(problem, 20.0)
    earned = float(np.where(flows > 0.0, -problem.buy, -problem.sell) @ flows)
    assert len(flows) == 168
    assert bound <= proven + 1e-6
    assert bound >= earned + problem.end_value * _end_of(problem, flows) - 1e-6


def _end_of(problem: Problem, flows: Any) -> float:
    energy = problem.energy
    for flow in flows.tolist():
        energy = next_energy(energy, max(flow, 0.0), max(-flow, 0.0), problem.cell)
    return energy


@pytest.mark.parametrize("leak", [0.01, 0.5])
def test_plan_earns_the_value_over_a_long_window_and_knots_stay_few(leak: float) -> None:
    rng = np.random.default_rng(8)
    battery = Battery(self_discharge_per_day=leak, charge_kw=0.8, discharge_kw=1.5, efficiency_charge=0.8)
    env = make_env(rng, 2000, battery=battery, data=draw_series(rng, 2000, mean=-10.0), terminal="settle")
    env.reset(seed=0)
    solution = solve(env)
    assert solution.value == pytest.approx(solution.bound, abs=1e-8)
    curves = value_function.value_functions(problem_now(env.unwrapped))
    assert curves is not None
    assert max(len(curve.knots) for curve in curves) < 60


def test_too_many_knots_are_refused() -> None:
    problem = draw_problem(np.random.default_rng(3), 50, leaks=(0.0,))
    assert value_function.value_functions(problem, max_knots=2) is None


def test_best_power_falls_back_and_keeps_the_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = draw_problem(np.random.default_rng(11), 8, leaks=(0.0,))
    bounds = {best_power(problem)[2]: best_power(problem)[1]}
    monkeypatch.setattr(value_function, "value_functions", lambda problem: None)
    bounds[best_power(problem)[2]] = best_power(problem)[1]
    assert set(bounds) == {"value function", "MILP"}
    assert np.ptp(list(bounds.values())) < 1e-7


def test_by_hand_two_hours_of_leakage_below_the_limit() -> None:
    cell = Battery(10.0, 5.0, 5.0, 1.0, 1.0, soc_min=0.5, self_discharge_per_day=1.0 - 0.99**24).cell(1.0)
    problem = Problem(cell, np.array([1.0, 3.0]), np.array([1.0, 3.0]), energy=5.0, end_value=0.0)
    # 5.0 leaks to 4.95; charging 4.05 to the top of 9.0 at 1.0 leaves 8.91, of which 3.91 can be sold at 3.0.
    _, bound, _ = best_power(problem)
    assert bound == pytest.approx(3.91 * 3.0 - 4.05, abs=1e-12)
