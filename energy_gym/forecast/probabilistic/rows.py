"""Rows of a point forecast and what was known with them, block by block, so that one step costs next to nothing.

One rule: a block is worked out once and kept; how steps are put into blocks changes no value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from energy_gym.arrays import Floats, Ints
from energy_gym.conversions import HOURS_PER_DAY, MINUTES_PER_HOUR
from energy_gym.data.feed import Feed
from energy_gym.errors import ConfigurationError
from energy_gym.forecast.publication import known_until
from energy_gym.forecast.rows import Forecast, steps_per_day

BLOCK = 2048
KEPT = 64
KINDS = np.array([0, 1, 1, 1, 1, 2, 3])
"""Kinds of day whose errors are alike, from Monday on: before a Monday lies a Sunday."""
MINUTES_PER_DAY = round(HOURS_PER_DAY * MINUTES_PER_HOUR)


@dataclass(eq=False)
class Rows:
    """The rows of a forecast of a feed.

    Args:
        forecast: The forecast.
        feed: The series.
    """

    forecast: Forecast
    feed: Feed
    _rows: dict[tuple[str, int, int], Floats] = field(default_factory=dict, init=False, repr=False)
    _known: dict[tuple[str, int], Ints] = field(default_factory=dict, init=False, repr=False)
    _kinds: dict[int, tuple[Ints, Ints]] = field(default_factory=dict, init=False, repr=False)

    def row(self, column: str, t: int, horizon: int) -> Floats:
        """Return what was expected at a step of the steps from it on, shape (horizon,)."""
        first, stop = self._block(t)
        key = (column, first, horizon)
        if key not in self._rows:
            _make_room(self._rows)
            self._rows[key] = made_rows(self.forecast, self.feed, column, first, stop, horizon)
        return np.asarray(self._rows[key][t - first])

    def known(self, column: str, t: int) -> int:
        """Return the first step that is not known at a step."""
        first, stop = self._block(t)
        key = (column, first)
        if key not in self._known:
            _make_room(self._known)
            self._known[key] = known_until(self.feed.published[column], self.feed, first, stop)
        return int(self._known[key][t - first])

    def kind(self, t: int) -> tuple[int, int]:
        """Return the local time of day of a step, counted in steps from midnight, and the kind of its day."""
        first, stop = self._block(t)
        if first not in self._kinds:
            _make_room(self._kinds)
            self._kinds[first] = slots(self.feed, first, stop), kinds_of_day(self.feed, first, stop)
        places, kinds = self._kinds[first]
        return int(places[t - first]), int(kinds[t - first])

    def _block(self, t: int) -> tuple[int, int]:
        """Return the bounds of the block of a step; blocks are counted from the first step that is played."""
        first = self.feed.first + (t - self.feed.first) // BLOCK * BLOCK
        return max(first, 0), min(first + BLOCK, len(self.feed))


def made_rows(forecast: Forecast, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
    """Return rows of a forecast, shape (stop - first, horizon).

    Raises:
        ConfigurationError: They are of another shape or not finite.
    """
    rows = np.asarray(forecast.rows(feed, column, first, stop, horizon), dtype=np.float64)
    if rows.shape != (stop - first, horizon) or not np.isfinite(rows).all():
        rule = f"must give finite rows of shape {(stop - first, horizon)}"
        raise ConfigurationError(f"forecast {forecast!r} of {column!r}: shape {rows.shape}", rule, "correct its rows()")
    return rows


def slots(feed: Feed, first: int, stop: int) -> Ints:
    """Return the local time of day of steps, counted in steps from midnight, shape (stop - first,)."""
    local = feed.span(first, stop).tz_convert(feed.zone)
    minutes = (local.hour * MINUTES_PER_HOUR + local.minute).to_numpy()
    return np.asarray(minutes * steps_per_day(feed) // MINUTES_PER_DAY, dtype=np.int64)


def kinds_of_day(feed: Feed, first: int, stop: int) -> Ints:
    """Return the kind of local day of steps, shape (stop - first,)."""
    return np.asarray(KINDS[feed.span(first, stop).tz_convert(feed.zone).day_of_week.to_numpy()])


def _make_room(kept: dict[Any, Any]) -> None:
    if len(kept) >= KEPT:
        kept.pop(next(iter(kept)))
