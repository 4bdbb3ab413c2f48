"""Yearly bills of the sites with PV and load, without a battery and with each agent: ``benchmarks/MICROGRIDS.md``.

Run ``python benchmarks/microgrids.py`` (``--help`` lists its options). It plays the suite ``microgrids`` into a folder,
goes on there if it was interrupted, and writes the page from what the folder holds.

One rule: a bill is the negative of a return; nothing on the page is worked out from anything but the runs.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from energy_gym.leaderboard import run_suite
from energy_gym.leaderboard.results import Results, read_results
from energy_gym.leaderboard.suites import Suite
from energy_gym.leaderboard.tables import fixed

HERE = Path(__file__).resolve().parent
MIRROR = HERE.parents[1] / "shared" / "data"
HOME = "home-"
SUITE = "microgrids"
INTRO = """\
A year of each site, from its first step to its last, against the optimum with perfect foresight, proven for the whole
year at once. The bill is energy, demand charges and wear, and the store is brought back to its start: at the mean
price of import (community, commercial), or at its highest for what is missing and nothing for what is left (homes).
Saving: against the same year without the battery. Score: the share of the saving that perfect foresight would make.
Regret: what foresight would have saved more. Rules take their figures from the training split, which is a part of the
year; their scores on months they have not seen are those of the suite `core`."""


def table(frame: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return a row per agent of a task: bill, saving and regret [currency], saving [%], score; the best first."""
    rows = frame[frame["task"] == task].groupby("agent")[["return", "idle", "regret", "score"]].mean()
    saving = rows["return"] - rows["idle"]
    found = pd.DataFrame(
        {
            "bill": -rows["return"],
            "saving": saving,
            "percent": 100.0 * saving / rows["idle"].abs(),
            "regret": rows["regret"],
            "score": rows["score"],
        }
    )
    return found.sort_values("bill")


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table of Markdown."""
    yield "| " + " | ".join(columns) + " |"
    yield "| --- |" + " ---: |" * (len(columns) - 1)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def site(results: Results, name: str, oracle: Mapping[str, float]) -> Iterator[str]:
    """Yield the section of one site."""
    rows = results.frame[results.frame["task"] == name]
    unit, idle, steps = rows["unit"].iloc[0], -rows["idle"].iloc[0], rows["steps"].iloc[0]
    best = -oracle["value"]
    proof = f"{steps} steps, solved in {oracle['seconds']:.1f} s, {oracle['status']}"
    yield from ("", f"## {name}", "")
    yield f"Without battery {money(idle)} {unit}; with perfect foresight {money(best)} {unit} ({proof})."
    yield ""
    columns = ["agent", f"bill [{unit}]", f"saving [{unit}]", "saving [%]", f"regret [{unit}]", "score"]
    cells = []
    for agent, row in table(results.frame, name).drop(index="idle").iterrows():
        figures = [money(row["bill"]), money(row["saving"]), fixed(row["percent"], 1), money(row["regret"])]
        cells.append([str(agent), *figures, fixed(row["score"], 4)])
    yield from grid(columns, cells)


def homes(results: Results, optima: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Yield the section of the homes: their sum, then the score of each agent on each."""
    frame = results.frame[results.frame["task"].str.startswith(HOME)]
    names = [task.name for task in results.suite.tasks if task.name in set(frame["task"])]
    if not names:
        return
    counted = frame.groupby("agent")["task"].nunique()
    agents = [agent for agent in counted.index[counted == len(names)] if agent != "idle"]
    each = {name: table(frame, name) for name in names}
    unit, idle = frame["unit"].iloc[0], sum(float(rows.loc["idle", "bill"]) for rows in each.values())
    best = -sum(optima[name]["value"] for name in names)
    yield from ("", f"## The {len(names)} homes, each with a battery of its own", "")
    yield f"All together: without battery {money(idle)} {unit}; with perfect foresight {money(best)} {unit}."
    yield ""
    sums = {agent: sum(float(rows.loc[agent, "bill"]) for rows in each.values()) for agent in agents}
    agents.sort(key=sums.__getitem__)
    columns = ["agent", f"bill [{unit}]", f"saving [{unit}]", "saving [%]", f"regret [{unit}]", "mean score", "range"]
    rows = []
    for agent in agents:
        scores = [float(rows.loc[agent, "score"]) for rows in each.values()]
        saved = idle - sums[agent]
        figures = [money(sums[agent]), money(saved), fixed(100.0 * saved / idle, 1), money(sums[agent] - best)]
        rows.append([agent, *figures, fixed(sum(scores) / len(scores), 4), f"{min(scores):.3f} to {max(scores):.3f}"])
    yield from grid(columns, rows)
    yield from ("", f"Each home: bill without battery and with foresight [{unit}], and scores.", "")
    cells = [
        [name.removesuffix("-year"), money(float(rows.loc["idle", "bill"])), money(-optima[name]["value"])]
        + [fixed(float(rows.loc[agent, "score"]), 4) for agent in agents]
        for name, rows in each.items()
    ]
    yield from grid(["home", "without", "foresight", *agents], cells)


