"""How much a network that learnt on one market is worth on another, after 0, 3 and 30 days of local data.

Each agent is trained on the training years of a source market and goes on in a target market on the last days of its
training split; beside it stands one that starts anew on the same days with the same steps. Both are played on the
target's test split and scored against its optimum. What is kept of a training is its last network: no validation split
is read, for a battery with three days of data has none.

One rule: nothing of the target but those days is learnt from; its card scales what is observed, for all alike.

    python benchmarks/transfer.py --markets ercot caiso nyiso de-lu --seeds 3    # transfer.json, then TRANSFER.md
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import pandas as pd
from transfer_figure import draw

import energy_gym
from energy_gym.agents.actor import Actor
from energy_gym.agents.keeper import Keeper
from energy_gym.agents.sb3 import DQN
from energy_gym.files import write_atomically
from energy_gym.leaderboard.tables import fixed, grid

HERE = Path(__file__).parent
SCRATCH = "scratch"
HOMES: dict[str, Actor] = {}
FIELDS = ("source", "target", "days", "seed", "before", "steps", "episode_steps", "levels")


class Last(Keeper):
    """Keeps the last network, and scores none."""

    def see(self, steps: int, actor: Actor, **figures: float) -> None:
        """Keep it."""
        self.best = actor
        self.curve.append((steps, figures))


class Local(DQN):
    """A deep Q-network that is taken as it is when its training ends."""

    def keeper(self, validation: Any, callback: Any = None) -> Keeper:
        """See `Learner.keeper`; the networks are not scored on what nobody has yet."""
        return Last(validation, callback)


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
    """Yield what is to be played: every source and none, on every target, after each number of days."""
    common = {name: getattr(asked, name) for name in ("before", "steps", "episode_steps", "levels")}
    for target in asked.markets:
        for source in (SCRATCH, *asked.markets):
            for days in asked.days:
                for seed in range(asked.seeds):
                    yield {"source": source, "target": target, "days": days, "seed": seed, **common}


def page(rows: Sequence[dict[str, Any]], asked: argparse.Namespace) -> str:
    """Return the matrix as Markdown: a table for each number of days, sources down, targets across."""
    frame = pd.DataFrame(rows)
    lines = ["# Transfer between markets", "", str(__doc__).partition("\n\n")[2].partition("\n\n")[0], ""]
    seeds = frame["seed"].nunique()
    lines += [f"Mean score over {seeds} seeds; {SCRATCH}: nothing but those days, 0 where there are none."]
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


def main(words: Sequence[str] | None = None) -> None:
    """Play what is not kept yet, and write the page."""
    parser = argparse.ArgumentParser(description="A matrix of markets x markets.")
    parser.add_argument("--markets", nargs="+", default=["ercot", "caiso", "nyiso", "de-lu"])
    parser.add_argument("--days", nargs="+", type=int, default=[0, 3, 30])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--before", type=int, default=100_000, help="steps on the source")
    parser.add_argument("--steps", type=int, default=20_000, help="steps on the local days")
    parser.add_argument("--levels", default="discrete-3")
    parser.add_argument("--episode-steps", type=int, default=None, help="of the test split; default: all of it")
    parser.add_argument("--settings", type=json.loads, default={}, help="of the agent, as JSON")
    parser.add_argument("--kept", type=Path, default=HERE / "transfer.json")
    parser.add_argument("--page", type=Path, default=HERE / "TRANSFER.md")
    parser.add_argument("--figure", type=Path, default=HERE.parent / "docs" / "figures" / "transfer.png")
    asked = parser.parse_args(words)
    rows = json.loads(asked.kept.read_text(encoding="utf-8")) if asked.kept.is_file() else []
    done = {tuple(row[name] for name in FIELDS) for row in rows}
    for case in cases(asked):
        if tuple(case[name] for name in FIELDS) in done:
            continue
        rows.append(played(case, asked.settings))
        text = json.dumps(rows, indent=1) + "\n"
        write_atomically(asked.kept, lambda path, text=text: path.write_text(text, encoding="utf-8"))
        print({name: rows[-1][name] for name in ("source", "target", "days", "seed", "score", "seconds")}, flush=True)
    draw(rows, asked.figure)
    asked.page.write_text(page(rows, asked), encoding="utf-8")


if __name__ == "__main__":
    main()
