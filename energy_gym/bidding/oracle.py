"""The best that the rest of a producer's episode can earn: a mixed-integer linear model, replayed.

One rule: ``value`` is what the replay earned; where the model cannot say it exactly, the bound does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.bidding.choice_search import best_choices
from energy_gym.bidding.choices import Choices
from energy_gym.bidding.gates import ProducerGates
from energy_gym.bidding.played import actions_of
from energy_gym.bidding.statement import Bids, BidWindow, nonconvex, state_window
from energy_gym.bidding.volumes import (
    always_whole,
    chosen_by_price,
    impact_per_kw2,
    in_parts,
    sizes,
)
from energy_gym.bidding.windows import actual_window
from energy_gym.contracts.clearing import LinearImpact, PriceTaker
from energy_gym.modelling import Model
from energy_gym.oracle.model import Answer, ArrayModel
from energy_gym.oracle.solution import EXACT, Plan, Solution, replay

DEFAULT_SECONDS = 60.0
ROUNDS = 60
FIRST_TANGENTS = 9
LEAST_SECONDS = 0.01


@dataclass(frozen=True)
class ChoiceSolution(Solution):
    """The best choices found, with the optimum over all bids and powers beside them."""

    freely: Solution = field(kw_only=True, repr=False)

    @property
    def physical(self) -> Solution:
        """See `Solution.physical`."""
        return self.freely


def replay_bids(gates: ProducerGates, states: Sequence[float], entries: Floats) -> Plan:
    """Play entries, shape (steps, controls), to the end of an episode; the gates are left as they are."""
    at = gates.copy()
    taken = [at.enter(row) for row in entries]
    return replay(gates.setup, gates.t, at.t, states, entries, [(wishes, told) for wishes, _, told in taken])


def best_bids(gates: ProducerGates, states: Sequence[float], time_limit: float | None = None) -> Solution:
    """Return the optimum from an episode's state to its end; `energy_gym.solve` calls it.

    Sizes and ticks, limit prices and all penalties are stated, convex or not. Where bids move the price
    (`LinearImpact`), what they pay for that is stated by tangents, at more volumes in every round. Discrete choices of
    a site with one storage are found by dynamic programming; others are the nearest to the optimum, with its bound.
    """
    began = time.perf_counter()
    # Choices take time of their own, once the optimum over all bids is known.
    share = 1.0 if gates.choices is None else 0.5
    end = began + (DEFAULT_SECONDS if time_limit is None else time_limit * share)
    best, bound = _searched(gates, states, end)
    bound = max(bound, best.value)
    status = f"{'optimal' if _closed(best, bound) else 'bracketed'} (MILP)"
    found = Solution(best.value, bound, list(best.wishes), status, time.perf_counter() - began, best)
    if gates.choices is None:
        return found
    left = None if time_limit is None else max(began + time_limit - time.perf_counter(), LEAST_SECONDS)
    by_choice = _by_choice(gates, states, found, gates.choices, left)
    return replace(by_choice, seconds=time.perf_counter() - began)


def state_rest(model: Model, gates: ProducerGates, states: Sequence[float]) -> Bids:
    """State the rest of an episode, and what it earns, in a solver's model with a row for each of its steps."""
    return state_window(model, actual_window(gates, states))


def _by_choice(
    gates: ProducerGates, states: Sequence[float], best: Solution, choices: Choices, left: float | None
) -> ChoiceSolution:
    """Return the best choices: of one storage by dynamic programming, else the nearest to a plan, or idling."""
    found = best_choices(gates, states, choices, left)
    numbers, bound = found or ([], np.inf)
    plans = [(_nearest(gates, best), "nearest choices to the MILP"), ([choices.idle] * len(best.actions), "idling")]
    if found is not None:
        plans.insert(0, (numbers, "dynamic programming over choices"))
    played = [(replay_bids(gates, states, _meant(gates, plan)), plan, method) for plan, method in plans]
    plan, numbers, method = max(played, key=lambda one: one[0].value)
    bound = max(min(bound, best.bound), plan.value)
    status = f"{'optimal' if _closed(plan, bound) else 'bracketed'} ({method})"
    own = replace(best, value=plan.value, bound=bound, actions=numbers, status=status, plan=plan)
    return ChoiceSolution(**vars(own), freely=best)


def _nearest(gates: ProducerGates, best: Solution) -> list[Any]:
    """Return the choices that come nearest to a plan, step by step."""
    at, numbers = gates.copy(), []
    for entries in best.actions:
        numbers.append(at.chosen(entries))
        at.enter(at.entries_of(numbers[-1]))
    return numbers


def _meant(gates: ProducerGates, numbers: Sequence[Any]) -> Floats:
    """Return what choices mean as entries, shape (steps, controls)."""
    at, meant = gates.copy(), []
    for number in numbers:
        meant.append(at.entries_of(number))
        at.enter(meant[-1])
    return np.array(meant)


