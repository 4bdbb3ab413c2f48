"""What is given to a batch, spread over its environments: one value for all, or one for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from energy_gym.entities import Battery
from energy_gym.errors import ConfigurationError, WindowError


def each_battery(battery: Battery | Sequence[Battery] | None, num_envs: int) -> list[Battery]:
    """Return a battery per environment, or an empty list where the scenario's own is meant."""
    if battery is None or isinstance(battery, Battery):
        return [] if battery is None else [battery] * num_envs
    batteries = list(battery)
    if len(batteries) != num_envs or not all(isinstance(item, Battery) for item in batteries):
        raise ConfigurationError(
            f"battery= a sequence of {len(batteries)}",
            f"must be {num_envs} objects of Battery",
            "pass one per environment",
        )
    return batteries


def each_seed(seed: int | Sequence[int | None] | None, num_envs: int) -> list[int | None]:
    """Return a seed per environment: seed s gives environment i the seed s + i."""
    if seed is None:
        return [None] * num_envs
    if isinstance(seed, int | np.integer):
        return [int(seed) + index for index in range(num_envs)]
    return each_value("seed", list(seed), num_envs)


def each_value(name: str, value: Any, num_envs: int) -> list[Any]:
    """Return one value per environment: a list or array is taken as such, anything else is repeated."""
    if isinstance(value, list | tuple | np.ndarray) or (hasattr(value, "tz_convert") and hasattr(value, "__len__")):
        if len(value) != num_envs:
            raise WindowError(
                f"{name} of {len(value)} values", f"must have {num_envs}", "pass one, or one per environment"
            )
        return list(value)
    return [value] * num_envs
