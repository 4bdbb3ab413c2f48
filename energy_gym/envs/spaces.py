"""The spaces of an environment, single or one of a batch, as its setup lays them out.

One rule: what is observed is a flat float32 Box, so that every library takes it; what an environment takes as an action
is a member of its space, however wide its floats are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from energy_gym.envs.setup import Setup


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


def observation_space(setup: Setup) -> spaces.Box:
    """Return the flat float32 space of the observations, shape (slots,)."""
    low, high = setup.tape.bounds
    return spaces.Box(low, high, dtype=np.float32)


def action_space(setup: Setup) -> spaces.Box | spaces.Discrete | spaces.MultiDiscrete:
    """Return the entries of an action in [-1, 1] as a Box, or their levels as a discrete space.

    One control has a Box of shape (1,) or a Discrete space, several have a Box of shape (controls,) or a MultiDiscrete;
    where one number chooses for all entries, as for bids, the space is Discrete.
    """
    if setup.levels is None:
        return Shares(setup.controls)
    if setup.chooses:
        return spaces.Discrete(len(setup.levels))
    return spaces.MultiDiscrete([len(setup.levels)] * setup.controls)
