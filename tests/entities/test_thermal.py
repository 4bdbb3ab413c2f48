"""Units that burn fuel: states and money by hand, what the connection cuts, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Scenario, solve
from energy_gym.contracts import Spot, Tariff
from energy_gym.entities import Consumer, Grid, Nuclear, ThermalUnit
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, NonPositiveError


def environment(unit: Any, prices: list[float], minutes: int = 60, **more: Any) -> EnergyEnv:
    """Return an environment of a unit that sells at given prices, reset."""
    times = pd.date_range("2024-01-01", periods=len(prices), freq=f"{minutes}min", tz="UTC")
    data = pd.DataFrame({"price_per_mwh": prices, "load_kw": 10.0}, index=times)
    scenario = Scenario("unit", {"unit": unit, **more}, {"spot": Spot()})
    env = EnergyEnv(data=data, scenario=scenario, horizon=1, episode_steps=None)
    env.reset(seed=0)
    return env


def test_a_start_a_run_and_a_stop_by_hand() -> None:
    unit = ThermalUnit(100.0, 40.0, 50.0, fuel_per_kwh=0.1, carbon_g_per_kwh=500.0, start_cost=7.0)
    env = environment(unit, [100.0] * 5)
    shown = []
    for wish in (-1.0, -1.0, 0.0, 0.0, -0.3):
        _, _, _, _, info = env.step([wish])
        shown.append([*env.states, info["energy_cost"], info["carbon_kg"], info["cost"], info["grid_kw"]])
    expected = [
        [50.0, 1.0, 7.0 + 5.0 - 5.0, 25.0, 50.0, -50.0],  # started, half of the wish
        [100.0, 1.0, 10.0 - 10.0, 50.0, 0.0, -100.0],
        [50.0, 1.0, 5.0 - 5.0, 25.0, 50.0, -50.0],  # asked to stop, and may only go down
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [40.0, 1.0, 7.0 + 4.0 - 4.0, 20.0, 0.0, -40.0],  # nearest to 30 kW is the minimum
    ]
    np.testing.assert_allclose(shown, expected, atol=1e-9)


def test_state_and_whether_it_is_on_are_observed() -> None:
    env = environment(ThermalUnit(100.0, 40.0), [50.0] * 3)
    names = [slot.name for slot in env.layout[:2]]
    observation, *_ = env.step([-0.6])
    assert names == ["output_kw(unit)", "on"]
    np.testing.assert_allclose(observation[:2], [0.6, 1.0], rtol=1e-6)


def test_a_start_is_paid_where_the_day_pays_for_it() -> None:
    """Fuel costs 100 per MWh and a start 3: two dear hours with a cheap one between earn 2 x 2 - 1 in one run."""
    unit = ThermalUnit(40.0, 10.0, fuel_per_kwh=0.1, start_cost=3.0)
    solution = solve(environment(unit, [0.0, 150.0, 90.0, 150.0, 0.0]))
    assert solution.exact and solution.value == pytest.approx(2.0 * 2.0 - 0.1 - 3.0)
    short = solve(environment(unit, [0.0, 150.0, 0.0, 0.0]))
    assert short.value == pytest.approx(0.0)


def test_a_start_that_is_over_before_the_plan_begins_is_not_paid_again() -> None:
    unit = ThermalUnit(40.0, 10.0, fuel_per_kwh=0.1, start_cost=3.0, initial_kw=20.0)
    assert solve(environment(unit, [150.0, 0.0])).value == pytest.approx(2.0)


def test_what_does_not_fit_is_lost_and_burnt_all_the_same() -> None:
    unit = ThermalUnit(100.0, 40.0, fuel_per_kwh=0.1, carbon_g_per_kwh=500.0, start_cost=0.0)
    env = environment(unit, [50.0] * 3, load=Consumer(), grid=Grid(export_kw=15.0))
    _, _, _, _, info = env.step([-1.0])
    assert info["grid_kw"] == pytest.approx(-15.0) and info["curtailed_kw"] == pytest.approx(75.0)
    assert info["energy_cost"] == pytest.approx(10.0 - 0.75) and info["carbon_kg"] == pytest.approx(50.0)
    assert env.states == (100.0, 1.0)


def test_a_plan_loses_power_to_stay_on_only_where_that_is_worth_a_start() -> None:
    unit = ThermalUnit(40.0, 30.0, fuel_per_kwh=0.1, start_cost=3.5, initial_kw=40.0)
    env = environment(unit, [200.0, 0.0, 200.0], load=Consumer(), grid=Grid(export_kw=30.0))
    solution = solve(env)
    # 30 kW of the 40 go out and 10 to the load at 200; between them 30 kW burn at 0 price, or a start is paid.
    through, restart = 2 * (8.0 - 4.0) - 3.0, 2 * (8.0 - 4.0) - 3.5
    assert through > restart
    assert solution.exact and solution.value == pytest.approx(through - 4.0)  # the load takes 2 in each dear hour


def test_nuclear_power_follows_by_its_ramp_and_never_stops() -> None:
    env = environment(Nuclear(100.0, 50.0, 30.0, fuel_per_kwh=0.01, initial_kw=100.0), [50.0] * 4, minutes=30)
    powers = []
    for wish in (0.0, 0.0, 0.0, -1.0):
        env.step([wish])
        powers.append(env.states[0])
    np.testing.assert_allclose(powers, [85.0, 70.0, 55.0, 70.0])
    assert [slot.name for slot in env.layout[:1]] == ["output_kw(unit)"]


def test_a_ramp_that_a_step_does_not_allow_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"ramp_kw_per_hour=60.0, 15 kW in a step of 0.25 h.*at least 160"):
        environment(ThermalUnit(100.0, 40.0, 60.0), [50.0] * 3, minutes=15)
    assert environment(ThermalUnit(100.0, 40.0, 160.0), [50.0] * 3, minutes=15).setup.controls == 1


@pytest.mark.parametrize(
    ("fields", "error", "match"),
    [
        ({"rated_kw": 0.0}, NonPositiveError, "rated_kw"),
        ({"ramp_kw_per_hour": 0.0}, NonPositiveError, "ramp"),
        ({"min_kw": 120.0}, ConfigurationError, "at most the rated power"),
        ({"min_kw": -1.0}, ConfigurationError, "not be negative"),
        ({"initial_kw": 20.0}, ConfigurationError, r"\[40.0, 100.0\]"),
        ({"initial_kw": 101.0}, ConfigurationError, "initial_kw"),
        ({"fuel_per_kwh": float("nan")}, ConfigurationError, "finite"),
        ({"start_cost": -1.0}, ConfigurationError, "start_cost"),
        ({"min_kw": 0.0, "start_cost": 1.0}, ConfigurationError, "a start needs a minimum power"),
    ],
)
def test_what_is_refused(fields: dict[str, float], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        ThermalUnit(**fields)


def test_nuclear_power_that_is_off_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"initial_kw=0\.0"):
        Nuclear(initial_kw=0.0)


def test_a_unit_beside_another_has_its_name_in_the_observation() -> None:
    times = pd.date_range("2024-01-01", periods=4, freq="h", tz="UTC")
    units = {"one": ThermalUnit(), "two": ThermalUnit(min_kw=0.0, start_cost=0.0)}
    data = pd.DataFrame({"price_per_mwh": 1.0}, times)
    env = EnergyEnv(data=data, scenario=Scenario("two", units, {"tariff": Tariff(80.0, 60.0)}), horizon=1)
    assert [slot.name for slot in env.layout[:3]] == ["output_kw(one)", "output_kw(two)", "on(one)"]
