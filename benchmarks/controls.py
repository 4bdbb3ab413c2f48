"""What each rule and planner makes of a site under either control: ``python benchmarks/controls.py`` writes the page.

The sites are those of a suite that are played twice, their battery told a power of its own or one at the meter. Runs
are kept in a folder; a call that was interrupted goes on there.

One rule: every figure is a score of the leaderboard's own runs, over the test split, of agents fitted beforehand.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from energy_gym.leaderboard.board import run_suite
from energy_gym.leaderboard.suites import Suite

PAGE = Path(__file__).resolve().with_name("CONTROLS.md")
METER = "-meter"
AGENTS = ("idle", "uniform", "threshold", "self-consumption", "tariff-clock", "peak-shaving", "milp", "mpc", "sdp")
BOUND = "at most, without foresight"
HOMES = "home-"


def twice(suite: Suite) -> list[str]:
    """Return the names of the tasks of a suite that are there under both controls."""
    names = {task.name for task in suite.tasks}
    return [name for name in names if name + METER in names]


def played(suite: Suite, folder: Path, agents: Sequence[str], seeds: int, workers: int | None) -> pd.DataFrame:
    """Return mean scores by site and agent, with a column for each control; those of `BOUND` where it can be told."""
    sites = [task.name for task in suite.tasks if task.name in twice(suite)]
    tasks = [name + end for name in sites for end in ("", METER)]
    runs = run_suite(suite.only(tasks), folder, agents=list(agents), seeds=seeds, workers=workers)
    runs = runs[runs["agent"].isin(agents) & runs["task"].isin(tasks)]
    control = runs["task"].str.endswith(METER).map({False: "power", True: "meter"})
    site = runs["task"].str.removesuffix(METER)
    runs = runs.assign(site=site, control=control)
    bound = (runs["attainable_bound"] - runs["idle"]) / (runs["oracle_value"] - runs["idle"])
    runs = pd.concat([runs, runs.assign(agent=BOUND, score=bound)[bound.notna()]])
    return runs.pivot_table("score", ["site", "agent"], "control").reindex(columns=["power", "meter"])


def page(table: pd.DataFrame, agents: Sequence[str], command: str) -> str:
    """Return the page: all sites in one table, and what homes come to by agent."""
    told = [*agents, *([BOUND] if BOUND in table.index.get_level_values("agent") else [])]
    lines = [
        "# Two controls of a battery",
        "",
        f'Written by `{command}`. A battery with `control="power"` is told a share of its rated power before load and',
        'generation of the interval are known; with `control="meter"` it is told a power at the meter and follows it',
        "within the interval. Scores over the test split, power / meter: 0 is doing nothing, 1 perfect foresight,",
        "which is the same for both. What draws at random is a mean over seeds; what can be fitted has been.",
        *_reading(table, agents),
        "",
        "| site | " + " | ".join(told) + " |",
        "| --- |" + " ---: |" * len(told),
        *_rows(table, told),
    ]
    return "\n".join([*lines, ""])


def _reading(table: pd.DataFrame, agents: Sequence[str]) -> Iterator[str]:
    """Yield what the table is to be read for: the bound, and where the planner is worse than doing nothing."""
    if BOUND in table.index.get_level_values("agent"):
        yield f"`{BOUND}` is the dual bound of docs/uncertainty.md, the upper end of what an agent that cannot see the"
        yield "future could attain, on average under the law that `sdp` fitted; it is proven for no site and at most 1."
    if "mpc" in agents:
        scores = table.xs("mpc", level="agent").stack()
        below, least = int((scores < 0.0).sum()), float(scores.min())
        yield f"`mpc` lies below doing nothing in {below} of {len(scores)} cases; its least score is {least:.3f}."


def _rows(table: pd.DataFrame, agents: Sequence[str]) -> Iterator[str]:
    sites = list(dict.fromkeys(table.index.get_level_values("site")))
    for site in sites:
        yield _row(site, table.loc[site], agents)
    homes = table.loc[[site for site in sites if site.startswith(HOMES)]]
    if len(homes):
        by_agent = homes.groupby(level="agent")
        yield _row("homes, mean", by_agent.mean(), agents)
        yield _row("homes, worst", by_agent.min(), agents)


def _row(name: str, scores: pd.DataFrame, agents: Sequence[str]) -> str:
    cells = [_cell(scores.loc[agent]) if agent in scores.index else "" for agent in agents]
    return f"| {name} | " + " | ".join(cells) + " |"


def _cell(scores: pd.Series) -> str:
    return " / ".join("n/a" if pd.isna(score) else f"{score + 0.0:.3f}" for score in scores)


def main(words: Sequence[str] | None = None) -> None:
    """Play what is not kept yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="core", help="name of a suite, or the path of its file")
    parser.add_argument("--agents", nargs="+", default=list(AGENTS))
    parser.add_argument("--seeds", type=int, default=3, help="of agents that draw at random")
    parser.add_argument("--workers", type=int, default=None, help="runs at a time; by default one a core")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "energy_gym_controls")
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args(words)
    table = played(Suite.read(asked.suite), asked.folder, asked.agents, asked.seeds, asked.workers)
    chosen = "" if tuple(asked.agents) == AGENTS else f" --agents {' '.join(asked.agents)}"
    asked.page.write_text(page(table, asked.agents, f"python benchmarks/controls.py{chosen}"), encoding="utf-8")


if __name__ == "__main__":
    main()
