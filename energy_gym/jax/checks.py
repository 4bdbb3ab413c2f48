"""What cannot be played in JAX, or not by one program, and why.

One rule: each refusal names the reason and what plays it instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from energy_gym.envs.setup import Setup
from energy_gym.errors import ActionError, ConfigurationError
from energy_gym.jax.figures import Template

DTYPES = ("float32", "float64")
REMEDY = "play a batch: energy_gym.make_vec"


def checked_dtype(dtype: str) -> str:
    """Return the name of a type of numbers that JAX can give."""
    import jax

    try:
        name = "" if dtype is None else np.dtype(dtype).name
    except TypeError:
        name = ""
    if name not in DTYPES:
        raise ConfigurationError(f"dtype={dtype!r}", f"must be one of {', '.join(DTYPES)}", 'pass dtype="float32"')
    if name == "float64" and not jax.config.jax_enable_x64:
        remedy = 'call jax.config.update("jax_enable_x64", True) before anything is computed'
        raise ConfigurationError("dtype='float64'", "is not enabled in JAX", remedy)
    return name


def check_levels(action: Any) -> None:
    """Raise unless numbers of levels are whole: their type is known while a program is traced.

    Raises:
        ActionError: They are not.
    """
    if not np.issubdtype(action.dtype, np.integer):
        found = f"action of type {action.dtype}"
        raise ActionError(found, "must be whole numbers of levels", "pass integers, as action_space draws them")


def check_entries(action: Any, entries: int) -> None:
    """Raise unless an action has a number for each entry: its shape is known while a program is traced.

    Raises:
        ActionError: It has not.
    """
    if action.size != entries:
        found = f"action of shape {action.shape}"
        raise ActionError(found, f"must be {entries} numbers", f"pass shape ({entries},), and jax.vmap over several")


def require_playable(setup: Setup) -> None:
    """Raise where no pure function plays a setup."""
    optimal = next((unit for unit in setup.units if unit.undifferentiable is not None), None)
    if optimal is not None and setup.kind.gates is None:
        raise ConfigurationError(f"{setup.scenario.name!r} in JAX", str(optimal.undifferentiable), REMEDY)
    if setup.kind.gates is not None:
        rule = "bids count at gate closures and are settled later, by books that no pure step keeps"
        raise ConfigurationError(f"{setup.scenario.name!r} in JAX", rule, REMEDY)


def other_shape(setup: Setup, why: str) -> ConfigurationError:
    """Return the error that a setup needs a program of its own."""
    found = f"parameters of {setup.scenario.name!r}"
    return ConfigurationError(found, f"need a program of their own: {why}", "make another with energy_gym.jax.make")


def _same(one: Any, other: Any) -> bool:
    """Return whether two shapes agree; figures that are arrays agree where they are the same object."""
    try:
        return bool(one == other)
    except ValueError:
        return False


def require_same_shape(setup: Setup, own: Setup, templates: Sequence[Template]) -> None:
    """Raise where a setup cannot be played by the program of another."""
    if [slot.name for slot in setup.layout] != [slot.name for slot in own.layout]:
        raise other_shape(setup, "it observes other slots")
    if setup.kind != own.kind or len(setup.units) != len(templates):
        raise other_shape(setup, "it has other sites")
    if (setup.levels is None) != (own.levels is None):
        raise other_shape(setup, "one has discrete actions and the other continuous ones")
    for template, unit in zip(templates, setup.units, strict=True):
        if not _same(template.shape(unit), template.shape(template.unit)):
            raise other_shape(setup, f"unit {unit.name!r} is built in another way")
