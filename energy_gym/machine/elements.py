"""A law of one number, compiled, for all elements of an array.

One rule: no law is stated here; what is compiled is what the law does to a symbol.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.machine.compiled import begin_of, loaded
from energy_gym.machine.sliding import cut
from energy_gym.machine.text import Rows, Text
from energy_gym.tracing import Trace


class Elements:
    """A law of one number as a function of arrays of any shape.

    Args:
        law: Called with a symbol, and as ``xp`` the namespace that it belongs to.

    Raises:
        Untraceable: The law asks of its number what a symbol cannot tell.

    Example:
        >>> half = Elements(lambda price, xp: xp.positive(price) / 2.0)
        >>> half(np.array([[1.0, -1.0], [4.0, 3.0]])).tolist()
        [[0.5, 0.0], [2.0, 1.5]]
    """

    def __init__(self, law: Callable[..., Any]) -> None:
        trace, self._none = Trace(num_envs=1), np.zeros((1, 0), dtype=np.float32)
        result = trace.named(law(trace.given("value"), xp=trace))
        text = Text(trace, [result], Rows(self._none, 0, ()), cut(self._none))
        self._engine, self._run = loaded(text.whole())
        self._addresses = (ctypes.c_size_t * 6)()
        self._place = ctypes.c_void_p(ctypes.addressof(self._addresses))

    def __call__(self, values: Floats) -> Floats:
        """Return what the law says of each value."""
        given, nothing = np.ascontiguousarray(values, dtype=np.float64), begin_of(self._none)
        found, begin = np.empty_like(given), begin_of(given)
        # Steps and rows are not read, as no series and no row is.
        self._addresses[:] = [nothing, begin, nothing, begin_of(found), nothing, begin]
        self._run(self._place, 0, given.size)
        return found
