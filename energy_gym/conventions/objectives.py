"""A reward of several parts, in the convention of MO-Gymnasium: money, carbon and wear.

One rule: the parts are those of ``info``; under the weights of the environment's objective they add up to its reward.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from energy_gym.arrays import Floats
from energy_gym.conventions.costs import base_of

OBJECTIVES = ("money", "carbon", "wear")


class Objectives(gym.Env[Any, Any]):
    """An environment whose reward is a vector: money earned, carbon avoided and wear spared, each more is better.

    ``money`` is minus energy cost, penalties and demand charges [currency], ``carbon`` minus the carbon caused [kg],
    ``wear`` minus the wear of storage [currency]. ``reward_space`` and ``reward_dim`` are what MO-Gymnasium and its
    libraries ask for; ``weights`` make the reward of the environment's own objective out of the vector; ``energy`` is
    the environment of this package within, for the oracle and for agents.

    Args:
        env: An environment of this package, in any wrappers that leave its ``info`` alone.

    Raises:
        ConfigurationError: The environment is not one of this package.

    Example:
        >>> env = Objectives(gym.make("energy_gym/Microgrid-v1", objective="joint", carbon_price=80.0))
        >>> observation, info = env.reset(seed=0)
        >>> observation, vector, terminated, truncated, info = env.step([-1.0])
        >>> vector.shape, env.objectives
        ((3,), ('money', 'carbon', 'wear'))
        >>> bool(abs(env.weights @ vector - info["reward"]) < 1e-9)
        True
    """

    def __init__(self, env: Any) -> None:
        self.env, self.energy = env, base_of(env)
        self.observation_space, self.action_space = env.observation_space, env.action_space
        self.metadata, self.render_mode = env.metadata, env.render_mode
        self.objectives = OBJECTIVES
        self.reward_dim = len(OBJECTIVES)
        limits = np.full(self.reward_dim, np.inf)
        self.reward_space = spaces.Box(-limits, limits, dtype=np.float64)
        self.weights: Floats = np.array(self.energy.setup.weights)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """See `energy_gym.envs.env.EnergyEnv.reset`."""
        found: tuple[Any, dict[str, Any]] = self.env.reset(seed=seed, options=options)
        self.np_random = self.energy.np_random
        return found

    def step(self, action: Any) -> Any:
        """Return observation, vector of rewards of shape (3,), terminated, truncated and info.

        ``info["reward"]`` has the reward of the environment's own objective.
        """
        observation, gain, terminated, truncated, info = self.env.step(action)
        money = info["energy_cost"] + info["penalty"] + info["demand_charge"]
        vector = -np.array([money, info["carbon_kg"], info["wear"]])
        return observation, vector, terminated, truncated, {**info, "reward": gain}

    def render(self) -> Any:
        """See `energy_gym.envs.env.EnergyEnv.render`."""
        return self.env.render()

    def close(self) -> None:
        """Close the environment."""
        self.env.close()
