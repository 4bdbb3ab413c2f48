"""What an agent has learnt, as arrays in a file of its folder.

One rule: what is read is what was written, and a file that is none is refused with the remedy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from energy_gym.errors import ConfigurationError


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays into a file, by name."""
    with path.open("wb") as stream:
        np.savez(stream, **arrays)


def read_arrays(path: Path, names: Iterable[str]) -> list[Any]:
    """Return the arrays of a file that have these names, in their order.

    Raises:
        ConfigurationError: There is no such file, it is damaged, or it lacks one of them.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "learnt.npz"
        >>> write_arrays(path, {"weights": np.ones(2), "limit": np.array(3.0)})
        >>> read_arrays(path, ["limit", "weights"])
        [array(3.), array([1., 1.])]
    """
    try:
        with np.load(path) as arrays:
            return [arrays[name] for name in names]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(f"{path}", "cannot be read", "save the agent again") from error


class Learnt:
    """What an agent has learnt, kept in a file: a base of data classes whose fields are arrays or tuples of names.

    Example:
        >>> import tempfile
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Means(Learnt):
        ...     columns: tuple[str, ...]
        ...     mean: np.ndarray
        >>> path = Path(tempfile.mkdtemp()) / "means.npz"
        >>> Means(("price_per_mwh",), np.array([42.0])).write(path)
        >>> Means.read(path)
        Means(columns=('price_per_mwh',), mean=array([42.]))
    """

    __slots__ = ()

    def write(self, path: Path) -> None:
        """Write it into a file."""
        values = {name: getattr(self, name) for name in _names(self)}
        write_arrays(path, {k: np.array(v, dtype=str) if isinstance(v, tuple) else v for k, v in values.items()})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read it from a file.

        Raises:
            ConfigurationError: There is none, or it is damaged.
        """
        found = read_arrays(path, _names(cls))
        return cls(*(tuple(array.tolist()) if array.dtype.kind == "U" else array for array in found))


def _names(learnt: Any) -> list[str]:
    return [field.name for field in fields(learnt)]
