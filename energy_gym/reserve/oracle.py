"""The best plan for a fleet: a mixed-integer linear model of every asset, every market and every step.

One rule: prices, needs and laws are those of the step; big-M values are the assets' own rated powers and energies.

Where the action bids for each asset by itself, the model is the environment and its optimum is exact. Where bids are
dispatched by a rule, every plan of the rule is one of the model too: its optimum is a bound for them, and the plan is
the best one found that the rule plays.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.backends import scalars
from energy_gym.contracts.reserve import availability_income, called_kwh
from energy_gym.contracts.spot import KWH_PER_MWH, carbon_kg, energy_cost
from energy_gym.dynamics import compose, reward, settlement
from energy_gym.entities.battery import lowest_energy, next_energy, wear_cost
from energy_gym.oracle.model import ArrayModel
from energy_gym.oracle.solve import Best
from energy_gym.oracle.statement import Goal, state_closing
from energy_gym.reserve.delivered import best_delivered
from energy_gym.reserve.dispatch import DISPATCHES
from energy_gym.reserve.laws import DOWN, UP, Figures
from energy_gym.reserve.planning import fits, planned

if TYPE_CHECKING:
    from energy_gym.reserve.unit import FleetUnit

Floats = npt.NDArray[np.float64]
TOLERANCE = 1e-7
GAP = 1e-8
# Where no limit is given: weeks of reserves with calls can take a search for hours to prove its last thousandth.
PATIENCE_S = 60.0
# A plan that is made anew at every step, on a forecast, need not be proved.
PLAN_GAP, PLAN_PATIENCE_S = 1e-3, 2.0


class StatedFleet(NamedTuple):
    """Variables of a stated fleet: power held by asset and leg, None where an asset may not sell it."""

    held: list[list[Any]]


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
        return Best(wishes if levels is None else _nearest(wishes, np.array(levels)), np.inf, "LP, directions searched")
    if time_limit is None:
        time_limit = PATIENCE_S if unit.proving else PLAN_PATIENCE_S
    direct = unit.dispatch.name == "direct" or len(unit.assets) == 1
    limit = time_limit / (1.0 if direct else 2.0)
    found, bound = ([], np.inf) if not direct and not unit.proving else _free(unit, states, goal, limit)
    method = "MILP"
    if not direct:
        left = max(time_limit - (time.perf_counter() - began), 0.05)
        found = [*found, _tied(unit, states, goal, left)]
        method = f"MILP of all assets, best of its bids by {unit.dispatch.name} dispatch"
    if levels is not None:
        grid = np.array(levels)
        found = [_nearest(wishes, grid) for wishes in found]
        method = f"{method}, rounded"
    candidates = [*found, np.zeros_like(found[0])] if len(found) > 1 or levels is not None else found
    if len(candidates) == 1:
        return Best(candidates[0], bound, method)
    earned = [played(unit, states, goal, wishes) for wishes in candidates]
    return Best(candidates[int(np.argmax(earned))], bound, method)


def _planned(unit: FleetUnit, states: Sequence[float], goal: Goal) -> Floats:
    """Return bids that are good for what is expected, unproved; each asset by itself where the dispatch allows."""
    everyone = range(len(unit.assets))
    if unit.dispatch.name != "direct":
        return _signed(
            unit, list(planned(unit, states, goal, everyone)), len(unit.fleet.markets), lambda leg: leg.control
        )
    limits = np.array([asset.limits_kw for asset in unit.assets])
    shares = [planned(unit, states, goal, [asset]) for asset in everyone]
    return _bids(unit, np.stack(shares) * limits[:, :, None])


def _nearest(wishes: Floats, levels: Floats) -> Floats:
    return np.asarray(levels[np.argmin(np.abs(wishes[:, :, None] - levels), axis=2)])


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
    """Return whether assets do not touch each other: no smallest bid, and one price for energy missing and left."""
    closing = goal.closing
    linear = (closing.missing, closing.missing_carbon) == (closing.left, closing.left_carbon)
    return linear and not any(leg.product.minimum_kw for leg in unit.legs)


def _tied(unit: FleetUnit, states: Sequence[float], goal: Goal, limit: float) -> Floats:
    """Solve with every asset offering the same share of each leg; return the bids."""
    model = _model(unit)
    shares = [model.variable(0.0, 1.0) for _ in unit.legs]
    state_fleet(model, unit, states, goal, shares)
    if unit.assets[0].both:
        _one_direction(model, unit, shares)
    answer = model.solve(limit)
    found = [share.value(answer.columns) for share in shares]
    return _signed(unit, found, len(unit.fleet.markets), lambda leg: leg.control)


def _one_direction(model: Any, unit: FleetUnit, shares: Sequence[Any]) -> None:
    """One binary a step for all assets (1 while the fleet serves up): they offer the same shares."""

    def rows(upward: Any, at: Any) -> list[tuple[Any, Any]]:
        return [
            (share[at], upward if way == UP else 1.0 - upward) for share, way in zip(shares, unit.ways, strict=True)
        ]

    def broken(value: Any) -> Any:
        most = [np.zeros(len(unit)), np.zeros(len(unit))]
        for share, way in zip(shares, unit.ways, strict=True):
            most[way] = np.maximum(most[way], value(share))
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
    count, markets = len(unit.assets), len(unit.fleet.markets)
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


def played(unit: FleetUnit, states: Sequence[float], goal: Goal, wishes: Floats) -> float:
    """Return what bids earn from given states to the end of the unit's steps."""
    advance, now, earned = compose([unit], scalars), tuple(states), 0.0
    for signal, wish in zip(unit.signals(), wishes.tolist(), strict=True):
        now, _, spent, kg, wear, penalty, _, _ = advance(now, tuple(wish), signal)
        earned += reward(spent, kg, wear, penalty, goal.weights)
    owed, owed_kg = settlement([unit], [goal.closing], now, scalars)
    return earned + float(reward(owed, owed_kg, 0.0, 0.0, goal.weights))


