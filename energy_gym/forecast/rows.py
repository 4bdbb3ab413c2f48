"""The forecasts that need no model: perfect, as published, and yesterday's values.

One rule: row t holds only what was known at t (``Perfect`` excepted, which exists to measure what forecasts cost).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.conversions import HOURS_PER_DAY
from energy_gym.data.feed import FORECAST_PREFIX, Feed, Issued
from energy_gym.errors import CardError
from energy_gym.forecast.publication import known_until

Positions = npt.NDArray[np.int64]


@runtime_checkable
class Forecast(Protocol):
    """What an environment asks of a forecast: for each step t, the values expected for t..t+horizon-1."""

    def rows(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        """Return the rows for the steps ``first`` to ``stop`` (half open), shape (stop - first, horizon).

        A row may use the feed only as far as it was known at its step. ``stop`` may be one more than the feed has
        steps: the last row is then what is known at the end of the data.
        """
        ...


@dataclass(frozen=True)
class Perfect:
    """The actual values; beyond the end of the data, those of the last days."""

    def rows(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        """See `Forecast.rows`."""
        known = np.full(stop - first, len(feed), dtype=np.int64)
        return _last_known(feed, column, first, known, horizon)


@dataclass(frozen=True)
class Yesterday:
    """The latest value at the same time of day that was measured by the step (that of 24 h before, or of more).

    A value that is posted as its step begins (``"at-start"``) is measured then: the running step holds it.
    """

    def rows(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        """See `Forecast.rows`."""
        return _last_known(feed, column, first, measured_until(feed, column, first, stop), horizon)


@dataclass(frozen=True)
class Published:
    """What had been published by then: day-ahead prices and forecasts, else the latest value at that time of day.

    Of a day-ahead forecast and one issued at the step itself, the latter counts; where it ends, the former goes on.
    """

    def rows(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        """See `Forecast.rows`."""
        known = known_until(feed.published[column], feed, first, stop)
        rows = _last_known(feed, column, first, known, horizon)
        twin = FORECAST_PREFIX + column
        if twin in feed.values:
            ahead = _positions(first, stop, horizon)
            open_until = known_until(feed.published[twin], feed, first, stop)
            use = (ahead >= known[:, None]) & (ahead < np.minimum(open_until, len(feed))[:, None])
            rows[use] = feed.values[twin][ahead[use]]
        if column in feed.issued:
            _overlay(rows, feed.issued[column][first:stop], known, first)
        return rows


def measured_until(feed: Feed, column: str, first: int, stop: int) -> Positions:
    """Return, for each step, the first position not measured yet: the step itself, or the next one if it is posted."""
    return np.arange(first, stop, dtype=np.int64) + int(feed.published[column] == "at-start")


def steps_per_day(feed: Feed) -> int:
    """Return the number of steps in 24 h; a resolution that does not divide a day is an error.

    Raises:
        CardError: If no whole number of steps makes a day.
    """
    steps = HOURS_PER_DAY / feed.step_hours
    if abs(steps - round(steps)) > 1e-9 or steps < 1:
        raise CardError(f"step of {feed.step_hours} h", "a day must hold a whole number of steps", "resample the data")
    return round(steps)


def _positions(first: int, stop: int, horizon: int) -> Positions:
    return np.arange(first, stop, dtype=np.int64)[:, None] + np.arange(horizon, dtype=np.int64)


def _overlay(rows: Floats, issued: Issued, known: Positions, first: int) -> None:
    """Write the forecasts issued at each step over what is not known by then; both arrays start at step ``first``."""
    steps, width = len(issued), min(issued.shape[1], rows.shape[1])
    ahead = _positions(first, first + steps, width)
    use = np.isfinite(issued[:, :width]) & (ahead >= known[:steps, None])
    rows[:steps, :width][use] = issued[:, :width][use]


def _last_known(feed: Feed, column: str, first: int, known: Positions, horizon: int) -> Floats:
    """Take each value from the last day on which it is known; before the data begin, the column's usual value."""
    day = steps_per_day(feed)
    limit = np.minimum(known, len(feed))[:, None]
    ahead = _positions(first, first + len(known), horizon)
    days_back = np.maximum((ahead - limit) // day + 1, 0)
    source = ahead - days_back * day
    rows = feed.values[column][np.maximum(source, 0)]
    rows[source < 0] = feed.expected_before(column)
    return rows
