"""``evaluate``: one episode of an agent, scored against the oracle.

One rule: the oracle sees the same episode, from the same state, over the physical range of power; what is shown by the
day adds up to what is shown for the whole.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from energy_gym.dynamics import reward
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.setup import Setup
from energy_gym.errors import ConfigurationError
from energy_gym.evaluation.asking import asked
from energy_gym.evaluation.attainable import attainable as found_attainable
from energy_gym.evaluation.bracket import Attainable
from energy_gym.evaluation.days import Days, days_of, stored_kw
from energy_gym.evaluation.kpis import Played, kpis
from energy_gym.evaluation.scoring import regret, score
from energy_gym.oracle import solve
from energy_gym.oracle.law import LawSolution
from energy_gym.oracle.solution import Plan, Solution, idle_plan, replay

# What the reward is made of, in the order of `energy_gym.dynamics.reward`.
REWARDED = ("energy_cost", "carbon_kg", "wear", "penalty", "demand_charge")
PARTS = (*REWARDED, "cost")


class Bracket(Protocol):
    """A known optimum: a `Solution`, or its value and bound kept elsewhere.

    One that also has ``daily``, its rewards by local day, lets `evaluate` say the regret of each day.
    """

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
        seconds_per_decision: Median time of ``act`` on one observation, on the CPU unless the agent goes elsewhere [s].
        attainable_bound: What an agent that cannot see the future could earn at most, on average; see
            `energy_gym.attainable`. This and what follows is NaN where it was not asked for.
        attainable_share: 0 for doing nothing, 1 for that bound. Where prices were drawn from a law it is told without
            luck: 1 less what the agent's actions lost under the law, as a share of what doing nothing lost.
        attainable_low: Lower end of its 95 % interval.
        attainable_high: Upper end.
        daily_regret: The oracle's reward minus the agent's by local day (ISO date) of the data's zone; it adds up to
            ``oracle_value - return_``, may be negative on a day, and is empty where the oracle's days are not known.
        daily_return: The agent's reward by local day.
        days: The episode by local day: ``reward`` and its parts, ``peak_kw``, and what was stored hour by hour; see
            `energy_gym.evaluation.days`.
        kpis: Key figures of the agent's episode, by name; see `energy_gym.evaluation.kpis.kpis`.
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
    daily_regret: Mapping[str, float]
    daily_return: Mapping[str, float]
    days: Days
    kpis: Mapping[str, float]
    attainable_bound: float = math.nan
    attainable_share: float = math.nan
    attainable_low: float = math.nan
    attainable_high: float = math.nan


def evaluate(
    agent: Any,
    env: Any,
    *,
    seed: int | None = None,
    options: dict[str, Any] | None = None,
    oracle: Bracket | None = None,
    attainable: bool | Attainable = False,
) -> Evaluation:
    """Play one episode and score it.

    Args:
        agent: An agent; anything with ``act(observation, info)``, and ``reset()`` if it carries something over; a model
            of Stable-Baselines3 or d3rlpy; or a function of the observation, or of observation and ``info``.
        env: An environment of this package, in any Gymnasium wrappers; what is earned is always that of the environment
            itself, whatever wrappers make of its rewards.
        seed: Seed of the episode.
        options: Options of ``reset``, to pick the window.
        oracle: Value and bound of this very episode where they are known, to save solving it again.
        attainable: Whether to tell the share of what could be attained too, or what `energy_gym.attainable` found of
            this very episode.

    Raises:
        ConfigurationError: ``attainable=True`` where that cannot be told; or the agent can not be asked, was made for
            another environment or for none of these wrappers, or a wrapper ended the episode early.

    Example:
        >>> import gymnasium as gym
        >>> from energy_gym.agents import make_agent
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=48)
        >>> result = evaluate(make_agent("mpc", env), env, seed=1)
        >>> 0.0 < result.score <= 1.0 and result.regret >= 0.0
        True
        >>> evaluate(lambda observation: [0.0], env, seed=1).score
        0.0
    """
    base = env.unwrapped
    if not isinstance(base, EnergyEnv):
        raise ConfigurationError(f"env={env!r}", "must be an environment of energy_gym", "pass gym.make(...)")
    agent = asked(agent, env)
    observation, info = env.reset(seed=seed, options=options)
    first, stop = base.steps_left
    best = solve(base, continuous=True) if oracle is None else oracle
    idle = idle_plan(base.setup, first, stop, base.states)
    within = found_attainable(base) if attainable is True else attainable or None
    lawful = None if within is None else within.solution(base)
    agent.reset()
    states, infos = [base.states], list[Mapping[str, Any]]()
    deciding, total = _play(agent, env, observation, info, states, infos)
    rewards, parts = _earned(base.setup, infos)
    if base.steps_left[0] < stop:
        raise ConfigurationError(
            f"an episode that ended after {len(rewards)} of {stop - first} steps",
            "a wrapper cut it, and the optimum is that of all of it",
            f"make the environment with episode_steps={len(rewards)}",
        )
    earned, days = float(sum(rewards)), _days(base.setup, first, rewards, states, infos)
    gained = dict(zip(days["day"], days["reward"], strict=True))
    share = None if lawful is None else _share_without_luck(lawful, base.setup, states, rewards)
    return Evaluation(
        return_=earned,
        oracle_value=best.value,
        oracle_bound=best.bound,
        idle=idle.value,
        regret=regret(earned, best.bound),
        score=score(earned, idle.value, best.value),
        parts=parts,
        steps=stop - first,
        steps_per_second=(stop - first) / total,
        seconds_per_decision=float(np.median(deciding)),
        daily_regret=_daily_regret(best, gained),
        daily_return=gained,
        days=days,
        kpis=kpis(Played.of_infos(base.setup, first, states, infos)),
        **({} if within is None else _of_attainable(within, earned, idle, gained, share)),
    )


def _share_without_luck(lawful: LawSolution, setup: Setup, states: Sequence[Any], rewards: Sequence[float]) -> float:
    """Return 0 for what doing nothing loses under a law on the path that came, 1 for losing nothing."""
    rest = replay(setup.by_power, lawful.first, lawful.first + len(rewards), states[0], np.zeros((len(rewards), 1)))
    lost = float(lawful.losses(np.array([state[0] for state in states]), np.array(rewards)).sum())
    idle = float(lawful.lost_by(rest).sum())
    return 1.0 - lost / idle if idle > 0.0 else math.nan


def _of_attainable(
    found: Attainable, earned: float, idle: Plan, days: Mapping[str, float], without_luck: float | None
) -> dict[str, float]:
    """Return the bound, and the share of it that was earned with its interval."""
    if without_luck is not None:
        earned = idle.value + without_luck * (found.bound - idle.value)
    share = found.share(earned, idle.value, days, by_day(idle.setup, idle.first, idle.steps[:, -1]))
    figures = {"bound": found.bound, "share": share.value, "low": share.low, "high": share.high}
    return {f"attainable_{name}": value for name, value in figures.items()}


def _daily_regret(best: Bracket, earned: Mapping[str, float]) -> dict[str, float]:
    possible = daily_rewards(best) if isinstance(best, Solution) else getattr(best, "daily", {})
    return {day: possible[day] - earned[day] for day in earned} if set(possible) == set(earned) else {}


def daily_rewards(solution: Solution) -> dict[str, float]:
    """Return what the plan of a solution earns by local day (ISO date) [reward units].

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=48)
        >>> observation, info = env.reset(options={"start": "2021-07-01T05:00Z"})
        >>> best = solve(env)
        >>> days = daily_rewards(best)
        >>> list(days), abs(sum(days.values()) - best.value) < 1e-9
        (['2021-07-01', '2021-07-02'], True)
    """
    plan = solution.plan
    return by_day(plan.setup, plan.first, plan.steps[:, -1])


def by_day(setup: Setup, first: int, rewards: npt.NDArray[np.float64]) -> dict[str, float]:
    """Sum rewards (T,) of the steps from ``first`` on by local day of the data's zone; keys are ISO dates, in order."""
    begin = setup.feed.first + first
    times = setup.feed.times[begin : begin + len(rewards)].tz_convert(setup.feed.zone)
    days, places = np.unique(times.tz_localize(None).to_numpy().astype("datetime64[D]"), return_inverse=True)
    sums = np.bincount(places, weights=rewards, minlength=len(days))
    return dict(zip(days.astype(str).tolist(), sums.tolist(), strict=True))


