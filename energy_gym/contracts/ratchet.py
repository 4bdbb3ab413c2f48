"""The demand charge with a ratchet: a month is billed for its own maximum, or for a share of that of months before.

One rule: the charge is paid as the billed demand rises, the part that earlier months fix in the first step of a month,
so that the parts of the rewards add up to the bill.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from energy_gym.arrays import Floats, Ints
from energy_gym.backends import Namespace
from energy_gym.contracts.base import Contract, party_names, register
from energy_gym.contracts.calendar import ALL_HOURS, When
from energy_gym.contracts.clock import LocalTimes, by_step, check_zone
from energy_gym.contracts.demand import raised
from energy_gym.contracts.ledger import Carried, Exchange, Ledger
from energy_gym.contracts.periods import edges_of
from energy_gym.errors import ConfigurationError
from energy_gym.modelling import Model
from energy_gym.trees import number, sequence

if TYPE_CHECKING:
    import pandas as pd

MONTHS_OF_YEAR = 12
MOST_MONTHS = 12


class Terms(NamedTuple):
    """Share of earlier maxima that is billed at least, and the length of a step [h]."""

    share: float
    hours: float


@register
@dataclass(frozen=True, slots=True)
class RatchetCharge(Contract):
    """Charges each month on its billed demand: the larger of its own maximum and a share of earlier maxima.

    Of a month, the maximum is that of the mean import power of any step that counts. An episode that begins inside a
    month pays what comes on top of what is billed by then; one that begins with a month pays for all of it. What a
    maximum costs in months beyond a plan's last step is not seen by the plan.

    Args:
        rate_per_kw: Charge for each kW of the billed demand of a month [currency/kW]: one, or twelve from January on.
        share: Share of the largest earlier maximum that is billed at least, in [0, 1].
        months: How many months before count as earlier, 0 to 12; 11 with the month itself make a year.
        hours: Local hours that count, as in :class:`~energy_gym.contracts.calendar.When`; so are ``days``.
        days: Weekdays that count.
        so_far_kw: Maximum of the month under way when an episode begins inside one [kW].
        earlier_kw: Maxima of the months before that, the latest first [kW]; months not named had none.
        zone: Time zone of months and hours; None: that of the data.
        parties: Entities whose import it measures; empty for all.

    Raises:
        ConfigurationError: A rate or a maximum below zero, a share outside [0, 1], months outside 0 to 12, or more
            earlier maxima than months.

    Source:
        The lookback demand charge of NREL's REopt (billed demand is at least ``demand_lookback_percent`` of the peak
        of the last ``demand_lookback_range`` months), as many utilities of the United States have it.

    Example:
        >>> charge = RatchetCharge(10.5, share=0.35, earlier_kw=(40.0, 100.0))
        >>> charge.starts
        (0.0, 40.0, 100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        >>> RatchetCharge(10.5, share=0.35, months=13)
        Traceback (most recent call last):
        energy_gym.errors.ConfigurationError: months=13: must be a whole number from 0 to 12; 0 means no ratchet, ...
    """

    kind: ClassVar[str] = "ratchet_charge"
    settled_by: ClassVar[str] = "meter"
    rate_per_kw: float | tuple[float, ...]
    share: float = 0.0
    months: int = 11
    hours: tuple[tuple[float, float], ...] = ALL_HOURS
    days: str | tuple[int, ...] = "all"
    so_far_kw: float = 0.0
    earlier_kw: tuple[float, ...] = ()
    zone: str | None = None
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate_per_kw", _rates(self.rate_per_kw))
        object.__setattr__(self, "share", number("share", self.share, "a fraction"))
        object.__setattr__(self, "so_far_kw", number("so_far_kw", self.so_far_kw, "kW"))
        earlier = tuple(number("earlier_kw", value, "kW") for value in sequence("earlier_kw", self.earlier_kw))
        object.__setattr__(self, "earlier_kw", earlier)
        when = When(hours=self.hours, days=self.days)
        object.__setattr__(self, "hours", when.hours)
        object.__setattr__(self, "days", when.days)
        object.__setattr__(self, "parties", party_names(self.kind, self.parties))
        check_zone(self.zone)
        self._check()

    def _check(self) -> None:
        if isinstance(self.months, bool) or not isinstance(self.months, int) or not 0 <= self.months <= MOST_MONTHS:
            rule = f"must be a whole number from 0 to {MOST_MONTHS}"
            raise ConfigurationError(f"months={self.months!r}", rule, "0 means no ratchet, 11 the rest of a year")
        if not 0.0 <= self.share <= 1.0:
            raise ConfigurationError(f"share={self.share}", "must lie in [0, 1]", "write 35 % as 0.35")
        if min((self.so_far_kw, *self.earlier_kw)) < 0.0:
            found = f"so_far_kw={self.so_far_kw}, earlier_kw={self.earlier_kw}"
            raise ConfigurationError(found, "maxima must not be below zero", "exports are no demand: give 0")
        if len(self.earlier_kw) > self.months:
            found = f"earlier_kw={self.earlier_kw}"
            raise ConfigurationError(
                found, f"are more than the {self.months} months that count", "leave out the oldest"
            )

    @property
    def starts(self) -> tuple[float, ...]:
        """Maxima when an episode begins [kW]: of the month under way, then of all earlier months that count."""
        missing = self.months - len(self.earlier_kw)
        return (self.so_far_kw, *self.earlier_kw, *([0.0] * missing))

    def ledger(self, times: pd.DatetimeIndex, zone: str, hours: float) -> Ledger:
        """See `Contract.ledger`: the maximum of the month under way and of each earlier month that counts.

        Raises:
            ConfigurationError: A month, or hours that count, begin or end inside a step.
        """
        zone, when = self.zone or zone, When(hours=self.hours, days=self.days)
        begins, ends = edges_of(times, zone)
        rates = np.broadcast_to(np.array(self.rate_per_kw), (MONTHS_OF_YEAR,))
        series = {
            "rate_per_kw": rates[LocalTimes.of(times, zone).month - 1],
            "counted_share": by_step(times, zone, when.edges, when.matches).astype(np.float64),
            "begins": begins,
            "ends": ends,
        }
        seen = tuple(name for name in ("rate_per_kw", "counted_share") if np.ptp(series[name]) > 0.0)
        names = ("maximum_kw", *(f"maximum_{ago}_before_kw" for ago in range(1, self.months + 1)))
        carried = tuple(Carried(name, "kW", None, start) for name, start in zip(names, self.starts, strict=True))
        return Ledger(settle, constrain, Terms(self.share, hours), carried, series, (), seen, "demand_charge")


def _rates(value: Any) -> float | tuple[float, ...]:
    """Return one rate, or twelve."""
    rates = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
    found = tuple(number("rate_per_kw", rate, "currency/kW") for rate in rates)
    if len(found) not in (1, MONTHS_OF_YEAR) or min(found) < 0.0:
        rule = "must be one rate or twelve, none below zero"
        raise ConfigurationError(
            f"rate_per_kw={value!r}", rule, "give one for all months, or one for each from January"
        )
    return found[0] if len(set(found)) == 1 else found


def settle(states: Any, net_kwh: Any, terms: Terms, xp: Namespace, signals: Any) -> tuple[Any, Any]:
    """Return the maxima at the end of a step [kW], moved on by a month where it ends one, and what the step costs.

    Args:
        states: Maximum of the month, then of the months before, the latest first [kW].
        net_kwh: Energy through the meter [kWh], import positive.
        terms: The contract's figures.
        xp: Namespace of the numbers.
        signals: Rate [currency/kW], whether the step counts, whether it begins and whether it ends a month.

    Source:
        By definition of the billed demand, max(maximum, share * largest earlier maximum); its rises add up to it.

    Example:
        >>> from energy_gym.backends import scalars
        >>> settle((0.0, 100.0), 20.0, Terms(0.35, 1.0), scalars, (10.0, 1.0, 1.0, 0.0))
        ((20.0, 100.0), 350.0)
    """
    (month, *earlier), (rate, counts, begins, ends) = states, signals
    least = terms.share * _largest(earlier, xp)
    billed = _largest([month, least], xp) * (1.0 - begins)
    month, _ = raised(month, net_kwh / terms.hours, counts, begins, xp)
    cost = rate * (_largest([month, least], xp) - billed)
    kept = [own * (1.0 - ends) + later * ends for own, later in zip(earlier, [month, *earlier], strict=False)]
    return (month * (1.0 - ends), *kept), cost


def _largest(values: Sequence[Any], xp: Namespace) -> Any:
    """Return the largest of some figures, none of which is below zero."""
    found: Any = 0.0
    for value in values:
        found = found + xp.positive(value - found)
    return found


def constrain(model: Model, exchange: Exchange, terms: Terms, start: Any, signals: Any) -> Any:
    """State the maximum and the billed demand of each month of a plan; returns what each month costs.

    No rate is below zero, so that no plan gains by more than is drawn: it needs no binary.
    """
    (month, *earlier), (rate, counts, begins, _) = start, signals
    under_way = begins[0] == 0.0
    periods = np.cumsum(begins > 0.0) - (0 if under_way else 1)
    firsts = np.unique(periods, return_index=True)[1]
    least = terms.share * _given(earlier, len(firsts))
    so_far, billed = np.zeros((2, len(firsts)))
    if under_way:
        so_far[0], billed[0] = month, max(month, least[0])
    highest = _maxima(model, exchange.net_kwh / terms.hours, periods, so_far, counts)
    owed = model.variable(np.maximum(billed, least), np.inf, size=len(firsts))
    model.at_most(highest, owed)
    for ago in range(1, min(len(earlier), len(firsts) - 1) + 1):
        later = np.arange(ago, len(firsts))
        model.at_most(terms.share * highest[later - ago], owed[later])
    return (owed - billed) * rate[firsts]


def _given(earlier: Sequence[float], months: int) -> Floats:
    """Return the largest of the maxima before a plan that still counts in each of its months, shape (months,) [kW]."""
    return np.array([max(earlier[: max(len(earlier) - at, 0)], default=0.0) for at in range(months)])


def _maxima(model: Model, net_kw: Any, periods: Ints, so_far: Floats, counts: Floats) -> Any:
    """Return variables of the maximum of each month [kW]."""
    highest = model.variable(so_far, np.inf, size=len(so_far))
    at = np.flatnonzero(counts > 0.0)
    if len(at):
        model.at_most(net_kw[at], highest[periods[at]])
    return highest
