"""A tariff in tiers: the more energy a site has imported since the month began, the more (or less) the next kWh costs.

One rule: the price of the first tier is an ordinary price of energy; what the others cost beyond it is the ledger's.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import Namespace
from energy_gym.contracts.base import EnergyContract, Values, party_names, register
from energy_gym.contracts.clock import check_zone
from energy_gym.contracts.ledger import Carried, Exchange, Ledger
from energy_gym.contracts.periods import check_period, edges_of
from energy_gym.conversions import KWH_PER_MWH
from energy_gym.errors import ConfigurationError
from energy_gym.modelling import Model, positive_part
from energy_gym.trees import number, sequence, text

if TYPE_CHECKING:
    import pandas as pd


class Tier(NamedTuple):
    """Where a tier begins [kWh], and what a kWh beyond that costs more than before [currency/kWh]."""

    begins_kwh: float
    rise: float


@register
@dataclass(frozen=True, slots=True)
class TieredTariff(EnergyContract):
    """Imports at a price that depends on what was imported since the month began; exports at a fixed price.

    Exports are not taken off what was imported.

    Args:
        prices_per_mwh: Price of import in each tier [currency/MWh], not negative.
        limits_kwh: Where each tier but the last one ends, in a billing period [kWh]; one fewer than the prices.
        sell_per_mwh: What exports earn [currency/MWh].
        period: Billing period: ``"day"``, ``"week"`` (from Monday), ``"month"`` or ``"year"`` of local time.
        so_far_kwh: Imported in the period under way when an episode begins inside one [kWh].
        zone: Time zone of the periods; None: that of the data.
        carbon: Column of the data with the carbon intensity [gCO2/kWh]; where the data have none, carbon counts as 0.
        parties: Entities whose energy it settles; empty for all.

    Raises:
        ConfigurationError: Limits that do not rise or do not fit the prices, or a price or an energy below zero.
        UnknownIdError: An unknown period.

    Source:
        By definition of an increasing (or decreasing) block rate: each kWh costs the price of the tier it falls into.

    Example:
        >>> TieredTariff((210.0, 280.0, 390.0), (300.0, 1000.0)).tiers
        (Tier(begins_kwh=300.0, rise=0.07), Tier(begins_kwh=1000.0, rise=0.11))
    """

    kind: ClassVar[str] = "tiered_tariff"
    prices_per_mwh: tuple[float, ...] = (210.0, 280.0, 390.0)
    limits_kwh: tuple[float, ...] = (300.0, 1000.0)
    sell_per_mwh: float = 0.0
    period: str = "month"
    so_far_kwh: float = 0.0
    zone: str | None = None
    carbon: str = "carbon_g_per_kwh"
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, unit in (("prices_per_mwh", "currency/MWh"), ("limits_kwh", "kWh")):
            values = tuple(number(name, value, unit) for value in sequence(name, getattr(self, name)))
            object.__setattr__(self, name, values)
        object.__setattr__(self, "sell_per_mwh", number("sell_per_mwh", self.sell_per_mwh, "currency/MWh"))
        object.__setattr__(self, "so_far_kwh", number("so_far_kwh", self.so_far_kwh, "kWh"))
        check_period(self.period)
        check_zone(self.zone)
        text("carbon", self.carbon)
        object.__setattr__(self, "parties", party_names(self.kind, self.parties))
        self._check()

    def _check(self) -> None:
        if len(self.limits_kwh) != len(self.prices_per_mwh) - 1:
            found = f"limits_kwh={self.limits_kwh} for prices_per_mwh={self.prices_per_mwh}"
            raise ConfigurationError(found, "must be one fewer than the prices", "the last tier has no end")
        if any(later <= earlier for earlier, later in pairwise((0.0, *self.limits_kwh))):
            raise ConfigurationError(f"limits_kwh={self.limits_kwh}", "must rise, from above 0", "order the tiers")
        if min(self.prices_per_mwh) < 0.0:
            raise ConfigurationError(f"prices_per_mwh={self.prices_per_mwh}", "must not be negative", "correct them")
        if self.so_far_kwh < 0.0:
            raise ConfigurationError(f"so_far_kwh={self.so_far_kwh}", "must not be negative", "count imports alone")

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """All tiers but the first."""
        rises = (round(later - earlier, 9) / KWH_PER_MWH for earlier, later in pairwise(self.prices_per_mwh))
        return tuple(Tier(limit, rise) for limit, rise in zip(self.limits_kwh, rises, strict=True))

    def varying(self) -> tuple[bool, bool]:
        """See `EnergyContract.varying`: the prices of the first tier and of exports never change."""
        return False, False

    def prices(self, values: Values, times: pd.DatetimeIndex, zone: str) -> tuple[Floats, Floats]:
        """See `EnergyContract.prices`: the price of the first tier, and of exports."""
        return np.full(len(times), self.prices_per_mwh[0]), np.full(len(times), self.sell_per_mwh)

    def ledger(self, times: pd.DatetimeIndex, zone: str, hours: float) -> Ledger | None:
        """See `Contract.ledger`: what was imported since the period began, and what the higher tiers cost.

        Raises:
            ConfigurationError: A period begins inside a step.
        """
        if not self.tiers:
            return None
        begins = edges_of(times, self.zone or zone, self.period).begins
        carried = Carried("imported_kwh", "kWh", self.limits_kwh[-1], self.so_far_kwh)
        return Ledger(settle, constrain, self.tiers, (carried,), series={"begins": begins})


def settle(states: Any, net_kwh: Any, tiers: Any, xp: Namespace, signals: Any) -> tuple[Any, Any]:
    """Return what was imported since the period began [kWh], and what the step costs above the first tier.

    Args:
        states: What was imported so far [kWh].
        net_kwh: Energy through the meter [kWh], import positive.
        tiers: All tiers but the first.
        xp: Namespace of the numbers.
        signals: Whether the step begins a period.

    Source:
        By definition: each tier's price is paid for what is imported above its threshold and below the next.

    Example:
        >>> from energy_gym.backends import scalars
        >>> settle((290.0,), 20.0, (Tier(300.0, 0.07),), scalars, (0.0,))
        ((310.0,), 0.7000000000000001)
    """
    (imported,), (begins,) = states, signals
    before = imported * (1.0 - begins)
    after = before + xp.positive(net_kwh)
    cost = 0.0
    for limit, rise in tiers:
        cost = cost + rise * (xp.positive(after - limit) - xp.positive(before - limit))
    return (after,), cost


def constrain(model: Model, exchange: Exchange, tiers: Any, start: Any, signals: Any) -> Any:
    """State the same in a solver's model; returns what each step costs above the first tier."""
    (imported,), (begins,) = start, signals
    ends = np.append(begins[1:], 1.0) > 0.0  # where a period, or the plan, ends: what is paid in all is settled there
    falling = any(rise < 0.0 for _, rise in tiers)  # then it would pay to import more than is used
    more = positive_part(model, exchange.net_kwh, exchange.import_kwh, exchange.export_kwh, exact=falling)
    most = imported + exchange.import_kwh.cumsum()
    after = model.variable(0.0, most)
    model.equal(after, model.previous(after, imported) * (1.0 - begins) + more)
    cost = 0.0
    for limit, rise in tiers:
        over = positive_part(model, after - limit, most - limit, limit, exact=ends & (rise < 0.0))
        before = model.previous(over, max(imported - limit, 0.0)) * (1.0 - begins)
        cost = cost + rise * (over - before)
    return cost