def _searched(gates: ProducerGates, states: Sequence[float], end: float) -> tuple[Plan, float]:
    """Return the best plan found until a moment, and a bound on all plans.

    Any size comes first: a good plan and a bound at once. Where the market moves, rounds go on until tangents say what
    a plan pays for that; whole ticks and limit prices then close the gap.
    """
    window = actual_window(gates, states)
    best = replay_bids(gates, states, np.zeros((gates.stop - gates.t, gates.setup.controls)))
    tangents, bound = first_tangents(window), np.inf
    if tangents and any(in_parts(market, window.trading) for market in window.markets):
        bound = _solved(_step_by_step(window), False, tangents, end)[1].bound
    for whole in (False, True) if _has_sizes(window) else (False,):
        for _ in range(ROUNDS if tangents else 1):
            bids, answer = _solved(window, whole, tangents, end)
            bound = min(bound, answer.bound) if _is_bound(window, whole) else bound
            plan = replay_bids(gates, states, actions_of(gates, window, bids, answer.columns))
            best = max(best, plan, key=lambda plan: plan.value)
            told = _understated(window, tangents, bids, answer.columns) <= EXACT / 10.0 * max(1.0, abs(bound))
            if _closed(best, bound) or told or time.perf_counter() >= end:
                break
            tangents = _more_tangents(tangents, bids, answer.columns)
        if _closed(best, bound):
            break
    return best, bound


def _solved(window: BidWindow, whole: bool, tangents: tuple[Floats, ...], end: float) -> tuple[Bids, Answer]:
    model = ArrayModel(len(window.unit), likely=nonconvex(window))
    bids = state_window(model, window, whole, tangents)
    return bids, model.solve(max(end - time.perf_counter(), 0.1))


def _closed(plan: Plan, bound: float) -> bool:
    return bound - plan.value <= EXACT * max(1.0, abs(plan.value))


def _has_sizes(window: BidWindow) -> bool:
    """Return whether some market has ticks or smallest sizes, or slots in which limit prices choose."""
    every = [(market.market.limits, chosen_by_price(market, window.trading)) for market in window.markets]
    return any(limits.tick_kw or limits.minimum_kw or by_price for limits, by_price in every)


def _is_bound(window: BidWindow, whole: bool) -> bool:
    """Return whether no plan can beat a stated window.

    Bids of any size leave out that limit prices, or the market's cap and floor where bids move the price, choose among
    the steps of a slot; whole ticks leave out that a bid may be taken in part where it moves the price. Where money
    does not count, neither do bids.
    """
    if not window.goal.weights.money:
        return True
    if any(in_parts(market, window.trading) for market in window.markets):
        return whole and isinstance(window.trading.impact, PriceTaker)
    return not whole or all(always_whole(market, window.trading) for market in window.markets)


def _step_by_step(window: BidWindow) -> BidWindow:
    """Return a window in which every step is a slot of its own: it can do all that limits of prices can."""
    found = []
    for market in window.markets:
        opened = market.slot >= 0
        found.append(market._replace(slot=np.where(opened, np.cumsum(opened) - 1, -1)))
    return replace(window, markets=tuple(found))


def first_tangents(window: BidWindow) -> tuple[Floats, ...]:
    """Return volumes at which the cost of moving the price is stated first, by market, each of shape (count, T) [kW].

    Nothing where bids do not move the price along a line, or where money does not count.
    """
    if not isinstance(window.trading.impact, LinearImpact) or not window.goal.weights.money:
        return ()
    found = []
    for market in window.markets:
        buy, sell = sizes(market.market, window.trading)
        spread = np.linspace(-sell, buy, FIRST_TANGENTS)[:, None] + 0.0 * market.fixed_kw
        found.append(np.concatenate([spread, market.fixed_kw[None, :]]))
    return tuple(found)


def _understated(window: BidWindow, tangents: tuple[Floats, ...], bids: Bids, columns: Floats) -> float:
    """Return by how much the tangents understate what a plan pays for moving the price [reward units]."""
    if not isinstance(window.trading.impact, LinearImpact):
        return 0.0
    per_kw2, total = impact_per_kw2(window.trading.impact, window.unit.hours), 0.0
    for stated, market in zip(tangents, bids.volumes, strict=False):
        apart = stated - market.taken.value(columns)
        total += per_kw2 * float((apart * apart).min(axis=0).sum())
    return window.goal.weights.money * total


def _more_tangents(tangents: tuple[Floats, ...], bids: Bids, columns: Floats) -> tuple[Floats, ...]:
    """Return the tangents with those at the volumes of a plan, and half-way from there to the nearest on either side.

    A tangent understates the parabola by the square of the distance, so every round brings the two 16 times closer.
    """
    found = []
    for old, market in zip(tangents, bids.volumes, strict=False):
        volumes = market.taken.value(columns)
        below = np.where(old < volumes, old, -np.inf).max(axis=0)
        above = np.where(old > volumes, old, np.inf).min(axis=0)
        between = [(volumes + np.where(np.isfinite(near), near, volumes)) / 2.0 for near in (below, above)]
        found.append(np.concatenate([old, [volumes, *between]]))
    return tuple(found)
