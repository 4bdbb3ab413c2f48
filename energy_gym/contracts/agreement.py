"""A purchase agreement: energy at an agreed price, with a least and a most in each period, and penalties beyond them.

Take-or-pay, a week-ahead agreement and a long-term one are the same contract over other periods.

One rule: what is missing is paid for when its period ends, what is too much in the step in which it flows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import Namespace
from energy_gym.contracts.base import EnergyContract, Values, party_names, register
from energy_gym.contracts.clock import check_zone
from energy_gym.contracts.ledger import Carried, Exchange, Ledger
from energy_gym.contracts.periods import check_period, edges_of
from energy_gym.contracts.tariff import Tariff
from energy_gym.conversions import KWH_PER_MWH
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.modelling import Model, positive_part
from energy_gym.trees import number

if TYPE_CHECKING:
    import pandas as pd

DIRECTIONS = ("import", "export")


class Terms(NamedTuple):
    """The agreement's figures, as the laws take them.

    Args:
        sign: 1.0 where imports are agreed on, -1.0 where exports are.
        least_kwh: Least energy of a period.
        most_kwh: Most energy of a period; None for no such limit.
        short: What a kWh missing costs [currency/kWh].
        over: What a kWh too much costs besides its price [currency/kWh].
    """

    sign: float
    least_kwh: float
    most_kwh: float | None
    short: float
    over: float


@register
@dataclass(frozen=True, slots=True)
class PurchaseAgreement(EnergyContract):
    """Energy one way at an agreed price, with a least and a most in each period; energy the other way at another price.

    A period that an episode does not finish is not settled; what was taken in it before the episode is ``so_far_kwh``.

    Args:
        direction: ``"import"``: the site buys under the agreement; ``"export"``: it sells, as a wind park does.
        price_per_mwh: Price of the agreed energy [currency/MWh], or the column that holds it.
        other_per_mwh: Price of energy the other way, likewise.
        min_kwh: Least energy of a period [kWh].
        max_kwh: Most energy of a period [kWh]; None for no such limit.
        shortfall_per_mwh: Penalty for energy missing when a period ends [currency/MWh]; None: the price that it would
            have cost (take or pay), or, of a seller, nothing.
        excess_per_mwh: Penalty for energy above the most, besides its price [currency/MWh].
        period: ``"day"``, ``"week"`` (from Monday), ``"month"`` or ``"year"`` of local time.
        so_far_kwh: Taken in the period under way when an episode begins inside one [kWh].
        zone: Time zone of the periods; None: that of the data.
        carbon: Column of the carbon intensity [gCO2/kWh]; where the data have none, carbon counts as 0.
        parties: Entities whose energy it settles; empty for all.

    Raises:
        ConfigurationError: Limits that are not 0 <= min < max, a penalty or an energy below zero, or take-or-pay where
            a column holds the price.
        UnknownIdError: An unknown direction or period.

    Source:
        EnCortex, section 3.1.2: contracts with a least and a most, a price, and a penalty counted over a period, such
        as week-ahead and long-term agreements.

    Example:
        >>> agreed = PurchaseAgreement(price_per_mwh=60.0, min_kwh=500.0, max_kwh=900.0, period="week")
        >>> agreed.shortfall, PurchaseAgreement("export", 60.0, min_kwh=500.0).shortfall
        (60.0, 0.0)
    """

    kind: ClassVar[str] = "purchase_agreement"
    direction: str = "import"
    price_per_mwh: float | str = 80.0
    other_per_mwh: float | str = 0.0
    min_kwh: float = 0.0
    max_kwh: float | None = None
    shortfall_per_mwh: float | None = None
    excess_per_mwh: float = 0.0
    period: str = "month"
    so_far_kwh: float = 0.0
    zone: str | None = None
    carbon: str = "carbon_g_per_kwh"
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.direction not in DIRECTIONS:
            raise UnknownIdError.of("direction", self.direction, DIRECTIONS)
        for name, unit in (("min_kwh", "kWh"), ("so_far_kwh", "kWh"), ("excess_per_mwh", "currency/MWh")):
            object.__setattr__(self, name, number(name, getattr(self, name), unit))
        for name, unit in (("max_kwh", "kWh"), ("shortfall_per_mwh", "currency/MWh")):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, number(name, getattr(self, name), unit))
        for name in ("price_per_mwh", "other_per_mwh"):
            value = getattr(self, name)
            object.__setattr__(self, name, value if isinstance(value, str) else number(name, value, "currency/MWh"))
        check_period(self.period)
        check_zone(self.zone)
        object.__setattr__(self, "parties", party_names(self.kind, self.parties))
        self._check()

    def _check(self) -> None:
        most = np.inf if self.max_kwh is None else self.max_kwh
        if not 0.0 <= self.min_kwh < most:
            found = f"min_kwh={self.min_kwh}, max_kwh={self.max_kwh}"
            raise ConfigurationError(found, "must satisfy 0 <= min_kwh < max_kwh", "order the limits")
        if isinstance(self.price_per_mwh, str) and self.min_kwh > 0.0 and self.shortfall_per_mwh is None:
            found = f"shortfall_per_mwh=None beside price_per_mwh={self.price_per_mwh!r}"
            raise ConfigurationError(found, "has no one price to take or pay", "give the penalty in currency/MWh")
        for name, value in (("shortfall_per_mwh", self.shortfall), ("excess_per_mwh", self.excess_per_mwh)):
            if value < 0.0:
                raise ConfigurationError(f"{name}={value}", "must not be below zero", "pass 0 for no penalty")
        if self.so_far_kwh < 0.0:
            raise ConfigurationError(f"so_far_kwh={self.so_far_kwh}", "must not be below zero", "count one way alone")

    @property
    def shortfall(self) -> float:
        """Penalty for energy missing when a period ends [currency/MWh]."""
        if self.shortfall_per_mwh is not None:
            return self.shortfall_per_mwh
        return 0.0 if self.direction == "export" or isinstance(self.price_per_mwh, str) else self.price_per_mwh

    @property
    def tariff(self) -> Tariff:
        """The prices of both ways."""
        pair = (self.price_per_mwh, self.other_per_mwh)
        buy, sell = pair if self.direction == "import" else pair[::-1]
        return Tariff(buy, sell, None, self.carbon)

    def columns(self) -> tuple[str, ...]:
        """See `EnergyContract.columns`."""
        return self.tariff.columns()

    def price_columns(self) -> tuple[str | None, str | None]:
        """See `EnergyContract.price_columns`."""
        return self.tariff.price_columns()

    def varying(self) -> tuple[bool, bool]:
        """See `EnergyContract.varying`."""
        return self.tariff.varying()

    def prices(self, values: Values, times: pd.DatetimeIndex, zone: str) -> tuple[Floats, Floats]:
        """See `EnergyContract.prices`."""
        return self.tariff.prices(values, times, zone)

    def ledger(self, times: pd.DatetimeIndex, zone: str, hours: float) -> Ledger | None:
        """See `Contract.ledger`: what was taken since the period began, and what lies outside its limits costs.

        Raises:
            ConfigurationError: A period begins inside a step.
        """
        short, over = self.shortfall / KWH_PER_MWH, self.excess_per_mwh / KWH_PER_MWH
        terms = Terms(1.0 if self.direction == "import" else -1.0, self.min_kwh, self.max_kwh, short, over)
        begins, ends = edges_of(times, self.zone or zone, self.period)
        carried = Carried("taken_kwh", "kWh", self.max_kwh or self.min_kwh or 1.0, self.so_far_kwh)
        return Ledger(settle, constrain, terms, (carried,), {"begins": begins, "ends": ends}, part="penalty")


def settle(states: Any, net_kwh: Any, terms: Terms, xp: Namespace, signals: Any) -> tuple[Any, Any]:
    """Return what was taken since the period began [kWh], and what the step costs besides the energy's price.

    Args:
        states: What was taken so far [kWh].
        net_kwh: Energy through the meter [kWh], import positive.
        terms: The agreement's figures.
        xp: Namespace of the numbers.
        signals: Whether the step begins and whether it ends a period.

    Source:
        EnCortex, section 3.1.2: a penalty that is a function of what is supplied over a period.

    Example:
        >>> from energy_gym.backends import scalars
        >>> terms = Terms(1.0, 50.0, 80.0, 0.06, 0.02)
        >>> settle((30.0,), 10.0, terms, scalars, (0.0, 1.0)), settle((75.0,), 10.0, terms, scalars, (0.0, 0.0))
        (((40.0,), 0.6), ((85.0,), 0.1))
    """
    (taken,), (begins, ends) = states, signals
    before = taken * (1.0 - begins)
    after = before + xp.positive(terms.sign * net_kwh)
    cost = terms.short * xp.positive(terms.least_kwh - after) * ends
    if terms.most_kwh is not None:
        cost = cost + terms.over * (xp.positive(after - terms.most_kwh) - xp.positive(before - terms.most_kwh))
    return (after,), cost


def constrain(model: Model, exchange: Exchange, terms: Terms, start: Any, signals: Any) -> Any:
    """State the same in a solver's model; returns what each step costs besides the energy's price."""
    (taken,), (begins, ends) = start, signals
    most_in, most_out = exchange.import_kwh, exchange.export_kwh
    most, other = (most_in, most_out) if terms.sign > 0.0 else (most_out, most_in)
    owing = terms.short * terms.least_kwh > 0.0  # then more than is really taken would seem to help
    more = positive_part(model, terms.sign * exchange.net_kwh, most, other, exact=owing)
    highest = taken + most.cumsum()
    after = model.variable(0.0, highest)
    model.equal(after, model.previous(after, taken) * (1.0 - begins) + more)
    cost = terms.short * positive_part(model, terms.least_kwh - after, terms.least_kwh, highest, exact=False) * ends
    if terms.most_kwh is not None:
        over = positive_part(model, after - terms.most_kwh, highest, terms.most_kwh, exact=False)
        before = model.previous(over, max(taken - terms.most_kwh, 0.0)) * (1.0 - begins)
        cost = cost + terms.over * (over - before)
    return cost
