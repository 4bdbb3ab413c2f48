"""How much a network that learnt on one market is worth on another, after 0, 3 and 30 days of local data.

Each agent is trained on the training years of a source market and goes on in a target market on the last days of its
training split; beside it stands one that starts anew on the same days with the same steps. Both are played on the
target's test split and scored against its optimum. What is kept of a training is its last network: no validation split
is read, for a battery with three days of data has none.

One rule: nothing of the target but those days is learnt from; its card scales what is observed, for all alike.

    python benchmarks/transfer.py --markets ercot caiso nyiso de-lu --seeds 3    # transfer.json, then TRANSFER.md
    python benchmarks/transfer.py --kind real-time --seeds 3                     # transfer-realtime.json, ...
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import gymnasium as gym
import pandas as pd
import transfer_realtime
from transfer_figure import draw
from transfer_kept import SCRATCH, Untested

import energy_gym
from energy_gym.agents.actor import Actor
from energy_gym.agents.sb3 import DQN
from energy_gym.files import write_atomically
from energy_gym.leaderboard.tables import fixed, grid

HERE = Path(__file__).parent
HOMES: dict[str, Actor] = {}
FIELDS = ("source", "target", "days", "seed", "before", "steps", "episode_steps", "levels")


class Local(Untested, DQN):
    """A deep Q-network that is taken as it is when its training ends."""


def market(dataset: str, levels: str, **keywords: Any) -> Any:
    """Return arbitrage on a data set."""
    return gym.make("energy_gym/Arbitrage-v1", dataset=dataset, actions=levels, disable_env_checker=True, **keywords)


def local_days(env: Any, days: int) -> Any:
    """Return the last days of the training split of an environment, in episodes of at most a week."""
    whole = env.unwrapped.variant(split="train", episode_steps=None)
    last = whole.setup.time(whole.setup.steps - 1) + pd.Timedelta(hours=whole.setup.feed.step_hours)
    steps = round(min(days, 7) * 24 / whole.setup.feed.step_hours)
    return whole.variant(period=(str(last - pd.Timedelta(days=days)), str(last)), episode_steps=steps)


def at_home(case: dict[str, Any], settings: dict[str, Any]) -> Actor:
    """Return the network that learnt on the source of a case; it is trained once for all targets and days."""
    known = ("source", "levels", "seed", "before")
    key = json.dumps([*(case[name] for name in known), settings], sort_keys=True)
    if key not in HOMES:
        home = market(case["source"], case["levels"], split="test")
        learnt = Local(home, case["seed"], **settings).fit(budget=case["before"]).actor
        HOMES[key] = cast(Actor, learnt)
    return HOMES[key]


def trained(case: dict[str, Any], settings: dict[str, Any]) -> Local | None:
    """Return the agent of a case; None where nothing was learnt: from scratch on no days."""
    env = market(case["target"], case["levels"], split="test", episode_steps=case["episode_steps"])
    agent = Local(env, case["seed"], **settings)
    if case["source"] != SCRATCH:
        agent.adopt(at_home(case, settings))
    elif not case["days"]:
        return None
    return agent.fit(local_days(env, case["days"]), budget=case["steps"]) if case["days"] else agent


def played(case: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Return the case with the score of its agent on the target's test split."""
    began = time.perf_counter()
    agent = trained(case, settings)
    score = 0.0 if agent is None else energy_gym.evaluate(agent, agent.env, seed=0).score
    return {**case, "score": score, "seconds": round(time.perf_counter() - began, 1)}


