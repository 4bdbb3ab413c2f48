"""A limited battery is brought back to where it began, with its tapers and cycles, wherever that is sure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Objective, Scenario, solve
from energy_gym.contracts import Spot
from energy_gym.entities import Consumer, Grid, LimitedBattery, StorageTarget
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.oracle.pyomo_model import build_unit_model, solve_model
from energy_gym.oracle.rounding import returns
from energy_gym.oracle.statement import Goal
from energy_gym.testing import check_scenario
from energy_gym.testing.episodes import check_returned
from energy_gym.testing.laws import check_laws

STEPS = 12
ZONE = "Europe/Berlin"


def frame(seed: int, steps: int = STEPS) -> pd.DataFrame:
    """Return steps around a new day and a new year."""
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-12-31 17:00", periods=steps, freq="h", tz=ZONE)
    return pd.DataFrame(
        {"price_per_mwh": random.normal(40.0, 90.0, steps), "load_kw": random.uniform(0.0, 3.0, steps)}, index
    )


def a_battery(seed: int) -> LimitedBattery:
    random = np.random.default_rng(seed)

    def one(*values: Any) -> Any:
        return values[random.integers(len(values))]

    share = float(random.uniform(0.2, 0.9))
    return LimitedBattery(
        float(random.uniform(3.0, 12.0)),
        *random.uniform(1.0, 9.0, 2).tolist(),
        *random.uniform(0.7, 1.0, 2).tolist(),
        one(0.0, 0.1),
        one(0.9, 1.0),
        float(random.uniform(0.1, 0.9)),
        one(0.0, 0.2),
        one(0.0, 0.05),
        cycles_per_day=one(None, float(random.uniform(0.1, 1.0)), 0.5),
        cycles_per_year=one(None, float(random.uniform(0.2, 1.5))),
        day_begins=one(0.0, 22.0),
        charge_taper=one((), ((0.6, 1.0), (1.0, share))),
        discharge_taper=one((), ((0.0, share), (0.4, 1.0))),
    )


def made(seed: int, battery: LimitedBattery, **more: Any) -> EnergyEnv:
    entities = {"home": battery, **more}
    scenario = Scenario("returning", entities, {"spot": Spot()}, objective=Objective(terminal="cyclic"))
    env = EnergyEnv(scenario=scenario, data=frame(seed), published="at-start", zone=ZONE, episode_steps=None)
    env.reset()
    return env


@pytest.mark.parametrize("seed", range(24))
def test_it_ends_where_it_began_within_its_cycles(seed: int) -> None:
    random = np.random.default_rng(seed)
    env = made(seed, a_battery(seed), **({"load": Consumer(), "grid": Grid(5.0, 3.0)} if seed % 2 else {}))
    limits = [limit for limit in env.setup.flexibles[0].bare.cell.limits_kwh if limit is not None]
    for turn in range(5):
        env.reset()
        for step in range(STEPS):
            fixed = (1.0, -1.0)[turn == 1] if step < STEPS - turn else (-1.0, 1.0)[turn == 1]
            env.step([fixed if turn < 3 else random.uniform(-1.0, 1.0)])
            assert all(given <= limit + 1e-9 for given, limit in zip(env.states[1:], limits, strict=False))
        check_returned(env)
    check_laws(env.setup, STEPS, 3, random, None)


@pytest.mark.parametrize("seed", range(24))
def test_the_oracle_is_the_best_that_can_be_played(seed: int) -> None:
    env = made(seed, a_battery(seed), **({"load": Consumer(), "grid": Grid(5.0, 3.0)} if seed % 2 else {}))
    solution, (unit,) = solve(env), env.setup.units
    goal = Goal(env.setup.weights, env.setup.closings[0])
    stated = solve_model(build_unit_model(unit, env.states, goal))
    assert solution.exact
    assert solution.value == pytest.approx(stated, abs=1e-6)
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)
    plans = np.random.default_rng(seed).uniform(-1.0, 1.0, (300, STEPS, 1))
    assert returns(unit, env.setup.started(STEPS), goal, plans).max() <= solution.bound + 1e-6


def test_no_more_is_stored_above_the_start_than_cycles_let_it_give() -> None:
    """By hand: half a cycle of 10 kWh a day may be given, so that from 2 kWh no more than 7 is stored."""
    battery = LimitedBattery(10.0, 5.0, 5.0, 1.0, 1.0, 0.0, 1.0, 0.2, cycles_per_day=0.5)
    env = made(0, battery)
    seen = [env.step([1.0])[4]["energy_kwh"] for _ in range(4)]
    assert seen == pytest.approx([7.0, 7.0, 7.0, 7.0])


def test_all_that_the_suite_promises_holds() -> None:
    battery = LimitedBattery(cycles_per_day=0.7, charge_taper=((0.7, 1.0), (1.0, 0.3)))
    entities = {"home": battery, "night": StorageTarget("home", 0.6, missed_price_per_kwh=0.1)}
    scenario = Scenario("returning", entities, {"spot": Spot()}, objective=Objective(terminal="cyclic"))
    check_scenario(scenario, data=frame(3, 48))


def test_a_hard_target_is_met_with_the_power_that_the_taper_leaves() -> None:
    battery = LimitedBattery(10.0, 4.0, 4.0, 1.0, 1.0, 0.1, 0.9, 0.5, charge_taper=((0.5, 1.0), (0.9, 0.25)))
    entities = {"home": battery, "night": StorageTarget("home", 0.9)}
    env = EnergyEnv(
        scenario=Scenario("full", entities, {"spot": Spot()}), data=frame(0), published="at-start", zone=ZONE,
        episode_steps=None,
    )  # fmt: skip
    env.reset()
    seen = [env.step([-1.0])[4]["energy_kwh"] for _ in range(7)]
    assert seen == pytest.approx([3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"fade_per_kwh": 0.01}, "its capacity fades"),
        ({"fade_per_year": 0.02}, "its capacity fades"),
        ({"charge_efficiency": ((0.5, 0.9), (1.0, 0.95))}, "its efficiency depends on its power"),
    ],
)
def test_what_is_not_sure_is_refused_with_the_reason(more: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"terminal='cyclic': cannot be promised: {reason}"):
        made(0, LimitedBattery(**more))
