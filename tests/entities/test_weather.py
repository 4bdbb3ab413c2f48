"""Sun, wind and rivers from the weather: by hand, against pvlib, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Scenario
from energy_gym.contracts import Spot
from energy_gym.data.irradiance import on_panels
from energy_gym.entities import RunOfRiver, SolarArray, WindTurbine
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import (
    ConfigurationError,
    DataError,
    EfficiencyError,
    MissingColumnError,
    MissingExtraError,
    NonPositiveError,
    UnknownIdError,
)

POA = np.array([0.0, 200.0, 800.0, 1000.0])
AIR = np.array([5.0, 0.0, 20.0, -3.0])


def test_an_array_by_hand() -> None:
    roof = SolarArray(10.0, temperature="air_deg_c", losses=0.1, inverter_kw=8.0)
    # At 800 W/m2 and 20 degrees a cell has 45: 8 kW less 20 x 0.4 %, less a tenth.
    made = roof.made_kw({"poa_w_per_m2": POA, "air_deg_c": AIR})
    assert made[0] == 0.0 and made[2] == pytest.approx(8.0 * 0.92 * 0.9) and made[3] == 8.0


def test_an_array_as_pvlib_has_it() -> None:
    pvlib = pytest.importorskip("pvlib")
    cell = pvlib.temperature.ross(POA, AIR, noct=45.0)
    expected = pvlib.pvsystem.pvwatts_dc(POA, cell, 10.0, -0.004)
    roof = SolarArray(10.0, temperature="air_deg_c", losses=0.0)
    np.testing.assert_allclose(roof.made_kw({"poa_w_per_m2": POA, "air_deg_c": AIR}), expected, rtol=1e-12)


def test_panels_towards_the_sun_see_more_of_it() -> None:
    pytest.importorskip("pvlib")
    times = pd.date_range("2024-03-20", periods=24, freq="h", tz="UTC")
    level = pd.Series(np.clip(700.0 * np.sin((np.arange(24) + 0.5 - 6) * np.pi / 12.0), 0.0, None), times)
    south, north = (on_panels(level, 48.0, 0.0, tilt=40.0, azimuth=way) for way in (180.0, 0.0))
    assert south.name == "poa_w_per_m2" and (south.index == times).all() and (south >= 0.0).all()
    assert north.sum() < level.sum() < south.sum() < 2.0 * level.sum()


def test_without_pvlib_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pvlib", None)
    level = pd.Series([1.0, 2.0], pd.date_range("2024-03-20", periods=2, freq="h", tz="UTC"))
    with pytest.raises(MissingExtraError, match=r"\[weather\]"):
        on_panels(level, 48.0, 11.0)


@pytest.mark.parametrize(
    ("more", "match"),
    [({"latitude": 91.0}, "latitude=91.0"), ({"tilt": -1.0}, "tilt"), ({"longitude": float("nan")}, "longitude")],
)
def test_angles_out_of_range_are_refused(more: dict[str, float], match: str) -> None:
    level = pd.Series([1.0, 2.0], pd.date_range("2024-03-20", periods=2, freq="h", tz="UTC"))
    with pytest.raises(ConfigurationError, match=match):
        on_panels(level, **{"latitude": 48.0, "longitude": 11.0, **more})
    with pytest.raises(ConfigurationError, match="without a zone"):
        on_panels(level.tz_localize(None), 48.0, 11.0)


def test_a_turbine_by_its_curve_and_height() -> None:
    curve = ((3.0, 0.0), (13.0, 1.0), (25.0, 1.0))
    speeds = {"wind_m_per_s": np.array([2.9, 8.0, 13.0, 25.0, 25.1])}
    np.testing.assert_allclose(WindTurbine(100.0, curve=curve).made_kw(speeds), [0.0, 50.0, 100.0, 100.0, 0.0])
    higher = WindTurbine(100.0, curve=curve, measured_m=10.0, hub_m=100.0, shear=0.2)
    assert higher.made_kw({"wind_m_per_s": np.array([5.0])})[0] == pytest.approx(10.0 * (5.0 * 10.0**0.2 - 3.0))


def test_a_river_by_head_and_by_power() -> None:
    mill = RunOfRiver("inflow_m3_per_s", 10.0, 0.8, residual_m3_per_s=0.5, capacity_kw=100.0)
    flows = {"inflow_m3_per_s": np.array([0.2, 1.5, 3.0])}
    np.testing.assert_allclose(mill.made_kw(flows), [0.0, 78.48, 100.0])
    assert RunOfRiver(capacity_kw=4.0).fixed_kw({"river_kw": np.array([3.0, 5.0])}).tolist() == [-3.0, -4.0]


def environment(source: Any, **columns: Any) -> EnergyEnv:
    times = pd.date_range("2024-01-01", periods=3, freq="h", tz="UTC")
    data = pd.DataFrame({"price_per_mwh": 50.0, **columns}, index=times)
    scenario = Scenario("weather", {"source": source, "battery": Battery()}, {"spot": Spot()})
    return EnergyEnv(data=data, scenario=scenario, horizon=2, episode_steps=None)


def test_frost_is_no_error_and_is_observed() -> None:
    env = environment(SolarArray(temperature="air_deg_c"), poa_w_per_m2=500.0, air_deg_c=-10.0)
    env.reset(seed=0)
    _, _, _, _, info = env.step([0.0])
    assert info["grid_kw"] == pytest.approx(-5.0 * 0.5 * (1.0 - 0.004 * (-10.0 + 15.625 - 25.0)) * 0.86)
    assert any(slot.name.startswith("air_deg_c") and slot.unit == "degrees Celsius" for slot in env.layout)


def test_columns_that_are_missing_or_negative_are_refused() -> None:
    with pytest.raises(MissingColumnError, match="wind_m_per_s"):
        environment(WindTurbine())
    with pytest.raises(DataError, match="must not be negative"):
        environment(WindTurbine(), wind_m_per_s=[1.0, -1.0, 2.0])


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: SolarArray(0.0), NonPositiveError, "capacity_kw"),
        (lambda: SolarArray(losses=1.0), ConfigurationError, "losses=1.0"),
        (lambda: SolarArray(inverter_kw=0.0), NonPositiveError, "inverter_kw"),
        (lambda: SolarArray(irradiance=""), ConfigurationError, "irradiance"),
        (lambda: SolarArray(curtailment="some"), UnknownIdError, "some"),
        (lambda: WindTurbine(hub_m=0.0), NonPositiveError, "hub_m"),
        (lambda: WindTurbine(curve=((3.0, 0.0),)), ConfigurationError, "two points"),
        (lambda: WindTurbine(curve=((5.0, 0.0), (3.0, 1.0))), ConfigurationError, "speeds must rise"),
        (lambda: WindTurbine(curve=((3.0, 0.0), (5.0, 1.5))), ConfigurationError, "shares lie"),
        (lambda: WindTurbine(shear=-0.1), ConfigurationError, "shear"),
        (lambda: RunOfRiver(head_m=-1.0), NonPositiveError, "head_m"),
        (lambda: RunOfRiver(efficiency=90.0), EfficiencyError, "percent"),
        (lambda: RunOfRiver(residual_m3_per_s=-1.0), ConfigurationError, "residual"),
    ],
)
def test_what_is_refused(make: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make()


def test_a_file_holds_them() -> None:
    curve = ((3.0, 0.0), (12.0, 1.0))
    kinds = {"roof": SolarArray(temperature="air_deg_c"), "mast": WindTurbine(curve=curve), "mill": RunOfRiver()}
    scenario = Scenario("weather", {**kinds, "battery": Battery()}, {"spot": Spot()})
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario
