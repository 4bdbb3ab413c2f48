"""``evaluate``: one episode of an agent, scored against the oracle.

One rule: the oracle sees the same episode, from the same state, over the physical range of power.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from energy_gym.agents.base import Agent
from energy_gym.errors import ConfigurationError
from energy_gym.oracle import solve
from energy_gym.oracle.solution import replay
from energy_gym.scoring import regret, score

PARTS = ("energy_cost", "carbon_kg", "wear", "penalty", "demand_charge", "cost")


class Bracket(Protocol):
    """A known optimum: a `Solution`, or its value and bound kept elsewhere."""

    @property
    def value(self) -> float:
        """Return of the best plan found."""

    @property
    def bound(self) -> float:
        """Proven upper bound."""


@dataclass(frozen=True)
class Evaluation:
    """What an agent earned in one episode, and what could have been earned.

    Args:
        return_: Sum of the rewards [reward units].
        oracle_value: Return of the oracle's plan.
        oracle_bound: Proven upper bound on any return; equal to the value where the oracle is exact.
        idle: Return of doing nothing.
        regret: ``oracle_bound - return_``, never negative.
        score: 0 for doing nothing, 1 for perfect foresight.
        parts: Sums over the episode of the reward's parts (currency; ``carbon_kg`` in kg; ``cost``: energy refused
            [kWh]).
        steps: Steps played.
        steps_per_second: Steps of agent and environment together, per second of wall time.
        seconds_per_decision: Mean time of ``act`` [s].
    """

    return_: float
    oracle_value: float
    oracle_bound: float
    idle: float
    regret: float
    score: float
    parts: Mapping[str, float]
    steps: int
    steps_per_second: float
    seconds_per_decision: float


def evaluate(
    agent: Any,
    env: Any,
    *,
    seed: int | None = None,
    options: dict[str, Any] | None = None,
    oracle: Bracket | None = None,
) -> Evaluation:
    """Play one episode and score it.

    Args:
        agent: Anything with ``act(observation, info)`` and ``reset()``.
        env: An environment of this package, in any Gymnasium wrappers.
        seed: Seed of the episode.
        options: Options of ``reset``, to pick the window.
        oracle: Value and bound of this very episode where they are known, to save solving it again.

    Example:
        >>> import gymnasium as gym
        >>> from energy_gym.agents import make_agent
        >>> env = gym.make("energy_gym/Arbitrage-v0", episode_steps=48)
        >>> result = evaluate(make_agent("mpc", env), env, seed=1)
        >>> 0.0 < result.score <= 1.0 and result.regret >= 0.0
        True
    """
    base = env.unwrapped
    if isinstance(agent, Agent) and agent.env is not base:
        raise ConfigurationError(f"agent {agent.name!r}", "was made for another environment", "make it for this one")
    observation, info = env.reset(seed=seed, options=options)
    first, stop = base.steps_left
    best = solve(env, continuous=True) if oracle is None else oracle
    idle = replay(base.setup, first, stop, base.energy_kwh, np.zeros(stop - first)).value
    agent.reset()
    earned, parts, deciding, total = _play(agent, env, observation, info)
    return Evaluation(
        return_=earned,
        oracle_value=best.value,
        oracle_bound=best.bound,
        idle=idle,
        regret=regret(earned, best.bound),
        score=score(earned, idle, best.value),
        parts=parts,
        steps=stop - first,
        steps_per_second=(stop - first) / total,
        seconds_per_decision=deciding / (stop - first),
    )


def _play(agent: Any, env: Any, observation: Any, info: dict[str, Any]) -> tuple[float, dict[str, float], float, float]:
    """Play to the end; return the sum of rewards and of parts, and the seconds in ``act`` and in all."""
    earned, deciding, over = 0.0, 0.0, False
    parts = dict.fromkeys(PARTS, 0.0)
    began = time.perf_counter()
    while not over:
        asked = time.perf_counter()
        action = agent.act(observation, info)
        deciding += time.perf_counter() - asked
        observation, reward, terminated, truncated, info = env.step(action)
        over = terminated or truncated
        earned += reward
        for name in PARTS:
            parts[name] += info[name]
    return earned, parts, deciding, time.perf_counter() - began
