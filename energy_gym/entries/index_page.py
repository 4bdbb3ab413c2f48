"""The page of all entries: a table for each suite, version of the package and state of the data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from energy_gym.entries.look import page
from energy_gym.leaderboard.tables import fixed

if TYPE_CHECKING:
    from energy_gym.entries.site import Group, Shown

# With more tasks than this a table has no column for each; the entry's page shows them.
MOST_TASKS = 8


def index_page(groups: Sequence[Group], version: str) -> str:
    """Return the page of all entries."""
    own = [group for group in groups if group.version == version]
    others = [group for group in groups if group.version != version]
    body = (
        "<h1>Leaderboard of energy_gym</h1><p>Each entry was played on held-out windows in a process of its own, "
        "twice, and once on days in another order. Score: 0 is doing nothing, 1 is the proven optimum of who knows "
        "all that comes. Press a heading to sort by it.</p>" + "".join(map(_section, own))
    )
    if others:
        body += (
            "<h2>Played with other versions</h2><p>Environments may have changed since: these results are not "
            "compared with those above.</p>" + "".join(map(_section, others))
        )
    return page("Leaderboard of energy_gym", body)


def _section(group: Group) -> str:
    tasks = list(group.hashes)
    rows = sorted(group.rows, key=lambda row: (-len(row[1]["tasks"]), -_mean(row[1])))
    every = tasks if 1 < len(tasks) <= MOST_TASKS else []
    columns = ("entry", "mean score", "worst score", "tasks", *every, "ms a decision", "authors", "licence", "data")
    heads = "".join(_head(name, place == 1) for place, name in enumerate(columns))
    lines = "".join(_line(shown, found, every, len(tasks)) for shown, found in rows)
    label = escape(f"{group.title}, energy-gym {group.version}", quote=True)
    only = f" Its task: {tasks[0]}." if len(tasks) == 1 else ""
    return (
        f"<h2>{escape(group.title)} <small>energy-gym {escape(group.version)}</small></h2>"
        f'<p class="soft">Suite {escape(group.suite)}.{escape(only)} Those that played more of its tasks come first, '
        "then by mean score. ms: median time of a decision, with the way between the processes.</p>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table class="sortable">'
        f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _head(name: str, sorted_by: bool) -> str:
    text = name in ("entry", "authors", "licence", "data")
    first = "ascending" if text or name == "ms a decision" else "descending"
    order = ' aria-sort="descending"' if sorted_by else ""
    return f'<th scope="col" data-first="{first}"{" class=text" if text else ""}{order}>{escape(name)}</th>'


def _line(shown: Shown, found: Mapping[str, Any], tasks: Sequence[str], of: int) -> str:
    scores = {row["task"]: _score(row) for row in found["tasks"]}
    known = [value for value in scores.values() if not math.isnan(value)]
    worst = min(known, default=math.nan)
    cells = [_figure(_mean(found)), _figure(worst), f'<td data-value="{len(scores)}">{len(scores)} of {of}</td>']
    cells += [_figure(scores.get(task, math.nan)) for task in tasks]
    times = sorted(1e3 * float(row["figures"]["seconds_per_decision"]) for row in found["tasks"])
    cells.append(_figure(times[len(times) // 2]))
    entry = found["entry"]
    said = (", ".join(entry["authors"]), entry["licence"], entry["data_licence"])
    cells += [f'<td class="text">{escape(text)}</td>' for text in said]
    name = f'<a href="entries/{escape(shown.page, quote=True)}">{escape(entry["name"])}</a>'
    return f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>'


def _score(row: Mapping[str, Any]) -> float:
    value = row["figures"]["score"]
    return math.nan if value is None else float(value)


def _mean(found: Mapping[str, Any]) -> float:
    known = [value for value in map(_score, found["tasks"]) if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _figure(value: float) -> str:
    told = "" if math.isnan(value) else repr(value)
    return f'<td data-value="{told}">{fixed(value, 3)}</td>'
