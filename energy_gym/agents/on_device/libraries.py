"""The library that trains, imported only when it is needed."""

from __future__ import annotations

import warnings
from typing import Any

from energy_gym.agents.on_device.deferred import deferred
from energy_gym.errors import MissingExtraError

# What the library's environments draw with: half of what importing it would take.
PICTURES = ("matplotlib", "matplotlib.animation", "matplotlib.colors", "matplotlib.pyplot", "seaborn")


def library() -> Any:
    """Return the library that trains.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        with warnings.catch_warnings(), deferred(*PICTURES):
            # What it is built on tells, when imported, what JAX will not have in future.
            warnings.simplefilter("ignore", DeprecationWarning)
            import rejax
    except ImportError as error:
        raise MissingExtraError.of("rejax", "jax") from error
    return rejax
