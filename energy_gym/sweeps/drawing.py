"""Plots of sweeps: lines of figures over what is varied, or a front of two figures with its knee.

A plot is stated as a mapping: ``kind`` (``lines`` or ``front``), ``x`` and ``y`` (columns; ``y`` may be a list for
lines), ``group`` (a column, a line each), ``label`` (the column that marks points of a front), ``xlabel``.

One rule: what is drawn is in the table; nothing is computed here but the front and its knee.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy_gym.errors import ConfigurationError, MissingExtraError, UnknownIdError
from energy_gym.files import write_atomically
from energy_gym.leaderboard.plots import INK, colours
from energy_gym.sweeps.results import read_sweep
from energy_gym.trees import check_keys

if TYPE_CHECKING:
    import pandas as pd

PLOT = "sweep.png"
KEYS = ("kind", "x", "y", "group", "label", "xlabel")
KINDS = ("lines", "front")

MARK = {"fontsize": 8, "color": INK, "ha": "right", "va": "center"}
Floats = npt.NDArray[np.float64]


def front(x: Floats, y: Floats) -> npt.NDArray[np.intp]:
    """Return the places of the points that no other beats in both figures, by rising x; more is better.

    Example:
        >>> front(np.array([1.0, 3.0, 2.0, 2.0]), np.array([5.0, 1.0, 4.0, 3.0])).tolist()
        [0, 2, 1]
    """
    kept, best = [], -np.inf
    for place in np.lexsort((-y, -x)):
        if y[place] > best:
            kept.append(place)
            best = y[place]
    return np.array(kept[::-1], dtype=np.intp)


def knee(x: Floats, y: Floats) -> int | None:
    """Return the place of the knee of a front: the point farthest beyond the line between its ends.

    Both figures are scaled to the span between the ends. None where there are fewer than three points, or where no
    point lies beyond the line.

    Example:
        >>> knee(np.array([0.0, 8.0, 10.0]), np.array([10.0, 7.0, 0.0]))
        1
    """
    if len(x) < 3:
        return None
    wide, high = (np.abs(axis - axis[0]) / abs(axis[-1] - axis[0]) for axis in (x, y))
    beyond = wide - high
    place = int(np.argmax(beyond))
    return place if beyond[place] > 1e-9 else None


def knees(table: pd.DataFrame, plot: Mapping[str, Any]) -> pd.DataFrame:
    """Return the row of the knee of each group of a front."""
    import pandas as pd

    rows = []
    for _, group in _groups(table, plot):
        kept = group.iloc[front(group[plot["x"]].to_numpy(dtype=float), group[plot["y"]].to_numpy(dtype=float))]
        place = knee(kept[plot["x"]].to_numpy(dtype=float), kept[plot["y"]].to_numpy(dtype=float))
        if place is not None:
            rows.append(kept.iloc[place])
    return pd.DataFrame(rows)


def draw(folders: Sequence[str | Path], out: str | Path | None = None, **changes: Any) -> Path:
    """Draw one sweep, or the fronts of several in one picture; return the path of the picture.

    Args:
        folders: What `energy_gym.sweeps.run_sweep` has written.
        out: The picture; by default ``sweep.png`` in the first folder.
        changes: In place of what the first experiment says of its plot.

    Raises:
        ConfigurationError: A plot that is not stated right, or a column that is not there.
        ResultsError: A folder without a sweep.
        MissingExtraError: Matplotlib is not installed.
    """
    _check_installed()
    import pandas as pd

    read = [read_sweep(folder) for folder in folders]
    stories = [story for _, story in read]
    usual = {"kind": "lines", "x": (stories[0]["varied"] or [""])[-1], "y": ["score"]}
    plots = [{**usual, **story["plot"], **changes} for story in stories]
    tables = [table.assign(study=story["name"]) for table, story in read]
    plot, title = plots[0], stories[0]["title"]
    marked = [_check(table, each).assign(mark=_marks(table, each)) for table, each in zip(tables, plots, strict=True)]
    table = pd.concat(marked, ignore_index=True)
    if len(read) > 1:
        table = table.assign(series=_series(tables, plots))
        plot = {**plot, "group": "series"}
        title = ", ".join(dict.fromkeys(story["name"] for story in stories))
    figure = _fronts(table, plot) if plot["kind"] == "front" else _lines(table, plot)
    figure.suptitle(title, fontsize=12, color=INK)
    path = Path(out) if out is not None else Path(folders[0]) / PLOT
    write_atomically(path, lambda target: figure.savefig(target, dpi=130, metadata={"Software": None}))
    return path


def _check_installed() -> None:
    try:
        import matplotlib.figure  # noqa: F401  # only asked whether it is there
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", "plot") from error


def _check(table: pd.DataFrame, plot: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table, once all that is to be drawn is found in it."""
    check_keys(plot, KEYS, "plot")
    if plot["kind"] not in KINDS:
        raise UnknownIdError.of("kind of plot", plot["kind"], KINDS)
    if table.empty:
        raise ConfigurationError("sweep", "has no rows to draw", "see what failed in sweep.json")
    wanted = [plot["x"], *_listed(plot["y"]), *filter(None, (plot.get("group"), plot.get("label")))]
    for name in wanted:
        if name not in table.columns:
            raise UnknownIdError.of("column", name, table.columns)
    return table


def _listed(value: Any) -> list[str]:
    return list(value) if isinstance(value, list | tuple) else [str(value)]


