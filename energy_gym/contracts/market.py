"""Markets: who may bid how much, until when, for which slots; one rule: a market is data, and says nothing of prices.

Times are the market's own local time, volumes are average power over a slot [kW] with the suite's sign: positive buys,
negative sells.
"""

from __future__ import annotations

import math
import re
import zoneinfo
from dataclasses import dataclass, field

from energy_gym.conversions import MINUTES_PER_DAY, MINUTES_PER_HOUR
from energy_gym.errors import ConfigurationError, NonPositiveError

_TICK_SHARE = 1e-9
_NAME, _PLAIN = re.compile("[A-Za-z]{3}"), re.compile(r"[\d*,/ \t-]+")


@dataclass(frozen=True, slots=True)
class LocalDay:
    """A deadline commits a whole local day: 23, 24 or 25 hours, as the clock has it.

    Args:
        days: How many calendar days after that of the deadline; 1 is tomorrow.

    Raises:
        NonPositiveError: ``days`` is below 1: the day would have begun before its deadline.

    Example:
        >>> LocalDay()
        LocalDay(days=1)
    """

    days: int = 1

    def __post_init__(self) -> None:
        if not _whole(self.days) or self.days < 1:
            raise NonPositiveError(f"days={self.days!r}", "a deadline must come before the day it commits", "pass 1")


