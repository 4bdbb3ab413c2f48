"""``energy-gym forecasts DATASET --probabilistic``: how good paths of what may come are, and a fan of them.

One rule: it prints what `energy_gym.evaluation.paths_value` found.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from energy_gym.errors import EnergyGymError
from energy_gym.screen import titled

if TYPE_CHECKING:
    from energy_gym.evaluation.paths_value import JudgedPaths

NOON = 12


def show_paths(
    dataset: str,
    split: str,
    names: tuple[str, ...],
    columns: tuple[str, ...],
    horizon: int,
    csv: Path | None,
    fan: Path | None,
) -> None:
    """Print a table of makers and columns; write it, and a fan, where files are named."""
    from rich.console import Console

    from energy_gym.evaluation.paths_value import judged_paths

    rows: list[JudgedPaths] = []
    left_out: list[str] = []

    def refused(name: str, error: EnergyGymError) -> None:
        left_out.append(f"left out: {name}: {error}")

    for row in judged_paths(dataset, split, names, columns, horizon, refused=refused):
        rows.append(row)
        Console(stderr=True).print(f"[dim]{row.maker} done[/dim]", highlight=False)
    titled(_table(rows), f"Paths of {dataset}, {split}, {horizon} steps ahead")
    for line in left_out:
        Console().print(line, highlight=False, soft_wrap=True, markup=False)
    if not rows or not rows[0].scored.columns:
        Console().print("nothing was unknown that could be judged", highlight=False)
        raise typer.Exit(1)
    if csv is not None:
        _write(rows, csv)
    if fan is not None:
        _draw(dataset, split, rows[0], horizon, fan)


def _table(rows: list[JudgedPaths]) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("column", overflow="fold")
    table.add_column("paths", overflow="fold")
    for name in ("CRPS", "MAE", "in 50 %", "80 %", "95 %", "energy"):
        table.add_column(name, justify="right")
    for name in rows[0].scored.columns if rows else ():
        for row in rows:
            found = row.scored.columns[name]
            shares = (f"{share:.0%}" for share in found.coverage)
            table.add_row(name, row.maker, f"{found.crps:.3f}", f"{found.mae:.3f}", *shares, f"{row.scored.energy:.3f}")
    return table


def _write(rows: list[JudgedPaths], path: Path) -> None:
    import pandas as pd

    from energy_gym.files import write_atomically

    plain = [
        {
            "column": name,
            "maker": row.maker,
            "crps": found.crps,
            "mae": found.mae,
            **{f"in_{band}": share for band, share in zip((50, 80, 95), found.coverage, strict=True)},
            **{f"pit_{place}": share for place, share in enumerate(found.pit)},
            "energy_score": row.scored.energy,
            "origins": row.scored.origins,
        }
        for row in rows
        for name, found in row.scored.columns.items()
    ]
    write_atomically(path, lambda part: pd.DataFrame(plain).to_csv(part, index=False))


def _draw(dataset: str, split: str, row: JudgedPaths, horizon: int, path: Path) -> None:
    from energy_gym.data.feed import open_feed
    from energy_gym.evaluation.paths_value import draw_fan
    from energy_gym.forecast import make_scenarios

    feed, columns = open_feed(dataset, None, split), tuple(row.scored.columns)
    t = feed.first + (feed.stop - feed.first) // 2
    while feed.times[t].tz_convert(feed.zone).hour != NOON and t + horizon < feed.stop:
        t += 1
    draw_fan(make_scenarios(row.maker, feed, columns=columns), feed, columns[0], t, path, horizon)
