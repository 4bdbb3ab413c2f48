"""The leaderboard: agents x tasks x seeds, in parallel; each run is kept as it ends, so nothing is played twice.

One rule: a kept run or oracle is used again only if task, data, scenario, agent, seed and version are the same; of an
agent that lives elsewhere, the file of its class too.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib

import energy_gym
from energy_gym.agents import make_agent
from energy_gym.agents.registry import AGENTS, agent_class
from energy_gym.envs.setup import check_count
from energy_gym.errors import ResultsError
from energy_gym.evaluation import PARTS, Evaluation, evaluate
from energy_gym.files import write_atomically
from energy_gym.oracle import solve
from energy_gym.suites import Suite, Task

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[str, int, int], None]
PACKAGES = ("energy-gym", "gymnasium", "numpy", "pandas", "highspy", "pyomo")
# A task is one episode: where its window is drawn, every agent and seed and the oracle meet the same one.
EPISODE_SEED = 0
FIGURES = tuple(field.name for field in fields(Evaluation) if field.name not in ("parts", "return_", "daily_regret"))
ROW = {"task", "agent", "seed", "unit", "return", *FIGURES, *PARTS, "key"}


@dataclass(frozen=True)
class Optimum:
    """Value and proven bound of a task's oracle, as kept on disk."""

    value: float
    bound: float
    seconds: float
    status: str


@dataclass(frozen=True)
class Run:
    """One agent on one task with one seed; ``source`` is the hash of an agent's file where it is not one of ours."""

    task: Task
    agent: str
    seed: int
    source: str = ""

    @property
    def key(self) -> str:
        """Hash of all that fixes the outcome."""
        text = "|".join([self.task.hashes["task"], self.agent, self.source, str(self.seed), energy_gym.__version__])
        return hashlib.sha256(text.encode()).hexdigest()[:24]


