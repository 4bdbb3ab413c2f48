"""The paper's rows under our definitions: decided every hour, in real units, over the whole year, the oracle beside.

Both definitions are environments. The paper's is a battery that can only stand at the levels which whole steps reach,
with nothing owed at the end; ours uses the battery's whole range and settles what is left at the end.

One rule: agents learn on 2018 and 2019 alone; 2020 is only played.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import gymnasium as gym
import pandas as pd
from encortex_daily import ABOVE, BELOW, CAPACITY_KWH, DAYS, HOURS, POWER_KW, SOC_MAX, SOC_MIN, SOC_START

import energy_gym
from energy_gym.agents import make_agent
from energy_gym.entities import Battery
from energy_gym.evaluation import evaluate
from energy_gym.oracle import solve

ID = "energy_gym/Arbitrage-v1"
DATASET = "encortex-uk"
STEP = POWER_KW / CAPACITY_KWH
FORECASTS = ("perfect", "published", "mean", "yesterday")
OBJECTIVES = ("cost", "carbon", "joint")
LEARNERS = ("dqn", "bc", "cql")
DEFINITIONS = ("paper", "ours")
Case = tuple[str, str, str, str, int]


@dataclass(frozen=True)
class Played:
    """What an agent made of 2020: money earned [EUR], CO2 avoided [kg], and the score (0 idle, 1 oracle)."""

    agent: str
    definition: str
    objective: str
    forecast: str
    seed: int
    money: float
    carbon_kg: float
    score: float
    seconds: float

    @property
    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def battery(definition: str) -> Battery:
    """Return the paper's battery; under its own definition the range ends where whole steps end."""
    low, high = SOC_MIN, SOC_MAX
    if definition == "paper":
        low, high = SOC_START - BELOW * STEP, SOC_START + ABOVE * STEP
    power = {"charge_kw": POWER_KW, "discharge_kw": POWER_KW}
    lossless = {"efficiency_charge": 1.0, "efficiency_discharge": 1.0}
    return Battery(CAPACITY_KWH, **power, **lossless, soc_min=low, soc_max=high, soc_initial=SOC_START)


def keywords(definition: str, objective: str, forecast: Any) -> dict[str, Any]:
    terminal = "free" if definition == "paper" else "settle"
    task = {"actions": "discrete-3", "horizon": HOURS, "objective": objective, "terminal": terminal}
    return {**task, "forecast": forecast, "battery": battery(definition)}


def planned() -> Iterator[Played]:
    """Play model predictive control through 2020 under our definitions, and the oracle for each objective."""
    for objective in OBJECTIVES:
        env = _test_env("ours", objective, FORECASTS[0])
        env.reset()
        began = time.perf_counter()
        best = solve(env, continuous=True)
        spent = time.perf_counter() - began
        money, carbon = -best.table["energy_cost"].sum(), -best.table["carbon_kg"].sum()
        yield Played("oracle", "ours", objective, "-", 0, float(money), float(carbon), 1.0, spent)
        for forecast in FORECASTS:
            yield _played("mpc", _test_env("ours", objective, forecast), "ours", objective, forecast, 0, best)


def _test_env(definition: str, objective: str, forecast: Any) -> Any:
    task = keywords(definition, objective, forecast)
    return gym.make(ID, disable_env_checker=True, dataset=DATASET, split="test", episode_steps=None, **task)


def _played(
    name: str,
    env: Any,
    definition: str,
    objective: str,
    forecast: str,
    seed: int,
    best: Any = None,
    agent: Any = None,
    spent: float = 0.0,
) -> Played:
    steps = {"start": env.unwrapped.setup.time(0), "steps": DAYS * HOURS} if definition == "paper" else None
    began = time.perf_counter()
    result = evaluate(agent or make_agent(name, env), env, options=steps, oracle=best)
    seconds = time.perf_counter() - began + spent
    money, carbon = -result.parts["energy_cost"], -result.parts["carbon_kg"]
    return Played(name, definition, objective, forecast, seed, money, carbon, result.score, seconds)


def learnt(seeds: int, done: Collection[Case]) -> Iterator[Played]:
    """Train DQN, CQL and BC on 2018 and 2019, under both definitions, and play each through 2020.

    Args:
        seeds: How many seeds each.
        done: Cases to leave out.
    """
    cases = product(range(seeds), LEARNERS, ("perfect", "mean"), OBJECTIVES[:2], DEFINITIONS)
    for seed, name, forecast, objective, definition in cases:
        if (name, definition, objective, forecast, seed) not in done:
            yield _trained(name, definition, objective, forecast, seed)


def _trained(name: str, definition: str, objective: str, forecast: str, seed: int) -> Played:
    """Train on the first two years as a frame of their own: the data set has no validation split to choose by."""
    data, split = energy_gym.load(DATASET), pd.Timestamp("2020-01-01T00:00Z")
    series = data.frame[["price_per_mwh", "carbon_g_per_kwh"]]
    before = series[series.index < split]
    task = {"disable_env_checker": True, "reference": before, **keywords(definition, objective, forecast)}
    began = time.perf_counter()
    fitted: Any = make_agent(name, gym.make(ID, data=before, **task), seed).fit()
    spent = time.perf_counter() - began
    env = gym.make(ID, data=series, period=("2020-01-01", "2021-01-01"), episode_steps=None, **task)
    agent: Any = make_agent(name, env, seed)
    agent.adopt(fitted)
    return _played(name, env, definition, objective, forecast, seed, agent=agent, spent=spent)
