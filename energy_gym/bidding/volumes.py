"""Bids stated in a solver's model: the sizes that a market takes, and what it takes of them in each step.

One rule: a slot has one bid; where bids have limit prices and the steps of a slot have different ones, a bid to sell is
taken in the dearest of them, a bid to buy in the cheapest, and the limit says in how many.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.contracts.clearing import LinearImpact, PriceTaker
from energy_gym.contracts.market import Market
from energy_gym.contracts.trading import Trading
from energy_gym.conversions import KW_PER_MW, KWH_PER_MWH
from energy_gym.modelling import Model

Steps = npt.NDArray[np.int64]
TOLERANCE_KW = 1e-5


class OpenSlots(NamedTuple):
    """What is still to be bid in a market over a window of T steps.

    Args:
        market: The market.
        fixed_kw: What its bids so far come to, shape (T,); 0 where nothing was bid.
        slot: Number of the open slot that a step belongs to, shape (T,); -1 where bids are closed.
        price: Clearing price, shape (T,) [currency/MWh].
    """

    market: Market
    fixed_kw: Floats
    slot: Steps
    price: Floats

    @property
    def slots(self) -> int:
        """Number of open slots."""
        return int(self.slot.max(initial=-1)) + 1

    @property
    def uneven(self) -> bool:
        """Whether the steps of an open slot have different prices."""
        pairs = (self.slot[1:] == self.slot[:-1]) & (self.slot[1:] >= 0)
        return bool((pairs & (self.price[1:] != self.price[:-1])).any())


class Volumes(NamedTuple):
    """Volumes of a market [kW]: what is bid for each open slot, and what is taken in each step, bids so far included.

    ``bid`` is None for a market without open slots.
    """

    bid: Any
    taken: Any


def sizes(market: Market, trading: Trading) -> tuple[float, float]:
    """Return the largest purchase and the largest sale of a slot that a market takes [kW].

    Example:
        >>> from energy_gym.contracts.market import Limits
        >>> market = Market("m", limits=Limits(minimum_kw=600.0, tick_kw=200.0))
        >>> sizes(market, Trading((market,), sell_kw=900.0, buy_kw=500.0))
        (0.0, 800.0)
    """
    tick, most = market.limits.tick_kw, market.limits.maximum_kw
    found = (min(size, most) for size in (trading.buy_kw, trading.sell_kw))
    cut = (np.floor(size / tick + 1e-9) * tick if tick else size for size in found)
    buy, sell = (size if size >= market.limits.minimum_kw else 0.0 for size in cut)
    return float(buy), float(sell)


def allowed(market: OpenSlots, trading: Trading) -> tuple[Floats, Floats]:
    """Return 1.0 where a purchase, and where a sale, may be taken at all, else 0.0, each of shape (T,).

    Limit prices lie within the market's floor and cap: at a price above the cap nothing is bought, at one below the
    floor nothing is sold. A price taker's bids of volume alone have no limit.
    """
    everywhere = np.ones(len(market.price))
    if isinstance(trading.impact, PriceTaker) and not trading.priced:
        return everywhere, everywhere
    limits = market.market.limits
    return everywhere * (market.price <= limits.cap_per_mwh), everywhere * (market.price >= limits.floor_per_mwh)


def slot_sizes(market: OpenSlots, trading: Trading) -> tuple[Floats, Floats]:
    """Return the largest purchase and sale by open slot [kW]: those of `sizes` where some step may take them."""
    found = []
    for size, steps in zip(sizes(market.market, trading), allowed(market, trading), strict=True):
        most, at = np.zeros(market.slots), np.flatnonzero(market.slot >= 0)
        np.maximum.at(most, market.slot[at], size * steps[at])
        found.append(most)
    return found[0], found[1]


def chosen_by_price(market: OpenSlots, trading: Trading) -> bool:
    """Return whether limit prices choose in which steps of a slot a bid is taken."""
    return trading.priced and market.uneven


def state_volumes(model: Model, market: OpenSlots, trading: Trading, whole: bool, like: Any) -> Volumes:
    """State the bids of a market.

    Args:
        model: An `ArrayModel` or a `PyomoModel`.
        market: What is open in it.
        trading: Its contract.
        whole: State the rules of sizes and limit prices that take whole numbers; otherwise bids are of any size and
            taken in all steps of their slot.
        like: An expression with a row for each step.
    """
    if not market.slots:
        return Volumes(None, market.fixed_kw + 0.0 * like)
    opened = (market.slot >= 0).astype(np.float64)
    buy, sell = slot_sizes(market, trading)
    limits = market.market.limits
    if whole and (chosen_by_price(market, trading) or limits.minimum_kw > limits.tick_kw):
        bid, taken = _two_sided(model, market, trading, buy, sell)
        return Volumes(bid, taken + market.fixed_kw)
    unit = limits.tick_kw if limits.tick_kw and whole else 1.0
    integer = bool(limits.tick_kw and whole)
    bid = unit * model.variable(-sell / unit, buy / unit, size=market.slots, whole=integer)
    return Volumes(bid, bid[np.maximum(market.slot, 0)] * opened + market.fixed_kw)


def _two_sided(model: Model, market: OpenSlots, trading: Trading, buy: Floats, sell: Floats) -> tuple[Any, Any]:
    """State purchases and sales apart, one of them a slot; return what is bid by slot and taken by step."""
    buying = model.variable(0.0, 1.0, size=market.slots, whole=True)
    selling = model.variable(0.0, 1.0, size=market.slots, whole=True)
    model.at_most(buying + selling, 1.0)
    by_price = chosen_by_price(market, trading)
    bids, parts = [], []
    ways = zip((buy, sell), (buying, selling), (1.0, -1.0), allowed(market, trading), strict=True)
    for most, side, sign, open_to in ways:
        size = _size(model, market, most, side)
        bids.append(size * sign)
        taken = _taken(model, market, size, most, sign, open_to) if by_price else _everywhere(market, size)
        parts.append(taken * sign)
    return bids[0] + bids[1], parts[0] + parts[1]


def _size(model: Model, market: OpenSlots, most: Floats, side: Any) -> Any:
    """State a side's sizes by slot: 0, or from the smallest to the largest, in ticks."""
    limits = market.market.limits
    unit = limits.tick_kw or 1.0
    size = unit * model.variable(0.0, most / unit, size=market.slots, whole=bool(limits.tick_kw))
    model.at_most(size, side * most)
    model.at_most(side * np.minimum(limits.minimum_kw, most), size)
    return size


