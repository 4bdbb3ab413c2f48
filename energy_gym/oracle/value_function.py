"""The exact optimum of one storage with continuous power: dynamic programming over piecewise linear value functions.

The value of stored energy is a concave function of it as long as charging costs more, per kWh stored, than
discharging earns. A step then adds two segments to the function (what can be bought, what can be sold) and the limits
of the state of charge cut its two ends. In hours where burning energy would pay (negative prices with losses) the
storage must choose one direction; the function becomes the maximum of concave pieces, of which the dominated ones are
dropped. This is the fastest method where such hours are few and nothing is lost by standing; `value_curve` is exact
for all other storages.

One rule: no approximation; every piece is exact and only pieces that are nowhere best are dropped.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.oracle.problem import Problem

TINY_KWH = 1e-12
SLACK = 1e-13
MAX_PIECES = 16
Floats = npt.NDArray[np.float64]


class Piece(NamedTuple):
    """A concave function on [energy_min, energy_max]: the value at its left end, falling slopes over lengths [kWh].

    Slopes are kept negated, so that they rise and can be searched.
    """

    left: float
    slopes: list[float]
    lengths: list[float]


Values = list[Piece]


def value_functions(problem: Problem, max_pieces: int = MAX_PIECES) -> list[Values] | None:
    """Return, for each step and the end, the value of stored energy from there on: T + 1 lists of pieces.

    Returns None if a step needs more than ``max_pieces`` pieces. Requires a storage without self-discharge
    (``cell.keep == 1``) that starts at or above its lower limit.
    """
    cell = problem.cell
    span = cell.energy_max - cell.energy_min
    values: Values = [Piece(problem.end_value * cell.energy_min, [-problem.end_value], [span])]
    up, down = cell.charge_kwh * cell.efficiency_charge, cell.discharge_kwh / cell.efficiency_discharge
    result = [values]
    steps = zip(
        problem.charge_value[::-1].tolist(),
        problem.discharge_value[::-1].tolist(),
        problem.burning[::-1].tolist(),
        strict=True,
    )
    for cost, gain, burning in steps:
        if burning:
            charging = [_step(piece, cost, up, 0.0, 0.0) for piece in values]
            values = _best(charging + [_step(piece, 0.0, 0.0, gain, down) for piece in values])
        else:
            values = [_step(piece, cost, up, gain, down) for piece in values]
            values = values if len(values) == 1 else _best(values)
        if len(values) > max_pieces:
            return None
        result.append(values)
    result.reverse()
    return result


def value_at(values: Values, problem: Problem, energy: float) -> float:
    """Return the value of stored energy [reward units] at one level [kWh]."""
    return max(_evaluate(piece, energy - problem.cell.energy_min) for piece in values)


def best_flows(problem: Problem, values: list[Values]) -> Floats:
    """Return the energy to charge (+) or discharge (-) at the terminals in each step [kWh], shape (T,).

    Args:
        problem: The problem.
        values: What `value_functions` returned for it.
    """
    cell = problem.cell
    span, at = cell.energy_max - cell.energy_min, problem.energy - cell.energy_min
    costs, gains = problem.charge_value.tolist(), problem.discharge_value.tolist()
    flows = np.empty(len(problem))
    for step, (cost, gain) in enumerate(zip(costs, gains, strict=True)):
        stored = best_change(values[step + 1], problem, at, cost, gain)
        flows[step] = stored / cell.efficiency_charge if stored > 0.0 else stored * cell.efficiency_discharge
        at = min(max(at + stored, 0.0), span)
    return flows


def best_change(values: Values, problem: Problem, at: float, cost: float, gain: float) -> float:
    """Return the best change of stored energy in a step [kWh].

    Args:
        values: Pieces at the end of the step.
        problem: The problem, for the battery's limits.
        at: Energy above the lower limit at the start of the step [kWh].
        cost: What a kWh stored costs.
        gain: What a kWh taken from the store earns.
    """
    cell = problem.cell
    up, down = cell.charge_kwh * cell.efficiency_charge, cell.discharge_kwh / cell.efficiency_discharge
    if len(values) == 1 and cost >= gain:
        return _climb(values[0], at, cost, up) or -_descend(values[0], at, gain, down)
    moves = [(_climb(piece, at, cost, up), cost, piece) for piece in values]
    moves += [(-_descend(piece, at, gain, down), gain, piece) for piece in values]
    return max(moves, key=lambda move: _evaluate(move[2], at + move[0]) - move[1] * move[0])[0]


def _step(piece: Piece, cost: float, up: float, gain: float, down: float) -> Piece:
    """Return the function one step earlier: ``up`` kWh can be stored at ``cost``, ``down`` kWh taken for ``gain``."""
    slopes, lengths = piece.slopes.copy(), piece.lengths.copy()
    left = piece.left
    if up > 0.0:
        place = bisect_left(slopes, -cost)
        slopes.insert(place, -cost)
        lengths.insert(place, up)
        left = _cut_left(slopes, lengths, left - cost * up, up)
    if down > 0.0:
        place = bisect_left(slopes, -gain)
        slopes.insert(place, -gain)
        lengths.insert(place, down)
        _cut_right(slopes, lengths, down)
    return Piece(left, slopes, lengths)


def _cut_left(slopes: list[float], lengths: list[float], left: float, amount: float) -> float:
    """Cut an amount of energy off the left end, in place, and return the value at the new left end."""
    drop = 0
    while lengths[drop] <= amount + TINY_KWH and drop < len(lengths) - 1:
        left -= slopes[drop] * lengths[drop]
        amount -= lengths[drop]
        drop += 1
    left -= slopes[drop] * amount
    del slopes[:drop], lengths[:drop]
    lengths[0] -= amount
    return left


def _cut_right(slopes: list[float], lengths: list[float], amount: float) -> None:
    """Cut an amount of energy off the right end, in place."""
    while lengths[-1] <= amount + TINY_KWH and len(lengths) > 1:
        amount -= lengths.pop()
        slopes.pop()
    lengths[-1] -= amount


def _evaluate(piece: Piece, at: float) -> float:
    value = piece.left
    for slope, length in zip(piece.slopes, piece.lengths, strict=True):
        if at <= length:
            return value - slope * at
        value -= slope * length
        at -= length
    return value - piece.slopes[-1] * at


def _climb(piece: Piece, at: float, cost: float, up: float) -> float:
    """Return how far to charge from ``at``: while a further kWh is worth more than it costs."""
    end, moved = 0.0, 0.0
    for slope, length in zip(piece.slopes, piece.lengths, strict=True):
        if -slope <= cost:
            break
        end += length
        moved = min(end - at, up)
        if end - at >= up:
            break
    return max(moved, 0.0)


def _descend(piece: Piece, at: float, gain: float, down: float) -> float:
    """Return how far to discharge from ``at``: while the last kWh is worth less than it earns."""
    start = 0.0
    for slope, length in zip(piece.slopes, piece.lengths, strict=True):
        if -slope < gain:
            break
        start += length
        if start >= at:
            break
    return max(min(at - start, down), 0.0)


def _best(values: Values) -> Values:
    """Drop the pieces that another piece dominates everywhere (of two equal ones, keep the first)."""
    heights = _heights(values)
    tolerance = SLACK * (1.0 + float(np.abs(heights).max()))
    below = (heights[:, None, :] <= heights[None, :, :] + tolerance).all(axis=2)
    order = np.arange(len(values))
    loses = below & (~below.T | (order[:, None] > order[None, :]))
    return [piece for piece, drop in zip(values, loses.any(axis=1).tolist(), strict=True) if not drop]


def _heights(values: Values) -> Floats:
    """Return every piece at the breakpoints of all, shape (pieces, points); between points all are linear."""
    knots = [np.cumsum([0.0, *piece.lengths]) for piece in values]
    grid = np.unique(np.concatenate(knots))
    rises = [np.cumsum([piece.left, *np.multiply(piece.slopes, piece.lengths) * -1.0]) for piece in values]
    return np.stack([np.interp(grid, knot, rise) for knot, rise in zip(knots, rises, strict=True)])
