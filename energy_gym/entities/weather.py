"""Sun, wind and rivers worked out from the weather: capacity and irradiance, a power curve, inflow and head.

One rule: a column of power is simpler, and stays the default (`Solar`, `Wind`); these are for weather without meters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.entities.base import Values, column_name, finite_number, number_not_negative, positive_number, register
from energy_gym.entities.pumped_hydro import GRAVITY_M_PER_S2, WATER_KG_PER_M3
from energy_gym.entities.solar import Source, known_curtailment
from energy_gym.errors import ConfigurationError, EfficiencyError

STANDARD_W_PER_M2, STANDARD_C = 1000.0, 25.0
# Irradiance and air temperature at which the nominal operating temperature of a cell is measured.
NOMINAL_W_PER_M2, NOMINAL_AIR_C = 800.0, 20.0
WATT_PER_KW = 1000.0


@register
@dataclass(frozen=True, slots=True)
class SolarArray(Source):
    """Photovoltaic generation from capacity, irradiance on the panels and, if known, air temperature.

    Irradiance on a horizontal plane becomes that on the panels with `energy_gym.data.irradiance.on_panels`.

    Args:
        capacity_kw: Power at 1000 W/m2 and 25 degrees Celsius, before losses [kW].
        irradiance: Column with the irradiance on the panels [W/m2, >= 0].
        temperature: Column with the air temperature [degrees Celsius]; None: cells stay at 25.
        losses: Share lost in wiring, soiling and inverter, in [0, 1).
        power_per_k: Change of power for a kelvin above 25 degrees, as a share; below 0 for usual cells.
        nominal_cell_c: Temperature of a cell at 800 W/m2 and 20 degrees of air.
        inverter_kw: Most power of the inverter [kW]; None for no limit.
        curtailment: As `Solar`.

    Raises:
        NonPositiveError: Capacity or the inverter's power is not positive.
        ConfigurationError: A field is no number, losses are outside [0, 1), or a column is no name.
        UnknownIdError: An unknown curtailment.

    Source:
        Dobos, PVWatts Version 5 Manual, NREL/TP-6A20-62641, 2014, equation 8; temperature of the cell: Ross,
        Interface Design Considerations for Terrestrial Solar Cell Modules, 1976.

    Example:
        >>> roof = SolarArray(capacity_kw=10.0, temperature="air_deg_c", losses=0.0)
        >>> weather = {"poa_w_per_m2": np.array([0.0, 800.0, 800.0]), "air_deg_c": np.array([5.0, 20.0, -6.25])}
        >>> roof.made_kw(weather).round(4).tolist()
        [0.0, 7.36, 8.2]
    """

    kind: ClassVar[str] = "solar_array"
    capacity_kw: float = 5.0
    irradiance: str = "poa_w_per_m2"
    temperature: str | None = None
    losses: float = 0.14
    power_per_k: float = -0.004
    nominal_cell_c: float = 45.0
    inverter_kw: float | None = None
    curtailment: str = "none"

    def __post_init__(self) -> None:
        column_name(self.kind, "irradiance", self.irradiance)
        if self.temperature is not None:
            column_name(self.kind, "temperature", self.temperature)
        for name in ("capacity_kw", *(() if self.inverter_kw is None else ("inverter_kw",))):
            object.__setattr__(self, name, positive_number(self.kind, name, getattr(self, name)))
        for name in ("losses", "power_per_k", "nominal_cell_c"):
            object.__setattr__(self, name, finite_number(self.kind, name, getattr(self, name)))
        if not 0.0 <= self.losses < 1.0:
            raise ConfigurationError(f"{self.kind} losses={self.losses}", "is a share in [0, 1)", "pass 0.14")
        known_curtailment(self.kind, self.curtailment)

    def columns(self) -> tuple[str, ...]:
        """See `Entity.columns`."""
        return (self.irradiance, *self.signed_columns())

    def signed_columns(self) -> tuple[str, ...]:
        """See `Entity.signed_columns`."""
        return () if self.temperature is None else (self.temperature,)

    def made_kw(self, values: Values) -> Floats:
        """See `Source.made_kw`."""
        sun = values[self.irradiance]
        above: Any = 0.0
        if self.temperature is not None:
            rise = (self.nominal_cell_c - NOMINAL_AIR_C) / NOMINAL_W_PER_M2
            above = values[self.temperature] + rise * sun - STANDARD_C
        direct = self.capacity_kw * (sun / STANDARD_W_PER_M2) * (1.0 + self.power_per_k * above)
        made = np.maximum(direct, 0.0) * (1.0 - self.losses)
        return made if self.inverter_kw is None else np.minimum(made, self.inverter_kw)


@register
@dataclass(frozen=True, slots=True)
class WindTurbine(Source):
    """Wind power from capacity and wind speed, by a power curve.

    Args:
        capacity_kw: Rated power [kW].
        speed: Column with the wind speed [m/s, >= 0].
        curve: Points (speed [m/s], share of the capacity), speeds rising: straight lines between them, nothing below
            the first and above the last; None: the usual curve from 3 m/s on (with the cube of the speed) to 12 m/s,
            and out at 25 m/s.
        measured_m: Height at which the speed is measured [m].
        hub_m: Height of the hub [m]; where it is another, the speed follows a power law.
        shear: Exponent of that law; 1/7 over open land.
        curtailment: As `Solar`.

    Raises:
        NonPositiveError: Capacity or a height is not positive.
        ConfigurationError: The curve does not rise in speed or leaves [0, 1], the shear is negative, or the column is
            no name.
        UnknownIdError: An unknown curtailment.

    Source:
        Cubic curve and power law of the wind profile: Manwell, McGowan and Rogers, Wind Energy Explained, 2nd ed.,
        2009, sections 2.3.3 and 2.5. A maker's curve is its data.

    Example:
        >>> turbine = WindTurbine(capacity_kw=2000.0)
        >>> turbine.made_kw({"wind_m_per_s": np.array([2.0, 8.0, 15.0, 26.0])}).round(1).tolist()
        [0.0, 570.3, 2000.0, 0.0]
    """

    kind: ClassVar[str] = "wind_turbine"
    capacity_kw: float = 2000.0
    speed: str = "wind_m_per_s"
    curve: tuple[tuple[float, float], ...] | None = None
    measured_m: float = 100.0
    hub_m: float = 100.0
    shear: float = 1.0 / 7.0
    curtailment: str = "none"

    def __post_init__(self) -> None:
        column_name(self.kind, "speed", self.speed)
        for name in ("capacity_kw", "measured_m", "hub_m"):
            object.__setattr__(self, name, positive_number(self.kind, name, getattr(self, name)))
        object.__setattr__(self, "shear", number_not_negative(self.kind, "shear", self.shear))
        if self.curve is not None:
            object.__setattr__(self, "curve", _curve(self.kind, self.curve))
        known_curtailment(self.kind, self.curtailment)

    def columns(self) -> tuple[str, ...]:
        """See `Entity.columns`."""
        return (self.speed,)

    def made_kw(self, values: Values) -> Floats:
        """See `Source.made_kw`."""
        speed = values[self.speed] * (self.hub_m / self.measured_m) ** self.shear
        if self.curve is None:
            return self.capacity_kw * _usual_share(speed)
        speeds, shares = zip(*self.curve, strict=True)
        return self.capacity_kw * np.interp(speed, speeds, shares, left=0.0, right=0.0)


def _usual_share(speed: Floats, cut_in: float = 3.0, rated: float = 12.0, cut_out: float = 25.0) -> Floats:
    """Return the share of its capacity that a usual turbine makes: the cube of the speed between cut-in and rated."""
    share = (speed**3 - cut_in**3) / (rated**3 - cut_in**3)
    return np.where(speed <= cut_out, np.clip(share, 0.0, 1.0), 0.0)


def _curve(kind: str, value: Any) -> tuple[tuple[float, float], ...]:
    """Return the points of a power curve as tuples of floats."""
    remedy = "pass points such as [[3, 0], [8, 0.4], [12, 1], [25, 1]]"
    rows = isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 1
    if not rows or not all(isinstance(row, Sequence) and not isinstance(row, str) and len(row) == 2 for row in value):
        raise ConfigurationError(f"{kind} curve={value!r}", "must be two points or more (speed, share)", remedy)
    points = tuple(tuple(finite_number(kind, "curve", number) for number in row) for row in value)
    speeds, shares = zip(*points, strict=True)
    if list(speeds) != sorted(set(speeds)) or speeds[0] < 0.0 or min(shares) < 0.0 or max(shares) > 1.0:
        raise ConfigurationError(f"{kind} curve={value!r}", "speeds must rise from 0 m/s, shares lie in [0, 1]", remedy)
    return points  # type: ignore[return-value]  # pairs: their length was checked


@register
@dataclass(frozen=True, slots=True)
class RunOfRiver(Source):
    """Run-of-river hydro: what flows is turned into power or goes over the weir; nothing is stored.

    Args:
        column: Column with the power [kW, >= 0]; with ``head_m``, with the inflow [m3/s, >= 0].
        head_m: Height of the fall [m]; None where the column is power.
        efficiency: Of turbine and generator, in (0, 1]; counts with ``head_m``.
        residual_m3_per_s: Flow that is left to the river [m3/s]; counts with ``head_m``.
        capacity_kw: Most power of the turbines [kW]; what flows besides goes over the weir. None for no limit.
        curtailment: As `Solar`.

    Raises:
        NonPositiveError: Head or capacity is not positive.
        EfficiencyError: The efficiency is outside (0, 1].
        ConfigurationError: The residual flow is negative, or the column is no name.
        UnknownIdError: An unknown curtailment.

    Source:
        Density times gravity times head times flow times efficiency: elementary mechanics. EnCortex, section 3.1.1,
        names hydro as a source.

    Example:
        >>> mill = RunOfRiver("inflow_m3_per_s", head_m=5.0, efficiency=0.8, capacity_kw=100.0)
        >>> mill.made_kw({"inflow_m3_per_s": np.array([0.0, 1.0, 9.0])}).round(2).tolist()
        [0.0, 39.24, 100.0]
    """

    kind: ClassVar[str] = "run_of_river"
    column: str = "river_kw"
    head_m: float | None = None
    efficiency: float = 0.9
    residual_m3_per_s: float = 0.0
    capacity_kw: float | None = None
    curtailment: str = "none"

    def __post_init__(self) -> None:
        column_name(self.kind, "column", self.column)
        for name in ("head_m", "capacity_kw"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, positive_number(self.kind, name, getattr(self, name)))
        residual = number_not_negative(self.kind, "residual_m3_per_s", self.residual_m3_per_s)
        object.__setattr__(self, "residual_m3_per_s", residual)
        object.__setattr__(self, "efficiency", finite_number(self.kind, "efficiency", self.efficiency))
        if not 0.0 < self.efficiency <= 1.0:
            found = f"{self.kind} efficiency={self.efficiency}"
            raise EfficiencyError(found, "an efficiency lies in (0, 1]", "pass a fraction such as 0.9, not percent")
        known_curtailment(self.kind, self.curtailment)

    def columns(self) -> tuple[str, ...]:
        """See `Entity.columns`."""
        return (self.column,)

    def made_kw(self, values: Values) -> Floats:
        """See `Source.made_kw`."""
        made = values[self.column]
        if self.head_m is not None:
            kw = WATER_KG_PER_M3 * GRAVITY_M_PER_S2 * self.head_m * self.efficiency / WATT_PER_KW
            made = kw * np.maximum(made - self.residual_m3_per_s, 0.0)
        return made if self.capacity_kw is None else np.minimum(made, self.capacity_kw)
