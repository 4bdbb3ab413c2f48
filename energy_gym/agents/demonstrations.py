"""What an agent learns from when it learns from records: given, read from a data set, or made from the expert.

One rule: made once for a task and kept in the cache; every seed of every learner meets the same demonstrations.
"""

from __future__ import annotations

import hashlib
from typing import Any

import joblib

from energy_gym.agents.experts import record_expert
from energy_gym.agents.trajectories import Trajectories
from energy_gym.data.fetching import cache_folder
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.files import write_atomically
from energy_gym.version import __version__


def demonstrations(source: Any, env: EnergyEnv, recipe: dict[str, Any]) -> Trajectories:
    """Return trajectories that fit an agent's environment.

    Args:
        source: Trajectories; the name of a Minari data set; an environment, in which the expert then plays; or None for
            the training split of ``env``.
        env: The agent's environment.
        recipe: Keywords of `record_expert`: policy, noise, window, episodes, seed.

    Raises:
        DataError: The data set is absent, broken or not one of this package.
        ConfigurationError: A source of another kind, or one that does not fit the environment.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v0", actions="discrete-3", episode_steps=24)
        >>> len(demonstrations(env, env.unwrapped, {"policy": "mpc", "noise": 0.2}))
        24
    """
    if isinstance(source, str):
        from energy_gym.agents.minari_store import read_trajectories

        return read_trajectories(source, env)
    if isinstance(source, Trajectories):
        source.check_matches(env)
        return source
    player = env.variant(split="train", episode_steps=None) if source is None else getattr(source, "unwrapped", source)
    if not isinstance(player, EnergyEnv):
        raise ConfigurationError(
            f"source={type(source).__name__}",
            "must be trajectories, the name of a data set, or an environment",
            "pass what record_expert() or read_trajectories() returned",
        )
    recorded = _kept(player, recipe)
    recorded.check_matches(env)
    return recorded


def _kept(player: EnergyEnv, recipe: dict[str, Any]) -> Trajectories:
    """Return the expert's play in an environment, from the cache folder where it was made before."""
    place = cache_folder() / "experts" / f"{_digest(player, recipe)}.joblib"
    try:
        kept = joblib.load(place)
    except Exception:  # whatever is wrong with a cache, it is made again
        kept = None
    if isinstance(kept, Trajectories):
        return kept
    recorded = record_expert(player, **recipe)
    write_atomically(place, lambda path: joblib.dump(recorded, path))
    return recorded


def _digest(player: EnergyEnv, recipe: dict[str, Any]) -> str:
    """Return the hash of all that fixes the records."""
    setup = player.setup
    tape = setup.tape
    settings = (setup.levels, setup.episode_steps, setup.whole, sorted(recipe.items()), __version__)
    digest = hashlib.sha256(f"{player.scenario.to_yaml()}|{settings}|{setup.feed.statistics}|{tape.layout}".encode())
    digest.update(setup.price.tobytes() + setup.carbon.tobytes() + tape.rows.tobytes())
    for unit in setup.units:
        digest.update(unit.fixed_kwh.tobytes() + unit.sell.tobytes())
    for column in tape.columns:
        digest.update(tape.ahead[column].tobytes())
    return digest.hexdigest()[:32]
