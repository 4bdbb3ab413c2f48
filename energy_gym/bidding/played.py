"""A solved window as the actions that play it; one rule: what is bid is what the market takes, tick and size kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.bidding.gates import ProducerGates
from energy_gym.bidding.setup import BiddingSetup
from energy_gym.bidding.statement import Bids, BidWindow
from energy_gym.bidding.volumes import TOLERANCE_KW, OpenSlots, Volumes, limit_prices, sizes, somewhere_taken


def actions_of(gates: ProducerGates, window: BidWindow, bids: Bids, columns: Floats) -> Floats:
    """Return the actions that play a solved window, shape (steps, controls); volumes are rounded to their ticks."""
    setup, size = gates.setup, len(window.unit)
    actions = np.zeros((size, setup.controls))
    for place, flexible in enumerate(window.unit.flexibles):
        flow = _value(bids.stated.drawn[place], columns) - _value(bids.stated.given[place], columns)
        rated = np.where(flow > 0.0, flexible.draw_kwh, flexible.give_kwh)
        actions[:, place] = np.divide(flow, rated, out=np.zeros(size), where=rated > 0.0)
    shift = bids.shift.value(columns)
    room = np.where(shift > 0.0, window.terms.more_kwh, window.terms.less_kwh)
    actions[:, len(window.unit.flexibles)] = np.divide(shift, room, out=np.zeros(size), where=room > 0.0)
    for place, volumes in enumerate(bids.volumes):
        if volumes.bid is not None:
            _write_bids(gates, window, place, volumes, columns, actions)
    return np.clip(actions, -1.0, 1.0)


def _value(expression: Any, columns: Floats) -> Any:
    return expression.value(columns) if hasattr(expression, "value") else expression


def _write_bids(
    gates: ProducerGates, window: BidWindow, place: int, volumes: Volumes, columns: Floats, actions: Floats
) -> None:
    """Write a market's bids into the actions of the steps at whose gates they are due."""
    setup, now, size = gates.setup, gates.t, len(window.unit)
    book, market = setup.timetable.books[place], window.markets[place]
    taken = volumes.taken.value(columns)
    bids = somewhere_taken(market, volumes.bid.value(columns), taken)
    shares = volume_shares(setup, market, bids)
    limits = limit_shares(market, shares, limit_prices(market, bids, taken))
    for gate in np.flatnonzero(book.count[now : now + size]):
        begin = int(book.first[now + gate]) - now
        steps = np.arange(begin, min(begin + int(book.count[now + gate]), size), book.slot_steps)
        if len(steps):
            slots, opened = market.slot[steps], market.slot[steps] >= 0
            actions[gate, book.place : book.place + len(steps)] = np.where(opened, shares[slots], 0.0)
            if setup.trading.priced:
                first = book.place + book.slots
                actions[gate, first : first + len(steps)] = np.where(opened, limits[slots], -1.0)


def limit_shares(market: OpenSlots, shares: Floats, limits: Floats) -> Floats:
    """Return limit prices as entries of an action; where any will do, those that take a bid at every price."""
    low, high = market.market.limits.floor_per_mwh, market.market.limits.cap_per_mwh
    wanted = (limits - (high + low) / 2.0) / ((high - low) / 2.0)
    return np.where(np.isnan(limits), np.where(shares > 0.0, 1.0, -1.0), np.clip(wanted, -1.0, 1.0))


def volume_shares(setup: BiddingSetup, market: OpenSlots, volumes: Floats) -> Floats:
    """Return volumes [kW] as entries of an action: rounded to the tick, and to the smallest size if nearly of it."""
    tick, (buy, sell) = market.market.limits.tick_kw, sizes(market.market, setup.trading)
    rounded = np.round(volumes / tick) * tick if tick else volumes
    least = market.market.limits.minimum_kw
    nearly = np.abs(np.abs(rounded) - least) <= TOLERANCE_KW
    rounded = np.where(nearly, np.copysign(least, rounded), rounded)
    kept = np.clip(rounded, -sell, buy)
    return np.where(kept > 0.0, kept / setup.trading.buy_kw, kept / setup.trading.sell_kw)
