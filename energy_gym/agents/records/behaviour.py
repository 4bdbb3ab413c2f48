"""The behaviour behind recorded data, as an agent: the expert with noise mixed in, to hold offline learning against.

One rule: it knows the future, as the oracle does; it is a yardstick for data, not a competitor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from energy_gym.agents.base import Agent
from energy_gym.agents.records.experts import WINDOW, foresight


class Behaviour(Agent):
    """Plays the oracle's rolling plan, and with some probability a random action instead.

    Args:
        env: The environment it acts in.
        seed: Seed of the noise.
        noise: Probability of a random action.
        window: Steps that the oracle plans ahead.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", actions="discrete-3", episode_steps=24)
        >>> _, info = env.reset(seed=0)
        >>> Behaviour(env, noise=0.5).act(None, info) in (0, 1, 2)
        True
    """

    name: ClassVar[str] = "behaviour"
    stochastic: ClassVar[bool] = True

    def __init__(self, env: Any, seed: int = 0, noise: float = 0.3, window: int = WINDOW) -> None:
        super().__init__(env, seed)
        self.noise = noise
        self._expert = foresight(self.env, window)
        self.reset()

    def reset(self) -> None:
        """Start the noise anew."""
        self._random = np.random.default_rng(self.seed)

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        if self._random.random() >= self.noise:
            return self._expert(dict(info))
        levels = self.env.setup.levels
        if levels is None:
            return self._random.uniform(-1.0, 1.0, size=self.env.setup.controls)
        return int(self._random.integers(len(levels)))
