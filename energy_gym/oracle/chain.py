"""What stored energy is worth under a chain of prices, step by step from the end, and the best on paths it may take.

With V for the value of energy by state, P for the chances of the next state and r for the reward of a step,

    W(t, e', s) = sum over s' of P(t + 1, s, s') V(t + 1, e', s')                     expected of an energy after a step
    G(t, e)     = max over e' of r(t, e, e') + W(t, e', s(t)) - V(t + 1, e', s(t + 1)) + G(t + 1, e')     on a path

The difference W - V is what the path brings against what was expected, by what is stored: under the law it is zero on
average for whoever does not see the future, so that the mean of G(0) over paths of the law is at or above what any of
them earns, whatever V is; without it (V = 0) G is perfect foresight. With the value of the law itself every path has
the same G: the optimum under the law.

One rule: on the grid of energies the best on a path is exact from every energy on it, and a bound between two.

Source:
    Brown, Smith and Sun, Information relaxations and duality in stochastic dynamic programs, Operations Research 58(4),
    2010.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from energy_gym.arrays import Floats, Ints
from energy_gym.oracle.marginal import WHOLE, EnergyGrid

IN_CACHE = 16_384
"""Values that are worked on at once: more of them leave a core's cache, and take twice as long."""
Step = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True)
class PriceChain:
    """A finite chain of prices over T steps, and the storage that faces it.

    Args:
        grid: Energies by which values are kept.
        matrices: Chance of each state in a step of each hour after each state before, shape (24, states, states).
        hours: Hour of each step, shape (T,).
        price: Price of each state in a step counted from the first, shape (states,) [reward units per kWh].
        closing: What a kWh is worth at the end, by cell, shape (cells,) [reward units per kWh].
        empty: What an empty store is worth at the end [reward units].
        fixed_kwh: Energy that flows whatever is decided, shape (T,); None for none.
        believed: Chances by which values are worked out, where they are to be those of another chain with these states.
    """

    grid: EnergyGrid
    matrices: Floats
    hours: Sequence[int]
    price: Callable[[int], Floats]
    closing: Floats
    empty: float
    fixed_kwh: Floats | None = None
    believed: Floats | None = None

    def __len__(self) -> int:
        return len(self.hours)

    @property
    def states(self) -> int:
        """Number of states."""
        return int(self.matrices.shape[-1])

    def fixed_at(self, step: int) -> float:
        """Return the energy that flows in a step whatever is decided [kWh]."""
        return 0.0 if self.fixed_kwh is None else float(self.fixed_kwh[step])


class Worth(NamedTuple):
    """What stored energy is worth, by state: an empty store, and each further kWh by cell.

    Args:
        empty: Shape (states,) [reward units].
        slopes: Shape (states, cells) [reward units per kWh].
    """

    empty: Floats
    slopes: Floats

    def expected(self, matrix: Floats) -> Worth:
        """Return what is expected of it a step before, shape (states, states) for the chances."""
        return Worth(matrix @ self.empty, matrix @ self.slopes)

    def values(self, size_kwh: float, states: Any = slice(None)) -> Floats:
        """Return the worth of each energy of the grid in some states, shape (states, cells + 1)."""
        empty, slopes = self.empty[states, None], self.slopes[states]
        found = np.empty((len(slopes), slopes.shape[1] + 1))
        found[:, :1] = empty
        np.cumsum(slopes, axis=1, out=found[:, 1:])
        found[:, 1:] *= size_kwh
        found[:, 1:] += empty
        return found


class Stage(NamedTuple):
    """A step on the way back.

    Args:
        step: Counted from the first.
        price: Price of each state [reward units per kWh].
        after: Expected worth at the end of the step, by state of the step.
        planned: The same as it is believed.
        reached: Worth at the start of the next step by its own state; that of the end after the last step.
        before: Worth at the start of the step, by its state.
    """

    step: int
    price: Floats
    after: Worth
    planned: Worth
    reached: Worth
    before: Worth


def backward(chain: PriceChain, back: Step) -> Iterator[Stage]:
    """Yield the steps of a chain from the last to the first.

    Args:
        chain: The chain.
        back: Slopes at the start of a step from those after it and its prices: ``EnergyGrid.back`` or ``.burning``.
    """
    grid, states = chain.grid, chain.states
    reached = Worth(np.full(states, chain.empty), np.repeat(chain.closing[None], states, axis=0))
    for step in range(len(chain) - 1, -1, -1):
        after = planned = reached
        price = chain.price(step)
        if step + 1 < len(chain):
            hour = chain.hours[step + 1]
            after = planned = reached.expected(chain.matrices[hour])
            if chain.believed is not None:
                planned = reached.expected(chain.believed[hour])
        empty = planned.empty + grid.first_earned(planned.slopes, price) - price * chain.fixed_at(step)
        before = Worth(empty, back(planned.slopes, price))
        yield Stage(step, price, after, planned, reached, before)
        reached = before


