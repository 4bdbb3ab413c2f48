"""The environment that an optimum is asked for: the one inside all wrappers, if what is found holds outside them too.

One rule: a plan that a wrapper would play otherwise is refused, never handed out.
"""

from __future__ import annotations

from typing import Any

from energy_gym.data.price_law import PriceLaw, price_law
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.wrapped import ACTIONS, LENGTH, check_faithful
from energy_gym.errors import ConfigurationError, ResetNeededError, UnknownIdError


def running(env: Any, who: str = "solve()") -> EnergyEnv:
    """Return the environment inside all wrappers, in which an episode is running.

    Args:
        env: The environment.
        who: What asks.

    Raises:
        ConfigurationError: It is none of this package, or a wrapper changes actions or the length of episodes.
        ResetNeededError: No episode is running.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=24)
        >>> observation, info = env.reset(seed=0)
        >>> running(env) is env.unwrapped
        True
    """
    base = getattr(env, "unwrapped", env)
    if not isinstance(base, EnergyEnv):
        raise ConfigurationError(f"env={env!r}", "must be a single environment of energy_gym", "pass gym.make(...)")
    check_faithful(env, (ACTIONS, LENGTH), f"{who} answers for the environment itself", "pass env.unwrapped")
    first, stop = base.steps_left
    if first >= stop:
        raise ResetNeededError(who, "no episode is running", "call env.reset() first")
    return base


def law_of(env: EnergyEnv, information: PriceLaw | str) -> PriceLaw:
    """Return the law that is meant.

    Raises:
        ConfigurationError: The frame that is played was drawn from no law of the package.
        UnknownIdError: Unknown information.
    """
    if isinstance(information, PriceLaw):
        return information
    if information != "law":
        raise UnknownIdError.of("information", information, ("foresight", "law"))
    if env.setup.feed.law is None:
        rule = "the data that are played were not drawn from a law of the package"
        raise ConfigurationError(
            'information="law"', rule, "draw them: price_law('markov-nyc-rt').draw(); or pass a law"
        )
    return price_law(env.setup.feed.law)
