"""The command ``energy-gym data refresh``: newer months for a data set of one's own, from an open interface."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer
from rich.console import Console

from energy_gym.errors import ConfigurationError

console = Console()


def refresh(
    dataset_id: Annotated[str, typer.Argument(metavar="ID", help="Data set that energy-gym data add has made")],
    source: Annotated[
        str | None, typer.Option("--from", help="energy-charts or aemo; default: that of the format it was made of")
    ] = None,
    area: Annotated[
        str | None, typer.Option(help="What is asked for: a bidding zone (DE-LU) or region (NSW1); kept for next time")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Address of a mirror, in place of the interface's own")] = None,
    until: Annotated[
        str | None, typer.Option(help="First local day that is not asked for, such as 2024-07-01; default: today")
    ] = None,
) -> None:
    """Fetch newer months and add their whole days as the split "later"; the others stay as they are."""
    from energy_gym.data.exports import refresh as refresh_set

    found = refresh_set(dataset_id, source=source, area=area, url=url, until=_day(until))
    told = f"{found.days} days more" if found.days else "nothing newer"
    console.print(f"{found.id}: {told}, up to {found.last}, from {found.interface}", highlight=False, soft_wrap=True)


def _day(word: str | None) -> datetime.date | None:
    if word is None:
        return None
    try:
        return datetime.date.fromisoformat(word)
    except ValueError as error:
        raise ConfigurationError(f"--until {word}", "is no day", "write 2024-07-01") from error
