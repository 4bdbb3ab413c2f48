"""The value of stored energy under a chain of prices: marginal values on a grid of energies, one step back at a time.

With one price for import and export and no standby losses, the value of stored energy is concave as long as burning
energy does not pay, and all that is kept of it is its slope: ``worth[s, k]`` is what one more kWh is worth in state
``s`` while the store holds between ``k`` and ``k + 1`` cells. With ``after`` for the slopes one step later, up to
``up`` cells charged for ``cost`` a kWh, and up to ``down`` cells discharged for ``gain`` a kWh,

    before(e) = min( max( after(e + up), min(after(e), cost), gain ), after(e - down) )

which says: charge while a kWh is worth more than it costs, discharge while it is worth less than it earns.

One rule: on a grid into which both powers fit a whole number of times this is exact; on any other, slopes between cells
are interpolated.

Source:
    Zheng, Jaworski and Xu, Arbitraging variable efficiency energy storage using analytical stochastic dynamic
    programming, IEEE Transactions on Power Systems 37(6), 2022 (arXiv 2108.06000), equation 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.entities.battery import Cell
from energy_gym.errors import ConfigurationError
from energy_gym.objective import Weights

MOST_CELLS = 4320
NEVER = 1e12
WHOLE = 1e-9


def counted(cell: Cell, weights: Weights) -> Cell:
    """Return a battery's figures with its wear as it counts in a reward, beside a unit of other money.

    Example:
        >>> from energy_gym.entities import Battery
        >>> counted(Battery(wear_per_kwh=0.02).cell(1.0), Weights(2.0, 0.0, 1.0)).wear_per_kwh
        0.01
    """
    return cell._replace(wear_per_kwh=cell.wear_per_kwh * weights.wear / weights.money)


@dataclass(frozen=True)
class EnergyGrid:
    """A grid of stored energies, and how many of its cells a step charges and discharges at most.

    Args:
        cells: Number of cells between the limits.
        size_kwh: Energy of a cell [kWh].
        low_kwh: Lower limit of what is stored [kWh].
        up: Cells that a step can charge.
        down: Cells that a step can discharge.
        efficiency_charge: Energy stored for each kWh charged.
        efficiency_discharge: Energy given out for each kWh taken from the store.
        wear_per_kwh: Wear of each kWh given out [currency].

    Example:
        >>> from energy_gym import Battery
        >>> cell = Battery(capacity_kwh=10.0, charge_kw=2.0, discharge_kw=1.8, efficiency_charge=1.0, soc_min=0.0,
        ...     soc_max=1.0, efficiency_discharge=0.9).cell(0.5)
        >>> grid = EnergyGrid.fitting(cell)
        >>> grid.cells, grid.up, grid.down
        (10, 1, 1)
    """

    cells: int
    size_kwh: float
    low_kwh: float
    up: float
    down: float
    efficiency_charge: float
    efficiency_discharge: float
    wear_per_kwh: float

    @classmethod
    def of(cls, cell: Cell, cells: int) -> Self:
        """Return a grid of so many cells for a battery without standby losses."""
        if cell.keep < 1.0:
            rule = "loses energy while it stands, and its value is not that of a grid of cells"
            raise ConfigurationError("the battery", rule, "pass self_discharge_per_day=0.0")
        size = (cell.energy_max - cell.energy_min) / cells
        up = cell.charge_kwh * cell.efficiency_charge / size
        down = cell.discharge_kwh / cell.efficiency_discharge / size
        up, down = (round(step) if abs(step - round(step)) < WHOLE * cells else step for step in (up, down))
        efficiencies = cell.efficiency_charge, cell.efficiency_discharge
        return cls(cells, size, cell.energy_min, up, down, *efficiencies, cell.wear_per_kwh)

    @classmethod
    def fitting(cls, cell: Cell, most: int = MOST_CELLS) -> Self | None:
        """Return the coarsest grid into which both powers fit a whole number of times; None if it is finer than that.

        A power that fills the store in one step fits any grid.
        """
        for cells in range(1, most + 1):
            grid = cls.of(cell, cells)
            if all(isinstance(step, int) or step >= cells for step in (grid.up, grid.down)):
                return grid
        return None

    @property
    def exact(self) -> bool:
        """Whether both powers fit a whole number of times."""
        return all(isinstance(step, int) or step >= self.cells for step in (self.up, self.down))

    def cost(self, price: Floats) -> Floats:
        """Return what storing a kWh costs at a price of each kWh at the terminals [the same unit]."""
        return price / self.efficiency_charge

    def gain(self, price: Floats) -> Floats:
        """Return what taking a kWh from the store earns, but never more than storing one costs."""
        return np.minimum((price - self.wear_per_kwh) * self.efficiency_discharge, self.cost(price))

    def place(self, energy_kwh: float) -> float:
        """Return how many cells an energy fills [kWh]."""
        return (energy_kwh - self.low_kwh) / self.size_kwh

    def back(self, after: Floats, price: Floats) -> Floats:
        """Return the slopes at the start of a step whose prices are known, from those that are expected after it.

        Args:
            after: What a kWh is worth at the end of the step, shape (states, cells), falling along the cells.
            price: Price of the step in each state, shape (states,) [reward units per kWh].

        Example:
            >>> grid = EnergyGrid(2, 1.0, 0.0, 1, 1, 1.0, 1.0, 0.0)
            >>> grid.back(np.array([[5.0, 2.0]]), np.array([3.0])).tolist()
            [[3.0, 3.0]]
        """
        cost, gain = self.cost(price)[:, None], self.gain(price)[:, None]
        charged = np.maximum(np.minimum(after, cost), shifted(after, self.up, -NEVER))
        return np.minimum(np.maximum(charged, gain), shifted(after, -self.down, NEVER))

    def aims(self, worth: Floats, price: Floats) -> tuple[Floats, Floats]:
        """Return between which cells nothing is done, by state: below the first is charged, above the second given.

        Args:
            worth: What a kWh is worth after the step, shape (states, cells), falling along the cells.
            price: Price of the step in each state, shape (states,) [reward units per kWh].
        """
        cost, gain = self.cost(price)[:, None], self.gain(price)[:, None]
        least, most = (worth > cost).sum(axis=1), (worth >= gain).sum(axis=1)
        return least.astype(np.float64), most.astype(np.float64)

    def first_earned(self, worth: Floats, price: Floats) -> Floats:
        """Return what a step from an empty store earns, with what is then worth more than an empty one, by state.

        Args:
            worth: As in `aims`.
            price: As in `aims`.
        """
        above = np.maximum(worth - self.cost(price)[:, None], 0.0) * self.size_kwh
        whole = min(int(self.up), self.cells)
        part = above[:, whole] * (self.up - whole) if whole < self.cells and self.up > whole else 0.0
        return np.asarray(above[:, :whole].sum(axis=1) + part)

    def burning(self, after: Floats, price: Floats) -> Floats:
        """Return slopes at the start of a step that are a bound where burning energy pays: both ways at once.

        Where a kWh taken earns more than one stored costs, the store may do both in the step, as no store can: first
        all that can be taken is taken, then as much is stored at the lower price, then the rest is not taken after all.
        The value that follows is at or above that of any store. Both powers must fit the grid a whole number of times.
        """
        cost = self.cost(price)
        gain = (price - self.wear_per_kwh) * self.efficiency_discharge
        both = gain > cost
        found = self.back(after, price)
        if both.any():
            up, down = min(int(self.up), self.cells), min(int(self.down), self.cells)
            count = int(both.sum())
            ends = np.full((count, down), NEVER), np.full((count, up), -NEVER)
            wide = np.concatenate([ends[0], after[both], ends[1]], axis=1)
            stored = _filled(wide, cost[both][:, None], up)
            found[both] = _filled(stored, gain[both][:, None], down)[:, : self.cells]
        return found

    def target(self, worth: Floats, price: float, energy_kwh: float) -> float:
        """Return the energy that is best aimed at in a step [kWh], in whatever reach of it.

        Args:
            worth: What a kWh is worth after the step, shape (cells,), falling.
            price: Price of the step [reward units per kWh].
            energy_kwh: What is stored now.
        """
        rising = worth[::-1]
        cost = price / self.efficiency_charge
        gain = min((price - self.wear_per_kwh) * self.efficiency_discharge, cost)
        least = self.low_kwh + self.size_kwh * (self.cells - int(rising.searchsorted(cost, "right")))
        most = self.low_kwh + self.size_kwh * (self.cells - int(rising.searchsorted(gain, "left")))
        return min(max(energy_kwh, least), most)


def shifted(slopes: Floats, by: float, beyond: float) -> Floats:
    """Return the slopes so many cells further on; what lies beyond the grid is given.

    Example:
        >>> shifted(np.array([[3.0, 2.0, 1.0]]), 1.5, -9.0).tolist()
        [[1.5, -9.0, -9.0]]
    """
    steps, size = int(abs(by)), slopes.shape[-1]
    part = abs(by) - steps
    found = _moved(slopes, steps if by > 0 else -steps, beyond)
    if part == 0.0:
        return found
    further = _moved(slopes, steps + 1 if by > 0 else -steps - 1, beyond)
    mixed = (1.0 - part) * found + part * further
    out = min(steps + 1, size)
    edge = slice(size - out, size) if by > 0 else slice(0, out)
    mixed[..., edge] = beyond
    return mixed


def _moved(slopes: Floats, by: int, beyond: float) -> Floats:
    found = np.full_like(slopes, beyond)
    size = slopes.shape[-1]
    if 0 <= by < size:
        found[..., : size - by] = slopes[..., by:]
    elif -size < by < 0:
        found[..., -by:] = slopes[..., :by]
    return found


def _filled(slopes: Floats, cost: Floats, cells: int) -> Floats:
    """Return the slopes where so many cells may be had at a cost each."""
    return np.maximum(np.minimum(slopes, cost), shifted(slopes, cells, -NEVER))
