"""Markets whose law is known: what is optimal under the law, its dual bound, and what each agent loses against it.

One rule: what an agent is short of the optimum is told without luck: the sum of what its actions lose under the law.

    python benchmarks/known_markets.py all                                      # every row, then KNOWN.md
    python benchmarks/known_markets.py bounds --market markov-nyc-rt            # optimum, its simulation, dual bound
    python benchmarks/known_markets.py measure --market markov-nyc-rt --agent sdp
    python benchmarks/known_markets.py page                                     # KNOWN.md of the rows that are there
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from kept_rows import read_rows, write_rows

import energy_gym
from energy_gym import Battery
from energy_gym.agents import make_agent
from energy_gym.agents.base import Agent
from energy_gym.agents.cloning import BC
from energy_gym.agents.sb3 import DQN, PPO
from energy_gym.arrays import Floats
from energy_gym.evaluation.blocks import spread

HERE = Path(__file__).parent
ROWS = HERE / "known_markets.json"
MARKETS = ("markov-nyc-rt", "markov-longil-rt", "markov-north-rt", "markov-west-rt")
STORE = Battery(1000.0, 500.0, 500.0, 0.9, 0.9, soc_min=0.0, soc_max=1.0, wear_per_kwh=0.01)
DAY, WEEK, EPISODES = 288, 2016, 10_000
TRAIN, VALIDATION, TEST, SEED = 364, 28, 56, 11
# Planners see so many steps; a learner the price of the step alone, since the law remembers no more.
HORIZONS = {"mpc": 144, "milp": 288, "mpc-stochastic": 144, "annealing": 72}
# Days of the test part that are played by agents that take long; all of it by the others.
DAYS = {"mpc-stochastic": 7, "annealing": 7}
# Of the learners; tried, not searched for, on the validation weeks of the first market. `bc` is taught by `sdp`.
LEARNERS: dict[str, tuple[Any, dict[str, Any], int]] = {
    "ppo": (
        PPO,
        {"engine": "jax", "gamma": 0.997, "num_envs": 256, "rollout_steps": 64, "entropy_weight": 0.01},
        3_000_000,
    ),
    "dqn": (
        DQN,
        {"engine": "jax", "learning_rate": 0.0005, "num_envs": 256, "gradient_steps": 16, "hidden": [128, 128]},
        2_000_000,
    ),
    "bc": (BC, {"expert": {"policy": "sdp", "noise": 0.3, "episodes": 1, "seed": 0}}, 4000),
}
DISCRETE = ("dqn", "ppo", "bc")
AGENTS = ("idle", "uniform", "threshold", "usual", "mpc", "mpc-stochastic", "annealing", "milp", "sdp", *LEARNERS)


def market(name: str, agent: str = "", steps: int | None = None, split: str = "test") -> Any:
    """Return a market of drawn days: a year to learn from, then four weeks to validate on, then eight to be judged by.

    Args:
        name: The law.
        agent: Who is to play, which says how far prices are shown and which actions there are.
        steps: Length of an episode; None for the whole part.
        split: The part.
    """
    first = date(2024, 1, 1)
    ends = [first + timedelta(days=days) for days in np.cumsum([0, TRAIN, VALIDATION, TEST]).tolist()]
    parts = zip(("train", "validation", "test"), pairwise(ends), strict=True)
    return gym.make(
        "energy_gym/Arbitrage-v1",
        data=energy_gym.price_law(name).draw(days=TRAIN + VALIDATION + TEST, seed=SEED),
        published="at-start",
        splits={part: (str(begin), str(end)) for part, (begin, end) in parts},
        split=split,
        battery=STORE,
        episode_steps=steps,
        actions="discrete-3" if agent in DISCRETE else "continuous",
        horizon=HORIZONS.get(agent, 1),
        history=0,
        forecast="mean" if agent in HORIZONS else "published",
    )


class Usual(Agent):
    """Charges while the price is below the mean of its hour in the training part, and discharges while it is above."""

    name: ClassVar[str] = "usual"

    def fit(self, source: Any = None, **_: Any) -> Usual:
        """Take the means of the training part."""
        train = self.env.variant(split="train", episode_steps=None).setup
        hours = _hours(train)
        self._means = [float(train.price[hours == hour].mean()) for hour in range(24)]
        return self

    def act(self, observation: Any, info: Any) -> Any:
        """Return full power one way or the other."""
        step, _ = self.env.steps_left
        usual = self._means[self.env.setup.time(step).tz_convert(self.env.setup.feed.zone).hour]
        return self.power(float(np.sign(usual - self.env.setup.price[step])))


def _hours(setup: Any) -> Any:
    feed = setup.feed
    return feed.span(feed.first, feed.stop).tz_convert(feed.zone).hour.to_numpy()


def made(name: str, env: Any, seed: int, budget: int | None = None, **settings: Any) -> Any:
    """Return an agent of an environment, fitted on the training days."""
    if name in LEARNERS:
        kind, usual, steps = LEARNERS[name]
        weekly = env.unwrapped.variant(episode_steps=WEEK)
        found = kind(weekly, seed, **{**usual, **settings}).fit(budget=budget or steps, seed=seed)
        found.env = env.unwrapped
        return found
    found = Usual(env, seed) if name == "usual" else make_agent(name, env, seed)
    return found.fit() if hasattr(found, "fit") else found


def played(agent: Any, days: int) -> tuple[Any, Floats, Floats]:
    """Return the optimum under the law of an agent's days, what was stored, shape (T + 1,), and the rewards, (T,)."""
    env = agent.env
    observation, info = env.reset(options={"start": env.setup.time(0), "steps": days * DAY})
    solution = energy_gym.solve(env, information="law", continuous=True)
    agent.reset()
    stored, gains, over = [env.energy_kwh], list[float](), False
    while not over:
        observation, gain, _, over, info = env.step(agent.act(observation, info))
        stored.append(env.energy_kwh)
        gains.append(float(gain))
    return solution, np.array(stored), np.array(gains)


