"""Types of NumPy arrays by what they hold, and series of arrays read step by step.

Shapes stand in the docstrings that use the types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

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


def listed(part: Any, steps: int) -> list[Any]:
    """Return series (T,), or nested tuples of them, as a list with a float, or such a tuple of floats, for each step.

    Example:
        >>> listed((np.array([1.0, 2.0]), ()), 2)
        [(1.0, ()), (2.0, ())]
    """
    if isinstance(part, tuple):
        return list(zip(*(listed(item, steps) for item in part), strict=True)) if part else [()] * steps
    values: list[Any] = part.tolist()
    return values


def gatherer(parts: tuple[Any, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function from an array of steps to what nested tuples of series hold there; zeros stay a plain 0.0.

    One step past the last is allowed, and means nothing.

    Example:
        >>> gatherer((np.array([1.0, 2.0]), (np.zeros(2),)))(np.array([1, 0]))
        (array([2., 1.]), (0.0,))
    """
    takers: dict[int, Callable[[Any], Any]] = {id(part): _taker(part) for part in parts}
    order = [id(part) for part in parts]

    def gather(steps: Any) -> tuple[Any, ...]:
        found = {key: take(steps) for key, take in takers.items()}
        return tuple([found[key] for key in order])

    return gather


def _taker(part: Any) -> Callable[[Any], Any]:
    if isinstance(part, tuple):
        return gatherer(part) if part else lambda _: ()
    if not part.any():
        return lambda _: 0.0
    take = np.append(part, 0.0).take
    return lambda steps: take(steps)
