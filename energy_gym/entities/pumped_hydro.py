"""Pumped hydro: a pump, a turbine and an upper reservoir, whose energy obeys the laws of the battery.

One rule: only parameters are new here; how energy is stored is stated once, in `energy_gym.entities.battery`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar, Self

from energy_gym.entities.base import Entity, Flexible, Values, finite_number, positive_number, register
from energy_gym.entities.battery import Battery, Cell

JOULE_PER_KWH = 3.6e6
WATER_KG_PER_M3 = 1000.0
GRAVITY_M_PER_S2 = 9.81


@register
@dataclass(frozen=True, slots=True)
class PumpedHydro(Entity):
    """A pumped-storage plant: pump and turbine have powers and efficiencies of their own.

    Args:
        reservoir_kwh: Energy of the full upper reservoir [kWh].
        pump_kw: Most power of the pump [kW].
        turbine_kw: Most power of the turbine [kW].
        efficiency_pump: Energy stored per energy pumped with, in (0, 1].
        efficiency_turbine: Energy given out per energy taken from the reservoir, in (0, 1].
        level_min: Lowest level that the turbine may reach, as a fraction of the reservoir.
        level_max: Highest level that the pump may reach.
        level_initial: Level at the start of an episode; from outside the limits it is led back.
        loss_per_day: Fraction of the stored energy that evaporates or seeps away in a day.
        wear_per_kwh: Cost of wear per kWh given out [currency/kWh].

    Raises:
        NonPositiveError: Reservoir or a power is not a positive number.
        EfficiencyError: An efficiency is outside (0, 1].
        StateOfChargeError: Levels are not 0 <= min < max <= 1, or the start is outside [0, 1].
        ConfigurationError: The loss is outside [0, 1) or wear is negative.

    Source:
        EnCortex, section 3.1.1 (pumped hydro is a storage entity). The energy of a reservoir is the potential
        energy of its water, density times gravity times volume times head: elementary mechanics.

    Example:
        >>> PumpedHydro.of_reservoir(100_000.0, head_m=440.0).reservoir_kwh
        119900.0
    """

    kind: ClassVar[str] = "pumped_hydro"
    reservoir_kwh: float = 120_000.0
    pump_kw: float = 20_000.0
    turbine_kw: float = 20_000.0
    efficiency_pump: float = 0.88
    efficiency_turbine: float = 0.9
    level_min: float = 0.05
    level_max: float = 1.0
    level_initial: float = 0.5
    loss_per_day: float = 0.0
    wear_per_kwh: float = 0.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = finite_number("pumped_hydro", item.name, getattr(self, item.name))
            object.__setattr__(self, item.name, value)
        for name in ("reservoir_kwh", "pump_kw", "turbine_kw"):
            positive_number("pumped_hydro", name, getattr(self, name))
        self.battery()

    @classmethod
    def of_reservoir(cls, volume_m3: float, head_m: float, **others: float) -> Self:
        """Return the plant of a reservoir: its energy is density times gravity times volume times head.

        Args:
            volume_m3: Usable volume of the upper reservoir [m3].
            head_m: Mean height between the reservoirs [m].
            others: The other fields.
        """
        volume, head = (
            positive_number("pumped_hydro", name, value)
            for name, value in (("volume_m3", volume_m3), ("head_m", head_m))
        )
        energy = WATER_KG_PER_M3 * GRAVITY_M_PER_S2 * volume * head / JOULE_PER_KWH
        return cls(reservoir_kwh=round(energy, 6), **others)

    def battery(self) -> Battery:
        """Return the battery that stores energy as this plant does."""
        return Battery(
            capacity_kwh=self.reservoir_kwh,
            charge_kw=self.pump_kw,
            discharge_kw=self.turbine_kw,
            efficiency_charge=self.efficiency_pump,
            efficiency_discharge=self.efficiency_turbine,
            soc_min=self.level_min,
            soc_max=self.level_max,
            soc_initial=self.level_initial,
            self_discharge_per_day=self.loss_per_day,
            wear_per_kwh=self.wear_per_kwh,
        )

    def cell(self, hours: float) -> Cell:
        """Return the figures of this plant for steps of ``hours`` hours."""
        return self.battery().cell(hours)

    def flexible(self, name: str, hours: float, values: Values) -> Flexible:
        """See `Entity.flexible`."""
        return self.battery().flexible(name, hours, values)
