"""Time that runs out: the limit is that of the whole call, and what comes back is a bracket no worse than idling."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Scenario, solve
from energy_gym.contracts import DemandCharge, Tariff
from energy_gym.contracts.demand import DemandWindow
from energy_gym.entities import Consumer
from energy_gym.envs.env import EnergyEnv
from energy_gym.oracle.solution import idle_return
from energy_gym.testing.optimum import check_replay


def meters(count: int, seed: int, steps: int = 14 * 24) -> EnergyEnv:
    """Meters that each take a MILP some time: two batteries, dear exports and a daily demand charge."""
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-06-01", periods=steps, freq="h", tz="UTC")
    columns = {"price_per_mwh": random.normal(60.0, 60.0, steps), "load_kw": random.uniform(0.0, 6.0, steps)}
    entities: dict[str, Any] = {}
    contracts: dict[str, Any] = {}
    for number in range(count):
        own = (f"a{number}", f"b{number}", f"load{number}")
        small = Battery(capacity_kwh=float(random.uniform(2.0, 9.0)), wear_per_kwh=0.01)
        entities |= {own[0]: Battery(), own[1]: small, own[2]: Consumer()}
        contracts[f"supply{number}"] = Tariff(sell=float(random.uniform(60.0, 200.0)), parties=own)
        window = DemandWindow("any", float(random.uniform(0.05, 0.5)))
        contracts[f"peaks{number}"] = DemandCharge((window,), period="day", parties=own)
    env = EnergyEnv(data=pd.DataFrame(columns, index), scenario=Scenario("m", entities, contracts), episode_steps=None)
    env.reset(seed=0)
    return env


@pytest.mark.parametrize("limit", [0.5, 1.5])
def test_the_limit_is_that_of_all_meters_together(limit: float) -> None:
    env = meters(3, 1)
    solution = solve(env, time_limit=limit)
    assert solution.seconds < limit + 1.5  # what is not search: stating the models, replaying the plan
    assert solution.bound >= solution.value
    check_replay(env, solution)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("limit", [0.003, 0.03, 0.2])
def test_what_is_left_of_a_search_is_never_worse_than_idling(seed: int, limit: float) -> None:
    env = meters(1 + seed % 2, seed, 96)
    idle = idle_return(env.setup, *env.steps_left, env.states)
    solution = solve(env, time_limit=limit)
    assert idle - 1e-9 <= solution.value <= solution.bound
    check_replay(env, solution)


@pytest.mark.parametrize("limit", [0.005, 0.06, 0.15])
def test_a_commercial_site_in_no_time(limit: float) -> None:
    env = gym.make("energy_gym/Commercial-v1", split="test", episode_steps=960).unwrapped
    env.reset(seed=2)
    idle = idle_return(env.setup, *env.steps_left, env.states)
    assert solve(env, time_limit=limit).value >= idle


@pytest.mark.parametrize("levels", [3, 5])
@pytest.mark.parametrize("limit", [0.3, 1.5])
def test_levels_under_demand_charges_keep_the_limit(levels: int, limit: float) -> None:
    env = gym.make("energy_gym/Commercial-v1", actions=f"discrete-{levels}", episode_steps=96 * 60).unwrapped
    env.reset(seed=levels)
    idle = idle_return(env.setup, *env.steps_left, env.states)
    solution = solve(env, time_limit=limit)
    assert solution.seconds < limit * 1.1 + 1.5  # what is not search, as above
    assert idle - 1e-9 <= solution.value <= solution.bound
