"""``energy-gym leaderboard SUITE --stress``: every agent of a suite under stress, as one table beside the others.

One rule: an agent without a figure stands in the table with what went wrong.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy_gym.agents.registry import agent_factory
from energy_gym.envs.keywords import check_count
from energy_gym.errors import ResultsError
from energy_gym.files import write_atomically
from energy_gym.leaderboard.board import available
from energy_gym.leaderboard.engines import Engine, Failure, Progress, opened
from energy_gym.leaderboard.runs import Optimum, Run, misfits, runs_of, solve_task, write_json
from energy_gym.leaderboard.stress import ROWS, STRESSES, blank_row, play_stressed, solve_stressed
from energy_gym.leaderboard.suites import Suite, Task, check_budgets
from energy_gym.leaderboard.tables import fixed, grid
from energy_gym.leaderboard.tracked import tracked_stress
from energy_gym.tracking.protocol import Tracked, Tracker, log_all

if TYPE_CHECKING:
    import pandas as pd

FILES = ("stress.json", "STRESS.md")


def run_stress(
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
    """Play the agents of a suite under every stress; write ``stress.json`` and ``STRESS.md`` into a folder.

    Arguments as for `energy_gym.leaderboard.run_suite`; each agent learns once for all circumstances of a task.

    Returns:
        A row per task, stress, agent and seed: its own score, the score under stress and the distance of the two (below
        zero where it falls), regret there [reward units]; ``error`` where there is no figure.

    Raises:
        UnknownIdError: An unknown agent or engine.
        NonPositiveError: Seeds, workers or a budget below 1.
        ResultsError: The folder cannot be written.

    Example:
        >>> import tempfile
        >>> from energy_gym.leaderboard.suites import Suite, Task
        >>> task = Task("day", "energy_gym/Arbitrage-v1", {"episode_steps": 24, "split": "test"})
        >>> suite = Suite("tiny", "Tiny", "One day.", ("idle",), (task,))
        >>> frame = run_stress(suite, tempfile.mkdtemp(), workers=1)
        >>> frame["stress"].tolist(), frame["score"].tolist()
        (['crisis', 'other-zone', 'worn-battery', 'missing-data', 'bad-forecast'], [0.0, 0.0, 0.0, 0.0, 0.0])
    """
    import pandas as pd

    names = list(dict.fromkeys(agents or suite.agents))
    known, rows = _installed(suite, names)
    runs = list(runs_of(suite, known, check_count("seeds", seeds), {**suite.budgets, **check_budgets(budgets or {})}))
    unfit = {task.name: misfits(task, known) for task in suite.tasks}
    runs = [run for run in runs if run.agent not in unfit[run.task.name]]
    modules = sorted({module for name in known for module in agent_factory(name).requires})
    with opened(engine, address, workers, modules) as pool:
        rows += _Board(suite, pool, progress or (lambda *_: None), tracker).play(runs)
    frame = pd.DataFrame(rows, columns=list(ROWS))
    _write(Path(out), suite, frame, unfit)
    files = {name: (Path(out) / name).read_bytes() for name in FILES}
    log_all(tracker, [Tracked(f"stress/{suite.name}", "board", files=files)])
    return frame


def _installed(suite: Suite, names: Sequence[str]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the agents that can be made here, and rows for those whose extra is not installed."""
    known, left_out = available(names)
    cases = [(failed, task, stress) for failed in left_out for task in suite.tasks for stress in STRESSES]
    return known, [
        blank_row(Run(task, failed["agent"], 0), stress, " ".join(failed["error"].split()))
        for failed, task, stress in cases
    ]


