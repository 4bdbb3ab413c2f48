"""The command line of the leaderboard: ``energy-gym leaderboard`` and ``energy-gym merge``.

One rule: it reads options and prints; what it prints comes from the package's public functions.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from energy_gym.cli.tracked import Track
from energy_gym.cli.words import either
from energy_gym.errors import ConfigurationError
from energy_gym.paths import resource
from energy_gym.screen import Told, resumable, titled

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.leaderboard.results import Results

console = Console()
LEGEND = "score 0 = doing nothing, 1 = proven optimum; ms: a decision"
PUBLISHED = (
    "mpc sees what is known when it decides: day-ahead prices are published a day\n"
    "ahead, and on these it comes close to 1. Settled prices are harder."
)
FILES = ("results.json", "LEADERBOARD.md")
SUITES = sorted(path.stem for path in resource("benchmarks", "suites").glob("*.yaml"))


def leaderboard(
    suite: Annotated[str, typer.Argument(help=either(SUITES, "the path of a suite's YAML file"))],
    agents: Annotated[
        str | None,
        typer.Option(help="Comma-separated names, module:factory, or folders of saved agents; default: the suite's"),
    ] = None,
    agent: Annotated[
        list[str] | None, typer.Option(help="One more beside those: name, module:factory or folder; may be repeated")
    ] = None,
    tasks: Annotated[str | None, typer.Option(help="Comma-separated names of tasks; default: all of the suite")] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Seeds for each agent that learns or draws at random; default: the suite's")
    ] = None,
    budget: Annotated[list[str] | None, typer.Option(help="NAME=STEPS to learn with; may be repeated")] = None,
    workers: Annotated[int | None, typer.Option(help="Jobs at a time; default: one per core")] = None,
    engine: Annotated[str, typer.Option(help="local, ray or dask")] = "local",
    address: Annotated[str | None, typer.Option(help="Of a running Ray or Dask; default: start one")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results; default: results/SUITE")] = None,
    stress: Annotated[
        bool, typer.Option("--stress", help="Play the agents in a crisis, another zone, ... too; trains them again")
    ] = False,
    track: Track = None,
) -> None:
    """Play agents over the tasks of a suite and rank them against the proven optimum.

    Agents that were played into the same folder before stay in the tables.
    """
    from energy_gym.leaderboard.board import run_suite
    from energy_gym.leaderboard.suites import Suite, at_hand
    from energy_gym.tracking.protocol import open_tracker

    _see_modules_here()
    tracker = None if track is None else open_tracker(track)
    chosen = Suite.read(suite)
    folder = out or Path("results") / chosen.name
    chosen, skipped = at_hand(chosen if tasks is None else chosen.only(_names(tasks)))
    for line in skipped:
        console.print(f"skipped: {line}", highlight=False, soft_wrap=True, markup=False)
    asked = [*_names(agents), *(agent or ())]
    names = [*(_names(agents) or chosen.agents), *(agent or ())]
    where: dict[str, Any] = {"workers": workers, "engine": engine, "address": address}
    count = chosen.seeds if seeds is None else seeds
    with resumable("runs"), _bar() as bar:
        stages, told = dict[str, Any](), Told()

        def report(stage: str, done: int, of: int) -> None:
            if of and stage not in stages:
                stages[stage] = bar.add_task(stage, total=of)
            if of:
                bar.update(stages[stage], completed=done)
            told(stage, done, of)

        how: dict[str, Any] = {"agents": names if asked else None, "seeds": count, "budgets": _budgets(budget)}
        run_suite(chosen, folder, progress=report, tracker=tracker, **how, **where)
        if stress:
            from energy_gym.leaderboard.stress_board import run_stress

            run_stress(chosen, folder, progress=report, **how, **where)
    if stress:
        console.print((folder / "STRESS.md").read_text(encoding="utf-8"), highlight=False, markup=False)
    _show(folder, set(asked), {*names, "oracle"})


def merge(
    source: Annotated[Path, typer.Argument(help="Folder of results made elsewhere, or its results.json")],
    into: Annotated[Path, typer.Option(help="Folder of results of the same suite")],
) -> None:
    """Add results that were made elsewhere, once their hashes are checked, and write the tables anew."""
    from energy_gym.leaderboard.merging import merge_results

    added = merge_results(source, into)
    console.print(f"{added} runs added", highlight=False)
    _show(into, set(), set())


def forget(
    agent: Annotated[str, typer.Argument(help="Name of the agent, as the tables have it")],
    folder: Annotated[Path, typer.Argument(help="Folder of results")],
) -> None:
    """Take an agent out of a folder of results, with what failed of it, and write the tables anew."""
    from energy_gym.leaderboard.board import forget as forgotten

    count = forgotten(folder, agent)
    console.print(
        f"{count} runs of {escape(agent)} taken out of {escape(str(folder))}", highlight=False, soft_wrap=True
    )


def _names(words: str | None) -> list[str]:
    return [name.strip() for name in (words or "").split(",") if name.strip()]


def _budgets(words: Sequence[str] | None) -> dict[str, int]:
    found = {}
    for word in words or ():
        name, _, steps = word.rpartition("=")
        if not name or not steps.isdecimal():
            raise ConfigurationError(f"budget={word!r}", "must be NAME=STEPS", "write --budget dqn=20000")
        found[name] = int(steps)
    return found


def _see_modules_here() -> None:
    """Let ``module:factory`` name a file of the working folder, as it would for ``python -m``."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def _bar() -> Progress:
    columns = (TextColumn("{task.description:8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    screen = Console(stderr=True)
    return Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)


def _show(folder: Path, asked: set[str], played: set[str]) -> None:
    """Print the tables of a folder; exit with 1 if a job of this call failed, or an agent asked for has no extra."""
    from energy_gym.leaderboard.board import PLOTS
    from energy_gym.leaderboard.results import read_results
    from energy_gym.leaderboard.runs import PLANNER

    results = read_results(folder)
    if not results.frame.empty:
        titled(_by_task(results.frame), f"{results.suite.title}: {LEGEND}")
        console.print()
        if PLANNER in set(results.frame["agent"]):
            console.print(f"{PUBLISHED}\n", highlight=False, markup=False)
        titled(_overall(results.frame), "Over all tasks, with 95 % intervals over seeds")
    _print_failed(results)
    plots = [name for name in PLOTS if (folder / name).is_file()]
    names = ", ".join(["results.parquet", *FILES, *plots])
    console.print(f"Written to {escape(str(folder))}{os.sep}: {names}", highlight=False, soft_wrap=True)
    _print_how_to_plot()
    if any(row["agent"] in (asked if row["missing"] else played) for row in results.failed):
        raise typer.Exit(1)


def _print_how_to_plot() -> None:
    from energy_gym.errors import MissingExtraError
    from energy_gym.leaderboard.plots import check_plots

    try:
        check_plots()
    except MissingExtraError as error:
        console.print(f"No plots: {error}", highlight=False, soft_wrap=True, markup=False)


def _by_task(frame: pd.DataFrame) -> Table:
    """Return a block of rows a task, best agent first: narrow enough for 80 columns."""
    from energy_gym.leaderboard.summary import by_task
    from energy_gym.leaderboard.tables import fixed

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("task", "agent"):
        table.add_column(name, overflow="fold")
    for name in ("score", "regret", "return", "unit", "ms"):
        table.add_column(name, justify="right" if name != "unit" else "left", no_wrap=True)
    for task in dict.fromkeys(frame["task"]):
        unit = frame.loc[frame["task"] == task, "unit"].iloc[0]
        for place, (agent, row) in enumerate(by_task(frame, task).iterrows()):
            figures = (fixed(row["score"], 4), fixed(row["regret"], 3), fixed(row["return"], 3), escape(unit))
            latency = fixed(row["ms/decision"], 3)
            table.add_row(escape(task) if place == 0 else "", escape(str(agent)), *figures, latency)
        table.add_section()
    return table


def _overall(frame: pd.DataFrame) -> Table:
    from energy_gym.leaderboard.summary import STATISTICS, overall
    from energy_gym.leaderboard.tables import interval

    table = Table()
    table.add_column("agent", overflow="fold")
    for name in ("mean score", "IQM", "optimality gap"):
        table.add_column(name, justify="right", no_wrap=True)
    for agent, row in overall(frame).iterrows():
        cells = [interval(row[name], row[f"{name}_low"], row[f"{name}_high"], 2) for name in STATISTICS]
        table.add_row(escape(str(agent)), *[escape(cell) for cell in cells])
    return table


def _print_failed(results: Results) -> None:
    """Print a line per reason: an agent that lacks an extra lacks it everywhere."""
    for agent, error in dict.fromkeys((row["agent"], row["error"]) for row in results.failed if row["missing"]):
        console.print(f"left out: {agent}: {error}", highlight=False, soft_wrap=True, markup=False)
    for row in results.failed:
        if not row["missing"]:
            line = f"failed: {row['agent']} on {row['task']}, seed {row['seed']}: {row['error']}"
            console.print(line, highlight=False, soft_wrap=True, markup=False)
