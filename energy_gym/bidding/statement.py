"""A producer stated in a solver's model: its unit by the suite's own statements, its contracts by their pieces.

One rule: every bound that a binary needs comes from the data: what can flow, what can be bid.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.backends import arrays
from energy_gym.bidding.volumes import OpenSlots, Volumes, sizes, state_impact, state_volumes
from energy_gym.contracts.deviation import Pieces
from energy_gym.contracts.spot import energy_cost
from energy_gym.contracts.supply import Supply, SupplyTerms
from energy_gym.contracts.trading import Trading
from energy_gym.conversions import KWH_PER_MWH
from energy_gym.modelling import Model
from energy_gym.oracle.statement import Extra, Goal, Stated, most_metered_kwh, state_unit
from energy_gym.units import Unit

Steps = npt.NDArray[np.int64]
TOLERANCE = 1e-7


@dataclass(frozen=True)
class BidWindow:
    """A producer over a window of T steps, as it is or as it is expected.

    Args:
        unit: Its unit, with energy at no price.
        terms: What the consumer takes and allows.
        closes: 1.0 where a matching period, or the window with the episode, ends, shape (T,).
        markets: What is open in each market.
        imbalance: Prices of the deviation by column, each of shape (T,).
        trading: Its markets' contract.
        supply: Its consumer's contract.
        states: States now: of the controlled entities, then the balance [kWh].
        goal: What is maximised.
    """

    unit: Unit
    terms: SupplyTerms
    closes: Floats
    markets: tuple[OpenSlots, ...]
    imbalance: dict[str, Floats]
    trading: Trading
    supply: Supply
    states: tuple[float, ...]
    goal: Goal


class Bids(NamedTuple):
    """Variables of a stated window: the unit's, the shift of supply [kWh], and the volumes by market."""

    stated: Stated
    shift: Any
    volumes: tuple[Volumes, ...]


def state_window(model: Model, window: BidWindow, whole: bool = True, tangents: Sequence[Floats] = ()) -> Bids:
    """State a producer, and what it earns.

    Args:
        model: An `ArrayModel` or a `PyomoModel`.
        window: The producer over the steps of the model.
        whole: State the smallest sizes, ticks and limit prices; otherwise volumes are any size, at any price.
        tangents: Where bids move the price, volumes by market at which that is stated, each of shape (count, T) [kW].
    """
    unit, terms, money = window.unit, window.terms, window.goal.weights.money
    shift = model.variable(-terms.less_kwh, terms.more_kwh)
    extra = Extra(shift, terms.more_kwh, terms.less_kwh)
    stated = state_unit(model, unit, window.states[:-1], window.goal, extra)
    if not money:
        return Bids(stated, shift, tuple(Volumes(None, 0.0 * shift) for _ in window.markets))
    committed, volumes = 0.0 * shift, []
    for place, market in enumerate(window.markets):
        stated_volumes = state_volumes(model, market, window.trading, whole, shift)
        energy = stated_volumes.taken * unit.hours
        model.earn(-money * energy_cost(energy, market.price))
        if tangents:
            state_impact(model, window.trading, stated_volumes.taken, tangents[place], unit.hours, money)
        committed = committed + energy
        volumes.append(stated_volumes)
    model.earn(money * energy_cost(terms.base_kwh + shift, window.supply.price_per_mwh))
    _match(model, window, shift, money)
    low, high = _surplus_bounds(window)
    pieces = window.trading.deviation.pieces(window.imbalance, unit.hours)
    model.earn(-money * deviation(model, committed - stated.net, low, high, pieces))
    return Bids(stated, shift, tuple(volumes))


def _match(model: Model, window: BidWindow, shift: Any, money: float) -> None:
    """State the balance of supply and demand, and what closing it costs; both penalties make the cost convex."""
    start, terms = window.states[-1], window.terms
    most = abs(start) + float(terms.more_kwh.sum() + terms.less_kwh.sum())
    balance = model.variable(-most, most)
    keep = 1.0 - np.concatenate([[0.0], window.closes[:-1]])
    model.equal(balance, model.previous(balance, start) * keep + shift)
    at = np.flatnonzero(window.closes > 0.0)
    if len(at):
        short, over = (model.variable(0.0, most, size=len(at)) for _ in range(2))
        model.at_most(-balance[at], short)
        model.at_most(balance[at], over)
        cost = window.supply.shortfall_per_mwh * short + window.supply.surplus * over
        model.earn(cost * (-money / KWH_PER_MWH))


