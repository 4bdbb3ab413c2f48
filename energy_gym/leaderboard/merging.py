"""Results that were made elsewhere, added to a folder of results.

One rule: a row is taken over only if it can be shown to be of the same task on the same data under the same version.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from energy_gym.errors import ResultsError, SolverError
from energy_gym.evaluation.scoring import regret, score
from energy_gym.leaderboard.board import write_board
from energy_gym.leaderboard.results import Results, read_results
from energy_gym.leaderboard.runs import run_key, write_json
from energy_gym.version import __version__

TOLERANCE = 1e-6
KEPT_BY = ("source", "budget")


def merge_results(source: str | Path, into: str | Path) -> int:
    """Add the runs of other results to a folder and write its tables and plots anew.

    Args:
        source: Folder of results, or its ``results.json``.
        into: Folder of results that the same suite was played into.

    Returns:
        How many runs were added; runs that were there already are not.

    Raises:
        ResultsError: Version, task, data or oracle differ, a row contradicts itself, or an agent of the same name was
            played otherwise here. Nothing is changed then.

    Example:
        >>> import tempfile
        >>> from energy_gym.leaderboard import run_suite
        >>> from energy_gym.leaderboard.suites import Suite, Task
        >>> tasks = (Task("day", "energy_gym/Arbitrage-v1", {"episode_steps": 24}),)
        >>> here, there = tempfile.mkdtemp(), tempfile.mkdtemp()
        >>> for folder, agent in ((here, "mpc"), (there, "idle")):
        ...     _ = run_suite(Suite("tiny", "Tiny", "One day.", (agent,), tasks), folder, workers=1)
        >>> merge_results(there, here), merge_results(there, here)
        (1, 0)
    """
    folder, other = Path(into), read_results(source)
    own = read_results(folder)
    for name, results in (("into", own), ("source", other)):
        _check_version(name, results)
    hashes = _check_tasks(own, other)
    new = [row for row in other.records if row["key"] not in {mine["key"] for mine in own.records}]
    for row in new:
        _check_row(row, own, hashes[row["task"]])
    own.records += new
    played = {(row["task"], row["agent"], row["seed"]) for row in own.records}
    both = {_name(row): row for row in [*own.failed, *other.failed]}
    own.failed = [row for name, row in both.items() if name not in played]
    own.misfits += [row for row in other.misfits if row not in own.misfits]
    for row in new:
        write_json(folder / "runs" / f"{row['key']}.json", row)
    write_board(folder, own)
    return len(new)


def _name(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["task"], row["agent"], row["seed"]


def _check_version(name: str, results: Results) -> None:
    found = results.versions.get("energy-gym")
    if found != __version__:
        raise ResultsError(
            f"{name}: made with energy-gym {found}", f"this is {__version__}", "play it with one version"
        )


def _check_tasks(own: Results, other: Results) -> dict[str, str]:
    """Return the task hashes by name, or say of which task what differs."""
    known = {task["name"]: task for task in own.tasks}
    played = {row["task"] for row in other.records}
    for task in other.tasks:
        if task["name"] not in played:
            continue
        if task["name"] not in known:
            raise ResultsError(f"task {task['name']!r}", f"is not one of {', '.join(known)}", "merge the same suite")
        _check_task(known[task["name"]], task)
    return {name: task["hashes"]["task"] for name, task in known.items()}


def _check_task(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    kinds = {"data": "data", "scenario": "scenario", "task": "keywords"}
    differing = [word for kind, word in kinds.items() if mine["hashes"][kind] != theirs["hashes"].get(kind)]
    if differing:
        # The task's hash holds the other two: it says more only where they agree.
        what = " and ".join(differing[:-1] or differing)
        raise ResultsError(
            f"task {mine['name']!r}: {what} of another hash", "must be the same in both", "play it on the same data"
        )
    if not all(_close(mine["oracle"][name], theirs["oracle"][name]) for name in ("value", "bound")):
        raise ResultsError(
            f"task {mine['name']!r}: oracle {theirs['oracle']['value']} there, {mine['oracle']['value']} here",
            "must agree",
            "play it again with the same versions of the packages",
        )


def _check_row(row: Mapping[str, Any], own: Results, task_hash: str) -> None:
    """Check a row's key and that its figures follow from each other; refuse two agents of one name."""
    where = f"run of {row['agent']!r} on {row['task']!r}, seed {row['seed']}"
    if row["key"] != run_key(task_hash, row):
        raise ResultsError(where, "its key is not the hash of what it says it is", "take the file as it was written")
    oracle = next(task["oracle"] for task in own.tasks if task["name"] == row["task"])
    try:
        figures = {"regret": regret(row["return"], oracle["bound"])}
    except SolverError as error:
        raise ResultsError(where, f"its return {row['return']} is above the proven bound", "it cannot be") from error
    figures["score"] = score(row["return"], row["idle"], oracle["value"])
    for name, expected in figures.items():
        if not _close(row[name], expected):
            raise ResultsError(f"{where}: {name} {row[name]}", f"follows as {expected}", "take the file as written")
    for mine in own.records:
        if mine["agent"] == row["agent"] and any(mine[name] != row[name] for name in KEPT_BY):
            raise ResultsError(where, "that name was played here with another file or budget", "rename one of them")


def _close(one: float, other: float) -> bool:
    both_nan = one != one and other != other  # NaN alone differs from itself
    return both_nan or abs(one - other) <= TOLERANCE * max(1.0, abs(one), abs(other))
