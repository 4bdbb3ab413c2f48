"""The best plan for a fleet, and a bound on all plans; the model is stated in `statement`.

One rule: a plan is worth what the step pays for it.

Where the action bids for each asset by itself, the model is the environment and its optimum is exact. Where bids are
dispatched by a rule, every plan of the rule is one of the model too: its optimum is a bound for them, and the plan is
the best one found that the rule plays.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.errors import ConfigurationError
from energy_gym.modelling import Model
from energy_gym.oracle.milp import play_unit
from energy_gym.oracle.model import ArrayModel
from energy_gym.oracle.solve import Best
from energy_gym.oracle.statement import Goal
from energy_gym.reserve.delivered import best_delivered
from energy_gym.reserve.directions import TOLERANCE
from energy_gym.reserve.laws import DOWN, UP
from energy_gym.reserve.planning import fits, planned
from energy_gym.reserve.plans import improved, nearest, plans_of
from energy_gym.reserve.statement import state_fleet

if TYPE_CHECKING:
    from energy_gym.reserve.unit import FleetUnit

GAP = 1e-8
# Where no limit is given: weeks of reserves with calls can take a search for hours to prove its last thousandth.
PATIENCE_S = 60.0
# A plan that is made anew at every step, on a forecast, need not be proved.
PLAN_GAP, PLAN_PATIENCE_S = 1e-3, 2.0
# Part of the time that is kept for trying plans one by one, where actions name them and no solver dispatches.
IMPROVING = 0.3
# Levels of the bids that are tried where bids have any size.
TRIED = (-1.0, -0.5, 0.0, 0.5, 1.0)
# Where a solver dispatches: steps that are played to learn how long they take, how many plans are played, and the part
# of the time that is left to the search at least.
PLAYED, PLAYS, LEAST_SOLVING = 12, 2.0, 0.2


def best_of_fleet(
    unit: FleetUnit, states: Sequence[float], goal: Goal, levels: tuple[float, ...] | None, time_limit: float | None
) -> Best:
    """Return the best bids found for a fleet, and a bound on what any bids can earn.

    Args:
        unit: The fleet over a window.
        states: States now.
        goal: What is maximised.
        levels: Levels that bids may have; None for any.
        time_limit: Seconds for all that is solved; None: `PATIENCE_S`.
    """
    began = time.perf_counter()
    if not unit.proving and fits(unit, states, goal):
        wishes = _planned(unit, states, goal)
        return Best(_discrete(unit, wishes, levels), np.inf, "LP, directions searched")
    if time_limit is None:
        time_limit = PATIENCE_S if unit.proving else PLAN_PATIENCE_S
    end = began + time_limit
    tried = _tried(unit, levels)
    time_limit = _for_solving(unit, states, goal, time_limit) * (1.0 if tried is None else 1.0 - IMPROVING)
    direct = unit.dispatch.name == "direct" or len(unit.assets) == 1
    limit = time_limit / (1.0 if direct else 2.0)
    found, bound = ([], np.inf) if not direct and not unit.proving else _free(unit, states, goal, limit)
    method = "MILP"
    if not direct:
        left = max(time_limit - (time.perf_counter() - began), 0.05)
        found = [*found, _tied(unit, states, goal, left)]
        method = f"MILP of all assets, best of its bids by {unit.dispatch.name} dispatch"
    if levels is not None:
        found = [_discrete(unit, wishes, levels) for wishes in found]
        method = f"{method}, rounded"
    elif tried is not None:
        found = [*found, *(nearest(unit, tried, wishes) for wishes in found)]
    candidates = [*found, np.zeros_like(found[0])] if len(found) > 1 or levels is not None else found
    if len(candidates) == 1:
        return Best(candidates[0], bound, method)
    earned = [play_unit(unit, states, goal, wishes) for wishes in candidates]
    ranked = [candidates[place] for place in np.argsort(-np.array(earned), kind="stable")]
    if tried is None or bound - max(earned) <= GAP * max(1.0, abs(bound)):
        return Best(ranked[0], bound, method)
    starts = [ranked[0]] if levels is not None else [ranked[0], nearest(unit, tried, ranked[0])]
    return Best(_improved(unit, states, goal, tried, starts, end), bound, f"{method} and improved")


def _tried(unit: FleetUnit, levels: tuple[float, ...] | None) -> Floats | None:
    """Return the bids that every step tries once there is a plan, shape (plans, controls); None where none does.

    They are what discrete actions mean; where bids have any size and a rule shares them, what such actions would mean.
    """
    if not unit.proving or unit.dispatch.name == "optimal":
        return None
    if levels is not None:
        return unit.plans
    if unit.dispatch.name == "direct" or len(unit.assets) == 1:
        return None
    try:
        return plans_of(unit, TRIED)
    except ConfigurationError:
        return None


def _improved(
    unit: FleetUnit, states: Sequence[float], goal: Goal, tried: Floats, starts: Sequence[Floats], end: float
) -> Floats:
    """Return the best of some plans, each improved step by step in its part of the time that is left."""
    found = []
    for number, start in enumerate(starts):
        now = time.perf_counter()
        found.append(improved(unit, states, goal, tried, start, now + (end - now) / (len(starts) - number)))
    return max(found, key=lambda wishes: play_unit(unit, states, goal, wishes))


def _for_solving(unit: FleetUnit, states: Sequence[float], goal: Goal, time_limit: float) -> float:
    """Return the part of the time that is not needed to play plans where a solver dispatches each of their steps."""
    if unit.dispatch.name != "optimal":
        return time_limit
    few, began = min(len(unit), PLAYED), time.perf_counter()
    play_unit(unit.window(0, few), states, goal, np.full((few, unit.controls), 0.5))
    once = (time.perf_counter() - began) / few * len(unit)
    return max(time_limit - PLAYS * once, LEAST_SOLVING * time_limit)


def _planned(unit: FleetUnit, states: Sequence[float], goal: Goal) -> Floats:
    """Return bids that are good for what is expected, unproved: what each asset would sell by itself.

    Where a rule dispatches, a step serves the direction in which more power is wanted, and each leg is bid as large as
    the asset that wants most of it takes: what the others cannot hold is cut, and nobody waits for the emptiest.
    """
    limits = np.array([asset.limits_kw for asset in unit.assets])
    shares = np.stack([planned(unit, states, goal, [asset]) for asset in range(len(unit.assets))])
    power = shares * limits[:, :, None]
    if unit.dispatch.name == "direct":
        return _bids(unit, power)
    upward = np.array(unit.ways) == UP
    beside = np.array([leg.beside for leg in unit.legs])
    wanted = [power[:, (upward == way) & ~beside].sum(axis=(0, 1)) for way in (True, False)]
    served = np.where(upward[:, None], wanted[0] >= wanted[1], wanted[0] < wanted[1]) | beside[:, None]
    most = list(np.where(served, shares.max(axis=0), 0.0))
    return _signed(unit, most, len(unit.markets), lambda leg: leg.control)


def _discrete(unit: FleetUnit, wishes: Floats, levels: tuple[float, ...] | None) -> Floats:
    """Return the bids that discrete actions can mean and come nearest to others, shape (T, controls)."""
    if levels is None:
        return wishes
    if unit.plans is not None:
        return nearest(unit, unit.plans, wishes)
    grid = np.array(levels)
    return np.asarray(grid[np.argmin(np.abs(wishes[:, :, None] - grid), axis=2)])


def _free(unit: FleetUnit, states: Sequence[float], goal: Goal, limit: float) -> tuple[list[Floats], float]:
    """Solve for each asset by itself; return its bids as the unit's dispatch takes them, and the bound."""
    began, everyone = time.perf_counter(), range(len(unit.assets))
    alone = separable(unit, goal)
    groups = [[asset] for asset in everyone] if alone else [list(everyone)]
    power, bound = [], 0.0
    for number, members in enumerate(groups):
        exact = best_delivered(unit, members[0], states[members[0]], goal) if alone else None
        if exact is not None:
            power.append(exact[0])
            bound += exact[1]
            continue
        left = max(limit - (time.perf_counter() - began), 0.1) / (len(groups) - number)
        model = _model(unit)
        stated = state_fleet(model, unit, states, goal, members=members)
        answer = model.solve(left)
        power += [_values(row, answer.columns, len(unit)) for row in stated.held]
        bound += answer.bound
    return [_bids(unit, np.stack(power))], bound


