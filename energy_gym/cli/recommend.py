"""``energy-gym recommend ID``: which agent to use within a limit on the time of a decision.

One rule: it reads options and prints; what it prints is what `energy_gym.recommend` found.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from energy_gym.cli.words import LEVELS, CarbonPrice, PriceWeight, RefusedPrice, WearWeight, either, weights
from energy_gym.objective import OBJECTIVES
from energy_gym.screen import titled

if TYPE_CHECKING:
    from energy_gym.evaluation.recommendation import Recommendation
    from energy_gym.evaluation.trials import Trial


def recommend(
    id: Annotated[str, typer.Argument(help="Id of an environment (see energy-gym list), or YAML file of a scenario")],
    latency_ms: Annotated[float | None, typer.Option(help="Most time for a decision [ms]; default: no limit")] = None,
    dataset: Annotated[str | None, typer.Option(help="Data set; see energy-gym data list")] = None,
    data: Annotated[str | None, typer.Option(help="CSV or Parquet file of yours, in place of a data set")] = None,
    zone: Annotated[str | None, typer.Option(help="Zone of the market, for a file of yours")] = None,
    objective: Annotated[
        str | None, typer.Option(help=f"{either(OBJECTIVES)}; default: the scenario's, or cost")
    ] = None,
    carbon_price: CarbonPrice = None,
    price_weight: PriceWeight = None,
    wear_weight: WearWeight = None,
    refused_per_kwh: RefusedPrice = None,
    forecast: Annotated[str | None, typer.Option(help="Forecast; see energy-gym list; default: published")] = None,
    actions: Annotated[str, typer.Option(help=LEVELS)] = "continuous",
    candidate: Annotated[
        list[str] | None, typer.Option(help="Agent, module:factory or folder, several times; default: all but learners")
    ] = None,
    trained: Annotated[list[Path] | None, typer.Option(help="Folder of a saved agent, beside those; repeat")] = None,
    weeks: Annotated[int, typer.Option(help="Weeks of the validation split to play")] = 8,
    seed: Annotated[int, typer.Option(help="Seed of agents that draw")] = 0,
) -> None:
    """Name the agent that earns most on the validation split, within a limit on the time of a decision.

    Exits with 1 where no candidate is within the limit.
    """
    from rich.console import Console

    from energy_gym.envs.written import from_words
    from energy_gym.evaluation.recommendation import recommend as recommended

    given = {
        "dataset": dataset,
        "data": data,
        "zone": zone,
        "objective": objective,
        **weights(carbon_price, price_weight, wear_weight, refused_per_kwh, objective),
        "forecast": forecast,
    }
    keywords = from_words({name: value for name, value in given.items() if value is not None})
    screen = Console(stderr=True)

    def report(name: str, done: int, of: int) -> None:
        if done == of:
            screen.print(f"[dim]{name} done[/dim]", highlight=False)

    found = recommended(
        id,
        latency_ms=latency_ms,
        candidates=candidate,
        trained=trained or (),
        weeks=weeks,
        seed=seed,
        progress=report,
        actions=actions,
        **keywords,
    )
    _show(found, id)
    if found.best is None:
        raise typer.Exit(1)


def _show(found: Recommendation, id: str) -> None:
    """Print the table, what was left out and why, and the recommendation as the last lines."""
    from rich.console import Console

    console = Console()
    titled(_table(found), f"{id}: {found.weeks} weeks, {found.split}; limit {_limit(found.latency_ms)}")
    console.print()
    for line in _left_out(found):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    console.print()
    for line in verdict(found):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def _left_out(found: Recommendation) -> list[str]:
    """Return a line for each reason, with all agents that it leaves out."""
    names: dict[str, list[str]] = {}
    for name, reason in found.left_out.items():
        names.setdefault(reason, []).append(name)
    return [f"left out: {', '.join(agents)}: {reason}" for reason, agents in names.items()]


def _table(found: Recommendation) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("agent", overflow="fold")
    unit, money = found.unit.split()[0], found.currency
    for name in ("score", f"return\n{unit}/week", f"spent\n{money}/week", "ms\nmedian", "ms\n95 %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("within limit")
    for trial in found.trials:
        table.add_row(*_cells(trial, found))
    return table


def _cells(trial: Trial, found: Recommendation) -> list[str]:
    from rich.markup import escape

    from energy_gym.leaderboard.tables import fixed

    played = len(trial.returns)
    short = "" if played == found.weeks else f", {played} of {found.weeks} weeks"
    figures = [fixed(trial.score, 4), fixed(float(trial.returns.mean()), 3), fixed(trial.spent, 3)]
    times = [_ms(trial.median_ms), _ms(trial.slow_ms)]
    best = found.best is not None and trial.name == found.best.name
    return [escape(trial.name), *figures, *times, f"{'best' if best else 'yes' if trial.in_time else 'no'}{short}"]


def verdict(found: Recommendation) -> list[str]:
    """Return the recommendation in words: which, by how much, how surely, and what it costs."""
    from energy_gym.leaderboard.tables import fixed

    if found.best is None:
        reason = f"No candidate decides within {_limit(found.latency_ms)}" if found.trials else "None could be played"
        return [f"Recommended: none. {reason}."]
    best, unit = found.best, found.unit
    speed = f"{_ms(best.median_ms)} ms per decision at the median, {_ms(best.slow_ms)} ms at 95 %"
    lines = [f"Recommended: {best.name} (score {fixed(best.score, 4)}; {speed})"]
    if found.margin is not None and found.runner_up is not None:
        margin = found.margin
        lines.append(
            f"  margin over {found.runner_up.name}: {fixed(margin.value, 3)} {unit} a week, "
            f"95 % interval {fixed(margin.low, 3)} to {fixed(margin.high, 3)} over {found.weeks} weeks"
        )
        lines += [] if found.certain else [f"  so few weeks leave it open: {found.runner_up.name} may be as good"]
    below = " (below zero: income)" if best.spent < 0.0 else ""
    lines.append(f"  cost: {fixed(best.spent, 3)} {found.currency} a week{below}")
    return lines + ([f"  carbon: {fixed(best.carbon_kg, 2)} kg a week"] if best.carbon_kg else [])


def _limit(latency_ms: float) -> str:
    return "none" if math.isinf(latency_ms) else f"{latency_ms:g} ms"


def _ms(value: float) -> str:
    return f"{value:.3f}" if value < 10.0 else f"{value:.0f}"
