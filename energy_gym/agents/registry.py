"""The agents by name; the one list that the leaderboard and the command line read."""

from __future__ import annotations

import importlib
from typing import Any

from energy_gym.agents.base import Agent
from energy_gym.errors import ConfigurationError, UnknownIdError

AGENTS = {
    "idle": "energy_gym.agents.simple:Idle",
    "mpc": "energy_gym.agents.mpc:MPC",
    "threshold": "energy_gym.agents.threshold:Threshold",
    "uniform": "energy_gym.agents.simple:Uniform",
}


def agent_ids() -> tuple[str, ...]:
    """Return the names of the agents that ship with the package.

    Example:
        >>> agent_ids()
        ('idle', 'mpc', 'threshold', 'uniform')
    """
    return tuple(sorted(AGENTS))


def agent_class(name: str) -> type[Agent]:
    """Return the class of a name, or of ``"module:Class"`` for an agent that lives elsewhere.

    Raises:
        UnknownIdError: No agent of that name.
        ConfigurationError: ``module:Class`` cannot be imported or is no `Agent`.
    """
    if name not in AGENTS and ":" not in name:
        raise UnknownIdError.of("agent", name, AGENTS)
    module, _, attribute = AGENTS.get(name, name).partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"agent {name!r}", f"cannot be imported ({error})", "write module:Class") from error
    if not (isinstance(found, type) and issubclass(found, Agent)):
        raise ConfigurationError(f"agent {name!r}", "is no subclass of energy_gym.agents.Agent", "derive it from Agent")
    return found


def make_agent(name: str, env: Any, seed: int = 0) -> Agent:
    """Return the agent of a name for an environment, not yet fitted.

    Example:
        >>> import gymnasium as gym
        >>> make_agent("idle", gym.make("energy_gym/Arbitrage-v0")).name
        'idle'
    """
    return agent_class(name)(env, seed)
