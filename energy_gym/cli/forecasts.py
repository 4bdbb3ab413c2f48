"""``energy-gym forecasts DATASET``: how far each forecast is off, and what model predictive control earns with it.

One rule: it reads options and prints; what it prints is what `energy_gym.evaluation.forecast_value` found.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from energy_gym.errors import ConfigurationError, EnergyGymError
from energy_gym.screen import titled

if TYPE_CHECKING:
    from energy_gym.evaluation.forecast_value import Judged

OF_PATHS = ("--column", "--fan")
"""Options that only paths heed."""


def forecasts(
    dataset: Annotated[str, typer.Argument(help="Data set; see energy-gym data list")],
    split: Annotated[str, typer.Option(help="train, validation, test or all")] = "validation",
    forecast: Annotated[list[str] | None, typer.Option(help="Forecast, several times; default: all that fit")] = None,
    horizon: Annotated[int, typer.Option(help="Steps looked ahead")] = 24,
    published: Annotated[bool, typer.Option(help="Whether day-ahead prices count as known once published")] = True,
    steps: Annotated[int | None, typer.Option(help="Steps that mpc plays; default: the whole split")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table to this file too")] = None,
    probabilistic: Annotated[bool, typer.Option("--probabilistic", help="Judge paths of what may come")] = False,
    column: Annotated[list[str] | None, typer.Option(help="With --probabilistic: column, several times")] = None,
    fan: Annotated[Path | None, typer.Option(help="With --probabilistic: draw a fan of the first maker, PNG")] = None,
) -> None:
    """Show how far each forecast is off and what mpc earns with it; with --probabilistic, how good paths are."""
    given = {"--column": column, "--fan": fan, "--no-published": not published, "--steps": steps is not None}
    _check_options(probabilistic, [name for name, value in given.items() if value])
    if probabilistic:
        from energy_gym.cli.forecast_paths import show_paths

        show_paths(dataset, split, tuple(forecast or ()), tuple(column or ()), horizon, csv, fan)
        return
    from rich.console import Console

    from energy_gym.evaluation.forecast_value import judged

    rows, left_out = [], []

    def refused(column: str, name: str, error: EnergyGymError) -> None:
        left_out.append(f"left out: {column} {name}: {error}")

    for row in judged(dataset, split, tuple(forecast or ()), horizon, published, steps, refused):
        rows.append(row)
        Console(stderr=True).print(f"[dim]{row.column} {row.forecast} done[/dim]", highlight=False)
    titled(_table(rows), f"Forecasts of {dataset}, {split}")
    for line in left_out:
        Console().print(line, highlight=False, soft_wrap=True, markup=False)
    if csv is not None and rows:
        _write(rows, csv)
    if not rows:
        raise typer.Exit(1)


def _check_options(probabilistic: bool, given: list[str]) -> None:
    """Raise where an option was given that the table asked for does not heed.

    Raises:
        ConfigurationError: It is for the other table.
    """
    for name in given:
        if probabilistic and name not in OF_PATHS:
            rule = "says how mpc plays a point forecast, and of paths nothing is played"
            raise ConfigurationError(f"{name} with --probabilistic", rule, "drop one of the two")
        if not probabilistic and name in OF_PATHS:
            rule = "is for paths of what may come; point forecasts are shown of every column"
            raise ConfigurationError(f"{name} without --probabilistic", rule, "add --probabilistic, or drop it")


def _table(rows: list[Judged]) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("column", overflow="fold")
    table.add_column("forecast", overflow="fold")
    for name in ("MAE", "unknown", "RMSE", "rank", "mpc score", "earned"):
        table.add_column(name, justify="right")
    for row in rows:
        found = row.accuracy
        figures = (f"{value:.2f}" for value in (found.mae, found.mae_unknown, found.rmse))
        earned = f"{row.earned:.2f} {row.unit.split()[0]}"
        rank = f"{found.rank_correlation:.3f}"
        table.add_row(row.column, row.forecast, *figures, rank, f"{row.score:.3f}", earned)
    return table


def _write(rows: list[Judged], path: Path) -> None:
    import pandas as pd

    from energy_gym.files import write_atomically

    plain = [{**vars(row), **vars(row.accuracy)} for row in rows]
    frame = pd.DataFrame(plain).drop(columns="accuracy")
    write_atomically(path, lambda part: frame.to_csv(part, index=False))
