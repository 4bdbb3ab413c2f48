"""``energy-gym tracked replay | fetch``, and the option that the other commands share: runs kept by a tracker.

One rule: it reads options and prints; what it prints comes from `energy_gym.replaying` and `energy_gym.tracking`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from energy_gym.cli.words import either
from energy_gym.tracking.protocol import open_tracker, tracker_ids

Track = Annotated[str | None, typer.Option(help=f"Tell each run to a tracker: {either(tracker_ids())}")]
tracked_app = typer.Typer(no_args_is_help=True, help="Runs kept by a tracker: play one again, fetch its agent.")
console = Console()
_By = Annotated[str, typer.Option("--track", help=either(tracker_ids()))]


@tracked_app.command()
def replay(
    run: Annotated[str, typer.Argument(help="Id of a run, or the path of its record.json")],
    track: _By = "mlflow",
) -> None:
    """Play a tracked run again and say whether it comes to the same figures, digit by digit."""
    from energy_gym.replaying import replayed
    from energy_gym.screen import titled

    path = Path(run)
    found = replayed(path if path.is_file() else open_tracker(track).record(run))
    titled(found.table(), f"{found.name}: {found.verdict}")
    if not found.same:
        raise typer.Exit(1)


@tracked_app.command()
def fetch(
    model: Annotated[str, typer.Argument(help="Name of a registered agent")],
    out: Annotated[Path, typer.Option(help="Folder that it is written into")],
    alias: Annotated[
        str, typer.Option(help="champion (the best so far), candidate (the last), or your own")
    ] = "champion",
    track: _By = "mlflow",
) -> None:
    """Write a registered agent into a folder, which every command takes as an agent."""
    found = open_tracker(track).fetch(model, alias, out)
    console.print(f"Written: {escape(str(found))}", highlight=False, soft_wrap=True)
