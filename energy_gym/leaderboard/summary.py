"""What the results of a leaderboard come to: over all tasks, by task, pair by pair, who beats mpc, whence regret comes.

One rule: the figures over seeds are those of `energy_gym.evaluation.statistics`; `tables` says how they are written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from energy_gym.arrays import Floats
from energy_gym.evaluation.statistics import (
    Estimate,
    counted,
    estimate,
    interquartile_mean,
    mean,
    optimality_gap,
    probability_of_improvement,
)
from energy_gym.leaderboard.runs import KEY_FIGURES, PLANNER

if TYPE_CHECKING:
    import pandas as pd

STATISTICS = {"mean": mean, "iqm": interquartile_mean, "gap": optimality_gap}


def scores_of(frame: pd.DataFrame, agent: str) -> dict[str, Floats]:
    """Return the scores of an agent's seeds by task, NaN where nothing could be earned."""
    rows = frame[frame["agent"] == agent]
    return {str(task): group["score"].to_numpy(dtype=float) for task, group in rows.groupby("task", sort=False)}


def overall(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a row per agent, best mean first.

    Columns: ``mean``, ``iqm`` and ``gap`` (optimality gap), each followed by the ends of its 95 % interval
    (``mean_low``, ``mean_high``, ...); ``seeds``, the most it played a task with; ``tasks``, how many of them count;
    ``ms/decision``, the median over its runs of the median time of a decision.
    """
    import pandas as pd

    agents = list(dict.fromkeys(frame["agent"]))
    table = pd.DataFrame([_statistics(scores_of(frame, agent)) for agent in agents], index=pd.Index(agents))
    table["ms/decision"] = frame.groupby("agent")["seconds_per_decision"].median() * 1e3
    return table.sort_values("mean", ascending=False)


def _statistics(scores: Mapping[str, Any]) -> dict[str, float]:
    row: dict[str, float] = {}
    for name, statistic in STATISTICS.items():
        found = estimate(statistic, scores)
        row |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    return {**row, "seeds": max(len(values) for values in scores.values()), "tasks": len(counted(scores))}


def scores(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the mean score over seeds of each agent (row, best first) on each task (column)."""
    table = frame.groupby(["agent", "task"], sort=False)["score"].mean().unstack()
    return table.loc[overall(frame).index, list(dict.fromkeys(frame["task"]))].rename_axis(columns=None, index=None)


def improvement(frame: pd.DataFrame) -> dict[tuple[str, str], Estimate]:
    """Return for each pair of agents how likely a run of the first beats one of the second, with its interval."""
    by_agent = {agent: scores_of(frame, agent) for agent in overall(frame).index}
    return {
        (one, other): probability_of_improvement(by_agent[one], by_agent[other])
        for one in by_agent
        for other in by_agent
        if one != other
    }


def ahead(frame: pd.DataFrame, task: str, of: str = PLANNER) -> dict[str, Estimate]:
    """Return who beats an agent on a task, best first: mean score over seeds, its interval wholly above the other's.

    Nobody beats one that did not play. The interval of a single seed has no width: how many seeds an agent played
    says how far its lead may be chance.

    Example:
        >>> import pandas as pd
        >>> agents, scores = ["mpc", "bc", "bc", "dqn", "dqn"], [0.5, 0.6, 0.7, 0.4, 0.9]
        >>> frame = pd.DataFrame({"task": "day", "agent": agents, "score": scores})
        >>> {agent: found.low for agent, found in ahead(frame, "day").items()}
        {'bc': 0.6}
    """
    rows = frame[frame["task"] == task]
    found = {
        agent: estimate(mean, {task: own})
        for agent in rows["agent"].unique()
        for own in scores_of(rows, agent).values()
    }
    least = found[of].high if of in found else math.inf
    above = {agent: own for agent, own in found.items() if own.low > least}
    return dict(sorted(above.items(), key=lambda pair: -pair[1].value))


def by_task(frame: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return a row per agent, best first.

    Means over seeds of score (with its ``spread``), regret, return and parts; the regret's ``forecast`` and
    ``controller`` part; ``ms/decision``, the median over seeds; the actions.
    """
    groups = frame[frame["task"] == task].groupby("agent")
    table = groups[["score", "regret", "return", "energy_cost", "carbon_kg", "wear", "steps_per_second"]].mean()
    table.insert(1, "spread", groups["score"].std(ddof=0))
    table.insert(2, "seeds", groups["seed"].nunique())
    table["ms/decision"] = groups["seconds_per_decision"].median() * 1e3
    table["forecast"] = table["regret"].get(PLANNER, math.nan)
    table["controller"] = table["regret"] - table["forecast"]
    table["actions"] = groups["actions"].first()
    return table.sort_values("score", ascending=False)


def decomposition(frame: pd.DataFrame) -> pd.DataFrame:
    """Return where regret comes from: a row per task and agent, best agent first, of tasks that mpc played.

    Columns: ``task``, ``agent``, ``unit``, ``regret`` (mean over seeds) and its two parts, which add up to it:
    ``forecast``, the regret of mpc on the same task, whose plan on the forecast is the best there is at each step; and
    ``controller``, the rest, negative where the agent does better than that plan.
    """
    import pandas as pd

    parts = ["agent", "unit", "regret", "forecast", "controller"]
    tables = [pd.DataFrame(columns=["task", *parts])]
    for task in dict.fromkeys(frame["task"]):
        found = by_task(frame, task)
        if found["forecast"].notna().all():
            unit = frame.loc[frame["task"] == task, "unit"].iloc[0]
            tables.append(found.reset_index().assign(task=task, unit=unit)[["task", *parts]])
    return pd.concat(tables[1:], ignore_index=True) if len(tables) > 1 else tables[0]


def key_figures(frame: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return the key figures of a task: a row per agent, best first, means over seeds; see `energy_gym.kpis`."""
    groups = frame[frame["task"] == task].groupby("agent")
    return groups[[*KEY_FIGURES, "carbon_kg"]].mean().loc[by_task(frame, task).index]
