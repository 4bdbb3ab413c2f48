"""The exact optimum of an asset whose bids are delivered in full: dynamic programming over the value of its energy.

Where every kW held is called for just as long as it must last, a step is one choice: how much to give, or how much to
take. The best markets for it are the dearest first, so that a step back is a few moves in one direction, each up to the
power of one market; the value of energy is the higher of giving and taking.

One rule: no approximation; where an asset does not fit, it is left to the mixed-integer model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.contracts.reserve import availability_income
from energy_gym.contracts.spot import carbon_kg, energy_cost
from energy_gym.entities.battery import wear_cost
from energy_gym.oracle.statement import Goal
from energy_gym.oracle.value_function import MAX_KNOTS, Curve, StepTerms, higher, step_back, value_at
from energy_gym.reserve.laws import DOWN, UP

if TYPE_CHECKING:
    from energy_gym.reserve.unit import FleetUnit


class Block(NamedTuple):
    """A market's part in a step: its leg, the most energy it moves in store [kWh], and its worth per kWh of that."""

    leg: int
    most_kwh: float
    worth: float


def best_delivered(unit: FleetUnit, asset: int, start: float, goal: Goal) -> tuple[Floats, float] | None:
    """Return the power an asset holds, shape (legs, T) [kW], and what that earns; None where it is not of this kind.

    Args:
        unit: The fleet over a window.
        asset: Place of the asset.
        start: Energy stored now [kWh].
        goal: What is maximised; energy missing and left at the end have one price.
    """
    cell = unit.assets[asset].cell
    if not _fits(unit, asset) or start < cell.energy_min:
        return None
    steps = [_blocks(unit, asset, goal, step) for step in range(len(unit))]
    end = goal.weights.money * energy_cost(1.0, goal.closing.left)
    end = float(end + goal.weights.carbon * carbon_kg(1.0, goal.closing.left_carbon))
    curves = _curves(unit, asset, steps, end)
    if curves is None:
        return None
    value = value_at(curves[0], start) - end * float(unit.flexibles[asset].initial)
    return _power(unit, asset, steps, curves, start), value


def _fits(unit: FleetUnit, asset: int) -> bool:
    """Return whether all that an asset sells is called in full, for as long as it must last; and nothing leaks."""
    figures = unit.assets[asset]
    own = [place for place, limit in enumerate(figures.limits_kw) if limit]
    lasting = all(unit.legs[place].product.duration_hours == unit.hours for place in own)
    alone = unit.emptied is None and not any(unit.legs[place].beside for place in own)
    return figures.cell.keep == 1.0 and alone and lasting and bool((unit.shares[own] == 1.0).all())


def _blocks(unit: FleetUnit, asset: int, goal: Goal, step: int) -> tuple[list[Block], list[Block]]:
    """Return what can be given and taken in a step, the dearest market first, cut to the rated power."""
    figures = unit.assets[asset]
    found: tuple[list[Block], list[Block]] = ([], [])
    for place, way in enumerate(unit.ways):
        if figures.limits_kw[place]:
            per_kw = figures.needs_kwh[place]
            worth = _worth(unit, asset, place, goal, step)
            found[way].append(Block(place, figures.limits_kw[place] * per_kw, worth / per_kw))
    both: list[list[Block]] = []
    for way in (UP, DOWN):
        ordered, left = [], float(figures.rated_kw[way])
        for block in sorted(found[way], key=lambda block: -block.worth):
            per_kw = figures.needs_kwh[block.leg]
            power = min(block.most_kwh / per_kw, left)
            left -= power
            ordered += [block._replace(most_kwh=power * per_kw)] if power > 0.0 else []
        both.append(ordered)
    return both[UP], both[DOWN]


def _worth(unit: FleetUnit, asset: int, place: int, goal: Goal, step: int) -> float:
    """Return what a kW sold on a leg earns in a step [reward units]."""
    leg, hours = unit.legs[place], unit.hours
    product, (money, carbon, worn) = leg.product, goal.weights
    paid = 0.0 if leg.free else availability_income(1.0, float(unit.held_prices[place, step]), hours)
    drawn = product.sign * hours
    spent = 0.0 if product.energy_price is None else energy_cost(drawn, float(unit.energy_prices[place, step]))
    wear = wear_cost(max(drawn, 0.0), max(-drawn, 0.0), unit.assets[asset].cell)
    return float(money * (paid - spent) - worn * wear - carbon * carbon_kg(drawn, float(unit.carbon[step])))


def _curves(
    unit: FleetUnit, asset: int, steps: Sequence[tuple[list[Block], list[Block]]], end: float
) -> list[Curve] | None:
    """Return the value of stored energy at each step and at the end; None where it is too intricate."""
    cell = unit.assets[asset].cell
    knots = [0.0, cell.energy_min, cell.energy_max] if cell.energy_min > 0.0 else [0.0, cell.energy_max]
    curves = [Curve(knots, [end * knot for knot in knots], [end] * (len(knots) - 1))]
    for giving, taking in reversed(steps):
        given = taken = curves[-1]
        for block in giving:
            given = step_back(given, StepTerms(np.inf, 0.0, block.worth, block.most_kwh), cell)
        for block in taking:
            taken = step_back(taken, StepTerms(-block.worth, block.most_kwh, -np.inf, 0.0), cell)
        curve = higher(given, taken, cell)
        if len(curve.knots) > MAX_KNOTS:
            return None
        curves.append(curve)
    curves.reverse()
    return curves


def _power(
    unit: FleetUnit, asset: int, steps: Sequence[tuple[list[Block], list[Block]]], curves: list[Curve], start: float
) -> Floats:
    """Play the best ends of all steps; return the power held, shape (legs, T)."""
    figures, energy = unit.assets[asset], start
    power = np.zeros((len(unit.legs), len(unit)))
    for step, ways in enumerate(steps):
        after = _best_end(curves[step + 1], ways, energy, figures.cell.energy_min, figures.cell.energy_max)
        left = abs(after - energy)
        for block in ways[UP] if after < energy else ways[DOWN]:
            size = min(block.most_kwh, left)
            power[block.leg, step] = size / figures.needs_kwh[block.leg]
            left -= size
        energy = after
    return power


def _best_end(curve: Curve, ways: tuple[list[Block], list[Block]], energy: float, low: float, top: float) -> float:
    """Return the best energy at the end of a step [kWh]: at a knot of the value, or where a market is used up."""
    best, found = value_at(curve, energy), energy
    for blocks, sign in zip(ways, (-1.0, 1.0), strict=True):
        reach = energy + sign * float(sum(block.most_kwh for block in blocks))
        corners = energy + sign * np.cumsum([block.most_kwh for block in blocks])
        ends = [*corners.tolist(), *curve.knots, low, top]
        for end in ends:
            inside = low <= end <= top and min(energy, reach) <= end <= max(energy, reach)
            if inside and (earned := _earned(blocks, abs(end - energy)) + value_at(curve, end)) > best:
                best, found = earned, end
    return found


def _earned(blocks: Sequence[Block], moved: float) -> float:
    total = 0.0
    for block in blocks:
        size = min(block.most_kwh, moved)
        total, moved = total + size * block.worth, moved - size
    return total
