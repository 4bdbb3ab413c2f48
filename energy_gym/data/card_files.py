"""Reading a card's YAML file; its one rule: every message names the file, the field and the rule."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from energy_gym.data.cards import PACKAGED, Card, Column, Expected, Origin, RawFile, Statistics
from energy_gym.data.layout import Layout
from energy_gym.data.price_law import law_ids
from energy_gym.data.readers.table import READERS
from energy_gym.errors import CardError, UnknownIdError

_REQUIRED = (
    "title",
    "description",
    "zone",
    "currency",
    "resolution_minutes",
    "reader",
    "span",
    "splits",
    "columns",
    "publication",
    "licence",
    "attribution",
    "source",
    "defects",
    "statistics",
)
_OPTIONAL = ("longitude_deg", "folder", "base_url", "files", "expected", "origin", "table", "law")
_TABLE = ("time", "zone", "stamps", "decimal", "columns", "factors", "separator")


def read_card(path: Path, own: bool = False) -> Card:
    """Read one card; its id is the file's name.

    Args:
        path: The file.
        own: Whether it does not ship with the package, so that files without a URL lie beside it.

    Raises:
        CardError: The file is not YAML, or breaks a rule.
    """
    return parse_card(path.stem, read_content(path), path.parent.resolve() if own else None)


def read_content(path: Path) -> Mapping[str, Any]:
    """Return what a card's file holds, unchecked.

    Raises:
        CardError: The file is not there, is not YAML, or holds no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CardError(path.name, f"is not YAML ({error})", "correct the file") from error
    return _mapping(f"{path.name}: card", content)


def parse_card(dataset_id: str, content: object, home: Path | None = None) -> Card:
    """Build a card from the content of its YAML file; ``home`` is its folder if it does not ship with the package.

    Raises:
        CardError: A key is unknown or missing, or a value breaks its rule.
    """
    try:
        return _build(dataset_id, _mapping("card", content), home)
    except CardError as error:
        raise CardError(f"{dataset_id}.yaml: {error.value}", error.rule, error.remedy) from error


