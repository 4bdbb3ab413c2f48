"""The demand charge: money per kW of the largest mean import power of any step, by window and billing period.

One rule: the charge is paid as the maximum rises, so that the parts of the rewards add up to the bill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from energy_gym.backends import Namespace
from energy_gym.contracts import calendar
from energy_gym.contracts.base import Contract, party_names, register
from energy_gym.contracts.clock import Bools, Ints, LocalTimes, by_step, check_zone
from energy_gym.errors import ConfigurationError
from energy_gym.trees import build_rows, listed, number, text

if TYPE_CHECKING:
    import pandas as pd

PERIODS = ("month", "day", "episode")
PERIOD_UNITS = {"month": "datetime64[M]", "day": "datetime64[D]"}


@dataclass(frozen=True, slots=True)
class DemandWindow:
    """A rate, and the part of the calendar whose largest import it is paid for.

    Args:
        name: A short name, unique in its charge.
        rate_per_kw: Charge for each kW of the maximum, once in a billing period [currency/kW].
        hours: As in :class:`~energy_gym.contracts.calendar.When`; so are ``months``, ``days`` and ``holidays``.
        months: Months, 1 to 12.
        days: Weekdays.
        holidays: What a holiday does to it.

    Raises:
        ConfigurationError: A field is not usable, or the rate is negative.

    Example:
        >>> DemandWindow("peak", 10154, hours=(10, 17)).rate_per_kw
        10154.0
    """

    name: str
    rate_per_kw: float
    hours: tuple[tuple[float, float], ...] = calendar.ALL_HOURS
    months: tuple[int, ...] = calendar.ALL_MONTHS
    days: str | tuple[int, ...] = "all"
    holidays: str = "as-days"

    def __post_init__(self) -> None:
        text("name", self.name)
        rate = number("rate_per_kw", self.rate_per_kw, "currency/kW")
        if rate < 0.0:
            raise ConfigurationError(f"rate_per_kw={rate}", "must not be negative", "give it in currency/kW")
        object.__setattr__(self, "rate_per_kw", rate)
        calendar.adopt(self)

    @property
    def when(self) -> calendar.When:
        """The part of the calendar in which the maximum counts."""
        return calendar.when_of(self)


@dataclass(frozen=True, eq=False, slots=True)
class DemandSchedule:
    """A demand charge laid out over the steps of a series.

    ``rates`` (K,) in currency/kW, float64; ``active`` (K, T) tells which steps count for which window; ``fresh`` (T,)
    is True at the first step of each billing period that begins after step 0.
    """

    rates: npt.NDArray[np.float64]
    active: Bools
    fresh: Bools


@register
@dataclass(frozen=True, slots=True)
class DemandCharge(Contract):
    """Charges on the largest mean grid import power of any step, in each window and billing period.

    Args:
        windows: The windows; they may overlap, and need not cover the calendar.
        period: Billing period: ``"month"`` or ``"day"`` of local time, or the whole ``"episode"``.
        zone: Time zone of the windows and periods; None: that of the data.
        holidays: Dates, ``"2024-12-25"`` once or ``"12-25"`` every year.
        parties: Entities whose import it measures; empty for all.

    Raises:
        ConfigurationError: No windows, two share a name, or a field is not usable.
        UnknownIdError: An unknown period.

    Source:
        The bill of a model-predictive-control service for Costa Rica's commercial customers: a rate times the
        peak of each window. Charged on the mean power of a step, by definition.

    Example:
        >>> import pandas as pd
        >>> times = pd.date_range("2024-01-31 22:00", periods=4, freq="h", tz="UTC")
        >>> schedule = DemandCharge((DemandWindow("late", 5.0, hours=(22, 1)),)).schedule(times, "UTC")
        >>> schedule.active.astype(int), schedule.fresh.astype(int)
        (array([[1, 1, 1, 0]]), array([0, 0, 1, 0]))
    """

    kind: ClassVar[str] = "demand_charge"
    settled_by: ClassVar[str] = "meter"
    windows: tuple[DemandWindow, ...]
    period: str = "month"
    zone: str | None = None
    holidays: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "windows", listed("windows", self.windows, DemandWindow))
        object.__setattr__(self, "holidays", calendar.check_holidays(self.holidays))
        if self.period not in PERIODS:
            raise calendar.not_known("period", self.period, PERIODS)
        check_zone(self.zone)
        object.__setattr__(self, "parties", party_names("demand_charge", self.parties))

    def schedule(self, times: pd.DatetimeIndex, zone: str) -> DemandSchedule:
        """Lay the charge out over a series.

        Args:
            times: Starts of the steps (UTC), shape (T,).
            zone: Time zone of the data, used where the charge has none of its own.

        Raises:
            ConfigurationError: A window begins or ends inside a step, or a billing period does inside a step that
                counts.
            NaiveIndexError: The times have no time zone.
        """
        zone = self.zone or zone
        edges = {edge for window in self.windows for edge in window.when.edges}
        active = by_step(times, zone, edges, self._labels)[:-1].astype(bool)
        periods = self._periods(LocalTimes.of(times, zone))
        fresh = np.zeros(len(periods), dtype=bool)
        fresh[1:] = periods[1:] != periods[:-1]
        return DemandSchedule(np.array([window.rate_per_kw for window in self.windows]), active, fresh)

    def _labels(self, local: LocalTimes) -> Ints:
        """Return which windows are active, and below them the billing period where one is (K + 1, T)."""
        active = np.stack([window.when.matches(local, self.holidays) for window in self.windows])
        period = np.where(active.any(axis=0), self._periods(local), 0)
        return np.concatenate([active.astype(np.int64), period[None]])

    def _periods(self, local: LocalTimes) -> Ints:
        if self.period == "episode":
            return np.zeros(len(local.stamps), dtype=np.int64)
        return local.stamps.astype(PERIOD_UNITS[self.period]).astype(np.int64)

    def to_tree(self) -> dict[str, Any]:
        """Return the charge as a plain tree, without what is at its default."""
        windows = [
            {"name": window.name, "rate_per_kw": window.rate_per_kw, **calendar.when_tree(window.when)}
            for window in self.windows
        ]
        parties = {"parties": list(self.parties)} if self.parties else {}
        return {"windows": windows, "period": self.period, **calendar.table_tree(self.zone, self.holidays), **parties}

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any], path: str) -> DemandCharge:
        """Read a charge from a plain tree.

        Args:
            tree: Keys ``windows`` (a list), ``period``, ``zone`` and ``holidays``.
            path: Where the tree stands in its file; errors start with it.

        Raises:
            ConfigurationError: An unknown key or a bad value, with its path.

        Example:
            >>> DemandCharge.from_tree({"windows": [{"name": "any", "rate_per_kw": 8}]}, "contracts.demand").period
            'month'
        """
        return build_rows(cls, tree, path, "windows", DemandWindow)


def raised(peak_kw: Any, grid_kw: Any, active: Any, fresh: Any, xp: Namespace) -> tuple[Any, Any]:
    """Carry the maximum of a window over a step; what it rises by, times the rate, is paid in that step.

    Args:
        peak_kw: Largest import power of the billing period so far [kW].
        grid_kw: Mean grid power of the step [kW], import positive.
        active: 1.0 where the step counts for the window, else 0.0.
        fresh: 1.0 where the step begins a billing period, else 0.0.
        xp: How these numbers spell ``positive``.

    Returns:
        The maximum after the step, and what it has risen by [kW].

    Source:
        By definition of a running maximum: its rises add up to the maximum.

    Example:
        >>> from energy_gym.backends import scalars
        >>> raised(40.0, 55.0, 1.0, 0.0, scalars), raised(40.0, 55.0, 1.0, 1.0, scalars)
        ((55.0, 15.0), (55.0, 55.0))
    """
    start = peak_kw * (1.0 - fresh)
    increment = xp.positive(grid_kw - start) * active
    return start + increment, increment


def costa_rica() -> DemandCharge:
    """Return the commercial demand charge of Costa Rica [CRC/kW in a month].

    Source:
        The tariff that the same service states, in CRC per kW.

    Example:
        >>> [(window.name, window.rate_per_kw) for window in costa_rica().windows]
        [('peak', 10154.0), ('valley', 7090.0), ('night', 4541.0)]
    """
    windows = (
        DemandWindow("peak", 10154.0, hours=((10, 17),)),
        DemandWindow("valley", 7090.0, hours=((1, 10),)),
        DemandWindow("night", 4541.0, hours=((17, 1),)),
    )
    return DemandCharge(windows, zone="America/Costa_Rica")