def _everywhere(market: OpenSlots, size: Any) -> Any:
    return size[np.maximum(market.slot, 0)] * (market.slot >= 0).astype(np.float64)


def _taken(model: Model, market: OpenSlots, size: Any, largest: Floats, sign: float, open_to: Floats) -> Any:
    """State by step that a bid is taken whole or not at all, and nowhere at a worse price than where it is not."""
    at = np.flatnonzero(market.slot >= 0)
    of, price = market.slot[at], market.price[at] * -sign
    most = largest[of]
    there = model.variable(0.0, open_to[at], size=len(at), whole=True)
    part = model.variable(0.0, most, size=len(at))
    model.at_most(part, size[of])
    model.at_most(part, there * most)
    model.at_most(size[of] - (1.0 - there) * most, part)
    # The limit price lies within the market's floor and cap, so that what is better than both is taken with any limit.
    limits = market.market.limits
    sure = np.flatnonzero(price >= -sign * (limits.floor_per_mwh if sign > 0.0 else limits.cap_per_mwh))
    if len(sure):
        model.at_most(size[of[sure]], part[sure])
    worse, better = _ordered(of, price)
    model.at_most(there[worse], there[better])
    level = price[worse] == price[better]
    if level.any():
        model.at_most(there[better[level]], there[worse[level]])
    place = np.zeros(len(market.slot), dtype=np.int64)
    place[at] = np.arange(len(at))
    return part[place] * (market.slot >= 0).astype(np.float64)


