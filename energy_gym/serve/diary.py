"""What is known of a span of intervals while it happens: what was measured, and what was believed and when.

One rule: what was measured counts, else what was believed last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.data.feed import Feed
from energy_gym.errors import ConfigurationError, NonFiniteError, WindowError

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Diary:
    """What is known of a span of intervals, column by column.

    Args:
        times: Starts of the intervals [UTC], evenly spaced.
        columns: Names of the series that come in, such as ``"load_kw"``.
        horizon: Intervals that a belief looks ahead.
        remembered: How many intervals back it is kept what was believed at them; None: all of them.

    Example:
        >>> import pandas as pd
        >>> diary = Diary(pd.date_range("2024-01-01", periods=4, freq="h", tz="UTC"), ("load_kw",), horizon=2)
        >>> diary.believe(0, {"load_kw": [3.0, 4.0]})
        >>> diary.measure(0, {"load_kw": 3.5})
        >>> diary.frame()["load_kw"].tolist()
        [3.5, 4.0, 4.0, 4.0]
    """

    times: pd.DatetimeIndex
    columns: tuple[str, ...]
    horizon: int
    remembered: int | None = None
    measured: dict[str, Floats] = field(init=False)
    newest: int = field(init=False, default=-1)

    def __post_init__(self) -> None:
        self.measured = {name: np.full(len(self.times), np.nan) for name in self.columns}
        self._laid = {name: np.full(len(self.times), np.nan) for name in self.columns}
        self._rows: dict[int, dict[str, Floats]] = {}

    def believe(self, step: int, rows: Mapping[str, Any]) -> None:
        """Keep what is believed at the start of an interval of it and those after it.

        Args:
            step: The interval.
            rows: Values by column, shape (horizon,), in the column's unit.

        Raises:
            WindowError: The interval lies outside the span.
            NonFiniteError: A value is missing or infinite.
            ConfigurationError: A column is missing, or has another length.
        """
        self.within(step)
        told: dict[str, Floats] = {}
        for name in self.columns:
            row = np.asarray(rows.get(name, ()), dtype=np.float64)
            if row.shape != (self.horizon,):
                rule = f"must have {self.horizon} values"
                raise ConfigurationError(f"{name} believed: {row.size} values", rule, "give one for each interval")
            self._finite(name, row)
            told[name] = row
        self._rows[step] = told
        self.newest = max(self.newest, step)
        for newer in sorted(place for place in self._rows if place >= step):
            self._lay(newer)
        if self.remembered is not None:
            for old in [place for place in self._rows if place <= self.newest - self.remembered]:
                del self._rows[old]

    def _lay(self, step: int) -> None:
        """Lay what is believed at an interval over what was believed before."""
        for name, row in self._rows[step].items():
            span = self._laid[name][step : step + self.horizon]
            span[:] = row[: len(span)]

    def measure(self, step: int, values: Mapping[str, float]) -> None:
        """Keep what an interval that has passed really was; a column that is not given stays as it was believed.

        Raises:
            WindowError: The interval lies outside the span.
            NonFiniteError: A value is missing or infinite.
        """
        self.within(step)
        for name, value in values.items():
            if name in self.measured:
                self._finite(name, np.array([value], dtype=np.float64))
                self.measured[name][step] = value

    def frame(self) -> pd.DataFrame:
        """Return what is known of every interval: measured, else as the newest belief has it, else as the day before.

        Raises:
            WindowError: Nothing is believed yet.
        """
        import pandas as pd

        return pd.DataFrame(self.series(), index=self.times)

    def series(self) -> dict[str, Floats]:
        """Return the same by column, each of shape (intervals,)."""
        return {name: self._series(name) for name in self.columns}

    def _series(self, name: str) -> Floats:
        """Return a column: each interval from the newest row that covers it, measured ones over that."""
        if self.newest < 0:
            raise WindowError(f"{name}", "nothing is believed of it yet", "call believe() first")
        measured = self.measured[name]
        return _carried(np.where(np.isfinite(measured), measured, self._laid[name]))

    def rows(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        """See `energy_gym.forecast.rows.Forecast.rows`: what was believed at each interval."""
        ahead = np.minimum(np.arange(first, stop)[:, None] + np.arange(horizon), len(feed) - 1)
        rows = feed.values[column][ahead]
        for step in range(first, stop) if column in self.columns else ():
            if step in self._rows:
                rows[step - first] = self._rows[step][column][:horizon]
        return rows

    def within(self, step: int) -> None:
        """Raise WindowError where an interval lies outside the span."""
        if not 0 <= step < len(self.times):
            rule = f"must be one of 0 to {len(self.times) - 1}"
            raise WindowError(f"interval {step}", rule, "begin a new span")

    @staticmethod
    def _finite(name: str, values: Floats) -> None:
        if not np.isfinite(values).all():
            rule = "must be finite numbers"
            raise NonFiniteError(f"{name}: {values[~np.isfinite(values)][0]}", rule, "complete them, or leave them out")


def _carried(series: Floats) -> Floats:
    """Return a series in which what is missing is the last value before it, or the first after it."""
    known = np.flatnonzero(np.isfinite(series))
    place = np.searchsorted(known, np.arange(len(series)), side="right") - 1
    return series[known[np.maximum(place, 0)]]
