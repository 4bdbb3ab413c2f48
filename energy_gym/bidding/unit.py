"""A producer laid out over the steps of a split: its site, its consumer's terms, the prices it is settled at, its step.

One rule: what was bid for a step is told to the step, like its prices; the step itself knows no gates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import Namespace
from energy_gym.bidding import laws
from energy_gym.contracts.clearing import trading_of
from energy_gym.contracts.spot import carbon_kg
from energy_gym.contracts.supply import Supply, SupplyTerms, shifted, unmatched_cost
from energy_gym.contracts.trading import Trading
from energy_gym.dynamics import Advance, Flow, compose
from energy_gym.units import GIVEN, MONEY, Told, Unit

TOLD = {
    **dict.fromkeys(("market_cost", "supply_cost", "deviation_cost", "unmatched_cost"), MONEY),
    **dict.fromkeys(("committed_kw", "supplied_kw"), "kW"),
}
"""Figures of the step before that a producer's state ends with, and their units: costs and mean powers."""


@dataclass(frozen=True)
class ProducerUnit(Unit):
    """A producer over T steps; the fields of `Unit` hold its site, with energy at no price.

    Its state is that of the site, then the balance of the supply contract [kWh], then the figures named in `TOLD`.

    Args:
        trading: Its markets, and how deviations are settled.
        supply: Its contract with the consumer.
        terms: What the consumer takes and allows, by step.
        closes: 1.0 where a matching period ends, shape (T,).
        prices: Clearing price by market, each of shape (T,) [currency/MWh].
        imbalance: Prices of the deviation, in the order of its columns, each of shape (T,).
    """

    trading: Trading
    supply: Supply
    terms: SupplyTerms
    closes: Floats
    prices: tuple[Floats, ...]
    imbalance: tuple[Floats, ...]

    @cached_property
    def site(self) -> Unit:
        """The site alone, as a usual unit."""
        return Unit(**{item.name: getattr(self, item.name) for item in fields(Unit) if item.name != "laws"})

    @property
    def controls(self) -> int:
        """See `Unit.controls`: those of its site, and the share by which supply is shifted."""
        return len(self.flexibles) + 1

    @property
    def undifferentiable(self) -> str | None:
        """See `Unit.undifferentiable`."""
        return "bids count at gate closures and are settled later; a rollout settles each wish in its own step"

    @property
    def plain(self) -> bool:
        """See `Unit.plain`."""
        return False

    @property
    def initial(self) -> tuple[Any, ...]:
        """See `Unit.initial`."""
        return (*self.site.initial, *([0.0] * (1 + len(TOLD))))

    @property
    def balance(self) -> int:
        """Place of the balance of the supply contract in the state."""
        return len(self.site.initial)

    @property
    def told(self) -> tuple[Told, ...]:
        """See `Unit.told`."""
        return tuple(Told(name, self.balance + 1 + place, unit) for place, (name, unit) in enumerate(TOLD.items()))

    def window(self, first: int, stop: int) -> Self:
        """See `Unit.window`."""
        part, terms = slice(first, stop), self.terms
        return replace(
            super().window(first, stop),
            terms=SupplyTerms(terms.base_kwh[part], terms.more_kwh[part], terms.less_kwh[part]),
            closes=self.closes[part],
            prices=tuple(row[part] for row in self.prices),
            imbalance=tuple(row[part] for row in self.imbalance),
        )

    @cached_property
    def settled(self) -> Floats:
        """What each step is settled on, shape (T + 1, terms): base, more, less, closes, prices, imbalance."""
        terms = (self.terms.base_kwh, self.terms.more_kwh, self.terms.less_kwh)
        columns = [*terms, self.closes, *self.prices, *self.imbalance]
        return np.concatenate([np.column_stack(columns), np.zeros((1, len(columns)))])

    def terms_of(self, row: Any) -> laws.ProducerTerms:
        """Return the terms of a step of `settled` (floats, or arrays with a value per environment)."""
        last = 4 + len(self.prices)
        return laws.ProducerTerms(row[0], row[1], row[2], row[3], tuple(row[4:last]), tuple(row[last:]))

    def signals(self) -> list[tuple[Any, ...]]:
        """See `Unit.signals`: what the site is told, volumes and limit prices of nothing bid, and the terms."""
        nothing = (0.0,) * len(self.prices)
        limits = nothing if self.trading.priced else ()
        rows = self.settled[:-1].tolist()
        pairs = zip(self.site.signals(), rows, strict=True)
        return [(own, nothing, limits, self.terms_of(row)) for own, row in pairs]

    def gather(self) -> Callable[[Any], tuple[Any, ...]]:
        """See `Unit.gather`; what was bid is for the gates of the batch to say, here it is nothing."""
        own, settled = self.site.gather(), self.settled
        nothing = (0.0,) * len(self.prices)
        limits = nothing if self.trading.priced else ()

        def gather(steps: Any) -> tuple[Any, ...]:
            return own(steps), nothing, limits, self.terms_of(settled.take(steps, axis=0).T)

        return gather

    def series(self) -> tuple[Any, ...]:
        """See `Unit.series`; what was bid for a step is given to it."""
        given = (GIVEN,) * len(self.prices)
        owed = self.terms.base_kwh, self.terms.more_kwh, self.terms.less_kwh, self.closes
        return self.site.series(), given, given if self.trading.priced else (), (*owed, self.prices, self.imbalance)


