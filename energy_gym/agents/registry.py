"""The agents by name, as the files of this folder state them; the leaderboard and the command line ask here.

One rule: the files are read, not imported: an agent is known by the ``name`` of its class before the library that it
learns with is there. A file of this folder counts, and ``agent.py`` of a folder in it.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from energy_gym.agents.base import FILE, Agent, read_saved, saved_actions
from energy_gym.errors import ConfigurationError, MissingExtraError, UnknownIdError, UnsuitableAgentError

_CLASS = re.compile(r"class (\w+)\b")
_NAME = re.compile(r'    name: ClassVar\[str\] = "([\w-]+)"')


def _found() -> dict[str, str]:
    """Return ``module:class`` of each agent of this folder by the name that its class states."""
    folder = Path(__file__).parent
    files = [*folder.glob("*.py"), *folder.glob("*/agent.py")]
    return dict(sorted(entry for path in files for entry in _declared(path, folder)))


def _declared(path: Path, folder: Path) -> Iterator[tuple[str, str]]:
    module = ".".join(("energy_gym", "agents", *path.relative_to(folder).with_suffix("").parts))
    owner = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if named := _CLASS.match(line):
            owner = named[1]
        elif stated := _NAME.match(line):
            yield stated[1], f"{module}:{owner}"


AGENTS = _found()


def agent_ids() -> tuple[str, ...]:
    """Return the names of the agents that ship with the package.

    Example:
        >>> {"idle", "mpc", "threshold"} <= set(agent_ids())
        True
    """
    return tuple(sorted(AGENTS))


def learner_ids() -> tuple[str, ...]:
    """Return the names of those that learn.

    Example:
        >>> {"bc", "dqn"} <= set(learner_ids()), "mpc" in learner_ids()
        (True, False)
    """
    return tuple(name for name in agent_ids() if agent_class(name).learns)


@dataclass(frozen=True)
class Factory:
    """How an agent of a name is made, and what is known of it before it is made.

    Args:
        name: Name, or ``module:factory``.
        make: Called with an environment and a seed.
        stochastic: Draws at random when acting. A function that does not say is taken to.
        learns: Learns from a seed.
        kinds: Kinds of action it can play.
        preferred_actions: What a task is made with where its own kind is not among them.
        requires: Modules that learning imports, and the extra that brings each.
        selective: Makes no sense in some environments: it must be made to know.
    """

    name: str
    make: Callable[[Any, int], Any]
    stochastic: bool
    learns: bool
    kinds: tuple[str, ...]
    preferred_actions: str
    requires: Mapping[str, str] = field(default_factory=dict)
    selective: bool = False

    @property
    def seeded(self) -> bool:
        """Whether another seed can give another result."""
        return self.stochastic or self.learns

    def check_installed(self) -> None:
        """Raise MissingExtraError where a module that learning needs is not installed."""
        for module, extra in self.requires.items():
            if sys.modules.get(module, self) is None or importlib.util.find_spec(module) is None:
                raise MissingExtraError.of(module, extra)


def agent_factory(name: str) -> Factory:
    """Return the factory of a name, of ``"module:factory"`` for an agent that lives elsewhere, or of a saved agent.

    A factory is a class, or anything called with an environment and a seed, that gives an object with ``act`` and
    ``reset`` (``fit``, if it has one, is called before the first episode). It may carry the attributes of `Agent`.
    A saved agent is named by its folder; it plays as it is, where the environment is one that it was saved for.

    Raises:
        UnknownIdError: No agent of that name.
        ConfigurationError: ``module:factory`` cannot be imported, or is not called with an environment and a seed.
        MissingExtraError: The agent needs an extra that is not installed.

    Example:
        >>> agent_factory("uniform").seeded, agent_factory("energy_gym.agents.mpc:MPC").seeded
        (True, False)
    """
    if is_saved(name):
        return _saved(name)
    found = _imported(name)
    _check_call(name, found)
    return Factory(
        name=name,
        make=found,
        stochastic=bool(getattr(found, "stochastic", not isinstance(found, type))),
        learns=bool(getattr(found, "learns", False)),
        kinds=tuple(getattr(found, "kinds", Agent.kinds)),
        preferred_actions=str(getattr(found, "preferred_actions", Agent.preferred_actions)),
        requires=dict(getattr(found, "requires", {})),
        selective=bool(getattr(found, "selective", False)),
    )


def is_saved(name: str) -> bool:
    """Return whether a name is the folder of a saved agent."""
    return (Path(name) / FILE).is_file()


def _saved(folder: str) -> Factory:
    """Return the factory of a saved agent: it is loaded for each environment, and learns no more."""
    actions = saved_actions(read_saved(Path(folder) / FILE))

    def load(env: Any, _: int) -> Any:
        try:
            return Loaded(load_agent(folder, env))
        except ConfigurationError as error:
            raise UnsuitableAgentError(f"agent {folder!r}", f"{error.value}: {error.rule}", error.remedy) from error

    kind = (actions.partition("-")[0],)
    return Factory(folder, load, stochastic=False, learns=False, kinds=kind, preferred_actions=actions, selective=True)


class Loaded:
    """A saved agent that is played as it is: it is not fitted again."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.act, self.reset = agent.act, agent.reset


