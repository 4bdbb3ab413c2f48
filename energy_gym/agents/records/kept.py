"""What takes long to make of an environment and is wanted again: kept in the cache folder, by all that fixes it.

One rule: whatever is wrong with what is kept, it is made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import joblib

from energy_gym.agents.records.keywords import environment_id, plain_keywords
from energy_gym.data.fetching import cache_folder
from energy_gym.data.fingerprint import feed_hash
from energy_gym.envs.env import EnergyEnv
from energy_gym.files import write_atomically
from energy_gym.version import __version__


def kept(kind: str, env: EnergyEnv, fixed: object, make: Callable[[], Any]) -> Any:
    """Return what is kept of an environment, or make and keep it.

    Args:
        kind: Name of the folder in the cache; what is kept is of the type that ``make`` gives.
        env: The environment.
        fixed: What fixes it beside the environment.
        make: Makes it.
    """
    place = cache_folder() / kind / f"{digest(env, fixed)}.joblib"
    try:
        return joblib.load(place)
    except Exception:  # whatever is wrong with a cache, it is made again
        made = make()
    write_atomically(place, lambda path: joblib.dump(made, path))
    return made


def digest(env: EnergyEnv, fixed: object) -> str:
    """Return the hash of all that fixes the series, the laws and the observations of an environment, and of more."""
    setup = env.setup
    tape = setup.tape
    said = sorted((name, value) for name, value in plain_keywords(env).items() if name != "render_mode")
    settings = (setup.levels, setup.episode_steps, setup.whole, fixed, __version__)
    text = f"{env.scenario.to_yaml()}|{said}|{settings}|{feed_hash(setup.feed)}|{tape.layout}"
    found = hashlib.sha256(f"{environment_id(env)}|{text}".encode())
    found.update(setup.price.tobytes() + setup.carbon.tobytes() + tape.rows.tobytes())
    for unit in setup.units:
        found.update(unit.fixed_kwh.tobytes() + unit.sell.tobytes())
    for column in tape.columns:
        found.update(tape.ahead[column].tobytes())
    return found.hexdigest()[:32]
