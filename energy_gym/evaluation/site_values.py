"""The best from a step of a path on, between levels of what is stored and of every running maximum of demand.

Of the maxima only that one moves whose window is open, so that a step back is a reading between levels of the energy
and of one maximum, the same wherever the others stand: with e' and m' for where a wish leads from e and m,

    G(e, m, others) = max over wishes of [ earned(e, m) + G(e', m', others) ]

One rule: what a step earns and leads to is told by others; here it is read off in straight lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from energy_gym.agents.sdp.backward import Levels
from energy_gym.agents.sdp.net_noise import between
from energy_gym.arrays import Floats, Ints

CELLS = 1_000_000
"""Values that are compared at once: as many as a core's cache about holds."""


class Moved(NamedTuple):
    """What the wishes of a step earn and lead to, seen afterwards.

    Args:
        earned: What each earns, shape (s, w, e, m) for each of several ways to count it [reward units].
        energy_kwh: What is stored then, shape (w, e).
        peak_kw: Where the open window's maximum stands then, shape (w, e, m); None if none is open.
        register: The running maximum whose window is open; None if none is.
        fresh: The running maxima that begin anew with the step.
    """

    earned: Floats
    energy_kwh: Floats
    peak_kw: Floats | None
    register: int | None
    fresh: Sequence[int]


class SiteValues:
    """Values by energy, by each running maximum, and by each of several ways to count, of shape (e, s, m, ..., m).

    Args:
        levels: Between which levels values are read off.
        registers: How many running maxima there are.
        end: What is stored is worth in the end, shape (s, e) [reward units].
    """

    def __init__(self, levels: Levels, registers: int, end: Floats) -> None:
        self.levels = levels
        shape = *end.T.shape, *(len(levels.maximum_kw) for _ in range(registers))
        self._values = np.broadcast_to(end.T.reshape(*end.T.shape, *(1 for _ in range(registers))), shape)

    def back(self, moved: Moved) -> None:
        """Go back over a step."""
        if moved.register is None:
            values, earned, axis = self._values, moved.earned[..., :1], None
        else:
            axis = 2 + moved.register
            values, earned = np.moveaxis(self._values, axis, 1), moved.earned
        ways, _, energies, maxima = earned.shape
        flat = np.ascontiguousarray(values).reshape(energies * maxima, -1)
        told = np.moveaxis(earned, 0, -1).reshape(-1, energies * maxima, ways, 1)
        found = self._best(flat, told, *self._reading(moved)).reshape(values.shape)
        self._values = found if axis is None else np.moveaxis(found, 1, axis)
        for register in moved.fresh:
            # What a maximum was before it begins anew is worth nothing.
            first = np.take(self._values, [0], axis=2 + register)
            self._values = np.broadcast_to(first, self._values.shape)

    def at(self, states: Sequence[float]) -> Floats:
        """Return the values at an energy [kWh] and running maxima [kW], by way to count: shape (s,)."""
        energy_kwh, *maxima = states
        found = np.tensordot(between(self.levels.energy_kwh, energy_kwh), self._values, axes=1)
        for maximum_kw in maxima[: self._values.ndim - 2]:
            found = np.tensordot(found, between(self.levels.maximum_kw, maximum_kw), axes=(1, 0))
        return np.asarray(found)

    def _reading(self, moved: Moved) -> tuple[Ints, Floats]:
        """Return between which levels the ends lie, and the share of each: shape (w, ends, levels) each."""
        below, above = self.levels.at_energy(moved.energy_kwh)
        places, shares = np.stack([below, below + 1], axis=-1), np.stack([1.0 - above, above], axis=-1)
        if moved.peak_kw is None:
            return places, shares
        lower, higher = self.levels.at_maximum(moved.peak_kw)
        peaks, parts = np.stack([lower, lower + 1], axis=-1), np.stack([1.0 - higher, higher], axis=-1)
        count = len(self.levels.maximum_kw)
        corners = places[:, :, None, :, None] * count + peaks[:, :, :, None, :]
        weights = shares[:, :, None, :, None] * parts[:, :, :, None, :]
        rows = len(places), places.shape[1] * count, 4
        return corners.reshape(rows), weights.reshape(rows)

    def _best(self, values: Floats, earned: Floats, places: Ints, shares: Floats) -> Floats:
        """Return the best over wishes, shape (ends, columns), of values (levels, columns) read off where they lead."""
        from scipy.sparse import csr_matrix

        wishes, ends, corners = places.shape
        ways, columns = earned.shape[2], values.shape[1]
        each, best = max(CELLS // (ends * columns), 1), np.full((ends, columns), -np.inf)
        for first in range(0, wishes, each):
            part = slice(first, first + each)
            rows = places[part].size // corners
            starts = np.arange(rows + 1) * corners
            reading: Any = csr_matrix((shares[part].ravel(), places[part].ravel(), starts), shape=(rows, len(values)))
            found = (reading @ values).reshape(-1, ends, ways, columns // ways)
            found += earned[part]
            for one in found.reshape(-1, ends, columns):
                np.maximum(best, one, out=best)
        return best
