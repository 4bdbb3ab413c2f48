"""The page of one entry: what it says of itself, and for each task its figures and what its days looked like."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from energy_gym.entries import pictures
from energy_gym.entries.look import key, page
from energy_gym.leaderboard.tables import fixed

if TYPE_CHECKING:
    from energy_gym.entries.folder import Entry

# What the figures are called; others stand under their own names.
CALLED = {
    "return": "earned",
    "oracle_value": "earned by the best plan",
    "oracle_bound": "proven bound",
    "idle": "earned by doing nothing",
    "seconds_per_decision": "seconds a decision",
    "steps_per_second": "steps a second",
}
OWN, BEST = ("own", "entry"), ("best", "best plan, knowing all that comes")


def entry_page(entry: Entry, results: Sequence[Mapping[str, Any]], version: str) -> str:
    """Return the page of an entry."""
    latest = results[-1]["entry"]
    said = {
        "authors": ", ".join(latest["authors"]),
        "licence": latest["licence"],
        "licence of its data": latest["data_licence"],
        "loads": latest["agent"],
        "needs": latest["install"] or "nothing beside the package",
        "contents, sha256": latest["sha256"],
    }
    body = (
        '<p><a href="../index.html">All entries</a></p>'
        f"<h1>{escape(entry.name)}</h1><p>{escape(latest['description'])}</p>{_list(said)}"
    )
    return page(f"{entry.name}: energy_gym", body + "".join(_result(found, version) for found in results), "../")


def _result(found: Mapping[str, Any], version: str) -> str:
    played = str(found["versions"].get("energy-gym"))
    apart = "" if played == version else " Another version than that of this board: not compared with it."
    return (
        f"<h2>{escape(found['title'])}</h2><p>Played with energy-gym {escape(played)}.{apart} "
        f"<small>Results, sha256 {escape(found['sha256'])}</small></p>" + "".join(map(_task, found["tasks"]))
    )


def _task(row: Mapping[str, Any]) -> str:
    figures, unit = row["figures"], str(row["unit"])
    score = fixed(_number(figures["score"]), 3)
    # The names of days are ISO dates.
    days = sorted(row["days"]["earned"])
    earned, best = ([float(row["days"][who][day]) for day in days] for who in ("earned", "best"))
    panels = [
        ("Money over time", pictures.money(days, earned, best, unit), f"Added up, {unit}.", (OWN, BEST)),
        (
            "Regret by day",
            pictures.regret(days, [most - own for most, own in zip(best, earned, strict=True)], unit),
            f"What the best plan earned more on the day, {unit}; below zero where it had bought for later.",
            (),
        ),
        (
            "Regret by hour and day",
            pictures.heat(row["heat"], unit),
            "Deeper is more.",
            (("lost", "best plan earned more"), ("won", "entry earned more in that hour")),
        ),
    ]
    currency = unit.partition("/")[0]
    for one in row["worst"]:
        told = f"Regret of the day: {float(one['regret']):.4g} {unit}."
        panels.append((f"Among its worst days: {one['day']}", pictures.day(one, currency), told, (OWN, BEST)))
    drawn = "".join(_panel(*panel) for panel in panels)
    return (
        f"<section><h2>{escape(row['task'])} <small>score {score}</small></h2>"
        f"<p>{escape(row['id'])} on {escape(row['data'])}</p>"
        f'<div class="panels">{drawn}</div><h3>Figures</h3>{_figures(row)}</section>'
    )


def _panel(title: str, picture: str, told: str, lines: Sequence[tuple[str, str]]) -> str:
    meaning = key(*lines) if lines else ""
    return f'<section><h3>{escape(title)}</h3><p class="key">{escape(told)}</p>{meaning}{picture}</section>'


def _figures(row: Mapping[str, Any]) -> str:
    lines = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{value}</td></tr>' for name, value in _named(row))
    label = escape(f"Figures of {row['task']}", quote=True)
    head = '<thead><tr><th scope="col">figure</th><th scope="col">value</th></tr></thead>'
    table = f"<table>{head}<tbody>{lines}</tbody></table>"
    return f'<div class="scroll figures" tabindex="0" role="region" aria-label="{label}">{table}</div>'


def _named(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield names and values of a task's figures, checks and hashes."""
    for name, value in row["figures"].items():
        yield CALLED.get(name, name.replace("_", " ")), _told(value)
    for name, value in row["parts"].items():
        yield name.replace("_", " "), _told(value)
    for name, value in row["kpis"].items():
        if value is not None and name not in row["parts"]:
            yield name.replace("_", " "), _told(value)
    yield "score on days in another order", _told(row["checks"]["reordered_score"])
    yield "the same actions on the days as they were", _told(row["checks"]["unseen_score"])
    for name, value in row["hashes"].items():
        yield f"sha256 of {'the ' if name != 'data' else ''}{name}", f"<code>{escape(str(value)[:16])}…</code>"


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _told(value: Any) -> str:
    return "-" if value is None else f"{float(value):,.6g}"


def _list(said: Mapping[str, str]) -> str:
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(text)}</dd>' for name, text in said.items())}</dl>"
