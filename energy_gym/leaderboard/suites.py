"""Suites: which tasks and which agents a leaderboard compares, read from YAML.

One rule: a task is all that fixes an episode; two runs of the same task on the same data have the same hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import gymnasium as gym
import yaml

from energy_gym.agents.registry import Factory, agent_factory
from energy_gym.agents.task_kinds import task_kind
from energy_gym.data.fingerprint import feed_hash
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import check_count
from energy_gym.envs.written import from_words
from energy_gym.errors import ConfigurationError, DownloadError, MissingExtraError, UnknownIdError
from energy_gym.paths import resource

SUITES = ("benchmarks", "suites")
SEEDS = 5


@dataclass(frozen=True)
class Task:
    """One episode to be played: an id and its keywords, as `energy_gym.envs.written` reads them.

    ``folder`` is that of the suite's file: the paths in its keywords start there.

    Example:
        >>> task = Task("week", "energy_gym/Arbitrage-v1", {"episode_steps": 168})
        >>> task.make().unwrapped.setup.episode_steps
        168
    """

    name: str
    id: str
    keywords: Mapping[str, Any]
    folder: Path = field(default=Path(), compare=False)

    def make(self) -> gym.Env[Any, Any]:
        """Return the environment.

        Raises:
            UnknownIdError: The environment does not take one of the keywords.
            ConfigurationError: It does not take its value.
        """
        return gym.make(self.id, disable_env_checker=True, **from_words(self.keywords, self.folder))

    @property
    def actions(self) -> str:
        """The kind of action space it is stated with."""
        return str(self.keywords.get("actions", "continuous"))

    def actions_for(self, agent: Factory) -> str:
        """Return the action space that an agent plays it with: the task's own if the agent can, else the agent's."""
        kind = "continuous" if self.actions == "continuous" else "discrete"
        return self.actions if kind in agent.kinds else agent.preferred_actions

    def played_with(self, actions: str) -> Task:
        """Return the same episode with another action space.

        Example:
            >>> Task("week", "energy_gym/Arbitrage-v1", {}).played_with("discrete-3").keywords
            {'actions': 'discrete-3'}
        """
        return self if actions == self.actions else replace(self, keywords={**self.keywords, "actions": actions})

    @property
    def hashes(self) -> dict[str, str]:
        """Hashes of scenario, data and the whole task (data are read for it)."""
        return self._read[0]

    @property
    def kind(self) -> str:
        """What makes it hard, one of `energy_gym.agents.task_kinds.KINDS` (data are read for it)."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[dict[str, str], str]:
        """Return hashes and kind."""
        env = self.make().unwrapped
        if not isinstance(env, EnergyEnv):
            raise ConfigurationError(
                f"task {self.name}: id {self.id!r}", "must be an id of energy_gym", "correct the suite"
            )
        scenario, data = _sha256(env.scenario.to_yaml().encode()), feed_hash(env.setup.feed)
        keywords = json.dumps({"id": self.id, **self.keywords}, sort_keys=True, default=str)
        whole = _sha256((keywords + scenario + data).encode())
        return {"scenario": scenario, "data": data, "task": whole}, task_kind(env)


