"""Values of a site with several running maxima of demand, of which one moves at a time: back over the steps of a plan.

While the window of one maximum is open, the value is worked out over that maximum alone. Where another window opens
later, it begins there with what it has, or usually has, and what the first one is worth beyond is what it was found to
be worth when its own window next opens:

    V(n, e, m1) at the end of a window = V(n, e, m2 as it is) at the start of the next + G1(m1)

One rule: a maximum that begins anew before its window opens again is worth nothing beyond.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from energy_gym.agents.sdp.backward import Backward, Now
from energy_gym.agents.sdp.net_noise import NetChain
from energy_gym.arrays import Floats, Ints
from energy_gym.conversions import HOURS_PER_DAY
from energy_gym.units import Unit

Standing = Callable[[int, int], float]
"""``(register, step) -> kW``: where a maximum stands, or usually stands, when its window opens at a step of a plan."""


class Beyond(NamedTuple):
    """What lies beyond a plan.

    Args:
        energy: What stored energy is worth there, shape (n, e) [reward units].
        maxima: What each running maximum is worth there over its levels, shape (registers, m).
    """

    energy: Floats
    maxima: Floats


class Stretch(NamedTuple):
    """Steps that are planned.

    Args:
        unit: The unit over them.
        net_kw: Load less generation that is expected in each, shape (T,).
        places: Step of the day of each, shape (T,).
    """

    unit: Unit
    net_kw: Floats
    places: Ints


class Sweep:
    """Works out values back over the steps of a plan.

    Args:
        backward: The step.
        chain: The noise.
        stretch: The steps.
        standing: Where maxima stand.
    """

    def __init__(self, backward: Backward, chain: NetChain, stretch: Stretch, standing: Standing) -> None:
        self.backward, self.chain, self.stretch, self._standing = backward, chain, stretch, standing
        self.signals, self.usual = stretch.unit.signals(), chain.usual()
        day = len(chain.spread_kw)
        self._hours = stretch.places * int(HOURS_PER_DAY) // day

    def now(self, step: int) -> Now:
        """Return what a step is told, and what may come."""
        stretch, chain = self.stretch, self.chain
        coming = stretch.net_kw[step] + chain.errors * chain.spread_kw[stretch.places[step]]
        register = open_register(stretch.unit, step) if len(self.backward.levels.maximum_kw) > 1 else None
        begins = register is not None and bool(stretch.unit.fresh[register, step])
        return Now(self.signals[step], coming * stretch.unit.hours, register, begins)

    def matrix(self, step: int) -> Floats:
        """Return the matrix of a step, shape (n, n)."""
        return np.asarray(self.chain.matrices[self._hours[step]])

    def run(self, beyond: Beyond, keep: Callable[[int, Floats], None] | None = None) -> Beyond:
        """Go back over all steps.

        Args:
            beyond: What lies beyond the last.
            keep: Called with each step and the values at its end, shape (n, e, m).

        Returns:
            What lies beyond a plan that ends where this one begins.
        """
        maxima, worth, at = beyond.maxima.copy(), beyond.energy, len(self.signals)
        values: Floats | None = None
        register: int | None = None
        for step in range(at - 1, -1, -1):
            now = self.now(step)
            if values is None or now.register != register:
                worth = worth if values is None else self._closed(values, register, step + 1, maxima)
                values, register = worth[..., None] + self._carried(now.register, maxima), now.register
            if keep is not None:
                keep(step, values)
            values = self.backward.back(values, now, self.matrix(step))
            maxima[self.stretch.unit.fresh[:, step] > 0.0] = 0.0
        return beyond if values is None else Beyond(self._closed(values, register, 0, maxima), maxima)

    def _carried(self, register: int | None, maxima: Floats) -> Floats:
        return np.zeros(len(self.backward.levels.maximum_kw)) if register is None else maxima[register]

    def _closed(self, values: Floats, register: int | None, step: int, maxima: Floats) -> Floats:
        """Note what a maximum is worth where its window opens; return what energy is worth there, shape (n, e)."""
        if register is None:
            return np.asarray(values[..., 0])
        stands = self._standing(register, step)
        # Half full is as good a level as any to say by: what a maximum is worth depends little on the energy.
        over = self.usual @ values[:, values.shape[1] // 2]
        levels = self.backward.levels.maximum_kw
        # One that has begun anew with its window is not carried.
        fresh = bool(self.stretch.unit.fresh[register, step]) if step < len(self.signals) else False
        maxima[register] = 0.0 if fresh else over - np.interp(stands, levels, over)
        return self.backward.at(values, self.backward.levels.energy_kwh, stands)


def open_register(unit: Unit, step: int) -> int | None:
    """Return the running maximum whose window is open at a step; None if none is."""
    found = np.flatnonzero(unit.active[:, step])
    return int(found[0]) if len(found) else None
