"""A store that starts outside its limits is led back at rated power, and the oracle finds the best of it."""

from __future__ import annotations

from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.contracts import Spot
from energy_gym.entities import Consumer, FadingBattery, Grid, LimitedBattery, PumpedHydro, StorageTarget
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, EnergyGymError
from energy_gym.oracle.pyomo_model import build_unit_model, solve_model
from energy_gym.oracle.rounding import returns
from energy_gym.oracle.statement import Goal
from energy_gym.testing import check_scenario

ZONE = "Europe/Berlin"
KINDS: dict[Any, dict[str, float]] = {Battery: {}, FadingBattery: {"fade_per_kwh": 0.02}, LimitedBattery: {}}


def frame(steps: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-03-01", periods=steps, freq="h", tz=ZONE)
    columns = {"price_per_mwh": random.normal(20.0, 80.0, steps), "load_kw": random.uniform(0.0, 3.0, steps)}
    return pd.DataFrame(columns, index)


def site(store: Any, terminal: str = "settle", **more: Any) -> Scenario:
    return Scenario("led", {"battery": store, **more}, {"spot": Spot()}, objective=Objective(terminal=terminal))


def made(scenario: Scenario, steps: int = 24, seed: int = 0, **keywords: Any) -> EnergyEnv:
    env = EnergyEnv(
        scenario=scenario, data=frame(steps, seed), published="at-start", zone=ZONE, episode_steps=None, **keywords
    )
    env.reset()
    return env


def a_store(kind: Any, start: float, leak: float = 0.0) -> Any:
    return kind(10.0, 0.7, 0.8, 0.9, 0.95, 0.1, 0.9, start, leak, **KINDS[kind])


def goal_of(env: EnergyEnv) -> Goal:
    return Goal(env.setup.weights, env.setup.closings[0])


@pytest.mark.parametrize(("start", "wish"), [(0.0, -1.0), (0.0, 0.0), (1.0, 1.0), (1.0, 0.0)])
def test_it_is_led_back_at_rated_power_whatever_is_wished(start: float, wish: float) -> None:
    """By hand: 0.63 kWh stored an hour from empty, 0.8 / 0.95 taken from full; then the limit."""
    env = made(site(Battery(10.0, 0.7, 0.8, 0.9, 0.95, 0.1, 0.9, start)))
    seen = [env.step([wish])[4] for _ in range(4)]
    by_hand = [0.63, 1.0, 1.0, 1.0] if start == 0.0 else [10.0 - 0.8 / 0.95, 9.0, 9.0, 9.0]
    assert [info["energy_kwh"] for info in seen] == pytest.approx(by_hand)
    refused = (0.7 if start == 0.0 else 0.8) + abs(wish) * (0.8 if start == 0.0 else 0.7)
    assert seen[0]["cost"] == pytest.approx(refused)


def test_more_than_leads_back_is_free_to_be_wished() -> None:
    env = made(site(Battery(10.0, 5.0, 5.0, 1.0, 1.0, 0.1, 0.9, 0.05)))
    assert env.step([0.8])[4]["energy_kwh"] == pytest.approx(4.5)


def test_one_percent_below_the_minimum_is_a_start_like_any_other() -> None:
    """EMHASS issue 585: a plan must not become infeasible where the state of charge is a little below its minimum."""
    env = made(site(Battery(soc_min=0.2, soc_initial=0.19)))
    solution = solve(env)
    assert solution.exact
    assert min(solution.table["energy_kwh"].iloc[1:]) >= 2.0 - 1e-9
    assert env.observation_space.contains(env.reset()[0])


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("start", [0.0, 0.06, 0.94, 1.0])
@pytest.mark.parametrize("more", [{}, {"load": Consumer(), "grid": Grid(3.3, 3.0)}], ids=["alone", "limited"])
def test_the_oracle_finds_the_optimum_of_it(kind: Any, start: float, more: Any) -> None:
    env = made(site(a_store(kind, start, 0.3 if more else 0.0), **more), 20, 3)
    solution, (unit,) = solve(env), env.setup.units
    assert solution.exact
    stated = solve_model(build_unit_model(unit.window(*env.steps_left), env.states, goal_of(env)))
    assert solution.value == pytest.approx(stated, abs=1e-6)
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)
    plans = np.random.default_rng(0).uniform(-1.0, 1.0, (300, 20, 1))
    assert returns(unit, env.setup.started(20), goal_of(env), plans).max() <= solution.bound + 1e-6


@pytest.mark.parametrize("start", [0.02, 0.98])
def test_levels_are_the_best_of_all_sequences(start: float) -> None:
    env = made(site(a_store(Battery, start, 0.2)), 7, actions="discrete-3")
    plans = np.array(list(product((-1.0, 0.0, 1.0), repeat=7)))[..., None]
    best = returns(env.setup.units[0], env.setup.started(7), goal_of(env), plans).max()
    solution = solve(env)
    assert solution.exact
    assert solution.value == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(
    "scenario",
    [
        site(a_store(Battery, 0.0)),
        site(a_store(FadingBattery, 1.0, 0.1)),
        site(a_store(LimitedBattery, 0.05), load=Consumer(), grid=Grid(4.0, 3.0)),
        site(PumpedHydro(10.0, 2.0, 2.0, level_min=0.2, level_initial=0.1)),
        site(a_store(Battery, 0.05), full=StorageTarget("battery", 0.5, "20:00")),
    ],
)
def test_all_that_the_suite_promises_holds(scenario: Scenario) -> None:
    check_scenario(scenario, data=frame(60))


def test_a_target_is_met_from_below_the_limits() -> None:
    env = made(site(Battery(10.0, 1.0, 5.0, 1.0, 1.0, 0.1, 0.9, 0.0), full=StorageTarget("battery", 0.5, "07:00")))
    seen = [env.step([-1.0])[4] for _ in range(7)]
    assert [info["energy_kwh"] for info in seen] == pytest.approx([1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0])


def test_it_cannot_be_asked_to_end_outside_its_limits() -> None:
    with pytest.raises(ConfigurationError, match="outside its limits"):
        made(site(a_store(Battery, 0.05), terminal="cyclic"))


def test_batteries_that_differ_within_a_batch_start_within_their_limits() -> None:
    env = made(site(Battery()))
    with pytest.raises(EnergyGymError, match="outside its limits"):
        env.batch_class()(2, **{**env.keywords, "battery": [Battery(), Battery(soc_initial=0.0)]})


def test_producers_and_fleets_start_within_their_limits() -> None:
    with pytest.raises(ConfigurationError, match="outside its limits"):
        gym.make("energy_gym/Bidding-v1", storage=Battery(soc_initial=0.0))
