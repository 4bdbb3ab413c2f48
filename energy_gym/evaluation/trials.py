"""Trials: a candidate plays weeks of a split, each decision timed alone, against the optimum of each week.

One rule: every candidate meets the same weeks; one that is too slow in its first plays no other.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import WEEK_HOURS
from energy_gym.evaluation.episode import Evaluation, evaluate
from energy_gym.oracle import solve
from energy_gym.oracle.solution import idle_return

Floats = npt.NDArray[np.float64]
Progress = Callable[[str, int, int], None]
# The share of decisions that must be within the limit.
WITHIN = 0.95
SPENDING = ("energy_cost", "wear", "penalty", "demand_charge")


@dataclass(frozen=True)
class Trial:
    """What a candidate did in the weeks it played.

    Args:
        name: Its name, or the folder it was read from.
        actions: The actions it played.
        returns: Return of each week it played, shape (weeks,) [reward units]; fewer weeks than asked for where it was
            too slow.
        score: 0 for doing nothing, 1 for the proven optimum of those weeks together; NaN where nothing can be earned.
        spent: Money spent in a week: energy, wear, penalties and demand charges [currency].
        carbon_kg: Carbon caused in a week [kg].
        median_ms: Median time of a decision.
        slow_ms: Time within which 95 % of its decisions were taken.
        in_time: Whether that is within the limit.
    """

    name: str
    actions: str
    returns: Floats
    score: float
    spent: float
    carbon_kg: float
    median_ms: float
    slow_ms: float
    in_time: bool


@dataclass
class _Timed:
    """An agent and the times of its decisions [ms]."""

    agent: Any
    times: list[float] = field(default_factory=list)

    def reset(self) -> None:
        self.agent.reset()

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        asked = time.perf_counter()
        action = self.agent.act(observation, info)
        self.times.append((time.perf_counter() - asked) * 1e3)
        return action


@dataclass(frozen=True)
class _Optimum:
    value: float
    bound: float


class Weeks:
    """The weeks that are played, with the optimum of each and what doing nothing earns in it."""

    def __init__(self, env: EnergyEnv, weeks: int) -> None:
        setup = env.setup
        steps = min(round(WEEK_HOURS / setup.feed.step_hours), setup.steps)
        self.env, self.count = env, min(weeks, setup.steps // steps)
        firsts = np.linspace(0, setup.steps - steps, self.count).round().astype(int).tolist()
        self._options = [{"start": setup.time(first), "steps": steps} for first in firsts]
        self._optima: list[_Optimum] = []
        self._idle = np.array([self._idle_of(options) for options in self._options])

    def _idle_of(self, options: dict[str, Any]) -> float:
        """Return what doing nothing earns in a week."""
        self.env.reset(options=options)
        return idle_return(self.env.setup, *self.env.steps_left, self.env.states)

    def _optimum(self, week: int) -> _Optimum:
        if week == len(self._optima):
            self.env.reset(options=self._options[week])
            best = solve(self.env, continuous=True)
            self._optima.append(_Optimum(best.value, best.bound))
        return self._optima[week]

    def play(self, name: str, agent: Any, actions: str, limit: float, progress: Progress) -> Trial:
        """Play the weeks, or the first alone where that shows the candidate too slow."""
        timed, results = _Timed(agent), list[Evaluation]()
        env = getattr(agent, "env", None)
        env = env if isinstance(env, EnergyEnv) else self.env.variant(actions=actions)
        for week, options in enumerate(self._options):
            progress(name, week, self.count)
            results.append(evaluate(timed, env, seed=0, options=options, oracle=self._optimum(week)))
            slow_ms = float(np.quantile(timed.times, WITHIN))
            if slow_ms > limit:
                break
        progress(name, self.count, self.count)
        return self._trial(name, actions, results, (float(np.median(timed.times)), slow_ms, slow_ms <= limit))

    def _trial(self, name: str, actions: str, results: list[Evaluation], speed: tuple[float, float, bool]) -> Trial:
        returns = np.array([result.return_ for result in results])
        idle = self._idle[: len(results)].sum()
        possible = sum(best.value for best in self._optima[: len(results)]) - idle
        score = (returns.sum() - idle) / possible if possible > 0.0 else math.nan
        spent = np.mean([sum(result.parts[part] for part in SPENDING) for result in results])
        carbon = np.mean([result.parts["carbon_kg"] for result in results])
        return Trial(name, actions, returns, float(score), float(spent), float(carbon), *speed)