@dataclass(frozen=True, slots=True)
class Ahead:
    """A deadline commits a few slots of real time.

    Args:
        minutes: From the deadline to the start of the first slot [min]; 0 or more.
        slots: How many slots.

    Raises:
        ConfigurationError: The first slot would start before the deadline.
        NonPositiveError: There is no slot.

    Example:
        >>> Ahead(minutes=60, slots=2)
        Ahead(minutes=60, slots=2)
    """

    minutes: int = 60
    slots: int = 1

    def __post_init__(self) -> None:
        if not _whole(self.minutes) or self.minutes < 0:
            found = f"minutes={self.minutes!r}"
            raise ConfigurationError(found, "a gate closes at or before its first slot", "pass 0 or more whole minutes")
        if not _whole(self.slots) or self.slots < 1:
            raise NonPositiveError(f"slots={self.slots!r}", "a deadline commits at least one slot", "pass 1 or more")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a single bid may be.

    Args:
        minimum_kw: Smallest size of a bid [kW]; smaller ones count as none.
        maximum_kw: Largest size [kW].
        tick_kw: Sizes are multiples of this [kW]; 0 where any size will do.
        floor_per_mwh: Lowest limit price [currency/MWh].
        cap_per_mwh: Highest limit price [currency/MWh].

    Raises:
        ConfigurationError: Limits are not finite or not ordered, or sizes are not multiples of the tick.

    Example:
        >>> Limits(minimum_kw=100.0, maximum_kw=5000.0, tick_kw=100.0).cap_per_mwh
        4000.0
    """

    minimum_kw: float = 0.0
    maximum_kw: float = 1e6
    tick_kw: float = 0.0
    floor_per_mwh: float = -500.0
    cap_per_mwh: float = 4000.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ConfigurationError(f"{name}={value!r}", "must be a finite number", f"pass a number as {name}")
        self._check_order()
        self._check_ticks()

    def _check_order(self) -> None:
        if not 0.0 <= self.minimum_kw <= self.maximum_kw or self.maximum_kw == 0.0 or self.tick_kw < 0.0:
            found = f"minimum_kw={self.minimum_kw}, maximum_kw={self.maximum_kw}, tick_kw={self.tick_kw}"
            rule = "must satisfy 0 <= minimum <= maximum, maximum > 0, tick >= 0"
            raise ConfigurationError(found, rule, "order the volumes")
        if not self.floor_per_mwh < self.cap_per_mwh:
            found = f"floor_per_mwh={self.floor_per_mwh}, cap_per_mwh={self.cap_per_mwh}"
            raise ConfigurationError(found, "the floor must lie below the cap", "order the prices")

    def _check_ticks(self) -> None:
        for name in ("minimum_kw", "maximum_kw") if self.tick_kw else ():
            units = getattr(self, name) / self.tick_kw
            if abs(units - round(units)) > _TICK_SHARE * max(1.0, units):
                found = f"{name}={getattr(self, name)}, tick_kw={self.tick_kw}"
                raise ConfigurationError(found, "volumes are multiples of the tick", f"change {name} or the tick")


@dataclass(frozen=True, slots=True)
class Market:
    """A market's schedule and what it takes.

    Args:
        name: Its name in actions, ``info`` and messages.
        price: Column of the data with its clearing price [currency/MWh].
        deadline: Gate closures as a cron expression of five fields (minute, hour, day of month, month, weekday) in
            local time. Where hours are a star, or a star with a step, closures follow real time through a clock change;
            otherwise each local time counts once a day.
        zone: IANA time zone of the deadline and of local days.
        delivers: Which slots a deadline commits.
        slot_minutes: Length of a slot [min].
        window_minutes: How long before the deadline bids are taken [min]; 0 where nothing is said.
        limits: Sizes and prices of bids.

    Raises:
        ConfigurationError: The cron expression, the zone or a name is not usable, or the schedule never fires.
        NonPositiveError: A length is not positive.

    Example:
        >>> Market("intraday", deadline="0 * * * *", delivers=Ahead(minutes=60)).delivers
        Ahead(minutes=60, slots=1)
    """

    name: str
    price: str = "price_per_mwh"
    deadline: str = "0 12 * * *"
    zone: str = "Europe/Brussels"
    delivers: LocalDay | Ahead = field(default_factory=LocalDay)
    slot_minutes: int = MINUTES_PER_HOUR
    window_minutes: int = 0
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name in ("name", "price"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise ConfigurationError(f"market {name}={getattr(self, name)!r}", "must be a name", "pass a string")
        self._check_times()
        _check_zone(self.name, self.zone)
        _check_cron(self.name, self.deadline)

    def _check_times(self) -> None:
        if not _whole(self.slot_minutes) or self.slot_minutes < 1 or MINUTES_PER_DAY % self.slot_minutes:
            found = f"market {self.name!r}: slot_minutes={self.slot_minutes!r}"
            raise NonPositiveError(found, "must be whole minutes that divide a day", "pass 5, 15, 30 or 60")
        if not _whole(self.window_minutes) or self.window_minutes < 0:
            found = f"market {self.name!r}: window_minutes={self.window_minutes!r}"
            raise ConfigurationError(found, "must be 0 or more whole minutes", "pass 0 if bids are always taken")
        delivers: object = self.delivers
        if not isinstance(delivers, LocalDay | Ahead):
            found = f"market {self.name!r}: delivers={delivers!r}"
            raise ConfigurationError(found, "must be a LocalDay or an Ahead", "pass LocalDay() for all of tomorrow")
        limits: object = self.limits
        if not isinstance(limits, Limits):
            raise ConfigurationError(f"market {self.name!r}: limits={limits!r}", "must be Limits", "pass Limits()")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_zone(name: str, zone: object) -> None:
    try:
        zoneinfo.ZoneInfo(str(zone))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        found = f"market {name!r}: zone={zone!r}"
        raise ConfigurationError(found, "must be an IANA time zone", "write it like Europe/Brussels") from error


def _check_cron(name: str, deadline: object) -> None:
    import datetime

    from croniter import CroniterBadDateError, croniter

    found, remedy = f"market {name!r}: deadline={deadline!r}", 'write it like "0 12 * * *" (every day at 12:00)'
    if not isinstance(deadline, str) or len(deadline.split()) != 5 or not croniter.is_valid(deadline):
        raise ConfigurationError(found, "must be a cron expression of five fields", remedy)
    if not _PLAIN.fullmatch(_NAME.sub("1", deadline)):
        raise ConfigurationError(found, "takes numbers, names of days and months, and the signs * , - /", remedy)
    try:
        croniter(deadline, datetime.datetime(2021, 1, 1)).get_next(datetime.datetime)
    except CroniterBadDateError as error:
        raise ConfigurationError(found, "the schedule never fires: no such date exists", remedy) from error
