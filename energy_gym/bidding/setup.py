"""What a single bidding environment and a batch share: a producer on a feed, and the timetable of its markets.

One rule: everything that does not depend on an action is worked out here, once, before the first reset.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from energy_gym.arrays import Flags, Floats
from energy_gym.bidding import laws
from energy_gym.bidding.tape import BidTape
from energy_gym.bidding.timetable import Timetable
from energy_gym.bidding.unit import ProducerUnit
from energy_gym.contracts.supply import Supply, SupplyTerms
from energy_gym.contracts.trading import Trading
from energy_gym.envs.setup import Setup
from energy_gym.errors import ConfigurationError

OFFERS = (0.0, 0.5, 1.0, 1.25)
"""Shares of the expected surplus that discrete actions offer; the first is nothing."""


@dataclass(frozen=True)
class BiddingSetup(Setup):
    """A producer on a feed.

    Besides the fields of `Setup`: the timetable of its markets. Of discrete actions ``levels`` has the share of storage
    power of each.
    """

    timetable: Timetable

    @property
    def unit(self) -> ProducerUnit:
        """The producer over the steps of the split."""
        found = self.units[0]
        if not isinstance(found, ProducerUnit):
            raise ConfigurationError(f"unit {found.name!r}", "must be a producer", "make it with make_bidding")
        return found

    @property
    def trading(self) -> Trading:
        """Its markets, and how deviations are settled."""
        return self.unit.trading

    @property
    def supply(self) -> Supply:
        """Its contract with the consumer."""
        return self.unit.supply

    @property
    def terms(self) -> SupplyTerms:
        """What the consumer takes and allows, by step."""
        return self.unit.terms

    @property
    def closes(self) -> Floats:
        """1.0 where a matching period ends, shape (steps,)."""
        return self.unit.closes

    @property
    def price(self) -> Floats:
        """Price of the first market, shape (steps,) [currency/MWh]."""
        return self.unit.prices[0]

    @property
    def controls(self) -> int:
        """Number of entries of an action: controls, the supply, and the bids."""
        return int(self.timetable.masks.shape[1])

    @property
    def bid_tape(self) -> BidTape:
        """The look-ahead, with what is offered."""
        tape = self.tape
        if not isinstance(tape, BidTape):
            raise ConfigurationError(f"tape {type(tape).__name__}", "must be a BidTape", "make it with make_bidding")
        return tape

    @cached_property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of an action."""
        return laws.names(self.timetable.books, [item.name for item in self.flexibles], self.trading.priced)

    @cached_property
    def volumes_due(self) -> Flags:
        """By mask of the timetable, which entries are no volume that comes too early or too late, (P, controls)."""
        due: Flags = self.timetable.masks.copy()
        due[:, : len(self.flexibles) + 1] = True
        for book in self.timetable.books if self.trading.priced else ():
            due[:, book.limits()] = True
        return due

    def column(self, name: str) -> Floats:
        """Return a column of the data over the split, shape (steps,)."""
        return self.feed.values[name][self.feed.first : self.feed.stop]