def state_fleet(
    model: Any,
    unit: FleetUnit,
    states: Sequence[float],
    goal: Goal,
    shares: Sequence[Any] | None = None,
    members: Sequence[int] | None = None,
) -> StatedFleet:
    """State a fleet from given states to the end of its steps, and what it earns.

    Args:
        model: An `energy_gym.oracle.model.ArrayModel` or `energy_gym.oracle.pyomo_model.PyomoModel`.
        unit: The fleet over the window.
        states: States now; the energies come first.
        goal: What is maximised.
        shares: Where given, variables by leg: every asset holds this share of what it is prequalified for.
        members: Places of the assets that are stated; None for all.
    """
    chosen = range(len(unit.assets)) if members is None else members
    held, after = [], []
    for asset in chosen:
        figures = unit.assets[asset]
        row = [
            model.variable(0.0, min(limit, figures.rated_kw[way])) if limit else None
            for limit, way in zip(figures.limits_kw, unit.ways, strict=True)
        ]
        if shares is not None:
            for power, share, limit in zip(row, shares, figures.limits_kw, strict=True):
                if power is not None:
                    model.equal(power, limit * share)
        after.append(_state_asset(model, unit, asset, row, float(states[asset]), goal, shares is None))
        held.append(row)
    _smallest_bids(model, unit, held)
    state_closing(model, replace(unit, flexibles=tuple(unit.flexibles[asset] for asset in chosen)), after, goal)
    return StatedFleet(held)