def cases(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield what is to be played: every source and none, on every target, after each number of days that it has."""
    common = {name: getattr(asked, name) for name in ("before", "steps", "episode_steps", "levels")}
    for target in asked.targets or asked.markets:
        for source in (SCRATCH, *asked.markets):
            for days in (days for days in asked.days if days <= asked.way.days_before(target)):
                for seed in range(asked.seeds):
                    yield {"source": source, "target": target, "days": days, "seed": seed, **common}


class Way(NamedTuple):
    """A kind of market: how its cases are played, and what is asked for where nothing is said.

    Args:
        about: What was done, for the page.
        played: Plays a case, given settings of the agent.
        days_before: From a target to the days of prices that it has before its test.
        usual: What is asked for.
    """

    about: str
    played: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]
    days_before: Callable[[str], float]
    usual: dict[str, Any]


DAY_AHEAD = Way(
    str(__doc__).split("\n\n")[1],
    played,
    lambda _: math.inf,
    {"markets": ["ercot", "caiso", "nyiso", "de-lu"], "targets": None, "before": 100_000, "steps": 20_000, "end": ""},
)
REAL_TIME = Way(
    str(transfer_realtime.__doc__).split("\n\n")[1],
    transfer_realtime.played,
    transfer_realtime.days_before,
    {
        "markets": list(transfer_realtime.ZONES),
        "targets": list(transfer_realtime.TARGETS),
        "before": transfer_realtime.BATCHES,
        "steps": transfer_realtime.LOCAL_BATCHES,
        "end": "-realtime",
    },
)
WAYS = {"day-ahead": DAY_AHEAD, "real-time": REAL_TIME}


def page(rows: Sequence[dict[str, Any]], asked: argparse.Namespace) -> str:
    """Return the matrix as Markdown: a table for each number of days, sources down, targets across."""
    frame = pd.DataFrame(rows)
    lines = [f"# Transfer between markets: {asked.kind}", "", asked.way.about, ""]
    seeds = frame["seed"].nunique()
    lines += [f"Mean score over {seeds} seed{'s' if seeds > 1 else ''}; {SCRATCH}: those days alone, 0 without any."]
    lines += [f"{asked.before:,} steps on the source, {asked.steps:,} on the local days, {asked.levels}."]
    lines += ["", f"![Scores by source, target and local days](../docs/figures/{asked.figure.name})"]
    for days, part in frame.groupby("days"):
        means = part.groupby(["source", "target"])["score"].mean()
        targets = list(dict.fromkeys(part["target"]))
        table = [
            [source, *[fixed(float(means.get((source, target), float("nan"))), 3) for target in targets]]
            for source in dict.fromkeys(part["source"])
        ]
        lines += ["", f"## After {days} days", "", *grid(["from", *targets], table)]
    return "\n".join([*lines, ""])


def completed(asked: argparse.Namespace) -> argparse.Namespace:
    """Return what is asked for with what is usual for its kind in place of what was left out."""
    asked.way = WAYS[asked.kind]
    end = asked.way.usual["end"]
    usual = {
        **asked.way.usual,
        "kept": HERE / f"transfer{end}.json",
        "page": HERE / f"TRANSFER{end.upper()}.md",
        "figure": HERE.parent / "docs" / "figures" / f"transfer{end}.png",
    }
    if asked.markets is not None:
        usual["targets"] = None
    for name, value in usual.items():
        if getattr(asked, name, None) is None:
            setattr(asked, name, value)
    return asked


def parsed(words: Sequence[str] | None) -> argparse.Namespace:
    """Return what a command line asks for."""
    parser = argparse.ArgumentParser(description="A matrix of markets x markets.")
    parser.add_argument("--kind", choices=WAYS, default="day-ahead")
    parser.add_argument("--markets", nargs="+", help="sources, and targets too unless they are named")
    parser.add_argument("--targets", nargs="+")
    parser.add_argument("--days", nargs="+", type=int, default=[0, 3, 30])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--before", type=int, help="steps on the source: of the environment, or of gradient descent")
    parser.add_argument("--steps", type=int, help="the same on the local days")
    parser.add_argument("--levels", default="discrete-3")
    parser.add_argument("--episode-steps", type=int, default=None, help="of the test split; default: all of it")
    parser.add_argument("--settings", type=json.loads, default={}, help="of the agent, as JSON")
    parser.add_argument("--kept", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--figure", type=Path)
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    """Play what is not kept yet, and write the page."""
    asked = completed(parsed(words))
    rows = json.loads(asked.kept.read_text(encoding="utf-8")) if asked.kept.is_file() else []
    done = {tuple(row[name] for name in FIELDS) for row in rows}
    for case in cases(asked):
        if tuple(case[name] for name in FIELDS) in done:
            continue
        rows.append(asked.way.played(case, asked.settings))
        text = json.dumps(rows, indent=1) + "\n"
        write_atomically(asked.kept, lambda path, text=text: path.write_text(text, encoding="utf-8"))
        print({name: rows[-1][name] for name in ("source", "target", "days", "seed", "score", "seconds")}, flush=True)
    draw(rows, asked.figure)
    asked.page.write_text(page(rows, asked), encoding="utf-8")


if __name__ == "__main__":
    main()
