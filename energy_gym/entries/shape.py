"""What signed results must hold for pages to be made of them, whoever wrote and signed them.

One rule: a hash says that nothing was changed, not that it is well-formed; each part is named by where it stands.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, NamedTuple

from energy_gym.errors import ResultsError

REMEDY = "play the entry again: energy-gym submit"


class Named(NamedTuple):
    """Values of one shape by name, some names of which must be there."""

    shape: Any
    needed: tuple[str, ...] = ()


NUMBER, MAYBE, TEXT, COUNT, DAY = "a number", "a number or null", "text", "a whole number above 0", "a date"
SERIES = ("price", "grid_kw", "best_grid_kw", "energy_kwh", "best_energy_kwh")
TASK: dict[str, Any] = {
    "task": TEXT,
    "id": TEXT,
    "hashes": Named(TEXT, ("task",)),
    "unit": TEXT,
    "zone": TEXT,
    "data": TEXT,
    "figures": Named(MAYBE, ("score", "seconds_per_decision")),
    "parts": Named(MAYBE),
    "kpis": Named(MAYBE),
    "checks": Named(MAYBE, ("reordered_score", "unseen_score")),
    "days": {"earned": Named(NUMBER), "best": Named(NUMBER)},
    "heat": {"first": DAY, "days": COUNT, "rows": [[MAYBE]]},
    "worst": [{"day": TEXT, "regret": NUMBER, "step_hours": NUMBER, **{name: [MAYBE] for name in SERIES}}],
}
ENTRY = {
    **dict.fromkeys(("name", "licence", "data_licence", "description", "agent", "install", "sha256"), TEXT),
    "authors": [TEXT],
}
RESULTS = {"entry": ENTRY, "suite": TEXT, "title": TEXT, "versions": Named(TEXT), "command": TEXT, "tasks": [TASK]}


def check_results(found: Mapping[str, Any], path: Any) -> None:
    """Raise ResultsError, with the place, where results lack what they must hold, or hold something else there.

    Args:
        found: The results.
        path: File that they were read from.

    Example:
        >>> check_results({"entry": {"name": 3}}, "results/quick.json")
        Traceback (most recent call last):
        energy_gym.errors.ResultsError: results/quick.json: entry.name: must be text; play the entry again: ...
    """
    _check(found, RESULTS, f"{path}: ")
    for place, task in enumerate(found["tasks"]):
        where, days = f"{path}: tasks[{place}].", task["days"]
        if not days["earned"].keys() <= days["best"].keys():
            raise ResultsError(f"{where}days.best", "lacks days of days.earned", REMEDY)
        if task["figures"]["seconds_per_decision"] is None:
            raise ResultsError(f"{where}figures.seconds_per_decision", f"must be {NUMBER}", REMEDY)
        _alike(task["heat"]["rows"], f"{where}heat.rows")
        for day, shown in enumerate(task["worst"]):
            _alike([shown[name] for name in SERIES], f"{where}worst[{day}]")


def _alike(rows: list[list[float]], place: str) -> None:
    if len({len(row) for row in rows}) != 1:
        raise ResultsError(place, "must hold rows of one length", REMEDY)


def _check(value: Any, shape: Any, place: str) -> None:
    if isinstance(shape, str):
        if not _fits(value, shape):
            raise ResultsError(place, f"must be {shape}", REMEDY)
    elif isinstance(shape, list):
        if not isinstance(value, list) or not value:
            raise ResultsError(place, "must be a list that is not empty", REMEDY)
        for number, item in enumerate(value):
            _check(item, shape[0], f"{place}[{number}]")
    else:
        _check_names(value, shape, place)


def _check_names(value: Any, shape: Any, place: str) -> None:
    """Check a mapping: from any names to one shape, or from each name to its own."""
    if not isinstance(value, dict):
        raise ResultsError(place.rstrip(": "), "must hold values by name", REMEDY)
    start = place if place.endswith(": ") else f"{place}."
    needed = shape.needed if isinstance(shape, Named) else shape
    for name in needed:
        if name not in value:
            raise ResultsError(f"{start}{name}", "is missing", REMEDY)
    for name in value if isinstance(shape, Named) else shape:
        _check(value[name], shape.shape if isinstance(shape, Named) else shape[name], f"{start}{name}")


def _fits(value: Any, word: str) -> bool:
    if word in (TEXT, DAY):
        return isinstance(value, str) and (word == TEXT or _is_day(value))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if word == COUNT:
        return isinstance(value, int) and number and value > 0
    return number or (word == MAYBE and value is None)


def _is_day(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True
