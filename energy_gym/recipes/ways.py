"""Ways to train and agents to compare with; one rule: a way is a name, a training, and what that costs in steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from energy_gym.agents.base import Agent
from energy_gym.agents.default_settings import defaults as learner_defaults
from energy_gym.agents.learner import Learner
from energy_gym.agents.registry import agent_class, learner_ids, make_agent
from energy_gym.errors import ConfigurationError, EnergyGymError
from energy_gym.recipes.options import BESIDE, CARRIERS, CARRYING
from energy_gym.recipes.tasks import played_env

# From the environment to act in, a seed and the folder of TensorBoard logs (or None) to a trained agent.
Training = Callable[[Any, int, str | None], Agent]


@dataclass(frozen=True)
class Way:
    """One way to train: its name, the training, and what it costs in steps of the environment."""

    name: str
    train: Training
    steps: str


def learner(
    name: str, env: Any, seed: int, logs: str | None = None, *, load: str | None = None, device: str = "cpu"
) -> Agent:
    """Return an agent that learns, as it starts or as it was saved, that writes TensorBoard logs into a folder.

    Raises:
        UnknownIdError: No such agent.
        ConfigurationError: It does not learn, or not on such actions, or writes no such logs, or not on that device.
    """
    made: Agent = make_agent(name, env, seed) if load is None else agent_class(name).load(load, env)
    if not made.learns:
        raise ConfigurationError(f"agent {name!r}", "does not learn", f"choose one of {', '.join(learner_ids())}")
    if isinstance(made, Learner):
        made.tensorboard, made.device = logs, device
    elif logs is not None:
        raise ConfigurationError(f"tensorboard={logs!r}", f"agent {name!r} writes no such logs", "leave it out")
    elif device not in ("cpu", "auto"):
        raise ConfigurationError(f"device={device!r}", f"agent {name!r} learns on the CPU alone", "leave it out")
    return made


@dataclass(frozen=True)
class TaskChoice:
    """An agent that a recipe was asked for, and the actions it plays."""

    name: str
    actions: str

    def told(self, steps: int | None) -> str:
        """Return the steps it trains for, as a table shows them."""
        return f"{learner_defaults(self.name)['budget'] if steps is None else steps:,}"


def prepared(name: str, actions: str | None) -> TaskChoice:
    """Return a learning agent with the actions asked for, or those it prefers.

    Raises:
        UnknownIdError: No such agent.
        ConfigurationError: It does not learn.

    Example:
        >>> prepared("dqn", None).actions
        'discrete-3'
    """
    found = agent_class(name)
    if not getattr(found, "learns", False):
        raise ConfigurationError(f"agent {name!r}", "does not learn", f"choose one of {', '.join(learner_ids())}")
    return TaskChoice(name, found.preferred_actions if actions is None else actions)


def rules(names: str) -> tuple[Way, ...]:
    """Return agents that need no training as ways to compare with, of comma-separated names.

    Raises:
        UnknownIdError: No such agent.
        ConfigurationError: It learns.

    Example:
        >>> [way.name for way in rules("threshold, mpc")]
        ['threshold', 'mpc']
    """
    chosen = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    for name in chosen:
        if getattr(agent_class(name), "learns", False):
            raise ConfigurationError(f"agent {name!r}", "learns", "compare with agents that do not, or train it alone")

    def played(name: str) -> Any:
        return lambda env, seed, _: make_agent(name, env, seed).fit()

    return tuple(Way(name, played(name), "-") for name in chosen)


def carrier(name: str, actions: str | None) -> TaskChoice:
    """Return a learning agent whose layers another training can go on from, with its actions; see `prepared`.

    Raises:
        UnknownIdError: No such agent.
        ConfigurationError: It does not learn, or hands no layers on.
    """
    chosen = prepared(name, actions)
    if name not in CARRIERS:
        raise ConfigurationError(f"agent {name!r}", "hands no layers on", f"choose one of {CARRYING}")
    return chosen


def usual_rules(id: str, keywords: Mapping[str, Any]) -> tuple[Way, ...]:
    """Return the usual agents to compare with, without those that make no sense in the environment.

    Example:
        >>> [way.name for way in usual_rules("energy_gym/Bidding-v1", {})]
        ['mpc', 'bid-forecast']
    """
    env, found = played_env(id, keywords), []
    for way in rules(BESIDE):
        try:
            make_agent(way.name, env, 0)
        except EnergyGymError:
            continue  # of no use there, or not with such actions
        found.append(way)
    return tuple(found[:2])