class _Board:
    """The jobs: optima of the tasks and of each stress first, then an agent's circumstances, one job a seed."""

    def __init__(self, suite: Suite, engine: Engine, report: Progress, tracker: Tracker | None) -> None:
        self.suite, self.engine, self.report, self.tracker = suite, engine, report, tracker

    def play(self, runs: list[Run]) -> list[dict[str, Any]]:
        """Return the rows of all runs, those of one task and stress together."""
        own, refused = self._solved(solve_task, [(task,) for task in self.suite.tasks])
        cases = [(task, name) for task in self.suite.tasks for name in STRESSES]
        there, more = self._solved(solve_stressed, cases)
        refused |= more
        items = [(run, own[run.task.name], _of(there, run.task)) for run in runs if run.task.name in own]
        rows: list[dict[str, Any]] = []
        for place, outcome in self.engine.told(self.report, "stress", play_stressed, items):
            run = items[place][0]
            failed = isinstance(outcome, Failure)
            found = [blank_row(run, name, outcome.error) for name in items[place][2]] if failed else outcome
            log_all(self.tracker, [tracked_stress(self.suite.name, run, row) for row in found])
            rows += found
        for run in runs:
            task = run.task.name
            told = {name: refused.get(f"{task}|{name}") or refused.get(task) for name in STRESSES}
            rows += [blank_row(run, name, why) for name, why in told.items() if why]
        tasks, stresses = [task.name for task in self.suite.tasks], list(STRESSES)
        return sorted(rows, key=lambda row: (tasks.index(row["task"]), stresses.index(row["stress"])))

    def _solved(
        self, work: Callable[..., Any], items: list[tuple[Any, ...]]
    ) -> tuple[dict[str, Optimum], dict[str, str]]:
        """Return optima, and why there is none, by the task's name (and the stress behind a bar)."""
        found, refused = {}, {}
        for place, outcome in self.engine.told(self.report, "oracles", work, items):
            task, *name = items[place]
            key = "|".join((task.name, *name))
            if isinstance(outcome, Failure):
                refused[key] = outcome.error
            else:
                found[key] = outcome
        return found, refused


def _of(optima: Mapping[str, Optimum], task: Task) -> dict[str, Optimum]:
    return {name: optima[f"{task.name}|{name}"] for name in STRESSES if f"{task.name}|{name}" in optima}


def _write(folder: Path, suite: Suite, frame: pd.DataFrame, unfit: Mapping[str, Mapping[str, str]]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"out={str(folder)!r}", f"cannot be written ({error})", "choose another folder") from error
    rows = json.loads(frame.to_json(orient="records"))
    kinds = {name: stress.told for name, stress in STRESSES.items()}
    write_json(folder / FILES[0], {"suite": suite.name, "stresses": kinds, "rows": rows, "misfits": unfit})
    text = stress_page(suite.title, frame, unfit)
    write_atomically(folder / FILES[1], lambda path: path.write_text(text, encoding="utf-8"))


def stress_page(title: str, frame: pd.DataFrame, unfit: Mapping[str, Mapping[str, str]]) -> str:
    """Return the table as Markdown: own score, distance under each stress, and what has no figure."""
    lines = [f"# Stress: {title}", ""]
    lines += [f"- **{name}**: {stress.told}" for name, stress in STRESSES.items()]
    lines += ["", "Own: score of the task as it is. The other columns: score under stress less own, means over seeds."]
    for task in dict.fromkeys(frame["task"]):
        lines += ["", f"## {task}", "", *_task_lines(frame[frame["task"] == task])]
        lines += [f"\nLeft out: {agent}, {why}." for agent, why in unfit.get(task, {}).items()]
    failed = frame[frame["error"] != ""]
    if len(failed):
        lines += ["", "## Without a figure", ""]
        for (task, stress, error), rows in failed.groupby(["task", "stress", "error"], sort=False):
            lines.append(f"- {task}, {stress}: {', '.join(dict.fromkeys(rows['agent']))}: {error}")
    return "\n".join([*lines, ""])


def _task_lines(frame: pd.DataFrame) -> list[str]:
    means = frame.groupby(["agent", "stress"])[["own", "distance"]].mean()
    own = means["own"].groupby("agent").first().sort_values(ascending=False, na_position="last")
    rows = []
    for agent, score in own.items():
        cells = [means["distance"].get((agent, name), math.nan) for name in STRESSES]
        rows.append([str(agent), fixed(float(score), 3), *[_signed(float(cell)) for cell in cells]])
    return grid(["agent", "own", *STRESSES], rows)


def _signed(value: float) -> str:
    text = fixed(value, 3)
    return f"+{text}" if value > 0.0005 else text
