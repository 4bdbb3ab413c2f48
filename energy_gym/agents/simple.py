"""Agents that neither learn nor look ahead: doing nothing, and drawing at random."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from energy_gym.agents.base import Agent


class Idle(Agent):
    """Does nothing: the zero of the score.

    Example:
        >>> import gymnasium as gym
        >>> Idle(gym.make("energy_gym/Arbitrage-v1", actions="discrete-3")).act(None, {})
        1
    """

    name: ClassVar[str] = "idle"
    selective: ClassVar[bool] = True

    def __init__(self, env: Any, seed: int = 0) -> None:
        super().__init__(env, seed)
        if self.env.setup.control == "meter":
            raise self.refused("leaves the battery alone, which no power at the meter does whatever load comes")

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        return self.power(0.0)


class Uniform(Agent):
    """Draws every action evenly from the action space; the same seed gives the same draws after each ``reset``.

    Example:
        >>> import gymnasium as gym
        >>> agent = Uniform(gym.make("energy_gym/Arbitrage-v1"), seed=3)
        >>> agent.act(None, {}).shape
        (1,)
    """

    name: ClassVar[str] = "uniform"
    stochastic: ClassVar[bool] = True

    def __init__(self, env: Any, seed: int = 0) -> None:
        super().__init__(env, seed)
        self.reset()

    def reset(self) -> None:
        """Start the draws anew."""
        self._random = np.random.default_rng(self.seed)

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self.reset()

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        levels, controls = self.env.setup.levels, self.env.setup.controls
        if levels is None:
            return self._random.uniform(-1.0, 1.0, size=controls)
        one = isinstance(self.env.action_space, spaces.Discrete)
        return int(self._random.integers(len(levels))) if one else self._random.integers(len(levels), size=controls)