def separable(unit: FleetUnit, goal: Goal) -> bool:
    """Return whether assets do not touch each other: bids of any size, and one price for energy missing and left."""
    closing = goal.closing
    linear = (closing.missing, closing.missing_carbon) == (closing.left, closing.left_carbon)
    return linear and not any(leg.product.minimum_kw or leg.product.tick_kw for leg in unit.legs)


def _tied(unit: FleetUnit, states: Sequence[float], goal: Goal, limit: float) -> Floats:
    """Solve with every asset offering the same share of each leg; return the bids."""
    model = _model(unit)
    shares = [model.variable(0.0, 1.0) for _ in unit.legs]
    state_fleet(model, unit, states, goal, shares)
    if unit.assets[0].both:
        _one_direction(model, unit, shares)
    answer = model.solve(limit)
    found = [share.value(answer.columns) for share in shares]
    return _signed(unit, found, len(unit.markets), lambda leg: leg.control)


def _one_direction(model: Model, unit: FleetUnit, shares: Sequence[Any]) -> None:
    """One binary a step for all assets (1 while the fleet serves up): they offer the same shares."""

    def rows(upward: Any, at: Any) -> list[tuple[Any, Any]]:
        return [(shares[leg][at], upward if unit.ways[leg] == UP else 1.0 - upward) for leg in unit.parts.first]

    def broken(value: Any) -> Any:
        most = [np.zeros(len(unit)), np.zeros(len(unit))]
        for leg in unit.parts.first:
            most[unit.ways[leg]] = np.maximum(most[unit.ways[leg]], value(shares[leg]))
        return np.minimum(most[UP], most[DOWN]) > TOLERANCE

    model.choose(rows, broken)


