"""What is believed of the coming intervals: the newest forecast, else the last one, else what the meter has shown.

One rule: nothing is ever replaced by zeros, and how old or how good a belief is goes with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.errors import ConfigurationError, DuplicateStampError, IrregularIndexError, NonFiniteError

if TYPE_CHECKING:
    import pandas as pd

FRESH, LATE, OWN = "fresh", "late", "own"
STUCK = "stuck"
"""Worse than all of them: the battery itself is not heard of, its state of charge stands still."""
QUALITIES = (FRESH, LATE, OWN)
# A forecast of which less than this is left ahead says too little of the day that comes.
LEAST_LEFT = 0.25
# Above so many times what was ever usual, watts were meant.
LOOKS_LIKE_WATTS = 50.0
# Below zero by more than this share of the largest usual value, another sign was meant.
NOISE = 0.05


class Belief(NamedTuple):
    """Values of the coming intervals of one column, shape (horizon,), how good they are and how old [s]."""

    values: Floats
    quality: str
    age_seconds: float


@dataclass(frozen=True)
class Announced:
    """A forecast as it came: values by the start of their interval, and when it was made.

    Args:
        issued: When it was made [UTC].
        times: Starts of the intervals [UTC], evenly spaced.
        values: Their values.

    Raises:
        NonFiniteError: A value is missing or infinite.
        DuplicateStampError: An interval comes twice.
        IrregularIndexError: There are gaps, or fewer than two intervals.

    Example:
        >>> import pandas as pd
        >>> times = pd.date_range("2024-01-01", periods=2, freq="h", tz="UTC")
        >>> told = Announced.of(times[0], times, [40.0, 60.0], "load_kw")
        >>> told.over(pd.date_range("2024-01-01", periods=4, freq="30min", tz="UTC")).tolist()
        [40.0, 40.0, 60.0, 60.0]
    """

    issued: pd.Timestamp
    times: pd.DatetimeIndex
    values: Floats

    @classmethod
    def of(cls, issued: pd.Timestamp, times: pd.DatetimeIndex, values: Sequence[float], column: str) -> Announced:
        """Return a forecast in the order of time, or raise where it cannot be one."""
        numbers = np.asarray(values, dtype=np.float64)
        if not np.isfinite(numbers).all():
            at = times[int(np.flatnonzero(~np.isfinite(numbers))[0])]
            raise NonFiniteError(f"forecast of {column} at {at.isoformat()}", "must be a finite number", "complete it")
        order = np.argsort(times.as_unit("ns").asi8, kind="stable")
        times, numbers = times[order], numbers[order]
        gaps = np.diff(times.as_unit("ns").asi8)
        if len(times) < 2 or (gaps != gaps[0]).any():
            if len(times) > 1 and (gaps == 0).any():
                raise DuplicateStampError(f"forecast of {column}", "has an interval twice", "send each once")
            raise IrregularIndexError(f"forecast of {column}", "must be evenly spaced", "send it without gaps")
        return cls(issued, times, numbers)

    def over(self, times: pd.DatetimeIndex) -> Floats:
        """Return its values over intervals, NaN where it says nothing of them.

        Longer intervals than its own take the mean, shorter ones the value that holds.
        """
        step, own = times[1] - times[0], self.times[1] - self.times[0]
        if own < step and step % own == step * 0:
            return self._means(times, int(step / own))
        place = np.asarray((times - self.times[0]) // own)
        inside = (place >= 0) & (place < len(self.values))
        return np.where(inside, self.values[np.clip(place, 0, len(self.values) - 1)], np.nan)

    def _means(self, times: pd.DatetimeIndex, count: int) -> Floats:
        place = self.times.get_indexer(times)
        full = (place >= 0) & (place + count <= len(self.values))
        sums = np.concatenate([[0.0], np.cumsum(self.values)])
        means = (sums[np.minimum(place + count, len(self.values))] - sums[np.maximum(place, 0)]) / count
        return np.where(full, means, np.nan)


def check_plausible(column: str, told: Announced, usual: float) -> None:
    """Raise ConfigurationError where a power is so large that watts were meant.

    Args:
        column: Name of the series.
        told: The forecast.
        usual: The largest usual value [kW].
    """
    check_power(f"forecast of {column}", float(np.abs(told.values).max()), usual)


def check_power(what: str, largest: float, usual: float) -> None:
    """Raise ConfigurationError where a power is so large that watts were meant.

    Args:
        what: What it is, for messages.
        largest: The power.
        usual: The largest usual value [kW].
    """
    if usual > 0.0 and largest > LOOKS_LIKE_WATTS * usual:
        rule = f"is {largest / usual:.0f} times the largest usual value, {usual:g} kW: it looks like watts"
        raise ConfigurationError(f"{what}: {largest:g}", rule, "send kW, not W")


def at_least_zero(what: str, values: Floats, usual: float) -> Floats:
    """Return powers of which none is below zero: what a meter's noise or a model's tail makes negative is none.

    Args:
        what: What they are, for messages.
        values: The powers [kW].
        usual: The largest usual value [kW].

    Raises:
        ConfigurationError: One is so far below zero that another sign was meant.

    Example:
        >>> at_least_zero("solar", np.array([-0.01, 5.0]), 100.0).tolist()
        [0.0, 5.0]
    """
    least = float(values.min())
    if least < -NOISE * max(usual, 1.0):
        rule = "is below zero: load and solar power are both above it"
        raise ConfigurationError(f"{what}: {least:g}", rule, "send them without a sign")
    return np.maximum(values, 0.0)


def believed(told: Announced | None, times: pd.DatetimeIndex, now: pd.Timestamp, own: Floats) -> Belief:
    """Return what is believed of intervals.

    Args:
        told: The last forecast that came, if any.
        times: Starts of the intervals, the coming one first.
        now: The moment [UTC].
        own: What the site's own forecaster expects, shape (horizon,).

    A forecast is late where it was made before the interval that has just passed. Where it ends, it goes on as at
    the same time of its last day; where too little of it is left ahead, or it has no day to go on from, the site's own
    forecaster is believed.
    """
    if told is None:
        return Belief(own, OWN, float("inf"))
    age = max((now - told.issued).total_seconds(), 0.0)
    values, step = told.over(times), times[1] - times[0]
    known = np.isfinite(values)
    if not known[0] or known.mean() < LEAST_LEFT:
        return Belief(own, OWN, age)
    values = _gone_on(values, told, times, own)
    return Belief(values, FRESH if age <= step.total_seconds() + 1.0 else LATE, age)


def _gone_on(values: Floats, told: Announced, times: pd.DatetimeIndex, own: Floats) -> Floats:
    """Return values in which what a forecast does not reach is what it says a day, or days, before; else the own."""
    import pandas as pd

    found = values.copy()
    for days in range(1, 8):
        open_ = ~np.isfinite(found)
        if not open_.any():
            break
        found[open_] = told.over(times - pd.Timedelta(days=days))[open_]
    return np.where(np.isfinite(found), found, own)


def worst(beliefs: Mapping[str, Belief]) -> str:
    """Return the poorest quality of some beliefs.

    Example:
        >>> worst({"load_kw": Belief(np.zeros(1), "fresh", 0.0), "pv_kw": Belief(np.zeros(1), "own", 0.0)})
        'own'
    """
    return max((belief.quality for belief in beliefs.values()), key=QUALITIES.index, default=FRESH)
