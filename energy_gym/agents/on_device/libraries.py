"""The library that trains, imported only when it is needed."""

from __future__ import annotations

import warnings
from typing import Any

from energy_gym.errors import MissingExtraError


def library() -> Any:
    """Return the library that trains.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        with warnings.catch_warnings():
            # What it is built on tells, when imported, what JAX will not have in future.
            warnings.simplefilter("ignore", DeprecationWarning)
            import rejax
    except ImportError as error:
        raise MissingExtraError.of("rejax", "jax") from error
    return rejax
