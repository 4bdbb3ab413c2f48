"""``energy-gym sweep`` and ``energy-gym plot``: what-if studies.

One rule: it reads options and prints; what it prints comes from the package's public functions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from energy_gym.cli.tracked import Track
from energy_gym.screen import resumable, titled

console = Console()
SHOWN = ("score", "money", "carbon_avoided_kg", "cycles", "capacity_left")
MOST_ROWS = 60


def sweep(
    experiment: Annotated[
        str, typer.Argument(help="Name of a study (see energy-gym list), or the path of a YAML file")
    ],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="field=value, field=1,2,3 or field=range(0,100,20)")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results; default: results/NAME")] = None,
    workers: Annotated[int | None, typer.Option(help="Points at a time; default: one per core")] = None,
    engine: Annotated[str, typer.Option(help="local, ray or dask")] = "local",
    address: Annotated[str | None, typer.Option(help="Of a running Ray or Dask; default: start one")] = None,
    points: Annotated[bool, typer.Option("--points", help="Show the points and play none")] = False,
    track: Track = None,
) -> None:
    """Play an experiment at every point of a grid of its fields, and plot it.

    A sweep that was interrupted goes on where it was.
    """
    from energy_gym.cli.leaderboard import _bar, _see_modules_here
    from energy_gym.sweeps import Experiment, run_sweep
    from energy_gym.sweeps.grid import points_of
    from energy_gym.sweeps.results import read_sweep
    from energy_gym.tracking.protocol import open_tracker

    _see_modules_here()
    tracker = None if track is None else open_tracker(track)
    chosen = Experiment.read(experiment)
    if points:
        for point in points_of(chosen, overrides or ()):
            console.print(escape(str(dict(point.varied))), highlight=False)
        return
    folder = out or Path("results") / chosen.name
    with resumable("points"), _bar() as bar:
        task = bar.add_task("points", total=None)
        where: dict[str, Any] = {"workers": workers, "engine": engine, "address": address}
        run_sweep(
            chosen,
            folder,
            overrides=overrides or (),
            progress=lambda done, of: bar.update(task, completed=done, total=of),
            tracker=tracker,
            **where,
        )
    frame, story = read_sweep(folder)
    _show(frame, story)
    _tell(folder)
    for where_, error in story["failed"].items():
        Console(stderr=True).print(f"[bold red]failed:[/] {escape(where_)}: {escape(error)}", highlight=False)
    if story["failed"]:
        raise typer.Exit(1)


def plot(
    folders: Annotated[list[Path], typer.Argument(help="Folders that energy-gym sweep has written")],
    out: Annotated[Path | None, typer.Option(help="The picture; default: sweep.png in the first folder")] = None,
    kind: Annotated[str | None, typer.Option(help="lines or front")] = None,
    x: Annotated[str | None, typer.Option(help="Column across")] = None,
    y: Annotated[list[str] | None, typer.Option(help="Column up; several times for several panels")] = None,
    group: Annotated[str | None, typer.Option(help="Column that gets a line for each value")] = None,
) -> None:
    """Draw a sweep, or the fronts of several in one picture."""
    from energy_gym.sweeps.drawing import draw

    asked = {"kind": kind, "x": x, "y": y or None, "group": group}
    path = draw(folders, out, **{name: value for name, value in asked.items() if value is not None})
    console.print(f"Plot written to {escape(str(path))}", highlight=False, soft_wrap=True)


def _show(frame: Any, story: Any) -> None:
    """Print what was varied and the main figures of each point."""
    shown = [name for name in SHOWN if name in ("score", "money") or frame[name].nunique() > 1]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in story["varied"]:
        side: Any = "right" if all(isinstance(value, int | float) for value in frame[name]) else "left"
        table.add_column(name.rsplit(".", 1)[-1] if name.count(".") > 1 else name, justify=side, overflow="fold")
    for name in shown:
        table.add_column(name, justify="right", overflow="fold")
    for row in frame.head(MOST_ROWS).to_dict("records"):
        table.add_row(*(escape(f"{row[name]}") for name in story["varied"]), *(f"{row[name]:.4g}" for name in shown))
    titled(table, story["title"])


def _tell(folder: Path) -> None:
    from energy_gym.sweeps.drawing import PLOT
    from energy_gym.sweeps.results import TABLE

    drawn = [name for name in (TABLE, PLOT) if (folder / name).is_file()]
    console.print(f"{', '.join(drawn)} written to {escape(str(folder))}", highlight=False, soft_wrap=True)
