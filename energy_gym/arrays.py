"""Types of NumPy arrays by what they hold; shapes stand in the docstrings that use them."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
S = TypeVar("S", bound=Floats | tuple[Floats, ...])


def or_zeros(series: S | None, steps: int) -> S | Floats:
    """Return a series, or zeros of shape (steps,) where there is none.

    Example:
        >>> or_zeros(None, 2).tolist()
        [0.0, 0.0]
    """
    return np.zeros(steps) if series is None else series
