"""What a compiled program takes as arguments: parameters that stay over an episode, and the state of an episode.

One rule: both are pytrees of arrays, so that one program serves every battery, tariff and market of the same shape.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Self, cast

import numpy as np


class State(NamedTuple):
    """The state of an episode.

    Args:
        states: States of the units, each a scalar, as in `energy_gym.units.Unit.initial`.
        step: Step of the split that comes next.
        stop: Step after the last of the episode.
    """

    states: tuple[Any, ...]
    step: Any
    stop: Any


@dataclass(frozen=True)
class Params:
    """Everything that may differ between environments of one compiled program.

    Args:
        figures: Figures of entities, contracts and connections by unit, as `figures.UnitFigures`.
        initial: States at the start of an episode.
        series: What changes from step to step, shape (steps + 1, columns).
        rows: What is observed but for the states, whose slots come first, shape (steps + 1, slots), float32.
        spans: Offset and scale of each state that is observed.
        closings: What energy missing or left costs at the end of an episode, by unit.
        weights: What each part counts in the reward.
        levels: Shares of rated power that discrete actions mean, shape (levels,); None for continuous ones.
        episode_steps: Length of an episode.
    """

    figures: Any
    initial: tuple[Any, ...]
    series: Any
    rows: Any
    spans: tuple[tuple[Any, Any], ...]
    closings: tuple[Any, ...]
    weights: Any
    levels: Any
    episode_steps: Any

    @property
    def max_steps_in_episode(self) -> Any:
        """The length of an episode, under the name by which trainers ask for it."""
        return self.episode_steps

    def replace(self, **changes: Any) -> Self:
        """Return the same with other fields."""
        return replace(self, **changes)


@functools.cache
def register_params() -> None:
    """Make `Params` known to JAX as a pytree."""
    import jax

    names = [field.name for field in fields(Params)]
    jax.tree_util.register_dataclass(Params, data_fields=names, meta_fields=[])


def as_arrays(params: Params, dtype: str) -> Params:
    """Return parameters as arrays of JAX: whole numbers as such, observations in float32, figures in a type."""
    import jax
    import jax.numpy as jnp

    def as_array(value: Any) -> Any:
        if isinstance(value, jax.Array):
            return value
        if isinstance(value, int):
            return jnp.asarray(value, dtype=jnp.int32)
        seen = isinstance(value, np.ndarray) and value.dtype == np.float32
        return jnp.asarray(value, dtype=np.float32 if seen else dtype)

    return cast(Params, jax.tree.map(as_array, params))
