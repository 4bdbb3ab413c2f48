"""Suites: which tasks and which agents a leaderboard compares, read from YAML.

One rule: a task is all that fixes an episode; two runs of the same task on the same data have the same hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import gymnasium as gym
import yaml

from energy_gym.agents.registry import agent_class
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.paths import resource

SUITES = ("benchmarks", "suites")


@dataclass(frozen=True)
class Task:
    """One episode to be played: an id and its keywords.

    Example:
        >>> task = Task("week", "energy_gym/Arbitrage-v0", {"episode_steps": 168})
        >>> task.make().unwrapped.setup.episode_steps
        168
    """

    name: str
    id: str
    keywords: Mapping[str, Any]

    def make(self) -> gym.Env[Any, Any]:
        """Return the environment."""
        return gym.make(self.id, disable_env_checker=True, **self.keywords)

    @cached_property
    def hashes(self) -> dict[str, str]:
        """Hashes of scenario, data and the whole task (data are read for it)."""
        env = self.make().unwrapped
        if not isinstance(env, EnergyEnv):
            raise ConfigurationError(
                f"task {self.name}: id {self.id!r}", "must be an id of energy_gym", "correct the suite"
            )
        scenario = _sha256(env.scenario.to_yaml().encode())
        data = hashlib.sha256()
        for name, values in sorted(env.setup.feed.values.items()):
            data.update(name.encode() + values.tobytes())
        keywords = json.dumps({"id": self.id, **self.keywords}, sort_keys=True, default=str)
        parts = {"scenario": scenario, "data": data.hexdigest()}
        return {**parts, "task": _sha256((keywords + scenario + parts["data"]).encode())}


@dataclass(frozen=True)
class Suite:
    """A named list of tasks, and the agents that are compared on it unless others are asked for."""

    name: str
    title: str
    description: str
    agents: tuple[str, ...]
    tasks: tuple[Task, ...]

    @classmethod
    def read(cls, name: str | Path) -> Suite:
        """Read a suite that ships with the package by name, or any other by the path of its YAML file.

        Raises:
            UnknownIdError: No such suite.
            ConfigurationError: The file is broken; the message names the field.

        Example:
            >>> Suite.read("quick").agents
            ('idle', 'uniform', 'threshold', 'mpc')
        """
        path = Path(name) if str(name).endswith((".yaml", ".yml")) else resource(*SUITES) / f"{name}.yaml"
        if not path.is_file():
            raise UnknownIdError.of("suite", str(name), suite_ids())
        try:
            tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise ConfigurationError(f"{path.name}", f"is no valid YAML ({error})", "correct the file") from error
        return cls._build(path.stem, tree)

    @classmethod
    def _build(cls, name: str, tree: Any) -> Suite:
        known = {"title", "description", "agents", "tasks"}
        if not isinstance(tree, Mapping) or set(tree) != known:
            raise ConfigurationError(
                f"suite {name}", f"must have exactly {', '.join(sorted(known))}", "correct the file"
            )
        for agent in tree["agents"]:
            agent_class(agent)
        tasks = tuple(_task(name, item) for item in tree["tasks"])
        names = [task.name for task in tasks]
        if len(set(names)) != len(names) or not names:
            raise ConfigurationError(f"suite {name}: tasks {names}", "need one or more distinct names", "rename them")
        return cls(name, str(tree["title"]), str(tree["description"]), tuple(tree["agents"]), tasks)


def suite_ids() -> tuple[str, ...]:
    """Return the names of the suites that ship with the package.

    Example:
        >>> suite_ids()
        ('core', 'quick')
    """
    return tuple(sorted(path.stem for path in resource(*SUITES).glob("*.yaml")))


def _task(suite: str, item: Any) -> Task:
    if (
        not isinstance(item, Mapping)
        or set(item) != {"name", "id", "keywords"}
        or not isinstance(item["keywords"], Mapping)
    ):
        raise ConfigurationError(
            f"suite {suite}: task {item!r}", "must have exactly name, id, keywords", "correct the file"
        )
    if item["id"] not in gym.registry:
        raise UnknownIdError.of("environment", item["id"], [name for name in gym.registry if "energy_gym/" in name])
    return Task(str(item["name"]), str(item["id"]), dict(item["keywords"]))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
