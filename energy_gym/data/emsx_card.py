"""The cards of the 70 EMSx sites, from one template; its one rule: what only the series can tell is read off them once.

Span, splits, zone and statistics of a site are not published apart from its series, so its card needs them. They are
kept in the cache folder under the md5 of the series.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from energy_gym.data import zenodo
from energy_gym.data.card_files import parse_card, raw_files
from energy_gym.data.cards import Card, RawFile, Statistics
from energy_gym.data.fetching import cache_folder, digest_of, fetch_pinned, source_folder
from energy_gym.data.raw import VERSION
from energy_gym.data.readers.emsx import ACTUAL, KW_PER_KWH, STEP, TARIFF, TARIFF_FILE, read_rows, tariff, zone_of
from energy_gym.errors import RawFileError, UnknownIdError
from energy_gym.files import write_atomically
from energy_gym.paths import resource

RECORD, FOLDER = "5510400", "emsx"
SITES = range(1, 71)
DIGITS = 6
_OPEN_END = {
    "finding": "gap",
    "steps": 1,
    "reason": "The step after the last row was not measured; it is filled from the nearest similar day.",
}
Figures = tuple[float, float, float]


@dataclass(frozen=True)
class Facts:
    """What the series of a site tell about it.

    Args:
        sha256: Hash of the site's file, recorded when its md5 was verified.
        zone: Zone of the clock of its stamps.
        days: ISO dates: first day of the span, of validation, of test, and the day after the last.
        figures: Mean, offset and scale of each column over the training split.
        open_end: Whether the span ends one step after the last row's, a step that was not measured.
        weeks: Number, start and end (ISO, UTC) of every period of the file; the end is that of the last row's step.
    """

    sha256: str
    zone: str
    days: tuple[str, str, str, str]
    figures: tuple[tuple[str, Figures], ...]
    open_end: bool
    weeks: tuple[tuple[int, str, str], ...]


def site_of(dataset_id: str) -> int:
    """Return the number of the site that an id names.

    Raises:
        UnknownIdError: It names none of the 70.

    Example:
        >>> site_of("emsx-7")
        7
    """
    match = re.fullmatch(r"emsx-([1-9]\d?)", dataset_id)
    if match is None or int(match[1]) not in SITES:
        raise UnknownIdError(f"data set {dataset_id!r}", "EMSx has the sites 1 to 70", "write emsx-1 to emsx-70")
    return int(match[1])


@functools.cache
def template(site: int) -> Mapping[str, Any]:
    """Return the content of a site's card as far as it is known without its series."""
    text = resource("datasets", "templates", "emsx.yaml").read_text(encoding="utf-8")
    content: Mapping[str, Any] = yaml.safe_load(text.replace("{site}", str(site)))
    return content


def shared_file(name: str) -> Path:
    """Return one of the small files that all sites share, fetched and verified.

    Raises:
        ChecksumError: It has the wrong hash.
        DownloadError: It could not be had.
    """
    return fetch_pinned(next(file for file in raw_files(template(SITES[0])) if file.path == name))


def fetched(site: int) -> bool:
    """Return whether a site's series lie in the mirror or in the cache."""
    return (source_folder() / FOLDER / _key(site)).is_file()


def facts(site: int) -> Facts:
    """Return what the series of a site tell about it, fetching them where need be.

    Raises:
        ChecksumError: The site's file has the wrong md5.
        DownloadError: The site's file or its md5 could not be had.
        RawFileError: The site's file is not laid out as published, or too short.
    """
    md5 = zenodo.md5_of(RECORD, FOLDER, _key(site))
    path = cache_folder() / "emsx" / f"{site}-{md5[:16]}-{VERSION}.json"
    kept = _read(path)
    if kept is None:
        kept = _read_off(zenodo.fetch(RECORD, FOLDER, _key(site)))
        text = json.dumps(asdict(kept))
        write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))
    return kept


def site_card(site: int) -> Card:
    """Return the card of a site.

    Raises:
        ChecksumError: The site's file has the wrong md5.
        DownloadError: The site's file or its md5 could not be had.
        RawFileError: The site's file is not laid out as published, or too short.
    """
    return _card(site, facts(site))


