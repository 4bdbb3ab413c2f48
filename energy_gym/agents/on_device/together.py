"""Several agents trained at once on the device: seeds, and settings that are numbers, side by side in one program.

One rule: each agent learns what it would have learnt alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from energy_gym.agents.learner import Learner
from energy_gym.agents.on_device.training import Run, train
from energy_gym.agents.validation import Validation
from energy_gym.envs.keywords import check_count
from energy_gym.errors import ConfigurationError

# Called with an agent's place, its steps so far and figures.
Watch = Callable[[int, int, Mapping[str, float]], None]


def fit_together(
    agents: Sequence[Learner], source: Any = None, *, budget: int | None = None, watch: Watch | None = None
) -> None:
    """Train agents of one environment in one program, as `Learner.fit` trains one.

    Args:
        agents: Agents of one kind with ``engine="jax"``, made for one environment; they differ in seed and in settings
            that are numbers: learning rates, discount, and what weighs parts of a loss.
        source: As for `Learner.fit`.
        budget: Steps of the environment of each; by default the first agent's own figure.
        watch: Called as training goes on.

    Raises:
        ConfigurationError: Agents of several environments, of another engine, or that need programs of their own.
        MissingExtraError: The library that trains is not installed.

    Example:
        >>> import gymnasium as gym
        >>> from energy_gym.agents.sb3 import PPO
        >>> env = gym.make("energy_gym/Arbitrage-v1", actions="discrete-3", split="test", episode_steps=24)
        >>> small = {"hidden": [8], "num_envs": 8, "rollout_steps": 16, "batch_size": 64, "epochs": 1}
        >>> agents = [PPO(env, seed, engine="jax", **small) for seed in range(2)]
        >>> fit_together(agents, budget=256)
        >>> [agent.curve[-1][0] for agent in agents]
        [256, 256]
    """
    _check(agents)
    first = agents[0]
    first.check_source(source)
    steps = check_count("budget", first.settings["budget"] if budget is None else budget)
    validation = Validation(first.env)
    keepers = [agent.keeper(validation, _told(watch, place)) for place, agent in enumerate(agents)]
    train([Run(agent, agent.seed, keeper) for agent, keeper in zip(agents, keepers, strict=True)], source, steps)
    for agent, keeper in zip(agents, keepers, strict=True):
        agent.keep(keeper)


def _told(watch: Watch | None, place: int) -> Any:
    return None if watch is None else lambda steps, figures: watch(place, steps, figures)


def _check(agents: Sequence[Learner]) -> None:
    if not agents:
        raise ConfigurationError("agents=[]", "needs an agent", "pass one for each seed")
    if any(getattr(agent, "engine", None) != "jax" for agent in agents):
        raise ConfigurationError("agents of another engine", "are trained one by one", "make them with engine='jax'")
    if any(agent.env is not agents[0].env for agent in agents):
        raise ConfigurationError("agents of several environments", "need a program each", "make them for one")
