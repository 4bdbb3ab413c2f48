"""The leaderboard as text: one overall table sorted by score, and one table a task with regret in its currency.

One rule: tables show what the results hold; nothing is computed here but means and spreads over seeds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from energy_gym.suites import Suite

if TYPE_CHECKING:
    import pandas as pd


def overall(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a row per agent, best first: mean score, the score of each task, milliseconds per decision."""
    scores = frame.groupby(["agent", "task"], sort=False)["score"].mean().unstack()
    table = scores[list(dict.fromkeys(frame["task"]))].rename_axis(columns=None)
    table.insert(0, "score", scores.mean(axis=1))
    table["ms/decision"] = frame.groupby("agent")["seconds_per_decision"].median() * 1e3
    return table.sort_values("score", ascending=False)


def by_task(frame: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return a row per agent, best first: mean score and its spread over seeds, regret, return, parts."""
    groups = frame[frame["task"] == task].groupby("agent")
    table = groups[["score", "regret", "return", "energy_cost", "carbon_kg", "wear", "steps_per_second"]].mean()
    table.insert(1, "spread", groups["score"].std(ddof=0))
    table.insert(2, "seeds", groups["seed"].nunique())
    return table.sort_values("score", ascending=False)


def markdown(suite: Suite, frame: pd.DataFrame, origin: str = "") -> str:
    """Return the leaderboard of a suite as Markdown; ``origin`` says what made it."""
    lines = [f"# Leaderboard: {suite.title}", "", suite.description, *(["", origin] if origin else [])]
    lines += ["", _legend(), "", *_overall_lines(frame)]
    for task in suite.tasks:
        lines += ["", *_task_lines(frame, task.name)]
    return "\n".join(lines) + "\n"


def _legend() -> str:
    return (
        "Score: 0 is doing nothing, 1 is the oracle's perfect foresight. "
        "Regret: what was lost against the oracle's proven bound, in the unit of the task."
    )


def _overall_lines(frame: pd.DataFrame) -> list[str]:
    table = overall(frame)
    tasks = [name for name in table.columns if name not in ("score", "ms/decision")]
    rows = [
        [agent, fixed(row["score"], 4), *[fixed(row[task], 4) for task in tasks], fixed(row["ms/decision"], 3)]
        for agent, row in table.iterrows()
    ]
    return _grid(["agent", "score", *tasks, "ms/decision"], rows)


def _task_lines(frame: pd.DataFrame, task: str) -> list[str]:
    first = frame[frame["task"] == task].iloc[0]
    unit = first["unit"]
    gap = first["oracle_bound"] - first["oracle_value"]
    proof = (
        "proven optimal" if gap <= 1e-6 * max(1.0, abs(first["oracle_value"])) else f"bound {first['oracle_bound']:.4f}"
    )
    head = (
        f"Oracle {first['oracle_value']:.4f} {unit} ({proof}), idle {first['idle']:.4f} {unit}, {first['steps']} steps."
    )
    rows = [
        [
            agent,
            f"{fixed(row['score'], 4)} ± {fixed(row['spread'], 4)}",
            f"{row['seeds']:.0f}",
            fixed(row["regret"], 4),
        ]
        + [fixed(row[name], 3) for name in ("return", "energy_cost", "carbon_kg")]
        + [f"{row['steps_per_second']:,.0f}"]
        for agent, row in by_task(frame, task).iterrows()
    ]
    columns = [
        "agent",
        "score",
        "seeds",
        f"regret [{unit}]",
        f"return [{unit}]",
        "energy cost",
        "carbon [kg]",
        "steps/s",
    ]
    return [f"## {task}", "", head, "", *_grid(columns, rows)]


def _grid(columns: list[str], rows: list[list[str]]) -> list[str]:
    rule = ["---"] + ["---:"] * (len(columns) - 1)
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in (columns, rule, *rows)]


def fixed(value: float, digits: int) -> str:
    """Return a figure with so many decimals; a dash where there is none, and no minus sign before nought.

    Example:
        >>> fixed(-0.00001, 3), fixed(1234.5678, 2), fixed(float("nan"), 2)
        ('0.000', '1234.57', '-')
    """
    if math.isnan(value):
        return "-"
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0.0 else text
