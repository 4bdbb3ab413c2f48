"""What the discrete choices of each gate come to: volumes, by its own share and by those chosen at gates before it.

A share is one of the surplus that is not offered yet. So what a gate bids depends on its own choice and on those of
earlier gates that offered for the same steps, and on nothing else; most of all not on the storage.

One rule: volumes come from `Choices` and from the market's own cuts, for all combinations of choices at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.bidding.choices import Choices
from energy_gym.bidding.gates import ProducerGates
from energy_gym.bidding.laws import limit_per_mwh, volume_kw
from energy_gym.bidding.timetable import MarketGates
from energy_gym.contracts.clearing import trading_arrays

MOST_DEPENDS = 4
Places = npt.NDArray[np.int64]


class OfferGate(NamedTuple):
    """A gate that is still to come.

    Args:
        place: Its market.
        step: The step at which it is due.
        begin: The first step that it bids for.
        end: The step after the last.
        depends: The gates whose choices its bids depend on, itself last.
        made: Its bids for each combination of their choices: an axis for each of ``depends``, then one for volumes [kW]
            and, where bids have them, limit prices, then its steps.
    """

    place: int
    step: int
    begin: int
    end: int
    depends: tuple[int, ...]
    made: Floats

    def chosen(self, picks: Places) -> Floats:
        """Return its bids for choices of the gates it depends on: (len(depends), n) gives (n, 1 or 2, steps)."""
        return np.asarray(self.made[tuple(picks)])


def offer_gates(gates: ProducerGates, choices: Choices) -> list[OfferGate] | None:
    """Return the gates from now to the end of an episode in their order; None where too many depend on each other."""
    found: list[OfferGate] = []
    books = gates.setup.timetable.books
    for step in range(gates.t, gates.stop):
        before = len(found)
        for place, book in enumerate(books):
            if book.count[step]:
                gate = _gate(gates, choices, found[:before], place, step)
                if gate is None:
                    return None
                found.append(gate._replace(depends=(*gate.depends, len(found))))
    return found


def _gate(
    gates: ProducerGates, choices: Choices, earlier: Sequence[OfferGate], place: int, step: int
) -> OfferGate | None:
    book = gates.setup.timetable.books[place]
    begin = int(book.first[step])
    end = begin + int(book.count[step])
    touching = [gate for gate in earlier if gate.begin < end and gate.end > begin]
    depends = tuple(sorted({other for gate in touching for other in gate.depends}))
    if len(depends) >= MOST_DEPENDS:
        return None
    shape = (len(choices.offers),) * (len(depends) + 1)
    picks = np.indices(shape).reshape(len(shape), -1)
    offered = [_offered(gates, touching, depends, picks, market, step) for market in range(len(choices.sizes) - 1)]
    bids = _bids(gates, choices, book, _numbers(choices, place, picks[-1]), step, offered)
    made = bids[:, :, : end - begin].reshape(*shape, -1, end - begin)
    return OfferGate(place, step, begin, end, depends, made)


def _numbers(choices: Choices, place: int, shares: Places) -> Places:
    lines = [np.zeros_like(shares)] * len(choices.sizes)
    lines[place + 1] = shares
    return np.ravel_multi_index(tuple(lines), choices.sizes)


def _offered(
    gates: ProducerGates, touching: Sequence[OfferGate], depends: Sequence[int], picks: Places, market: int, step: int
) -> Floats:
    """Return what stands offered in a market from a step on, by combination of choices, shape (n, ahead) [kW]."""
    begin, ahead = step - gates.first, gates.setup.timetable.books[market].ahead
    offered = np.tile(gates.offers[market][0, begin : begin + ahead], (picks.shape[1], 1))
    for gate in touching:
        if gate.place == market:
            volumes = gate.chosen(picks[[depends.index(other) for other in gate.depends]])[:, 0]
            first, last = max(gate.begin, step), min(gate.end, step + offered.shape[1])
            offered[:, first - step : last - step] = volumes[:, first - gate.begin : last - gate.begin]
    return offered


def _bids(
    gates: ProducerGates,
    choices: Choices,
    book: MarketGates,
    numbers: Places,
    step: int,
    offered: Sequence[Floats],
) -> Floats:
    """Return what numbers bid in a market at a gate, shape (n, 1 or 2, steps of all its slots)."""
    trading = gates.setup.trading
    entries = choices.entries(numbers, np.full(len(numbers), step), offered)
    figures = [volume_kw(entries[:, book.entries], book.market.limits, trading, trading_arrays)]
    if trading.priced:
        figures.append(limit_per_mwh(entries[:, book.limits()], book.market.limits))
    return np.stack(figures, axis=1).repeat(book.slot_steps, axis=2)
