"""What an agent has learnt, as arrays in a file of its folder.

One rule: what is read is what was written, and a file that is none is refused with the remedy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

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
