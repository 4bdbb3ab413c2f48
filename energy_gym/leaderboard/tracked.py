"""What a tracker is told of a leaderboard: a run for each play, and one for the tables and pictures.

One rule: a record holds all that `energy_gym.replaying` needs to play the run again and to know whether it is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from energy_gym.leaderboard.results import Results, versions
from energy_gym.leaderboard.runs import Run
from energy_gym.tracking.packing import Packed
from energy_gym.tracking.protocol import Tracked, finite, prefixed

KIND = "leaderboard"
# Not the same from one play to the next.
TIMES = ("seconds", "steps_per_second", "seconds_per_decision")
SHOWN = ("LEADERBOARD.md", "results.json", "leaderboard.html", "*.png")


def tracked_run(suite: str, run: Run, record: Mapping[str, Any], kept: Packed) -> Tracked:
    """Return what is told of a run that was played.

    Args:
        suite: Name of the suite.
        run: The run.
        record: Its row, curve and regret by day.
        kept: Its agent and data.
    """
    figures = {name: value for name, value in finite(record).items() if name not in ("seed", "budget")}
    days = "\n".join(["day,regret", *(f"{day},{value!r}" for day, value in record["daily"].items())]) + "\n"
    files = {"scenario.yaml": kept.scenario.encode(), **({"days.csv": days.encode()} if record["daily"] else {})}
    name = f"{suite}.{run.task.name}.{Path(run.agent).name}"
    return Tracked(
        experiment=f"{KIND}/{suite}",
        name=_name(run),
        record={**_record(suite, run), "figures": {key: value for key, value in figures.items() if key not in TIMES}},
        parameters={**_parameters(run), **prefixed("agent", kept.settings)},
        figures=figures,
        curve=[(int(steps), str(key), float(value)) for steps, key, value in record["curve"]],
        inputs=kept.inputs,
        files=files,
        model=kept.model(name, float(record["score"]), run.task.hashes["task"]),
    )


def tracked_failure(suite: str, run: Run, error: str) -> Tracked:
    """Return what is told of a run that failed."""
    return Tracked(f"{KIND}/{suite}", _name(run), _record(suite, run), _parameters(run), error=error)


def tracked_stress(suite: str, run: Run, row: Mapping[str, Any]) -> Tracked:
    """Return what is told of a run under stress, of its row."""
    figures, kind = {name: value for name, value in finite(row).items() if name != "seed"}, "stress"
    record = {**_record(suite, run), "kind": kind, "stress": row["stress"], "figures": figures}
    told = {**_parameters(run), "stress": row["stress"]}
    name = f"{_name(run)} {row['stress']}"
    return Tracked(f"{kind}/{suite}", name, record, told, figures, error=row["error"] or None)


def tracked_board(folder: Path, results: Results) -> Tracked:
    """Return what is told of the whole: the tables, and the pictures that were drawn."""
    found = {path.name: path.read_bytes() for pattern in SHOWN for path in sorted(folder.glob(pattern))}
    told = {"command": results.command, **prefixed("version", results.versions)}
    return Tracked(f"{KIND}/{results.suite.name}", "board", parameters=told, files=found)


def _name(run: Run) -> str:
    return f"{run.task.name} {Path(run.agent).name} seed {run.seed}"


def _record(suite: str, run: Run) -> dict[str, Any]:
    task = run.task
    stated = {"name": task.name, "id": task.id, "keywords": dict(task.keywords), "folder": str(task.folder)}
    return {
        "kind": KIND,
        "suite": suite,
        "task": stated,
        "run": _own(run),
        "hashes": task.hashes,
        "versions": versions(),
    }


def _parameters(run: Run) -> dict[str, Any]:
    task = run.task
    told = prefixed("task", task.keywords) | prefixed("sha256", task.hashes) | prefixed("version", versions())
    return {**_own(run), "task": task.name, "id": task.id, **told}


def _own(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in ("agent", "seed", "actions", "budget", "source")}