@dataclass(frozen=True)
class Suite:
    """A named list of tasks, and the agents that are compared on it unless others are asked for.

    ``budgets`` says with how many steps an agent learns, where that is not the agent's own figure; ``seeds`` how often
    what learns or draws at random is played unless asked otherwise; ``chosen`` names the tasks that were asked for of
    more, none where all were.
    """

    name: str
    title: str
    description: str
    agents: tuple[str, ...]
    tasks: tuple[Task, ...]
    budgets: Mapping[str, int] = field(default_factory=dict)
    seeds: int = SEEDS
    chosen: tuple[str, ...] = ()

    @classmethod
    def read(cls, name: str | Path) -> Suite:
        """Read a suite that ships with the package by name, or any other by the path of its YAML file.

        Raises:
            UnknownIdError: No such suite.
            ConfigurationError: The file is broken; the message names the field.

        Example:
            >>> Suite.read("quick").agents
            ('idle', 'uniform', 'threshold', 'mpc', 'dqn', 'cql', 'bc')
        """
        path = Path(name) if str(name).endswith((".yaml", ".yml")) else resource(*SUITES) / f"{name}.yaml"
        if not path.is_file():
            raise UnknownIdError.of("suite", str(name), suite_ids())
        try:
            tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
            cause = " ".join(str(error).split())
            raise ConfigurationError(f"{path.name}", f"is no valid YAML ({cause})", "correct the file") from error
        return cls._build(path.stem, tree, path.parent.resolve())

    @classmethod
    def _build(cls, name: str, tree: Any, folder: Path) -> Suite:
        known = {"title", "description", "agents", "tasks"}
        if not isinstance(tree, Mapping) or set(tree) - {"budgets", "seeds"} != known:
            raise ConfigurationError(
                f"suite {name}",
                f"must have exactly {', '.join(sorted(known))}, and may have budgets and seeds",
                "correct the file",
            )
        agents, items = (_list(name, tree, part) for part in ("agents", "tasks"))
        for agent in agents:
            with suppress(MissingExtraError):
                agent_factory(str(agent))
        tasks = tuple(_task(name, item, folder) for item in items)
        names = [task.name for task in tasks]
        if len(set(names)) != len(names):
            raise ConfigurationError(f"suite {name}: tasks {names}", "need distinct names", "rename them")
        texts = (str(tree["title"]), str(tree["description"]), tuple(str(agent) for agent in agents))
        return cls(
            name, *texts, tasks, check_budgets(tree.get("budgets", {})), check_count("seeds", tree.get("seeds", SEEDS))
        )

    def only(self, names: Sequence[str]) -> Suite:
        """Return the suite with some of its tasks.

        Raises:
            UnknownIdError: No task of that name.

        Example:
            >>> [task.name for task in Suite.read("quick").only(["synthetic-2023-joint"]).tasks]
            ['synthetic-2023-joint']
        """
        known = {task.name: task for task in self.tasks}
        for name in names:
            if name not in known:
                raise UnknownIdError.of(f"task of suite {self.name!r}", name, known)
        chosen = tuple(dict.fromkeys(names))
        return replace(self, tasks=tuple(known[name] for name in chosen), chosen=chosen)


def at_hand(suite: Suite) -> tuple[Suite, list[str]]:
    """Return a suite without the tasks whose data cannot be had here, and a line for each of those.

    Raises:
        DownloadError: None of its data can be had.
    """
    found, lines, last = [], [], None
    for task in suite.tasks:
        try:
            _ = task.hashes
        except DownloadError as error:
            lines.append(f"{task.name}: {error}")
            last = error
        else:
            found.append(task)
    if not found and last is not None:
        raise last
    return replace(suite, tasks=tuple(found)), lines


def suite_ids() -> tuple[str, ...]:
    """Return the names of the suites that ship with the package.

    Example:
        >>> suite_ids()
        ('core', 'learn', 'markets', 'microgrids', 'quick', 'real-time')
    """
    return tuple(sorted(path.stem for path in resource(*SUITES).glob("*.yaml")))


def check_budgets(budgets: Any) -> dict[str, int]:
    """Return steps by agent.

    Raises:
        ConfigurationError: No mapping, or steps that are no whole number.
        NonPositiveError: Steps below 1.
        UnknownIdError: An unknown agent.

    Example:
        >>> check_budgets({"mpc": 1000})
        {'mpc': 1000}
    """
    if not isinstance(budgets, Mapping):
        raise ConfigurationError(f"budgets={budgets!r}", "must map an agent to steps", "write {agent: steps}")
    for agent in budgets:
        with suppress(MissingExtraError):
            agent_factory(str(agent))
    return {str(agent): check_count(f"budget of {agent}", steps) for agent, steps in budgets.items()}


def _list(suite: str, tree: Mapping[str, Any], part: str) -> list[Any]:
    if not isinstance(tree[part], list) or not tree[part]:
        raise ConfigurationError(
            f"suite {suite}: {part}={tree[part]!r}", "must be a list of one or more", "correct the file"
        )
    return list(tree[part])


def _task(suite: str, item: Any, folder: Path) -> Task:
    if (
        not isinstance(item, Mapping)
        or set(item) != {"name", "id", "keywords"}
        or not isinstance(item["keywords"], Mapping)
    ):
        raise ConfigurationError(
            f"suite {suite}: task {item!r}", "must have exactly name, id, keywords", "correct the file"
        )
    if str(item["id"]) not in gym.registry:
        raise UnknownIdError.of("environment", item["id"], [name for name in gym.registry if "energy_gym/" in name])
    return Task(str(item["name"]), str(item["id"]), dict(item["keywords"]), folder)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
