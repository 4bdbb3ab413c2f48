"""What a point forecast missed on past days, row by row, and what its latest miss says of the hours to come.

One rule: errors that belong together stay together, in time and from column to column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats, Ints
from energy_gym.data.feed import Feed
from energy_gym.errors import DataError
from energy_gym.forecast.probabilistic.rows import BLOCK, kinds_of_day, made_rows, slots
from energy_gym.forecast.rows import Forecast, steps_per_day

Errors = npt.NDArray[np.float32]
LEAST_DAYS = 20
"""Days of the same time of day that paths are made from, at least."""
HOURS = 24
LARGEST = 0.95
"""Misses above this share of all count as if they were no larger: a spike says little of the hours after it."""
CAUTION = 20
"""Misses of the usual size that carry nothing on are added to what was seen, so that few of them say little."""


class Carried(NamedTuple):
    """How a miss carries on.

    Args:
        lag: Lead of the latest known value in the row of the step before.
        largest: Misses beyond this size count as this size [unit of the column].
        slopes: What is missed later for each unit missed now, by hour and lead, shape (24, horizon).
    """

    lag: int
    largest: float
    slopes: Floats

    def moved(self, latest: float, before: Floats, hour: int) -> Floats:
        """Return by how much errors move that followed other misses, shape (len(before), horizon)."""
        capped = np.clip(latest, -self.largest, self.largest) - np.clip(before, -self.largest, self.largest)
        return np.outer(capped, self.slopes[hour])


@dataclass(frozen=True)
class PastErrors:
    """Errors of rows that follow one another.

    Args:
        first: Step of the first row, counted from the beginning of the data.
        missed: What each row missed of what came, by column, shape (rows, horizon).
        slots: Time of day of each row, shape (rows,).
        kinds: Kind of day of each row, shape (rows,).
        carried: How a miss carries on, by column; without those that are known long before.
        day: Steps of a day.
    """

    first: int
    missed: dict[str, Errors]
    slots: Ints
    kinds: Ints
    carried: dict[str, Carried]
    day: int

    @classmethod
    def of(cls, forecast: Forecast, feed: Feed, columns: tuple[str, ...], first: int, horizon: int) -> PastErrors:
        """Return what a forecast missed from a step on to the end of the window of a feed.

        Raises:
            DataError: That are too few days.
        """
        stop, day = feed.stop - horizon + 1, steps_per_day(feed)
        _require_days(max(stop - first, 0) // day, horizon)
        missed = {column: _missed(forecast, feed, column, first, stop, horizon) for column in columns}
        places = slots(feed, first, stop)
        lags = {name: lag for name in columns if (lag := lag_of_latest(feed, name)) is not None and lag < horizon}
        carried = {name: _carried(missed[name], places * HOURS // day, lag) for name, lag in lags.items()}
        return cls(first, missed, places, kinds_of_day(feed, first, stop), carried, day)

    def origins(self, slot: int, kind: int, t: int, apart: int) -> Ints:
        """Return the rows of a time of day that lie at least so many steps from a step, of its kind of day if enough.

        Raises:
            DataError: They are too few.
        """
        found = np.flatnonzero(self.slots == slot)
        found = found[(np.abs(found + self.first - t) >= apart) & (found > 0)]
        if len(found) < LEAST_DAYS:
            rule = f"paths need {LEAST_DAYS} at each time of day"
            raise DataError(f"{len(found)} days of errors at this time of day", rule, "give a longer training window")
        alike = found[self.kinds[found] == kind]
        return alike if len(alike) >= LEAST_DAYS else found

    def errors(self, column: str, rows: Ints, latest: float | None) -> Floats:
        """Return the errors of rows, moved by what the latest known value was off, shape (len(rows), horizon)."""
        found = self.missed[column][rows].astype(np.float64)
        if latest is None or column not in self.carried:
            return found
        carried = self.carried[column]
        before = self.missed[column][rows - 1, carried.lag].astype(np.float64)
        return found + carried.moved(latest, before, int(self.slots[rows[0]]) * HOURS // self.day)


def lag_of_latest(feed: Feed, column: str) -> int | None:
    """Return the lead of the latest value known at a step in the row of the step before; None: known long before."""
    return {"after": 0, "at-start": 1}.get(feed.published[column])


def _require_days(days: int, horizon: int) -> None:
    if days < LEAST_DAYS:
        remedy = "give a longer training window, or a shorter horizon"
        raise DataError(f"{days} days of errors {horizon} steps ahead", f"paths need at least {LEAST_DAYS}", remedy)


def _missed(forecast: Forecast, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Errors:
    came = np.lib.stride_tricks.sliding_window_view(feed.values[column], horizon)
    found = np.empty((stop - first, horizon), dtype=np.float32)
    for begin in range(first, stop, BLOCK):
        end = min(begin + BLOCK, stop)
        found[begin - first : end - first] = came[begin:end] - made_rows(forecast, feed, column, begin, end, horizon)
    return found


def _carried(missed: Errors, hours: Ints, lag: int) -> Carried:
    """Return how what a row missed of the latest value carries on in the next row, by least squares for each hour."""
    largest = float(np.quantile(np.abs(missed[:, lag]), LARGEST))
    capped = np.clip(missed, -largest, largest)
    before, after, hours = capped[:-1, lag].astype(np.float64), capped[1:], hours[1:]
    usual = CAUTION * float(np.square(before).mean())
    slopes = np.zeros((HOURS, missed.shape[1]))
    for hour in np.unique(hours).tolist():
        now = hours == hour
        total = float(np.square(before[now]).sum()) + usual
        slopes[hour] = before[now] @ after[now] / total if total > 0.0 else 0.0
    return Carried(lag, largest, slopes)
