"""The command line of entries from outside: ``energy-gym submit`` and ``energy-gym board``.

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

from energy_gym.cli.leaderboard import SUITES
from energy_gym.cli.words import either
from energy_gym.screen import Told, titled

console = Console()


def submit(
    folder: Annotated[Path, typer.Argument(help="Folder of the entry, with its agent.yaml")],
    suite: Annotated[
        str | None, typer.Option(help=f"In place of the entry's own suite: {either(SUITES, 'a YAML file')}")
    ] = None,
    tasks: Annotated[str | None, typer.Option(help="Comma-separated names of tasks; default: the entry's own")] = None,
    decision: Annotated[float, typer.Option(help="Seconds that a decision may take")] = 10.0,
    total: Annotated[float, typer.Option(help="Seconds that a play may take, with what is learnt before it")] = 3600.0,
    memory: Annotated[int, typer.Option(help="Memory that the entry may take [MB]")] = 4096,
    check: Annotated[bool, typer.Option("--check", help="Play again and compare with the signed results")] = False,
) -> None:
    """Play an entry on held-out windows in a process of its own, check it, and sign its results."""
    from energy_gym.entries import Limits, submission

    limits = Limits(decision, total, memory)
    if check:
        found = submission.check(folder, suite=suite, limits=limits, progress=Told())
    else:
        names = tuple(name.strip() for name in (tasks or "").split(",") if name.strip())
        found = submission.submit(folder, suite=suite, tasks=names, limits=limits, progress=Told())
    titled(_table(found), f"{found['entry']['name']} on {found['suite']}: score 0 = doing nothing, 1 = proven optimum")
    done = "Found again to the last digit" if check else f"Written to {folder / 'results' / found['suite']}.json"
    console.print(f"{escape(done)}; sha256 {found['sha256']}", highlight=False, soft_wrap=True)


def board(
    folders: Annotated[list[Path], typer.Argument(help="Folders of entries that were submitted")],
    out: Annotated[Path, typer.Option(help="Folder of the pages")] = Path("site"),
) -> None:
    """Make static pages of entries: a table that can be sorted, and a page for each entry."""
    from energy_gym.entries import write_site

    pages = write_site(folders, out)
    console.print(f"{pages} entries on {escape(str(out / 'index.html'))}", highlight=False, soft_wrap=True)


def _table(found: dict[str, Any]) -> Table:
    from energy_gym.leaderboard.tables import fixed

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("task", overflow="fold")
    for name in ("score", "regret", "return", "unit", "ms"):
        table.add_column(name, justify="right" if name != "unit" else "left", no_wrap=True)
    for row in found["tasks"]:
        figures = {name: float("nan") if value is None else value for name, value in row["figures"].items()}
        cells = (fixed(figures["score"], 4), fixed(figures["regret"], 3), fixed(figures["return"], 3))
        latency = fixed(1e3 * figures["seconds_per_decision"], 3)
        table.add_row(escape(row["task"]), *cells, escape(row["unit"]), latency)
    return table
