"""When a series becomes known: the publication rules of the data cards, turned into positions.

One rule: for each step t, the answer is the first step that is still unknown at the start of t.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from energy_gym.data.feed import Feed
from energy_gym.data.publishing import RULES, is_rule, minute_of, nearest
from energy_gym.errors import CardError

if TYPE_CHECKING:
    import pandas as pd


def known_until(published: str, feed: Feed, first: int, stop: int) -> npt.NDArray[np.int64]:
    """Return, for each step from ``first`` to ``stop``, the position of the first value not yet known.

    Args:
        published: ``"always"``, ``"after"`` (a value is known when its interval has ended), ``"at-start"`` (when it
            begins) or ``"day-ahead HH:MM"`` (the values of the next local day become known at that local time).
        feed: The series and their zone.
        first: First step asked for.
        stop: Step after the last.

    Returns:
        Shape (stop - first,).

    Raises:
        CardError: If the rule is none of these.
    """
    if published == "always":
        return np.full(stop - first, len(feed), dtype=np.int64)
    if published == "after":
        return np.arange(first, stop, dtype=np.int64)
    if published == "at-start":
        return np.arange(first + 1, stop + 1, dtype=np.int64)
    minute = minute_of(published) if is_rule(published) else None
    if minute is None:
        raise CardError(f"published: {published!r}", f"must be {RULES}", nearest(published))
    return _end_of_known_day(feed, first, stop, minute)


def _end_of_known_day(feed: Feed, first: int, stop: int, minute: int) -> npt.NDArray[np.int64]:
    local: pd.DatetimeIndex = feed.span(first, stop).tz_convert(feed.zone)
    late = (local.hour * 60 + local.minute).to_numpy() >= minute
    wall = local.tz_localize(None).normalize().to_numpy().astype("datetime64[D]")
    ends = wall + np.where(late, 2, 1).astype("timedelta64[D]")
    days, inverse = np.unique(ends, return_inverse=True)
    return feed.times.searchsorted(_local_midnights(days, feed.zone))[inverse].astype(np.int64)


def _local_midnights(days: npt.NDArray[np.datetime64], zone: str) -> pd.DatetimeIndex:
    import pandas as pd

    midnights = pd.DatetimeIndex(days.astype("datetime64[ns]"))
    ambiguous = np.ones(len(days), dtype=bool)
    return midnights.tz_localize(zone, nonexistent="shift_forward", ambiguous=ambiguous).tz_convert("UTC")
