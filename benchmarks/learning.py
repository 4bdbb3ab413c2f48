"""How fast agents learn: score against time, trained by Stable-Baselines3 and in JAX.

    python benchmarks/learning.py train --engine jax --seeds 5 --alone
    python benchmarks/learning.py train --engine sb3 --seeds 5
    python benchmarks/learning.py train --engine sb3 --seeds 1 --alone
    python benchmarks/learning.py train --engine jax --seeds 5 --lookahead compact
    python benchmarks/learning.py train --agent dqn --engine jax --seeds 3 --alone
    python benchmarks/learning.py train --agent dqn --engine sb3 --seeds 3
    python benchmarks/learning.py together --seeds 5 --alone
    python benchmarks/learning.py page

`train` adds a run of each market and seed to ``benchmarks/learning.json``, each made by a process of its own, but for
those that are there already; `together` times several seeds in one call beside one; `page` writes
``benchmarks/TRAINING.md`` and ``docs/figures/training.png``. ``--alone`` says that nothing else keeps the machine busy:
only seconds of such runs are shown, and a run that was made beside others is made again for them.

One rule: curves are scores on the validation split, and the score in the table is that of the whole test split, played
once by the actor that was kept.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import gymnasium as gym
from learning_page import draw, page

import energy_gym
from energy_gym.agents.registry import agent_class
from energy_gym.agents.sb3_learner import ENGINES
from energy_gym.evaluation.curves import learning_curve

ID = "energy_gym/Arbitrage-v1"
MARKETS = ("ercot-2021-2022", "de-lu")
HERE = Path(__file__).resolve().parent
ROWS, PAGE = HERE / "learning.json", HERE / "TRAINING.md"
FIGURE = HERE.parent / "docs" / "figures" / "training.png"
KEY = ("task", "agent", "engine", "lookahead", "market", "seed")


def rows() -> list[dict[str, Any]]:
    """Return the runs that were made."""
    found: list[dict[str, Any]] = json.loads(ROWS.read_text(encoding="utf-8")) if ROWS.is_file() else []
    return found


def trained(run: dict[str, Any]) -> dict[str, Any]:
    """Train once and play the test split; returns the run with what it took and scored."""
    warnings.simplefilter("ignore")
    env, points = _env(run), list[list[float]]()
    made: Any = agent_class(run["agent"])
    elapsed = _clock()
    agent = made(env, run["seed"], engine=run["engine"])
    agent.fit(callback=lambda steps, told: points.append([steps, *elapsed(), told["score"]]))
    wall, processor = elapsed()
    score = energy_gym.evaluate(agent, env, seed=0).score
    return {**run, "wall": wall, "processor": processor, "score": score, "points": points}


def together(run: dict[str, Any]) -> dict[str, Any]:
    """Train several seeds in one call; returns the run with what it took."""
    warnings.simplefilter("ignore")
    env, elapsed = _env(run), _clock()
    learning_curve(run["agent"], env, seeds=run["seed"], engine=run["engine"])
    wall, processor = elapsed()
    return {**run, "wall": wall, "processor": processor}


def _env(run: dict[str, Any]) -> Any:
    whole = {"actions": "discrete-3", "episode_steps": None, "split": "test", "lookahead": run["lookahead"]}
    return gym.make(ID, dataset=run["market"], **whole)


def _clock() -> Callable[[], tuple[float, float]]:
    """Return what tells seconds of wall and of processor since now."""
    wall, processor = time.perf_counter(), time.process_time()
    return lambda: (round(time.perf_counter() - wall, 3), round(time.process_time() - processor, 3))


def asked_runs(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the runs that are asked for and not there, or there beside others where they are to be made alone."""
    there = {tuple(row[name] for name in KEY): row for row in rows()}
    seeds = range(asked.seeds) if asked.task == "train" else (1, asked.seeds)
    same = {"task": asked.task, "agent": asked.agent, "engine": asked.engine, "lookahead": asked.lookahead}
    wanted = [{**same, "market": market, "seed": seed} for seed in seeds for market in asked.markets]
    return [
        {**run, "alone": asked.alone}
        for run in wanted
        if (old := there.get(tuple(run.values()))) is None or (asked.alone and not old["alone"])
    ]


def note(run: dict[str, Any]) -> None:
    """Write a run in place of the same made before, and print it."""
    run["busy"] = round(os.getloadavg()[0], 1)
    others = [row for row in rows() if any(row[name] != run[name] for name in KEY)]
    text = json.dumps(sorted([*others, run], key=lambda row: [str(row[name]) for name in KEY]))
    ROWS.write_text(text[:-1].replace('{"task"', '\n{"task"') + "\n]\n", encoding="utf-8")
    print(*(f"{name}={value}" for name, value in run.items() if name != "points"), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast agents learn, by Stable-Baselines3 and in JAX.")
    parser.add_argument("task", choices=["train", "together", "page"])
    parser.add_argument("--agent", choices=["ppo", "dqn"], default="ppo")
    parser.add_argument("--engine", choices=ENGINES, default="jax")
    parser.add_argument("--lookahead", choices=["full", "compact"], default="full")
    parser.add_argument("--markets", nargs="+", default=list(MARKETS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--alone", action="store_true", help="nothing else keeps the machine busy")
    asked = parser.parse_args()
    if asked.task == "page":
        PAGE.write_text(page(rows()), encoding="utf-8")
        draw(rows(), FIGURE)
        return
    # A process for each run, so that each pays for its imports and compilation.
    fresh = {"max_workers": 1, "max_tasks_per_child": 1, "mp_context": multiprocessing.get_context("spawn")}
    with ProcessPoolExecutor(**fresh) as pool:
        for run in pool.map(trained if asked.task == "train" else together, asked_runs(asked)):
            note(run)


if __name__ == "__main__":
    main()
