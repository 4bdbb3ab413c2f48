"""Sources, drawn: units that burn fuel, sun, wind and rivers from the weather, and the series that they need."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from energy_gym.entities import Entity, Nuclear, RunOfRiver, SolarArray, ThermalUnit, WindTurbine
from energy_gym.entities.solar import CURTAILMENTS

Random = np.random.Generator


def a_thermal_unit(random: Random, hours: float = 1.0) -> ThermalUnit:
    """Return a unit that can start within a step; a third of them go down to nothing, and start for nothing."""
    rated = float(random.uniform(1.0, 8.0))
    low = float(random.choice([0.0, random.uniform(0.1, 1.0), random.uniform(0.1, 1.0)])) * rated
    ramp = max(low, rated * float(random.uniform(0.1, 1.0))) / hours * float(random.choice([1.0, 1.2]))
    return ThermalUnit(
        rated_kw=rated,
        min_kw=low,
        ramp_kw_per_hour=ramp if random.random() < 0.7 else None,
        fuel_per_kwh=float(random.choice([0.0, random.uniform(0.0, 0.15)])),
        carbon_g_per_kwh=float(random.choice([0.0, random.uniform(0.0, 900.0)])),
        initial_kw=float(random.choice([0.0, rated, random.uniform(low, rated)])),
        start_cost=float(random.choice([0.0, random.uniform(0.0, 0.5)])) if low else 0.0,
    )


def a_nuclear(random: Random, hours: float = 1.0) -> Nuclear:
    rated = float(random.uniform(1.0, 6.0))
    low = rated * float(random.choice([0.0, 1.0, random.uniform(0.0, 1.0)]))
    return Nuclear(
        rated_kw=rated,
        min_kw=low,
        ramp_kw_per_hour=rated * float(random.uniform(0.02, 1.0)) / hours if random.random() < 0.8 else None,
        fuel_per_kwh=float(random.uniform(0.0, 0.1)),
        carbon_g_per_kwh=float(random.choice([0.0, 12.0])),
        initial_kw=float(random.choice([low, rated, random.uniform(low, rated)])),
    )


def a_solar_array(random: Random, hours: float = 1.0) -> SolarArray:
    return SolarArray(
        capacity_kw=float(random.uniform(0.5, 8.0)),
        temperature="air_deg_c" if random.random() < 0.6 else None,
        losses=float(random.choice([0.0, 0.14])),
        inverter_kw=float(random.uniform(0.5, 5.0)) if random.random() < 0.5 else None,
        curtailment=str(random.choice(CURTAILMENTS)),
    )


def a_wind_turbine(random: Random, hours: float = 1.0) -> WindTurbine:
    curve = ((2.0, 0.0), (6.0, float(random.uniform(0.1, 0.5))), (11.0, 1.0), (22.0, float(random.choice([1.0, 0.5]))))
    return WindTurbine(
        capacity_kw=float(random.uniform(0.5, 6.0)),
        curve=curve if random.random() < 0.5 else None,
        hub_m=float(random.choice([80.0, 100.0, 140.0])),
        curtailment=str(random.choice(CURTAILMENTS)),
    )


def a_river(random: Random, hours: float = 1.0) -> RunOfRiver:
    curtailment, capacity = str(random.choice(CURTAILMENTS)), float(random.uniform(1.0, 5.0))
    if random.random() < 0.5:
        return RunOfRiver(capacity_kw=float(random.choice([capacity, 50.0])), curtailment=curtailment)
    residual = float(random.choice([0.0, 0.03]))
    return RunOfRiver("inflow_m3_per_s", 4.0, 0.85, residual, capacity, curtailment)


# Each is called with a source of chance and the length of a step.
KINDS: tuple[Callable[[Random, float], Entity], ...] = (
    a_thermal_unit,
    a_thermal_unit,
    a_nuclear,
    a_solar_array,
    a_wind_turbine,
    a_river,
)
MOST_MADE_KW = 8.0  # of any source that cannot be cut


def a_source(random: Random, hours: float = 1.0) -> Entity:
    """Return a source of any kind, for steps of ``hours`` hours."""
    return KINDS[int(random.integers(len(KINDS)))](random, hours)


def with_weather(frame: pd.DataFrame, random: Random) -> pd.DataFrame:
    """Return a frame with the columns that sources need besides."""
    steps, hour = len(frame), frame.index.hour.to_numpy()
    sunny = np.clip(np.sin((hour - 6) * np.pi / 12.0), 0.0, None)
    return frame.assign(
        poa_w_per_m2=sunny * random.uniform(0.0, 1100.0, steps),
        air_deg_c=random.uniform(-15.0, 35.0, steps),
        wind_m_per_s=random.uniform(0.0, 28.0, steps),
        river_kw=random.uniform(0.0, 5.0, steps),
        inflow_m3_per_s=random.uniform(0.0, 0.2, steps),
    )
