"""One point of a sweep: made from its tree, played, and told as a row.

One rule: a row holds every setting under its dotted name, and every figure under a plain one.
"""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from energy_gym.agents.base import Agent
from energy_gym.agents.registry import agent_class, agent_factory, make_agent
from energy_gym.envs.env import EnergyEnv
from energy_gym.evaluation.episode import PARTS, Evaluation, evaluate
from energy_gym.evaluation.kept import stores_of, totals
from energy_gym.leaderboard.runs import EPISODE_SEED, source_hash
from energy_gym.leaderboard.suites import Task
from energy_gym.oracle import Solution, solve
from energy_gym.sweeps.experiment import (
    ORACLE,
    _left,
    agent_fields,
    environment_class,
    keywords_of,
    make_forecast,
    read_scenario,
)
from energy_gym.sweeps.grid import leaves
from energy_gym.version import __version__

FIGURES = (
    "return",
    "oracle_value",
    "oracle_bound",
    "idle",
    "regret",
    "score",
    *PARTS,
    "money",
    "money_before_wear",
    "carbon_avoided_kg",
    "discharged_kwh",
    "cycles",
    "capacity_left",
    "steps",
    "unit",
    "seconds",
)
"""Figures of a row: ``money`` is what all prices and charges leave, wear included [currency]; ``discharged_kwh`` what
batteries give out, ``cycles`` that over their capacity; ``capacity_left`` the lowest fraction left of any battery."""


class Planned:
    """Plays a plan, action by action."""

    def __init__(self, solution: Solution) -> None:
        self.solution = solution
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self._actions = iter(self.solution.actions)

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """Return the next action of the plan."""
        return next(self._actions)


class Meter(gym.Wrapper[Any, Any, Any, Any]):
    """Measures what batteries give out, and what capacity they have left."""

    faithful = True

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._base: EnergyEnv = env.unwrapped
        self._stores = stores_of(self._base.setup)
        self.discharged_kwh = 0.0

    def step(self, action: Any) -> Any:
        """Play a step; what left a store, less its losses, was given out."""
        before = np.array([self._base.states])
        result = self.env.step(action)
        self.discharged_kwh += totals(self._stores, before, np.array([self._base.states]))[1]
        return result

    def figures(self) -> dict[str, float]:
        """Return what was measured since the environment was made."""
        capacity = sum(store.capacity_kwh for store in self._stores)
        states = zip(self._base.setup.tape.states, strict=True)
        left = [self._base.states[item.place] / item.scale for (item,) in states if "capacity_left" in item.slot.name]
        cycles = self.discharged_kwh / capacity if capacity else float("nan")
        return {"discharged_kwh": self.discharged_kwh, "cycles": cycles, "capacity_left": min([*left, 1.0])}


def make_environment(tree: Mapping[str, Any]) -> EnergyEnv:
    """Return the environment of a point.

    Raises:
        UnknownIdError: A keyword that it does not take.
        ConfigurationError: A value that it does not take.
    """
    keywords = {**keywords_of(tree["task"]), "scenario": read_scenario(tree["scenario"])}
    return EnergyEnv(**keywords, forecast=make_forecast(tree["forecast"]))


def play_point(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Play a point; return its row."""
    began = time.perf_counter()
    env = make_environment(tree)
    best = _best(json.dumps({part: tree[part] for part in ("task", "scenario")}, sort_keys=True))
    meter = Meter(env)
    agent = _agent(tree["agent"], env, best)
    result = evaluate(agent, meter, seed=EPISODE_SEED, oracle=best)
    row = {**leaves(tree), **_figures(result, meter, env), "seconds": time.perf_counter() - began}
    return {name: json.dumps(value) if isinstance(value, list | dict) else value for name, value in row.items()}


def _figures(result: Evaluation, meter: Meter, env: EnergyEnv) -> dict[str, Any]:
    names = ("oracle_value", "oracle_bound", "idle", "regret", "score", "steps")
    parts = result.parts
    earned = 0.0 - (parts["energy_cost"] + parts["penalty"] + parts["demand_charge"])
    return {
        "return": result.return_,
        **{name: getattr(result, name) for name in names},
        **parts,
        "money": earned - parts["wear"],
        "money_before_wear": earned,
        "carbon_avoided_kg": 0.0 - parts["carbon_kg"],
        **meter.figures(),
        "unit": env.setup.reward_unit,
    }


@functools.lru_cache(maxsize=2)
def _best(text: str) -> Solution:
    """Return the optimum of a task and its scenario over the physical range of power."""
    tree = json.loads(text)
    env = make_environment({**tree, "forecast": {"name": "perfect"}})
    env.reset(seed=EPISODE_SEED)
    return solve(env, continuous=True)


def _agent(tree: Mapping[str, Any], env: EnergyEnv, best: Solution) -> Any:
    """Return the agent of a point, fitted."""
    name, seed = str(tree["name"]), int(tree["seed"])
    if name == ORACLE:
        if env.setup.levels is None:
            return Planned(best)
        env.reset(seed=EPISODE_SEED)
        return Planned(solve(env))
    settings = {key: value for key, value in tree.items() if key not in ("name", "seed", "budget")}
    usual = agent_fields(name)
    changed = {key: value for key, value in settings.items() if value != usual[key]}
    agent = agent_class(name)(env, seed, **changed) if changed else make_agent(name, env, seed)
    if hasattr(agent, "fit"):
        agent.fit(budget=tree["budget"], seed=seed) if isinstance(agent, Agent) else agent.fit()
    return agent


def point_key(tree: Mapping[str, Any]) -> str:
    """Return the hash of all that fixes a point's outcome: settings, data, an agent's own file, and the version."""
    name = str(tree["agent"]["name"])
    data, kind = _data_and_kind(json.dumps(tree["task"], sort_keys=True))
    source = "" if name == ORACLE else source_hash(agent_factory(name).name, kind, str(tree["agent"].get("engine", "")))
    text = json.dumps(tree, sort_keys=True, default=str)
    parts = (text, data, source, __version__)
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:24]


@functools.lru_cache(maxsize=64)
def _data_and_kind(task: str) -> tuple[str, str]:
    tree = json.loads(task)
    environment_class(tree)
    given = {name: value for name, value in tree.items() if name != "id" and not _left(name, value)}
    played = Task("sweep", str(tree["id"]), given)
    return played.hashes["data"], played.kind
