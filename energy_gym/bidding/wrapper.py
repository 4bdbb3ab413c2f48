"""Discrete actions for a producer with continuous ones; its one rule: `Choices` says what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from energy_gym.arrays import Floats
from energy_gym.bidding.choices import Choices
from energy_gym.bidding.env import ProducerEnv
from energy_gym.bidding.setup import OFFERS
from energy_gym.envs.keywords import action_levels
from energy_gym.errors import ConfigurationError


class OfferLevels(gym.ActionWrapper[Any, Any, Any]):
    """Hierarchical discrete actions: which level of storage power, and which share of the expected surplus is offered.

    An action is one number that `energy_gym.bidding.choices.Choices` reads. ``actions="discrete-N"`` of the environment
    itself does the same with the usual shares; the wrapper takes any.

    Args:
        env: The environment.
        storage: Levels of storage power, ``"discrete-N"`` with an odd N.
        offers: Shares of the surplus.

    Raises:
        ConfigurationError: The environment is no producer's, or there is no share.

    Example:
        >>> env = OfferLevels(gym.make("energy_gym/Bidding-v1", episode_steps=48))
        >>> env.action_space, env.choice(7)
        (Discrete(12), (0.0, (1.25,)))
    """

    def __init__(self, env: gym.Env[Any, Any], storage: str = "discrete-3", offers: Sequence[float] = OFFERS) -> None:
        super().__init__(env)
        base = env.unwrapped
        if not isinstance(base, ProducerEnv):
            found = f"env={type(base).__name__}"
            raise ConfigurationError(found, "must be energy_gym/Bidding-v1", "wrap gym.make('energy_gym/Bidding-v1')")
        self._base = base
        levels = action_levels(storage) or (0.0,)
        self._choices = Choices(base.setup, levels, tuple(float(share) for share in offers))
        self.action_space = spaces.Discrete(self._choices.count)

    def choice(self, action: int) -> tuple[float, tuple[float, ...]]:
        """Return the share of storage power, and the share of the surplus for each market, that an action means."""
        return self._choices.meaning(int(self._choices.checked(action, 1)[0]))

    def action(self, action: int) -> Floats:
        """Return the action of the environment that a choice means now, shape (controls,)."""
        offered = [volumes[None] for volumes in self._base.gates.ahead()]
        now = np.array([self._base.steps_left[0]])
        return self._choices.entries(self._choices.checked(action, 1), now, offered)[0]
