"""One battery behind a meter: the value function, the model with a binary in every step, and the replay agree."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.contracts import Tariff
from energy_gym.entities import Consumer, Grid, Solar, Wind
from energy_gym.envs.env import EnergyEnv
from energy_gym.oracle.metered import metered_of
from energy_gym.oracle.pyomo_model import build_unit_model, solve_model
from energy_gym.oracle.solve import by_unit
from energy_gym.oracle.statement import Goal
from energy_gym.testing.optimum import check_replay, rolled_out


def a_home(seed: int, steps: int = 16, size: float = 1.0) -> dict[str, Any]:
    """A load, generation that may be cut, limits, and prices that cross: exports worth more, less, or below zero."""
    random = np.random.default_rng(seed)
    minutes = int(random.choice([60, 30, 15]))
    index = pd.date_range("2024-06-01", periods=steps, freq=f"{minutes}min", tz="UTC")
    made = size * random.uniform(0.0, 8.0, (2, steps)) * (random.random((2, steps)) < 0.7)
    columns = {"pv_kw": made[0], "wind_kw": made[1], "load_kw": size * random.uniform(0.0, 6.0, steps)}
    columns |= {name: random.normal(40.0, 70.0, steps) for name in ("price_per_mwh", "sell_per_mwh")}
    columns["carbon_g_per_kwh"] = random.uniform(0.0, 600.0, steps)
    low, pick = float(random.uniform(0.0, 0.3)), random.choice
    battery = Battery(
        capacity_kwh=size * float(random.uniform(2.0, 12.0)),
        charge_kw=size * float(random.uniform(1.0, 12.0)),
        discharge_kw=size * float(random.uniform(1.0, 12.0)),
        efficiency_charge=float(pick([1.0, random.uniform(0.6, 1.0)])),
        efficiency_discharge=float(pick([1.0, random.uniform(0.6, 1.0)])),
        soc_min=low,
        soc_max=float(random.uniform(0.6, 1.0)),
        soc_initial=float(pick([low, random.uniform(low, 0.6)])),
        self_discharge_per_day=float(pick([0.0, 0.0, random.uniform(0.0, 0.9)])),
        wear_per_kwh=float(pick([0.0, random.uniform(0.0, 0.1)])),
    )
    cut = ["none", "limit"][seed % 2]
    entities: dict[str, Any] = {"battery": battery, "pv": Solar(curtailment=cut), "load": Consumer()}
    entities |= {"wind": Wind(curtailment="limit")} if seed % 3 == 0 else {}
    export_kw = 8.0 * size * (cut == "none") + size * float(pick([0.0, random.uniform(0.0, 5.0)]))
    limits = [None, Grid(size * float(pick([30.0, random.uniform(6.0, 10.0)])), export_kw), Grid(export_kw=export_kw)]
    entities |= {} if limits[seed % 4 % 3] is None else {"grid": limits[seed % 4 % 3]}
    sell = ["sell_per_mwh", float(random.uniform(-50.0, 300.0)), 0.0][seed // 2 % 3]
    buy = ["price_per_mwh", float(random.uniform(-50.0, 200.0))][seed // 5 % 2]
    objective = Objective(("cost", "cost", "joint", "carbon")[seed // 7 % 4], 100.0, ("settle", "free")[seed // 3 % 2])
    scenario = Scenario("home", entities, {"supply": Tariff(buy, sell)}, objective=objective)
    return {"data": pd.DataFrame(columns, index), "scenario": scenario, "episode_steps": None, "horizon": 1}


def begun(keywords: dict[str, Any], played: int = 0, seed: int = 0) -> EnergyEnv:
    env, random = EnergyEnv(**keywords), np.random.default_rng(seed)
    env.reset(seed=0)
    for _ in range(played):
        env.step(random.uniform(-1.0, 1.0, 1))
    return env


@pytest.mark.parametrize("seed", range(100))
def test_agrees_with_a_binary_in_every_step_and_earns_it(seed: int) -> None:
    env = begun(a_home(seed), seed % 4, seed)
    unit = env.setup.units[0].window(*env.steps_left)
    states, goal = by_unit(env.setup, env.states)[0], Goal(env.setup.weights, env.setup.closings[0])
    solution = solve(env)
    assert solution.status == "optimal (value function)"
    assert solution.value == pytest.approx(solve_model(build_unit_model(unit, states, goal)), abs=1e-6)
    assert solution.bound == pytest.approx(solution.value, abs=1e-9)
    if not seed % 4:
        assert rolled_out(env, solution, 300, np.random.default_rng(seed)).max() <= solution.bound + 1e-6
    check_replay(env, solution)


@pytest.mark.parametrize("seed", range(12))
def test_the_unit_of_size_changes_nothing_but_the_unit(seed: int) -> None:
    small, large = (begun(a_home(seed, 48, size)) for size in (1.0, 1e5))
    value = solve(small).value
    assert solve(large).value / 1e5 == pytest.approx(value, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("sell", [40.0, 70.0, 300.0])
def test_a_week_of_quarter_hours_with_dear_exports_takes_about_a_second(sell: float) -> None:
    """The MILP of it took minutes: a fixed feed-in price beside a price of import that crosses it."""
    steps = 7 * 96
    index = pd.date_range("2024-06-03", periods=steps, freq="15min", tz="Europe/Berlin")
    hour, random = index.hour + index.minute / 60, np.random.default_rng(3)
    columns = {
        "price_per_mwh": 50.0 + 40.0 * np.sin((hour - 9) / 24 * 4 * np.pi) + random.normal(0.0, 8.0, steps),
        "pv_kw": np.clip(np.sin((hour - 6) / 12 * np.pi), 0.0, None) * 6.0,
        "load_kw": 0.5 + random.random(steps),
    }
    entities = {"battery": Battery(), "roof": Solar(), "load": Consumer()}
    scenario = Scenario("home", entities, {"supply": Tariff("price_per_mwh", sell)})
    env = begun({"data": pd.DataFrame(columns, index), "scenario": scenario, "episode_steps": None})
    began = time.process_time()
    solution = solve(env)
    assert time.process_time() - began < 5.0
    assert solution.exact
    check_replay(env, solution)


def test_more_than_one_battery_or_a_demand_charge_is_something_else() -> None:
    keywords = a_home(2)
    scenario = keywords["scenario"]
    two = Scenario("two", {**scenario.entities, "second": Battery()}, scenario.contracts)
    env = begun({**keywords, "scenario": two})
    goal = Goal(env.setup.weights, env.setup.closings[0])
    assert metered_of(env.setup.units[0], env.states, goal) is None
    assert solve(env).exact
