"""``energy-gym forecasts DATASET``: how far each forecast is off, and what model predictive control earns with it.

One rule: the figures of a forecast are those of one split, the validation split unless another is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from energy_gym.forecast import Forecast, forecast_ids, get_forecast
from energy_gym.forecast.accuracy import Accuracy, accuracy

ID = "energy_gym/Arbitrage-v0"
OBJECTIVES = {"price_per_mwh": "cost", "carbon_g_per_kwh": "carbon"}
MARKETS_WITH_FORECASTS = ("epf-de", "epf-np")
MODELS = {"published-epf": ("dnn", "lear")}


@dataclass(frozen=True)
class Judged:
    """A forecast of one column: its errors, and the score and return of mpc with it under the column's objective."""

    column: str
    forecast: str
    accuracy: Accuracy
    score: float
    earned: float
    unit: str


def judged(
    dataset: str,
    split: str = "validation",
    names: tuple[str, ...] = (),
    horizon: int = 24,
    published: bool = True,
    steps: int | None = None,
) -> Iterator[Judged]:
    """Judge forecasts on a split of a data set, by error and by what mpc earns.

    Args:
        dataset: Id of a data set.
        split: Which split.
        names: Which forecasts; all that fit the data set where none is named.
        horizon: Steps looked ahead.
        published: False takes every value as unknown until its interval is over, as the EnCortex paper does.
        steps: Steps that mpc plays, from the start of the split; None plays all.

    Raises:
        UnknownIdError: An unknown data set, split or forecast.
        MissingExtraError: A forecast that was named needs an extra that is not installed.
    """
    from energy_gym.data.feed import open_feed

    feed = open_feed(dataset, None, split)
    chosen = names or _fitting(dataset, split, published)
    for column in (name for name in OBJECTIVES if name in feed.values):
        best: Any = None
        for told, forecast in (pair for name in chosen for pair in _made(name, published)):
            found = accuracy(forecast, feed, column, horizon, published)
            env = _env(dataset, split, forecast, column, horizon)
            result, best = _played(env, best, steps)
            unit = env.unwrapped.setup.reward_unit
            yield Judged(column, told, found, result.score, result.return_, unit)


def _fitting(dataset: str, split: str, published: bool) -> tuple[str, ...]:
    """Return the forecasts that can be had: those installed, and the benchmark's own on its markets."""
    from energy_gym.errors import MissingExtraError

    found = []
    for name in forecast_ids():
        own = dataset in MARKETS_WITH_FORECASTS and split == "test"
        if name == "noise" or (name == "published-epf" and not own) or (name == "published" and not published):
            continue
        check = getattr(get_forecast(name), "check_installed", None)
        try:
            if check is not None:
                check()
        except MissingExtraError:
            continue
        found.append(name)
    return tuple(found)


def _made(name: str, published: bool) -> list[tuple[str, Forecast]]:
    """Return the forecasts of a name, by what the table calls them."""
    settings = {} if published else {"use_published": False}
    kind: Any = type(get_forecast(name))
    if name in MODELS:
        return [(f"{name} ({model})", kind(model, **settings)) for model in MODELS[name]]
    fields = getattr(kind, "__dataclass_fields__", {})
    return [(name, kind(**settings) if "use_published" in fields else kind())]


def _env(dataset: str, split: str, forecast: Forecast, column: str, horizon: int) -> Any:
    import gymnasium as gym

    task: dict[str, Any] = {"objective": OBJECTIVES[column], "horizon": horizon, "episode_steps": None}
    return gym.make(ID, disable_env_checker=True, dataset=dataset, split=split, forecast=forecast, **task)


def _played(env: Any, best: Any, steps: int | None) -> tuple[Any, Any]:
    """Play mpc; return its evaluation, and the oracle's plan for the next one."""
    from energy_gym.agents import make_agent
    from energy_gym.evaluation import evaluate
    from energy_gym.oracle import solve

    options = {"start": env.unwrapped.setup.time(0)} | ({} if steps is None else {"steps": steps})
    if best is None:
        env.reset(options=options)
        best = solve(env, continuous=True)
    return evaluate(make_agent("mpc", env), env, options=options, oracle=best), best


def forecasts(
    dataset: Annotated[str, typer.Argument(help="Data set; see energy-gym data list")],
    split: Annotated[str, typer.Option(help="train, validation, test or all")] = "validation",
    forecast: Annotated[list[str] | None, typer.Option(help="Forecast, several times; default: all that fit")] = None,
    horizon: Annotated[int, typer.Option(help="Steps looked ahead")] = 24,
    published: Annotated[bool, typer.Option(help="Whether day-ahead prices count as known once published")] = True,
    steps: Annotated[int | None, typer.Option(help="Steps that mpc plays; default: the whole split")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table to this file too")] = None,
) -> None:
    """Show how far each forecast is off and what mpc earns with it."""
    from rich.console import Console

    rows = []
    for row in judged(dataset, split, tuple(forecast or ()), horizon, published, steps):
        rows.append(row)
        Console(stderr=True).print(f"[dim]{row.column} {row.forecast} done[/dim]", highlight=False)
    Console().print(_table(rows, dataset, split))
    if csv is not None:
        _write(rows, csv)


def _table(rows: list[Judged], dataset: str, split: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(title=f"Forecasts of {dataset}, {split}", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
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
