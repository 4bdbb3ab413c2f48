"""Local days; the one rule: a day begins with its first midnight, or, where that is skipped, with its first moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def midnight(wall: pd.Timestamp, zone: str) -> pd.Timestamp:
    """Return the moment at which a day begins in a zone [UTC].

    Args:
        wall: A time of that day on the clock of the zone, without an offset.
        zone: The zone; in some, clocks are set at midnight.

    Example:
        >>> import pandas as pd
        >>> skipped = midnight(pd.Timestamp("2024-09-08T12:00"), "America/Santiago")
        >>> twice = midnight(pd.Timestamp("2024-11-03T12:00"), "America/Havana")
        >>> f"{skipped:%H:%M}", f"{twice:%H:%M}"
        ('04:00', '04:00')
    """
    return wall.normalize().tz_localize(zone, ambiguous=True, nonexistent="shift_forward").tz_convert("UTC")
