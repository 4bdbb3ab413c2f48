"""A ramping charge: a site pays for each kW by which its power at the meter changes from one step to the next.

One rule: a change within the free band costs nothing; the rest costs the same up and down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from energy_gym.backends import Namespace
from energy_gym.contracts import Carried, Contract, Exchange, Ledger, register
from energy_gym.contracts.base import party_names
from energy_gym.contracts.clock import LocalTimes
from energy_gym.errors import ConfigurationError
from energy_gym.modelling import Model, positive_part
from energy_gym.trees import number

if TYPE_CHECKING:
    import pandas as pd


class Terms(NamedTuple):
    """What changes freely [kW], and the length of a step [h]."""

    free_kw: float
    hours: float


@register
@dataclass(frozen=True, slots=True)
class RampingCharge(Contract):
    """Charges each kW by which the mean power at the meter changes beyond a free band, more so on weekends.

    Args:
        rate_per_kw: Charge for each kW of change [currency/kW].
        weekend_factor: How many times as much it is on Saturdays and Sundays of local time.
        free_kw: Change of a step that costs nothing [kW].
        last_kw: Power of the step before an episode begins [kW].
        parties: Entities behind the meter; empty for all.

    Raises:
        ConfigurationError: A rate, a factor or a band below zero.
    """

    kind: ClassVar[str] = "ramping_charge"
    settled_by: ClassVar[str] = "meter"
    rate_per_kw: float = 0.05
    weekend_factor: float = 2.0
    free_kw: float = 1.0
    last_kw: float = 0.0
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, unit in (("rate_per_kw", "currency/kW"), ("weekend_factor", "1"), ("free_kw", "kW")):
            object.__setattr__(self, name, number(name, getattr(self, name), unit))
            if getattr(self, name) < 0.0:
                raise ConfigurationError(f"{name}={getattr(self, name)}", "must not be below zero", "correct it")
        object.__setattr__(self, "last_kw", number("last_kw", self.last_kw, "kW"))
        object.__setattr__(self, "parties", party_names(self.kind, self.parties))

    def ledger(self, times: pd.DatetimeIndex, zone: str, hours: float) -> Ledger:
        """See `Contract.ledger`: the power of the step before, and what a change from it costs."""
        weekend = LocalTimes.of(times, zone).weekday >= 5
        rate = self.rate_per_kw * np.where(weekend, self.weekend_factor, 1.0)
        carried = Carried("last_kw", "kW", scale=None, initial=self.last_kw)
        terms, series = Terms(self.free_kw, hours), {"rate_per_kw": rate}
        return Ledger(settle, constrain, terms, (carried,), series, seen=("rate_per_kw",), part="penalty")


def settle(states: Any, net_kwh: Any, terms: Terms, xp: Namespace, signals: Any) -> tuple[Any, Any]:
    """Return the power of the step [kW], and what its change costs [currency]."""
    (last,), (rate,) = states, signals
    power = net_kwh / terms.hours
    change = power - last
    beyond = xp.positive(change - terms.free_kw) + xp.positive(0.0 - change - terms.free_kw)
    return (power,), rate * beyond


def constrain(model: Model, exchange: Exchange, terms: Terms, start: Any, signals: Any) -> Any:
    """State the same in a solver's model; returns what each step costs."""
    (last,), (rate,) = start, signals
    power = exchange.net_kwh / terms.hours
    change = power - model.previous(power, last)
    most = (exchange.import_kwh + exchange.export_kwh).max() / terms.hours + abs(last)
    up = positive_part(model, change - terms.free_kw, most, most, exact=False)
    down = positive_part(model, 0.0 - change - terms.free_kw, most, most, exact=False)
    return (up + down) * rate
