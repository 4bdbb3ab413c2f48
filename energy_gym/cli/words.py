"""Words that help texts share; what a registry holds is listed from it, so that no value that works goes untold."""

from __future__ import annotations

from collections.abc import Iterable

LEVELS = "continuous, discrete-3, discrete-5 or another odd number of levels"


def either(names: Iterable[str], *more: str) -> str:
    """Return names as a choice.

    Example:
        >>> either(["cost", "carbon", "joint"]), either(["dk2"], "a YAML file")
        ('cost, carbon or joint', 'dk2 or a YAML file')
    """
    *others, last = [*names, *more]
    return f"{', '.join(others)} or {last}" if others else last
