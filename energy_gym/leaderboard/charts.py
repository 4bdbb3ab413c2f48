"""The charts of the leaderboard's page: of one task each, so that time, money and scale are the task's own.

One rule: an agent has one colour in every chart, that of the pictures; the page says which, so no chart has a legend.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from energy_gym.evaluation.statistics import estimate, mean
from energy_gym.leaderboard.plots import PARTS, cumulative, learning
from energy_gym.leaderboard.summary import decomposition, scores_of
from energy_gym.leaderboard.tables import interval

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.leaderboard.results import Results

Shades = Mapping[str, str]
ROW_PIXELS, LINES_PIXELS = 26, 300


def score_chart(results: Results, task: str, shades: Shades) -> Any:
    """Return the Plotly figure of the agents' scores on a task, best first, with 95 % intervals over seeds."""
    import plotly.graph_objects as go

    found = {agent: scores_of(results.frame, agent).get(task) for agent in shades}
    known = {agent: estimate(mean, {task: scores}) for agent, scores in found.items() if scores is not None}
    known = dict(sorted(known.items(), key=lambda item: -item[1].value))
    shown = list(known.values())
    spread = {"type": "data", "symmetric": False, "thickness": 1.2, "color": "#444"}
    spread |= {"array": [one.high - one.value for one in shown], "arrayminus": [one.value - one.low for one in shown]}
    told = [interval(one.value, one.low, one.high, 4) for one in shown]
    bars = go.Bar(
        x=[one.value for one in shown],
        y=[_short(agent) for agent in known],
        orientation="h",
        marker_color=[shades[agent] for agent in known],
        error_x=spread,
        customdata=told,
        hovertemplate="%{y}: %{customdata}<extra></extra>",
    )
    chart = _drawn([bars], len(known) * ROW_PIXELS + 70, xaxis_title="score")
    return chart.update_yaxes(autorange="reversed", automargin=True)


def regret_chart(results: Results, task: str, shades: Shades) -> Any:
    """Return the Plotly figure of regret added up over the days of a task; None where no day is known."""
    table = cumulative(results.daily)
    unit = unit_of(results, task)
    lines = _lines(table[table["task"] == task], shades, "day", "regret", f" {escape(unit)}")
    chart = _drawn(lines, LINES_PIXELS, yaxis_title=f"regret so far [{escape(unit)}]") if lines else None
    return None if chart is None else chart.update_xaxes(type="date", nticks=5)


def learning_chart(results: Results, task: str, shades: Shades) -> Any:
    """Return the Plotly figure of validation scores against steps of learning; None where no agent learns."""
    table = learning(results.curves)
    # Cloning counts thousands of batches, playing hundreds of thousands of steps.
    lines = _lines(table[table["task"] == task].assign(steps=table["steps"].clip(lower=1)), shades, "steps", "mean", "")
    chart = _drawn(lines, LINES_PIXELS, xaxis_title="steps of learning", yaxis_title="validation score")
    return chart.update_xaxes(type="log", dtick=1) if lines else None


def parts_chart(results: Results, task: str, shades: Shades) -> Any:
    """Return the Plotly figure of what forecast and controller cost on a task; None where mpc did not play it."""
    import plotly.graph_objects as go

    table = decomposition(results.frame)
    rows = table[(table["task"] == task) & table["agent"].isin(list(shades))]
    if rows.empty:
        return None
    unit, agents = escape(unit_of(results, task)), [_short(agent) for agent in rows["agent"]]
    bars = [
        go.Bar(
            x=list(rows[part]),
            y=agents,
            orientation="h",
            name=part,
            marker_color=colour,
            hovertemplate=f"%{{y}}: %{{x:.4g}} {unit}<extra>{part}</extra>",
        )
        for part, colour in PARTS.items()
    ]
    chart = _drawn(bars, len(agents) * ROW_PIXELS + 70, xaxis_title=f"regret [{unit}]", barmode="relative")
    return chart.update_yaxes(autorange="reversed", automargin=True)


def unit_of(results: Results, task: str) -> str:
    """Return the unit of a task's rewards."""
    frame = results.frame
    return str(frame.loc[frame["task"] == task, "unit"].iloc[0])


def _lines(table: pd.DataFrame, shades: Shades, across: str, up: str, unit: str) -> list[Any]:
    import plotly.graph_objects as go

    found = []
    for agent, colour in shades.items():
        rows = table[table["agent"] == agent]
        if len(rows):
            mode = "lines+markers" if len(rows) < 3 else "lines"
            label = f"%{{x}}: %{{y:.4g}}{unit}<extra>{escape(agent)}</extra>"
            look = {"line": {"color": colour, "width": 1.8}, "mode": mode, "hovertemplate": label, "name": agent}
            found.append(go.Scatter(x=list(rows[across]), y=list(rows[up]), **look))
    return found


def _drawn(traces: list[Any], height: int, **layout: Any) -> Any:
    import plotly.graph_objects as go

    margin = {"l": 10, "r": 10, "t": 10, "b": 10}
    chart = go.Figure(traces).update_layout(
        height=height, template="plotly_white", margin=margin, showlegend=False, font_size=12, **layout
    )
    return chart.update_xaxes(automargin=True, title_standoff=6).update_yaxes(automargin=True, title_standoff=6)


def _short(agent: str, width: int = 18) -> str:
    """Return an agent's name for an axis: the end of a long one, which tells a module's agents apart.

    Example:
        >>> _short("mpc"), _short("a_long_module_name.agents:Learner")
        ('mpc', '…me.agents:Learner')
    """
    return agent if len(agent) <= width else "…" + agent[1 - width :]
