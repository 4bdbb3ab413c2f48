"""The environment that a learner on the device plays: rewards as every learner takes them, episodes left open.

One rule: rewards are scaled by one fixed factor and cut to a fixed range; nothing else is changed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from energy_gym.jax.env import Environment
from energy_gym.jax.parameters import Params, State


class Played(NamedTuple):
    """The state of an environment, and what was seen at the end of the last step, before an episode began anew.

    Args:
        state: The state.
        seen: What was observed then: of an episode that ended, what its next step would have begun with.
    """

    state: State
    seen: Any


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

    def reset(self, key: Any, params: Params | None = None) -> tuple[Any, Any]:
        """See `Environment.reset`."""
        seen, state = super().reset(key, params)
        return seen, Played(state, seen)

    def step(
        self, key: Any, state: Any, action: Any, params: Params | None = None
    ) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """See `Environment.step`; the state says what was seen before an episode began anew."""
        import jax
        import jax.numpy as jnp

        chosen = self.default_params if params is None else params
        after, reward, done, info = self.play(state.state, action, chosen)
        fresh, last = self._started(key, chosen), self.observe(after, chosen)
        now = jax.tree.map(lambda new, old: jnp.where(done, new, old), fresh, after)
        seen = jnp.where(done, self.observe(fresh, chosen), last)
        return seen, Played(now, last), jnp.clip(reward * self._factor, -self._limit, self._limit), done, info
