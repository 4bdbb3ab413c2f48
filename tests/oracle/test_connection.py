"""Sites at the limits of their connection: whatever generators meet there, the plan earns what the bound promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.contracts import Tariff
from energy_gym.entities import Consumer, Grid, Solar, Wind
from energy_gym.envs.env import EnergyEnv
from energy_gym.testing.optimum import check_models, check_replay, rolled_out

CURTAILMENTS = ("none", "limit", "action", "action")


def crowded(seed: int, steps: int = 12) -> dict[str, Any]:
    """One to three generators of any curtailment, a load and perhaps a battery behind tight limits, at any prices."""
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-06-01", periods=steps, freq="h", tz="UTC")
    columns = {name: random.uniform(0.0, 9.0, steps) * (random.random(steps) < 0.8) for name in ("pv_kw", "wind_kw")}
    columns |= {"load_kw": random.uniform(0.0, 6.0, steps), "price_per_mwh": random.normal(-20.0, 60.0, steps)}
    columns["carbon_g_per_kwh"] = random.uniform(0.0, 600.0, steps)
    made = [Solar, Wind, Solar][: int(random.integers(1, 4))]
    ways = [str(random.choice(CURTAILMENTS)) for _ in made]
    entities: dict[str, Any] = {f"made{n}": kind(curtailment=ways[n]) for n, kind in enumerate(made)}
    if "action" not in ways or random.random() < 0.7:
        entities["battery"] = Battery(
            20.0, 10.0, 10.0, soc_min=0.0, wear_per_kwh=float(random.choice([0.0, random.uniform(0.0, 0.05)]))
        )
    entities["load"] = Consumer()
    least = 9.0 * ways.count("none")
    export_kw = least + float(random.choice([0.0, random.uniform(0.0, 8.0)]))
    entities["grid"] = Grid(float(random.choice([40.0, random.uniform(6.0, 12.0)])), export_kw)
    sell = [float(random.uniform(-80.0, 40.0)), "price_per_mwh"][seed % 2]
    buy = [float(random.uniform(-60.0, 200.0)), "price_per_mwh"][seed // 2 % 2]
    objective = Objective(("cost", "cost", "joint", "carbon")[seed % 4], 50.0, ("free", "settle")[seed // 4 % 2])
    scenario = Scenario("crowded", entities, {"supply": Tariff(buy, sell)}, objective=objective)
    return {"data": pd.DataFrame(columns, index), "scenario": scenario, "episode_steps": None, "horizon": 1}


@pytest.mark.parametrize("seed", range(80))
def test_plans_at_the_limits_are_proven_and_can_be_played(seed: int) -> None:
    env = EnergyEnv(**crowded(seed))
    env.reset(seed=0)
    check_models(env, 12)
    solution = solve(env)
    assert solution.exact, (solution.value, solution.bound)
    check_replay(env, solution)
    assert rolled_out(env, solution, 300, np.random.default_rng(seed)).max() <= solution.bound + 1e-6
