"""The leaderboard as one self-contained HTML page: each agent's scores, its regret by day and by cause, its learning.

One rule: the page needs nothing but itself; Plotly is written into it.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy_gym.evaluation.statistics import estimate, mean
from energy_gym.files import write_atomically
from energy_gym.leaderboard.plots import PARTS, TOLD, colours, cumulative, learning
from energy_gym.leaderboard.tables import STATISTICS, decomposition, fixed, interval, overall, scores_of

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.leaderboard.results import Results

ROW_PIXELS = 250
HEADS = ("score by task", "regret by day, added up", "validation score against steps")
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:1280px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .8rem;border-bottom:1px solid #ddd;text-align:right}
td:first-child,th:first-child{text-align:left}small{color:#666}
"""


def write_page(path: Path, results: Results) -> bool:
    """Write the page; returns True."""
    text = page(results)
    write_atomically(path, lambda target: target.write_text(text, encoding="utf-8"))
    return True


def page(results: Results) -> str:
    """Return the page as text."""
    table = overall(results.frame)
    body = figure(results).to_html(full_html=False, include_plotlyjs=True, config={"displaylogo": False})
    title, about = escape(results.suite.title), escape(results.suite.description)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Leaderboard: {title}</title>'
        f"<style>{STYLE}</style></head><body><h1>Leaderboard: {title}</h1><p>{about}<br>"
        f"<small>Score: 0 is doing nothing, 1 is perfect foresight. Brackets: 95 % bootstrap intervals over seeds. "
        f"ms/decision: median time of one decision. {escape(results.command)}</small></p>"
        f"{_table(table)}{_failed(results)}{body}{_parts(results)}</body></html>\n"
    )


def _table(table: pd.DataFrame) -> str:
    names = ("agent", "mean score", "IQM", "optimality gap", "seeds", "tasks", "ms/decision")
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = []
    for agent, row in table.iterrows():
        cells = [interval(row[name], row[f"{name}_low"], row[f"{name}_high"], 3) for name in STATISTICS]
        cells = [escape(str(agent)), *cells, f"{row['seeds']:.0f}", f"{row['tasks']:.0f}", fixed(row["ms/decision"], 3)]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _failed(results: Results) -> str:
    lines = [
        f"{row['agent']}, {row['task'] or 'all tasks'}, seed {row['seed']}: {row['error']}" for row in results.failed
    ]
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<p>Without a result:</p><ul>{items}</ul>" if lines else ""


def _parts(results: Results) -> str:
    """Return the section on where regret comes from; empty where mpc did not play."""
    shown = parts_figure(results)
    if shown is None:
        return ""
    body = shown.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})
    about = f"{TOLD['forecast']}; {TOLD['controller'].partition(';')[0]}, below zero where an agent does better."
    return f"<h2>Where regret comes from</h2><p>{escape(about[0].upper() + about[1:])}</p>{body}"


def parts_figure(results: Results) -> Any:
    """Return the Plotly figure of what forecast and controller cost, a panel per task; None where mpc did not play."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    table = decomposition(results.frame)
    tasks = [task.name for task in results.suite.tasks if task.name in set(table["task"])]
    if not tasks:
        return None
    shown = make_subplots(rows=len(tasks), cols=1, subplot_titles=tasks, vertical_spacing=min(0.1, 0.5 / len(tasks)))
    for row, task in enumerate(tasks, start=1):
        rows = table[table["task"] == task]
        unit = rows["unit"].iloc[0]
        for part, colour in PARTS.items():
            text = f"%{{y}}: %{{x:.4g}} {escape(unit)}<extra>{part}</extra>"
            common = {"name": part, "legendgroup": part, "showlegend": row == 1, "marker_color": colour}
            bar = go.Bar(x=list(rows[part]), y=list(rows["agent"]), orientation="h", hovertemplate=text, **common)
            shown.add_trace(bar, row=row, col=1)
        shown.update_xaxes(title=f"regret [{unit}]", row=row, col=1)
    shown.update_yaxes(autorange="reversed")
    height = 120 + len(tasks) * (90 + 24 * table["agent"].nunique())
    return shown.update_layout(height=height, barmode="relative", template="plotly_white")


def figure(results: Results) -> Any:
    """Return the Plotly figure: a row per agent, best first, with a colour per task."""
    from plotly.subplots import make_subplots

    agents = list(overall(results.frame).index)
    shades = colours([task.name for task in results.suite.tasks])
    shown = make_subplots(
        rows=len(agents),
        cols=len(HEADS),
        row_titles=agents,
        column_titles=list(HEADS),
        shared_yaxes=False,
        horizontal_spacing=0.06,
        vertical_spacing=min(0.06, 0.3 / len(agents)),
    )
    tables = (cumulative(results.daily), learning(results.curves))
    for row, agent in enumerate(agents, start=1):
        for trace, column in _traces(results, agent, shades, *tables, first=row == 1):
            shown.add_trace(trace, row=row, col=column)
        _axes(shown, row)
    shown.update_layout(height=140 + ROW_PIXELS * len(agents), template="plotly_white", margin={"t": 80, "b": 40})
    return shown.update_layout(legend={"orientation": "h", "y": 1, "yanchor": "top", "yref": "container"})


def _axes(shown: Any, row: int) -> None:
    shown.update_xaxes(range=[None, 1.08], row=row, col=1)
    shown.update_yaxes(showticklabels=False, autorange="reversed", row=row, col=1)
    shown.update_xaxes(type="date", row=row, col=2)
    shown.update_xaxes(rangemode="tozero", row=row, col=3)


def _traces(
    results: Results, agent: str, shades: dict[str, str], daily: pd.DataFrame, curves: pd.DataFrame, first: bool
) -> list[tuple[Any, int]]:
    found: list[tuple[Any, int]] = []
    scores, units = (
        scores_of(results.frame, agent),
        dict(zip(results.frame["task"], results.frame["unit"], strict=True)),
    )
    for task, colour in shades.items():
        common = {"name": task, "legendgroup": task}
        if task in scores:
            found.append(
                (_score(task, estimate(mean, {task: scores[task]}), colour, {**common, "showlegend": first}), 1)
            )
        days = daily[(daily["task"] == task) & (daily["agent"] == agent)]
        if len(days):
            found.append((_line(days["day"], days["regret"], colour, units[task], common), 2))
        steps = curves[(curves["task"] == task) & (curves["agent"] == agent)]
        if len(steps):
            found.append((_line(steps["steps"], steps["mean"], colour, "", common), 3))
    return found


def _score(task: str, found: Any, colour: str, common: dict[str, Any]) -> Any:
    import plotly.graph_objects as go

    spread = {"type": "data", "symmetric": False, "array": [found.high - found.value], "thickness": 1.2}
    spread |= {"arrayminus": [found.value - found.low], "color": "#444"}
    text = f"{interval(found.value, found.low, found.high, 4)}<extra>{escape(task)}</extra>"
    return go.Bar(
        x=[found.value], y=[task], orientation="h", marker_color=colour, error_x=spread, hovertemplate=text, **common
    )


def _line(x: Any, y: Any, colour: str, unit: str, common: dict[str, Any]) -> Any:
    import plotly.graph_objects as go

    label = f"%{{x}}: %{{y:.4g}} {escape(unit)}<extra>{escape(common['name'])}</extra>"
    line = {"color": colour, "width": 1.6}
    return go.Scatter(x=list(x), y=list(y), mode="lines", line=line, hovertemplate=label, showlegend=False, **common)
