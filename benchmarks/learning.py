"""How fast PPO learns: score against time, trained by Stable-Baselines3 and in JAX, for the same number of steps.

    python benchmarks/learning.py train --engine jax --seeds 2
    python benchmarks/learning.py train --engine sb3 --seeds 1
    python benchmarks/learning.py page

`train` adds a run of each market and seed to ``benchmarks/learning.json``, but for those that are there already; `page`
writes ``benchmarks/TRAINING.md`` and ``docs/figures/training.png`` from it.

One rule: curves are scores on the validation split, and the score in the table is that of the whole test split, played
once by the actor that was kept.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
from learning_page import draw, page

import energy_gym
from energy_gym.agents.sb3 import ENGINES, PPO

ID, BUDGET = "energy_gym/Arbitrage-v1", 1_000_000
MARKETS = ("ercot-2021-2022", "de-lu")
HERE = Path(__file__).resolve().parent
ROWS, PAGE = HERE / "learning.json", HERE / "TRAINING.md"
FIGURE = HERE.parent / "docs" / "figures" / "training.png"


def rows() -> list[dict[str, Any]]:
    """Return the runs that were made."""
    found: list[dict[str, Any]] = json.loads(ROWS.read_text(encoding="utf-8")) if ROWS.is_file() else []
    return found


def trained(engine: str, market: str, seed: int) -> dict[str, Any]:
    """Train once and play the test split; returns the run."""
    keywords = {"dataset": market, "split": "test", "actions": "discrete-3", "episode_steps": None}
    env, points = gym.make(ID, **keywords), list[list[float]]()
    elapsed = _clock()
    agent = PPO(env, seed, engine=engine)
    agent.fit(budget=BUDGET, callback=lambda steps, told: points.append([steps, *elapsed(), told["score"]]))
    wall, processor = elapsed()
    score = energy_gym.evaluate(agent, env, seed=0).score
    run = {"engine": engine, "market": market, "seed": seed, "wall": wall, "processor": processor, "score": score}
    return {**run, "busy": round(os.getloadavg()[0], 1), "points": points}


def _clock() -> Callable[[], tuple[float, float]]:
    """Return what tells seconds of wall and of processor since now."""
    wall, processor = time.perf_counter(), time.process_time()
    return lambda: (time.perf_counter() - wall, time.process_time() - processor)


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast PPO learns, by Stable-Baselines3 and in JAX.")
    parser.add_argument("task", choices=["train", "page"])
    parser.add_argument("--engine", choices=ENGINES, default="jax")
    parser.add_argument("--markets", nargs="+", default=list(MARKETS))
    parser.add_argument("--seeds", type=int, default=1)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    if asked.task == "page":
        PAGE.write_text(page(rows()), encoding="utf-8")
        draw(rows(), FIGURE)
        return
    for seed in range(asked.seeds):
        for market in asked.markets:
            if any((row["engine"], row["market"], row["seed"]) == (asked.engine, market, seed) for row in rows()):
                continue
            run = trained(asked.engine, market, seed)
            ROWS.write_text(json.dumps([*rows(), run], indent=1) + "\n", encoding="utf-8")
            print(*(f"{name}={value}" for name, value in run.items() if name != "points"), flush=True)


if __name__ == "__main__":
    main()
