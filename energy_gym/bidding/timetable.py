"""The gates of all markets over the steps of a split: which bids are due at each step, and for which slots.

One rule: the schedules alone say so; the size of an action and of an observation depends on the markets, not the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from energy_gym.contracts.gates import Gates, derive
from energy_gym.contracts.market import Market
from energy_gym.data.feed import Feed

if TYPE_CHECKING:
    import pandas as pd

Steps = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
HOURS_PER_DAY = 24.0
MOST_DAYS_TO_GATE = 10.0


@dataclass(frozen=True)
class MarketGates:
    """The gates of a market over the T steps of a split, and one step more at which nothing is due.

    Args:
        market: The market.
        first: First step that the gate due at a step commits, counted from the start of the split, shape (T + 1,).
        count: How many steps it commits, shape (T + 1,); 0 where none is due.
        slots: Number of bids that the market takes at a gate.
        slot_steps: Steps in a slot.
        ahead: Steps from a gate to the end of the last slot it can commit: how far commitments reach.
        place: Place of its first bid in the action.
    """

    market: Market
    first: Steps
    count: Steps
    slots: int
    slot_steps: int
    ahead: int
    place: int

    @property
    def entries(self) -> slice:
        """The places of its volumes in the action."""
        return slice(self.place, self.place + self.slots)

    def limits(self) -> slice:
        """The places of its limit prices in the action, where bids have them."""
        return slice(self.place + self.slots, self.place + 2 * self.slots)


@dataclass(frozen=True)
class Timetable:
    """The gates of all markets, and which entries of an action count at each step.

    Args:
        books: A book for each market.
        masks: The different masks of entries that count, shape (P, controls); the first is that of no gate.
        mask: Which of them holds at a step, shape (T + 1,).
        days_to_gate: From each step to each market's next gate [d], cut to 10, shape (T + 1, markets).
    """

    books: tuple[MarketGates, ...]
    masks: Flags
    mask: Steps
    days_to_gate: npt.NDArray[np.float64]

    @property
    def ahead(self) -> int:
        """How many steps of look-ahead cover every slot that can be bid for."""
        return max(book.ahead for book in self.books)


def timetable(markets: Sequence[Market], feed: Feed, before: int, priced: bool) -> Timetable:
    """Work out the gates of some markets over the split of a feed.

    Args:
        markets: The markets.
        feed: The series, and the split.
        before: Entries of an action before the first bid.
        priced: Whether each bid has a limit price too.

    Raises:
        ConfigurationError: A market's slots do not fit the steps, or no gate delivers into the data.
    """
    all_gates = [derive(market, feed.times) for market in markets]
    books, place = [], before
    for market, gates in zip(markets, all_gates, strict=True):
        books.append(_book(market, gates, feed, place))
        place += books[-1].slots * (2 if priced else 1)
    masks, mask = _masks(books, before, place, priced)
    return Timetable(tuple(books), masks, mask, _days_to_gate(all_gates, feed))


def _book(market: Market, gates: Gates, feed: Feed, place: int) -> MarketGates:
    window = slice(feed.first, feed.stop)
    first, count = gates.first[window] - feed.first, gates.count[window].copy()
    usual = _usual(market, feed)
    ahead = int((usual.first + usual.count - np.arange(len(usual.count)))[usual.due].max())
    return MarketGates(
        market,
        np.append(np.where(count > 0, first, -1), -1),
        np.append(count, 0),
        usual.most_slots,
        gates.slot_steps,
        ahead,
        place,
    )


def _usual(market: Market, feed: Feed) -> Gates:
    """Return the gates of a year with both clock changes, which sizes every split alike."""
    import pandas as pd

    start, step = feed.times[0], feed.times[1] - feed.times[0]
    index: pd.DatetimeIndex = pd.date_range(start, start + pd.Timedelta(days=367), freq=step)
    return derive(market, index)


def _masks(books: Sequence[MarketGates], before: int, size: int, priced: bool) -> tuple[Flags, Steps]:
    due = np.stack([-(-book.count // book.slot_steps) for book in books], axis=1)
    patterns, mask = np.unique(due, axis=0, return_inverse=True)
    masks = np.zeros((len(patterns), size), dtype=bool)
    masks[:, :before] = True
    for row, counts in zip(masks, patterns.tolist(), strict=True):
        for book, count in zip(books, counts, strict=True):
            row[book.place : book.place + count] = True
            if priced:
                row[book.place + book.slots : book.place + book.slots + count] = True
    masks.flags.writeable = False
    return masks, mask.reshape(-1).astype(np.int64)


def _days_to_gate(all_gates: Sequence[Gates], feed: Feed) -> npt.NDArray[np.float64]:
    steps = np.stack([gates.steps_to_gate()[feed.first : feed.stop] for gates in all_gates], axis=1)
    days = steps * feed.step_hours / HOURS_PER_DAY
    return np.minimum(np.concatenate([days, days[-1:]]), MOST_DAYS_TO_GATE)
