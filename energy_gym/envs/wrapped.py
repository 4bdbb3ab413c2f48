"""What Gymnasium wrappers around an environment change, told before anything is played or learnt through them.

One rule: what would be passed over is refused: an agent sees the slots, takes the actions and learns from the rewards
of the environment itself, and a wrapper that changes any of these is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gymnasium as gym

from energy_gym.errors import ConfigurationError

OBSERVATIONS, ACTIONS, REWARDS, LENGTH = "observations", "actions", "rewards", "the end of an episode"
EVERYTHING = (OBSERVATIONS, ACTIONS, REWARDS, LENGTH)
# Wrappers that hand on what they get: they count, record, check or draw. Actions of this package are inside [-1, 1], so
# clipping them changes nothing; observations are flat, so flattening changes nothing either.
FAITHFUL = (
    "AutoResetWrapper",
    "Autoreset",
    "ClipAction",
    "FlattenObservation",
    "HumanRendering",
    "OrderEnforcing",
    "PassiveEnvChecker",
    "RecordEpisodeStatistics",
    "RecordVideo",
    "RenderCollection",
)
# Wrappers that change observations, rewards or actions and do not say so by their class, in Gymnasium or elsewhere.
KNOWN = {
    "NormalizeReward": REWARDS,
    "NormalizeObservation": OBSERVATIONS,
    "FrameStack": OBSERVATIONS,
    "FrameStackObservation": OBSERVATIONS,
    "TimeAwareObservation": OBSERVATIONS,
    "DelayObservation": OBSERVATIONS,
}
KINDS = ((gym.ObservationWrapper, OBSERVATIONS), (gym.ActionWrapper, ACTIONS), (gym.RewardWrapper, REWARDS))


def wrappers_of(env: Any) -> Iterator[Any]:
    """Yield the wrappers of an environment, the outermost first.

    Example:
        >>> env = gym.make("energy_gym/Arbitrage-v1", max_episode_steps=24)
        >>> [type(wrapper).__name__ for wrapper in wrappers_of(env)]
        ['TimeLimit']
    """
    while isinstance(env, gym.Wrapper):
        yield env
        env = env.env


def changes(env: Any) -> dict[str, str]:
    """Return what wrappers change, and the name of the wrapper that does.

    A wrapper of a class of one's own that overrides ``step`` may change anything; it is taken to change rewards unless
    it has an attribute ``faithful = True``.

    Example:
        >>> env = gym.make("energy_gym/Arbitrage-v1")
        >>> changes(gym.wrappers.TransformReward(env, lambda reward: 2.0 * reward))
        {'rewards': 'TransformReward'}
    """
    found: dict[str, str] = {}
    for wrapper in wrappers_of(env):
        changed = _changed(wrapper)
        if changed is not None:
            found[changed] = type(wrapper).__name__
    return found


def _changed(wrapper: Any) -> str | None:
    name = type(wrapper).__name__
    if name in FAITHFUL or getattr(type(wrapper), "faithful", False):
        return None
    if name in KNOWN:
        return KNOWN[name]
    for kind, changed in KINDS:
        if isinstance(wrapper, kind):
            return changed
    if name == "TimeLimit":
        return LENGTH if _cuts(wrapper) else None
    return REWARDS if type(wrapper).step is not gym.Wrapper.step else None


def _cuts(wrapper: Any) -> bool:
    """Return whether a limit of time ends episodes before they end by themselves."""
    steps = getattr(getattr(wrapper.unwrapped, "setup", None), "episode_steps", None)
    return steps is None or wrapper._max_episode_steps < steps


def check_faithful(env: Any, matters: Sequence[str], who: str, remedy: str) -> None:
    """Raise ConfigurationError where a wrapper changes what matters.

    Args:
        env: An environment in any wrappers.
        matters: Which changes matter: `OBSERVATIONS`, `ACTIONS`, `REWARDS`, `LENGTH`.
        who: What would pass the wrapper over, with its verb.
        remedy: What can be done.
    """
    found = changes(env)
    for changed in matters:
        if changed in found:
            raise ConfigurationError(f"wrapper {found[changed]}", f"changes {changed}, and {who}", remedy)