def _series(tables: Sequence[pd.DataFrame], plots: Sequence[Mapping[str, Any]]) -> list[str]:
    names = []
    for table, plot in zip(tables, plots, strict=True):
        group = plot.get("group")
        groups = [f", {_group_name(group, value)}" for value in table[group]] if group else [""] * len(table)
        names += [f"{study}{group}" for study, group in zip(table["study"], groups, strict=True)]
    return names


def _marks(table: pd.DataFrame, plot: Mapping[str, Any]) -> list[str]:
    """Return what is written at a point of a front: the name of what labels it, and its value."""
    if not plot.get("label"):
        return [""] * len(table)
    name = str(plot["label"]).rsplit(".", 1)[-1].replace("_", " ")
    return [f"{name} {value:g}" if isinstance(value, Real) else str(value) for value in table[plot["label"]]]


def _groups(table: pd.DataFrame, plot: Mapping[str, Any]) -> list[tuple[str, pd.DataFrame]]:
    if not plot.get("group"):
        return [("", table)]
    return [(_group_name(plot["group"], value), rows) for value, rows in table.groupby(plot["group"], sort=False)]


def _group_name(column: str, value: Any) -> str:
    """Return what a line is called: a text alone, anything else after the name of its column.

    Example:
        >>> _group_name("agent.name", "mpc"), _group_name("forecast.growing", True)
        ('mpc', 'growing: yes')
    """
    if isinstance(value, str):
        return value
    told = ("no", "yes")[bool(value)] if isinstance(value, bool | np.bool_) else str(value)
    return f"{column.rsplit('.', 1)[-1].replace('_', ' ')}: {told}"


def _lines(table: pd.DataFrame, plot: Mapping[str, Any]) -> Any:
    """Draw a panel for each figure, a line for each group."""
    panels, groups = _listed(plot["y"]), _groups(table, plot)
    figure, grid = _figure(len(panels))
    shades = colours([name for name, _ in groups])
    for axes, column in zip(grid, panels, strict=True):
        for name, rows in groups:
            ordered = rows.sort_values(plot["x"]) if rows[plot["x"]].dtype.kind in "iuf" else rows
            along = ordered[plot["x"]] if ordered is not rows else rows[plot["x"]].astype(str)
            axes.plot(along, ordered[column], color=shades[name], label=name, marker="o", markersize=3.5)
        _style(axes, str(plot.get("xlabel", plot["x"].rsplit(".", 1)[-1])), _told(column, table))
    if len(groups) > 1:
        _legend(figure, grid[0], min(4, len(groups)))
    return figure


def _fronts(table: pd.DataFrame, plot: Mapping[str, Any]) -> Any:
    """Draw one figure against another, a front for each group; a star is its knee."""
    groups, (x, y) = _groups(table, plot), (plot["x"], _listed(plot["y"])[0])
    figure, (axes,) = _figure(1)
    shades = colours([name for name, _ in groups])
    for name, rows in groups:
        along, up = (rows[column].to_numpy(dtype=float) for column in (x, y))
        kept = front(along, up)
        axes.plot(along[kept], up[kept], color=shades[name], label=name, marker="o", markersize=3.5)
        beaten = np.setdiff1d(np.arange(len(along)), kept)
        axes.plot(along[beaten], up[beaten], color=shades[name], marker="x", markersize=4.5, linestyle="")
        place = knee(along[kept], up[kept])
        for spot in _ends(kept, place):
            axes.annotate(
                rows["mark"].iloc[spot], (along[spot], up[spot]), (-10, 0), textcoords="offset points", **MARK
            )
        if place is not None:
            spot = kept[place]
            axes.plot(along[spot], up[spot], color=shades[name], marker="*", markersize=14, markeredgecolor="white")
    _style(axes, _told(x, table), _told(y, table))
    # Marks stand to the left of their points.
    axes.margins(x=0.05)
    left, right = axes.get_xlim()
    axes.set_xlim(left - 0.2 * (right - left), right)
    axes.plot([], [], color=INK, marker="*", markersize=10, linestyle="", label="knee")
    axes.plot([], [], color=INK, marker="x", markersize=4.5, linestyle="", label="beaten by a point of its line")
    _legend(figure, axes, 2)
    return figure


def _ends(kept: npt.NDArray[np.intp], place: int | None) -> list[int]:
    """Return the points that are marked: both ends and the knee."""
    return sorted({int(kept[0]), int(kept[-1]), *([] if place is None else [int(kept[place])])})


def _told(column: str, table: pd.DataFrame) -> str:
    """Return the name of a column with its unit."""
    currency = str(table["unit"].iloc[0])
    told = {
        "money": f"money earned [{currency}]",
        "money_before_wear": f"money earned before wear [{currency}]",
        "carbon_avoided_kg": "carbon avoided [kg CO2]",
        "cycles": "full cycles",
        "capacity_left": "capacity left [fraction]",
        "discharged_kwh": "energy given out [kWh]",
        "regret": f"regret [{currency}]",
        "return": f"return [{currency}]",
    }
    return told.get(column, column.rsplit(".", 1)[-1])


def _figure(panels: int) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    size = (7.0, 5.0) if panels == 1 else (4.0 * min(panels, 3), 1.2 + 3.0 * -(-panels // 3))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(-(-panels // 3), min(panels, 3), squeeze=False).ravel()
    for axes in grid[panels:]:
        axes.set_axis_off()
    return figure, grid[:panels]


def _style(axes: Any, x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.tick_params(labelsize=8)
    axes.ticklabel_format(axis="y", useOffset=False)


def _legend(figure: Any, axes: Any, columns: int) -> None:
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)
