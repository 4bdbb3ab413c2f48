"""The search behind ``energy_gym/agents/defaults``: settings drawn at random, scored on the validation splits.

``python benchmarks/search.py dqn --trials 12`` trains the defaults and then as many draws as asked on each market, at a
share of the usual budget, and writes a table to ``benchmarks/search/dqn.md``. The best row is what belongs into the
YAML; nothing is written there by a program. ``--engine jax`` trains all draws that differ in numbers alone, and all
seeds, in one program.

One rule: the test split is never read here.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import joblib
import numpy as np

from energy_gym.agents.default_settings import DEFAULTS, defaults
from energy_gym.agents.registry import agent_class
from energy_gym.evaluation.curves import learning_curve

ID = "energy_gym/Arbitrage-v1"
FOLDER = Path(__file__).resolve().parent / "search"
CALL = [Path(sys.argv[0]).name, *sys.argv[1:]]
NETWORKS = [[64, 64], [128, 128], [256, 256]]
CHOICES: dict[str, dict[str, list[Any]]] = {
    "dqn": {
        "hidden": NETWORKS,
        "learning_rate": [2e-4, 5e-4, 1e-3],
        "gradient_steps": [4, 8, 16],
        "gamma": [0.98, 0.99, 0.995],
        "tau": [0.005, 0.01, 0.02],
        "reward_limit": [3.0, 5.0, 10.0],
        "exploration_final": [0.02, 0.05, 0.1],
    },
    "ppo": {
        "hidden": NETWORKS,
        "learning_rate": [2e-4, 5e-4, 1e-3],
        "rollout_steps": [64, 128, 256],
        "epochs": [5, 10],
        "gamma": [0.98, 0.99, 0.995],
        "entropy_weight": [0.0, 0.005, 0.02],
        "activation": ["relu", "tanh"],
    },
    "sac": {
        "hidden": NETWORKS,
        "learning_rate": [2e-4, 5e-4, 1e-3],
        "gradient_steps": [4, 8, 16],
        "gamma": [0.98, 0.99, 0.995],
        "tau": [0.005, 0.01, 0.02],
        "reward_limit": [3.0, 5.0, 10.0],
    },
    "ppo-jax": {
        "hidden": [[32, 32], [64, 64], [128, 128]],
        "learning_rate": [5e-4, 1e-3, 2e-3],
        "epochs": [2, 3, 4],
        "batch_size": [512, 1024, 2048],
        "gamma": [0.98, 0.99, 0.995],
        "gae_lambda": [0.9, 0.95, 0.98],
        "entropy_weight": [0.0, 0.005, 0.01],
    },
    "dqn-jax": {
        "hidden": [[64, 64], [128, 128]],
        "learning_rate": [5e-4, 1e-3, 2e-3],
        "num_envs": [256, 512],
        "gradient_steps": [2, 4, 8],
        "gamma": [0.98, 0.99, 0.995],
        "tau": [0.01, 0.02, 0.05],
    },
    "cql": {
        "hidden": NETWORKS,
        "learning_rate": [1e-4, 3e-4, 1e-3],
        "gamma": [0.98, 0.99, 0.995],
        "alpha": [0.2, 1.0, 4.0],
        "target_update_interval": [200, 500, 1000],
        "reward_limit": [3.0, 5.0, 10.0],
    },
    "cql-continuous": {
        "hidden": NETWORKS,
        "learning_rate": [3e-4, 1e-3],
        "gamma": [0.95, 0.98, 0.99],
        "conservative_weight": [1.0, 5.0, 20.0],
        "reward_limit": [3.0, 10.0],
    },
    "bc": {
        "hidden": NETWORKS,
        "learning_rate": [3e-4, 1e-3, 3e-3],
        "batch_size": [128, 256, 512],
        "entropy_weight": [0.0, 0.001, 0.01],
    },
}


def drawn(agent: str, trials: int, seed: int) -> list[dict[str, Any]]:
    """Return the settings to try: none (the defaults), then draws of about half of the choices each."""
    random = np.random.default_rng(seed)
    found: list[dict[str, Any]] = [{}]
    for _ in range(trials):
        picked = {name: values[random.integers(len(values))] for name, values in CHOICES[agent].items()}
        found.append({name: value for name, value in picked.items() if random.random() < 0.5})
    return found


def tried(search: str, market: str, settings: dict[str, Any], budget: int) -> tuple[float, float]:
    """Return the best validation score of one training, and its seconds."""
    warnings.simplefilter("ignore")
    agent, _, kind = search.partition("-")
    made = agent_class(agent)
    env = gym.make(ID, dataset=market, split="validation", actions=kind or made.preferred_actions, episode_steps=None)
    began = time.perf_counter()
    learner: Any = made(env, 0, **settings).fit(budget=budget)
    return max(figures["score"] for _, figures in learner.curve), time.perf_counter() - began


def tried_together(agent: str, market: str, settings: list[dict[str, Any]], budget: int, seeds: int) -> list[float]:
    """Return the best validation score of each settings, a mean over seeds, all of them trained at once."""
    warnings.simplefilter("ignore")
    actions = agent_class(agent).preferred_actions
    env = gym.make(ID, dataset=market, split="validation", actions=actions, episode_steps=None)
    found = learning_curve(agent, env, seeds=seeds, settings=settings, budget=budget)
    best = found.table().groupby(["settings", "seed"])["score"].max().groupby("settings").mean()
    return [float(best[place]) for place in range(len(settings))]


def compared(agent: str, markets: list[str], settings: list[dict[str, Any]], budget: int, seeds: int) -> list[Any]:
    """Return the rows of settings that are trained together; all of them share the processor seconds."""
    began = time.process_time()
    scores = [tried_together(agent, market, settings, budget, seeds) for market in markets]
    taken = (time.process_time() - began) / len(settings)
    return [(one, list(each), taken) for one, each in zip(settings, zip(*scores, strict=True), strict=True)]


def table(search: str, markets: list[str], told: str, rows: list[tuple[dict[str, Any], list[float], float]]) -> str:
    """Return the trials as Markdown, best first."""
    name = search if (DEFAULTS / f"{search}.yaml").is_file() else search.partition("-")[0]
    lines = [
        f"# Search: {search}",
        "",
        f"Best score on the validation weeks after {told}; `python benchmarks/{' '.join(CALL)}`.",
        f"Settings not named are those of `energy_gym/agents/defaults/{name}.yaml` at the time.",
        "",
        "| mean | " + " | ".join(markets) + " | seconds | settings |",
        "| ---: |" + " ---: |" * (len(markets) + 1) + " --- |",
    ]
    for settings, scores, taken in sorted(rows, key=lambda row: -float(np.mean(row[1]))):
        told = ", ".join(f"{name}={value}" for name, value in settings.items()) or "defaults"
        cells = " | ".join(f"{score:.4f}" for score in scores)
        lines.append(f"| {np.mean(scores):.4f} | {cells} | {taken:.0f} | {told} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Search for an agent's default settings.")
    parser.add_argument("agent", choices=[name for name in CHOICES if not name.endswith("-jax")])
    parser.add_argument("--trials", type=int, default=12, help="draws, beside the defaults")
    parser.add_argument("--share", type=float, default=0.25, help="share of the usual budget")
    parser.add_argument("--markets", nargs="+", default=None, help="default: ercot de-lu, or ercot-2021-2022")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    parser.add_argument("--engine", choices=["jax"], help="train in one program on the device, not one by one")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each draw, with an engine")
    parser.add_argument("--also", action="append", default=[], help="settings to try besides, as JSON")
    asked = parser.parse_args()
    markets = asked.markets or (["ercot", "de-lu"] if "ENERGY_GYM_DATA" in os.environ else ["ercot-2021-2022"])
    budget = int(defaults(asked.agent.partition("-")[0])["budget"] * asked.share)
    search = f"{asked.agent}-{asked.engine}" if asked.engine else asked.agent
    settings = [*drawn(search, asked.trials, asked.seed), *map(json.loads, asked.also)]
    if asked.engine:
        told = f"{budget} steps, mean of {asked.seeds} seeds"
        rows = compared(asked.agent, markets, settings, budget, asked.seeds)
    else:
        told, rows = f"{budget} steps, seed 0", one_by_one(asked.agent, markets, settings, budget, asked.workers)
    FOLDER.mkdir(exist_ok=True)
    text = table(search, markets, told, rows)
    (FOLDER / f"{search}.md").write_text(text, encoding="utf-8")
    print(text)


def one_by_one(search: str, markets: list[str], settings: list[dict[str, Any]], budget: int, workers: int) -> list[Any]:
    """Return the rows of settings that are each trained by themselves, with wall seconds."""
    jobs = [joblib.delayed(tried)(search, market, one, budget) for one in settings for market in markets]
    results = joblib.Parallel(n_jobs=workers, verbose=5)(jobs)
    rows = []
    for place, one in enumerate(settings):
        part = results[place * len(markets) : (place + 1) * len(markets)]
        rows.append((one, [score for score, _ in part], sum(taken for _, taken in part)))
    return rows


if __name__ == "__main__":
    main()