class Paths(NamedTuple):
    """Courses that a price took, or may take.

    Args:
        prices: Shape (T, paths) [reward units per kWh].
        states: State of the chain in each step, shape (T, paths).
        ends: What each energy of a grid is worth at the end, shape (cells + 1,); -inf where none may end.
        grid: That grid, into which both powers should fit a whole number of times; else they are taken a little larger.
    """

    prices: Floats
    states: Ints
    ends: Floats
    grid: EnergyGrid


class Penalty(NamedTuple):
    """How much of what a path brings against what was expected is taken off.

    Args:
        shares: By path, shape (paths,): 1 for all of it, 0 for perfect foresight; whatever it is, the bound is one.
        level: Energy, in cells of the grid of the paths, against which it is told, so that a path's own luck stays in
            its bound; None to take luck off too, which leaves the mean as it is and the spread small.
    """

    shares: Floats
    level: float | None = None


def best_on(paths: Paths, chain: PriceChain, penalty: Penalty, marks: Sequence[int] = (0,)) -> dict[int, Floats]:
    """Return what is best on each path from some steps on, by energy at their start: shape (paths, cells + 1) each.

    Args:
        paths: The paths.
        chain: What future worths are taken from, as the module says.
        penalty: How much of what was not expected is taken off.
        marks: The steps.
    """
    steps, count = paths.prices.shape
    best, found = np.repeat(paths.ends[None], count, axis=0), {}
    stages = backward(chain, chain.grid.back) if penalty.shares.any() else iter(())
    for step in range(steps - 1, -1, -1):
        stage = next(stages, None)
        if stage is not None and step + 1 < steps:
            fell = _unexpected(stage, chain.grid, paths, step)
            if penalty.level is not None:
                fell -= between(fell, penalty.level)[:, None]
            best = best + penalty.shares[:, None] * fell
        best = _stepped(best, paths.prices[step], paths.grid)
        best -= (paths.prices[step] * chain.fixed_at(step))[:, None]
        if step in marks:
            found[step] = best
    return found


def _unexpected(stage: Stage, grid: EnergyGrid, paths: Paths, step: int) -> Floats:
    """Return how much less an energy after a step came to be worth on each path than expected, (paths, cells + 1)."""
    fell = stage.after.values(grid.size_kwh, paths.states[step])
    fell -= stage.reached.values(grid.size_kwh, paths.states[step + 1])
    if grid.cells == paths.grid.cells:
        return fell
    place = np.arange(paths.grid.cells + 1) * (grid.cells / paths.grid.cells)
    whole = np.minimum(place.astype(np.int64), grid.cells - 1)
    return np.asarray(fell[:, whole] + (fell[:, whole + 1] - fell[:, whole]) * (place - whole))


def _stepped(after: Floats, price: Floats, grid: EnergyGrid) -> Floats:
    """Return the best from the start of a step, by path and energy, from the best after it."""
    energy, found = grid.size_kwh * np.arange(grid.cells + 1), np.empty_like(after)
    paid, earned = price / grid.efficiency_charge, (price - grid.wear_per_kwh) * grid.efficiency_discharge
    up, down, rows = math.ceil(grid.up), math.ceil(grid.down), max(IN_CACHE // after.shape[1], 1)
    for begin in range(0, len(after), rows):
        part = slice(begin, begin + rows)
        cost, gain = paid[part, None] * energy, earned[part, None] * energy
        charged = highest(after[part] - cost, up)
        charged += cost
        given = highest((after[part] - gain)[:, ::-1], down)[:, ::-1]
        given += gain
        np.maximum(charged, given, out=found[part])
    return found


def highest(values: Floats, ahead: int) -> Floats:
    """Return the highest of each value and of so many that follow it in its row.

    Example:
        >>> highest(np.array([[1.0, 3.0, 2.0, 0.0]]), 1).tolist()
        [[3.0, 3.0, 2.0, 0.0]]
    """
    ahead, wide = min(ahead, values.shape[1] - 1), 1
    found = np.concatenate([values, np.full((len(values), ahead), -np.inf)], axis=1)
    while wide <= ahead:
        by = min(wide, ahead + 1 - wide)
        found, wide = np.maximum(found[:, :-by], found[:, by:]), wide + by
    return found


def between(values: Floats, place: float) -> Floats:
    """Return values of energies, shape (paths, cells + 1), at a place between them, in cells; shape (paths,).

    Example:
        >>> between(np.array([[0.0, 2.0]]), 0.25).tolist()
        [0.5]
    """
    place = round(place) if abs(place - round(place)) < WHOLE else place
    whole = min(int(place), values.shape[1] - 1)
    part = place - whole
    return np.asarray(
        values[:, whole] if part <= 0.0 else (1.0 - part) * values[:, whole] + part * values[:, whole + 1]
    )
