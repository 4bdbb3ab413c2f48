"""The backup generator: it starts for what would otherwise not be served, and for nothing else.

One rule: nobody decides on it; what it makes follows from what the connection lacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from energy_gym.entities.base import Entity, number_not_negative, positive_number, register

GRAM_PER_KG = 1000.0


class Backup(NamedTuple):
    """Figures of a backup generator for one step length.

    Args:
        most_kwh: Most that it makes in a step [kWh].
        fuel_per_kwh: Fuel for a kWh [currency/kWh].
        carbon_kg_per_kwh: Carbon caused by a kWh [kg/kWh].
    """

    most_kwh: float
    fuel_per_kwh: float
    carbon_kg_per_kwh: float


@register
@dataclass(frozen=True, slots=True)
class BackupGenerator(Entity):
    """An emergency generator behind a connection with an import limit: a small one, none at all, or an outage.

    When imports, generation and discharging do not cover the load, and nothing is drawn by decision any more, it makes
    what is missing, up to its rated power, whatever that costs; only the rest is not served. It charges no battery and
    exports nothing. Fuel is a part of ``energy_cost``, its carbon counts as that of energy. It starts at once and has
    no least power; a set that is run by decision is a `ThermalUnit`.

    Args:
        rated_kw: Most power [kW].
        fuel_per_kwh: Fuel for a kWh of electricity [currency/kWh].
        carbon_g_per_kwh: Carbon caused by a kWh of electricity [gCO2/kWh].

    Raises:
        NonPositiveError: The rated power is not positive.
        ConfigurationError: Another field is negative or no number. When an environment is made: the connection limits
            no imports, so that nothing could ever be missing.

    Source:
        By definition of an emergency supply.

    Example:
        >>> BackupGenerator(rated_kw=8.0, fuel_per_kwh=0.5, carbon_g_per_kwh=750.0).backup(0.25)
        Backup(most_kwh=2.0, fuel_per_kwh=0.5, carbon_kg_per_kwh=0.75)
    """

    kind: ClassVar[str] = "backup_generator"
    rated_kw: float = 10.0
    fuel_per_kwh: float = 0.4
    carbon_g_per_kwh: float = 700.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "rated_kw", positive_number("backup generator", "rated_kw", self.rated_kw))
        for name in ("fuel_per_kwh", "carbon_g_per_kwh"):
            object.__setattr__(self, name, number_not_negative("backup generator", name, getattr(self, name)))

    def backup(self, hours: float) -> Backup:
        """Return its figures for steps of ``hours`` hours."""
        return Backup(self.rated_kw * hours, self.fuel_per_kwh, self.carbon_g_per_kwh / GRAM_PER_KG)
