"""A user's own file, as strict type checkers see it against the built wheel: `.ci/run` holds it to that."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.agents import Agent, load_agent, make_agent
from energy_gym.contracts import Spot
from energy_gym.evaluation import evaluate
from energy_gym.leaderboard import run_suite
from energy_gym.suites import Suite, Task
from energy_gym.tracking import Tracked, Tracker


class Evening(Agent):
    """Sells in the evening."""

    name = "evening"

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        hour = self.env.time.tz_convert("America/Chicago").hour
        return self.power(-1.0 if 17 <= hour < 20 else 0.0)


class Listening:
    """A tracker."""

    def log(self, run: Tracked) -> str:
        """Say what was played."""
        return run.name

    def record(self, run: str) -> dict[str, Any]:
        """Keep nothing."""
        return {}

    def fetch(self, model: str, alias: str, folder: Path) -> Path:
        """Keep nothing."""
        return folder


def site(capacity_kwh: float) -> Scenario:
    """Return a battery on a market."""
    return Scenario(entities={"battery": Battery(capacity_kwh=capacity_kwh)}, contracts={"spot": Spot()})


def regret(agent: Agent, env: gym.Env[Any, Any]) -> float:
    """Return what an agent leaves on the table."""
    return evaluate(agent, env, seed=0).regret


def proven(env: gym.Env[Any, Any]) -> tuple[float, float]:
    """Return the value of the best plan, and its bound."""
    env.reset(seed=0)
    solution = energy_gym.solve(env)
    return solution.value, solution.bound


def kept(folder: Path, env: gym.Env[Any, Any]) -> Agent:
    """Save an agent and load it again."""
    make_agent("threshold", env).fit().save(folder)
    return load_agent(folder, env)


def board(folder: Path, tracker: Tracker) -> float:
    """Return the best score of a small leaderboard."""
    task = Task("day", "energy_gym/Arbitrage-v1", {"episode_steps": 24})
    frame = run_suite(Suite("tiny", "Tiny", "One day.", ("idle", "mpc"), (task,)), folder, tracker=tracker)
    return float(np.max(frame["score"].to_numpy()))
