"""What a producer sees: the suite's look-ahead rows, then the time to each gate and what is committed.

One rule: the schedule and the producer's own bids are known; prices, load and generation are the forecast's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.bidding.timetable import MOST_DAYS_TO_GATE, Timetable
from energy_gym.contracts.trading import Trading
from energy_gym.tape import OBSERVATION_LIMIT, Slot, Tape

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class OfferSlot:
    """How a figure of the offers in a market is observed, for the running and the coming steps.

    Args:
        place: The market's place.
        row: 0 for the volumes, which are only divided by the largest; 1 for the limit prices.
        begin: First slot of the observation.
        end: The slot after the last.
        offset: The price that is observed as 0.
        scale: How much more is observed as 1.
        top: Largest value.
    """

    place: int
    row: int
    begin: int
    end: int
    offset: float
    scale: float
    top: float

    def scaled(self, values: Any) -> Any:
        """Return offers as they are observed."""
        if self.row == 0:
            return values / self.scale
        share = (values - self.offset) / self.scale
        return np.minimum(np.maximum(share, -self.top), self.top)


@dataclass(frozen=True)
class BidTape(Tape):
    """The look-ahead of a split with the producer's own slots behind it.

    After the slots of `Tape` come the days to each market's next gate, then what is offered in each market for the
    running and the coming steps, as far ahead as it takes bids: volumes in units of ``size_kw``, then, where bids have
    them, limit prices scaled like the market's price.
    """

    timetable: Timetable
    trading: Trading

    @property
    def size_kw(self) -> float:
        """The largest bid either way: the scale of the offers [kW]."""
        return max(self.trading.sell_kw, self.trading.buy_kw)

    @cached_property
    def layout(self) -> tuple[Slot, ...]:
        """Name, unit, offset and scale of each slot of the observation."""
        gates = [Slot(f"days_to_gate({book.market.name})", "d", 0.0, 1.0) for book in self.timetable.books]
        return (*super().layout, *gates, *(slot for _, slot in self._offers()))

    def _offers(self) -> list[tuple[float, Slot]]:
        """Return the slots of what is offered, each with its largest size."""
        found = []
        for book in self.timetable.books:
            name, price = book.market.name, self.feed.statistics[book.market.price]
            found += [(1.0, Slot(f"offered_kw({name})[+{k}]", "kW", 0.0, self.size_kw)) for k in range(book.ahead)]
            if self.trading.priced:
                unit = f"{self.feed.currency}/MWh"
                limit = [Slot(f"limit({name})[+{k}]", unit, price.offset, price.scale) for k in range(book.ahead)]
                found += [(OBSERVATION_LIMIT, slot) for slot in limit]
        return found

    def due(self, observations: npt.NDArray[Any], controls: int) -> npt.NDArray[np.bool_]:
        """See `Tape.due`: bids count where their market's gate is now; what is not a bid always counts."""
        found = super().due(observations, controls)
        first = self.offered_from - len(self.timetable.books)
        for place, book in enumerate(self.timetable.books):
            last = book.limits().stop if self.trading.priced else book.entries.stop
            found[:, book.place : last] = observations[:, first + place, None] == 0.0
        return found

    @cached_property
    def offered_from(self) -> int:
        """The first slot of what is offered."""
        return len(self.layout) - len(self._offers())

    @cached_property
    def shown(self) -> tuple[OfferSlot, ...]:
        """How the offers are observed: market by market its volumes, then its limit prices where bids have them."""
        found, begin = [], self.offered_from
        for place, book in enumerate(self.timetable.books):
            price = self.feed.statistics[book.market.price]
            spans = [(0.0, self.size_kw, 1.0), (price.offset, price.scale, OBSERVATION_LIMIT)]
            for row, span in enumerate(spans if self.trading.priced else spans[:1]):
                found.append(OfferSlot(place, row, begin, begin + book.ahead, *span))
                begin += book.ahead
        return tuple(found)

    @cached_property
    def bounds(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Lowest and highest observation, each of shape (slots,)."""
        low, high = super().bounds
        tops = np.array([top for top, _ in self._offers()])
        days = np.full(len(self.timetable.books), MOST_DAYS_TO_GATE)
        lows, highs = np.concatenate([low, 0.0 * days, -tops]), np.concatenate([high, days, tops])
        return lows.astype(np.float32), highs.astype(np.float32)

    @cached_property
    def rows(self) -> npt.NDArray[np.float32]:
        """Observations but for states and offers, shape (steps + 1, slots), scaled and clipped."""
        parent = super().rows
        rows = np.zeros((len(parent), len(self.layout)), dtype=np.float32)
        begin, end = self.offered_from - len(self.timetable.books), self.offered_from
        rows[:, :begin] = parent[:, :begin]
        rows[:, begin:end] = self.timetable.days_to_gate
        rows.flags.writeable = False
        return rows