def _model(unit: FleetUnit) -> ArrayModel:
    likely = np.full(len(unit), unit.assets[0].both)
    return ArrayModel(len(unit), likely=likely, gap=GAP if unit.proving else PLAN_GAP)


def _values(row: list[Any], columns: Floats, steps: int) -> Floats:
    """Return the power held by one asset, shape (legs, T)."""
    return np.stack([np.zeros(steps) if item is None else np.maximum(item.value(columns), 0.0) for item in row])


def _bids(unit: FleetUnit, power: Floats) -> Floats:
    """Return power by asset and leg, shape (n, legs, T), as actions of the unit, shape (T, controls)."""
    limits = np.array([asset.limits_kw for asset in unit.assets])
    count, markets = len(unit.assets), len(unit.markets)
    if unit.dispatch.name != "direct":
        totals = np.array([leg.product.maximum_kw for leg in unit.legs])
        shares = list(power.sum(axis=0) / totals[:, None])
        return _signed(unit, shares, markets, lambda leg: leg.control)
    actions = np.zeros((len(unit), markets * count))
    for place, leg in enumerate(unit.legs):
        for asset in range(count):
            if limits[asset, place]:
                share = np.clip(power[asset, place] / limits[asset, place], 0.0, 1.0)
                actions[:, leg.control * count + asset] += leg.sign * share
    return np.clip(actions, -1.0, 1.0)


def _signed(unit: FleetUnit, shares: Sequence[Floats], controls: int, place: Any) -> Floats:
    """Return shares by leg as bids, shape (T, controls); of a trade both ways, the difference."""
    bids = np.zeros((len(unit), controls))
    for leg, share in zip(unit.legs, shares, strict=True):
        bids[:, place(leg)] += leg.sign * np.clip(share, 0.0, 1.0)
    return np.clip(bids, -1.0, 1.0)
