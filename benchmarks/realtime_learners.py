"""Agents that learn on New York's real-time prices: the market, the test year and the shares of `realtime.py`.

They learn from 2013 to mid 2018 and are chosen on the weeks of the half year after that; 2019 is played once, in one
go. What they see beside the price now are the last twelve, and the day-ahead prices of the next twelve hours.

One rule: what stands in for the optimum in learning is `sdp`, which cannot see what comes; foresight teaches nobody.

    python benchmarks/realtime_learners.py measure --zone NYC --agent bc --seed 0     # a row of realtime-learners.json
    python benchmarks/realtime.py page                                                # REALTIME.md, with these rows
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import realtime
from kept_rows import read_rows, table, write_rows
from realtime import PUBLISHED, YEAR, ZONES

from energy_gym.agents.cloning import BC
from energy_gym.agents.sb3 import DQN

ROWS = Path(__file__).parent / "realtime-learners.json"
FIRST, CHOSEN_FROM, WEEK = 2013, "2018-07-01", 2016
TEACHER = {"policy": "sdp", "noise": 0.3, "episodes": 16, "episode_steps": WEEK, "seed": 0}
CLONED, TUNED = 4000, 60_000
TITLES = {"bc": "`bc`, taught by `sdp`", "bc-dqn": "`bc`, then `dqn`", "dqn": "`dqn`"}


def market(zone: str, loss: float, **changes: Any) -> Any:
    """Return the test year of a zone as `realtime.market` does, at three levels of power and with more to be seen."""
    seen = {
        "splits": {
            "train": (f"{FIRST}-01-01", CHOSEN_FROM),
            "validation": (CHOSEN_FROM, f"{YEAR}-01-01"),
            "test": (f"{YEAR}-01-01", f"{YEAR + 1}-01-01"),
        },
        "episode_steps": WEEK,
        "horizon": 144,
        "lookahead": "compact",
        "actions": "discrete-3",
    }
    return realtime.market(zone, loss, "year", FIRST).unwrapped.variant(**{**seen, **changes})


def learnt(agent: str, env: Any, seed: int) -> Any:
    """Return an agent that has learnt."""
    if agent == "dqn":
        return DQN(env, seed, gamma=0.995).fit(budget=200_000)
    clone = BC(env, seed, expert=TEACHER).fit(budget=CLONED)
    if agent == "bc":
        return clone
    tuned = DQN(env, seed, gamma=0.995, reward_limit=5.0)
    tuned.adopt(clone)
    return tuned.follow(clone.studied).fit(budget=TUNED)


def measure(zone: str, loss: float, agent: str, seed: int) -> dict[str, Any]:
    """Return what an agent earns in the test year [USD], and its score on the validation weeks."""
    began = time.process_time()
    weekly = market(zone, loss)
    found = learnt(agent, weekly, seed)
    taken = time.process_time() - began
    found.env = weekly.variant(episode_steps=None)
    return {
        "zone": zone,
        "loss": loss,
        "protocol": "year",
        "agent": agent,
        "seed": seed,
        "weeks": 0 if agent == "dqn" else TEACHER["episodes"],
        "validation": round(max(figures["score"] for _, figures in found.curve), 4),
        "earned": round(played(found), 2),
        "learning_s": round(taken, 1),
    }


def played(agent: Any) -> float:
    """Return what an agent earns in the episode of its environment [USD]."""
    observation, info = agent.env.reset(seed=0)
    agent.reset()
    earned, over = 0.0, False
    while not over:
        observation, reward, _, over, info = agent.env.step(agent.act(observation, info))
        earned += reward
    return earned


def keep(row: dict[str, Any]) -> None:
    """Add a row to those kept, in place of one of the same zone, losses, agent and seed."""
    key = ("zone", "loss", "agent", "seed")
    rows = [old for old in read_rows(ROWS) if any(old[name] != row[name] for name in key)] + [row]
    rows.sort(key=lambda one: (-one["loss"], one["agent"], ZONES.index(one["zone"]), one["seed"]))
    write_rows(ROWS, rows)
    print(json.dumps(row), flush=True)


def section() -> str:
    """Return the part of the page that tells of them."""
    lines = [["learner", "", *ZONES]]
    rows = read_rows(ROWS)
    for loss in (0.1, 0.0):
        published = PUBLISHED[str(loss)]
        if "Q-learning" in published:
            lines.append(["Q-learning, published", "no losses", *(f"{published['Q-learning'][z]:.3f}" for z in ZONES)])
        for agent, title in TITLES.items():
            own = [row for row in rows if (row["loss"], row["agent"]) == (loss, agent)]
            found = [[row for row in own if row["zone"] == zone] for zone in ZONES]
            if any(found):
                cells = [_cell(part, published["foresight"][zone]) for zone, part in zip(ZONES, found, strict=True)]
                lines.append([title, f"losses {loss:g}" if loss else "no losses", *cells])
    return f"\n## Agents that learn\n\n{TOLD}\n\n{table(lines)}\n"


TOLD = """Shares of the published foresight over the year, as above; the mean over seeds, in brackets the least and the
most. They learn from 2013 to mid 2018, the network is chosen on the weeks of the half year after that, and 2019 is
played once. A clone is shown 16 weeks of the teacher's play, drawn at random (NYC 30), a third of whose steps are
left to chance:

    python benchmarks/realtime_learners.py measure --zone NYC --loss 0 --agent bc --seed 0"""


def _cell(rows: list[dict[str, Any]], foresight: float) -> str:
    shares = [row["earned"] / foresight for row in rows]
    if not shares:
        return "-"
    mean = f"{sum(shares) / len(shares):.3f}"
    return mean if len(shares) == 1 else f"{mean} [{min(shares):.3f}, {max(shares):.3f}]"


def main() -> None:
    """Measure a row."""
    parser = argparse.ArgumentParser(description="Agents that learn on New York's real-time prices.")
    parser.add_argument("command", choices=("measure",))
    parser.add_argument("--zone", choices=ZONES, default="NYC")
    parser.add_argument("--loss", type=float, choices=(0.0, 0.1), default=0.0)
    parser.add_argument("--agent", choices=tuple(TITLES), default="bc")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    keep(measure(asked.zone, asked.loss, asked.agent, asked.seed))


if __name__ == "__main__":
    main()
