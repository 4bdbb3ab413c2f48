"""The commands ``energy-gym data ...``; its one rule: a failure is one clear line on stderr and exit code 1."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from energy_gym.cli.data_add import add
from energy_gym.cli.data_refresh import refresh
from energy_gym.errors import EnergyGymError
from energy_gym.paths import holds_frame

if TYPE_CHECKING:
    from energy_gym.data import Report

app = typer.Typer(no_args_is_help=True, help="List, describe, fetch, verify, check and add data sets.")
_P = ParamSpec("_P")
_Id = Annotated[str, typer.Argument(metavar="ID", help="Data set, as 'energy-gym data list' names it.")]
NAMES = ("id", "column", "clock of", "data set", "step", "splits", "kind")
NUMBERS = ("step", "splits", "mean", "offset", "scale", "largest shift", "allowed")
_SITES = "emsx-1 .. emsx-70"
_COLOURS = {"failure": "red", "known": "yellow", "note": "dim", "ok": "green", "wrong": "red", "missing": "yellow"}


def _clearly(command: Callable[_P, None]) -> Callable[_P, None]:
    """Turn an error of the package into one red line and exit code 1."""

    @functools.wraps(command)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except EnergyGymError as error:
            Console(stderr=True).print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
            raise typer.Exit(1) from error

    return wrapped


def _table(*titles: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for title in titles:
        side: Any = "right" if title in NUMBERS else "left"
        table.add_column(title, justify=side, overflow="fold", no_wrap=title in NAMES)
    return table


def _coloured(word: str) -> str:
    return f"[{_COLOURS[word]}]{word}[/{_COLOURS[word]}]"


app.command("add")(_clearly(add))
app.command("refresh")(_clearly(refresh))


@app.command("list")
@_clearly
def list_sets() -> None:
    """List all data sets."""
    from energy_gym.data import card, card_ids

    table = _table("id", "step", "splits", "kind", "title")
    for dataset_id in card_ids():
        its = card(dataset_id)
        table.add_row(dataset_id, f"{its.resolution_minutes} min", str(len(its.splits)), its.kind, escape(its.title))
    sites = "EMSx, 70 industrial sites: load, PV, their 24 h forecasts and a tariff"
    table.add_row(_SITES, "15 min", "3", "fetched", sites)
    Console().print(table)


@app.command()
@_clearly
def describe(dataset_id: _Id) -> None:
    """Show the card of a data set."""
    from energy_gym.data import card

    _show_what_is_known(dataset_id)
    its = card(dataset_id)
    console = Console()
    console.print(f"[bold]{its.id}[/bold]: {escape(its.title)}")
    console.print(Padding(escape(its.description), (0, 0, 1, 2)))
    facts = Table(box=None, pad_edge=False, show_header=False)
    for title in ("zone", "currency", "publication", "licence", "attribution", "source"):
        facts.add_row(f"[dim]{title}[/dim]", escape(getattr(its, title)))
    facts.add_row("[dim]resolution[/dim]", f"{its.resolution_minutes} min, {its.steps} steps")
    for name, (first, stop) in its.splits.items():
        local = [moment.tz_convert(its.zone) for moment in (first, stop)]
        facts.add_row(
            f"[dim]{name}[/dim]", f"{local[0]:%Y-%m-%d} up to, not including, {local[1]:%Y-%m-%d} (local days)"
        )
    console.print(facts)
    columns = _table("column", "unit", "published", "fill", "mean", "offset", "scale")
    for column in its.columns.values():
        numbers = (f"{getattr(column.statistics, key):.4g}" for key in ("mean", "offset", "scale"))
        columns.add_row(column.name, column.unit, column.published, column.fill, *numbers)
    console.print()
    console.print(columns)
    console.print()
    for text in its.defects:
        console.print(Padding(f"[yellow]defect:[/yellow] {escape(text)}", (0, 0, 0, 2)))


@app.command()
@_clearly
def fetch(dataset_id: _Id) -> None:
    """Fetch the raw files of a data set, verify them and prepare the series."""
    from energy_gym.data import load
    from energy_gym.data.fetching import cache_folder, fetch_card, mirror_folder

    dataset = load(dataset_id)
    files = fetch_card(dataset.card)
    console = Console()
    console.print(f"{dataset_id}: {len(files)} raw files verified, {len(dataset.frame)} steps ready")
    here = dataset.card.home or "the package"
    place = str(here if dataset.card.offline else mirror_folder() or cache_folder() / "raw")
    console.print(f"raw files: {escape(place)}", soft_wrap=True)


@app.command()
@_clearly
def verify(
    dataset_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Data set; all of them if left out.")] = None,
) -> None:
    """Recompute the hash of every raw file.

    A file that was never fetched is a failure only where its data set was named.
    """
    from energy_gym.data import card, card_ids
    from energy_gym.data.fetching import digest_of, raw_location

    if dataset_id:
        _show_what_is_known(dataset_id)
    wrong = missing = 0
    table = _table("data set", "file", "state")
    for its in [card(name) for name in ([dataset_id] if dataset_id else (*card_ids(), *_fetched_sites()))]:
        for file in its.files:
            path = raw_location(its, file)
            state = "missing" if not path.is_file() else "ok" if digest_of(path) == file.sha256 else "wrong"
            wrong, missing = wrong + (state == "wrong"), missing + (state == "missing")
            table.add_row(its.id, escape(file.path.rsplit("/", 1)[-1]), _coloured(state))
    console = Console()
    console.print(table)
    console.print(f"{wrong} files have the wrong hash, {missing} are not here")
    if wrong or (missing and dataset_id):
        raise typer.Exit(1)


def _show_what_is_known(dataset_id: str) -> None:
    """Say what an EMSx site is whose series are not here: to look at its card is no reason to download 90 MB."""
    from energy_gym.data.emsx_card import fetched, site_of, template

    if not dataset_id.startswith("emsx-") or fetched(site_of(dataset_id)):
        return
    what = template(site_of(dataset_id))
    Console().print(f"[bold]{dataset_id}[/bold]: {escape(what['title'])}")
    Console().print(Padding(escape(what["description"]), (0, 0, 1, 2)))


def _fetched_sites() -> list[str]:
    from energy_gym.data.emsx_card import SITES, fetched

    return [f"emsx-{site}" for site in SITES if fetched(site)]


@app.command()
@_clearly
def check(
    dataset_id: Annotated[str, typer.Argument(metavar="ID|FILE", help="Data set, or a CSV or Parquet file of yours.")],
    months: Annotated[bool, typer.Option(help="Also show the hours of the daily extremes, month by month.")] = False,
    zone: Annotated[str | None, typer.Option(help="Of a file: its zone, that of stamps without offset.")] = None,
    time: Annotated[str | None, typer.Option(help="Of a file: title of the column of time stamps.")] = None,
    longitude: Annotated[float | None, typer.Option(help="Of a file: degrees east, to check PV by the sun.")] = None,
) -> None:
    """Check raw series: gaps, duplicates, NaN, false zeros, frozen values, a clock that shifts."""
    file = Path(dataset_id)
    if file.is_file() or holds_frame(file):
        from energy_gym.data.own_check import check_file

        _print_report(check_file(file, zone, time, longitude), months, {})
        return
    from energy_gym.data import card, load
    from energy_gym.data import check as check_series
    from energy_gym.data.loading import read_raw

    report = check_series(read_raw(dataset_id), card(dataset_id))
    _print_report(report, months, load(dataset_id).filled.sum().to_dict())


def _print_report(report: Report, months: bool, filled: Mapping[str, int]) -> None:
    """Print what was found; a failure is exit code 1."""
    console = Console()
    _print_clocks(console, report, months)
    for note in report.notes:
        console.print(f"[dim]note:[/dim] {escape(note)}")
    for finding in report.findings:
        console.print(f"{_coloured(finding.severity)} {finding.column} {finding.kind}: {escape(finding.text)}")
    for name, count in filled.items():
        if count:
            console.print(f"[dim]note:[/dim] {name}: steps filled or standing in, and marked so by load(): {count}")
    verdict = "[green]passed[/green]" if report.passed else f"[red]failed[/red] (findings: {len(report.failures)})"
    console.print(f"{report.id}: {verdict}")
    if not report.passed:
        raise typer.Exit(1)


@app.command()
@_clearly
def statistics(file: Annotated[Path, typer.Argument(metavar="FILE", help="A card's YAML file.")]) -> None:
    """Print the section that a card's statistics need, from the training split of its series."""
    from energy_gym.data.loading import training_figures

    found = training_figures(file)
    print("statistics:")
    for name, figures in found.items():
        print(f"  {name}: {{mean: {figures.mean}, offset: {figures.offset}, scale: {figures.scale}}}")


def _print_clocks(console: Console, report: Report, months: bool) -> None:
    clocks = _table("clock of", "compared", "largest shift", "allowed", "when")
    for phase in report.phases:
        shift, limit = (f"{value:+.2f} h" if value < 99 else "-" for value in (phase.statistic_h, phase.limit_h))
        clocks.add_row(phase.column, phase.method, shift, limit.lstrip("+"), phase.when)
    console.print(clocks)
    if not months:
        return
    shaped = [phase for phase in report.phases if phase.extremes]
    extremes = _table("month", *(f"{phase.column} low, high" for phase in shaped))
    for month in shaped[0].extremes if shaped else ():
        hours = (phase.extremes.get(month) for phase in shaped)
        extremes.add_row(month, *("-" if pair is None else f"{pair[0]:02d} h, {pair[1]:02d} h" for pair in hours))
    console.print(extremes)


if __name__ == "__main__":
    app()
