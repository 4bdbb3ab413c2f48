"""One storage with discrete levels on a grid of energies, below many caps on the energy from the grid at once.

Rounded up to the grid, energy is worth at least what it really is, which gives a bound; rounded down, at most that,
which gives a plan.

One rule: what a level does is what the environment's step does; only the energy after it is rounded.
"""

from __future__ import annotations

import time
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.entities.battery import Cell
from energy_gym.oracle.levels import worth_of
from energy_gym.oracle.storage_steps import StorageSteps

CELLS, MOST_ENTRIES = 400, 1_500_000
MOST_PARTS = 24
LOOKED_EVERY = 64
TOLERANCE_KWH = 1e-9
Places = npt.NDArray[np.int64]


class Ways(NamedTuple):
    """What each level does from each energy of a grid, by step: arrays of shape (T, levels, cells).

    Args:
        above: The cell at or above the energy stored after it.
        below: The cell at or below it.
        net: Energy from the grid [kWh].
        high: What it earns, and energy rounded up is worth too much: at most that is meant.
        low: What it earns, and energy rounded down is worth too little: at least that is meant.
    """

    above: npt.NDArray[np.int32]
    below: npt.NDArray[np.int32]
    net: Floats
    high: Floats
    low: Floats


def grid_of(problem: StorageSteps, levels: Floats, cells: int) -> Floats:
    """Return about so many energies between the limits, limits included.

    Steps of charge and of discharge are whole numbers of cells, as nearly as small numbers allow, and the start is on
    the grid: what is moved at rated levels is then hardly rounded.
    """
    low, high = problem.span
    cell = problem.unit.flexibles[0].bare.cell
    if not isinstance(cell, Cell):
        return np.linspace(low, high, cells)
    share = float(np.diff(levels).min())
    charge, discharge = cell.charge_kwh * cell.efficiency_charge, cell.discharge_kwh / cell.efficiency_discharge
    ratio = Fraction(charge / discharge).limit_denominator(MOST_PARTS)
    width = share * charge / max(ratio.numerator, 1)
    width /= max(np.floor(width * cells / (high - low)), 1.0)
    if (high - low) / width > 2 * cells:
        return np.linspace(low, high, cells)
    before, after = np.floor((problem.energy - low) / width), np.floor((high - problem.energy) / width)
    grid = np.concatenate([[low, high], problem.energy + width * np.arange(-before, after + 1.0)])
    return np.unique(grid.clip(low, high))


