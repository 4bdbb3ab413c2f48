"""What a batch of producers has offered, as arrays that all environments step through together.

Each market has one array of figures, a row a step and a column an environment; the running step stands in the same row
for all. A step moves that row on by one, whatever the environments' own times, and where the rows run out all move back
to the front. What is observed lies the other way about, as observations do.

One rule: what is observed of an offer is worked out once, when it is made, and not at every step that shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.bidding.setup import BiddingSetup
from energy_gym.bidding.tape import OfferSlot
from energy_gym.bidding.timetable import MarketGates
from energy_gym.envs.batched import places
from energy_gym.machine import Laid

Positions = npt.NDArray[np.int64]
SPARE = 64


@dataclass(frozen=True)
class Row:
    """One figure of the offers in a market: the volumes [kW], or the limit prices [currency/MWh].

    Args:
        made: The figure, shape (steps, num_envs).
        seen: The same as it is observed, float32, shape (num_envs, steps).
        shown: Where and how it is observed.
    """

    made: Floats
    seen: npt.NDArray[np.float32]
    shown: OfferSlot

    def write(self, which: Any, steps: slice, values: Floats) -> None:
        """Set the figure of some environments for some steps, values of shape (environments, steps)."""
        self.made[steps, which] = values.T
        self.seen[which, steps] = self.shown.scaled(values)

    def clear(self, which: Any) -> None:
        """Let some environments have nothing on offer."""
        self.made[:, which] = 0.0
        self.seen[which] = self.shown.scaled(0.0)

    def to_front(self) -> None:
        """Move what is past the first `SPARE` steps to the front, and leave nothing behind it."""
        for part, empty in ((self.made.T, 0.0), (self.seen, self.shown.scaled(0.0))):
            part[:, :-SPARE] = part[:, SPARE:].copy()
            part[:, -SPARE:] = empty


class Offers:
    """The offers of ``num_envs`` producers in all markets; at first nothing is offered."""

    def __init__(self, setup: BiddingSetup, num_envs: int) -> None:
        self._num_envs = num_envs
        self._rows = [_row(shown, num_envs) for shown in setup.bid_tape.shown]
        self._kinds = 2 if setup.trading.priced else 1
        self._here = 0

    @property
    def now(self) -> Iterator[list[Floats]]:
        """Volumes for the running step, an array a market; then limit prices, none where bids have none."""
        for kind in range(2):
            rows = self._rows[kind :: self._kinds] if kind < self._kinds else []
            yield [row.made[self._here].copy() for row in rows]

    @property
    def ahead(self) -> list[Floats]:
        """Volumes offered for the running and the coming steps, an array of shape (num_envs, ahead) a market [kW]."""
        return [
            row.made[self._here : self._here + row.shown.end - row.shown.begin].T for row in self._rows[:: self._kinds]
        ]

    def clear(self, which: Positions) -> None:
        """Let some environments have nothing on offer."""
        for row in self._rows:
            row.clear(places(which, self._num_envs))

    def commit(
        self, place: int, book: MarketGates, which: Positions, t: Positions, figures: tuple[Floats, ...]
    ) -> None:
        """Take the bids of environments whose gate in a market is due.

        Args:
            place: The market's place.
            book: Its gates.
            which: The environments, shape (n,).
            t: Their steps.
            figures: Volumes [kW], and limit prices where bids have them, each of shape (n, slots).
        """
        rows = self._rows[place * self._kinds : (place + 1) * self._kinds]
        slots = np.arange(book.slots * book.slot_steps) // book.slot_steps
        for lead, count, alike in _alike(book.first[t] - t, book.count[t]):
            steps, chosen = slice(self._here + lead, self._here + lead + count), slots[:count]
            for row, values in zip(rows, figures, strict=True):
                row.write(which[alike], steps, values[alike].take(chosen, axis=1))

    def laid(self) -> Sequence[Laid]:
        """Return what is offered from the running step on, as it is observed, and where."""
        here = self._here
        return [Laid(row.shown.begin, row.seen[:, here : here + row.shown.end - row.shown.begin]) for row in self._rows]

    def move_on(self) -> None:
        """Let every environment's running step be the next column."""
        self._here += 1
        if self._here == SPARE:
            for row in self._rows:
                row.to_front()
            self._here = 0


def _alike(leads: Positions, counts: Positions) -> Iterator[tuple[int, int, Any]]:
    """Yield each lead with each count that goes with it, and the places where they are found."""
    lead, count = int(leads[0]), int(counts[0])
    if (leads == lead).all() and (counts == count).all():
        yield lead, count, slice(None)
        return
    for lead, count in set(zip(leads.tolist(), counts.tolist(), strict=True)):
        yield lead, count, np.flatnonzero((leads == lead) & (counts == count))


def _row(shown: OfferSlot, num_envs: int) -> Row:
    steps = shown.end - shown.begin + SPARE
    seen = np.full((num_envs, steps), shown.scaled(0.0), dtype=np.float32)
    return Row(np.zeros((steps, num_envs)), seen, shown)