def _play(
    agent: Any, env: Any, observation: Any, info: dict[str, Any], states: list[Any], infos: list[Mapping[str, Any]]
) -> tuple[list[float], float]:
    """Play to the end, adding states and ``info`` of each step; return the seconds of each ``act`` and those of all."""
    deciding, base, over = [], env.unwrapped, False
    began = time.perf_counter()
    while not over:
        before = time.perf_counter()
        action = agent.act(observation, info)
        deciding.append(time.perf_counter() - before)
        observation, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
        states.append(base.states)
        infos.append(info)
    return deciding, time.perf_counter() - began


def _days(setup: Setup, first: int, rewards: list[float], states: list[Any], infos: list[Mapping[str, Any]]) -> Days:
    begin = setup.feed.first + first
    sums = {"reward": np.array(rewards)} | {name: np.array([info[name] for info in infos]) for name in PARTS}
    times = setup.feed.times[begin : begin + len(rewards)]
    grid = np.array([info["grid_kw"] for info in infos])
    return days_of(times, setup.feed.zone, sums, grid, stored_kw(setup, np.array(states, dtype=float)))


def _earned(setup: Setup, infos: list[Mapping[str, Any]]) -> tuple[list[float], dict[str, float]]:
    """Return the reward of each step, and the sums of the parts; what wrappers make of a reward is theirs."""
    rewards = []
    for info in infos:
        energy_cost, carbon_kg, wear, penalty, charge = (info[name] for name in REWARDED)
        rewards.append(reward(energy_cost, carbon_kg, wear, penalty, charge, setup.weights))
    return rewards, {name: sum(info[name] for info in infos) for name in PARTS}
