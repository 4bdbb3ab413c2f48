"""A time-of-use table: prices by hour, month, weekday and holiday of local time.

One rule: every minute of the calendar has exactly one price; a table with a hole or an overlap is refused when it is
made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Flags, Floats
from energy_gym.contracts import calendar
from energy_gym.contracts.clock import LocalTimes, by_step, check_zone, hour_text
from energy_gym.conversions import SECONDS_PER_DAY
from energy_gym.errors import ConfigurationError
from energy_gym.trees import build_rows, listed, number, text

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Band:
    """A price and the part of the calendar in which it holds.

    Args:
        name: A short name, unique in its table.
        price_per_mwh: The price [currency/MWh]; it may be negative.
        hours: As in :class:`~energy_gym.contracts.calendar.When`; so are ``months``, ``days`` and ``holidays``.
        months: Months, 1 to 12.
        days: Weekdays.
        holidays: What a holiday does to it.

    Raises:
        ConfigurationError: A field is not usable.

    Example:
        >>> Band("peak", 70000.0, hours=(10, 17)).hours
        ((10, 17),)
    """

    name: str
    price_per_mwh: float
    hours: tuple[tuple[float, float], ...] = calendar.ALL_HOURS
    months: tuple[int, ...] = calendar.ALL_MONTHS
    days: str | tuple[int, ...] = "all"
    holidays: str = "as-days"

    def __post_init__(self) -> None:
        text("name", self.name)
        object.__setattr__(self, "price_per_mwh", number("price_per_mwh", self.price_per_mwh, "currency/MWh"))
        calendar.adopt(self)

    @property
    def when(self) -> calendar.When:
        """The part of the calendar in which the price holds."""
        return calendar.when_of(self)


@dataclass(frozen=True, slots=True)
class TimeOfUse:
    """A table of prices by hour, month, weekday and holiday, in local time.

    Args:
        bands: The bands; together they cover every minute of the calendar exactly once, on holidays too.
        zone: Time zone of the table; None: that of the data.
        holidays: Dates, ``"2024-12-25"`` once or ``"12-25"`` every year.

    Raises:
        ConfigurationError: The bands leave a hole or overlap, two share a name, or a field is not usable.

    Example:
        >>> table = TimeOfUse((Band("day", 300.0, hours=(6, 22)), Band("night", 200.0, hours=(22, 6))))
        >>> import pandas as pd
        >>> table.series(pd.date_range("2024-07-01 03:00", periods=3, freq="h", tz="UTC"), "Europe/Berlin")
        array([200., 300., 300.])
        >>> TimeOfUse((Band("day", 300.0, hours=(6, 22)), Band("night", 200.0, hours=(21, 6))))
        Traceback (most recent call last):
        energy_gym.errors.ConfigurationError: bands: 'day' and 'night' overlap in January, Monday, 21:00 to 22:00; ...
    """

    bands: tuple[Band, ...]
    zone: str | None = None
    holidays: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "bands", listed("bands", self.bands, Band))
        object.__setattr__(self, "holidays", calendar.check_holidays(self.holidays))
        check_zone(self.zone)
        _check_cover(self.bands)

    def series(self, times: pd.DatetimeIndex, zone: str) -> Floats:
        """Return the price of each step [currency/MWh], shape (T,), float64.

        Args:
            times: Starts of the steps (UTC), shape (T,).
            zone: Time zone of the data, used where the table has none of its own.

        Raises:
            ConfigurationError: A band begins or ends inside a step.
            NaiveIndexError: The times have no time zone.
        """
        edges = {edge for band in self.bands for edge in band.when.edges}
        prices = np.array([band.price_per_mwh for band in self.bands])
        return prices[by_step(times, self.zone or zone, edges, self._numbers)]

    def _numbers(self, local: LocalTimes) -> npt.NDArray[np.intp]:
        """Return the number of the band that holds at each time (T,)."""
        return np.argmax([band.when.matches(local, self.holidays) for band in self.bands], axis=0)

    def to_tree(self) -> dict[str, Any]:
        """Return the table as a plain tree, without what is at its default."""
        bands = [
            {"name": band.name, "price_per_mwh": band.price_per_mwh, **calendar.when_tree(band.when)}
            for band in self.bands
        ]
        return {"bands": bands, **calendar.table_tree(self.zone, self.holidays)}

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any], path: str) -> TimeOfUse:
        """Read a table from a plain tree.

        Args:
            tree: Keys ``bands`` (a list), ``zone`` and ``holidays``.
            path: Where the tree stands in its file; errors start with it.

        Raises:
            ConfigurationError: An unknown key or a bad value, with its path.

        Example:
            >>> TimeOfUse.from_tree({"bands": [{"name": "flat", "price_per_mwh": 250}]}, "buy").bands[0].price_per_mwh
            250.0
        """
        return build_rows(cls, tree, path, "bands", Band)


def _check_cover(bands: Sequence[Band]) -> None:
    """Raise for the first cell of (month, weekday, holiday or not, span of the day) without exactly one band."""
    starts = sorted({0, *(edge for band in bands for edge in band.when.edges)})
    month, day = np.arange(1, 13).reshape(-1, 1, 1, 1), np.arange(7).reshape(-1, 1, 1)
    free, second = np.array([[False], [True]]), np.array(starts)
    covered: Flags = np.stack([band.when.covers(month, day, second, free) for band in bands])
    wrong = np.argwhere(covered.sum(axis=0) != 1)
    if len(wrong):
        month_at, day_at, free_at, span = (int(place) for place in wrong[0])
        holiday = ", on a holiday" if free_at else ""
        hours = f"{hour_text(starts[span])} to {hour_text((*starts[1:], SECONDS_PER_DAY)[span])}"
        place = f"{calendar.MONTHS[month_at]}, {calendar.WEEKDAYS[day_at]}{holiday}, {hours}"
        raise _cover_error(bands, covered[:, month_at, day_at, free_at, :], span, place)


def _cover_error(bands: Sequence[Band], day: Flags, span: int, place: str) -> ConfigurationError:
    """Return the error for a span of a day, from which bands (bands, spans) cover it."""
    names = [repr(band.name) for band, covers in zip(bands, day[:, span], strict=True) if covers]
    if names:
        return ConfigurationError(
            "bands", f"{' and '.join(names)} overlap in {place}", "end one where the other begins"
        )
    around = [name for name in (_neighbour(bands, day, span, -1), _neighbour(bands, day, span, 1)) if name]
    beside = f" beside {' and '.join(dict.fromkeys(around))}" if around else ""
    return ConfigurationError("bands", f"leave a hole in {place}{beside}", "extend a band, or add one")


def _neighbour(bands: Sequence[Band], day: Flags, span: int, way: int) -> str:
    """Return the name of the nearest band before or after a span of the day, around midnight if need be."""
    spans: Iterator[int] = ((span + way * step) % day.shape[1] for step in range(1, day.shape[1]))
    found = next((place for place in spans if day[:, place].any()), None)
    return "" if found is None else repr(bands[int(np.argmax(day[:, found]))].name)
