"""The spaces of an environment, as gymnax states them.

One rule: they are those of the Gymnasium environment, in another library's words.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from energy_gym.envs.setup import Setup
from energy_gym.errors import ConfigurationError, MissingExtraError


def observation_space(setup: Setup) -> Any:
    """Return the flat float32 space of the observations, shape (slots,)."""
    low, high = setup.tape.bounds
    return _spaces().Box(low, high, (len(setup.layout),), np.float32)


def action_space(setup: Setup) -> Any:
    """Return the entries of an action in [-1, 1], or the number of levels of a discrete one.

    Raises:
        ConfigurationError: Levels of several entries, of which gymnax has no space.
    """
    if setup.levels is None:
        return _spaces().Box(-1.0, 1.0, (setup.controls,), np.float32)
    if setup.chooses:
        return _spaces().Discrete(len(setup.levels))
    found, rule = f"{setup.controls} entries of {len(setup.levels)} levels", "are a space that gymnax does not have"
    raise ConfigurationError(found, rule, 'pass actions="continuous", or step with whole numbers of your own')


def _spaces() -> Any:
    try:
        from gymnax.environments import spaces
    except ImportError as error:
        raise MissingExtraError.of("gymnax", "jax") from error
    return spaces
