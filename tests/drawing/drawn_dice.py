"""What a drawn problem is drawn with: one source of chance, and the clock that all its tables must fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
MINUTES = (5, 15, 30, 60)
# Local moments around which tables, days and clocks change: months, summer and winter times, weekends, a year.
MOMENTS = {
    "UTC": ("2024-03-31 20:00", "2024-06-14 20:00", "2024-12-31 21:00"),
    "Europe/Berlin": ("2024-03-30 22:00", "2024-10-26 23:00", "2024-03-31 20:00", "2024-06-14 20:00"),
    "America/New_York": ("2024-03-09 22:00", "2024-11-02 22:00", "2024-08-31 20:00"),
    "Asia/Kolkata": ("2024-03-31 20:00", "2024-06-14 20:00"),
}
COLUMNS = {
    "price": ("price_per_mwh", "second_per_mwh"),
    "carbon": ("carbon_g_per_kwh", "other_g_per_kwh"),
    "load": ("load_kw", "second_load_kw"),
    "solar": ("pv_kw", "roof_kw"),
    "wind": ("wind_kw", "second_wind_kw"),
}


@dataclass(frozen=True)
class Dice:
    """A source of chance.

    Args:
        random: NumPy's.
        minutes: Length of a step.
        zone: Zone of the data.
    """

    random: np.random.Generator
    minutes: int
    zone: str

    def one(self, *values: Any) -> Any:
        """Return one of some values."""
        return values[int(self.random.integers(len(values)))]

    def within(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both among them."""
        return int(self.random.integers(low, high + 1))

    def column(self, of: str) -> str:
        """Return a column of that kind, mostly the usual one."""
        usual, other = COLUMNS[of]
        return other if self.chance(0.25) else usual

    def own_zone(self) -> str | None:
        """Return the zone of a table: that of the data, or one whose hours begin with a step as well."""
        half = "Asia/Kolkata"
        fitting = [zone for zone in ZONES if self.minutes <= 30 or (zone == half) == (self.zone == half)]
        return self.one(None, None, *fitting)
