"""Discrete actions for a producer: a level of storage power, and for each market what part of the surplus to offer.

One rule: the wrapper decides how a choice becomes bids for all slots of a gate; what a bid does is the environment's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from energy_gym.bidding.env import BiddingEnv
from energy_gym.bidding.outlook import offered_kw, surplus_kw, write_bids
from energy_gym.envs.setup import action_levels
from energy_gym.errors import ActionError, ConfigurationError

Floats = npt.NDArray[np.float64]
OFFERS = (0.0, 0.5, 1.0, 1.25)


class OfferLevels(gym.ActionWrapper[Any, Any, Any]):
    """Hierarchical discrete actions: which level of storage power, and which share of the expected surplus is offered.

    An action is one number: the level of storage power, and one share for each market. Where a market's gate is due,
    its share of the surplus that is forecast for a slot and not yet offered is bid for every slot; elsewhere it has no
    effect. The consumer is served as it demands.

    Args:
        env: The environment.
        storage: Levels of storage power, ``"discrete-N"`` with an odd N.
        offers: Shares of the surplus.

    Raises:
        ConfigurationError: The environment is no producer's, or there is no share.

    Example:
        >>> env = OfferLevels(gym.make("energy_gym/Bidding-v0", episode_steps=48))
        >>> env.action_space, env.choice(7)
        (Discrete(12), (0.0, (1.25,)))
    """

    def __init__(self, env: gym.Env[Any, Any], storage: str = "discrete-3", offers: Sequence[float] = OFFERS) -> None:
        super().__init__(env)
        base = env.unwrapped
        if not isinstance(base, BiddingEnv):
            found = f"env={type(base).__name__}"
            raise ConfigurationError(found, "must be energy_gym/Bidding-v0", "wrap gym.make('energy_gym/Bidding-v0')")
        self._base = base
        self._levels = action_levels(storage) or (0.0,)
        self._offers = tuple(float(share) for share in offers)
        if not self._offers or not all(np.isfinite(self._offers)):
            raise ConfigurationError(f"offers={offers!r}", "must be shares of the surplus", "pass (0.0, 0.5, 1.0)")
        self._sizes = (len(self._levels), *(len(self._offers),) * len(base.setup.timetable.books))
        self.action_space = spaces.Discrete(int(np.prod(self._sizes)))

    def choice(self, action: int) -> tuple[float, tuple[float, ...]]:
        """Return the share of storage power, and the share of the surplus for each market, that an action means."""
        number = int(np.asarray(action).item())
        if not 0 <= number < int(np.prod(self._sizes)):
            found, most = f"action={action!r}", int(np.prod(self._sizes)) - 1
            raise ActionError(found, f"must be one of 0 to {most}", "pass an int of that range")
        level, *chosen = np.unravel_index(number, self._sizes)
        return self._levels[int(level)], tuple(self._offers[int(share)] for share in chosen)

    def action(self, action: int) -> Floats:
        """Return the action of the environment that a choice means now, shape (controls,)."""
        base = self._base
        power, shares = self.choice(action)
        entries = np.zeros(base.setup.controls)
        entries[0] = power
        if base.due[len(base.setup.flexibles) + 1 :].any():
            left = 0.0 - surplus_kw(base) - offered_kw(base)
            for place, share in enumerate(shares):
                write_bids(base, place, share * left, entries)
        return entries
