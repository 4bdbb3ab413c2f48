"""When a tariff's band or window applies: hours, months, weekdays and holidays of local time.

One rule: every instant is judged by its own local date and clock; the hours after midnight of a window such as 22 to 6
belong to the day they fall on, not to the evening before.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np

from energy_gym.arrays import Flags, Ints
from energy_gym.contracts.clock import LocalTimes
from energy_gym.conversions import DAYS, MINUTES_PER_HOUR, SECONDS_PER_DAY, SECONDS_PER_MINUTE
from energy_gym.errors import ConfigurationError, UnknownIdError

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
ALL_HOURS = ((0.0, 24.0),)
ALL_MONTHS = tuple(range(1, 13))
HOLIDAYS = ("as-days", "only", "never")
LEAP_YEAR = 2000
NUMBERS = (int, float, np.integer, np.floating)


@dataclass(frozen=True, slots=True)
class When:
    """The part of the calendar in which something applies; all four conditions must hold.

    Args:
        hours: Intervals (start, end) of local hours, half open; 13.5 is half past one, and (22, 6) goes over midnight.
            One pair without the outer brackets is taken as one interval.
        months: Months, 1 to 12.
        days: ``"all"``, ``"weekday"`` (Monday to Friday), ``"weekend"``, or a tuple of 0 (Monday) to 6.
        holidays: ``"as-days"``: a holiday counts by its weekday; ``"only"``: applies on holidays alone (that fall on
            one of ``days``); ``"never"``: does not apply on holidays.

    Raises:
        ConfigurationError: A field is none of these.

    Example:
        >>> When(hours=(22, 6), days="weekday").spans
        ((0, 21600), (79200, 86400))
    """

    hours: tuple[tuple[float, float], ...] = ALL_HOURS
    months: tuple[int, ...] = ALL_MONTHS
    days: str | tuple[int, ...] = "all"
    holidays: str = "as-days"

    def __post_init__(self) -> None:
        object.__setattr__(self, "hours", _intervals(self.hours))
        object.__setattr__(self, "months", _whole("months", self.months, range(1, 13)))
        if not isinstance(self.days, str):
            object.__setattr__(self, "days", _whole("days", self.days, range(7)))
        elif self.days not in DAYS:
            raise not_known("days", self.days, (*DAYS, "a list of 0 (Monday) to 6"))
        if self.holidays not in HOLIDAYS:
            raise not_known("holidays", self.holidays, HOLIDAYS)

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Intervals of seconds of the day, none over midnight, in order."""
        spans: list[tuple[int, int]] = []
        for start, end in ((_seconds(first), _seconds(last)) for first, last in self.hours):
            spans += [(start, end)] if start < end else [(start, SECONDS_PER_DAY), (0, end)]
        return tuple(sorted(span for span in spans if span[0] < span[1]))

    @property
    def edges(self) -> tuple[int, ...]:
        """Seconds of the day at which a span begins or ends; midnight is 0."""
        return tuple(sorted({edge % SECONDS_PER_DAY for span in self.spans for edge in span}))

    def covers(self, month: Ints, weekday: Ints, second: Ints, holiday: Flags) -> Flags:
        """Tell where it applies, for calendar figures of any shapes that broadcast."""
        inside = np.zeros(np.shape(second), dtype=bool)
        for start, end in self.spans:
            inside |= (start <= second) & (second < end)
        days = DAYS[self.days] if isinstance(self.days, str) else self.days
        covered: Flags = inside & np.isin(month, self.months) & np.isin(weekday, days)
        return covered & {"as-days": np.ones_like(holiday), "only": holiday, "never": ~holiday}[self.holidays]

    def matches(self, local: LocalTimes, holidays: Iterable[str] = ()) -> Flags:
        """Tell at which of the times it applies (T,), given the table's holidays.

        Example:
            >>> import pandas as pd
            >>> from energy_gym.contracts.clock import LocalTimes
            >>> times = pd.date_range("2024-12-24 08:00", periods=3, freq="D", tz="UTC")
            >>> When(holidays="never").matches(LocalTimes.of(times, "Europe/Berlin"), ("12-25",))
            array([ True, False,  True])
        """
        return self.covers(local.month, local.weekday, local.second, local.on(holidays))


def adopt(thing: Any) -> When:
    """Check and settle the four fields of a When that a frozen dataclass carries among its own; return the When."""
    when = When(*(getattr(thing, item.name) for item in fields(When)))
    for item in fields(When):
        object.__setattr__(thing, item.name, getattr(when, item.name))
    return when