def _state_asset(model: Any, unit: FleetUnit, asset: int, row: list[Any], start: float, goal: Goal, free: bool) -> Any:
    """State what an asset can hold and what it delivers; return its energy at the end of each step.

    A ``free`` asset chooses its direction by itself; otherwise the fleet does.
    """
    figures = unit.assets[asset]
    steps, cell = len(unit), figures.cell
    lowest = np.minimum(_lowest(unit, figures, start), cell.energy_min)
    energy = model.variable(lowest, max(cell.energy_max, start))
    before = model.previous(energy, start)
    kept = before * cell.keep
    power: list[Any] = [np.zeros(steps), np.zeros(steps)]
    used: list[Any] = [np.zeros(steps), np.zeros(steps)]
    for item, need, way in zip(row, figures.needs_kwh, unit.ways, strict=True):
        if item is not None:
            power[way], used[way] = power[way] + item, used[way] + item * need
    leaks = cell.keep < 1.0 or start < cell.energy_min
    floor = np.concatenate([[start], lowest[:-1]]) * cell.keep if leaks else np.full(steps, cell.energy_min)
    floor = np.minimum(floor, cell.energy_min)
    sells = _sells(unit, figures)
    for way in (UP, DOWN):
        if sells[way]:
            model.at_most(power[way], figures.rated_kw[way])
            model.at_most(used[way], kept - floor if way == UP else cell.energy_max - kept)
    flows = _state_calls(model, unit, asset, row, kept, goal)
    model.equal(energy, next_energy(before, flows[DOWN], flows[UP], cell))
    _state_direction(model, unit, figures, row, (power, used, flows[UP] / cell.efficiency_discharge, kept, floor), free)
    net = flows[DOWN] - flows[UP]
    money, carbon = goal.weights
    if any(sells) and cell.wear_per_kwh and money:
        model.earn(wear_cost(flows[DOWN], flows[UP], cell) * -money)
    if any(sells) and carbon:
        model.earn(carbon_kg(net, unit.carbon) * -carbon)
    return energy


def _sells(unit: FleetUnit, figures: Figures) -> tuple[bool, bool]:
    """Return by direction whether an asset may sell anything."""
    ways = {way for limit, way in zip(figures.limits_kw, unit.ways, strict=True) if limit}
    return UP in ways, DOWN in ways


def _lowest(unit: FleetUnit, figures: Figures, start: float) -> Floats:
    """Return the least energy that can be stored at each step's end [kWh]."""
    return np.asarray(lowest_energy(figures.cell, start, len(unit)))


def _state_direction(
    model: Any, unit: FleetUnit, figures: Figures, row: list[Any], sums: tuple[Any, ...], free: bool
) -> None:
    """One binary a step (1 while serving up): one direction at a time, and nothing up where losses left too little."""
    power, used, drained, kept, floor = sums
    cell = figures.cell
    most = [
        min(
            figures.rated_kw[way],
            sum(limit for limit, own in zip(figures.limits_kw, unit.ways, strict=True) if own == way),
        )
        for way in (UP, DOWN)
    ]
    sells = _sells(unit, figures)
    leaks = bool((floor < cell.energy_min).any()) and sells[UP]
    both = free and all(sells)
    if both:
        # True without a binary as well; it tightens the relaxation.
        model.at_most(power[UP] / most[UP] + power[DOWN] / most[DOWN], 1.0)
    if not (both or leaks):
        return

    def rows(upward: Any, at: Any) -> list[tuple[Any, Any]]:
        stated = [(power[UP][at], most[UP] * upward)]
        if both:
            span = cell.energy_max - floor[at]
            stated += [(power[DOWN][at], most[DOWN] * (1.0 - upward))]
            stated += [(used[UP][at], span * upward), (used[DOWN][at], span * (1.0 - upward))]
            for item, limit, way in zip(row, figures.limits_kw, unit.ways, strict=True):
                if item is not None and limit < most[way]:
                    stated.append((item[at], limit * (upward if way == UP else 1.0 - upward)))
        if leaks:
            slack = cell.energy_min - floor[at]
            least = kept[at] - cell.energy_min + slack * (1.0 - upward)
            stated += [(used[UP][at], least), (drained[at], least)]
        return stated

    def broken(value: Any) -> Any:
        found = np.zeros(len(unit), dtype=bool)
        if both:
            found |= np.minimum(value(power[UP]), value(power[DOWN])) > TOLERANCE
        if leaks:
            most_kwh = np.maximum(value(used[UP]), value(drained))
            short = most_kwh > np.maximum(value(kept) - cell.energy_min, 0.0) + TOLERANCE
            found |= short & (value(power[UP]) > TOLERANCE)
        return found

    model.choose(rows, broken)


