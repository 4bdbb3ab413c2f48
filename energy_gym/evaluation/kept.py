"""The stores of a setup, whatever laws stand around them: what steps put in and took out, and which ended at a limit.

One rule: a store is what holds energy between two limits from the start of an episode to its end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import mul
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.entities.battery import Cell
from energy_gym.entities.limits import LimitedCell
from energy_gym.envs.setup import Setup

TOLERANCE = 1e-6
"""Share of a capacity by which a store may be off a limit and still be at it."""


class Store(NamedTuple):
    """A store that stays. Its methods take all states at the start or at the end of T steps, shape (T, states).

    Args:
        place: Place of what is stored among all states [kWh].
        left: Place of the capacity that is left [kWh]; None where it stays as it is.
        capacity_kwh: Its capacity when new.
        rated_kw: Most power that it gives.
        cell: Its figures when new.
        giving: Energy given out for so much taken in a step.
    """

    place: int
    left: int | None
    capacity_kwh: float
    rated_kw: float
    cell: Cell
    giving: Callable[[Floats], Floats]

    def changes(self, before: Floats, after: Floats) -> Floats:
        """Return what each step put into it, below 0 what it took, shape (T,) [kWh]; what leaks away is neither."""
        return after[:, self.place] - before[:, self.place] * self.cell.keep

    def given(self, before: Floats, after: Floats) -> Floats:
        """Return what it gave out in each step, shape (T,) [kWh]."""
        return self.giving(-self.changes(before, after).clip(max=0.0))

    def limited(self, after: Floats) -> npt.NDArray[np.bool_]:
        """Return whether each step ended at its lowest or highest allowed level, shape (T,)."""
        energy, slack = after[:, self.place], TOLERANCE * self.capacity_kwh
        share = 1.0 if self.left is None else after[:, self.left] / self.capacity_kwh
        return (energy <= self.cell.energy_min * share + slack) | (energy >= self.cell.energy_max * share - slack)


def stores_of(setup: Setup) -> list[Store]:
    """Return all that stores energy between limits.

    Example:
        >>> from energy_gym.envs.setup import make_setup
        >>> [(store.place, store.capacity_kwh) for store in stores_of(make_setup(dataset="ercot-2021-2022"))]
        [(0, 10.0)]
    """
    found, first = [], 0
    for unit in setup.units:
        names = [(item.name, memory.name) for item in unit.flexibles for memory in item.memory]
        memories = first + len(unit.flexibles) + unit.registers + len(unit.told)
        for offset, item in enumerate(unit.flexibles):
            cell = item.bare.cell
            plain = getattr(cell, "plain", cell)
            if item.span is None or not hasattr(plain, "energy_max"):
                continue
            counted = (item.name, "capacity_left")
            left = memories + names.index(counted) if counted in names else None
            giving = cell.emptying.at if isinstance(cell, LimitedCell) else partial(mul, plain.efficiency_discharge)
            rated = float(np.max(item.give_kwh)) / unit.hours
            found.append(Store(first + offset, left, float(item.span[1]), rated, plain, giving))
        first += len(unit.initial)
    return found


def totals(stores: list[Store], before: Any, after: Any) -> tuple[float, float]:
    """Return what went into some stores and was taken out of them, and what they gave out [kWh]."""
    moved = sum(float(np.abs(store.changes(before, after)).sum()) for store in stores)
    return moved, sum(float(store.given(before, after).sum()) for store in stores)
