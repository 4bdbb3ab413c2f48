"""A sweep: all points of an experiment on an engine, kept as they end; one Parquet file with a row a point.

One rule: a point that is kept is not played again, so that an interrupted sweep goes on where it was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy_gym.errors import MissingExtraError, ResultsError
from energy_gym.files import write_atomically
from energy_gym.leaderboard.engines import Failure, opened
from energy_gym.leaderboard.results import versions
from energy_gym.leaderboard.runs import write_json
from energy_gym.sweeps.drawing import PLOT, draw
from energy_gym.sweeps.experiment import Experiment
from energy_gym.sweeps.grid import points_of
from energy_gym.sweeps.playing import FIGURES, make_environment, play_point, point_key
from energy_gym.sweeps.results import POINTS, STORY, TABLE
from energy_gym.sweeps.tracked import tracked_point, tracked_sweep
from energy_gym.tracking.protocol import Tracker, log_all

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[int, int], None]


def run_sweep(
    experiment: Experiment,
    out: str | Path,
    *,
    overrides: Sequence[str] = (),
    workers: int | None = None,
    engine: str = "local",
    address: str | None = None,
    progress: Progress | None = None,
    tracker: Tracker | None = None,
) -> pd.DataFrame:
    """Play all points of an experiment; write ``sweep.parquet``, ``sweep.json`` and, where it can be drawn, a plot.

    Args:
        experiment: The experiment.
        out: Folder of the results; made if need be.
        overrides: See `energy_gym.sweeps.grid.points_of`.
        workers: Points at a time; by default one per core.
        engine: ``"local"``, ``"ray"`` or ``"dask"``.
        address: Address of an existing Ray or Dask cluster.
        progress: Called with points done and points in all.
        tracker: Told of each point that is played, and of the table and the plot; see `energy_gym.tracking`.

    Returns:
        A row per point, in the order of the grid: settings, then figures (see `energy_gym.sweeps.playing.FIGURES`).

    Raises:
        ConfigurationError: A field that is not known, or a value it refuses; nothing has been played then.
        ResultsError: The folder cannot be written.
        MissingExtraError: Hydra, or what an engine needs, is not installed.

    Example:
        >>> import tempfile
        >>> task = {"task": {"episode_steps": 24}, "sweep": {"scenario.entities.battery.capacity_kwh": [5, 10]}}
        >>> table = run_sweep(Experiment.from_tree("size", task), tempfile.mkdtemp(), workers=1)
        >>> table["scenario.entities.battery.capacity_kwh"].tolist(), table["score"].between(0.0, 1.0).all().item()
        ([5, 10], True)
    """
    began = time.perf_counter()
    points = points_of(experiment, overrides)
    folder = _folder(out)
    # What the data lack, or a keyword that the environment does not take, shows before anything is played.
    make_environment(points[0].tree)
    keys = [point_key(point.tree) for point in points]
    rows = {key: row for key in keys if (row := _kept(folder, key)) is not None}
    waiting = {key: point.tree for key, point in zip(keys, points, strict=True) if key not in rows}
    tell = progress or (lambda *_: None)
    tell(len(rows), len(set(keys)))
    failed: dict[str, str] = {}
    with opened(engine, address, workers) as pool:
        order = list(waiting)
        for place, outcome in pool.outcomes(play_point, [(waiting[key],) for key in order]):
            if isinstance(outcome, Failure):
                failed[order[place]] = outcome.error
            else:
                rows[order[place]] = outcome
                write_json(folder / POINTS / f"{order[place]}.json", outcome)
                if tracker is not None:
                    log_all(tracker, [tracked_point(experiment.name, waiting[order[place]], outcome)])
            tell(len(rows) + len(failed), len(set(keys)))
    frame = _frame([rows[key] for key in keys if key in rows])
    names = dict(zip(keys, (point.varied for point in points), strict=True))
    story = _story(experiment, overrides, list(points[0].varied), {str(names[key]): failed[key] for key in failed})
    _write(folder, frame, {**story, "wall_seconds": time.perf_counter() - began})
    _draw(folder, frame, bool(points[0].varied))
    log_all(tracker, [tracked_sweep(folder, experiment.name, overrides)])
    return frame


def _draw(folder: Path, frame: pd.DataFrame, varied: bool) -> None:
    """Draw the sweep where there is anything to draw and the extra is installed."""
    (folder / PLOT).unlink(missing_ok=True)
    if varied and not frame.empty:
        with suppress(MissingExtraError):
            draw([folder])


def _folder(out: str | Path) -> Path:
    folder = Path(out)
    try:
        (folder / POINTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"{folder}", f"cannot be written ({error.strerror})", "choose another folder") from error
    return folder


def _kept(folder: Path, key: str) -> dict[str, Any] | None:
    """Return the row kept of a point; a broken file counts as absent."""
    try:
        row = json.loads((folder / POINTS / f"{key}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return row if isinstance(row, dict) and set(FIGURES) <= set(row) else None


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a row per point; a setting that is text in one point and a number in another is text in all."""
    import pandas as pd

    settings = dict.fromkeys(name for row in rows for name in row if name not in FIGURES)
    frame = pd.DataFrame([{name: row.get(name) for name in (*settings, *FIGURES)} for row in rows])
    for name in settings:
        kinds = {isinstance(row.get(name), str) for row in rows if row.get(name) is not None}
        if len(kinds) > 1:
            frame[name] = [None if row.get(name) is None else str(row[name]) for row in rows]
    return frame


def _story(
    experiment: Experiment, overrides: Sequence[str], varied: list[str], failed: Mapping[str, str]
) -> dict[str, Any]:
    told = {name: getattr(experiment, name) for name in ("name", "title", "description")}
    return {**told, "overrides": list(overrides), "varied": varied, "plot": dict(experiment.plot), "failed": failed} | {
        "versions": versions()
    }


def _write(folder: Path, frame: pd.DataFrame, story: dict[str, Any]) -> None:
    write_atomically(folder / TABLE, partial(frame.to_parquet, index=False))
    write_json(folder / STORY, story)