def when_of(thing: Any) -> When:
    """Return the When of a dataclass that carries its four fields."""
    return When(thing.hours, thing.months, thing.days, thing.holidays)


def when_tree(when: When) -> dict[str, Any]:
    """Return the fields that are not at their defaults as a plain tree."""
    changed = {item.name: getattr(when, item.name) for item in fields(When) if getattr(when, item.name) != item.default}
    return {name: _plain(value) for name, value in changed.items()}


def table_tree(zone: str | None, holidays: tuple[str, ...]) -> dict[str, Any]:
    """Return the zone and the holidays of a table as a plain tree, without what is absent."""
    return {**({"zone": zone} if zone is not None else {}), **({"holidays": list(holidays)} if holidays else {})}


def check_holidays(holidays: Any) -> tuple[str, ...]:
    """Return a table's holidays as a tuple of ``"YYYY-MM-DD"`` and ``"MM-DD"``.

    Dates that a YAML reader has made of unquoted text are taken too.

    Raises:
        ConfigurationError: One is no such date.

    Example:
        >>> check_holidays(["2024-12-25", "02-29"])
        ('2024-12-25', '02-29')
    """
    if isinstance(holidays, str) or not isinstance(holidays, Iterable):
        raise ConfigurationError(f"holidays={holidays!r}", "must be a list of dates", 'write ["2024-12-25", "01-01"]')
    return tuple(_holiday(index, day) for index, day in enumerate(holidays))


def _seconds(hour: float) -> int:
    return round(hour * MINUTES_PER_HOUR) * SECONDS_PER_MINUTE


def _intervals(value: Any) -> tuple[tuple[float, float], ...]:
    pairs = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else ()
    if len(pairs) == 2 and all(isinstance(hour, NUMBERS) for hour in pairs):
        pairs = (pairs,)
    if not pairs or any(isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2 for pair in pairs):
        raise ConfigurationError(f"hours={value!r}", "must be pairs of local hours", "write [[10, 12], [17, 20.5]]")
    return tuple(_interval(start, end) for start, end in pairs)


def _interval(start: Any, end: Any) -> tuple[float, float]:
    name = f"hours=({start!r}, {end!r})"
    for hour in (start, end):
        if isinstance(hour, bool) or not isinstance(hour, NUMBERS) or not 0 <= hour <= 24:
            raise ConfigurationError(name, "must be numbers from 0 to 24", "write half past one as 13.5")
        if not math.isclose(hour * MINUTES_PER_HOUR, round(hour * MINUTES_PER_HOUR), abs_tol=0.01):
            raise ConfigurationError(name, "must be whole minutes", "write 20 minutes past one as 13.333333")
    if start == 24 or _seconds(start) == _seconds(end):
        raise ConfigurationError(name, "must not be empty", "write a whole day as (0, 24), and its start as 0")
    return _tidy(start), _tidy(end)


def _tidy(hour: float) -> float:
    return int(hour) if float(hour).is_integer() else float(hour)


def _whole(name: str, value: Any, allowed: range) -> tuple[int, ...]:
    items = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else ()
    if not items or any(isinstance(item, bool) or item not in allowed for item in items):
        rule = f"must be a list of whole numbers from {allowed[0]} to {allowed[-1]}"
        raise ConfigurationError(f"{name}={value!r}", rule, f"write [{allowed[0]}, {allowed[1]}]")
    if len(set(items)) < len(items):
        raise ConfigurationError(f"{name}={value!r}", "names one twice", "name each once")
    return tuple(sorted(int(item) for item in items))


def not_known(name: str, value: object, known: Sequence[str]) -> UnknownIdError:
    """Return the error for a value that is none of a few."""
    near = difflib.get_close_matches(str(value), known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return UnknownIdError(f"{name}={value!r}", "is not known", f"{hint}Known: {', '.join(known)}")


def _holiday(index: int, day: Any) -> str:
    name = day.isoformat()[:10] if isinstance(day, date) else day
    try:
        if isinstance(name, str) and re.fullmatch(r"\d\d-\d\d", name):
            date.fromisoformat(f"{LEAP_YEAR}-{name}")
            return name
        if isinstance(name, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", name):
            date.fromisoformat(name)
            return name
    except ValueError:
        pass
    raise ConfigurationError(
        f"holidays[{index}]={day!r}", "is no date", 'write "2024-12-25", or "12-25" for every year'
    )


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
