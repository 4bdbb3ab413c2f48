"""What an agent learns from when it learns from records: given, read from a data set, or made from the expert.

One rule: made once for a task and kept in the cache; every seed of every learner meets the same demonstrations.
"""

from __future__ import annotations

from typing import Any

from energy_gym.agents.records.experts import record_expert
from energy_gym.agents.records.kept import kept
from energy_gym.agents.records.minari_store import is_minari, read_trajectories
from energy_gym.agents.records.trajectories import Trajectories
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import WEEK_HOURS
from energy_gym.envs.wrapped import EVERYTHING, check_faithful
from energy_gym.errors import ConfigurationError

# Each recorded step is drawn this often, on average, before it is worth recording more: a short training is given weeks
# drawn at random in place of the whole split, for the expert's play takes far longer than learning from it.
DRAWS = 12


def demonstrations(source: Any, env: EnergyEnv, recipe: dict[str, Any], drawn: int | None = None) -> Trajectories:
    """Return trajectories that fit an agent's environment.

    Args:
        source: Trajectories; the name of a Minari data set; an environment, in which the expert then plays; or None for
            the training split of ``env``.
        env: The agent's environment.
        recipe: Keywords of `record_expert`: policy, noise, window, episodes, seed. Where no policy is named, the usual
            expert of the environment plays.
        drawn: Steps that the learner will draw from them, batches times batch size. Where that is less than `DRAWS`
            for each step the recipe records, the expert plays so many fewer, in weeks drawn at random. None: no limit.

    Raises:
        DataError: The data set is absent, broken or not one of this package.
        ConfigurationError: A source of another kind, or one that does not fit the environment.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", actions="discrete-3", episode_steps=24)
        >>> len(demonstrations(env, env.unwrapped, {"policy": "mpc", "noise": 0.2}))
        24
        >>> len(demonstrations(None, env.unwrapped, {"policy": "mpc", "noise": 0.2}, drawn=2016 * 3))
        504
    """
    if isinstance(source, str) or is_minari(source):
        return read_trajectories(source, env)
    if isinstance(source, Trajectories):
        source.check_matches(env)
        return source
    check_faithful(source, EVERYTHING, "records hold those of the environment itself", "pass env.unwrapped")
    player = env.variant(split="train", episode_steps=None) if source is None else getattr(source, "unwrapped", source)
    if not isinstance(player, EnergyEnv):
        raise ConfigurationError(
            f"source={type(source).__name__}",
            "must be trajectories, the name of a data set, or an environment",
            "pass what record_expert() or read_trajectories() returned",
        )
    named = {"policy": player.setup.kind.expert, **recipe}
    recorded = _kept(player, named if drawn is None else _within(player, named, drawn // DRAWS))
    recorded.check_matches(env)
    return recorded


def _within(player: EnergyEnv, recipe: dict[str, Any], most: int) -> dict[str, Any]:
    """Return the recipe, for weeks where it would record more steps than ``most``."""
    setup = player.setup
    steps = recipe.get("episode_steps") or (setup.steps if setup.whole else setup.episode_steps)
    week = round(WEEK_HOURS / setup.feed.step_hours)
    if steps <= week or steps * recipe.get("episodes", 1) <= most:
        return recipe
    return {**recipe, "episode_steps": week, "episodes": max(1, most // week)}


def _kept(player: EnergyEnv, recipe: dict[str, Any]) -> Trajectories:
    """Return the expert's play in an environment, from the cache folder where it was made before."""
    found: Trajectories = kept(
        "experts", player, sorted(recipe.items()), lambda: record_expert(player, judged=False, **recipe)
    )
    return found
