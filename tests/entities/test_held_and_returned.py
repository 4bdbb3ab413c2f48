"""A store that is held to hard targets also ends where it began; so does one that ages by the depth of its cycles."""

from __future__ import annotations

from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.contracts import Spot
from energy_gym.entities import AgeingBattery, Consumer, ElectricVehicle, StorageTarget
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.oracle.pyomo_model import build_unit_model, solve_model
from energy_gym.oracle.rounding import returns
from energy_gym.oracle.statement import Goal
from energy_gym.testing import check_scenario

ZONE = "Europe/Berlin"
PLAIN = Battery(10.0, 2.5, 4.0, 0.9, 0.95, 0.1, 0.9, 0.5, 0.05)
AGEING = AgeingBattery(10.0, 2.5, 4.0, 0.9, 0.95, 0.1, 0.9, 0.5, 0.05, segments=3, replacement_per_kwh=900.0)
FULL = StorageTarget("store", 0.9, "07:00")
FLOOR = StorageTarget("store", 0.3, "24:00")


def frame(steps: int, seed: int, start: str = "2024-03-30") -> pd.DataFrame:
    random = np.random.default_rng(seed)
    index = pd.date_range(start, periods=steps, freq="h", tz=ZONE)
    columns = {"price_per_mwh": random.normal(50.0, 60.0, steps), "load_kw": random.uniform(0.0, 3.0, steps)}
    return pd.DataFrame(columns, index)


def site(store: Any, *targets: StorageTarget, terminal: str = "cyclic", **more: Any) -> Scenario:
    aims = {f"aim{number}": target for number, target in enumerate(targets)}
    entities = {"store": store, "load": Consumer(), **aims, **more}
    return Scenario("held", entities, {"spot": Spot()}, objective=Objective(terminal=terminal))


def made(scenario: Scenario, data: pd.DataFrame, **keywords: Any) -> EnergyEnv:
    given = {"data": data, "published": "at-start", "zone": ZONE, "episode_steps": None, **keywords}
    env: EnergyEnv = gym.make("energy_gym/Scenario-v1", scenario=scenario, disable_env_checker=True, **given).unwrapped
    return env


def stated(env: EnergyEnv) -> float:
    """Return the optimum as Pyomo states it."""
    (unit,), setup = env.setup.units, env.setup
    return solve_model(build_unit_model(unit, env.states, Goal(setup.weights, setup.closings[0])))


@pytest.mark.parametrize("store", [PLAIN, AGEING])
@pytest.mark.parametrize("way", [-1.0, 0.0, 1.0, None])
def test_targets_are_met_and_the_start_is_come_back_to_whatever_is_wished(store: Any, way: float | None) -> None:
    env = made(site(store, FULL, FLOOR), frame(40, 0))
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(40):
        hour = (env.time.tz_convert(ZONE) + pd.Timedelta(hours=1)).hour
        *_, info = env.step(env.action_space.sample() if way is None else [way])
        assert info["energy_kwh"] >= {7: 9.0, 0: 3.0}.get(hour, 0.0) - 1e-9
    assert env.energy_kwh == pytest.approx(5.0, abs=1e-9)


def test_the_end_comes_first_and_what_a_target_then_misses_is_told() -> None:
    """By hand: 9 kWh are due an hour before the end, from which 2 kW come back to 5 from no more than 7."""
    store = Battery(10.0, 2.5, 2.0, 0.9, 1.0, 0.0, 0.9, 0.5)
    env = made(site(store, FULL), frame(60, 0, "2024-05-01"), episode_steps=32)
    env.reset(options={"start": "2024-05-01T00:00", "steps": 32})
    missed = [env.step([-1.0])[4]["missed_kwh"] for _ in range(32)]
    assert missed[30] == pytest.approx(2.0)
    assert sum(missed) == pytest.approx(2.0)
    assert env.energy_kwh == pytest.approx(5.0)


@pytest.mark.parametrize("store", [PLAIN, AGEING])
@pytest.mark.parametrize("seed", range(3))
def test_the_oracle_is_the_best_that_can_be_played(store: Any, seed: int) -> None:
    env = made(site(store, FULL, FLOOR), frame(31 + seed, seed))
    env.reset()
    solution, steps = solve(env), 31 + seed
    assert solution.exact
    assert solution.value == pytest.approx(stated(env), abs=1e-6)
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)
    plans = np.random.default_rng(seed).uniform(-1.0, 1.0, (200, steps, 1))
    goal = Goal(env.setup.weights, env.setup.closings[0])
    assert returns(env.setup.units[0], env.setup.started(steps), goal, plans).max() <= solution.bound + 1e-6


def test_levels_are_the_best_of_all_sequences() -> None:
    target = StorageTarget("store", 0.7, "04:00")
    for seed, store in product(range(2), (PLAIN, AGEING)):
        env = made(site(store, target), frame(6, seed), actions="discrete-3")
        env.reset()
        solution = solve(env)
        plans = np.array(list(product((-1.0, 0.0, 1.0), repeat=6)))[..., None]
        goal = Goal(env.setup.weights, env.setup.closings[0])
        best = returns(env.setup.units[0], env.setup.started(6), goal, plans).max()
        assert solution.value <= best + 1e-6
        assert best <= solution.bound + 1e-6
        assert not solution.exact or solution.value == pytest.approx(best, abs=1e-6)


def test_a_window_that_no_episode_could_keep_both_in_is_refused() -> None:
    """Every episode of eight hours ends with the target, above what it may end with."""
    due = StorageTarget("store", 0.9, "08:00")
    with pytest.raises(ConfigurationError, match=r"4\.000 kWh short at a hard target"):
        made(site(PLAIN, due), frame(8, 0))


@pytest.mark.parametrize("scenario", [site(PLAIN, FULL), site(AGEING, FULL), site(AGEING, terminal="cyclic")])
def test_all_that_the_suite_promises_holds(scenario: Scenario) -> None:
    check_scenario(scenario, frame(60, 1))


def test_an_ageing_store_is_led_back_from_outside_its_limits() -> None:
    store = AgeingBattery(10.0, 2.5, 4.0, 1.0, 1.0, 0.2, 0.9, 0.0, segments=3)
    env = made(site(store, terminal="settle"), frame(6, 0))
    env.reset()
    assert env.step([-1.0])[4]["energy_kwh"] == pytest.approx(2.0)
    assert solve(env).exact


def test_a_vehicle_is_not_silently_left_where_it_is() -> None:
    data = frame(24, 0).assign(ev_hours_left=0.0, ev_arrival_kwh=0.0, ev_need_kwh=0.0)
    with pytest.raises(ConfigurationError, match=r"entities\.car: terminal='cyclic': .*comes and goes"):
        made(site(PLAIN, car=ElectricVehicle()), data)