def producer_step(unit: ProducerUnit, xp: Namespace) -> Advance:
    """Return the step of a producer: wishes are those of its site, then the share by which supply is shifted.

    What is shifted flows through the same connection as the site's energy: where that has limits, storage gives way to
    it, and what still does not fit is not shifted. Fuel counts as energy cost, what a vehicle misses as penalty.
    """
    advance, trade_xp = compose([unit.site], xp), trading_of(xp)
    trade = laws.compose_trade(unit.trading, unit.supply, unit.hours, trade_xp)
    controls, size, hours = len(unit.flexibles), unit.balance, unit.hours
    emits, limited, burns = bool(unit.carbon.any()), unit.limited, unit.burns
    fines = any(item.laws.fine is not None for item in unit.flexibles)

    def play(states: Any, wishes: Any, signals: Any) -> Flow:
        own, volumes, limits, terms = signals
        extra = shifted(wishes[controls], terms[1], terms[2], trade_xp)
        told = (*own[:3], own[3] + extra, *own[4:]) if limited else own
        if burns:  # the carbon of energy counts at the meter, that of fuel where it burns
            told = (*told[:2], 0.0, *told[3:])
        moved, net, burnt, burnt_kg, wear, fined, _, refused, cut = advance(states[:size], wishes[:controls], told)
        if limited:
            net, extra, refused = _fitting(unit, net, extra, refused, xp)
        else:
            net = net + extra
        net, committed, supplied, balance, market, supply, deviation, unmatched = trade(
            net, extra, states[size], volumes, limits, terms
        )
        after = (*moved, balance, market, supply, deviation, unmatched, committed / hours, supplied / hours)
        carbon = carbon_kg(net, own[2]) if emits else 0.0
        spent, penalty = market + supply, deviation + unmatched
        if burns:
            spent, carbon = spent + burnt, carbon + burnt_kg
        return after, net, spent, carbon, wear, penalty + fined if fines else penalty, 0.0, refused, cut

    return play


def _fitting(unit: ProducerUnit, net: Any, extra: Any, refused: Any, xp: Namespace) -> tuple[Any, Any, Any]:
    """Return the energy at the meter and the shift of supply, cut to what fits through the connection [kWh]."""
    more = xp.bounded(xp.positive(net - unit.import_kwh), xp.positive(extra))
    less = xp.bounded(xp.positive(0.0 - unit.export_kwh - net), xp.positive(0.0 - extra))
    return net - more + less, extra - more + less, refused + more + less


def unmatched_at_end(unit: ProducerUnit, states: Sequence[Any], xp: Namespace) -> Any:
    """Return the penalty of a matching period that an episode's end cuts short [currency]."""
    return unmatched_cost(states[unit.balance], unit.supply, xp)