def measure(name: str, agent: str, seed: int = 0) -> dict[str, Any]:
    """Return what an agent earns and loses in the test days [USD a day], with intervals."""
    began = time.process_time()
    acting, days = made(agent, market(name, agent).unwrapped, seed), DAYS.get(agent, TEST)
    taken = time.process_time() - began
    solution, stored, gains = played(acting, days)
    acted = time.process_time() - began - taken
    lost = solution.losses(stored, gains)
    told = {"market": name, "agent": agent, "seed": seed, "days": days, "optimum": solution.value / days}
    for key, values in (("earned", gains), ("lost", lost)):
        mean, low, high = spread(values.reshape(days, DAY).sum(axis=1))
        told |= {key: mean, f"{key}_low": low, f"{key}_high": high}
    return _rounded({**told, "learning_s": taken, "decision_ms": 1e3 * acted / len(gains)})


def bounds(name: str) -> dict[str, Any]:
    """Return the optimum of a day from midnight, half full, its simulation, and what bounds it from above [USD]."""
    env = market(name, steps=DAY)
    env.reset(options={"start": env.unwrapped.setup.time(0)})
    solution, found = energy_gym.solve(env, information="law", continuous=True), energy_gym.attainable(env)
    sure, earned = energy_gym.attainable(env, penalty=0.0), spread(solution.simulate(EPISODES))
    told = {"market": name, "agent": "", "seed": 0, "optimum": solution.value, "proven": solution.bound}
    told |= dict(zip(("simulated", "simulated_low", "simulated_high"), earned, strict=True))
    told |= {"bound": found.bound, "bound_low": found.low, "bound_high": found.high, "paths": found.paths}
    return _rounded(told | {"foresight": sure.bound, "foresight_low": sure.low, "foresight_high": sure.high})


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}


def keep(row: dict[str, Any]) -> None:
    """Add a row to those kept, in place of one of the same market, agent and seed."""
    rows = read_rows(ROWS)
    rows = [old for old in rows if any(old[name] != row[name] for name in ("market", "agent", "seed"))] + [row]
    rows.sort(key=lambda one: (MARKETS.index(one["market"]), one["agent"], one["seed"]))
    write_rows(ROWS, rows)
    print(json.dumps(row), flush=True)


def write() -> None:
    """Write the page."""
    from known_page import page

    (HERE / "KNOWN.md").write_text(page(json.loads(ROWS.read_text(encoding="utf-8"))), encoding="utf-8")


def everything() -> None:
    """Measure all rows, the learners with three seeds, and write the page."""
    for name in MARKETS:
        keep(bounds(name))
        for agent in AGENTS:
            for seed in range(3 if agent in LEARNERS else 1):
                keep(measure(name, agent, seed))
    write()


def main() -> None:
    """Measure a row, or all, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("command", choices=("all", "bounds", "measure", "page"))
    parser.add_argument("--market", choices=MARKETS, default=MARKETS[0])
    parser.add_argument("--agent", choices=AGENTS, default="sdp")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if asked.command == "all":
        everything()
    elif asked.command == "page":
        write()
    else:
        keep(bounds(asked.market) if asked.command == "bounds" else measure(asked.market, asked.agent, asked.seed))


if __name__ == "__main__":
    main()
