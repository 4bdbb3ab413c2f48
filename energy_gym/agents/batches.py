"""A batch of environments like a single one, whatever its kind; its one rule: it has the keywords of the single one."""

from __future__ import annotations

from typing import Any

from energy_gym.bidding.choosing import ChoosingEnv, ChoosingVectorEnv
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.vector_env import EnergyVectorEnv, batch_of
from energy_gym.reserve.env import FleetEnv, FleetVectorEnv

MARKETS = ((ChoosingEnv, ChoosingVectorEnv), (FleetEnv, FleetVectorEnv))


def batch_like(env: EnergyEnv, num_envs: int, autoreset: str, **changes: Any) -> EnergyVectorEnv:
    """Return a batch of environments like a single one but for the keywords given.

    Example:
        >>> import gymnasium as gym
        >>> producer = gym.make("energy_gym/Bidding-v0", actions="discrete-3").unwrapped
        >>> batch_like(producer, 4, "same_step").single_action_space
        Discrete(12)
    """
    for single, several in MARKETS:
        if isinstance(env, single):
            return several(num_envs, autoreset=autoreset, **env.complete({**env.keywords, **changes}))
    return batch_of(env, num_envs, autoreset, **changes)
