"""Filling of missing steps; its one rule: a missing step takes a published value, never a computed one.

A fill may look at later days: it repairs the record of what happened, it is no forecast. That is why filled steps are
marked.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from energy_gym.conversions import SECONDS_PER_DAY
from energy_gym.errors import DataError

_Days = NDArray[np.int64]


def fill_similar_day(series: pd.Series, zone: str) -> tuple[pd.Series, pd.Series]:
    """Give every missing step the value of the same local time on the nearest similar day.

    Similar days are working days (Monday to Friday), Saturdays, or Sundays. The nearest is counted in calendar days; of
    two equally near the earlier is taken; where the clock is turned back and the local time occurs twice in that day,
    the first. Where no similar day has the local time, the nearest day of any type does. Values that are present are
    never changed, and only they are copied, so the result does not depend on the order of filling.

    Args:
        series: Regular series with a time-zone-aware index; NaN where missing.
        zone: IANA time zone whose local time and weekdays count.

    Returns:
        The filled series, and a bool series of the same index that is True where a value was filled.

    Raises:
        DataError: A local time occurs on no day at all, so nothing can be copied.

    Example:
        >>> index = pd.date_range("2024-01-01", periods=4, freq="12h", tz="UTC")
        >>> values, filled = fill_similar_day(pd.Series([10.0, 20.0, float("nan"), 21.0], index=index), "UTC")
        >>> values.tolist(), filled.tolist()
        ([10.0, 20.0, 10.0, 21.0], [False, False, True, False])
    """
    values = series.to_numpy(dtype=np.float64, copy=True)
    missing = np.isnan(values)
    if missing.any():
        local = series.index.tz_convert(zone)
        day = np.asarray(local.tz_localize(None).as_unit("s").asi8 // SECONDS_PER_DAY, dtype=np.int64)
        clock = np.asarray(local.hour * 3600 + local.minute * 60 + local.second, dtype=np.int64)
        kind = np.maximum(np.asarray(local.day_of_week), 4)
        for step in map(int, np.flatnonzero(missing)):
            here = (clock == clock[step]) & ~missing
            donor = _nearest(day, np.flatnonzero(here & (kind == kind[step])), np.flatnonzero(here), step)
            if donor is None:
                remedy = "leave the column out, or take a longer span"
                raise DataError(f"{series.name} at {series.index[step]}", "no day has a value at this time", remedy)
            values[step] = values[donor]
    return pd.Series(values, series.index, name=series.name), pd.Series(missing, series.index, name=series.name)


def _nearest(day: _Days, similar: _Days, others: _Days, step: int) -> int | None:
    candidates = similar if len(similar) else others
    if not len(candidates):
        return None
    # Rows are in time order, so the first of the smallest distances is the earlier day and the first occurrence.
    return int(candidates[np.argmin(np.abs(day[candidates] - day[step]))])
