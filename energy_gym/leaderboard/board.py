"""The leaderboard: agents x tasks x seeds on an engine; each run is kept as it ends, so nothing is played twice.

One rule: what is asked for is played or reported as failed; what the folder held of other agents stays.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy_gym.agents.registry import agent_factory
from energy_gym.envs.keywords import check_count
from energy_gym.errors import MissingExtraError, ResultsError, UnknownIdError
from energy_gym.files import write_atomically
from energy_gym.leaderboard.engines import Engine, Failure, Progress, opened
from energy_gym.leaderboard.results import Results, read_results, versions, write_results
from energy_gym.leaderboard.runs import (
    PACKED,
    RECORD,
    Optimum,
    Run,
    misfits,
    oracle_key,
    play_run,
    read_record,
    runs_of,
    solve_task,
    write_json,
)
from energy_gym.leaderboard.suites import Suite, Task, check_budgets
from energy_gym.leaderboard.tracked import tracked_board, tracked_failure, tracked_run
from energy_gym.tracking.protocol import Tracker, log_all
from energy_gym.version import __version__

if TYPE_CHECKING:
    import pandas as pd

PLOTS = ("regret_per_day.png", "regret_parts.png", "learning_curves.png", "leaderboard.html")
OPTIMUM = {field.name for field in fields(Optimum)}


def run_suite(
    suite: Suite,
    out: str | Path,
    *,
    agents: Sequence[str] | None = None,
    seeds: int = 1,
    workers: int | None = None,
    engine: str = "local",
    address: str | None = None,
    budgets: Mapping[str, int] | None = None,
    progress: Progress | None = None,
    tracker: Tracker | None = None,
) -> pd.DataFrame:
    """Play a suite and write results, tables and plots into a folder.

    Runs that are already kept in the folder are not played again, so that an interrupted call goes on where it was.
    Agents that were played there before and are not asked for now stay in the results. A job without a result is told
    in ``results.json`` under ``failed``, an agent that makes no sense in a task under ``misfits``.

    Args:
        suite: The tasks.
        out: Folder of the results; made if need be.
        agents: Names, or ``module:factory``; by default those of the suite.
        seeds: Seeds per agent that learns or draws at random, 0 to ``seeds - 1``; the others are played once.
        workers: Jobs at a time; by default one per core.
        engine: ``"local"``, ``"ray"`` or ``"dask"``.
        address: Address of an existing Ray or Dask cluster.
        budgets: Steps to learn with by agent, in place of the suite's.
        progress: Called with stage, jobs done and jobs in all.
        tracker: Told of each run that is played, and of the tables at the end; see `energy_gym.tracking`.

    Returns:
        A row per run: tasks in the order of the suite, the best agent first.

    Raises:
        UnknownIdError: An unknown agent or engine.
        ConfigurationError: A task whose keywords its environment does not take.
        NonPositiveError: Seeds, workers or a budget below 1.
        ClusterError: The cluster cannot be reached.
        ResultsError: The folder cannot be written.

    Example:
        >>> import tempfile
        >>> from energy_gym.leaderboard.suites import Suite, Task
        >>> task = Task("day", "energy_gym/Arbitrage-v1", {"episode_steps": 24})
        >>> suite = Suite("tiny", "Tiny", "One day.", ("idle", "mpc"), (task,))
        >>> run_suite(suite, tempfile.mkdtemp(), workers=1)["agent"].tolist()
        ['mpc', 'idle']
    """
    began = time.perf_counter()
    names = list(dict.fromkeys(agents or suite.agents))
    found, left_out = available(names)
    unfit = [_misfit(task.name, *item) for task in suite.tasks for item in misfits(task, found).items()]
    refused = {(row["task"], row["agent"]) for row in unfit}
    runs = list(runs_of(suite, found, check_count("seeds", seeds), {**suite.budgets, **check_budgets(budgets or {})}))
    runs = [run for run in runs if (run.task.name, run.agent) not in refused]
    modules = sorted({module for agent in found for module in agent_factory(agent).requires})
    with opened(engine, address, workers, modules) as pool:
        hashes = {task.name: task.hashes["task"] for task in suite.tasks}
        folder = _folder(out)
        board = _Board(suite, folder, pool, progress or (lambda *_: None), tracker)
        board.play(runs)
    results = Results(suite, board.provenance(), board.records(runs), [*left_out, *board.failed], versions())
    results.misfits = unfit
    results.command = _command(suite, agents, seeds, pool)
    _add_earlier(results, _earlier(folder), set(names), hashes)
    results.wall_seconds += time.perf_counter() - began if board.played else 0.0
    write_board(folder, results)
    log_all(tracker, [tracked_board(folder, results)])
    return results.frame


def write_board(folder: Path, results: Results) -> None:
    """Write results, tables and, where the extra ``plot`` is installed, plots."""
    from energy_gym.leaderboard.tables import markdown

    results.rank()
    write_results(folder, results)
    text = markdown(results)
    write_atomically(folder / "LEADERBOARD.md", lambda path: path.write_text(text, encoding="utf-8"))
    write_plots(folder, results)


def write_plots(folder: Path, results: Results) -> list[str]:
    """Write the plots into a folder; return their names, none where the extra ``plot`` is not installed.

    A picture that nothing can be drawn on (no agent learns, no day is known) is not written, and an old one is removed.
    One that fails is told by a RuntimeWarning: results that took hours to play are not lost to a picture of them.
    """
    from energy_gym.leaderboard.plots import check_plots, write_curves, write_parts, write_regret

    try:
        check_plots()
    except MissingExtraError:
        return []
    from energy_gym.leaderboard.page import write_page

    writers: tuple[Callable[[Path, Results], bool], ...] = (write_regret, write_parts, write_curves, write_page)
    written = []
    for name, writer in zip(PLOTS, writers, strict=True):
        (folder / name).unlink(missing_ok=True)
        if not results.frame.empty and _drawn(writer, folder / name, results):
            written.append(name)
    return written


def _drawn(writer: Callable[[Path, Results], bool], path: Path, results: Results) -> bool:
    try:
        return writer(path, results)
    except Exception as error:
        warnings.warn(f"{path.name} could not be drawn: {type(error).__name__}: {error}", RuntimeWarning, stacklevel=2)
        return False


def forget(folder: str | Path, agent: str) -> int:
    """Take an agent out of a folder of results, with its failures; return how many runs and failures it had.

    Raises:
        ResultsError: The folder holds no results.
        UnknownIdError: The agent is not in them.
    """
    place, results = Path(folder), read_results(folder)
    kinds = (results.records, results.failed, results.misfits)
    known = {row["agent"] for rows in kinds for row in rows} - {"oracle"}
    if agent not in known:
        raise UnknownIdError.of("agent in these results", agent, known)
    gone = [row for rows in kinds[:2] for row in rows if row["agent"] == agent]
    for row in gone:
        (place / "runs" / f"{row.get('key')}.json").unlink(missing_ok=True)
    results.records, results.failed, results.misfits = (
        [row for row in rows if row["agent"] != agent] for rows in kinds
    )
    write_board(place, results)
    return len(gone)


class _Board:
    """The jobs of one call: oracles first, then runs; outcomes are kept in the folder as they come."""

    def __init__(
        self, suite: Suite, folder: Path, engine: Engine, report: Progress, tracker: Tracker | None = None
    ) -> None:
        self.suite, self.folder, self.engine, self.report = suite, folder, engine, report
        self.tracker = tracker
        self.optima: dict[str, Optimum] = {}
        self.failed: list[dict[str, Any]] = []
        self.played = False
        self._records: dict[str, dict[str, Any]] = {}

    def play(self, runs: list[Run]) -> None:
        """Solve and play what the folder does not hold."""
        self._solve()
        for run in runs:
            kept = read_record(self._run_path(run), RECORD)
            if kept is not None:
                self._records[run.key] = kept
        missing = [run for run in runs if run.key not in self._records and run.task.name in self.optima]
        items = [(run, self.optima[run.task.name], self.tracker is not None) for run in missing]
        for place, outcome in self._done("runs", play_run, items):
            run = missing[place]
            if isinstance(outcome, Failure):
                self._fail(run.task.name, run.agent, run.seed, outcome)
                log_all(self.tracker, [tracked_failure(self.suite.name, run, outcome.error)])
            else:
                kept = outcome.pop(PACKED, None)
                if kept is not None:
                    log_all(self.tracker, [tracked_run(self.suite.name, run, outcome, kept)])
                write_json(self._run_path(run), outcome)
                self._records[run.key] = outcome

    def records(self, runs: list[Run]) -> list[dict[str, Any]]:
        """Return the records of the runs, in their order."""
        return [self._records[run.key] for run in runs if run.key in self._records]

    def provenance(self) -> list[dict[str, Any]]:
        """Return what each task is, and its oracle."""
        return [
            {"name": task.name, "id": task.id, "keywords": dict(task.keywords), "hashes": task.hashes}
            | {"oracle": _without_days(self.optima.get(task.name))}
            for task in self.suite.tasks
        ]

    def _solve(self) -> None:
        missing: list[Task] = []
        for task in self.suite.tasks:
            kept = read_record(self._oracle_path(task), OPTIMUM)
            if kept is None:
                missing.append(task)
            else:
                self.optima[task.name] = Optimum(**kept)
        for place, outcome in self._done("oracles", solve_task, [(task,) for task in missing]):
            task = missing[place]
            if isinstance(outcome, Failure):
                self._fail(task.name, "oracle", 0, outcome)
            else:
                write_json(self._oracle_path(task), asdict(outcome))
                self.optima[task.name] = outcome

    def _done(self, stage: str, work: Callable[..., Any], items: list[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        self.played |= bool(items)
        return self.engine.told(self.report, stage, work, items)

    def _fail(self, task: str, agent: str, seed: int, failure: Failure) -> None:
        self.failed.append(_failed(task, agent, seed, failure.error, failure.missing))

    def _run_path(self, run: Run) -> Path:
        return self.folder / "runs" / f"{run.key}.json"

    def _oracle_path(self, task: Task) -> Path:
        return self.folder / "oracles" / f"{oracle_key(task)}.json"


def _without_days(optimum: Optimum | None) -> dict[str, Any] | None:
    """Return a task's oracle and what could be attained, without what each day adds to them."""
    if optimum is None:
        return None
    kept = {name: value for name, value in asdict(optimum).items() if name != "daily"}
    if kept["attainable"] is not None:
        kept["attainable"] = {name: value for name, value in kept["attainable"].items() if name != "daily"}
    return kept


