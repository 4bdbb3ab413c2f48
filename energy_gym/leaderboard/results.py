"""The results of a leaderboard on disk: a folder with rows, learning curves, regret by day, and what has no result.

One rule: ``results.json`` alone says what was compared; the tables beside it hold what is too long for it.
"""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.errors import ResultsError
from energy_gym.files import write_atomically
from energy_gym.leaderboard.runs import KEY_FIGURES, LATER, PLANNER, ROW, WITHIN, write_json
from energy_gym.leaderboard.suites import Suite, Task
from energy_gym.version import __version__

if TYPE_CHECKING:
    import pandas as pd

PACKAGES = ("energy-gym", "gymnasium", "numpy", "pandas", "highspy", "pyomo")
CURVE = ("task", "agent", "seed", "steps", "figure", "value", "key")
LONG = ("curves", "daily", LATER)
DAILY = ("task", "agent", "seed", "day", "regret", "key")


@dataclass
class Results:
    """Everything a leaderboard shows.

    Args:
        suite: The tasks that were compared, by name.
        tasks: Of each task: name, id, keywords, hashes, oracle.
        records: Of each run: its row, ``curve`` [[steps, figure, value], ...], ``daily`` {day: regret} and ``days``
            (columns by local day, see `energy_gym.evaluation.days`; none in records of earlier plays).
        failed: Jobs without a result: task, agent, seed, error, missing.
        versions: Versions of Python and of the packages the results depend on.
        command: The command that made them, one in a line where some stay of an earlier one.
        wall_seconds: Wall time of all calls that played something [s].
        misfits: Agents left out of a task in which they make no sense: task, agent, why.
    """

    suite: Suite
    tasks: list[dict[str, Any]]
    records: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    wall_seconds: float = 0.0
    misfits: list[dict[str, Any]] = field(default_factory=list)

    @property
    def commands(self) -> list[str]:
        """The commands that made them, in their order."""
        return self.command.split("\n")

    @property
    def frame(self) -> pd.DataFrame:
        """A row per run."""
        import pandas as pd

        return pd.DataFrame([{name: record[name] for name in ROW} for record in self.records], columns=list(ROW))

    @property
    def curves(self) -> pd.DataFrame:
        """Learning curves: a row per run, figure and report."""
        import pandas as pd

        rows = [(*_who(record), *point, record["key"]) for record in self.records for point in record["curve"]]
        return pd.DataFrame(rows, columns=list(CURVE))

    @property
    def daily(self) -> pd.DataFrame:
        """Regret by local day: a row per run and day.

        ``forecast`` is the regret of mpc on that day, ``controller`` the rest; both are missing
        where it did not play.
        """
        import pandas as pd

        rows = [(*_who(record), *day, record["key"]) for record in self.records for day in record["daily"].items()]
        table = pd.DataFrame(rows, columns=list(DAILY))
        planned = table[table["agent"] == PLANNER].groupby(["task", "day"])["regret"].mean().rename("forecast")
        table = table.join(planned, on=["task", "day"])
        return table.assign(controller=table["regret"] - table["forecast"])

    @property
    def days(self) -> pd.DataFrame:
        """What each run earned and did: a row per run and local day, with ``regret`` where it is known."""
        import pandas as pd

        tables = []
        for record in filter(lambda row: row.get(LATER), self.records):
            table = pd.DataFrame(record[LATER])
            table["regret"] = table["day"].map(record["daily"])
            who = dict(zip(("task", "agent", "seed"), _who(record), strict=True))
            tables.append(table.assign(**who, key=record["key"]))
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"key": pd.Series(dtype=str)})

    def rank(self) -> None:
        """Sort by task in the order of the suite, then from the best score down; no score comes last."""
        order = [task.name for task in self.suite.tasks]
        self.records.sort(key=lambda row: (order.index(row["task"]), math.isnan(row["score"]), -row["score"]))


def _who(record: Mapping[str, Any]) -> tuple[Any, ...]:
    return record["task"], record["agent"], record["seed"]


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    # An editable installation may be older in its metadata than the code that runs.
    return {**found, "energy-gym": __version__}


