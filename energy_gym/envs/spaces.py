"""The spaces of an environment, single or one of a batch, as its setup lays them out.

One rule: what is observed is a flat float32 Box, so that every library takes it.
"""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from energy_gym.envs.setup import Setup


def observation_space(setup: Setup) -> spaces.Box:
    """Return the flat float32 space of the observations, shape (slots,)."""
    low, high = setup.tape.bounds
    return spaces.Box(low, high, dtype=np.float32)


def action_space(setup: Setup) -> spaces.Box | spaces.Discrete | spaces.MultiDiscrete:
    """Return the entries of an action in [-1, 1] as a Box, or their levels as a discrete space.

    One control has a Box of shape (1,) or a Discrete space, several have a Box of shape (controls,) or a MultiDiscrete;
    where gates read discrete actions, one number chooses for all entries.
    """
    if setup.levels is None:
        return spaces.Box(-1.0, 1.0, shape=(setup.controls,), dtype=np.float32)
    if setup.controls == 1 or setup.kind.gates is not None:
        return spaces.Discrete(len(setup.levels))
    return spaces.MultiDiscrete([len(setup.levels)] * setup.controls)