def _failed(task: str, agent: str, seed: int, error: str, missing: bool) -> dict[str, Any]:
    return {"task": task, "agent": agent, "seed": seed, "error": error, "missing": missing}


def _misfit(task: str, agent: str, why: str) -> dict[str, Any]:
    return {"task": task, "agent": agent, "why": why}


def available(agents: Sequence[str]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the agents that can be made, and a failure for each whose extra is not installed."""
    found, left_out = [], []
    for agent in agents:
        try:
            agent_factory(agent).check_installed()
            found.append(agent)
        except MissingExtraError as error:
            left_out.append(_failed("", agent, 0, str(error), True))
    return found, left_out


def _earlier(folder: Path) -> Results | None:
    """Return what a folder held before; what cannot be read counts as absent."""
    try:
        return read_results(folder)
    except ResultsError:
        return None


def _add_earlier(results: Results, earlier: Results | None, asked: set[str], hashes: Mapping[str, str]) -> None:
    """Add what was there of other agents, and what made it, as long as task, data and version are the same."""
    if earlier is None or earlier.versions.get("energy-gym") != __version__:
        return
    same = {task["name"] for task in earlier.tasks if hashes.get(task["name"]) == task["hashes"]["task"]}
    stay = [row for row in earlier.records if row["agent"] not in asked and row["task"] in same]
    if stay:
        results.command = "\n".join(dict.fromkeys([*earlier.commands, results.command]))
    results.records += stay
    results.failed += [row for row in earlier.failed if row["agent"] not in {*asked, "oracle"} and row["task"] in same]
    results.misfits += [row for row in earlier.misfits if row["agent"] not in asked and row["task"] in same]
    results.wall_seconds += earlier.wall_seconds


def _command(suite: Suite, agents: Sequence[str] | None, seeds: int, pool: Engine) -> str:
    chosen = f" --agents {','.join(agents)}" if agents else ""
    chosen += f" --tasks {','.join(suite.chosen)}" if suite.chosen else ""
    engine = f" --engine {pool.name}" if pool.name != "local" else ""
    return f"energy-gym leaderboard {suite.name}{chosen} --seeds {seeds}{engine}"


def _folder(out: str | Path) -> Path:
    folder = Path(out)
    try:
        for name in ("runs", "oracles"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"out={str(out)!r}", f"cannot be written ({error})", "choose another folder") from error
    return folder
