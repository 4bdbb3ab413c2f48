"""What a series was of late, as a linear forecast looks at it: the last known steps, and the time of day it is for.

One rule: only what was known where a forecast is made; when that was, is told by the publication rule.
"""

from __future__ import annotations

import numpy as np

from energy_gym.arrays import Floats, Ints

# Of how many of the last known steps means are taken, beside the last one.
RECENT = (1, 2, 4, 12)
# Of how many of the last known days means are taken at the time of day that is looked ahead to, and which is usual.
DAYS = (7, 28, 56)
USUAL = 28
FEATURES = len(RECENT) + len(DAYS) + 1
MOST_ROWS = 20000


class Recent:
    """A series as far as it is known where forecasts are made.

    Args:
        values: The series from some step of the data on, shape (n,).
        low: That step.
        day: Steps of a day.
        known: First step of the data that is not known, for each forecast.
    """

    def __init__(self, values: Floats, low: int, day: int, known: Ints) -> None:
        self._low, self._day, self._known = low, day, known
        rows = -(-len(values) // day) + 1
        by_day = np.concatenate([values, np.zeros(rows * day - len(values))]).reshape(rows, day)
        self._before = np.concatenate([np.zeros((1, day)), np.cumsum(by_day, axis=0)])
        self._recent = self._means(values)

    def features(self, target: Ints) -> Floats:
        """Return what is looked at to foresee a step of the data for each forecast, shape (forecasts, FEATURES)."""
        days_back = np.maximum(-(-(target - self._known + 1) // self._day), 1)
        at = target - (days_back - 1) * self._day - self._low
        usual = [self._usual(at, days) for days in DAYS]
        return np.column_stack([self._recent, *usual, np.ones(len(at))])

    def _usual(self, at: Ints, days: int) -> Floats:
        """Return the mean at the time of day of a step over so many days before it, or as many as there are."""
        row, place = np.divmod(at, self._day)
        first = np.maximum(row - days, 0)
        return np.asarray((self._before[row, place] - self._before[first, place]) / np.maximum(row - first, 1))

    def _means(self, values: Floats) -> Floats:
        """Return by how much the last known steps were above what was usual, shape (forecasts, len(RECENT))."""
        total = np.concatenate([[0.0], np.cumsum(values - self._usual(np.arange(len(values)), USUAL))])
        last = self._known - self._low
        return np.stack([(total[last] - total[np.maximum(last - size, 0)]) / size for size in RECENT], axis=1)


def learnt_at(first: int, stop: int, day: int) -> Ints:
    """Return steps of the data to learn forecasts from, of which there are many: days enough for means lie before them.

    Args:
        first: The first step of a split.
        stop: The step after the last that there is something to learn from.
        day: Steps of a day.

    Example:
        >>> learnt_at(0, 24 * 10, 24)[[0, -1]].tolist()
        [120, 239]
    """
    passed = max(day, min(max(DAYS) * day, (stop - first) // 2))
    return np.arange(first + passed, stop)[:: max((stop - first) // MOST_ROWS, 1)]


def looked_back(day: int) -> int:
    """Return how many steps before the last known one are looked at."""
    return max(RECENT) + (max(DAYS) + 1) * day


def fitted(features: Floats, target: Floats) -> Floats:
    """Return what each feature counts by least squares, shape (FEATURES,)."""
    return np.asarray(np.linalg.pinv(features.T @ features) @ features.T @ target)
