"""Billing periods of local time: where each begins and ends among the steps of a series.

One rule: a period that begins inside a step is an error, no guess.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from energy_gym.arrays import Floats, Ints
from energy_gym.contracts.calendar import not_known
from energy_gym.contracts.clock import LocalTimes, by_step

if TYPE_CHECKING:
    import pandas as pd

_MONDAY = 3  # 1970-01-01 was a Thursday


def _weeks(local: LocalTimes) -> Ints:
    return (local.dates.astype(np.int64) + _MONDAY) // 7


def _counted(unit: str) -> Callable[[LocalTimes], Ints]:
    return lambda local: local.stamps.astype(f"datetime64[{unit}]").astype(np.int64)


_NUMBERS = {"day": _counted("D"), "week": _weeks, "month": _counted("M"), "year": _counted("Y")}
PERIODS = tuple(_NUMBERS)


class Edges(NamedTuple):
    """Which steps begin a billing period, and which end one: 1.0 or 0.0, each of shape (T,)."""

    begins: Floats
    ends: Floats


def check_period(period: object) -> None:
    """Raise if a billing period is none of ``"day"``, ``"week"``, ``"month"`` and ``"year"``.

    Raises:
        UnknownIdError: It is none; the nearest is suggested.
    """
    if period not in PERIODS:
        raise not_known("period", period, PERIODS)


def edges_of(times: pd.DatetimeIndex, zone: str, period: str = "month") -> Edges:
    """Return where the billing periods of a series begin and end.

    The first step begins a period if the moment before it belongs to another one, the last step ends one likewise.

    Args:
        times: Starts of the steps (UTC), shape (T,).
        zone: Time zone in which periods begin at midnight.
        period: ``"day"``, ``"week"`` (from Monday), ``"month"`` or ``"year"``.

    Raises:
        ConfigurationError: A period begins inside a step.
        NaiveIndexError: The times have no time zone.

    Example:
        >>> import pandas as pd
        >>> times = pd.date_range("2024-01-31 21:00", periods=4, freq="h", tz="UTC")
        >>> edges_of(times, "Europe/Berlin").begins, edges_of(times, "Europe/Berlin").ends
        (array([0., 0., 1., 0.]), array([0., 1., 0., 0.]))
    """
    numbers = _NUMBERS[period]
    inside = by_step(times, zone, (), numbers)
    width = np.diff(times[-2:].to_numpy()).sum()  # none where there is only one step
    outside = times[:1] - np.timedelta64(1, "s"), times[-1:] + width
    before, after = (numbers(LocalTimes.of(moment, zone)) for moment in outside)
    changes = np.diff(np.concatenate([before, inside, after])) != 0
    return Edges(changes[:-1].astype(np.float64), changes[1:].astype(np.float64))
