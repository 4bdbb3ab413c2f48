"""One job of the leaderboard: an agent plays a task with a seed, or the oracle solves it; and how the outcome is kept.

One rule: a kept run or oracle is used again only if task, data, scenario, agent, seed, budget and version are the same;
of an agent that lives elsewhere, the file of its factory too.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from energy_gym.agents import make_agent
from energy_gym.agents.default_settings import changed_defaults, defaults
from energy_gym.agents.registry import AGENTS, Factory, agent_factory, is_saved
from energy_gym.errors import UnsuitableAgentError
from energy_gym.evaluation.attainable import attainable_or_none
from energy_gym.evaluation.bracket import Attainable
from energy_gym.evaluation.episode import PARTS, Evaluation, daily_rewards, evaluate
from energy_gym.evaluation.kpis import KPIS
from energy_gym.files import write_atomically
from energy_gym.leaderboard.suites import Suite, Task
from energy_gym.oracle import solve
from energy_gym.tracking.packing import packed
from energy_gym.version import __version__

# A task is one episode: where its window is drawn, every agent and seed and the oracle meet the same one.
EPISODE_SEED = 0
# The agent that plans best on the forecast: what it loses, the forecast costs.
PLANNER = "mpc"
APART = ("parts", "return_", "daily_regret", "daily_return", "days", "kpis")
FIGURES = tuple(field.name for field in fields(Evaluation) if field.name not in APART)
NAMES = ("task", "agent", "seed", "actions", "budget", "source", "unit")
WITHIN = ("attainable_bound", "attainable_share", "attainable_low", "attainable_high")
"""Figures of a run that tell what could be attained; NaN where nobody can say."""
# Columns of the results; what follows are long tables of their own.
KEY_FIGURES = tuple(name for name in KPIS if name not in PARTS)
ROW = (*NAMES, "return", *FIGURES, *PARTS, *KEY_FIGURES, "seconds", "key")
RECORD = {*ROW, "curve", "daily"}
PACKED = "packed"
LATER = "days"
"""What records of earlier plays may lack."""


@dataclass(frozen=True)
class Optimum:
    """Value and proven bound of a task's oracle, its rewards by local day, what could be attained; as kept on disk."""

    value: float
    bound: float
    seconds: float
    status: str
    daily: Mapping[str, float]
    attainable: Mapping[str, Any] | None = None

    @property
    def within(self) -> Attainable | bool:
        """What could be attained, as `energy_gym.evaluate` takes it."""
        return False if self.attainable is None else Attainable(**self.attainable)


@dataclass(frozen=True)
class Run:
    """One agent on one task with one seed.

    Args:
        task: The task as the suite states it.
        agent: Name, or ``module:factory``.
        seed: Seed of the agent.
        actions: The action space it plays the task with.
        budget: Steps to learn with; 0 is the agent's own figure, or none.
        source: Hash of an agent's file where it is not one of ours, of its default settings for the
            task's kind where it is and learns.
    """

    task: Task
    agent: str
    seed: int
    actions: str = "continuous"
    budget: int = 0
    source: str = ""

    @property
    def key(self) -> str:
        """Hash of all that fixes the outcome."""
        return run_key(self.task.hashes["task"], {name: getattr(self, name) for name in NAMES[1:-1]})


def run_key(task_hash: str, row: Mapping[str, Any]) -> str:
    """Return the hash of all that fixes the outcome of a run, of this version of the package.

    Example:
        >>> row = {"agent": "mpc", "seed": 0, "actions": "continuous", "budget": 0, "source": ""}
        >>> len(run_key("0" * 64, row))
        24
    """
    fixed = [row["agent"], row["source"], str(row["seed"]), row["actions"], str(row["budget"])]
    return _short_hash(task_hash, *fixed, __version__)


def oracle_key(task: Task) -> str:
    """Return the hash of all that fixes a task's oracle."""
    return _short_hash(task.hashes["task"], __version__)


def _short_hash(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:24]


def runs_of(suite: Suite, agents: Sequence[str], seeds: int, budgets: Mapping[str, int]) -> Iterator[Run]:
    """Yield the runs of agents on a suite: one seed where a seed changes nothing, else seeds 0 to ``seeds - 1``."""
    factories, hashed = [agent_factory(agent) for agent in agents], functools.cache(source_hash)
    for task in suite.tasks:
        for factory in factories:
            source = hashed(factory.name, task.kind)
            budget = budgets.get(factory.name, 0) if factory.learns else 0
            for seed in range(seeds if factory.seeded else 1):
                yield Run(task, factory.name, seed, task.actions_for(factory), budget, source)


