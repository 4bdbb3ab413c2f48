"""Results of a leaderboard for the page: who played what, and each run by local day.

One rule: what is shown is what the folder holds; nothing is played for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from energy_gym.dashboard.graph import Graph, graph_of
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.leaderboard.results import Results, read_results
from energy_gym.leaderboard.runs import LATER, ROW


class ResultsPage(BaseModel):
    """A folder of results: its suite, its tasks with their optimum, a row for each run, and what has no result."""

    name: str
    title: str
    description: str
    command: str
    versions: dict[str, str]
    tasks: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    failed: list[dict[str, Any]]
    misfits: list[dict[str, Any]]


class PlayerDays(BaseModel):
    """A run by local day: columns of equal length; ``regret`` and what only newer plays tell may be missing."""

    agent: str
    seed: int | None
    unit: str
    days: dict[str, list[Any]]


def read_folders(folders: list[Path]) -> dict[str, Results]:
    """Return results by the name of their suite; a second folder of a suite is named after the folder.

    Raises:
        ResultsError: A folder holds no results.
        ConfigurationError: A folder is given twice.
    """
    found: dict[str, Results] = {}
    for folder in folders:
        results = read_results(folder)
        name = results.suite.name if results.suite.name not in found else folder.resolve().name
        if name in found:
            raise ConfigurationError(f"{folder}", f"is a second folder named {name!r}", "name each folder once")
        found[name] = results
    return found


def results_page(name: str, results: Results) -> ResultsPage:
    """Return a folder of results as the page asks for it."""
    return ResultsPage(
        name=name,
        title=results.suite.title,
        description=results.suite.description,
        command=results.command,
        versions=dict(results.versions),
        tasks=[_plain(task) for task in results.tasks],
        runs=[_plain({key: record[key] for key in ROW}) for record in results.records],
        failed=[_plain(row) for row in results.failed],
        misfits=[_plain(row) for row in results.misfits],
    )


def days_of_task(results: Results, task: str) -> list[PlayerDays]:
    """Return the runs of a task by local day; of a play that kept no days, its regret alone.

    Raises:
        UnknownIdError: No such task.
    """
    _known(results, task)
    return [_days(record) for record in results.records if record["task"] == task]


def _days(record: Mapping[str, Any]) -> PlayerDays:
    kept = dict(record.get(LATER) or {"day": sorted(record["daily"])})
    if record["daily"]:
        kept["regret"] = [record["daily"].get(day) for day in kept["day"]]
    return PlayerDays(agent=record["agent"], seed=record["seed"], unit=record["unit"], days=_plain(kept))


def task_graph(results: Results, name: str) -> Graph:
    """Return the scenario of a task.

    Raises:
        UnknownIdError: No such task.
        EnergyGymError: Its data are not at hand.
    """
    task = next(item for item in results.suite.tasks if item.name == _known(results, name))
    base: Any = task.make().unwrapped
    return graph_of(base.setup.scenario)


def _known(results: Results, task: str) -> str:
    names = [item.name for item in results.suite.tasks]
    if task not in names:
        raise UnknownIdError.of("task", task, names)
    return task


def _plain(value: Any) -> Any:
    """Return a value as strict JSON can hold it: null where there is no finite number."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def add_results(app: FastAPI, folders: Mapping[str, Results]) -> None:
    """Add the addresses of results."""

    def found(name: str) -> Results:
        if name not in folders:
            raise UnknownIdError.of("results", name, folders)
        return folders[name]

    @app.get("/v1/results/{name}")
    def results_of(name: str) -> ResultsPage:
        """Return who played what, and with which figures."""
        return results_page(name, found(name))

    @app.get("/v1/results/{name}/days")
    def results_days(name: str, task: str) -> list[PlayerDays]:
        """Return the runs of a task by local day."""
        return days_of_task(found(name), task)

    @app.get("/v1/results/{name}/scenario")
    def results_scenario(name: str, task: str) -> Graph:
        """Return the scenario of a task."""
        return task_graph(found(name), task)
