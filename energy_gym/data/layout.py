"""How a table is laid out that a card describes; its one rule: what a card leaves out is the suite's own convention."""

from __future__ import annotations

import math
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field

from energy_gym.errors import CardError


@dataclass(frozen=True)
class Layout:
    """Where a table holds its stamps and its columns, for the reader ``table``.

    Args:
        time: Title of the column of stamps.
        zone: Clock of stamps that carry no offset, an IANA time zone; None where they carry one.
        stamps: ``"start"`` or ``"end"``: which moment of its step a stamp is.
        columns: Title in the table, by name on the card; a name that is left out is its own title.
        factors: What values are multiplied by to be in the card's unit, by name; 1000 takes MW to kW.
        separator: What stands between the fields of a CSV file.
        decimal: What stands before the decimals in a CSV file.

    Raises:
        CardError: ``stamps``, ``zone`` or a factor is not usable.

    Example:
        >>> Layout(time="HourUTC", zone="UTC", columns={"price_per_mwh": "SpotPriceEUR"}).stamps
        'start'
    """

    time: str = "time"
    zone: str | None = None
    stamps: str = "start"
    columns: Mapping[str, str] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    separator: str = ","
    decimal: str = "."

    def __post_init__(self) -> None:
        if self.stamps not in ("start", "end"):
            raise CardError(f"table.stamps={self.stamps!r}", "must be 'start' or 'end'", "say which moment a stamp is")
        try:
            zoneinfo.ZoneInfo(self.zone or "UTC")
        except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
            remedy = "write it like Europe/Berlin or UTC"
            raise CardError(f"table.zone={self.zone!r}", "must be an IANA time zone", remedy) from error
        for name, factor in self.factors.items():
            if isinstance(factor, bool) or not isinstance(factor, int | float) or not math.isfinite(factor):
                raise CardError(f"table.factors.{name}={factor!r}", "must be a finite number", "write 1000, say")
