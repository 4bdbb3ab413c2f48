"""The space of continuous actions; its one rule: what an environment takes is a member, however wide its floats are."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces


class Shares(spaces.Box):
    """Shares of rated power in [-1, 1], shape (controls,): samples are float32, and floats of 64 bits are members too.

    A plain `Box` of float32 calls an optimum that was worked out in float64 a stranger.

    Example:
        >>> space = Shares(2)
        >>> space, space.contains(np.array([0.1, -1.0])), space.contains(np.array([0.1, 1.1]))
        (Box(-1.0, 1.0, (2,), float32), True, False)
    """

    def __init__(self, controls: int) -> None:
        super().__init__(-1.0, 1.0, shape=(controls,), dtype=np.float32)

    def contains(self, x: Any) -> bool:
        """Return whether it is an array of floats of the shape, each within [-1, 1]."""
        if isinstance(x, np.ndarray) and x.dtype == np.float64:
            return x.shape == self.shape and bool((np.abs(x) <= 1.0).all())
        return super().contains(x)