def _imported(name: str) -> Any:
    if name not in AGENTS and ":" not in name:
        raise UnknownIdError.of("agent", name, AGENTS)
    module, _, attribute = AGENTS.get(name, name).partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except MissingExtraError:
        raise
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"agent {name!r}", f"cannot be imported ({error})", "write module:factory") from error


def _check_call(name: str, found: Any) -> None:
    """Refuse before the run what cannot be called as a factory, or makes what cannot act."""
    remedy = "write a class or a function that is called with an environment and a seed"
    if isinstance(found, type) and not (hasattr(found, "act") and hasattr(found, "reset")):
        raise ConfigurationError(f"agent {name!r}", "is a class without act and reset", "derive it from Agent")
    try:
        inspect.signature(found).bind(None, 0)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"agent {name!r}", f"is no factory of agents ({error})", remedy) from error


def agent_class(name: str) -> type[Agent]:
    """Return the class of a name, or of ``"module:Class"`` for an agent that lives elsewhere.

    Raises:
        UnknownIdError: No agent of that name.
        ConfigurationError: ``module:Class`` cannot be imported or is no `Agent`.
    """
    found = _imported(name)
    if not (isinstance(found, type) and issubclass(found, Agent)):
        raise ConfigurationError(f"agent {name!r}", "is no subclass of energy_gym.agents.Agent", "derive it from Agent")
    return found


def make_agent(name: str, env: Any, seed: int = 0) -> Any:
    """Return the agent of a name for an environment, not yet fitted.

    Raises:
        ConfigurationError: What a factory from elsewhere gives has no ``act`` or no ``reset``.

    Example:
        >>> import gymnasium as gym
        >>> make_agent("idle", gym.make("energy_gym/Arbitrage-v1")).name
        'idle'
    """
    agent = agent_factory(name).make(env, seed)
    if not (callable(getattr(agent, "act", None)) and callable(getattr(agent, "reset", None))):
        raise ConfigurationError(f"agent {name!r}: {agent!r}", "has no act and reset", "give it both")
    return agent


def load_agent(folder: str | Path, env: Any, *, rescaled: bool = False) -> Agent:
    """Return the agent that was saved in a folder, whatever its kind, for an environment.

    Args:
        folder: Where it was saved.
        env: The environment it is to act in.
        rescaled: See `Agent.load`.

    Raises:
        ConfigurationError: There is no agent, or it does not fit the environment; see `Agent.load`.
        UnknownIdError: It is of a kind that is not known here.

    Example:
        >>> import gymnasium as gym, tempfile
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=24)
        >>> folder = tempfile.mkdtemp()
        >>> make_agent("threshold", env).fit().save(folder)
        >>> load_agent(folder, env).name
        'threshold'
    """
    tree = read_saved(Path(folder) / FILE)
    return agent_class(str(tree.get("class") or tree["agent"])).load(folder, env, rescaled=rescaled)
