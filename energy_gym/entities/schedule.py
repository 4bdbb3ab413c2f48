"""A power that holds at parts of the calendar: hours of the local day, and local dates.

One rule: every instant is judged by its own local date and clock; what begins or ends inside a step is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.conversions import SECONDS_PER_HOUR
from energy_gym.entities.base import WallClock, number_not_negative
from energy_gym.errors import ConfigurationError
from energy_gym.trees import build

DAY = 24 * SECONDS_PER_HOUR
Stamps = npt.NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class PowerWindow:
    """A power, and when it holds.

    Args:
        kw: The power [kW, >= 0].
        hours: Intervals (start, end) of local hours in [0, 24], half open; (22, 6) goes over midnight.
        dates: Intervals (first, last) of local dates, both included, as ``"2024-03-01"``; empty for every day.

    Raises:
        ConfigurationError: A power below zero, hours that are none, or a last date before its first.

    Example:
        >>> window = PowerWindow(4.2, hours=((17, 20),), dates=(("2024-01-08", "2024-01-12"),))
        >>> stamps = np.array(["2024-01-08T16:00", "2024-01-08T17:00", "2024-01-13T17:00"], dtype="datetime64[s]")
        >>> window.holds(stamps)
        array([0., 1., 0.])
    """

    kw: float
    hours: tuple[tuple[float, float], ...] = ((0.0, 24.0),)
    dates: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "kw", number_not_negative("window", "kw", self.kw))
        object.__setattr__(self, "hours", tuple(_hours(pair) for pair in _pairs("hours", self.hours)))
        object.__setattr__(self, "dates", tuple(_dates(pair) for pair in _pairs("dates", self.dates)))
        if not self.hours:
            raise ConfigurationError("hours=()", "must name an interval at least", "write [[0, 24]] for every hour")

    @property
    def spans(self) -> Iterator[tuple[float, float]]:
        """Intervals of seconds of the day, none over midnight."""
        for start, end in ((first * SECONDS_PER_HOUR, last * SECONDS_PER_HOUR) for first, last in self.hours):
            yield from [(start, end)] if start < end else [(start, DAY), (0.0, end)]

    def holds(self, stamps: Stamps) -> Floats:
        """Return 1.0 where it holds, else 0.0, for local times, shape (T,)."""
        days = stamps.astype("datetime64[D]")
        seconds = (stamps - days).astype(np.int64)
        inside, named = np.zeros(len(stamps), dtype=bool), np.full(len(stamps), not self.dates)
        for start, end in self.spans:
            inside |= (start <= seconds) & (seconds < end)
        for first, last in self.dates:
            named |= (days >= np.datetime64(first)) & (days <= np.datetime64(last))
        return (inside & named).astype(np.float64)

    def check_steps(self, stamps: Stamps) -> None:
        """Raise where one of its hours lies inside a step."""
        if len(stamps) < 2:
            return
        width = np.median(np.diff(stamps).astype(np.int64))
        seconds = (stamps - stamps.astype("datetime64[D]")).astype(np.int64)
        for edge in sorted({edge for span in self.spans for edge in span}):
            if bool(((seconds < edge) & (edge < seconds + width)).any()):
                rule = f"lies inside a step of {width / 60.0:g} min"
                raise ConfigurationError(
                    f"hours: {edge / SECONDS_PER_HOUR:g} o'clock", rule, "move it to the start of a step"
                )


Schedule = tuple[PowerWindow, ...]


def schedule_of(name: str, value: Any) -> Schedule:
    """Return windows from a list of them, or of their trees.

    Raises:
        ConfigurationError: There is none, or one is no window; its place is named.
    """
    rows = tuple(
        build(PowerWindow, item, f"{name}[{place}]") if isinstance(item, Mapping) else item
        for place, item in enumerate(value)
    )
    if not rows or not all(isinstance(item, PowerWindow) for item in rows):
        raise ConfigurationError(f"{name}={value!r}", "must be a list of windows", "write [{kw: 5, hours: [[17, 20]]}]")
    return rows


def laid_out(schedule: Schedule, name: str, local: WallClock) -> dict[str, Floats]:
    """Return when each window of a schedule holds, by name, each of shape (steps,).

    Raises:
        ConfigurationError: An hour lies inside a step.
    """
    for window in schedule:
        window.check_steps(local.stamps)
    return {f"{name}{place}_share": window.holds(local.stamps) for place, window in enumerate(schedule)}


def least(schedule: Schedule, holding: Sequence[Floats]) -> Floats:
    """Return the least power, in kW, of the windows that hold at each step, shape (steps,); infinite without."""
    return np.min([np.where(held > 0.5, one.kw, np.inf) for one, held in zip(schedule, holding, strict=True)], axis=0)


def _pairs(name: str, value: Any) -> tuple[tuple[Any, Any], ...]:
    rows: Any = value if isinstance(value, list | tuple) else [None]
    rows = [rows] if len(rows) == 2 and not any(isinstance(part, list | tuple) for part in rows) else rows
    if any(not isinstance(pair, list | tuple) or len(pair) != 2 for pair in rows):
        raise ConfigurationError(f"{name}={value!r}", "must be a list of pairs", "write [[first, last], ...]")
    return tuple((pair[0], pair[1]) for pair in rows)


def _hours(pair: tuple[Any, Any]) -> tuple[float, float]:
    start, end = (number_not_negative("window", "hours", hour) for hour in pair)
    if start == end or start >= 24.0 or end > 24.0:
        rule = "must be two hours of a day, from 0 to 24, and not the same"
        raise ConfigurationError(f"hours=({start:g}, {end:g})", rule, "write (17, 20), or (22, 6) over midnight")
    return start, end


def _dates(pair: tuple[Any, Any]) -> tuple[str, str]:
    try:
        first, last = (date.fromisoformat(str(day)) for day in pair)
    except ValueError as error:
        remedy = 'write ["2024-03-01", "2024-03-05"]'
        raise ConfigurationError(f"dates={pair!r}", "is no pair of dates", remedy) from error
    if last < first:
        raise ConfigurationError(f"dates=({first}, {last})", "ends before it begins", "put the earlier date first")
    return first.isoformat(), last.isoformat()
