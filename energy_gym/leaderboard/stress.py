"""Stress: the same agents where something went wrong that they never learnt from, and how far they fall.

An agent learns on the task as it is, once, and then plays the episode of the task in other circumstances. Each of these
has an optimum of its own, so that what is told is what the agent makes of the circumstances, not what they cost anyone.

One rule: what cannot be played is told with its reason, and never left out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from energy_gym.agents.base import Agent
from energy_gym.agents.registry import Loaded, agent_factory, make_agent
from energy_gym.data.feed import Feed, Prepared
from energy_gym.entities import Battery
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, DataError, UnknownIdError
from energy_gym.evaluation.episode import evaluate
from energy_gym.evaluation.other_series import on, raw_feed
from energy_gym.forecast.disturbed import Missing, Worse
from energy_gym.leaderboard.runs import EPISODE_SEED, Optimum, Run, fitted
from energy_gym.leaderboard.suites import Task
from energy_gym.oracle import solve

PRICE = "_per_mwh"
SWING, WORN_CAPACITY, WORN_EFFICIENCY, TIMES_WORSE, MISSING_SHARE = 3.0, 0.7, 0.95, 10.0, 0.2
# A market or site of the same kind as each, of which an agent has seen nothing.
OTHERS = {
    "ercot-2021-2022": "synthetic",
    "synthetic": "ercot-2021-2022",
    "ercot": "de-lu",
    "de-lu": "ercot",
    "caiso": "nyiso",
    "nyiso": "caiso",
    "nyiso-rt-nyc": "nyiso-rt-longil",
    "nyiso-rt-longil": "nyiso-rt-nyc",
    "nyiso-rt-north": "nyiso-rt-west",
    "nyiso-rt-west": "nyiso-rt-north",
    "nem-nsw1": "nem-qld1",
    "nem-qld1": "nem-nsw1",
}
ROWS = ("task", "stress", "agent", "seed", "own", "score", "distance", "regret", "unit", "error", "key")
# Keywords of an environment in place of its own.
Changes = Callable[[EnergyEnv], dict[str, Any]]


@dataclass(frozen=True)
class Stress:
    """Circumstances: what they are, and the keywords that bring them about."""

    told: str
    changes: Changes


def crisis(env: EnergyEnv) -> dict[str, Any]:
    """Return the keywords for prices that swing three times as far around the mean of the training split."""
    feed = raw_feed(env, str(env.keywords.get("split") or "train"))
    names = [name for name in feed.values if name.endswith(PRICE) and feed.published[name] != "always"]
    if not names:
        raise ConfigurationError(f"data {feed.title!r}", "have no price that changes", "choose another stress")
    values = {name: _swung(feed, name, feed.values[name]) for name in names}
    issued = {name: _swung(feed, name, rows) for name, rows in feed.issued.items() if name in values}
    made = replace(feed, values={**feed.values, **values}, issued={**feed.issued, **issued})
    split = env.keywords.get("split")
    windows = dict.fromkeys((split, split or "train"), (feed.first, feed.stop))
    return on(env, Prepared.of(str(env.setup.feed.dataset or feed.title), made, windows))


def _swung(feed: Feed, name: str, values: Any) -> Any:
    mean = feed.statistics[name].mean
    return mean + SWING * (values - mean)


def other_zone(env: EnergyEnv) -> dict[str, Any]:
    """Return the keywords for another market or home; of it, what the agent knows is the scaling of observations."""
    if env.keywords.get("home") is not None:
        return {**env.keywords, "home": env.keywords["home"] % 17 + 1}
    own = env.setup.feed.dataset
    if own not in OTHERS:
        title = own or env.setup.feed.title
        raise ConfigurationError(f"data {title!r}", "have no other zone here", "play one as a task")
    return {**env.keywords, "dataset": OTHERS[own]}


def worn_battery(env: EnergyEnv) -> dict[str, Any]:
    """Return the keywords for the battery after years: 70 % of its capacity, 5 % less efficient each way."""
    scenario = env.scenario
    if env.decision != "power" or sum(isinstance(item, Battery) for item in scenario.entities.values()) != 1:
        raise ConfigurationError(f"scenario {scenario.name!r}", "has not one battery alone", "choose another stress")
    own = scenario.battery
    worn = replace(
        own,
        capacity_kwh=WORN_CAPACITY * own.capacity_kwh,
        efficiency_charge=WORN_EFFICIENCY * own.efficiency_charge,
        efficiency_discharge=WORN_EFFICIENCY * own.efficiency_discharge,
    )
    return {**env.keywords, "battery": worn}


def missing_data(env: EnergyEnv) -> dict[str, Any]:
    """Return the keywords for forecasts and published prices that do not arrive in a fifth of the hours."""
    return {**env.keywords, "forecast": Missing(_forecast(env), share=MISSING_SHARE)}


def bad_forecast(env: EnergyEnv) -> dict[str, Any]:
    """Return the keywords for forecasts with ten times their usual errors on top."""
    return {**env.keywords, "forecast": Worse(_forecast(env), TIMES_WORSE)}


def _forecast(env: EnergyEnv) -> Any:
    return env.keywords.get("forecast") or "published"


STRESSES = {
    "crisis": Stress("prices swing three times as far around their mean", crisis),
    "other-zone": Stress("a market or home of the same kind that nobody learnt from", other_zone),
    "worn-battery": Stress("70 % of the capacity, 5 % less efficient each way", worn_battery),
    "missing-data": Stress("in a fifth of the hours nothing arrives, and the last forecast grows old", missing_data),
    "bad-forecast": Stress("forecasts with ten times their usual errors on top", bad_forecast),
}


def stressed(env: EnergyEnv, name: str) -> EnergyEnv:
    """Return an environment in other circumstances.

    Args:
        env: The environment.
        name: One of `STRESSES`.

    Raises:
        UnknownIdError: No such circumstances.
        ConfigurationError: They make no sense there.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", split="test").unwrapped
        >>> stressed(env, "worn-battery").scenario.battery.capacity_kwh
        7.0
    """
    if name not in STRESSES:
        raise UnknownIdError.of("stress", name, STRESSES)
    return type(env)(**STRESSES[name].changes(env))


def solve_stressed(task: Task, name: str) -> Optimum:
    """Solve the episode of a task in other circumstances."""
    env = stressed(_base(task), name)
    env.reset(seed=EPISODE_SEED)
    best = solve(env, continuous=True)
    return Optimum(best.value, best.bound, best.seconds, best.status, {})


def play_stressed(run: Run, optimum: Optimum, optima: Mapping[str, Optimum]) -> list[dict[str, Any]]:
    """Fit an agent on a task, play it, and play it in other circumstances; return a row for each of these.

    Args:
        run: The agent, its task and its seed.
        optimum: Of the task as it is.
        optima: Of the circumstances, by name.
    """
    env = _base(run.task.played_with(run.actions))
    agent = fitted(run, agent_factory(run.agent), make_agent(run.agent, env, run.seed), [])
    own = evaluate(agent, env, seed=EPISODE_SEED, oracle=optimum).score
    return [_row(run, env, agent, own, name, best) for name, best in optima.items()]


def _row(run: Run, env: EnergyEnv, agent: Any, own: float, name: str, best: Optimum) -> dict[str, Any]:
    row = blank_row(run, name) | {"own": own}
    try:
        there = stressed(env, name)
        result = evaluate(carried(run, agent, there), there, seed=EPISODE_SEED, oracle=best)
    except Exception as error:  # an agent from elsewhere may raise anything; its other circumstances count
        return row | {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
    unit = there.setup.reward_unit
    return row | {"score": result.score, "distance": result.score - own, "regret": result.regret, "unit": unit}


def blank_row(run: Run, name: str, error: str = "") -> dict[str, Any]:
    """Return a row without figures."""
    known = {"task": run.task.name, "stress": name, "agent": run.agent, "seed": run.seed, "key": run.key}
    return {**dict.fromkeys(ROWS, np.nan), "unit": "", "error": error, **known}


def carried(run: Run, agent: Any, env: EnergyEnv) -> Any:
    """Return an agent as it is, with what it learnt, for another environment.

    Raises:
        ConfigurationError: It does not fit there, or is no agent that can be saved.
    """
    if isinstance(agent, Agent):
        with tempfile.TemporaryDirectory() as folder:
            agent.save(folder)
            return type(agent).load(folder, env, rescaled=True)
    if isinstance(agent, Loaded) or not hasattr(agent, "fit"):
        return agent_factory(run.agent).make(env, run.seed)
    rule = "learns, and has no save() and load() by which it could be carried to other circumstances"
    raise ConfigurationError(f"agent {run.agent!r}", rule, "derive it from energy_gym.agents.Agent")


def _base(task: Task) -> EnergyEnv:
    base = task.make().unwrapped
    if not isinstance(base, EnergyEnv):
        raise DataError(f"task {task.name}", "is no environment of energy_gym", "correct the suite")
    return base
