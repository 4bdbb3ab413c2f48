"""Kinds of task by what makes them hard, and the settings with which an agent starts on each.

One rule: a kind is read off the environment, never off its id, so that a scenario of one's own is of one too.
"""

from __future__ import annotations

from typing import Any

from energy_gym.agents.default_settings import changed_defaults
from energy_gym.entities import Consumer
from energy_gym.entities.solar import Source
from energy_gym.envs.assembly import table_names
from energy_gym.envs.env import EnergyEnv
from energy_gym.forecast.past import is_real_time

KINDS = ("bidding", "fleet", "demand-charge", "site", "real-time", "day-ahead")
"""Bids; a fleet; a site whose maxima cost money; a site without such; a running price; a price known a day ahead."""


def task_kind(env: EnergyEnv) -> str:
    """Return the kind of an environment, one of `KINDS`: the first that holds.

    Example:
        >>> import gymnasium as gym
        >>> ids = [f"energy_gym/{name}-v1" for name in ("Arbitrage", "HomeSolar", "Commercial")]
        >>> [task_kind(gym.make(name).unwrapped) for name in ids]
        ['day-ahead', 'site', 'demand-charge']
    """
    setup = env.setup
    if env.decision != "power":
        return "bidding" if env.decision == "bids" else "fleet"
    if any(unit.registers for unit in setup.units) and setup.weights.money:
        return "demand-charge"
    if any(isinstance(item, Consumer | Source) for site in setup.sites for item in site.entities.values()):
        return "site"
    running = [is_real_time(setup.feed, table_names(site)[0]) for site in setup.sites]
    return "real-time" if any(running) else "day-ahead"


def starting(agent: Any) -> dict[str, Any]:
    """Return what a learner starts from in its environment: its usual settings, and what its kind of task changes."""
    return {**agent.usual_settings(), **changed_defaults(agent.name, task_kind(agent.env))}
