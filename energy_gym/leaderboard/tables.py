"""The leaderboard as text: figures over all tasks with their intervals, who beats whom, and one table a task.

One rule: tables show what the results hold, and what `summary` makes of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from energy_gym.leaderboard.attained import COLUMN, LEGEND, attainable_line, attained
from energy_gym.leaderboard.runs import PLANNER
from energy_gym.leaderboard.summary import STATISTICS, ahead, by_task, improvement, key_figures, overall, scores

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.leaderboard.results import Results


def markdown(results: Results) -> str:
    """Return the leaderboard as Markdown."""
    suite, frame = results.suite, results.frame
    lines = [f"# Leaderboard: {suite.title}", "", suite.description, "", *_origin(results)]
    lines += [*_failed_lines(results.failed), *_misfit_lines(results)]
    if frame.empty:
        return "\n".join([*lines, "", "No run has a result."]) + "\n"
    lines += ["", *_legend(frame), "", *_overall_lines(frame), "", "## Score by task", "", *_score_lines(frame)]
    if frame["agent"].nunique() > 1:
        lines += ["", *_improvement_lines(frame), *_ahead_lines(frame)]
    played = set(frame["task"])
    for task in suite.tasks:
        lines += ["", *_task_lines(frame, task.name)] if task.name in played else []
    return "\n".join(lines) + "\n"


def _origin(results: Results) -> list[str]:
    found = ", ".join(f"{name} {number}" for name, number in results.versions.items())
    work = float(results.frame["seconds"].sum())
    taken = f"The runs took {work:.0f} s of work in all, {results.wall_seconds:.0f} s of wall time."
    commands = ", then ".join(f"`{command}`" for command in results.commands)
    return [f"Made with {commands} ({found}). {taken}"]


def _failed_lines(failed: Sequence[Mapping[str, Any]]) -> list[str]:
    if not failed:
        return []
    rows = [[row["agent"], row["task"] or "all", str(row["seed"]), row["error"]] for row in failed]
    return ["", "Without a result, after a second try:", "", *grid(["agent", "task", "seed", "why"], rows)]


def _misfit_lines(results: Results) -> list[str]:
    """Return a line for each agent and reason, with the tasks that it leaves out, or the few that it plays."""
    left_out: dict[tuple[str, str], list[str]] = {}
    for row in results.misfits:
        left_out.setdefault((row["agent"], row["why"]), []).append(row["task"])
    said = []
    for (agent, why), names in left_out.items():
        others = {row["task"] for row in results.misfits if row["agent"] == agent}
        played = [task.name for task in results.suite.tasks if task.name not in others]
        few = 0 < len(played) < len(names)
        said.append(
            f"- {agent} {why}: " + (f"played only on {_listed(played)}" if few else f"not played on {_listed(names)}")
        )
    return ["", *said] if said else []


def _listed(names: Sequence[str]) -> str:
    """Return names with commas, the first and the last of many.

    Example:
        >>> _listed(["home-1", "home-2"]), _listed([f"home-{k}" for k in range(1, 10)])
        ('home-1, home-2', 'home-1, home-2, home-3, ..., home-9 (9 tasks)')
    """
    if len(names) <= 6:
        return ", ".join(names)
    return f"{', '.join(names[:3])}, ..., {names[-1]} ({len(names)} tasks)"


def _legend(frame: pd.DataFrame) -> list[str]:
    told = any(attained(frame, task) is not None for task in set(frame["task"]))
    return [
        "Score: 0 is doing nothing, 1 is the oracle's perfect foresight. "
        "Regret: what was lost against the oracle's proven bound, in the unit of the task.",
        "",
        "Over tasks x seeds: mean, interquartile mean (IQM) and optimality gap (by how much scores fall short of 1), "
        "with 95 % stratified bootstrap intervals over seeds (Agarwal et al. 2021); an agent without chance plays one "
        "seed and has none. Tasks: those with a score, of those in the suite. ms/decision: median time of one decision "
        "on one observation.",
        "",
        "Regret is split in two where mpc played the task: what the forecast costs is mpc's regret, since it plans "
        "best on the forecast at each step (with the task's own actions: discrete levels cost it a little too); the "
        "rest is what the controller costs, negative where an agent does better.",
        "",
        "The second table of a task has key figures as energy people read them, means over seeds, where they have a "
        "meaning: gained is money against doing nothing, per rated kW of storage and year and per kWh given out; life "
        "is the years in which the cycles make 6000; limits are shares of the steps.",
        *(["", LEGEND] if told else []),
    ]


def _overall_lines(frame: pd.DataFrame) -> list[str]:
    total = frame["task"].nunique()
    rows = []
    for agent, row in overall(frame).iterrows():
        figures = [interval(row[name], row[f"{name}_low"], row[f"{name}_high"], 4) for name in STATISTICS]
        counts = [f"{row['seeds']:.0f}", f"{row['tasks']:.0f}/{total}"]
        rows.append([str(agent), *figures, *counts, fixed(row["ms/decision"], 3)])
    return grid(["agent", "mean score", "IQM", "optimality gap", "seeds", "tasks", "ms/decision"], rows)


def _score_lines(frame: pd.DataFrame) -> list[str]:
    """Return the scores of all agents on all tasks, whichever there are fewer of side by side."""
    table = scores(frame)
    corner = "agent"
    if len(table.columns) > len(table):
        table, corner = table.T, "task"
    rows = [[str(name), *[fixed(value, 4) for value in row]] for name, row in table.iterrows()]
    return grid([corner, *table.columns], rows)


def _improvement_lines(frame: pd.DataFrame) -> list[str]:
    found, agents = improvement(frame), list(overall(frame).index)
    rows = []
    for one in agents:
        cells = [found[one, other] if other != one else None for other in agents]
        rows.append([one, *["" if cell is None else interval(cell.value, cell.low, cell.high, 2) for cell in cells]])
    head = "How likely a run of the row's agent beats a run of the column's on a task drawn at random; ties count half."
    return ["## Probability of improvement", "", head, "", *grid(["agent", *agents], rows)]


def _ahead_lines(frame: pd.DataFrame) -> list[str]:
    """Return who beats mpc on which task, with the seeds that it took; nothing where mpc did not play."""
    played = frame.loc[frame["agent"] == PLANNER, "task"].unique()
    if not len(played):
        return []
    seeds = frame.groupby(["task", "agent"])["seed"].nunique()
    rows = []
    for task in played:
        score = float(frame.loc[(frame["task"] == task) & (frame["agent"] == PLANNER), "score"].mean())
        told = [
            f"{agent} {interval(found.value, found.low, found.high, 4)}, {_seeds(seeds[task, agent])}"
            for agent, found in ahead(frame, task).items()
        ]
        rows.append([task, fixed(score, 4), "; ".join(told) or "nobody"])
    head = (
        f"Who beats {PLANNER}, that plans on a point forecast: the mean score over seeds and its 95 % bootstrap "
        f"interval, wholly above {PLANNER}'s. One seed has no interval."
    )
    return ["", f"## Ahead of {PLANNER}", "", head, "", *grid(["task", PLANNER, "ahead"], rows)]


def _seeds(count: int) -> str:
    return "1 seed" if count == 1 else f"{count} seeds"


def _task_lines(frame: pd.DataFrame, task: str) -> list[str]:
    head, unit = oracle_line(frame, task), frame.loc[frame["task"] == task, "unit"].iloc[0]
    table = by_task(frame, task)
    split, found = bool(table["forecast"].notna().all()), attained(frame, task)
    told = [] if found is None else found.itertuples()
    within = {str(agent): interval(share, low, high, 4) for agent, share, low, high in told}
    parts, shares = ["forecast", "controller"] if split else [], [COLUMN] if within else []
    columns = ["agent", "actions", "score", *shares, "seeds", f"regret [{unit}]", *parts]
    columns += [f"return [{unit}]", "energy cost", "carbon [kg]", "ms/decision", "steps/s"]
    rows = [_task_cells(str(agent), row, split, within) for agent, row in table.iterrows()]
    return [f"## {task}", "", head, "", *grid(columns, rows), "", *_key_figure_lines(frame, task)]


# What a table shows of the key figures, by column, and with how many decimals.
SHOWN = {
    "self_consumption": ("self-consumption", 3),
    "self_sufficiency": ("self-sufficiency", 3),
    "peak_kw": ("peak [kW]", 2),
    "load_factor": ("load factor", 3),
    "ramping_kwh": ("ramping [kWh]", 1),
    "full_cycles": ("full cycles", 2),
    "life_years": ("life [years]", 1),
    "gained_per_kw_year": ("gained [/kW/year]", 2),
    "gained_per_kwh": ("gained [/kWh]", 4),
    "at_storage_limit": ("at storage limit", 3),
    "at_grid_limit": ("at grid limit", 3),
}


def _key_figure_lines(frame: pd.DataFrame, task: str) -> list[str]:
    """Return the key figures that have a meaning in a task."""
    table = key_figures(frame, task)
    shown = {name: told for name, told in SHOWN.items() if table[name].notna().any()}
    rows = [
        [str(agent), *[fixed(row[name], digits) for name, (_, digits) in shown.items()]]
        for agent, row in table.iterrows()
    ]
    return grid(["agent", *[told for told, _ in shown.values()]], rows)


def oracle_line(frame: pd.DataFrame, task: str) -> str:
    """Return what the oracle and doing nothing come to on a task, and whether the optimum is proven."""
    first = frame[frame["task"] == task].iloc[0]
    unit, value, bound = first["unit"], first["oracle_value"], first["oracle_bound"]
    proof = "proven optimal" if bound - value <= 1e-6 * max(1.0, abs(value)) else f"bound {bound:.4f}"
    told = f"Oracle {value:.4f} {unit} ({proof}), idle {first['idle']:.4f} {unit}, {first['steps']} steps."
    return told + attainable_line(frame, task)


def _task_cells(agent: str, row: Mapping[str, Any], split: bool, within: Mapping[str, str]) -> list[str]:
    score = f"{fixed(row['score'], 4)} ± {fixed(row['spread'], 4)}"
    regret = [fixed(row[name], 4) for name in ("regret", *(("forecast", "controller") if split else ()))]
    parts = [fixed(row[name], 3) for name in ("return", "energy_cost", "carbon_kg", "ms/decision")]
    shares = [within.get(agent, "-")] if within else []
    speed, seeds = f"{row['steps_per_second']:,.0f}", f"{row['seeds']:.0f}"
    return [agent, row["actions"], score, *shares, seeds, *regret, *parts, speed]


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table of Markdown as lines; a bar within a cell is escaped.

    Example:
        >>> grid(["agent", "score"], [["mpc", "0.98"]])
        ['| agent | score |', '| --- | ---: |', '| mpc | 0.98 |']
    """
    rule = ["---"] + ["---:"] * (len(columns) - 1)
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in (columns, rule, *rows)]


def interval(value: float, low: float, high: float, digits: int) -> str:
    """Return a figure and its interval; the figure alone where the interval has no width.

    Example:
        >>> interval(0.5, 0.4, 0.625, 2), interval(1.0, 1.0, 1.0, 2)
        ('0.50 [0.40, 0.62]', '1.00')
    """
    if math.isnan(value) or high - low < 1e-12:
        return fixed(value, digits)
    return f"{fixed(value, digits)} [{fixed(low, digits)}, {fixed(high, digits)}]"


def fixed(value: float, digits: int) -> str:
    """Return a figure with so many decimals; a dash where there is none, and no minus sign before zero.

    Example:
        >>> fixed(-0.00001, 3), fixed(1234.5678, 2), fixed(float("nan"), 2)
        ('0.000', '1234.57', '-')
    """
    if math.isnan(value):
        return "-"
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0.0 else text