class Tables:
    """The unit without its maxima, on a grid of energies.

    Args:
        problem: The unit without maxima.
        levels: Shares of rated power.
        end: The moment at which to end at the latest.

    Raises:
        TimeoutError: The moment has come, here or in a method.
    """

    def __init__(self, problem: StorageSteps, levels: Floats, end: float | None = None) -> None:
        self.problem, self.levels, self._until = problem, levels, end
        cells = int(np.clip(MOST_ENTRIES / (len(problem) * len(levels)), 50, CELLS))
        self.grid = grid_of(problem, levels, cells)
        self.worth = worth_of(problem)[0]
        self.start = int(self._cells(np.array(problem.energy))[0])
        self.end = np.asarray(problem.close(self.grid))
        self.ways = Ways(*(np.stack(part) for part in zip(*map(self._ways, range(len(problem))), strict=True)))

    def _look(self, step: int) -> None:
        """Look at the clock, now and then."""
        if self._until is not None and step % LOOKED_EVERY == 0 and time.perf_counter() >= self._until:
            raise TimeoutError

    def _ways(self, step: int) -> tuple[npt.NDArray[np.generic], ...]:
        self._look(step)
        after, earned, net = self.problem.outcome(step, self.grid, self.levels[:, None])
        above, below = self._cells(after)
        worth = self.worth[step + 1]
        high = earned - worth * (self.grid[above] - after)
        low = earned + worth * (after - self.grid[below])
        return above.astype(np.int32), below.astype(np.int32), net, high, low

    def _cells(self, energy: Floats) -> tuple[Places, Places]:
        """Return the cells above and below energies; one that is nearly a cell's is that cell's."""
        last = len(self.grid) - 1
        above = np.searchsorted(self.grid, energy - TOLERANCE_KWH).clip(0, last)
        below = (np.searchsorted(self.grid, energy + TOLERANCE_KWH, side="right") - 1).clip(0, last)
        return above, below

    def bounds(self, caps: Floats) -> Floats:
        """Return what no plan below caps [kWh], shape (M, T), beats before charges; minus infinity: there is none."""
        value = np.broadcast_to(self.end, (len(caps), len(self.grid)))
        ways = self.ways
        for step in range(len(self.problem) - 1, -1, -1):
            self._look(step)
            ahead = value[:, ways.above[step]] + ways.high[step]
            ahead[ways.net[step] > caps[:, step, None, None]] = -np.inf
            value = ahead.max(axis=1)
        more = self.worth[0] * (self.grid[self.start] - self.problem.energy)
        return np.asarray(value[:, self.start] - more)

    def plan(self, caps: Floats) -> Floats | None:
        """Return a plan below caps [kWh], shape (T,): shares of rated power; None where the grid knows of none."""
        values, ways = [self.end], self.ways
        for step in range(len(self.problem) - 1, -1, -1):
            self._look(step)
            ahead = np.where(ways.net[step] <= caps[step], values[-1][ways.below[step]] + ways.low[step], -np.inf)
            values.append(ahead.max(axis=0))
        values.reverse()
        energy, chosen = np.array([self.problem.energy]), np.empty(len(self.problem))
        for step in range(len(self.problem)):
            self._look(step)
            after, earned, net = (part[:, 0] for part in self.problem.outcome(step, energy, self.levels[:, None]))
            _, below = self._cells(after)
            total = earned + values[step + 1][below] + self.worth[step + 1] * (after - self.grid[below])
            total[net > caps[step]] = -np.inf
            best = int(np.argmax(total))
            if not total[best] > -np.inf:
                return None
            energy, chosen[step] = after[best : best + 1], self.levels[best]
        return chosen

    def played(self, wishes: Floats) -> tuple[float, Floats]:
        """Return what levels earn before charges, and the energy from the grid by step [kWh], shape (T,)."""
        energy, total, drawn = np.array([self.problem.energy]), 0.0, np.empty(len(wishes))
        for step, wish in enumerate(wishes):
            self._look(step)
            energy, earned, net = self.problem.outcome(step, energy, np.array([wish]))
            total, drawn[step] = total + float(earned[0]), net[0]
        return total + float(self.problem.close(energy)[0]), drawn


class Capped(StorageSteps):
    """A unit without maxima that keeps below caps [kWh], shape (T,), over the energies that can really be reached."""

    def __init__(self, problem: StorageSteps, caps: Floats) -> None:
        super().__init__(problem.unit, problem.states, problem.goal)
        self._caps = caps.tolist()

    def play(self, step: int, energy: Floats, wish: Floats) -> tuple[Floats, Floats]:
        """See `energy_gym.oracle.levels.Steps.play`; what breaks the cap earns minus infinity."""
        after, earned, net = self.outcome(step, energy, wish)
        return after, np.where(net <= self._caps[step], earned, -np.inf)

    def feasible(self, levels: Floats) -> bool:
        """Return whether any sequence of levels keeps below the caps: who has most stored can do what others can."""
        energy = np.array([self.energy])
        for step in range(len(self)):
            after, earned = self.play(step, energy, levels[:, None])
            if not (earned > -np.inf).any():
                return False
            energy = after[earned > -np.inf].max(keepdims=True)
        return True

    @property
    def end_worth(self) -> tuple[float, float]:
        """Least and most that a kWh stored is worth: one that keeps demand below a cap may be worth anything."""
        return super().end_worth[0], np.inf
