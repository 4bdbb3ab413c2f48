"""The exact optimum of one storage with continuous power: dynamic programming over a piecewise linear function.

The value of stored energy is not concave in general. In hours where burning energy pays, the storage must choose
one direction; and leakage goes on below the lower limit, where nothing can be discharged, so that a kWh just above the
limit can be sold and one just below cannot. The value V of stored energy therefore is any continuous piecewise linear
function on [0, energy_max], and a step back is worked out segment by segment.

With y for the energy after leakage and e for the energy at the end of the step, the storage earns

    W(y) = max( max { V(e) - cost (e - y) : y <= e <= min(energy_max, y + up) },
                max { V(e) + gain (y - e) : max(energy_min, y - down) <= e <= y } if y >= energy_min )

and then V(y / keep) = W(y) one step earlier. Each maximum lies at an end of its range or at a local maximum within it:

    charged to the limit     where V rises faster than ``cost``: the segment moved left by ``up``
    charged to a peak        where V stops rising so fast: a segment of slope ``cost`` that ends there
    left alone               where neither pays: the segment itself
    discharged to a trough   where V starts to rise slower than ``gain``: a segment of slope ``gain`` that begins there
    discharged to the limit  where V rises slower than ``gain``: the segment moved right by ``down``

W is the upper envelope of these few segments. For a concave V they follow one another without overlap and nothing has
to be compared; elsewhere a sweep keeps the highest. Segments of one slope are joined, so that V has no idle knots.

One rule: no approximation; what is left out is nowhere the best, beyond rounding.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.entities.battery import Cell
from energy_gym.oracle.problem import Problem

TINY_KWH = 1e-12
SLACK = 1e-14
MAX_KNOTS = 1000
Line = tuple[float, float, float, float]


class Curve(NamedTuple):
    """A continuous piecewise linear function: n + 1 knots [kWh], the values there, and the n slopes between them."""

    knots: list[float]
    values: list[float]
    slopes: list[float]


class StepTerms(NamedTuple):
    """What a step allows: up to ``up`` kWh stored at ``cost`` each, up to ``down`` kWh taken for ``gain`` each."""

    cost: float
    up: float
    gain: float
    down: float


def value_functions(problem: Problem, max_knots: int = MAX_KNOTS) -> list[Curve] | None:
    """Return, for each step and the end, the value of stored energy from there on: T + 1 curves on [0, energy_max].

    Returns None if one of them needs more than ``max_knots`` knots.

    Example:
        >>> import numpy as np
        >>> from energy_gym import Battery
        >>> cell = Battery(charge_kw=1.0, efficiency_charge=1.0, soc_min=0.0, self_discharge_per_day=0.24).cell(1.0)
        >>> curves = value_functions(Problem(cell, np.array([1.0]), np.array([0.0]), energy=2.0, end_value=5.0))
        >>> curves[0].knots, round(value_at(curves[0], 2.0), 6)
        ([0.0, 8.092003972729886, 9.0], 13.886303)
    """
    cell = problem.cell
    ends = [0.0, cell.energy_min, cell.energy_max] if cell.energy_min > 0.0 else [0.0, cell.energy_max]
    value = problem.end_value
    curves = [Curve(ends, [value * end for end in ends], [value] * (len(ends) - 1))]
    for move in reversed(_moves(problem)):
        curve = step_back(curves[-1], move, cell)
        if len(curve.knots) > max_knots:
            return None
        curves.append(curve)
    curves.reverse()
    return curves


def value_at(curve: Curve, energy: float) -> float:
    """Return the value of stored energy [reward units] at one level [kWh].

    Example:
        >>> value_at(Curve([0.0, 1.0, 3.0], [0.0, 2.0, 3.0], [2.0, 0.5]), 2.0)
        2.5
    """
    segment = max(bisect_right(curve.knots, energy, hi=len(curve.slopes)) - 1, 0)
    return curve.values[segment] + curve.slopes[segment] * (energy - curve.knots[segment])


def best_flows(problem: Problem, curves: list[Curve]) -> Floats:
    """Return the energy to charge (+) or discharge (-) at the terminals in each step [kWh], shape (T,).

    Args:
        problem: The problem.
        curves: What `value_functions` returned for it.
    """
    cell, energy = problem.cell, problem.energy
    flows = np.empty(len(problem))
    for step, move in enumerate(_moves(problem)):
        kept = energy * cell.keep
        energy = _best_end(curves[step + 1], move, kept, cell.energy_min, cell.energy_max)
        stored = energy - kept
        flows[step] = stored / cell.efficiency_charge if stored > 0.0 else stored * cell.efficiency_discharge
    return flows


def _moves(problem: Problem) -> list[StepTerms]:
    cell = problem.cell
    up, down = cell.charge_kwh * cell.efficiency_charge, cell.discharge_kwh / cell.efficiency_discharge
    prices = zip(problem.charge_value.tolist(), problem.discharge_value.tolist(), strict=True)
    return [StepTerms(cost, up, gain, down) for cost, gain in prices]


def _best_end(curve: Curve, move: StepTerms, kept: float, low: float, top: float) -> float:
    """Return the best energy at the end of a step of which ``kept`` is left after leakage; of equals, doing nothing."""
    least = kept if kept < low else max(low, kept - move.down)
    most = min(top, kept + move.up)
    between = curve.knots[bisect_right(curve.knots, least) : bisect_left(curve.knots, most)]

    def earned(end: float) -> float:
        return value_at(curve, end) - (move.cost if end > kept else move.gain) * (end - kept)

    return max([kept, least, most, *between], key=earned)


def step_back(curve: Curve, move: StepTerms, cell: Cell) -> Curve:
    """Return the value of stored energy one step earlier."""
    lines = within(_lines(curve, move, cell.energy_min), cell.keep * cell.energy_max)
    return joined(lines, cell)


def higher(one: Curve, other: Curve, cell: Cell) -> Curve:
    """Return the higher of two values of stored energy, level by level; nothing leaks."""
    lines = [
        (begin, end, value, slope)
        for curve in (one, other)
        for (begin, end), value, slope in zip(pairwise(curve.knots), curve.values, curve.slopes, strict=False)
    ]
    return joined(lines, cell)


def joined(lines: list[Line], cell: Cell) -> Curve:
    """Return the upper envelope of segments that lie within the limits, before leakage."""
    lines.sort()
    if any(later[0] < earlier[1] - TINY_KWH for earlier, later in pairwise(lines)):
        lines = _envelope(lines)
    return _with_knot(_leaked(lines, cell.keep, cell.energy_max), cell.energy_min)


def _lines(curve: Curve, move: StepTerms, low: float) -> list[Line]:
    """Return all segments (begin, end, value at the begin, slope) that may be the best way through the step."""
    cost, up, gain, down = move
    lines: list[Line] = []
    before = -np.inf
    for (begin, end), value, slope in zip(pairwise(curve.knots), curve.values, curve.slopes, strict=False):
        if slope > cost:
            lines.append((begin - up, end - up, value - cost * up, slope))
        elif before > cost:
            lines.append((begin - up, begin, value - cost * up, cost))
        if slope < gain and begin >= low:
            if before >= gain or begin == low:
                lines.append((begin, begin + down, value, gain))
            lines.append((begin + down, end + down, value + gain * down, slope))
        elif slope <= cost:
            lines.append((begin, end, value, slope))
        before = slope
    if before > cost:
        lines.append((curve.knots[-1] - up, curve.knots[-1], curve.values[-1] - cost * up, cost))
    return lines


def within(lines: list[Line], high: float) -> list[Line]:
    """Return the segments cut to [0, high]."""
    inside: list[Line] = []
    for begin, end, value, slope in lines:
        if end > 0.0 and begin < high:
            start = max(begin, 0.0)
            inside.append((start, min(end, high), value + slope * (start - begin), slope))
    return inside


def _envelope(lines: list[Line]) -> list[Line]:
    """Return the highest of overlapping segments, sorted by their begin, as segments that follow one another."""
    highest: list[Line] = []
    active: list[Line] = []
    coming = 0
    cuts = sorted({cut for line in lines for cut in line[:2]})
    for begin, end in pairwise(cuts):
        active = [line for line in active if line[1] > begin]
        while coming < len(lines) and lines[coming][0] <= begin:
            active.append(lines[coming])
            coming += 1
        highest += _highest(active, begin, end)
    return highest


def _highest(lines: list[Line], begin: float, end: float) -> list[Line]:
    """Return the upper envelope of lines over [begin, end], which all of them span."""
    heights = [(value + slope * (begin - start), slope) for start, _, value, slope in lines]
    value, slope = max(heights)
    found: list[Line] = []
    at, width = begin, end - begin
    while True:
        least = value + slope * width
        least += SLACK * (1.0 + abs(least))
        better = [
            ((value - other) / (steep - slope), -steep, other)
            for other, steep in heights
            if other + steep * width > least
        ]
        crossing = begin + min(better)[0] if better else end
        found.append((at, crossing, value + slope * (at - begin), slope))
        if not better:
            return found
        at, slope, value = crossing, -min(better)[1], min(better)[2]


def _leaked(lines: list[Line], keep: float, top: float) -> Curve:
    """Return the function of the energy before leakage from segments after it, joining those of one slope."""
    curve = Curve([], [], [])
    previous = begin = value = 0.0
    for start, end, height, slope in lines:
        if end - start > TINY_KWH and (slope != previous or not curve.slopes):
            previous, begin, value = slope, start, height
            curve.knots.append(start / keep)
            curve.values.append(height)
            curve.slopes.append(slope * keep)
    curve.knots[0] = 0.0
    curve.knots.append(top)
    curve.values.append(value + previous * (keep * top - begin))
    return curve


def _with_knot(curve: Curve, low: float) -> Curve:
    """Return the curve with a knot at the lower limit, where the rules of discharging change."""
    place = bisect_left(curve.knots, low - TINY_KWH)
    if curve.knots[place] <= low + TINY_KWH:
        curve.knots[place] = low
    else:
        value = value_at(curve, low)
        curve.knots.insert(place, low)
        curve.values.insert(place, value)
        curve.slopes.insert(place, curve.slopes[place - 1])
    return curve