def write_results(folder: Path, results: Results) -> None:
    """Write ``results.json`` and the Parquet files ``results``, ``curves``, ``daily``, ``days``: each whole or not."""
    tables = {"results": results.frame, "curves": results.curves, "daily": results.daily, LATER: results.days}
    for name, table in tables.items():
        write_atomically(folder / f"{name}.parquet", partial(table.to_parquet, index=False))
    suite = results.suite
    document = {
        "suite": suite.name,
        "title": suite.title,
        "description": suite.description,
        "command": results.command,
        "wall_seconds": results.wall_seconds,
        "versions": dict(results.versions),
        "tasks": results.tasks,
        "failed": results.failed,
        "misfits": results.misfits,
        "runs": [{name: _without_nan(record[name]) for name in ROW} for record in results.records],
    }
    write_json(folder / "results.json", document)


def read_results(path: str | Path) -> Results:
    """Read a folder of results, or its ``results.json``; curves and days come from the tables beside it, if there.

    Raises:
        ResultsError: Nothing is there, or it is not what `write_results` writes.
    """
    place = Path(path)
    place = place / "results.json" if place.is_dir() else place
    try:
        tree = json.loads(place.read_text(encoding="utf-8"))
        return _results(tree, *(_long(place.parent / f"{name}.parquet") for name in LONG))
    except OSError as error:
        raise ResultsError(f"{path}", f"holds no results ({error.strerror})", "name a folder with them") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        cause = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ResultsError(
            f"{place}", f"is no results.json of this version ({cause})", "play the suite again"
        ) from error


def _results(
    tree: dict[str, Any], curves: pd.DataFrame | None, daily: pd.DataFrame | None, days: pd.DataFrame | None
) -> Results:
    tasks = tuple(Task(task["name"], task["id"], task["keywords"]) for task in tree["tasks"])
    records = [
        {name: _number(name, row.get(name) if name in WITHIN else row[name]) for name in ROW}
        | {"curve": [], "daily": {}}
        for row in tree["runs"]
    ]
    by_key = {record["key"]: record for record in records}
    for table, name in ((curves, "curve"), (daily, "daily")):
        if table is not None:
            _distribute(table, name, by_key)
    for key, rows in () if days is None else days.groupby("key", sort=False):
        if key in by_key:
            by_key[str(key)][LATER] = _columns(rows)
    agents = tuple(dict.fromkeys(record["agent"] for record in records))
    suite = Suite(tree["suite"], tree["title"], tree["description"], agents, tasks)
    failed, versions_ = list(tree["failed"]), dict(tree["versions"])
    wall, unfit = float(tree["wall_seconds"]), list(tree.get("misfits", []))
    return Results(suite, tree["tasks"], records, failed, versions_, tree["command"], wall, unfit)


def _distribute(table: pd.DataFrame, name: str, by_key: Mapping[str, dict[str, Any]]) -> None:
    columns = ["steps", "figure", "value"] if name == "curve" else ["day", "regret"]
    for key, rows in table.groupby("key", sort=False):
        if key in by_key:
            values = rows[columns].to_numpy(dtype=object).tolist()
            by_key[str(key)][name] = values if name == "curve" else dict(values)


def _columns(rows: pd.DataFrame) -> dict[str, list[Any]]:
    """Return a run's days as columns of plain values."""
    kept = rows.drop(columns=["task", "agent", "seed", "key", "regret"]).to_dict("list")
    return {name: [_row(value) for value in values] for name, values in kept.items()}


def _row(value: Any) -> Any:
    """Return the hours of a day as a list that JSON can hold, anything else as it is."""
    return [None if hour is None or hour != hour else float(hour) for hour in value] if np.ndim(value) else value


def _long(path: Path) -> pd.DataFrame | None:
    import pandas as pd

    return pd.read_parquet(path) if path.is_file() else None


def _number(name: str, value: Any) -> Any:
    return math.nan if value is None and name in ("score", *KEY_FIGURES, *WITHIN) else value


def _without_nan(value: Any) -> Any:
    """Return a value as strict JSON can hold it: null where there is no number."""
    return None if isinstance(value, float) and math.isnan(value) else value
