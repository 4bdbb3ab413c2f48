"""An export becomes a data set: a table in the suite's units and a card beside it, both written into one folder.

One rule: the card states what the file says and what its user said; what a value is never comes from how it looks.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from energy_gym.data.checks import Report, check
from energy_gym.data.columns import symbol_of
from energy_gym.data.exports.answers import Answers
from energy_gym.data.exports.export import Export
from energy_gym.data.exports.formats import read_export
from energy_gym.data.exports.naming import Named, by_step, currency, is_named, named, zone_of
from energy_gym.errors import ConfigurationError, WindowError

if TYPE_CHECKING:
    import pandas as pd

# Where validation and test begin.
SHARES = (0.6, 0.8)
LEAST_DAYS = 5
NO_LICENCE = "not stated; ask whoever publishes it before passing it on"
_ID = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True)
class Added:
    """What `add` wrote.

    Args:
        id: The data set, as ``load`` takes it where ``ENERGY_GYM_CARDS`` names the folder.
        card: The card's file.
        format: The format that the export was recognised as.
        columns: What the file calls each column of the card, by name.
        left_out: Titles of series of which nobody said what they are.
        repeated: Rows of a moment that stood there already; the later one counts.
        report: What the checks found.
    """

    id: str
    card: Path
    format: str
    columns: dict[str, str]
    left_out: tuple[str, ...]
    repeated: int
    report: Report


def add(file: str | Path, folder: str | Path, id: str | None = None, answers: Answers | None = None) -> Added:
    """Turn an export into a data set of one's own.

    Args:
        file: The export, as it was downloaded.
        folder: Where the card and its table are written; ``ENERGY_GYM_CARDS`` names it afterwards.
        id: Id of the data set; None makes one of the file's name.
        answers: What the file does not say: ``zone``, ``currency``, ``published[TITLE]``, ``unit[TITLE]``,
            ``column[TITLE]``, ``select[TITLE]``, ``step``, ``licence``.

    Raises:
        RawFileError: The file fits no format.
        ConfigurationError: Something was not said and nobody can be asked, a unit or a name is not known, an answer
            contradicts the file, or there is such a data set already.
        IrregularIndexError: Its step does not divide a day.
        WindowError: It holds fewer than five whole local days.
    """
    path, known = Path(file), answers or Answers()
    place = _place(Path(folder), path.stem, id)
    export = read_export(path, known)
    zone = zone_of(export, known)
    minutes, series = by_step(export, known)
    chosen = tuple(item for item in series if is_named(item, known))
    if not chosen:
        titles, first = ", ".join(item.title for item in series), series[0].title if series else "TITLE"
        rule = "says of no series what it is"
        raise ConfigurationError(f"{path.name} with {titles}", rule, f'say --column "{first}=load_kw"')
    columns = tuple(named(item, minutes / 60.0 if export.steady else None, known) for item in chosen)
    table = _table(columns, zone, minutes)
    card = {**_origin(path, export, known), **_described(columns, table, zone, known), "resolution_minutes": minutes}
    _write(place, table, card)
    titles_of = {column.name: column.title for column in columns}
    left_out = tuple(item.title for item in series if item not in chosen)
    repeated = sum(int(column.values.index.duplicated().sum()) for column in columns)
    return Added(place.stem, place, export.format, titles_of, left_out, repeated, _checked(place))


def _place(folder: Path, stem: str, id: str | None) -> Path:
    """Return the file of the card, which is not there yet."""
    name = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-") if id is None else id
    if _ID.fullmatch(name) is None:
        raise ConfigurationError(f"id={name!r}", "must be lower-case letters, digits and hyphens", "say --id my-meter")
    place = folder / f"{name}.yaml"
    if place.exists():
        raise ConfigurationError(str(place), "is there already", "choose another --id, or remove it")
    return place


def _table(columns: tuple[Named, ...], zone: str, minutes: int) -> pd.DataFrame:
    """Return the columns side by side over whole local days; of two rows of one moment the later counts."""
    import pandas as pd

    twice = [column.name for column in columns if sum(other.name == column.name for other in columns) > 1]
    if twice:
        titles = ", ".join(column.title for column in columns if column.name == twice[0])
        raise ConfigurationError(titles, f"would both be {twice[0]!r}", f'say --column "{columns[0].title}=other_name"')
    single = {one.name: one.values[~one.values.index.duplicated(keep="last")].sort_index() for one in columns}
    table = pd.concat(single, axis=1).sort_index().rename_axis("time")
    local = table.index.tz_convert(zone)
    first = local[0].normalize() + pd.DateOffset(days=int(local[0] != local[0].normalize()))
    stop = (local[-1] + pd.Timedelta(minutes=minutes)).normalize()
    if (stop.date() - first.date()).days < LEAST_DAYS:
        raise WindowError(f"{local[0]} to {local[-1]}", f"must hold {LEAST_DAYS} whole local days", "export more")
    return table[(local >= first) & (local < stop)]


def _origin(path: Path, export: Export, known: Answers) -> dict[str, Any]:
    """Return what a card says of where its data come from."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    place = {} if export.longitude_deg is None else {"longitude_deg": export.longitude_deg}
    return {
        "title": f"{path.stem}, from {export.format}",
        "description": f"Made from {path.name}, an export of {export.format}, sha256 {digest}.",
        "licence": known.known("licence") or NO_LICENCE,
        "attribution": export.format,
        "source": f"{path.name}, exported from {export.format}",
        "defects": [],
        "reader": "table",
        "table": {"time": "time"},
        **place,
    }