def _ordered(slot: Steps, price: Floats) -> tuple[Steps, Steps]:
    """Return pairs of neighbours by price within their slots: the places of the lower one and of the next."""
    order = np.lexsort((price, slot))
    same = slot[order[1:]] == slot[order[:-1]]
    return order[:-1][same], order[1:][same]


def somewhere_taken(market: OpenSlots, bids: Floats, taken: Floats) -> Floats:
    """Return bids by slot, and 0 for those that a plan has taken in no step: any limit price would have them taken.

    Args:
        market: What is open.
        bids: What is bid by slot [kW].
        taken: What is taken by step [kW].
    """
    most, at = np.zeros(len(bids)), np.flatnonzero(market.slot >= 0)
    np.maximum.at(most, market.slot[at], np.abs(taken[at]))
    return np.where(most > TOLERANCE_KW, bids, 0.0)


def limit_prices(market: OpenSlots, bids: Floats, taken: Floats) -> Floats:
    """Return by slot a limit price that has bids taken where a plan has them taken; NaN where any price will do.

    Args:
        market: What is open.
        bids: What is bid by slot [kW].
        taken: What is taken by step [kW].
    """
    limits = np.full(len(bids), np.nan)
    if not market.uneven:
        return limits
    for slot in np.flatnonzero(bids).tolist():
        steps = np.flatnonzero(market.slot == slot)
        there = np.abs(taken[steps]) > TOLERANCE_KW
        if there.any() and not there.all():
            inside, outside = market.price[steps][there], market.price[steps][~there]
            edges = (inside.min(), outside.max()) if bids[slot] < 0.0 else (inside.max(), outside.min())
            limits[slot] = sum(edges) / 2.0
    return limits


def state_impact(model: Model, trading: Trading, taken: Any, at: Floats, hours: float, money: float) -> None:
    """State what bids pay for moving the price: at least the tangents of a parabola, at some volumes.

    Args:
        model: The model.
        trading: The contract; nothing is stated where bids do not move the price along a line.
        taken: What is taken by step [kW].
        at: Volumes at which tangents are stated, shape (count, T) [kW].
        hours: Length of a step [h].
        money: What a unit of money counts.
    """
    if not isinstance(trading.impact, LinearImpact):
        return
    per_kw2 = impact_per_kw2(trading.impact, hours)
    extra = model.variable(0.0, np.inf)
    for volumes in at:
        model.at_most(taken * (2.0 * per_kw2 * volumes) - per_kw2 * volumes * volumes, extra)
    model.earn(extra * -money)


def impact_per_kw2(impact: LinearImpact, hours: float) -> float:
    """Return what a step's bid of 1 kW pays for moving the price [currency]; it grows with the square of the bid.

    Example:
        >>> impact_per_kw2(LinearImpact(2.0), 0.5)
        1e-06
    """
    return impact.per_mwh_per_mw / KW_PER_MW * hours / KWH_PER_MWH


def in_parts(market: OpenSlots, trading: Trading) -> bool:
    """Return whether the bid of a slot may be taken in some of its steps more than in others."""
    taker = isinstance(trading.impact, PriceTaker)
    return market.uneven and (trading.priced or not (taker or always_whole(market, trading)))


def always_whole(market: OpenSlots, trading: Trading) -> bool:
    """Return whether a bid is always taken whole or not at all, so that what is taken comes in ticks."""
    if isinstance(trading.impact, PriceTaker):
        return True
    if not isinstance(trading.impact, LinearImpact) or trading.priced:
        return False
    per_kw, limits = trading.impact.per_mwh_per_mw / KW_PER_MW, market.market.limits
    price, (buy, sell) = market.price[market.slot >= 0], sizes(market.market, trading)
    low, high = price - per_kw * sell, price + per_kw * buy
    return bool((low >= limits.floor_per_mwh).all() and (high <= limits.cap_per_mwh).all())
