"""What an environment in JAX is made of: an id, a scenario, or an environment that was made.

One rule: keywords are those of ``gym.make`` and are read there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym

from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.setup import Setup
from energy_gym.envs.wrapped import EVERYTHING, check_faithful
from energy_gym.errors import ConfigurationError
from energy_gym.scenario import Scenario


def setup_of(source: Any, **keywords: Any) -> Setup:
    """Return the setup of a source.

    Raises:
        ConfigurationError: The source is none, or keywords for an environment that is made already, or wrappers that
            change what it is.
    """
    if isinstance(source, str) and not source.endswith((".yaml", ".yml")):
        return setup_of(gym.make(source, **keywords))
    if isinstance(source, Scenario | str | Path):
        return setup_of(gym.make("energy_gym/Scenario-v1", scenario=source, **keywords))
    base = getattr(source, "unwrapped", source)
    setup = base.setup if isinstance(base, EnergyEnv) else base
    if not isinstance(setup, Setup):
        rule = "must be an id, a Scenario, or an environment of energy_gym"
        raise ConfigurationError(f"source={source!r}", rule, 'pass "energy_gym/Arbitrage-v1"')
    check_faithful(source, EVERYTHING, "pure functions are those of the environment itself", "pass env.unwrapped")
    if keywords:
        raise ConfigurationError(f"keywords {', '.join(keywords)}", "belong to an id", "pass them to gym.make")
    return setup