def _surplus_bounds(window: BidWindow) -> tuple[Floats, Floats]:
    """Return the least and the largest surplus, committed less metered, that can come about [kWh], shape (T,)."""
    unit, terms = window.unit, window.terms
    most_in, most_out = most_metered_kwh(unit)
    low, high = -most_in - terms.more_kwh, most_out + terms.less_kwh
    for market in window.markets:
        buy, sell = sizes(market.market, window.trading)
        opened = market.slot >= 0
        low = low + unit.hours * np.where(opened, -sell, market.fixed_kw)
        high = high + unit.hours * np.where(opened, buy, market.fixed_kw)
    return low - TOLERANCE, high + TOLERANCE


def deviation(model: Model, surplus: Any, low: Floats, high: Floats, pieces: Pieces) -> Any:
    """State a piecewise linear cost and return it [currency] by step.

    The surplus is its lower bound and what each piece adds to that; pieces fill up from left to right by themselves
    where the cost is convex, and by a binary at each kink where it is not.

    Args:
        model: The model.
        surplus: Committed less metered energy [kWh].
        low: A bound below it, shape (T,).
        high: A bound above it, shape (T,).
        pieces: The cost.
    """
    slopes = [np.broadcast_to(np.asarray(slope, dtype=np.float64), low.shape) for slope in pieces.slopes_per_mwh]
    if not pieces.kinks_kwh:
        return energy_cost(surplus, slopes[0])
    edges = [low, *(np.clip(kink, low, high) for kink in pieces.kinks_kwh), high]
    widths = [right - left for left, right in itertools.pairwise(edges)]
    parts = [model.variable(0.0, width) for width in widths]
    filled, cost = parts[0], energy_cost(parts[0], slopes[0])
    for part, slope in zip(parts[1:], slopes[1:], strict=True):
        filled, cost = filled + part, cost + energy_cost(part, slope)
    model.equal(surplus, filled + low)
    cost = cost + pieces.cost(low, arrays)
    _in_order(model, parts, widths, _Told(pieces, surplus, cost))
    return cost


class _Told(NamedTuple):
    pieces: Pieces
    surplus: Any
    cost: Any


def _in_order(model: Model, parts: Sequence[Any], widths: Sequence[Floats], told: _Told) -> None:
    """State that no piece is begun before the one on its left is full, wherever a plan gains from the opposite."""

    def broken(value: Any) -> Any:
        true = told.pieces.cost(value(told.surplus), arrays)
        return value(told.cost) < true - TOLERANCE * np.maximum(1.0, np.abs(true))

    for (left, right), (before, after) in zip(itertools.pairwise(parts), itertools.pairwise(widths), strict=True):

        def rows(full: Any, at: Any, pair: Any = (left, right, before, after)) -> list[tuple[Any, Any]]:
            one, other, width, next_width = pair
            return [(width[at] * full, one[at]), (other[at], next_width[at] * full)]

        model.choose(rows, broken)


def nonconvex(window: BidWindow) -> npt.NDArray[np.bool_]:
    """Return the steps in which a plan may gain from what is not linear: falling slopes, or prices below 0."""
    money, carbon, _ = window.goal.weights
    slopes = window.trading.deviation.pieces(window.imbalance, window.unit.hours).slopes_per_mwh
    found = np.zeros(len(window.unit), dtype=bool)
    for one, other in itertools.pairwise(slopes):
        found |= np.broadcast_to(np.asarray(one > other), found.shape)
    prices = [market.price for market in window.markets] + [-np.asarray(slope) for slope in slopes]
    least = np.min([np.broadcast_to(price, found.shape) for price in prices], axis=0)
    worth = money * least + carbon * window.unit.carbon
    return np.asarray(found | (worth < 0.0))
