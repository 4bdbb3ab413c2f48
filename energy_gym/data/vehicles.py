"""Stays of electric vehicles as columns of the data: from a list of them, or drawn at random.

One rule: a column says nothing of a stay before it has begun.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from energy_gym.conversions import MINUTES_PER_HOUR, SECONDS_PER_HOUR
from energy_gym.data.validation import check_whole
from energy_gym.data.zones import checked_zone
from energy_gym.errors import ConfigurationError, IrregularIndexError, NaiveIndexError, NonPositiveError, WindowError
from energy_gym.trees import number


class Stay(NamedTuple):
    """One stay of a vehicle.

    Args:
        arrives: Moment at which it is plugged in, with a time zone.
        leaves: Moment at which it leaves.
        arrival_kwh: Energy stored on arrival [kWh].
        need_kwh: Energy needed when it leaves [kWh].
    """

    arrives: pd.Timestamp
    leaves: pd.Timestamp
    arrival_kwh: float
    need_kwh: float


def vehicle_columns(stays: Iterable[Stay], times: pd.DatetimeIndex, prefix: str = "ev") -> pd.DataFrame:
    """Return the columns that an `ElectricVehicle` reads.

    A vehicle is plugged in for the steps that lie wholly within its stay.

    Args:
        stays: The stays, in order, none before the last has ended.
        times: Starts of the steps, with a time zone, evenly spaced.
        prefix: What the columns are named after.

    Raises:
        ConfigurationError: A vehicle leaves before it comes, or comes before it has left; one is no stay, a moment has
            no time zone, or an energy is below zero or no number.
        WindowError: Fewer than two steps.
        NaiveIndexError: The steps have no time zone.
        IrregularIndexError: They are not evenly spaced.

    Example:
        >>> times = pd.date_range("2024-05-01 16:00", periods=4, freq="h", tz="Europe/Berlin")
        >>> stay = Stay(times[1], times[3], 20.0, 45.0)
        >>> vehicle_columns([stay], times)["ev_hours_left"].tolist()
        [0.0, 2.0, 1.0, 0.0]
    """
    width = _width(times)
    hours_left, arrival, need = np.zeros(len(times)), np.zeros(len(times)), np.zeros(len(times))
    before: pd.Timestamp | None = None
    for place, stay in enumerate(stays):
        _check(place, stay, before)
        first = int(times.searchsorted(stay.arrives, side="left"))
        last = int(times.searchsorted(stay.leaves - width, side="right"))
        if first < last:
            left = np.arange(last - first, 0, -1) * (width.total_seconds() / SECONDS_PER_HOUR)
            hours_left[first:last], need[first:last] = left, stay.need_kwh
            arrival[first] = stay.arrival_kwh
        before = stay.leaves
    columns = {"hours_left": hours_left, "arrival_kwh": arrival, "need_kwh": need}
    return pd.DataFrame({f"{prefix}_{name}": values for name, values in columns.items()}, times)


def _width(times: pd.DatetimeIndex) -> pd.Timedelta:
    """Return the length of a step; raises where they are no steps."""
    if len(times) < 2:
        raise WindowError(f"times of length {len(times)}", "must be two steps or more", "pass the index of the data")
    if getattr(times, "tz", None) is None:
        raise NaiveIndexError(
            f"times from {times[0]}", "must have a time zone", 'set one: times.tz_localize("UTC"), say'
        )
    widths = np.diff(times.to_numpy())
    if (widths != widths[0]).any() or widths[0] <= np.timedelta64(0):
        found = f"times: after {times[int(np.argmax(widths != widths[0]))]}"
        raise IrregularIndexError(found, "steps must be evenly spaced and rise", "pass the index of the data")
    return pd.Timedelta(widths[0])


def _check(place: int, stay: Stay, before: pd.Timestamp | None) -> None:
    if not isinstance(stay, Stay):
        raise ConfigurationError(
            f"stays[{place}]={stay!r}", "must be a Stay", "pass Stay(arrives, leaves, brings, needs)"
        )
    for name in ("arrives", "leaves"):
        moment = getattr(stay, name)
        if not isinstance(moment, pd.Timestamp) or moment is pd.NaT or moment.tz is None:
            rule = "must be a pandas.Timestamp with a time zone"
            raise ConfigurationError(f"stays[{place}].{name}={moment!r}", rule, 'write pd.Timestamp(..., tz="UTC")')
    for name in ("arrival_kwh", "need_kwh"):
        if number(f"stays[{place}].{name}", getattr(stay, name), "kWh") < 0.0:
            found = f"stays[{place}].{name}={getattr(stay, name)}"
            raise ConfigurationError(found, "must not be below zero", "give what is stored [kWh]")
    if stay.leaves <= stay.arrives:
        found = f"stays[{place}]: arrives={stay.arrives}, leaves={stay.leaves}"
        raise ConfigurationError(found, "a vehicle leaves after it has come", "swap the two")
    if before is not None and stay.arrives < before:
        found = f"stays[{place}].arrives={stay.arrives}"
        raise ConfigurationError(found, f"the stay before lasts until {before}", "sort them, and join what overlaps")


def draw_stays(
    times: pd.DatetimeIndex, *, capacity_kwh: float = 60.0, zone: str = "UTC", weekdays: bool = False, seed: int = 0
) -> list[Stay]:
    """Return stays drawn at random, one a night or, for an office, one a working day.

    At home a vehicle comes at about 18:00 and leaves at about 7:30; at work at 8:30 and 17:00. It comes with 30 to 70 %
    of its capacity and needs 80 % when it leaves. Hours are normal with half an hour to an hour and a half of spread.

    Args:
        times: Starts of the steps, with a time zone.
        capacity_kwh: Its capacity.
        zone: Time zone of the hours.
        weekdays: Whether it stays at work, from Monday to Friday.
        seed: Seed of the draw, a whole number of at least 0.

    Raises:
        WindowError: Fewer than two steps.
        NaiveIndexError: The steps have no time zone.
        IrregularIndexError: They are not evenly spaced.
        NonPositiveError: The capacity is not above 0, or the seed below 0.
        UnknownIdError: The zone is none.
        ConfigurationError: The seed is none.

    Example:
        >>> times = pd.date_range("2024-05-01", periods=72, freq="h", tz="UTC")
        >>> len(draw_stays(times, seed=1))
        2
    """
    _width(times)
    if number("capacity_kwh", capacity_kwh, "kWh") <= 0.0:
        raise NonPositiveError(f"capacity_kwh={capacity_kwh}", "must be above 0 kWh", "pass that of the vehicle")
    check_whole("seed", seed, least=0)
    checked_zone(zone)
    random = np.random.default_rng(seed)
    days = pd.date_range(times[0].tz_convert(zone).normalize(), times[-1].tz_convert(zone), freq="D")
    come, go, nights = (8.5, 17.0, 0) if weekdays else (18.0, 7.5, 1)
    stays = []
    for day in days:
        late = random.normal(0.0, [1.0, 0.5])
        stored = capacity_kwh * float(random.uniform(0.3, 0.7))
        if weekdays and day.day_of_week >= 5:
            continue
        first = day + pd.Timedelta(minutes=round(MINUTES_PER_HOUR * (come + late[0])))
        last = day + pd.DateOffset(days=nights) + pd.Timedelta(minutes=round(MINUTES_PER_HOUR * (go + late[1])))
        if times[0] <= first < last <= times[-1]:
            stays.append(Stay(first, last, stored, 0.8 * capacity_kwh))
    return stays
