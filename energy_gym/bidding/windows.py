"""The rest of a producer's episode, or a part of it, as a programme takes it.

One rule: what was bid before stays bid; only slots whose gates are still to close are open.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.bidding.gates import ProducerGates
from energy_gym.bidding.laws import cleared_kw
from energy_gym.bidding.statement import BidWindow
from energy_gym.bidding.volumes import OpenSlots
from energy_gym.contracts.clearing import trading_arrays
from energy_gym.oracle.statement import Goal


def actual_window(gates: ProducerGates, states: Sequence[float], size: int | None = None) -> BidWindow:
    """Return the rest of an episode, or so many steps of it, as it will be; energy left where it goes on is kept."""
    setup, first = gates.setup, gates.t
    stop = gates.stop if size is None else min(first + size, gates.stop)
    unit = setup.unit.window(first, stop)
    closes = unit.closes.copy()
    closes[-1] = 1.0
    return BidWindow(
        unit=unit.site,
        terms=unit.terms,
        closes=closes,
        markets=open_markets(gates, stop, unit.prices),
        imbalance=dict(zip(setup.trading.deviation.columns, unit.imbalance, strict=True)),
        trading=setup.trading,
        supply=setup.supply,
        states=tuple(states[: unit.balance + 1]),
        goal=Goal(setup.weights, setup.closings[0] if stop == gates.stop else setup.continuation[0]),
    )


def open_markets(gates: ProducerGates, stop: int, prices: Sequence[Floats]) -> tuple[OpenSlots, ...]:
    """Return what was bid and what is open to bids in each market from now until a step, at some prices."""
    setup, now = gates.setup, gates.t
    found = []
    for place, (book, price) in enumerate(zip(setup.timetable.books, prices, strict=True)):
        size = stop - now
        slot, count = np.full(size, -1, dtype=np.int64), 0
        for gate in np.flatnonzero(book.count[now:stop]) + now:
            begin, end = int(book.first[gate]) - now, int(book.first[gate] + book.count[gate]) - now
            if begin < size:
                kept = np.arange(min(end, size) - begin)
                slot[begin : begin + len(kept)] = count + kept // book.slot_steps
                count = int(slot.max()) + 1
        offered = np.zeros((2, size))
        rows = gates.offered(place, min(size, book.ahead))
        offered[: len(rows), : rows.shape[1]] = rows
        limit = offered[1] if setup.trading.priced else None
        fixed = np.asarray(cleared_kw(setup.trading, book.market, offered[0], limit, price, trading_arrays))
        found.append(OpenSlots(book.market, np.where(slot >= 0, 0.0, fixed), slot, price))
    return tuple(found)
