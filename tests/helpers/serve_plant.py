"""The commercial site as the tests of the service play it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym

from energy_gym.agents.base import Agent

HOURS = 6


class Charges(Agent):
    """Charges at a tenth of rated power, whatever happens."""

    name = "charges"

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        return self.power(0.1)


def charges(env: Any, seed: int) -> Charges:
    """Return one that charges."""
    return Charges(env, seed)


def commercial(**keywords: Any) -> Any:
    """Return the commercial site, looking a few hours ahead."""
    told = {"split": "test", "horizon": 4 * HOURS, "disable_env_checker": True, **keywords}
    return gym.make("energy_gym/Commercial-v1", **told).unwrapped
