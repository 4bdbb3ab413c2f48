"""The leaderboard: agents x tasks x seeds, in parallel; each run is kept as it ends, so nothing is played twice.

One rule: a kept run or oracle is used again only if task, data, scenario, agent, seed and version are the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib

import energy_gym
from energy_gym.agents import make_agent
from energy_gym.agents.registry import agent_class
from energy_gym.envs.setup import check_count
from energy_gym.errors import ResultsError
from energy_gym.evaluation import evaluate
from energy_gym.files import write_atomically
from energy_gym.oracle import solve
from energy_gym.suites import Suite, Task

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[str, int, int], None]
PACKAGES = ("energy-gym", "gymnasium", "numpy", "pandas", "highspy", "pyomo")


@dataclass(frozen=True)
class Optimum:
    """Value and proven bound of a task's oracle, as kept on disk."""

    value: float
    bound: float
    seconds: float
    status: str


@dataclass(frozen=True)
class Run:
    """One agent on one task with one seed."""

    task: Task
    agent: str
    seed: int

    @property
    def key(self) -> str:
        """Hash of all that fixes the outcome."""
        text = "|".join([self.task.hashes["task"], self.agent, str(self.seed), energy_gym.__version__])
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
        A row per run.

    Raises:
        UnknownIdError: An unknown agent.
        ResultsError: The folder cannot be written.
    """
    import pandas as pd

    from energy_gym.tables import markdown

    folder = _folder(out)
    runs = list(_runs(suite, agents or suite.agents, check_count("seeds", seeds)))
    count = os.cpu_count() or 1 if workers is None else check_count("workers", workers)
    report = progress or (lambda *_: None)
    optima = _oracles(suite, folder, count, report)
    rows = _play(runs, optima, folder, count, report)
    frame = pd.DataFrame(rows).sort_values(["task", "score"], ascending=[True, False], ignore_index=True)
    write_atomically(folder / "results.parquet", lambda path: frame.to_parquet(path, index=False))
    document = {"suite": suite.name, "versions": versions(), "tasks": _provenance(suite, optima), "runs": rows}
    _write_json(folder / "results.json", document)
    write_atomically(folder / "LEADERBOARD.md", lambda path: path.write_text(markdown(suite, frame), encoding="utf-8"))
    return frame


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
    for task in suite.tasks:
        for agent in agents:
            for seed in range(seeds if agent_class(agent).stochastic else 1):
                yield Run(task, agent, seed)


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
        kept = _kept(folder / "oracles" / f"{_oracle_key(task)}.json")
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
    env.reset(seed=0)
    best = solve(env, continuous=True)
    return task, Optimum(best.value, best.bound, best.seconds, best.status)


def _play(
    runs: list[Run], optima: dict[str, Optimum], folder: Path, workers: int, report: Progress
) -> list[dict[str, Any]]:
    """Return a row per run, in the order of the runs; what is kept in the folder is not played."""
    rows = {run.key: _kept(folder / "runs" / f"{run.key}.json") for run in runs}
    missing = [(run, optima[run.task.name]) for run in runs if rows[run.key] is None]
    for run, row in _parallel(_play_run, missing, workers, "runs", report):
        _write_json(folder / "runs" / f"{run.key}.json", row)
        rows[run.key] = row
    return [row for run in runs if (row := rows[run.key]) is not None]


def _play_run(run: Run, optimum: Optimum) -> tuple[Run, dict[str, Any]]:
    env = run.task.make()
    agent = make_agent(run.agent, env, run.seed).fit()
    result = evaluate(agent, env, seed=run.seed, oracle=optimum)
    base: Any = env.unwrapped
    row = {"task": run.task.name, "agent": run.agent, "seed": run.seed, "unit": base.setup.reward_unit}
    figures = {name: value for name, value in asdict(result).items() if name not in ("parts", "return_")}
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


def _kept(path: Path) -> dict[str, Any] | None:
    """Return what is kept at a path; a broken file counts as absent."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) else None


def _write_json(path: Path, content: Any) -> None:
    text = json.dumps(content, indent=1, default=str)
    write_atomically(path, lambda target: target.write_text(text, encoding="utf-8"))