def _state_calls(model: Any, unit: FleetUnit, asset: int, row: list[Any], kept: Any, goal: Goal) -> list[Any]:
    """State what is called, delivered and paid; return the energies discharged and charged at the terminals."""
    figures = unit.assets[asset]
    cell, money = figures.cell, goal.weights.money
    flows: list[Any] = [np.zeros(len(unit)), np.zeros(len(unit))]
    rooms = {
        UP: lambda given: (kept - cell.energy_min) * cell.efficiency_discharge - given,
        DOWN: lambda given: (cell.energy_max - kept) / cell.efficiency_charge - given,
    }
    spans = (cell.energy_max - cell.energy_min) * cell.efficiency_discharge, (cell.energy_max / cell.efficiency_charge)
    for place, (item, leg, way) in enumerate(zip(row, unit.legs, unit.ways, strict=True)):
        if item is None:
            continue
        asked = called_kwh(item, unit.shares[place], unit.hours)
        given, product = asked, leg.product
        if money:
            price = unit.held_prices[place]
            fine = (product.penalty_per_mwh + product.penalty_factor * price) / KWH_PER_MWH
            if not leg.free:
                model.earn(money * availability_income(item, price, unit.hours))
        if unit.short[way]:
            most = min(product.prequalified_kw[asset], figures.rated_kw[way])
            given = model.variable(0.0, most * unit.shares[place] * unit.hours)
            model.at_most(given, asked)
            _as_far_as_it_lasts(model, given, asked, rooms[way](flows[way] + given), most, spans[way], unit, place)
            if money and (product.penalty_per_mwh or product.penalty_factor):
                model.earn((given - asked) * (money * fine))
        if money and product.energy_price is not None:
            model.earn(energy_cost(given, unit.energy_prices[place]) * (-money * product.sign))
        flows[way] = flows[way] + given
    return flows


def _as_far_as_it_lasts(
    model: Any, given: Any, asked: Any, left: Any, most_kw: float, span: float, unit: FleetUnit, place: int
) -> None:
    """One binary a step (1 where energy runs out): a call is met in full, or as far as the energy left lasts."""
    most = most_kw * unit.shares[place] * unit.hours

    def rows(out: Any, at: Any) -> list[tuple[Any, Any]]:
        return [(asked[at] - given[at], most[at] * out), (left[at], span * (1.0 - out))]

    def broken(value: Any) -> Any:
        return (value(asked) - value(given) > TOLERANCE) & (value(left) > TOLERANCE)

    model.choose(rows, broken, seldom=True)


def _smallest_bids(model: Any, unit: FleetUnit, held: list[list[Any]]) -> None:
    """One binary a step and market with a smallest bid (1 while it is sold)."""
    for place, leg in enumerate(unit.legs):
        least = leg.product.minimum_kw
        parts = [row[place] for row in held if row[place] is not None]
        if not least or not parts:
            continue
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        _all_or_nothing(model, total, least, leg.product.maximum_kw)


def _all_or_nothing(model: Any, total: Any, least: float, most: float) -> None:
    def rows(sold: Any, at: Any) -> list[tuple[Any, Any]]:
        return [(total[at], most * sold), (least * sold, total[at])]

    def broken(value: Any) -> Any:
        sizes = value(total)
        return (sizes > TOLERANCE) & (sizes < least - TOLERANCE)

    model.choose(rows, broken)


def direct(unit: FleetUnit) -> FleetUnit:
    """Return the fleet with a bid for each asset."""
    return replace(unit, dispatch=DISPATCHES["direct"])