def misfits(task: Task, agents: Sequence[str]) -> dict[str, str]:
    """Return the agents that make no sense in a task, and why.

    Example:
        >>> task = Task("day", "energy_gym/Arbitrage-v1", {"episode_steps": 24})
        >>> misfits(task, ["mpc", "tariff-clock"])
        {'tariff-clock': 'needs a tariff'}
    """
    found: dict[str, str] = {}
    made: dict[str, Any] = {}
    for factory in filter(lambda factory: factory.selective, map(agent_factory, agents)):
        actions = task.actions_for(factory)
        made[actions] = made.get(actions) or task.played_with(actions).make()
        try:
            factory.make(made[actions], 0)
        except UnsuitableAgentError as error:
            found[factory.name] = error.rule
    return found


def source_hash(agent: str, *where: str) -> str:
    """Return the hash of what fixes an agent beside the package's version: its file, or its default settings.

    Args:
        agent: Name, or ``module:factory``, or the folder of a saved agent.
        where: Kind of the task, one of `energy_gym.agents.task_kinds.KINDS`, and engine: only their settings count
            beside the usual ones.

    Example:
        >>> source_hash("mpc"), len(source_hash("dqn"))
        ('', 64)
        >>> source_hash("bc", "site") == source_hash("bc"), source_hash("bc", "day-ahead") == source_hash("bc")
        (False, True)
    """
    if agent in AGENTS:
        settings = dict(defaults(agent)) if agent_factory(agent).learns else {}
        changed = {place: changed_defaults(agent, place) for place in where}
        settings |= {place: own for place, own in changed.items() if own}
        return hashlib.sha256(repr(sorted(settings.items())).encode()).hexdigest() if settings else ""
    if is_saved(agent):
        files = sorted(path for path in Path(agent).iterdir() if path.is_file())
        return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    try:
        content = Path(inspect.getfile(agent_factory(agent).make)).read_bytes()
    except (OSError, TypeError):
        return ""
    return hashlib.sha256(content).hexdigest()


def solve_task(task: Task) -> Optimum:
    """Solve a task over the physical range of power, and find what could be attained where that can be told."""
    env = task.make()
    env.reset(seed=EPISODE_SEED)
    best = solve(env, continuous=True)
    within = attainable_or_none(env)
    kept = None if within is None else asdict(within)
    return Optimum(best.value, best.bound, best.seconds, best.status, daily_rewards(best), kept)


def play_run(run: Run, optimum: Optimum, pack: bool = False) -> dict[str, Any]:
    """Make, fit and play an agent; return its row, its learning curve and its regret by day.

    With ``pack`` the agent and what is known of its data come along, under `PACKED`: for a tracker.
    """
    began = time.perf_counter()
    env = run.task.played_with(run.actions).make()
    curve: list[list[Any]] = []
    agent = fitted(run, agent_factory(run.agent), make_agent(run.agent, env, run.seed), curve)
    result = evaluate(agent, env, seed=EPISODE_SEED, oracle=optimum, attainable=optimum.within)
    base: Any = env.unwrapped
    row = {name: getattr(run, name) for name in NAMES[1:-1]}
    row |= {"task": run.task.name, "unit": base.setup.reward_unit, "return": result.return_, **result.parts}
    row |= {name: getattr(result, name) for name in FIGURES}
    row |= {name: result.kpis[name] for name in KEY_FIGURES}
    row |= {"seconds": time.perf_counter() - began, "key": run.key}
    more = {PACKED: packed(agent, env)} if pack else {}
    told = {name: row[name] for name in ROW}
    return {**told, "curve": curve, "daily": dict(result.daily_regret), LATER: result.days, **more}


def fitted(run: Run, factory: Factory, agent: Any, curve: list[list[Any]]) -> Any:
    """Fit the agent if it can be; what a learning one tells of its progress is added to the curve."""

    def note(steps: int, figures: Mapping[str, float]) -> None:
        curve.extend([int(steps), name, float(value)] for name, value in figures.items())

    if not hasattr(agent, "fit"):
        return agent
    if not factory.learns:
        agent.fit()
        return agent
    agent.fit(budget=run.budget or None, seed=run.seed, callback=note)
    return agent


def read_record(path: Path, names: set[str]) -> dict[str, Any] | None:
    """Return the record of these fields kept at a path; a broken file counts as absent."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and set(kept) - {LATER} == names else None


def write_json(path: Path, content: Any) -> None:
    """Write a file of JSON, whole or not at all."""
    text = json.dumps(content, indent=1, default=str)
    write_atomically(path, lambda target: target.write_text(text, encoding="utf-8"))