def _described(columns: tuple[Named, ...], table: pd.DataFrame, zone: str, known: Answers) -> dict[str, Any]:
    """Return what a card says of its columns and of their days."""
    import pandas as pd

    days = table.index.tz_convert(zone).tz_localize(None).normalize().unique()
    last = days[-1] + pd.Timedelta(days=1)
    bounds = [day.date() for day in (days[0], *(days[int(share * len(days))] for share in SHARES), last)]
    money = currency(columns, known)
    return {
        "zone": zone,
        "currency": money,
        "span": _pair(bounds[0], bounds[-1]),
        "splits": {name: _pair(*bounds[i : i + 2]) for i, name in enumerate(("train", "validation", "test"))},
        "columns": {
            one.name: {
                "unit": symbol_of(one.name, money),
                "title": one.title,
                "published": one.published,
                "fill": "similar-day",
            }
            for one in columns
        },
        "publication": "As its user said, or as the format defines it.",
    }


def _pair(first: datetime.date, stop: datetime.date) -> list[datetime.date]:
    """Return two dates as objects of their own: YAML would write those that are shared as references."""
    return [first.replace(), stop.replace()]


def _write(place: Path, table: pd.DataFrame, card: dict[str, Any]) -> None:
    """Write table and card; the card's figures are those of its training part. Nothing half made is left behind."""
    from energy_gym.data.loading import training_figures

    place.parent.mkdir(parents=True, exist_ok=True)
    data = place.with_suffix(".csv")
    table.to_csv(data, date_format="%Y-%m-%dT%H:%M:%SZ")
    card["files"] = {data.name: hashlib.sha256(data.read_bytes()).hexdigest()}
    text = yaml.safe_dump(card, sort_keys=False, allow_unicode=True)
    try:
        place.write_text(text, encoding="utf-8")
        figures = training_figures(place)
    except Exception:
        place.unlink(missing_ok=True)
        data.unlink()
        raise
    told = {name: {key: getattr(its, key) for key in ("mean", "offset", "scale")} for name, its in figures.items()}
    place.write_text(text + yaml.safe_dump({"statistics": told}, sort_keys=False), encoding="utf-8")


def _checked(place: Path) -> Report:
    """Return what the checks find in the series as they were published."""
    from energy_gym.data.card_files import read_card
    from energy_gym.data.readers.table import parse

    its = read_card(place, own=True)
    return check(parse(its, {file.path: place.parent / file.path for file in its.files}), its)
