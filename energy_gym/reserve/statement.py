"""A fleet stated in a solver's model: every asset, every market and every step.

One rule: prices, needs and laws are those of the step; big-M values are the assets' own rated powers and energies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.contracts.reserve import availability_income, called_kwh
from energy_gym.contracts.spot import carbon_kg, energy_cost
from energy_gym.conversions import KWH_PER_MWH
from energy_gym.entities.battery import lowest_energy, next_energy, wear_cost
from energy_gym.modelling import Model, positive_part
from energy_gym.oracle.statement import Goal, state_closing
from energy_gym.reserve.directions import TOLERANCE, Store, about_schedule, most_kw, sells, state_direction, sums
from energy_gym.reserve.laws import DOWN, UP, FleetFigures
from energy_gym.reserve.laws import TOLERANCE as TICK_SHARE

if TYPE_CHECKING:
    from energy_gym.reserve.unit import FleetUnit


class StatedFleet(NamedTuple):
    """Variables of a stated fleet: power held by asset and leg, None where an asset may not sell it."""

    held: list[list[Any]]


def state_fleet(
    model: Model,
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
            model.variable(0.0, min(limit, most)) if limit else None
            for limit, most in zip(figures.limits_kw, most_kw(unit, figures), strict=True)
        ]
        if shares is not None:
            for power, share, limit in zip(row, shares, figures.limits_kw, strict=True):
                if power is not None:
                    model.equal(power, limit * share)
        after.append(_state_asset(model, unit, asset, row, float(states[asset]), goal, shares is None))
        held.append(row)
    _sizes(model, unit, held)
    state_closing(model, replace(unit, flexibles=tuple(unit.flexibles[asset] for asset in chosen)), after, goal)
    return StatedFleet(held)


def _state_asset(
    model: Model, unit: FleetUnit, asset: int, row: list[Any], start: float, goal: Goal, free: bool
) -> Any:
    """State what an asset can hold and what it delivers; return its energy at the end of each step.

    A ``free`` asset chooses its direction by itself; otherwise the fleet does.
    """
    figures = unit.assets[asset]
    steps, cell = len(unit), figures.cell
    lowest = np.minimum(_lowest(unit, figures, start), cell.energy_min)
    energy = model.variable(lowest, max(cell.energy_max, start))
    before = model.previous(energy, start)
    kept = before * cell.keep
    power, used = sums(unit, figures, row, range(len(row)))
    leaks = cell.keep < 1.0 or start < cell.energy_min
    floor = np.concatenate([[start], lowest[:-1]]) * cell.keep if leaks else np.full(steps, cell.energy_min)
    floor = np.minimum(floor, cell.energy_min)
    sold = sells(unit, figures)
    for way in (UP, DOWN):
        if sold[way]:
            model.at_most(about_schedule(unit, row, power[way], way), figures.rated_kw[way])
            model.at_most(used[way], kept - floor if way == UP else cell.energy_max - kept)
    flows = _state_calls(model, unit, asset, row, kept, goal)
    model.equal(energy, next_energy(before, flows[DOWN], flows[UP], cell))
    store = Store(kept, floor, flows[UP] / cell.efficiency_discharge, cell)
    if unit.parts.beside:
        # Of what one direction gives, the other cannot live in the same step.
        model.at_most(store.drained, kept - floor)
        model.at_most(flows[DOWN] * cell.efficiency_charge, cell.energy_max - kept)
    state_direction(model, unit, figures, row, (power, used), store, free)
    net = flows[DOWN] - flows[UP]
    money, carbon, worn = goal.weights
    if unit.emptied is not None and money:
        left, most = energy - cell.energy_min, max(cell.energy_max, start) - cell.energy_min
        left = positive_part(model, left, most, cell.energy_min, exact=False) if leaks else left
        model.earn(left * (unit.emptied * -money))
    if sold[UP] and cell.wear_per_kwh and worn:
        model.earn(wear_cost(flows[DOWN], flows[UP], cell) * -worn)
    if any(sold) and carbon:
        model.earn(carbon_kg(net, unit.carbon) * -carbon)
    return energy


def _lowest(unit: FleetUnit, figures: FleetFigures, start: float) -> Floats:
    """Return the least energy that can be stored at each step's end [kWh]."""
    return np.asarray(lowest_energy(figures.cell, start, len(unit)))


def _state_calls(model: Model, unit: FleetUnit, asset: int, row: list[Any], kept: Any, goal: Goal) -> list[Any]:
    """State what is called, delivered and paid; return the energies discharged and charged at the terminals."""
    figures = unit.assets[asset]
    cell, money = figures.cell, goal.weights.money
    flows: list[Any] = [np.zeros(len(unit)), np.zeros(len(unit))]
    rooms = {
        UP: lambda given: (kept - cell.energy_min) * cell.efficiency_discharge - given,
        DOWN: lambda given: (cell.energy_max - kept) / cell.efficiency_charge - given,
    }
    spans = (cell.energy_max - cell.energy_min) * cell.efficiency_discharge, (cell.energy_max / cell.efficiency_charge)
    able = most_kw(unit, figures)
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
            most = min(product.prequalified_kw[asset], able[place])
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
    model: Model, given: Any, asked: Any, left: Any, most_kw: float, span: float, unit: FleetUnit, place: int
) -> None:
    """One binary a step (1 where energy runs out): a call is met in full, or as far as the energy left lasts."""
    most = most_kw * unit.shares[place] * unit.hours

    def rows(out: Any, at: Any) -> list[tuple[Any, Any]]:
        return [(asked[at] - given[at], most[at] * out), (left[at], span * (1.0 - out))]

    def broken(value: Any) -> Any:
        return (value(asked) - value(given) > TOLERANCE) & (value(left) > TOLERANCE)

    model.choose(rows, broken, seldom=True)


def _sizes(model: Model, unit: FleetUnit, held: list[list[Any]]) -> None:
    """State what a market takes of all assets together: nothing below its smallest bid, and whole ticks."""
    for place, leg in enumerate(unit.legs):
        product, parts = leg.product, [row[place] for row in held if row[place] is not None]
        if not parts or not (product.minimum_kw or product.tick_kw):
            continue
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        if product.tick_kw:
            most = np.floor(product.maximum_kw / product.tick_kw + TICK_SHARE)
            model.equal(total, product.tick_kw * model.variable(0.0, most, whole=True))
        if product.minimum_kw > product.tick_kw:
            _all_or_nothing(model, total, product.minimum_kw, product.maximum_kw)


def _all_or_nothing(model: Model, total: Any, least: float, most: float) -> None:
    """One binary a step (1 while it is sold)."""

    def rows(sold: Any, at: Any) -> list[tuple[Any, Any]]:
        return [(total[at], most * sold), (least * sold, total[at])]

    def broken(value: Any) -> Any:
        sizes = value(total)
        return (sizes > TOLERANCE) & (sizes < least - TOLERANCE)

    model.choose(rows, broken)