def check_keys(where: str, mapping: Mapping[str, object], required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    """Raise unless a mapping of a card has the required keys and no others.

    Raises:
        CardError: Names the key that is missing or unknown, and the nearest known one.

    Example:
        >>> check_keys("splits", {"train": 1, "tset": 2}, ("train",), ("test",))
        Traceback (most recent call last):
        energy_gym.errors.CardError: splits: unknown key 'tset'; did you mean 'test'? Known: test, train
    """
    known = sorted((*required, *optional))
    for key in mapping:
        if key not in known:
            unknown = UnknownIdError.of("key", key, known)
            raise CardError(where, f"unknown key {key!r}", unknown.remedy)
    _require_keys(where, mapping, required)


def _require_keys(where: str, mapping: Mapping[str, object], required: tuple[str, ...]) -> None:
    for key in required:
        if key not in mapping:
            hint = "; energy-gym data statistics FILE prints it" if key == "statistics" else ""
            remedy = f"add it to the card{hint}; it needs {', '.join(required)}"
            raise CardError(where, f"key {key!r} is missing", remedy)


def _build(dataset_id: str, content: Mapping[str, Any], home: Path | None) -> Card:
    check_keys("card", content, _REQUIRED, _OPTIONAL)
    zone = _zone(content["zone"])
    _require_reader(content["reader"])
    return Card(
        id=dataset_id,
        **{key: _text(key, content[key]) for key in ("title", "description", "currency", "publication", "reader")},
        **{key: _text(key, content[key]) for key in ("licence", "attribution", "source")},
        zone=zone,
        longitude_deg=_longitude(content.get("longitude_deg")),
        resolution_minutes=_whole("resolution_minutes", content["resolution_minutes"]),
        span=_days("span", content["span"], zone),
        columns=_columns(content),
        splits=_splits(content["splits"], zone),
        files=raw_files(content if home is None else {"folder": dataset_id, **content}, home is not None),
        layout=_layout(content.get("table")),
        home=home,
        law=_law(content.get("law")),
        defects=tuple(_text("defects", entry) for entry in _sequence("defects", content["defects"])),
        expected=tuple(_expected(entry) for entry in _sequence("expected", content.get("expected", []))),
        origin=tuple(_origin(entry) for entry in _sequence("origin", content.get("origin", []))),
    )


def _require_reader(value: object) -> None:
    if _text("reader", value) not in READERS:
        unknown = UnknownIdError.of("reader", str(value), READERS)
        raise CardError(f"reader={value!r}", f"must be one of {', '.join(READERS)}", unknown.remedy)


def _mapping(where: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise CardError(f"{where}={value!r}", "must be a mapping of names to values", "correct the card")
    return value


def _sequence(where: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise CardError(f"{where}={value!r}", "must be a list", "correct the card; [] if there is nothing to say")
    return value


def _text(where: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise CardError(f"{where}={value!r}", "must be text", "correct the card; quote it if YAML reads it otherwise")
    return value.strip()


def _number(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CardError(f"{where}={value!r}", "must be a number", "correct the card")
    return float(value)


def _whole(where: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise CardError(f"{where}={value!r}", "must be a whole number", "correct the card")
    return value


def _zone(value: object) -> str:
    name = _text("zone", value)
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise CardError(f"zone={name!r}", "must be an IANA time zone", "write it like Europe/Berlin or UTC") from error
    return name


def _law(value: object) -> str | None:
    if value is None:
        return None
    name = _text("law", value)
    if name not in law_ids():
        unknown = UnknownIdError.of("law", name, law_ids())
        raise CardError(f"law={name!r}", f"must be one of {', '.join(law_ids())}", unknown.remedy)
    return name


def _longitude(value: object) -> float | None:
    if value is None:
        return None
    degrees = _number("longitude_deg", value)
    if not -180 <= degrees <= 180:
        raise CardError(f"longitude_deg={degrees}", "must lie within -180 and 180", "east is positive")
    return degrees


def _days(where: str, value: object, zone: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    days = _sequence(where, value)
    if len(days) != 2 or not all(type(day) is datetime.date for day in days):
        rule = "must be two dates: the first local day and the one after the last"
        raise CardError(f"{where}={value!r}", rule, "write [2021-01-01, 2022-01-01]")
    first, stop = (pd.Timestamp(day).tz_localize(zone).tz_convert("UTC").as_unit("ns") for day in days)
    return first, stop


def _splits(value: object, zone: str) -> dict[str, tuple[pd.Timestamp, pd.Timestamp]]:
    splits = _mapping("splits", value)
    check_keys("splits", splits, ("train",), ("earlier", "validation", "test", "later"))
    return {name: _days(f"splits.{name}", days, zone) for name, days in splits.items()}


def _columns(content: Mapping[str, Any]) -> dict[str, Column]:
    columns, statistics = (_mapping(key, content[key]) for key in ("columns", "statistics"))
    check_keys("statistics", statistics, tuple(columns), ())
    return {name: _column(name, columns[name], statistics[name]) for name in columns}


def _column(name: str, value: object, figures: object) -> Column:
    entry, numbers = _mapping(f"columns.{name}", value), _mapping(f"statistics.{name}", figures)
    check_keys(f"columns.{name}", entry, ("unit", "title", "published", "fill"), ())
    check_keys(f"statistics.{name}", numbers, ("mean", "offset", "scale"), ())
    statistics = Statistics(**{key: _number(f"statistics.{name}.{key}", numbers[key]) for key in numbers})
    return Column(
        name=name, statistics=statistics, **{key: _text(f"columns.{name}.{key}", entry[key]) for key in entry}
    )


def _layout(value: object) -> Layout | None:
    if value is None:
        return None
    entry = _mapping("table", value)
    check_keys("table", entry, (), _TABLE)
    said: dict[str, Any] = {key: _text(f"table.{key}", entry[key]) for key in _TABLE[:4] if key in entry}
    said |= {key: dict(_mapping(f"table.{key}", entry[key])) for key in ("columns", "factors") if key in entry}
    if "separator" in entry:
        said["separator"] = str(entry["separator"])  # a tabulator is no text to `_text`
    return Layout(**said)


def raw_files(content: Mapping[str, Any], own: bool = False) -> tuple[RawFile, ...]:
    """Return the raw files that the content of a card states; those of an ``own`` card may lie beside it.

    Raises:
        CardError: A file breaks a rule.
    """
    files = _mapping("files", content.get("files", {}))
    base, folder = content.get("base_url", ""), content.get("folder", "")
    if content["reader"] not in (*PACKAGED, "synthetic"):
        _require_keys("card", content, ("files", *(() if own else ("base_url", "folder"))))
        base, folder = ("" if own and not base else _text("base_url", base)), _text("folder", folder)
    return tuple(_raw_file(str(path), entry, base, folder) for path, entry in files.items())


def _raw_file(path: str, entry: object, base: str, folder: str) -> RawFile:
    """A file is its hash, or its hash and where it lies at its publisher where that is not its path."""
    where = f"files.{path}"
    whole = {"sha256": entry, "at": path} if isinstance(entry, str) else _mapping(where, entry)
    check_keys(where, whole, ("sha256",), ("at", "url"))
    sha256 = _text(f"{where}.sha256", whole["sha256"])
    at = f"{base}{_text(f'{where}.at', whole.get('at', path))}" if base else ""
    url = _text(f"{where}.url", whole["url"]) if "url" in whole else at
    return RawFile(path=path, url=url, sha256=sha256, folder=folder)


def _expected(value: object) -> Expected:
    entry = _mapping("expected", value)
    check_keys("expected", entry, ("column", "finding", "steps", "reason"), ())
    texts = {key: _text(f"expected.{key}", entry[key]) for key in ("column", "finding", "reason")}
    return Expected(steps=_whole("expected.steps", entry["steps"]), **texts)


def _origin(value: object) -> Origin:
    entry = _mapping("origin", value)
    check_keys("origin", entry, ("package", "version", "member", "sha256"), ())
    return Origin(**{key: _text(f"origin.{key}", entry[key]) for key in entry})
