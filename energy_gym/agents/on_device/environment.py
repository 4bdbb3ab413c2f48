"""The environment that a learner on the device plays: rewards as every learner takes them.

One rule: rewards are scaled by one fixed factor and cut to a fixed range; nothing else is changed.
"""

from __future__ import annotations

from typing import Any

from energy_gym.jax.env import Environment
from energy_gym.jax.parameters import Params, State


class ScaledEnvironment(Environment):
    """An environment whose rewards are scaled by a fixed factor and cut to a fixed range, as learners take them.

    Args:
        setup: What is played.
        factor: What rewards are multiplied by.
        limit: What they are cut to.
    """

    def __init__(self, setup: Any, factor: float, limit: float) -> None:
        super().__init__(setup)
        self._factor, self._limit = factor, limit

    def step(
        self, key: Any, state: State, action: Any, params: Params | None = None
    ) -> tuple[Any, State, Any, Any, dict[str, Any]]:
        """See `Environment.step`."""
        import jax.numpy as jnp

        seen, state, reward, done, info = super().step(key, state, action, params)
        return seen, state, jnp.clip(reward * self._factor, -self._limit, self._limit), done, info
