"""The coincident peak charge: money for what a site draws while the system's load is at its peak.

One rule: only steps that belong to a peak cost anything; each peak is charged for the mean import power within it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import Namespace
from energy_gym.contracts.base import Contract, party_names, register
from energy_gym.contracts.clock import LocalTimes, check_zone
from energy_gym.contracts.ledger import Exchange, Ledger
from energy_gym.conversions import MINUTES_PER_HOUR
from energy_gym.errors import ConfigurationError
from energy_gym.modelling import Model, positive_part
from energy_gym.trees import number, text

if TYPE_CHECKING:
    import pandas as pd


class Terms(NamedTuple):
    """What a kWh that is drawn in a peak costs [currency/kWh]."""

    per_kwh: float


@register
@dataclass(frozen=True, slots=True)
class CoincidentPeakCharge(Contract):
    """Charges the mean import power in each peak of the system, at given times or where a column says so.

    Times are known in advance; a column is known when its card or ``published=`` says, and an agent plans on its
    forecast. Exports in a peak neither cost nor earn.

    Args:
        rate_per_kw: Charge for each kW of the mean import in one peak [currency/kW]: of a yearly rate that is spread
            over four peaks, a quarter.
        times: Starts of the peaks in local time, such as ``"2024-07-19 17:00"``; those outside the data do nothing.
        column: Or a column of the data that is 1 in the steps of a peak and else 0; a share counts as such.
        peak_minutes: Length of a peak [min]; None: a step of the data.
        zone: Time zone of the times; None: that of the data.
        parties: Entities whose import it measures; empty for all.

    Raises:
        ConfigurationError: Neither times nor a column or both, a time that is none or occurs twice, a rate below zero,
            or a length that is not above 0.

    Source:
        The coincident peak charge of NREL's REopt (``coincident_peak_load_charge_per_kw`` on given time steps), as of
        transmission tariffs such as the four coincident peaks of ERCOT; here on the mean of each peak.

    Example:
        >>> CoincidentPeakCharge(15.0, times=["2024-07-19 17:00"]).times
        ('2024-07-19 17:00',)
    """

    kind: ClassVar[str] = "coincident_peak_charge"
    settled_by: ClassVar[str] = "meter"
    rate_per_kw: float
    times: tuple[str, ...] = ()
    column: str | None = None
    peak_minutes: float | None = None
    zone: str | None = None
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate_per_kw", number("rate_per_kw", self.rate_per_kw, "currency/kW"))
        if self.rate_per_kw < 0.0:
            raise ConfigurationError(f"rate_per_kw={self.rate_per_kw}", "must not be below zero", "correct it")
        object.__setattr__(self, "times", _times(self.times))
        if self.column is not None:
            text("column", self.column)
        if bool(self.times) == (self.column is not None):
            found = f"times={self.times}, column={self.column!r}"
            raise ConfigurationError(
                found, "must be one of the two", "give the peaks' times, or a column that flags them"
            )
        if self.peak_minutes is not None:
            object.__setattr__(self, "peak_minutes", number("peak_minutes", self.peak_minutes, "min"))
            if not self.peak_minutes > 0.0:
                raise ConfigurationError(f"peak_minutes={self.peak_minutes}", "must be above 0", "give it in minutes")
        check_zone(self.zone)
        object.__setattr__(self, "parties", party_names(self.kind, self.parties))

    def ledger(self, times: pd.DatetimeIndex, zone: str, hours: float) -> Ledger:
        """See `Contract.ledger`: nothing is carried from step to step.

        Raises:
            ConfigurationError: A peak begins or ends inside a step, or two overlap.
        """
        length = hours if self.peak_minutes is None else self.peak_minutes / MINUTES_PER_HOUR
        terms = Terms(self.rate_per_kw / length)
        if self.column is not None:
            return Ledger(settle, constrain, terms, columns=(self.column,), part="demand_charge")
        flags = self._flags(times, self.zone or zone, hours, length)
        return Ledger(settle, constrain, terms, (), {"peak_share": flags}, (), ("peak_share",), "demand_charge")

    def _flags(self, times: pd.DatetimeIndex, zone: str, hours: float, length: float) -> Floats:
        """Return 1.0 where a step belongs to a peak, shape (T,)."""
        steps = round(length / hours)
        if abs(steps * hours - length) > 1e-9 or steps < 1:
            found = f"peak_minutes={length * MINUTES_PER_HOUR:g}"
            rule = f"must be whole steps of {hours * MINUTES_PER_HOUR:g} min"
            raise ConfigurationError(found, rule, "use data of shorter steps, or longer peaks")
        local, flags = LocalTimes.of(times, zone).stamps, np.zeros(len(times))
        for start in np.array(self.times, dtype="datetime64[s]"):
            found_at = np.flatnonzero(local == start)[:1]  # of an hour that comes twice, the first
            if len(found_at):
                peak = slice(found_at[0], found_at[0] + min(steps, len(times)))
                if flags[peak].any():
                    rule = f"overlaps another peak of {length * MINUTES_PER_HOUR:g} min"
                    raise ConfigurationError(f"times: {start}", rule, "give one start, and peak_minutes for all of it")
                flags[peak] = 1.0
            elif local[0] < start < local[-1]:
                rule = f"is no start of a step in {zone}"
                raise ConfigurationError(f"times: {start}", rule, "give a time at which a step begins")
        return flags


def _times(value: Any) -> tuple[str, ...]:
    """Return moments as texts that ISO 8601 knows, each once."""
    items = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
    found = tuple(item.isoformat(" ") if isinstance(item, datetime) else item for item in items)
    for item in found:
        try:
            moment = datetime.fromisoformat(item)
        except (TypeError, ValueError):
            moment = None
        if moment is None or moment.tzinfo is not None:
            rule = "must be a local time without a zone"
            raise ConfigurationError(f"times: {item!r}", rule, 'write "2024-07-19 17:00", and the zone apart')
    if len({datetime.fromisoformat(item) for item in found}) < len(found):
        raise ConfigurationError(f"times={found}", "names one twice", "name each once")
    return found


def settle(states: Any, net_kwh: Any, terms: Terms, xp: Namespace, signals: Any) -> tuple[Any, Any]:
    """Return that nothing is carried, and what the step costs.

    Args:
        states: Nothing.
        net_kwh: Energy through the meter [kWh], import positive.
        terms: The contract's figures.
        xp: Namespace of the numbers.
        signals: 1 where the step belongs to a peak, else 0.

    Source:
        By definition: the mean power of a peak is its energy over its length.

    Example:
        >>> from energy_gym.backends import scalars
        >>> settle((), 20.0, Terms(15.0), scalars, (1.0,)), settle((), 20.0, Terms(15.0), scalars, (0.0,))
        (((), 300.0), ((), 0.0))
    """
    (share,) = signals
    return (), xp.positive(net_kwh) * (share * terms.per_kwh)


def constrain(model: Model, exchange: Exchange, terms: Terms, start: Any, signals: Any) -> Any:
    """State the same in a solver's model; returns what each step costs."""
    (share,) = signals
    drawn = positive_part(model, exchange.net_kwh, exchange.import_kwh, exchange.export_kwh, exact=share < 0.0)
    return drawn * (share * terms.per_kwh)