def absent(results: Results) -> Iterator[str]:
    """Yield a line of what the suite asks for and the folder does not hold."""
    known = {(row["task"], row["agent"]) for row in (*results.records, *results.misfits)}
    agents = dict.fromkeys(row["agent"] for row in (*results.records, *results.misfits))
    missing = [f"{agent} on {task.name}" for task in results.suite.tasks for agent in agents]
    missing = [text for text in missing if tuple(reversed(text.split(" on "))) not in known]
    if missing:
        yield from ("", f"Not played yet: {', '.join(missing)}.")


def money(value: float) -> str:
    """Return money with two decimals, or with none where it is in the tens of thousands.

    Example:
        >>> money(1234.5), money(12345678.9)
        ('1,234.50', '12,345,679')
    """
    return f"{value:,.2f}" if abs(value) < 1e5 else f"{value:,.0f}"


def page(results: Results) -> str:
    """Return the page of what a folder holds."""
    found = ", ".join(f"{name} {number}" for name, number in results.versions.items())
    optima = {task["name"]: task["oracle"] for task in results.tasks if task["oracle"] is not None}
    played = set(results.frame["task"])
    lines = ["# Yearly bills", "", f"Made with `python benchmarks/microgrids.py` ({found}).", "", INTRO]
    for task in results.suite.tasks:
        if task.name in played and not task.name.startswith(HOME):
            lines += site(results, task.name, optima[task.name])
    lines += homes(results, optima)
    lines += absent(results)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Play what is missing and write the page."""
    parser = argparse.ArgumentParser(description="Yearly bills of the sites with PV and load.")
    parser.add_argument("--out", type=Path, default=Path("results") / SUITE, help="folder of the runs")
    parser.add_argument("--page", type=Path, default=HERE / "MICROGRIDS.md", help="where the page is written")
    parser.add_argument("--agents", nargs="+", help="by default those of the suite")
    parser.add_argument("--suite", default=SUITE, help="name or YAML file of another suite of this kind")
    parser.add_argument("--workers", type=int, help="jobs at a time; by default one per core")
    asked = parser.parse_args()
    if "ENERGY_GYM_DATA" not in os.environ and MIRROR.is_dir():
        os.environ["ENERGY_GYM_DATA"] = str(MIRROR)
    suite = Suite.read(asked.suite)
    run_suite(suite, asked.out, agents=asked.agents, workers=asked.workers, progress=told)
    asked.page.write_text(page(read_results(asked.out)), encoding="utf-8")


def told(stage: str, done: int, total: int) -> None:
    """Print how far the work is."""
    print(f"{stage}: {done} of {total}", flush=True)


if __name__ == "__main__":
    main()
