"""Which expert teaches best: on each kind of task, clones of one that knows what comes and of some that do not.

Every expert plays the same number of weeks of the training split, drawn by one seed, with 30 % of its steps played at
random; every clone learns from them for as many batches, and its best network on the validation weeks plays the test
episode of suite ``learn``.

One rule: who teaches is chosen by the validation weeks; the test score is told beside it.

    python benchmarks/teachers.py                               # every task, three seeds, then TEACHERS.md
    python benchmarks/teachers.py --tasks real-time --experts sdp oracle
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from kept_rows import read_rows, write_rows

import energy_gym
from energy_gym.agents import make_agent
from energy_gym.agents.cloning import BC
from energy_gym.agents.task_kinds import task_kind
from energy_gym.errors import ConfigurationError
from energy_gym.leaderboard.suites import Suite, Task
from energy_gym.leaderboard.tables import fixed, grid

HERE = Path(__file__).parent
ROWS = HERE / "teachers.json"
ORACLE = "oracle"
FORESIGHT_HOURS = 24
# Of a kind of task: who may teach, and how many weeks each plays.
EXPERTS: dict[str, tuple[tuple[str, ...], int]] = {
    "day-ahead": ((ORACLE, "mpc"), 16),
    "real-time": ((ORACLE, "mpc", "sdp"), 4),
    "site": ((ORACLE, "mpc", "sdp", "mpc-stochastic"), 16),
    "demand-charge": ((ORACLE, "mpc", "sdp"), 8),
    "bidding": ((ORACLE, "mpc", "bid-forecast"), 16),
    "fleet": ((ORACLE, "mpc", "follow"), 16),
}
BATCHES, NOISE = 2000, 0.3
KEY = ("task", "expert", "seed")


def task_named(name: str) -> Task:
    """Return a task of suite ``learn``."""
    return Suite.read("learn").only([name]).tasks[0]


def recipe(task: Task, expert: str) -> dict[str, Any]:
    """Return how an expert plays for the clones of a task: weeks of the training split, the same for all."""
    env: Any = task.make().unwrapped
    hour = round(1.0 / env.setup.feed.step_hours)
    weeks = EXPERTS[task_kind(env)][1]
    found = {"policy": expert, "noise": NOISE, "episodes": weeks, "episode_steps": 168 * hour, "seed": 0}
    return {**found, "window": FORESIGHT_HOURS * hour} if expert == ORACLE else found


def earned(task: Task, expert: str) -> float:
    """Return the test score of an expert that cannot see what comes."""
    env = task.make()
    agent = make_agent(expert, env)
    return energy_gym.evaluate(agent.fit() if hasattr(agent, "fit") else agent, env, seed=0).score


def taught(task: Task, expert: str, seed: int) -> dict[str, Any]:
    """Return how a clone of an expert does on the validation weeks and in the test episode."""
    began = time.process_time()
    env = task.make()
    clone = BC(env, seed, expert=recipe(task, expert)).fit(budget=BATCHES)
    best = max(figures["score"] for _, figures in clone.curve)
    score = energy_gym.evaluate(clone, env, seed=0).score
    told = {"task": task.name, "kind": task_kind(env.unwrapped), "expert": expert, "seed": seed}
    return {**told, "validation": best, "score": score, "seconds": round(time.process_time() - began, 1)}


def cases(asked: argparse.Namespace) -> Iterator[tuple[Task, str, int]]:
    """Yield task, expert and seed of everything that was asked for."""
    for name in asked.tasks or [task.name for task in Suite.read("learn").tasks]:
        task: Any = task_named(name)
        for expert in EXPERTS[task_kind(task.make().unwrapped)][0]:
            if not asked.experts or expert in asked.experts:
                yield from ((task, expert, seed) for seed in range(asked.seeds))


def measure(task: Task, expert: str, seed: int) -> dict[str, Any]:
    """Return a row, or why an expert cannot teach there."""
    try:
        row = taught(task, expert, seed)
        if not seed and expert != ORACLE:
            row["own"] = earned(task, expert)
    except ConfigurationError as error:
        return {"task": task.name, "expert": expert, "seed": seed, "why": f"{error.value} {error.rule}"}
    return row


def page(rows: Sequence[dict[str, Any]]) -> str:
    """Return the table as Markdown, the best teacher of each task on validation first."""
    lines = ["# Who teaches best", "", str(__doc__).partition("\n\n")[2].partition("\n\nOne rule")[0], ""]
    lines += ["**expert**: its own test score, by one run. **clone**: means over seeds, in brackets the least and the"]
    lines += [
        "most. `oracle` plans over what will really happen, a day ahead. Made with `python benchmarks/teachers.py`."
    ]
    named = {task.name for task in Suite.read("learn").tasks}
    if any(row["task"] not in named for row in rows):
        lines += [
            "",
            "Tasks of other names are earlier forms of those of the suite: their names say what differed.",
        ]
    frame = pd.DataFrame([row for row in rows if "why" not in row])
    table = []
    for task, part in frame.groupby("task", sort=False):
        order = part.groupby("expert")["validation"].mean().sort_values(ascending=False)
        for place, expert in enumerate(order.index):
            table.append(_line(str(task) if place == 0 else "", part[part["expert"] == expert]))
    names = ["task", "taught by", "expert, test", "clone, validation", "clone, test", "seeds", "CPU s"]
    lines += ["", *grid(names, table)]
    lines += ["", *(f"{row['task']}, {row['expert']}: {row['why']}." for row in rows if "why" in row)]
    return "\n".join([*lines, ""])


def _line(task: str, part: pd.DataFrame) -> list[str]:
    own = part["own"].dropna() if "own" in part else pd.Series(dtype=float)
    told = [
        f"{part[name].mean():.3f} [{part[name].min():.3f}, {part[name].max():.3f}]" for name in ("validation", "score")
    ]
    expert = fixed(float(own.iloc[0]), 3) if len(own) else "-"
    return [task, f"`{part['expert'].iloc[0]}`", expert, *told, str(len(part)), f"{part['seconds'].sum():.0f}"]


def main(words: Sequence[str] | None = None) -> None:
    """Measure what is not kept yet, and write the page."""
    parser = argparse.ArgumentParser(description="Which expert teaches best.")
    parser.add_argument("--tasks", nargs="+", default=[])
    parser.add_argument("--experts", nargs="+", default=[])
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args(words)
    warnings.simplefilter("ignore")
    rows = read_rows(ROWS)
    for task, expert, seed in cases(asked):
        if any((row["task"], row["expert"], row["seed"]) == (task.name, expert, seed) for row in rows):
            continue
        rows.append(measure(task, expert, seed))
        write_rows(ROWS, rows)
        print(json.dumps(rows[-1]), flush=True)
    (HERE / "TEACHERS.md").write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
