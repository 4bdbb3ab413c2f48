"""What a site's series are usually like: from its history until the meter has shown it, then from the meter.

One rule: the last days at the same time of day count first, then the usual course of that kind of day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.contracts.clock import LocalTimes
from energy_gym.data import Statistics, load
from energy_gym.data.own_check import read_frame
from energy_gym.data.zones import zone_of
from energy_gym.errors import MissingColumnError
from energy_gym.scenario import Scenario
from energy_gym.scenarios.composed import ScenarioEnv
from energy_gym.scenarios.composition import make_composition

if TYPE_CHECKING:
    import pandas as pd

DAYS = 10
SATURDAY, QUARTERS = 5, 96
DAY_NS = 24 * 3600 * 10**9


@dataclass(frozen=True)
class History:
    """Series of a site before the service began, and how an environment is told of them.

    Args:
        frame: The series [kW], UTC index; of a data set, its training part.
        zone: Time zone of the site.
        currency: Of its tariff.
        source: Keywords of an environment on it.
    """

    frame: pd.DataFrame
    zone: str
    currency: str
    source: Mapping[str, Any]

    @classmethod
    def read(cls, data: str, zone: str | None, control: str = "power") -> History:
        """Return the history in a file, or that of a data set by id.

        Args:
            data: The file, or the id.
            zone: Time zone; None: that of the data.
            control: What a wish names in an environment on it: a ``power`` of the battery, or one at the ``meter``.

        Raises:
            DataError: The file cannot be read.
            UnknownIdError: No data set of that id.
        """
        if Path(data).suffix:
            frame = read_frame(Path(data), zone)
            found = zone or zone_of(frame.index.tz)
            source = {"data": frame, "zone": found, "split": "all", "control": control}
            return cls(frame, found, str(frame.attrs.get("currency", "currency")), source)
        loaded = load(data)
        first, stop = loaded.bounds("train")
        source = {"dataset": data, "split": "train", "control": control}
        return cls(loaded.frame.iloc[first:stop], zone or loaded.card.zone, loaded.card.currency, source)

    def environment(self, scenario: Scenario, horizon: int, **keywords: Any) -> ScenarioEnv:
        """Return an environment on the history: in it agents learn, and by its figures observations are scaled."""
        return ScenarioEnv(**{"scenario": scenario, "horizon": horizon, **self.source, **keywords})

    def statistics(self, scenario: Scenario, horizon: int) -> Mapping[str, Statistics]:
        """Return the figures of the history by which observations are scaled, by series."""
        told = {"scenario": scenario, "horizon": horizon, **self.source}
        return make_composition(**ScenarioEnv.complete(told)).feed.statistics

    def require(self, columns: tuple[str, ...]) -> None:
        """Raise MissingColumnError where a series that the site needs is not among them."""
        for name in columns:
            if name not in self.frame:
                found = f"the history has {', '.join(map(str, self.frame.columns))}"
                raise MissingColumnError(f"column {name!r}", found, "add it to the file that data= names")

    def usual(self, column: str, times: pd.DatetimeIndex) -> Floats:
        """Return the mean at the time of day of each interval, on working days and at weekends apart."""
        return np.asarray(self._courses[column][_slots(times, self.zone)])

    @cached_property
    def _courses(self) -> dict[str, Floats]:
        """The mean of each series by quarter of an hour of a working day, then of a day of a weekend."""
        past = _slots(self.frame.index, self.zone)
        seen = np.bincount(past, minlength=2 * QUARTERS)
        found = {}
        for column in map(str, self.frame.columns):
            values = self.frame[column].to_numpy(dtype=np.float64)
            total = np.bincount(past, values, 2 * QUARTERS)
            found[column] = np.where(seen > 0, total / np.maximum(seen, 1), values.mean())
        return found

    def expected(self, column: str, times: pd.DatetimeIndex, shown: pd.DataFrame) -> Floats:
        """Return what is expected of intervals: the mean of the last days there, else what is usual.

        Args:
            column: Name of the series.
            times: Starts of the intervals [UTC].
            shown: What the meter has shown, by interval.
        """
        usual = self.usual(column, times)
        if column not in shown or shown.empty:
            return usual
        moments, known = (index.as_unit("ns").asi8 for index in (times, shown.index))
        back = np.arange(1, DAYS + 1 + int((moments[-1] - moments[0]) // DAY_NS))
        asked = moments[None, :] - back[:, None] * DAY_NS
        place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        seen = np.where(known[place] == asked, shown[column].to_numpy(dtype=np.float64)[place], np.nan)
        count = np.isfinite(seen).sum(axis=0)
        return np.where(count > 0, np.nansum(seen, axis=0) / np.maximum(count, 1), usual)


def _slots(times: pd.DatetimeIndex, zone: str) -> Any:
    """Return the quarter of an hour of each moment, those of weekends after those of working days."""
    local = LocalTimes.of(times, zone)
    return np.asarray(local.second // 900 + QUARTERS * (local.weekday >= SATURDAY), dtype=np.int64)
