"""Paths around any point forecast: what it missed on past days, whole days at a time.

One rule: an error is what a forecast missed of what came, from the step it was made at to the end of the look-ahead;
errors that belong together stay together, in time and from column to column.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats, Ints
from energy_gym.data.feed import Feed
from energy_gym.errors import DataError
from energy_gym.forecast.fitted import Fitted
from energy_gym.forecast.probabilistic.maker import LEAST_DAYS, Maker
from energy_gym.forecast.probabilistic.rows import BLOCK, made_rows, slots
from energy_gym.forecast.registry import get_forecast
from energy_gym.forecast.rows import Forecast, steps_per_day

Errors = npt.NDArray[np.float32]
LEARNT_SHARE = 2.0 / 3.0
"""Of a forecaster that learns, errors are those on the last third of the training window, learnt on what is before."""


@dataclass(eq=False)
class Residual(Maker):
    """Any point forecast, and what it missed at the same time of day on days of the training window.

    Args:
        forecast: The point forecast, by name or as an object.
        days: Days of errors at most, the newest of the training window.

    Example:
        >>> from energy_gym.data.feed import open_feed
        >>> maker = Residual(forecast="yesterday").fit(open_feed("ercot-2021-2022", None, "train"))
        >>> paths = maker.scenarios(9000, 20, 24)["price_per_mwh"]
        >>> paths.shape, len(set(paths[:, 0].tolist()))
        ((20, 24), 1)
    """

    name: ClassVar[str] = "residual"

    forecast: str | Forecast = "published"
    days: int = 400
    _kept: dict[int, _Errors] = field(default_factory=dict, init=False, repr=False)
    _point: Forecast | None = field(default=None, init=False, repr=False)

    @property
    def point(self) -> Forecast:
        """The point forecast; one that learns has learnt from the training window."""
        return get_forecast(self.forecast) if self._point is None else self._point

    def _learn(self) -> None:
        self._kept, self._point = {}, _learnt(get_forecast(self.forecast), self.trained)

    def _drawn(self, random: np.random.Generator, t: int, n: int, horizon: int) -> dict[str, Floats]:
        if horizon not in self._kept:
            self._kept[horizon] = self._missed(horizon)
        errors = self._kept[horizon]
        origins = errors.origins(self._rows.slot(t), t + self._behind(), max(horizon, steps_per_day(self.feed)))
        chosen = _chosen(random, origins, n)
        return {column: self._rows.row(column, t, horizon) + errors.of(column, chosen) for column in self._columns}

    def _missed(self, horizon: int) -> _Errors:
        return _errors_of(get_forecast(self.forecast), self.trained, self._columns, horizon, self.days)


@dataclass(frozen=True)
class _Errors:
    """Errors of rows that follow one another.

    Args:
        first: Step of the first row, counted from the beginning of the training data.
        missed: What each row missed of what came, by column, shape (rows, horizon).
        slots: Time of day of each row, shape (rows,).
    """

    first: int
    missed: dict[str, Errors]
    slots: Ints

    def origins(self, slot: int, t: int, apart: int) -> Ints:
        """Return the rows of a time of day that lie at least so many steps from a step.

        Raises:
            DataError: They are too few.
        """
        found = np.flatnonzero(self.slots == slot)
        found = found[np.abs(found + self.first - t) >= apart]
        if len(found) < LEAST_DAYS:
            rule = f"paths need {LEAST_DAYS} days of errors at each time of day"
            raise DataError(f"{len(found)} days of errors at this time of day", rule, "give a longer training window")
        return found

    def of(self, column: str, rows: Ints) -> Floats:
        """Return the errors of rows, shape (len(rows), horizon)."""
        return self.missed[column][rows].astype(np.float64)


def _errors_of(forecast: Forecast, feed: Feed, columns: tuple[str, ...], horizon: int, days: int) -> _Errors:
    """Return what a forecast missed within a training window, over its last days."""
    # On the first day of the data a forecast has nothing to go by: its errors say nothing of those that come later.
    first, stop = max(feed.first, steps_per_day(feed)), feed.stop - horizon + 1
    if isinstance(forecast, Fitted):
        first += round(LEARNT_SHARE * (feed.stop - feed.first))
        forecast = copy.deepcopy(forecast).fit(replace(feed, stop=first))
    first = max(first, stop - days * steps_per_day(feed))
    _require_rows(first, stop, feed, horizon)
    missed = {column: _missed(forecast, feed, column, first, stop, horizon) for column in columns}
    return _Errors(first, missed, slots(feed, first, stop))


def _require_rows(first: int, stop: int, feed: Feed, horizon: int) -> None:
    days = max(stop - first, 0) // steps_per_day(feed)
    if days < LEAST_DAYS:
        found = f"{days} days of errors {horizon} steps ahead"
        raise DataError(
            found, f"paths need at least {LEAST_DAYS}", "give a longer training window, or a shorter horizon"
        )


def _missed(forecast: Forecast, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Errors:
    came = np.lib.stride_tricks.sliding_window_view(feed.values[column], horizon)
    found = np.empty((stop - first, horizon), dtype=np.float32)
    for begin in range(first, stop, BLOCK):
        end = min(begin + BLOCK, stop)
        found[begin - first : end - first] = came[begin:end] - made_rows(forecast, feed, column, begin, end, horizon)
    return found


def _learnt(forecast: Forecast, trained: Feed) -> Forecast:
    """Return a forecast that has learnt from a window, where it learns."""
    return copy.deepcopy(forecast).fit(trained) if isinstance(forecast, Fitted) else forecast


def _chosen(random: np.random.Generator, among: Ints, n: int) -> Ints:
    """Return so many of some, each as often as any other."""
    rounds = -(-n // len(among))
    return np.concatenate([random.permutation(among) for _ in range(rounds)])[:n]
