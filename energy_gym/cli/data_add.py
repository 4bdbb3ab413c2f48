"""The command ``energy-gym data add``: a file that a portal or a program exported becomes a data set of one's own.

One rule: what the file does not say is asked for where someone can answer, and refused with the option's name
elsewhere.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from energy_gym.errors import ConfigurationError

console = Console()
_Pairs = list[str] | None


def add(
    file: Annotated[
        Path,
        typer.Argument(
            help="Export of ENTSO-E, SMARD, Energy-Charts, gridstatus, NEMOSIS, Home Assistant, Octopus or PVGIS"
        ),
    ],
    id: Annotated[str | None, typer.Option(help="Id of the data set; default: made of the file's name")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the card; default: the one that ENERGY_GYM_CARDS names, else cards")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Zone whose local days it follows, such as Europe/Berlin")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO code of the prices' currency")] = None,
    unit: Annotated[_Pairs, typer.Option(help='"TITLE=UNIT": unit of a series, such as W, kWh or EUR/MWh')] = None,
    column: Annotated[
        _Pairs, typer.Option(help='"TITLE=NAME": what a series is, such as load_kw, pv_kw or price_per_mwh')
    ] = None,
    published: Annotated[
        _Pairs,
        typer.Option(help='"TITLE=RULE": when it is known: always, at-start, after or "day-ahead 13:00"'),
    ] = None,
    select: Annotated[_Pairs, typer.Option(help='"TITLE=VALUE": the rows meant, such as Location=HB_HUBAVG')] = None,
    step: Annotated[int | None, typer.Option(help="Minutes of a step, where states changed at any moment")] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the data")] = None,
) -> None:
    """Turn an export into a data set with a card, by its own headers; what they do not say is asked for."""
    from energy_gym.data.exports import Answers
    from energy_gym.data.exports import add as add_export

    single = {"zone": zone, "currency": currency, "step": step, "licence": licence}
    said = {name: str(value) for name, value in single.items() if value is not None}
    for option, pairs in (("unit", unit), ("column", column), ("published", published), ("select", select)):
        said |= {f"{option}[{title}]": value for title, value in (_pair(option, pair) for pair in pairs or [])}
    folder = out or Path(os.environ.get("ENERGY_GYM_CARDS", "cards"))
    added = add_export(file, folder, id, Answers(said, _asked if sys.stdin.isatty() else None))
    console.print(f"{added.id}: {added.format}, card {escape(str(added.card))}", highlight=False, soft_wrap=True)
    for name, title in added.columns.items():
        console.print(f"  {name}: {escape(title)}", highlight=False)
    for title in added.left_out:
        console.print(f"  left out: {escape(title)} (name it with --column)", highlight=False)
    if added.repeated:
        console.print(f"  rows that repeat a moment: {added.repeated}; the later one counts", highlight=False)
    for finding in added.report.findings:
        console.print(f"  {finding.severity}: {finding.column} {escape(finding.text)}", highlight=False)
    if os.environ.get("ENERGY_GYM_CARDS") != str(folder):
        console.print(f"To use it: export ENERGY_GYM_CARDS={escape(str(folder.resolve()))}", soft_wrap=True)


def _pair(option: str, word: str) -> tuple[str, str]:
    title, equals, value = word.rpartition("=")
    if not (equals and title and value):
        raise ConfigurationError(f"--{option} {word!r}", "must be TITLE=VALUE", f'say --{option} "TITLE=..."')
    return title, value


def _asked(option: str, question: str) -> str:
    return str(typer.prompt(f"{question} [--{option}]"))
