"""Limits of power by time, as a grid operator orders them: what crosses the meter beyond them is paid for.

One rule: an order moves no energy; it is a price on each kWh beyond the limit, high enough to be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from energy_gym.backends import Namespace
from energy_gym.contracts.base import Contract, party_names, register
from energy_gym.contracts.calendar import ALL_HOURS, ALL_MONTHS, When
from energy_gym.contracts.clock import by_step, check_zone
from energy_gym.contracts.ledger import Exchange, Ledger
from energy_gym.conversions import KWH_PER_MWH
from energy_gym.errors import ConfigurationError
from energy_gym.modelling import Model, positive_part
from energy_gym.trees import number

if TYPE_CHECKING:
    import pandas as pd


class Terms(NamedTuple):
    """The order's figures, as the laws take them.

    Args:
        price: What a kWh beyond a limit costs [currency/kWh].
        hours: Length of a step [h].
        limits: Most import and most export [kW]: a number, None for no limit, or the place of the column among those
            that the laws are told, as a whole number.
    """

    price: float
    hours: float
    limits: tuple[float | int | None, float | int | None]


@register
@dataclass(frozen=True, slots=True)
class PowerLimit(Contract):
    """Charges what is imported or exported beyond a limit, at the times at which an order holds.

    A limit is a number for a part of the calendar, such as the evening hours of a flexible connection, or a column of
    the data, such as a curtailment order, known when its card or ``published=`` says. It is kept because the charge is
    high, and may be broken where nothing else is possible; what a connection can carry at all is `Grid`'s to say.

    Args:
        penalty_per_mwh: Charge for each MWh beyond a limit [currency/MWh].
        import_kw: Most mean import of a step [kW], or the column that holds it; None for no limit.
        export_kw: Most mean export, likewise.
        hours: Local hours at which it holds, as in :class:`~energy_gym.contracts.calendar.When`; so are ``months`` and
            ``days``.
        months: Months at which it holds.
        days: Weekdays at which it holds.
        zone: Time zone of the hours; None: that of the data.
        parties: Entities behind the meter; empty for all.

    Raises:
        ConfigurationError: No limit, a limit or a charge below zero, or hours that are none.

    Source:
        By definition: energy beyond the ordered power, at a price.

    Example:
        >>> PowerLimit(2000.0, import_kw=5.0, hours=(17, 20)).hours
        ((17, 20),)
    """

    kind: ClassVar[str] = "power_limit"
    settled_by: ClassVar[str] = "meter"
    penalty_per_mwh: float
    import_kw: float | str | None = None
    export_kw: float | str | None = None
    hours: tuple[tuple[float, float], ...] = ALL_HOURS
    months: tuple[int, ...] = ALL_MONTHS
    days: str | tuple[int, ...] = "all"
    zone: str | None = None
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        when = When(hours=self.hours, months=self.months, days=self.days)
        for name in ("hours", "months", "days"):
            object.__setattr__(self, name, getattr(when, name))
        limits = [name for name in ("import_kw", "export_kw") if getattr(self, name) is not None]
        if not limits:
            raise ConfigurationError("import_kw=None, export_kw=None", "limit nothing", "give one of them, or both")
        for name in ("penalty_per_mwh", *limits):
            value = getattr(self, name)
            if isinstance(value, str) and value and name in limits:
                continue
            unit = "currency/MWh" if name == "penalty_per_mwh" else "kW, or name a column"
            object.__setattr__(self, name, number(name, value, unit))
            if getattr(self, name) < 0.0:
                raise ConfigurationError(f"{name}={value}", "must not be below zero", "limits of both ways count up")
        check_zone(self.zone)
        object.__setattr__(self, "parties", party_names(self.kind, self.parties))

    def ledger(self, times: pd.DatetimeIndex, zone: str, hours: float) -> Ledger:
        """See `Contract.ledger`: nothing is carried from step to step.

        Raises:
            ConfigurationError: Hours at which it holds begin or end inside a step.
        """
        columns: list[str] = []
        limits: list[float | int | None] = []
        for limit in (self.import_kw, self.export_kw):
            limits.append(len(columns) if isinstance(limit, str) else limit)
            columns += [limit] if isinstance(limit, str) else []
        when = When(hours=self.hours, months=self.months, days=self.days)
        holds = by_step(times, self.zone or zone, when.edges, when.matches).astype(np.float64)
        terms = Terms(self.penalty_per_mwh / KWH_PER_MWH, hours, (limits[0], limits[1]))
        seen = ("limit_share",) if np.ptp(holds) > 0.0 else ()
        return Ledger(settle, constrain, terms, (), {"limit_share": holds}, tuple(columns), seen, "penalty")


def _limits_kwh(terms: Terms, columns: Any) -> list[Any]:
    """Return the most energy that may come in and go out in a step [kWh]; None where nothing limits it."""
    given = [columns[limit] if isinstance(limit, int) else limit for limit in terms.limits]
    return [None if limit is None else limit * terms.hours for limit in given]


def settle(states: Any, net_kwh: Any, terms: Terms, xp: Namespace, signals: Any) -> tuple[Any, Any]:
    """Return that nothing is carried, and what the step costs.

    Args:
        states: Nothing.
        net_kwh: Energy through the meter [kWh], import positive.
        terms: The order's figures.
        xp: Namespace of the numbers.
        signals: 1 where the order holds, else 0; then columns of limits [kW].

    Source:
        By definition of the charge.

    Example:
        >>> from energy_gym.backends import scalars
        >>> settle((), 7.0, Terms(2.0, 1.0, (5.0, None)), scalars, (1.0,))
        ((), 4.0)
    """
    (holds, *columns), over = signals, 0.0
    for sign, limit in zip((1.0, -1.0), _limits_kwh(terms, columns), strict=True):
        if limit is not None:
            over = over + xp.positive(sign * net_kwh - limit)
    return (), over * (holds * terms.price)


def constrain(model: Model, exchange: Exchange, terms: Terms, start: Any, signals: Any) -> Any:
    """State the same in a solver's model; returns what each step costs."""
    holds, *columns = signals
    most, cost = (exchange.import_kwh, exchange.export_kwh), 0.0
    for sign, highest, limit in zip((1.0, -1.0), most, _limits_kwh(terms, columns), strict=True):
        if limit is not None:
            beyond = positive_part(model, sign * exchange.net_kwh - limit, highest - limit, limit, exact=False)
            cost = cost + beyond * (holds * terms.price)
    return cost
