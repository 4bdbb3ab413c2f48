"""Targets of what a store holds: so much of its capacity at a time of the local day, always or at a price.

With N for the energy that a target asks for, and e for what is stored at the end of the step that ends at its time,

    e >= N (hard),     or     missed = max(N - e, 0), which costs a price for each kWh (soft).

One rule: this file says what is asked for and when; `energy_gym.entities.held` says what a store does about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.conversions import (
    DAYS,
    HOURS_PER_DAY,
    MINUTES_PER_DAY,
    MINUTES_PER_HOUR,
    SECONDS_PER_DAY,
    SECONDS_PER_MINUTE,
)
from energy_gym.entities.base import (
    Entity,
    WallClock,
    column_name,
    finite_number,
    number_not_negative,
    register,
)
from energy_gym.errors import ConfigurationError

REMEDY = 'write it like "07:00", and the end of the day as "24:00"'


@register
@dataclass(frozen=True, slots=True)
class StorageTarget(Entity):
    """What a battery or a plant must hold at a time of the local day, such as full at 07:00, or a fifth at midnight.

    Without a price it is hard: what is wished is changed as little as needed for the target to stay within reach of the
    charging power that the store surely has, as is done for ``terminal="cyclic"``. An episode that begins too late for
    its first target charges with that power and tells what it missed; where no episode could begin in time, the
    environment is refused. With a price it is soft: nothing is changed, and each kWh missed costs that much, a penalty
    in the reward. What was missed stands in ``info["missed_kwh"]`` and ``info["missed_cost"]``.

    Args:
        store: Name of the entity that it asks of.
        soc: State of charge asked for, as a fraction of the capacity.
        at: Local time of the data's zone: ``"07:00"``, or hours such as 7.5; ``"24:00"`` is the end of the day. It must
            end a step. Where a clock change skips it, it is due at the change.
        days: ``"all"``, ``"weekday"`` (Monday to Friday), ``"weekend"``, or numbers from 0 (Monday) to 6.
        missed_price_per_kwh: What a kWh missed costs [currency/kWh, >= 0]; None for a target that is always met.

    Raises:
        ConfigurationError: No time, no day, a price below zero, or a state of charge outside (0, 1].

    Source:
        EnCortex, equation 5: a least state of charge at the end of each day; other times by the same law.

    Example:
        >>> StorageTarget("battery", 0.9, at=7.5, days="weekday").at
        '07:30'
    """

    kind: ClassVar[str] = "storage_target"
    store: str = "battery"
    soc: float = 1.0
    at: str | float = "24:00"
    days: str | tuple[int, ...] = "all"
    missed_price_per_kwh: float | None = None

    def __post_init__(self) -> None:
        column_name(self.kind, "store", self.store)
        object.__setattr__(self, "soc", finite_number(self.kind, "soc", self.soc))
        if not 0.0 < self.soc <= 1.0:
            raise ConfigurationError(f"soc={self.soc}", "is a fraction in (0, 1]", "pass a fraction such as 0.8")
        object.__setattr__(self, "at", _clock(self.at))
        object.__setattr__(self, "days", _weekdays(self.days))
        if self.missed_price_per_kwh is not None:
            price = number_not_negative(self.kind, "missed_price_per_kwh", self.missed_price_per_kwh)
            object.__setattr__(self, "missed_price_per_kwh", price)

    @property
    def hard(self) -> bool:
        """Whether it is always met."""
        return self.missed_price_per_kwh is None

    @property
    def second(self) -> int:
        """Seconds of the wall clock from the start of the day to its time."""
        hours, minutes = str(self.at).split(":")
        return (int(hours) * MINUTES_PER_HOUR + int(minutes)) * SECONDS_PER_MINUTE

    def calendar(self, local: WallClock) -> Mapping[str, Floats]:
        """See `Entity.calendar`: 1 in the steps at whose end it is due.

        Raises:
            ConfigurationError: Its time lies within a step.
        """
        return {
            "due": due_at(local, self.second, DAYS[self.days] if isinstance(self.days, str) else self.days, self.at)
        }


def due_at(local: WallClock, second: int, days: Iterable[int], label: Any) -> Floats:
    """Return 1 for the steps that end at a time of one of some weekdays, shape (steps,).

    Raises:
        ConfigurationError: The time lies within a step.

    Example:
        >>> from energy_gym.contracts.clock import LocalTimes
        >>> import pandas as pd
        >>> times = pd.date_range("2024-01-06 22:00", periods=4, freq="h", tz="UTC")
        >>> due_at(LocalTimes.of(times, "UTC"), 86400, (5,), "24:00").tolist()
        [0.0, 1.0, 0.0, 0.0]
    """
    begins = local.stamps.astype(np.int64)
    due = np.zeros(len(begins))
    if len(begins) < 2:
        return due
    ends = np.append(begins[1:], 2 * begins[-1] - begins[-2])
    usual = int(np.median(ends - begins))
    for ahead in range(int((ends - begins).max()) // SECONDS_PER_DAY + 2):
        date = begins // SECONDS_PER_DAY + ahead
        moment = date * SECONDS_PER_DAY + second
        met = (begins < moment) & (moment <= ends) & np.isin((date + 3) % 7, list(days))
        inside = np.flatnonzero(met & (moment < ends) & (ends - begins == usual))
        if len(inside):
            start = str(local.stamps[inside[0]]).replace("T", " ")
            found, rule = f"at={label!r}", f"falls inside a step, which starts at {start}"
            raise ConfigurationError(found, rule, "use steps that end at it, or move it")
        due[met] = 1.0
    return due


def _clock(value: Any) -> str:
    """Return a time of day as ``"07:00"``; YAML reads 17:00 without quotes as 1020, the minutes of the day."""
    minutes = _minutes(value)
    if minutes is None or not 0 <= minutes <= MINUTES_PER_DAY:
        raise ConfigurationError(f"at={value!r}", "is no time of the day", REMEDY)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _minutes(value: Any) -> int | None:
    if isinstance(value, str):
        found = re.fullmatch(r"(\d{1,2}):([0-5]\d)", value)
        return None if found is None else int(found[1]) * 60 + int(found[2])
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= MINUTES_PER_DAY:
        return None
    if value > HOURS_PER_DAY:
        return int(value) if isinstance(value, int) else None
    minutes = value * 60.0
    return round(minutes) if abs(minutes - round(minutes)) < 0.01 else None


def _weekdays(value: Any) -> str | tuple[int, ...]:
    if isinstance(value, str) and value in DAYS:
        return value
    days = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else ()
    if not days or any(isinstance(day, bool) or day not in range(7) for day in days) or len(set(days)) < len(days):
        known = ", ".join(map(repr, DAYS))
        raise ConfigurationError(f"days={value!r}", f"must be {known} or numbers from 0 to 6", "write [0, 4]")
    return tuple(sorted(int(day) for day in days))