@functools.lru_cache(maxsize=len(SITES))
def _card(site: int, known: Facts) -> Card:
    days = [date.fromisoformat(day) for day in known.days]
    splits = {name: days[at : at + 2] for at, name in enumerate(("train", "validation", "test"))}
    names = ("mean", "offset", "scale")
    statistics = {column: dict(zip(names, figures, strict=True)) for column, figures in known.figures}
    own = {"zone": known.zone, "span": [days[0], days[3]], "splits": splits, "statistics": statistics}
    expected = [{"column": name, **_OPEN_END} for name in ACTUAL if known.open_end]
    card = parse_card(f"emsx-{site}", {**template(site), **own, "expected": expected})
    series = RawFile(_key(site), zenodo.url_of(RECORD, _key(site)), known.sha256, FOLDER)
    return replace(card, files=(*(file for file in card.files if file.path == TARIFF_FILE), series))


def _key(site: int) -> str:
    return f"{site}.csv.gz"


def _read(path: Path) -> Facts | None:
    """Return what the cache holds, None where there is nothing or it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Facts(
            sha256=content["sha256"],
            zone=content["zone"],
            days=tuple(content["days"]),
            figures=tuple((name, tuple(figures)) for name, figures in content["figures"]),
            open_end=bool(content["open_end"]),
            weeks=tuple((number, start, stop) for number, start, stop in content["weeks"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read_off(path: Path) -> Facts:
    try:
        rows = read_rows(path, forecasts=False)
        zone = zone_of(rows)
        days = _days(rows, zone)
        open_end = rows.index[-1] < pd.Timestamp(days[3], tz=zone)
        figures = _figures(rows, pd.Timestamp(days[0], tz=zone), pd.Timestamp(days[1], tz=zone))
    except (KeyError, ValueError) as error:
        remedy = "report it: the files of EMSx are not what they were"
        raise RawFileError(f"{path.name}: {error}", "must be laid out as EMSx publishes it", remedy) from error
    return Facts(digest_of(path), zone, days, figures, bool(open_end), _weeks(rows))


def _days(rows: pd.DataFrame, zone: str) -> tuple[str, str, str, str]:
    """Whole days, the step after the last row (filled) included: three fifths to train on, the rest by halves."""
    first = (rows.index[0] - STEP).tz_convert(zone).tz_localize(None).ceil("D").date()
    last = (rows.index[-1] + STEP).tz_convert(zone).tz_localize(None).floor("D").date()
    count = (last - first).days
    if count < 3:
        raise ValueError(f"{max(count, 0)} whole days are too few for three splits")
    validation = max(1, min(round(0.6 * count), count - 2))
    test = max(validation + 1, min(round(0.8 * count), count - 1))
    return first.isoformat(), *((first + timedelta(days=at)).isoformat() for at in (validation, test)), last.isoformat()


def _weeks(rows: pd.DataFrame) -> tuple[tuple[int, str, str], ...]:
    stamps = pd.Series(rows.index, index=rows["period_id"]).groupby(level=0).agg(["min", "max"])
    return tuple(
        (int(number), row["min"].isoformat(), (row["max"] + STEP).isoformat()) for number, row in stamps.iterrows()
    )


def _figures(rows: pd.DataFrame, first: pd.Timestamp, stop: pd.Timestamp) -> tuple[tuple[str, Figures], ...]:
    index = pd.date_range(first, stop, freq=STEP, inclusive="left").tz_convert("UTC").as_unit("ns")
    prices = tariff(shared_file(TARIFF_FILE), rows, index)
    moved = rows.set_axis(rows.index - STEP)
    train = {name: moved[title].reindex(index).dropna() * KW_PER_KWH for name, title in ACTUAL.items()}
    return tuple((name, _summary(series)) for name, series in [*train.items(), *((n, prices[n]) for n in TARIFF)])


def _summary(series: pd.Series) -> Figures:
    mean, offset, scale = (float(f"{value:.{DIGITS}g}") for value in astuple(Statistics.of(series)))
    return mean, offset, scale
