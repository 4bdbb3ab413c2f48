"""Sources drawn at random at sites drawn at random: every promise of the suite holds."""

from __future__ import annotations

import os
from typing import Any

import drawn_sources
import numpy as np
import pandas as pd
import pytest
from drawn_optimum import a_control, held_to_optimum
from drawn_promises import check_promises
from drawn_sources import MOST_MADE_KW, a_source, with_weather

from energy_gym import Battery, Objective, Scenario
from energy_gym.contracts import Contract, DemandCharge, DemandWindow, Spot, Tariff
from energy_gym.entities import Consumer, Entity, Grid, Nuclear, Solar, ThermalUnit
from energy_gym.envs.env import EnergyEnv
from energy_gym.testing import check_scenario

Random = np.random.Generator
MOST_LOAD_KW = 4.0


def a_problem(seed: int, minutes: int = 60) -> Scenario:
    """Return a site with one to three sources, and often a battery, a load, a limited connection and a charge."""
    random = np.random.default_rng(seed)
    hours = minutes / 60.0
    entities: dict[str, Entity] = {f"source{index}": a_source(random, hours) for index in range(random.integers(1, 4))}
    decides = any(isinstance(item, ThermalUnit | Nuclear) for item in entities.values())
    if not decides or random.random() < 0.4:
        entities["battery"] = Battery(capacity_kwh=float(random.uniform(1.0, 10.0)), wear_per_kwh=0.01)
    if random.random() < 0.6:
        entities["load"] = Consumer(shiftable=float(random.choice([0.0, 0.4])))
    if random.random() < 0.3:
        entities["pv"] = Solar(curtailment="limit")
    if random.random() < 0.7:
        made = sum(MOST_MADE_KW for item in entities.values() if getattr(item, "curtailment", "") == "none")
        export = made + float(random.choice([0.0, random.uniform(0.0, 4.0)]))
        entities["grid"] = Grid(MOST_LOAD_KW + float(random.uniform(0.1, 4.0)), export)
    contracts: dict[str, Contract] = {"supply": a_supply(random)}
    if random.random() < 0.3:
        contracts["demand"] = DemandCharge((DemandWindow("any", 0.3),), period="day")
    kind = str(random.choice(["cost", "cost", "carbon", "joint"]))
    return Scenario(f"sources {seed}", entities, contracts, objective=Objective(kind, 100.0))


def a_supply(random: Random) -> Contract:
    kind = random.integers(3)
    if kind == 0:
        return Spot()
    if kind == 1:
        return Tariff(feed_in_ratio=float(random.uniform(0.0, 1.0)))
    return Tariff(sell="sell_per_mwh")


def a_frame(seed: int, steps: int, minutes: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(1000 + seed)
    index = pd.date_range("2024-03-31 06:00", periods=steps, freq=f"{minutes}min", tz="Europe/Berlin")
    sunny = np.clip(np.sin((index.hour.to_numpy() - 6) * np.pi / 12.0), 0.0, None)
    columns = {
        "price_per_mwh": random.normal(60.0, 80.0, steps),
        "sell_per_mwh": random.normal(40.0, 70.0, steps),
        "carbon_g_per_kwh": random.uniform(0.0, 700.0, steps),
        "pv_kw": sunny * random.uniform(0.0, 5.0, steps),
        "load_kw": random.uniform(0.0, MOST_LOAD_KW, steps),
    }
    return with_weather(pd.DataFrame(columns, index), random)


def test_every_kind_is_drawn() -> None:
    drawn = {type(item) for seed in range(60) for item in a_problem(seed).entities.values()}
    assert {type(make(np.random.default_rng(0), 1.0)) for make in drawn_sources.KINDS} <= drawn


@pytest.mark.parametrize("seed", range(24))
def test_every_promise_short_of_the_agents(seed: int) -> None:
    minutes = [60, 15][seed % 2]
    data, scenario = a_frame(seed, 14, minutes), a_problem(seed, minutes)
    keywords: dict[str, Any] = {"data": data, "horizon": 3, "episode_steps": 14, "scenario": scenario}
    keywords |= a_control(np.random.default_rng(seed), **keywords)
    check_promises(keywords, seed, window=9, rollouts=600)


@pytest.mark.parametrize("seed", [301, 303, 304])
def test_no_agent_beats_the_bound(seed: int) -> None:
    report = check_scenario(a_problem(seed), a_frame(seed, 24), episodes=1, steps=8, seed=seed)
    assert report.exact


def held_to_its_word(seed: int) -> None:
    """Hold what the oracle says of a drawn problem, from a moment within the episode, to what can be tried."""
    random = np.random.default_rng(seed)
    minutes = int(random.choice([60, 30, 15]))
    played, steps = int(random.integers(0, 4)), 8
    keywords: dict[str, Any] = {"scenario": a_problem(seed, minutes), "horizon": 1, "episode_steps": None}
    keywords["data"] = a_frame(seed, steps + played, minutes)
    controls = EnergyEnv(**keywords).setup.controls
    if controls <= 2 and random.choice([False, False, True]):
        keywords |= {"data": a_frame(seed, 6 // controls + played, minutes), "actions": "discrete-3"}
    env = EnergyEnv(**keywords, **a_control(random, **keywords))
    env.reset(seed=seed)
    env.action_space.seed(seed)
    for _ in range(played):
        env.step(env.action_space.sample())
    held_to_optimum(env, seed, rollouts=0 if played else 150)


@pytest.mark.parametrize("block", range(6))
def test_problems_drawn_from_all_kinds(block: int) -> None:
    for seed in range(30_000 + 25 * block, 30_000 + 25 * (block + 1)):
        held_to_its_word(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(100))
def test_ten_thousand_problems(block: int) -> None:
    """The seed of a problem that fails stands in its message; ``ENERGY_GYM_SEED`` draws others."""
    first = int(os.environ.get("ENERGY_GYM_SEED", "2000000")) + 100 * block
    for seed in range(first, first + 100):
        held_to_its_word(seed)
