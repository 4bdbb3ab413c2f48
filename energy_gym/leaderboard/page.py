"""The leaderboard as one self-contained HTML page: scores over all, then the charts of each task.

One rule: the page needs nothing but itself, and reads on a telephone as on a desk; Plotly is written into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy_gym.files import write_atomically
from energy_gym.leaderboard.charts import learning_chart, parts_chart, regret_chart, score_chart
from energy_gym.leaderboard.plots import PARTS, TOLD, colours
from energy_gym.leaderboard.summary import STATISTICS, overall
from energy_gym.leaderboard.tables import fixed, interval, oracle_line

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.leaderboard.results import Results

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:1280px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{margin:2.5rem 0 0;overflow-wrap:anywhere}h3{font-size:1rem;margin:1rem 0 0}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .8rem;border-bottom:1px solid #ddd;text-align:right}
td{white-space:nowrap}td:first-child,th:first-child{text-align:left}small{color:#666}p{overflow-wrap:anywhere}
.wide{overflow-x:auto}.panels>div{min-width:0}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,28rem),1fr));gap:0 2rem}
.key{position:sticky;top:0;background:#fff;padding:.4rem 0;z-index:9}span{margin-right:1.2rem}
i{display:inline-block;width:.8em;height:.8em;margin-right:.4em}
"""
CHARTS = {
    "Score": score_chart,
    "Regret by day, added up": regret_chart,
    "Validation score while learning": learning_chart,
    "Where regret comes from": parts_chart,
}
CONFIG = {"displayModeBar": False, "responsive": True}


def write_page(path: Path, results: Results) -> bool:
    """Write the page; returns True."""
    text = page(results)
    write_atomically(path, lambda target: target.write_text(text, encoding="utf-8"))
    return True


def page(results: Results) -> str:
    """Return the page as text."""
    table = overall(results.frame)
    title, about = escape(results.suite.title), escape(results.suite.description)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>Leaderboard: {title}</title>'
        f"<style>{STYLE}</style></head><body><h1>Leaderboard: {title}</h1><p>{about}<br>"
        f"<small>Score: 0 is doing nothing, 1 is perfect foresight. Brackets: 95 % bootstrap intervals over seeds. "
        f"ms/decision: median time of one decision. {escape(', then '.join(results.commands))}</small></p>"
        f"{_table(table)}{_failed(results)}{''.join(_tasks(results))}</body></html>\n"
    )


def _table(table: pd.DataFrame) -> str:
    names = ("agent", "mean score", "IQM", "optimality gap", "seeds", "tasks", "ms/decision")
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = []
    for agent, row in table.iterrows():
        cells = [interval(row[name], row[f"{name}_low"], row[f"{name}_high"], 3) for name in STATISTICS]
        cells = [escape(str(agent)), *cells, f"{row['seeds']:.0f}", f"{row['tasks']:.0f}", fixed(row["ms/decision"], 3)]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


def _failed(results: Results) -> str:
    lines = [
        f"{row['agent']}, {row['task'] or 'all tasks'}, seed {row['seed']}: {row['error']}" for row in results.failed
    ]
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<p>Without a result:</p><ul>{items}</ul>" if lines else ""


def _tasks(results: Results) -> Iterator[str]:
    """Yield the key of the agents' colours, then a section a task."""
    shades = colours(list(overall(results.frame).index))
    yield _key(shades)
    played, first = set(results.frame["task"]), True
    for task in (task.name for task in results.suite.tasks if task.name in played):
        yield f"<h2>{escape(task)}</h2><small>{escape(oracle_line(results.frame, task))}</small>"
        yield '<div class="panels">'
        for title, chart in charts_of(results, task):
            yield f"<div><h3>{title}</h3>{_told(title)}"
            yield chart.to_html(full_html=False, include_plotlyjs=first, config=CONFIG) + "</div>"
            first = False
        yield "</div>"


def charts_of(results: Results, task: str) -> Iterator[tuple[str, Any]]:
    """Yield title and Plotly figure of each chart of a task that has something to show."""
    shades = colours(list(overall(results.frame).index))
    for title, made in CHARTS.items():
        chart = made(results, task, shades)
        if chart is not None:
            yield title, chart


def _key(shades: dict[str, str]) -> str:
    return f'<p class="key">{"".join(_square(agent, colour) for agent, colour in shades.items())}</p>'


def _square(name: str, colour: str) -> str:
    return f'<span><i style="background:{colour}"></i>{escape(name)}</span>'


def _told(title: str) -> str:
    """Return what stands between a chart's title and the chart: of the parts of the regret, their colours."""
    if CHARTS[title] is not parts_chart:
        return ""
    words = {part: TOLD[part].partition(";")[0] for part in PARTS}
    words["controller"] += ", below zero where an agent does better"
    return f"<small>{' '.join(_square(words[part], colour) for part, colour in PARTS.items())}</small>"
