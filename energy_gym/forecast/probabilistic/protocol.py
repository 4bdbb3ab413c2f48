"""What a controller asks of a probabilistic forecast, and what is checked of every one of them.

One rule: what is asked and what is answered are checked in one place, for the package's makers and a user's alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.data.feed import Feed
from energy_gym.data.validation import is_whole
from energy_gym.errors import ConfigurationError, MissingColumnError, NonFiniteError, WindowError


@runtime_checkable
class Scenarios(Protocol):
    """Paths of what may come, all equally likely, correlated in time and from column to column."""

    def scenarios(self, t: int, n: int, horizon: int) -> Mapping[str, Floats]:
        """Return paths by column, each of shape (n, horizon), in the unit of the column.

        Element ``[i, k]`` is what the step ``t + k`` may hold by path ``i``; path ``i`` of one column belongs to path
        ``i`` of every other. Nothing is read that was not known at ``t``; what was known is the same in all paths. The
        same ``t`` and ``n`` give the same paths.

        Args:
            t: The step, counted from the beginning of the data.
            n: Number of paths.
            horizon: Steps of a path, the first of which is ``t``.
        """
        ...


def check_asked(feed: Feed, t: object, n: object, horizon: object) -> None:
    """Raise where paths are asked for that cannot be.

    Raises:
        ConfigurationError: ``n`` or ``horizon`` is no whole number of at least 1.
        WindowError: The paths would start or end outside the data.
    """
    for name, value in (("n", n), ("horizon", horizon)):
        if not is_whole(value) or value < 1:
            raise ConfigurationError(
                f"{name}={value!r}", "must be a whole number of at least 1", f"pass {name}=24, say"
            )
    if not is_whole(t) or not 0 <= t < len(feed):
        raise WindowError(f"t={t!r}", f"must be one of the {len(feed)} steps of the data", "count from their beginning")
    left = len(feed) - int(t)
    if int(horizon) > left:  # type: ignore[call-overload]
        raise WindowError(f"horizon={horizon} at t={t}", f"the data end after {left} steps", f"ask for at most {left}")


def checked(paths: Any, told: str, columns: Sequence[str], n: int, horizon: int) -> dict[str, Floats]:
    """Return paths as an own dictionary of float64 arrays.

    Args:
        paths: What a maker answered.
        told: What the maker is called, for messages.
        columns: The columns that are needed; others are left out.
        n: Paths that were asked for.
        horizon: Steps that were asked for.

    Raises:
        ConfigurationError: They are no mapping, no numbers, or of another shape.
        MissingColumnError: A column is missing.
        NonFiniteError: A value is not finite.
    """
    if not isinstance(paths, Mapping):
        raise ConfigurationError(
            f"{told} gave {type(paths).__name__}", "must be a mapping from column to paths", "return a dictionary"
        )
    found = {}
    for column in columns:
        if column not in paths:
            have = ", ".join(map(str, paths)) or "none"
            raise MissingColumnError(f"{told}: column {column!r}", f"is needed; it gave {have}", "add it")
        values = _numbers(paths[column], f"{told}: {column!r}")
        if values.shape != (n, horizon):
            rule = f"must be {(n, horizon)}, paths by steps"
            raise ConfigurationError(f"{told}: {column!r} of shape {values.shape}", rule, "return as many as asked for")
        if not np.isfinite(values).all():
            where = tuple(int(place) for place in np.argwhere(~np.isfinite(values))[0])
            raise NonFiniteError(f"{told}: {column!r} at {where}", "must be finite", "correct that path")
        found[column] = values
    return found


def _numbers(values: Any, told: str) -> Floats:
    """Return paths of a column as float64, or raise ConfigurationError."""
    try:
        found = np.asarray(values)
        if np.iscomplexobj(found):
            raise TypeError("complex")
        return found.astype(np.float64)
    except (TypeError, ValueError) as error:
        rule = "must be numbers, as many in each path"
        raise ConfigurationError(f"{told} holds something else", rule, "return an array of floats") from error
