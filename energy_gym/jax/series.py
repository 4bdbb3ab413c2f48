"""What changes from step to step, packed into one array, so that a step looks all of it up at once.

One rule: what is zero at every step stays a plain 0.0, as in `Unit.gather`, and takes no room.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.units import Unit

ZERO = -1


class Packing:
    """Which column of the packed series each signal of some units is.

    Args:
        units: The units.

    Example:
        >>> from energy_gym.envs.setup import make_setup
        >>> setup = make_setup(dataset="ercot-2021-2022")
        >>> packing = Packing(setup.units)
        >>> packing.places, packing.packed(setup.units).shape
        ((0, 0, -1, -1), (8761, 1))
    """

    def __init__(self, units: Sequence[Unit]) -> None:
        self._columns: dict[int, int] = {}
        signals, rated = signals_of(units), rated_of(units)
        self.places = self._placed(signals)
        self.rated = tuple(self._placed(pair) for pair in rated)

    def _placed(self, tree: Any) -> Any:
        if isinstance(tree, tuple):
            return tuple(self._placed(part) for part in tree)
        if np.ndim(tree) == 0 or not tree.any():
            return ZERO
        return self._columns.setdefault(id(tree), len(self._columns))

    def packed(self, units: Sequence[Unit]) -> Floats:
        """Return the series of units of the same kind, shape (steps + 1, columns); the last row means nothing.

        Raises:
            ValueError: A series that is zero here is not zero there, or two that are one here differ there.
        """
        columns: dict[int, Any] = {}
        pairs = zip(self.rated, rated_of(units), strict=True)
        for place, series in [(self.places, signals_of(units)), *pairs]:
            _collect(place, series, columns)
        steps = len(units[0])
        table = [columns[place] for place in range(len(self._columns))]
        laid = np.stack(table, axis=1) if table else np.zeros((steps, 0))
        return np.concatenate([laid, np.zeros((1, laid.shape[1]))])

    def told(self, row: Any, places: Any) -> Any:
        """Return signals from a row of the packed series."""
        if isinstance(places, tuple):
            return tuple(self.told(row, place) for place in places)
        return 0.0 if places == ZERO else row[places]


def signals_of(units: Sequence[Unit]) -> Any:
    """Return the series that `dynamics.compose` is told, nested as there."""
    each = tuple(unit.series() for unit in units)
    return each[0] if len(each) == 1 else each


def rated_of(units: Sequence[Unit]) -> tuple[tuple[Any, Any], ...]:
    """Return what each control can draw and give at most, where that changes from step to step."""
    return tuple((item.draw_kwh, item.give_kwh) for unit in units for item in unit.decisions)


def _collect(place: Any, series: Any, columns: dict[int, Any]) -> None:
    if isinstance(place, tuple):
        for own, part in zip(place, series, strict=True):
            _collect(own, part, columns)
    elif place == ZERO:
        if np.ndim(series) > 0 and series.any():
            raise ValueError("a series that is zero at every step of one is not zero in the other")
    elif columns.setdefault(place, series) is not series and not np.array_equal(columns[place], series):
        raise ValueError("two series that are one in one differ in the other, such as prices of import and export")
