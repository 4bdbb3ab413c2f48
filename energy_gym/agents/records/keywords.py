"""The keywords of an environment as plain JSON values, and back.

One rule: what cannot be written down is named, never silently left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from energy_gym.bidding.presets import DATASETS
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import AIMS
from energy_gym.errors import ConfigurationError
from energy_gym.scenario import Scenario
from energy_gym.scenarios.registration import SCENARIOS

# Objects that are part of a scenario, which is written out in full where one of them is given.
PARTS = ("scenario", "battery", "storage", "fleet")
# What such a scenario states as well; these would be said twice.
STATED = (*PARTS, "objective", *AIMS, "bids", "preset", "home")
YAML = "yaml"
LOST = "not kept"


def environment_id(env: EnergyEnv) -> str:
    """Return the id of an environment, made by ``gym.make`` or from its class.

    Example:
        >>> from energy_gym.scenarios.arbitrage import ArbitrageEnv
        >>> environment_id(ArbitrageEnv())
        'energy_gym/Arbitrage-v1'
    """
    if env.spec is not None:
        return str(env.spec.id)
    own = type(env).__name__
    return next((name for name, (_, single, _) in SCENARIOS.items() if single == own), own)


def plain_keywords(env: EnergyEnv) -> dict[str, Any]:
    """Return the keywords an environment was made with, as values that JSON can hold.

    A battery, storage, fleet or scenario given as an object, a name or a file becomes ``{"yaml": text}`` under
    ``scenario``; a user's frame or forecast cannot be kept and becomes ``{"not kept": what it was}``.

    Example:
        >>> import gymnasium as gym
        >>> plain_keywords(gym.make("energy_gym/Arbitrage-v1", horizon=12).unwrapped)
        {'horizon': 12}
    """
    given = dict(env.keywords)
    if any(given.get(name) is not None for name in PARTS):
        rest = {name: value for name, value in given.items() if name not in STATED}
        given = {**_data_of(given), **rest, "scenario": {YAML: env.scenario.to_yaml()}}
    return {name: _plain(value) for name, value in given.items()}


def _data_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data set that a preset of markets goes with, where no data are given beside it."""
    own = given.get("dataset") is not None or given.get("data") is not None
    return {} if own or given.get("preset") is None else {"dataset": DATASETS[given["preset"]]}


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    try:
        return json.loads(json.dumps(value))
    except TypeError:
        shape = getattr(value, "shape", None)
        return {LOST: f"a {type(value).__name__} of shape {tuple(shape)}" if shape is not None else repr(value)}


def is_plain(keywords: Mapping[str, Any]) -> bool:
    """Return whether ``gym.make`` takes these keywords as they are.

    Example:
        >>> is_plain({"horizon": 12}), is_plain({"data": {"not kept": "a DataFrame of shape (240, 2)"}})
        (True, False)
    """
    return not any(isinstance(value, dict) for value in keywords.values())


def made_keywords(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Return keywords for ``gym.make`` from what `plain_keywords` returned.

    Raises:
        ConfigurationError: The environment ran on an object that could not be kept.

    Example:
        >>> made_keywords({"scenario": {"yaml": "name: site"}})["scenario"].name
        'site'
    """
    made = dict(keywords)
    for name, value in keywords.items():
        if isinstance(value, dict) and LOST in value:
            raise ConfigurationError(
                f"{name}={value[LOST]}",
                "was given as an object, which stored data do not hold",
                f"make the environment yourself, with the same {name}",
            )
        if isinstance(value, dict) and YAML in value:
            made[name] = Scenario.from_yaml(value[YAML])
    return made
