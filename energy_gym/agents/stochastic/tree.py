"""Which scenarios share their decisions, step by step.

One rule: what was told apart stays told apart; scenarios that share a decision lie side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from energy_gym.arrays import Ints
from energy_gym.errors import ConfigurationError

TWO_STAGES = (1,)
"""The running step, and all that follows."""


def check_stages(stages: Sequence[int]) -> tuple[int, ...]:
    """Return the steps at which scenarios are told apart, or raise ConfigurationError.

    Example:
        >>> check_stages([1, 8])
        (1, 8)
        >>> check_stages([8, 1])
        Traceback (most recent call last):
        energy_gym.errors.ConfigurationError: stages=[8, 1]: must be steps of 1 or more that rise; pass ...
    """
    found = tuple(stages) if isinstance(stages, Iterable) else ()
    whole = all(isinstance(step, int) and not isinstance(step, bool) for step in found)
    if not (found and whole and list(found) == sorted({*found}) and found[0] >= 1):
        raise ConfigurationError(
            f"stages={stages}",
            "must be steps of 1 or more that rise",
            "pass (1,) for two stages, or such as (1, 8, 32)",
        )
    return found


def grouped(scenarios: int, steps: int, stages: Sequence[int] = TWO_STAGES) -> Ints:
    """Return the group of each scenario at each step, shape (steps, scenarios).

    Before the first of the ``stages`` all share their decisions. At each of them every group is split alike, so that
    from the last one on each scenario stands alone.

    Example:
        >>> grouped(4, 3, (1, 2)).tolist()
        [[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 2, 3]]
    """
    parts, branches = [np.arange(scenarios)], len(stages)
    children = int(np.ceil(scenarios ** (1.0 / branches) - 1e-9))
    found = np.zeros((steps, scenarios), dtype=np.int64)
    for number, step in enumerate(stages):
        split = scenarios if number == branches - 1 else children
        parts = [child for part in parts for child in np.array_split(part, min(split, len(part)))]
        for place, part in enumerate(parts):
            found[step:, part] = place
    return found
