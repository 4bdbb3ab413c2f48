"""A user's own forecast from a CSV file: one value a step, or several with the moment each was made.

One rule: row t takes for each step the newest forecast that was made by t; what none covers is yesterday's value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.data.feed import Feed
from energy_gym.errors import DataError, DuplicateStampError, MissingColumnError, NaiveIndexError, NonFiniteError
from energy_gym.forecast.publication import known_until
from energy_gym.forecast.rows import Yesterday

if TYPE_CHECKING:
    import pandas as pd

TIME, ISSUED = "time", "issued"


@dataclass(frozen=True)
class FromCSV:
    """A forecast read from a file with a column ``time`` and one column for each series, by its canonical name.

    With a column ``issued`` a line is what was expected of ``time`` at the moment ``issued``; without it every line is
    known by the rule ``published``. Stamps carry their offset, such as ``2024-03-01T00:00Z``; lines may come in any
    order, and need not cover all steps.

    Args:
        path: The file.
        published: ``"day-ahead HH:MM"`` local time, or ``"always"``; not used where the file has ``issued``.

    Raises:
        DataError: The file cannot be read, a stamp is no stamp or no step of the data, or none lies within them.
        NaiveIndexError: Stamps without an offset.
        DuplicateStampError: Two lines for the same step (and the same moment of issue).
        MissingColumnError: No column ``time``, or not the one that is asked for.
        NonFiniteError: A value is missing.

    Example:
        >>> FromCSV("forecast.csv").published
        'day-ahead 12:00'
    """

    path: str | Path
    published: str = "day-ahead 12:00"

    def rows(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        """See `Forecast.rows`."""
        table = read_table(self.path, (TIME,), (column,))
        times = {name: stamps(self.path, table[name]) for name in (ISSUED, TIME) if name in table}
        self._require_once(times)
        target = places(self.path, feed, times[TIME])
        values = table[column].to_numpy(dtype=np.float64)
        inside = (target >= 0) & (target < len(feed))
        self._require_some(feed, times[TIME], inside)
        rows = Yesterday().rows(feed, column, first, stop, horizon)
        if ISSUED in times:
            now = feed.span(first, first + len(rows)).as_unit("ns").asi8
            made = times[ISSUED].as_unit("ns").asi8
            return _newest(rows, now, first, made[inside], target[inside], values[inside])
        series = np.full(len(feed), np.nan)
        series[target[inside]] = values[inside]
        return self._announced(rows, feed, first, series)

    def _announced(self, rows: Floats, feed: Feed, first: int, series: Floats) -> Floats:
        until = np.minimum(known_until(self.published, feed, first, first + len(rows)), len(feed))
        ahead = np.arange(first, first + len(rows))[:, None] + np.arange(rows.shape[1])
        told = series[np.minimum(ahead, len(feed) - 1)]
        use = (ahead < until[:, None]) & np.isfinite(told)
        rows[use] = told[use]
        return rows

    def _require_once(self, times: Mapping[str, pd.DatetimeIndex]) -> None:
        """Raise DuplicateStampError where two lines say something of the same step."""
        import pandas as pd

        again = pd.DataFrame(times).duplicated().to_numpy()
        if again.any():
            line = int(np.argmax(again))
            where = f"{self.path}, line {line + 2}: {times[TIME][line].isoformat()}"
            rule = "is there twice" + (f" for the same {ISSUED!r}" if ISSUED in times else "")
            raise DuplicateStampError(where, rule, f"keep one line, or add a column {ISSUED!r}")

    def _require_some(self, feed: Feed, stamps: pd.DatetimeIndex, inside: npt.NDArray[np.bool_]) -> None:
        """Raise DataError where no line is about a step of the data."""
        if inside.any():
            return
        told = f"{stamps.min().isoformat()} to {stamps.max().isoformat()}" if len(stamps) else "no lines"
        held = f"the data are from {feed.times[0].isoformat()} to {feed.times[-1].isoformat()}"
        raise DataError(f"{self.path}: {told}", f"holds nothing of them: {held}", "check the file and its years")


def read_table(path: str | Path, needed: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    """Return the table of a file.

    Args:
        path: The file.
        needed: Columns that must be there.
        numbers: Columns that must be there and hold finite numbers.

    Raises:
        DataError: It cannot be read.
        MissingColumnError: A column is missing.
        NonFiniteError: A value is missing.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(str(path), f"cannot be read as CSV ({error})", "check the path and the file") from error
    for name in (*needed, *numbers):
        if name not in table:
            raise MissingColumnError(f"{path}: column {name!r}", f"found {', '.join(table)}", "add it")
    for name in numbers:
        values = pd.to_numeric(table[name], errors="coerce")
        if not np.isfinite(values).all():
            line = int(np.flatnonzero(~np.isfinite(values))[0]) + 2
            raise NonFiniteError(f"{path}, line {line}: {name}", "must be a finite number", "complete the file")
        table = table.assign(**{name: values})
    return table


def stamps(path: str | Path, written: pd.Series) -> pd.DatetimeIndex:
    """Return the moments of a column of a file.

    Raises:
        DataError: One is no stamp.
        NaiveIndexError: One has no offset.
    """
    import pandas as pd

    found = []
    for line, text in enumerate(written, start=2):
        where = f"{path}, line {line}: {written.name} {text!r}"
        try:
            stamp = pd.Timestamp(text)
        except (ValueError, TypeError) as error:
            raise DataError(where, "is no time stamp", "write 2024-03-01T00:00Z") from error
        if stamp is pd.NaT:
            raise DataError(where, "is no time stamp", "complete the file")
        if stamp.tz is None:
            raise NaiveIndexError(where, "stamps without an offset leave their moment open", "add Z or +01:00")
        found.append(stamp.tz_convert("UTC"))
    return pd.DatetimeIndex(found, tz="UTC")


def places(path: str | Path, feed: Feed, moments: pd.DatetimeIndex) -> npt.NDArray[np.int64]:
    """Return which steps of a feed begin at moments.

    Raises:
        DataError: One lies between two steps.
    """
    away = (moments - feed.times[0]) / (feed.times[1] - feed.times[0])
    found = np.round(away).astype(np.int64)
    wrong = np.abs(away - found) > 1e-9
    if wrong.any():
        stamp = moments[int(np.argmax(wrong))]
        raise DataError(f"{path}: {stamp}", f"is no start of a step of {feed.step_hours} h", "shift the stamps")
    return np.asarray(found)


def _newest(
    rows: Floats,
    now: npt.NDArray[np.int64],
    first: int,
    made: npt.NDArray[np.int64],
    target: npt.NDArray[np.int64],
    values: Floats,
) -> Floats:
    """Overwrite in each row, made at ``now``, every step with its newest forecast ``made`` by then.

    ``target`` is a line's position. A newer issue that covers fewer steps leaves the others to the one before it.
    """
    order = np.argsort(made, kind="stable")
    bounds = np.searchsorted(made[order], now, side="right")
    believed = np.full(int(target.max(initial=0)) + rows.shape[1] + len(rows) + first + 1, np.nan)
    told = 0
    for row, bound in enumerate(bounds):
        lines = order[told:bound]
        believed[target[lines]] = values[lines]  # of lines of the same step the last, which is the newest, counts
        told = bound
        ahead = believed[first + row : first + row + rows.shape[1]]
        use = np.isfinite(ahead)
        rows[row, use] = ahead[use]
    return rows
