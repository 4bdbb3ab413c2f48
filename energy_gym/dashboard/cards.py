"""Data sets for the page: their cards, and what a check of their series finds.

One rule: nothing is fetched for it; what is not at hand is said to be missing.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from energy_gym.data import card, load
from energy_gym.data.cards import Card
from energy_gym.data.checks import Report, check
from energy_gym.data.fetching import digest_of, raw_location
from energy_gym.data.own_check import check_file
from energy_gym.data.phase import Phase
from energy_gym.errors import UnknownIdError

# Hashing more than this takes longer than a page may wait [bytes].
MOST_BYTES = 200_000_000
FACTS = ("title", "description", "kind", "zone", "currency", "publication", "licence", "attribution", "source")
_checking = threading.Lock()


class SetRow(BaseModel):
    """A data set in a list: what it is called, how long its steps are [min], and whether it is at hand."""

    id: str
    title: str
    kind: str
    resolution_minutes: int | None
    at_hand: bool


class CardPage(BaseModel):
    """A card: facts by name, splits as local dates, columns with their figures, and defects in words."""

    id: str
    facts: dict[str, str]
    splits: dict[str, list[str]]
    columns: list[dict[str, Any]]
    defects: list[str]
    at_hand: bool


class CheckPage(BaseModel):
    """What a check found: findings (the gravest first), how steady clocks are, and the state of each raw file."""

    id: str
    passed: bool
    findings: list[dict[str, Any]]
    phases: list[dict[str, Any]]
    notes: list[str]
    files: list[dict[str, str]]


def rows_of(names: Sequence[str]) -> list[SetRow]:
    """Return data sets as rows, by id or path of a file.

    Example:
        >>> [row.at_hand for row in rows_of(["commercial"])]
        [True]
    """
    return [_row(name) for name in names]


def _row(name: str) -> SetRow:
    if is_file(name):
        here = Path(name).is_file()
        return SetRow(
            id=Path(name).name, title="A file of this site", kind="own", resolution_minutes=None, at_hand=here
        )
    its = card(name)
    step = its.resolution_minutes
    return SetRow(id=name, title=its.title, kind=its.kind, resolution_minutes=step, at_hand=at_hand(its))


def is_file(name: str) -> bool:
    """Return whether a name is the path of a file, and no id."""
    return bool(Path(name).suffix)


def at_hand(its: Card) -> bool:
    """Return whether every raw file of a card is there."""
    return all(raw_location(its, file).is_file() for file in its.files)


def card_page(name: str) -> CardPage:
    """Return the card of a data set; of a file, that it is one.

    Raises:
        UnknownIdError: There is no such data set.
    """
    if is_file(name):
        facts = {"title": Path(name).name, "kind": "own"}
        here = Path(name).is_file()
        return CardPage(id=Path(name).name, facts=facts, splits={}, columns=[], defects=[], at_hand=here)
    its = card(name)
    facts = {fact: str(getattr(its, fact)) for fact in FACTS}
    facts["resolution"] = f"{its.resolution_minutes} min, {its.steps} steps"
    local = {
        split: [f"{moment.tz_convert(its.zone):%Y-%m-%d}" for moment in span] for split, span in its.splits.items()
    }
    columns = [asdict(column) for column in its.columns.values()]
    return CardPage(
        id=name, facts=facts, splits=local, columns=columns, defects=list(its.defects), at_hand=at_hand(its)
    )


def check_page(name: str, zone: str | None = None) -> CheckPage:
    """Return what a check of a data set finds; one check at a time.

    Args:
        name: Id of the data set, or path of a file.
        zone: Zone of a file.

    Raises:
        UnknownIdError: There is no such data set, or it is not at hand.
    """
    with _checking:
        return _checked(name, zone)


@lru_cache(maxsize=64)
def _checked(name: str, zone: str | None) -> CheckPage:
    if is_file(name):
        return _page(check_file(Path(name), zone), [])
    its = card(name)
    if not at_hand(its):
        raise UnknownIdError(f"data set {name!r}", "is not at hand", f"energy-gym data fetch {name}")
    return _page(check(load(name), its), [{"file": file.path, "state": _state(its, file)} for file in its.files])


def _page(report: Report, files: list[dict[str, str]]) -> CheckPage:
    return CheckPage(
        id=report.id,
        passed=report.passed and all(file["state"] != "wrong" for file in files),
        findings=[asdict(finding) for finding in report.findings],
        phases=[_phase(phase) for phase in report.phases],
        notes=list(report.notes),
        files=files,
    )


def _phase(phase: Phase) -> dict[str, Any]:
    shift = phase.statistic_h if math.isfinite(phase.statistic_h) else None
    told = {"column": phase.column, "method": phase.method, "shift_h": shift, "limit_h": phase.limit_h}
    return {**told, "when": phase.when, "steady": phase.steady}


def _state(its: Card, file: Any) -> str:
    path = raw_location(its, file)
    if path.stat().st_size > MOST_BYTES:
        return "too large to hash here"
    return "ok" if digest_of(path) == file.sha256 else "wrong"


def add_cards(app: FastAPI, names: Sequence[str], zones: dict[str, str] | None = None) -> None:
    """Add the addresses of data sets.

    Args:
        app: The application.
        names: Ids, or paths of files; a file is asked for by its name alone.
        zones: Zones of files by their path.
    """
    known = {Path(name).name if is_file(name) else name: name for name in names}

    def found(name: str) -> str:
        if name not in known:
            raise UnknownIdError.of("data set", name, known)
        return known[name]

    @app.get("/v1/data")
    def data() -> list[SetRow]:
        """Return the data sets."""
        return rows_of(list(known.values()))

    @app.get("/v1/data/{name}")
    def data_card(name: str) -> CardPage:
        """Return the card of a data set."""
        return card_page(found(name))

    @app.get("/v1/data/{name}/checks")
    def data_checks(name: str) -> CheckPage:
        """Check the series of a data set that is at hand, and the hashes of its files."""
        return check_page(found(name), (zones or {}).get(found(name)))
