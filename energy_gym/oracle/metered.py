"""The exact optimum of one battery behind a meter: dynamic programming over a piecewise linear function.

What a step earns is a piecewise linear function of the change of what is stored: energy costs the import price while
the meter imports and the export price while it exports, and nothing while it only takes the place of generation that
is cut; losses and wear make charging and discharging differ. `value_function` has one price a step; here a step has a
few pieces, in any order of their slopes, so that exports may be worth more than imports.

With r for what a change d earns, and V for the value of energy at the end of a step, the value before is the maximum of
V(y + d) + r(d). It lies where both stop rising together:

    at a kink of r      where V rises no faster than the piece above it costs, nor slower than the one below: V, moved
    within a piece      at a peak of V less the cost of that piece: a segment with the slope of that cost

One rule: no approximation; what is left out is nowhere the best, beyond rounding.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.contracts.spot import carbon_kg, energy_cost
from energy_gym.entities.battery import Cell
from energy_gym.entities.held import Held
from energy_gym.oracle.peaks import charges_demand
from energy_gym.oracle.problem import is_battery
from energy_gym.oracle.statement import Goal
from energy_gym.oracle.value_function import Curve, Line, joined, value_at, within
from energy_gym.units import Unit

MAX_KNOTS = 1000
STEEP = 10.0
TINY_KWH = 1e-12


class Trade(NamedTuple):
    """What a step earns by the change of what is stored.

    Args:
        changes: n + 1 changes [kWh], rising, from full discharge to full charge; one of them is 0.
        earned: What each earns against no change [reward units].
        costs: The n slopes between them: what a kWh more costs [reward units/kWh].
    """

    changes: tuple[float, ...]
    earned: tuple[float, ...]
    costs: tuple[float, ...]


class Metered(NamedTuple):
    """One battery behind a meter over T steps.

    Args:
        cell: The battery's figures.
        energy: What is stored at the start [kWh].
        trades: What each step earns.
        end: Value of what is stored at the end.
        constant: What is earned if nothing is ever stored or taken.
        band: Least and most that may be stored at the end of each step, each of shape (T,); None for the battery's own.
        fines: What a kWh below a level at the end of a step costs: levels by step, shape (T,), and that cost.
    """

    cell: Cell
    energy: float
    trades: list[Trade]
    end: Curve
    constant: float
    band: tuple[Floats, Floats] | None = None
    fines: tuple[tuple[Floats, float], ...] = ()


def metered_of(unit: Unit, states: Sequence[float], goal: Goal) -> Metered | None:
    """Return a unit as one battery behind a meter, or None where it is more than that.

    Args:
        unit: The unit over the window.
        states: States now.
        goal: Weights and closing prices.
    """
    money = goal.weights.money
    # What a kWh costs depends on the steps before where a maximum or a ledger is charged.
    charged = charges_demand(unit, money) or (money != 0.0 and bool(unit.accounts))
    if len(unit.flexibles) != 1 or charged or unit.backup is not None or not is_battery(unit.flexibles[0]):
        return None
    flexible = unit.flexibles[0]
    cell, band = flexible.bare.cell, None
    fines: tuple[tuple[Floats, float], ...] = ()
    if flexible.own is not None:
        band = flexible.cell.bounds(unit.nested(states)[0], flexible.signal, len(unit))
        if band is None:
            return None
        band = band[0], np.minimum(band[1], cell.energy_max)
    if isinstance(flexible.cell, Held):
        fines = tuple((due, money * rate) for due, rate in flexible.cell.soft(flexible.signal) if rate * money > 0.0)
    trades, constant = _trades(unit, goal)
    return Metered(cell, states[0], trades, _end(cell, flexible.initial, goal), constant, band, fines)


def _end(cell: Cell, initial: float, goal: Goal) -> Curve:
    """Return what energy left at the end is worth: one price for what is missing, another for what is left."""
    (money, carbon, _), closing = goal.weights, goal.closing
    missing = money * energy_cost(1.0, closing.missing) + carbon * carbon_kg(1.0, closing.missing_carbon)
    left = money * energy_cost(1.0, closing.left) + carbon * carbon_kg(1.0, closing.left_carbon)
    knots = sorted(
        {0.0, cell.energy_min, initial, cell.energy_max} if missing != left else {0.0, cell.energy_min, cell.energy_max}
    )
    values = [(missing if knot < initial else left) * (knot - initial) for knot in knots]
    slopes = [missing if knot < initial else left for knot in knots[:-1]]
    return Curve(knots, values, slopes)


def _trades(unit: Unit, goal: Goal) -> tuple[list[Trade], float]:
    """Return what each step earns by its change, and what no change earns in all."""
    (money, carbon, worn), cell = goal.weights, unit.flexibles[0].bare.cell
    kg = carbon * carbon_kg(1.0, unit.carbon)
    bought = money * energy_cost(1.0, unit.buy) + kg
    lost = bought if unit.lost_load_per_mwh is None else money * energy_cost(1.0, unit.lost_load_per_mwh)
    prices = np.stack(
        [
            np.zeros(len(unit)),
            money * energy_cost(1.0, unit.sell) + kg,
            bought,
            np.broadcast_to(lost, bought.shape),
        ]
    )
    spare = np.zeros(len(unit)) if unit.curtailable_kwh is None else unit.curtailable_kwh
    fixed, least, most = unit.fixed_kwh, -unit.export_kwh, unit.import_kwh
    most_in = np.clip(most - fixed, 0.0, cell.charge_kwh)
    most_out = np.clip(fixed + spare - least, 0.0, cell.discharge_kwh)
    limits = (np.full(len(unit), limit) for limit in (least, 0.0, most))
    edges = np.stack([fixed - most_out, *limits, fixed, fixed + most_in])
    edges = np.sort(np.clip(edges, edges[0], edges[-1]), axis=0)
    middles = (edges[1:] + edges[:-1]) / 2.0
    kind = np.where(middles < least, 0, np.where(middles < 0.0, 1, np.where(middles < most, 2, 3)))
    price = np.take_along_axis(prices, kind, axis=0)
    charging = middles > fixed
    factor = np.where(charging, cell.efficiency_charge, 1.0 / cell.efficiency_discharge)
    costs = np.where(charging, price, price - worn * cell.wear_per_kwh) / factor
    flows = edges - fixed
    changes = np.where(flows > 0.0, flows * cell.efficiency_charge, flows / cell.efficiency_discharge)
    idle = np.clip(fixed, least, most)
    unserved = np.maximum(fixed - most, 0.0)
    constant = -float((idle * np.where(idle > 0.0, prices[2], prices[1]) + unserved * prices[3]).sum())
    return [_trade(*rows) for rows in zip(changes.T.tolist(), costs.T.tolist(), strict=True)], constant


def _trade(changes: list[float], costs: list[float]) -> Trade:
    """Return the pieces that have a width; those of one slope on the same side of 0 are one."""
    kept: list[float] = [changes[0]]
    slopes: list[float] = []
    for (begin, end), cost in zip(pairwise(changes), costs, strict=True):
        if end - begin > TINY_KWH:
            if slopes and slopes[-1] == cost and begin != 0.0:
                kept[-1] = end
            else:
                kept.append(end)
                slopes.append(cost)
    zero = min(range(len(kept)), key=lambda place: abs(kept[place]))
    kept[zero] = 0.0
    earned = [0.0] * len(kept)
    for place in range(zero, len(slopes)):
        earned[place + 1] = earned[place] - slopes[place] * (kept[place + 1] - kept[place])
    for place in range(zero, 0, -1):
        earned[place - 1] = earned[place] + slopes[place - 1] * (kept[place] - kept[place - 1])
    return Trade(tuple(kept), tuple(earned), tuple(slopes))


def curves_of(problem: Metered, max_knots: int = MAX_KNOTS, time_limit: float | None = None) -> list[Curve] | None:
    """Return the value of what is stored from each step on, and at the end: T + 1 curves on [0, energy_max].

    Returns None if one of them needs more than ``max_knots`` knots, or if it takes longer than ``time_limit`` seconds.
    """
    cell, steep, last = problem.cell, _steep(problem), len(problem.trades) - 1
    curves = [_held(problem, _fined(problem, problem.end, last), last, steep)]
    end = np.inf if time_limit is None else time.perf_counter() + time_limit
    for step, trade in zip(range(last, -1, -1), reversed(problem.trades), strict=True):
        lines = within(_lines(curves[-1], trade, cell.energy_min), cell.keep * cell.energy_max)
        curve = _held(problem, _fined(problem, joined(lines, cell), step - 1), step - 1, steep)
        if len(curve.knots) > max_knots or time.perf_counter() > end:
            return None
        curves.append(curve)
    curves.reverse()
    return curves


def _steep(problem: Metered) -> float:
    """Return a slope that no way back into the band is worth less than [reward units/kWh]."""
    costs = [abs(cost) for trade in problem.trades for cost in trade.costs]
    fined = sum(cost * np.count_nonzero(due) for due, cost in problem.fines)
    return STEEP * (1.0 + fined + max([*costs, *(abs(slope) for slope in problem.end.slopes)]))


def _fined(problem: Metered, curve: Curve, step: int) -> Curve:
    """Return the value of what is stored at the end of a step, less what missing a level then costs."""
    for due, cost in problem.fines:
        level = float(due[step]) if step >= 0 else 0.0
        if level > 0.0:
            curve = _less_below(curve, level, cost)
    return curve


def _less_below(curve: Curve, level: float, cost: float) -> Curve:
    """Return a curve less a cost for each kWh below a level."""
    knots, values, slopes = list(curve.knots), list(curve.values), list(curve.slopes)
    place = bisect_left(knots, level - TINY_KWH)
    if place < len(knots) and knots[place] > level + TINY_KWH:
        values.insert(place, value_at(curve, level))
        knots.insert(place, level)
        slopes.insert(place, slopes[place - 1])
    values = [value - cost * max(level - knot, 0.0) for knot, value in zip(knots, values, strict=True)]
    return Curve(knots, values, [slope + cost * (number < place) for number, slope in enumerate(slopes)])


def _held(problem: Metered, curve: Curve, step: int, steep: float) -> Curve:
    """Return the value of what is stored at the end of a step, falling steeply outside the band.

    From within the band it can always be kept to, so that what lies outside is never chosen, and a value there changes
    no other.
    """
    if problem.band is None or step < 0:
        return curve
    low, high = (float(side[step]) for side in problem.band)
    first, last = value_at(curve, low), value_at(curve, high)
    begin, end = bisect_right(curve.knots, low), bisect_left(curve.knots, high)
    under = sorted({knot for knot in (0.0, problem.cell.energy_min) if knot < low})
    inside = [low, *curve.knots[begin:end]] if high > low else []
    over = [high, problem.cell.energy_max] if problem.cell.energy_max > high else [high]
    values = [
        *(first - steep * (low - knot) for knot in under),
        *([first, *curve.values[begin:end]] if inside else []),
        *(last - steep * (knot - high) for knot in over),
    ]
    slopes = [*[steep] * len(under), *(curve.slopes[begin - 1 : end] if inside else []), *[-steep] * (len(over) - 1)]
    return Curve([*under, *inside, *over], values, slopes)


def _lines(curve: Curve, trade: Trade, low: float) -> list[Line]:
    """Return all segments (begin, end, value at the begin, slope) that may be the best way through the step."""
    changes, earned, costs = trade
    last, lines = len(costs), []
    before = -np.inf
    for begin, end, value, slope in zip(curve.knots, curve.knots[1:], curve.values, curve.slopes, strict=False):
        above = begin >= low
        for place, change in enumerate(changes):
            if change < 0.0 and not above:
                continue
            free = place == 0 or (change == 0.0 and not above) or slope >= costs[place - 1]
            if free and (place == last or slope <= costs[place]):
                lines.append((begin - change, end - change, value + earned[place], slope))
        for place, cost in enumerate(costs):
            down = changes[place] < 0.0
            if (before > cost or (down and begin == low)) and slope <= cost and (above or not down):
                lines.append((begin - changes[place + 1], begin - changes[place], value + earned[place + 1], cost))
        before = slope
    for place, cost in enumerate(costs):
        if changes[place] >= 0.0 and before > cost:
            top = curve.knots[-1]
            lines.append((top - changes[place + 1], top - changes[place], curve.values[-1] + earned[place + 1], cost))
    return lines


def best_shares(problem: Metered, curves: list[Curve]) -> Floats:
    """Return the share of rated power of each step, shape (T,), of the best plan."""
    cell, energy = problem.cell, problem.energy
    found = np.empty(len(problem.trades))
    for step, trade in enumerate(problem.trades):
        kept = energy * cell.keep
        energy = _best_end(curves[step + 1], trade, kept, cell)
        stored = energy - kept
        flow = stored / cell.efficiency_charge if stored > 0.0 else stored * cell.efficiency_discharge
        found[step] = flow / (cell.charge_kwh if stored > 0.0 else cell.discharge_kwh)
    return np.clip(found, -1.0, 1.0)


def _best_end(curve: Curve, trade: Trade, kept: float, cell: Cell) -> float:
    """Return the best energy at the end of a step of which ``kept`` is left after leakage; of equals, doing nothing."""
    changes, earned, costs = trade
    least = kept if kept < cell.energy_min else max(cell.energy_min, kept + changes[0])
    most = min(cell.energy_max, kept + changes[-1])
    between = curve.knots[bisect_right(curve.knots, least) : bisect_left(curve.knots, most)]
    kinks = [kept + change for change in changes if least < kept + change < most]

    def gain(end: float) -> float:
        change = end - kept
        place = min(max(bisect_right(changes, change) - 1, 0), len(costs) - 1)
        return value_at(curve, end) + earned[place] - costs[place] * (change - changes[place])

    return max([kept, least, most, *kinks, *between], key=gain) if costs else kept
