"""The command ``energy-gym doctor``: what is installed, what is missing, what would bring it, and what that takes.

One rule: it reads and prints; what it prints comes from `energy_gym.doctor`.
"""

from __future__ import annotations

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from energy_gym.version import __version__

console = Console()


def doctor() -> None:
    """Show what is installed, what each extra lacks, the line that installs it, and what that takes on the disk."""
    from energy_gym import doctor as health

    parts = health.core()
    console.print(f"energy-gym {__version__}; " + escape(", ".join(f"{k} {v or 'MISSING'}" for k, v in parts.items())))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("extra", "installed", "missing", "MB"):
        table.add_column(title, justify="right" if title == "MB" else "left", overflow="fold")
    lacking = []
    for extra in health.extras():
        found = ", ".join(f"{name} {version}" for name, version in extra.found.items())
        megabytes = "" if extra.megabytes is None else str(extra.megabytes)
        table.add_row(extra.name, escape(found), f"[yellow]{escape(', '.join(extra.missing))}[/yellow]", megabytes)
        lacking += [] if extra.complete else [extra.install]
    console.print(table)
    for line in lacking:
        console.print(escape(line), highlight=False, soft_wrap=True)
    if None in parts.values():
        console.print("[red]A package of the core is missing: install energy-gym again.[/red]")
        raise typer.Exit(1)