def run_suite(
    suite: Suite,
    out: str | Path,
    *,
    agents: Sequence[str] | None = None,
    seeds: int = 1,
    workers: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Play a suite and write ``results.parquet``, ``results.json`` and ``LEADERBOARD.md`` into a folder.

    Runs that are already kept in the folder are not played again, so that an interrupted call goes on where it was.

    Args:
        suite: The tasks.
        out: Folder of the results; made if need be.
        agents: Names, or ``module:Class``; by default those of the suite.
        seeds: Seeds per agent that draws at random, 0 to ``seeds - 1``; the others are played once.
        workers: Processes; by default one per core.
        progress: Called with stage, runs done and runs in all.

    Returns:
        A row per run: tasks in the order of the suite, the best agent first.

    Raises:
        UnknownIdError: An unknown agent.
        ConfigurationError: A task whose keywords its environment does not take.
        NonPositiveError: Seeds or workers below 1.
        ResultsError: The folder cannot be written.

    Example:
        >>> import tempfile
        >>> from energy_gym.suites import Suite, Task
        >>> task = Task("day", "energy_gym/Arbitrage-v0", {"episode_steps": 24})
        >>> suite = Suite("tiny", "Tiny", "One day.", ("idle", "mpc"), (task,))
        >>> run_suite(suite, tempfile.mkdtemp(), workers=1)["agent"].tolist()
        ['mpc', 'idle']
    """
    import pandas as pd

    from energy_gym.tables import markdown

    count = os.cpu_count() or 1 if workers is None else check_count("workers", workers)
    runs = list(_runs(suite, dict.fromkeys(agents or suite.agents), check_count("seeds", seeds)))
    folder = _folder(out)
    report = progress or (lambda *_: None)
    optima = _oracles(suite, folder, count, report)
    rows = _ranked(_play(runs, optima, folder, count, report), [task.name for task in suite.tasks])
    frame = pd.DataFrame(rows)
    document = {"suite": suite.name, "versions": versions(), "tasks": _provenance(suite, optima)}
    write_atomically(folder / "results.parquet", lambda path: frame.to_parquet(path, index=False))
    _write_json(folder / "results.json", {**document, "runs": [_without_nan(row) for row in rows]})
    board = markdown(suite, frame, _origin(suite, agents, seeds))
    write_atomically(folder / "LEADERBOARD.md", lambda path: path.write_text(board, encoding="utf-8"))
    return frame


def _origin(suite: Suite, agents: Sequence[str] | None, seeds: int) -> str:
    """Return the command that makes these results, and the versions that made them."""
    chosen = f" --agents {','.join(agents)}" if agents else ""
    found = ", ".join(f"{name} {number}" for name, number in versions().items())
    return f"Made with `energy-gym leaderboard {suite.name}{chosen} --seeds {seeds}` ({found})."


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = energy_gym.__version__ if package == "energy-gym" else "absent"
    return found


def _runs(suite: Suite, agents: Iterable[str], seeds: int) -> Iterator[Run]:
    kinds = {agent: agent_class(agent) for agent in agents}
    for task in suite.tasks:
        for agent, kind in kinds.items():
            for seed in range(seeds if kind.stochastic else 1):
                yield Run(task, agent, seed, "" if agent in AGENTS else _source_hash(kind))


def _source_hash(kind: type) -> str:
    """Return the hash of the file that a class is written in, or nothing where it has none."""
    try:
        content = Path(inspect.getfile(kind)).read_bytes()
    except (OSError, TypeError):
        return ""
    return hashlib.sha256(content).hexdigest()


def _ranked(rows: list[dict[str, Any]], tasks: list[str]) -> list[dict[str, Any]]:
    """Return rows by task in the order of the suite, then from the best score down; rows without a score come last."""
    return sorted(rows, key=lambda row: (tasks.index(row["task"]), math.isnan(row["score"]), -row["score"]))


def _without_nan(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as strict JSON can hold it: null where there is no number."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}


def _provenance(suite: Suite, optima: dict[str, Optimum]) -> list[dict[str, Any]]:
    return [
        {"name": task.name, "id": task.id, "keywords": dict(task.keywords), "hashes": task.hashes}
        | {"oracle": asdict(optima[task.name])}
        for task in suite.tasks
    ]


def _oracles(suite: Suite, folder: Path, workers: int, report: Progress) -> dict[str, Optimum]:
    """Return the oracle of each task by name, from the folder where it is kept there."""
    optima: dict[str, Optimum] = {}
    missing = []
    for task in suite.tasks:
        kept = _kept(folder / "oracles" / f"{_oracle_key(task)}.json", {field.name for field in fields(Optimum)})
        if kept is None:
            missing.append(task)
        else:
            optima[task.name] = Optimum(**kept)
    for task, optimum in _parallel(_solve_task, [(task,) for task in missing], workers, "oracles", report):
        _write_json(folder / "oracles" / f"{_oracle_key(task)}.json", asdict(optimum))
        optima[task.name] = optimum
    return optima


def _oracle_key(task: Task) -> str:
    return hashlib.sha256(f"{task.hashes['task']}|{energy_gym.__version__}".encode()).hexdigest()[:24]


def _solve_task(task: Task) -> tuple[Task, Optimum]:
    env = task.make()
    env.reset(seed=EPISODE_SEED)
    best = solve(env, continuous=True)
    return task, Optimum(best.value, best.bound, best.seconds, best.status)


def _play(
    runs: list[Run], optima: dict[str, Optimum], folder: Path, workers: int, report: Progress
) -> list[dict[str, Any]]:
    """Return a row per run, in the order of the runs; what is kept in the folder is not played."""
    rows = {run.key: _kept(folder / "runs" / f"{run.key}.json", ROW) for run in runs}
    missing = [(run, optima[run.task.name]) for run in runs if rows[run.key] is None]
    for run, row in _parallel(_play_run, missing, workers, "runs", report):
        _write_json(folder / "runs" / f"{run.key}.json", row)
        rows[run.key] = row
    return [row for run in runs if (row := rows[run.key]) is not None]


def _play_run(run: Run, optimum: Optimum) -> tuple[Run, dict[str, Any]]:
    env = run.task.make()
    agent = make_agent(run.agent, env, run.seed).fit()
    result = evaluate(agent, env, seed=EPISODE_SEED, oracle=optimum)
    base: Any = env.unwrapped
    row = {"task": run.task.name, "agent": run.agent, "seed": run.seed, "unit": base.setup.reward_unit}
    figures = {name: getattr(result, name) for name in FIGURES}
    return run, {**row, "return": result.return_, **figures, **result.parts, "key": run.key}


def _parallel(
    work: Callable[..., Any], items: list[tuple[Any, ...]], workers: int, stage: str, report: Progress
) -> Iterator[Any]:
    """Yield results as they come, from this process if one worker is enough."""
    count = min(workers, len(items))
    if count <= 1:
        results: Iterator[Any] = (work(*item) for item in items)
    else:
        pool = joblib.Parallel(n_jobs=count, return_as="generator_unordered")
        results = pool(joblib.delayed(work)(*item) for item in items)
    report(stage, 0, len(items))
    for done, result in enumerate(results, start=1):
        yield result
        report(stage, done, len(items))


def _folder(out: str | Path) -> Path:
    folder = Path(out)
    try:
        for name in ("runs", "oracles"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"out={str(out)!r}", f"cannot be written ({error})", "choose another folder") from error
    return folder


def _kept(path: Path, names: set[str]) -> dict[str, Any] | None:
    """Return the record of these fields kept at a path; a broken file counts as absent."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and set(kept) == names else None


def _write_json(path: Path, content: Any) -> None:
    text = json.dumps(content, indent=1, default=str)
    write_atomically(path, lambda target: target.write_text(text, encoding="utf-8"))
