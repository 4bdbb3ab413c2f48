"""Pumped hydro: parameters of its own, laws of the battery."""

from __future__ import annotations

import gymnasium as gym
import pytest

import energy_gym
from energy_gym.contracts import Spot
from energy_gym.entities import PumpedHydro
from energy_gym.errors import ConfigurationError, EfficiencyError, NonPositiveError, StateOfChargeError
from energy_gym.scenario import Scenario


def test_pump_and_turbine_by_hand() -> None:
    plant = PumpedHydro(1000.0, 200.0, 100.0, 0.8, 0.5, 0.0, 1.0, 0.5)
    scenario = Scenario("plant", {"plant": plant}, {"spot": Spot()})
    env = gym.make("energy_gym/Arbitrage-v1", scenario=scenario, episode_steps=4)
    env.reset(seed=0)
    info = env.step([1.0])[4]
    assert info["energy_kwh"] == pytest.approx(500.0 + 0.8 * 200.0) and info["grid_kw"] == pytest.approx(200.0)
    info = env.step([-0.5])[4]
    assert info["energy_kwh"] == pytest.approx(660.0 - 50.0 / 0.5) and info["grid_kw"] == pytest.approx(-50.0)
    assert energy_gym.solve(env).exact


def test_energy_of_a_reservoir() -> None:
    plant = PumpedHydro.of_reservoir(5_000_000.0, head_m=300.0, pump_kw=500_000.0)
    assert plant.reservoir_kwh == pytest.approx(5e9 * 9.81 * 300.0 / 3.6e6)
    assert plant.pump_kw == 500_000.0


def test_a_file_holds_it() -> None:
    scenario = Scenario("plant", {"plant": PumpedHydro(pump_kw=7_000.0)}, {"spot": Spot()})
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"reservoir_kwh": 0.0}, NonPositiveError),
        ({"pump_kw": -1.0}, NonPositiveError),
        ({"turbine_kw": float("nan")}, ConfigurationError),
        ({"efficiency_pump": 88.0}, EfficiencyError),
        ({"level_min": 0.9, "level_max": 0.5}, StateOfChargeError),
        ({"loss_per_day": 1.0}, ConfigurationError),
    ],
)
def test_what_is_refused(fields: dict[str, float], error: type[Exception]) -> None:
    with pytest.raises(error):
        PumpedHydro(**fields)
    with pytest.raises(NonPositiveError):
        PumpedHydro.of_reservoir(0.0, 100.0)
