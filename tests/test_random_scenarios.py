"""Compositions drawn at random: whatever entities, contracts and objective meet, every promise of the suite holds."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn_promises import check_promises

from energy_gym import Battery, Objective, Scenario
from energy_gym.contracts import (
    CONTRACTS,
    Band,
    Contract,
    DemandCharge,
    DemandWindow,
    EnergyContract,
    Spot,
    Tariff,
    TimeOfUse,
)
from energy_gym.entities import Consumer, Entity, Grid, Solar, Wind
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.oracle.rounding import returns
from energy_gym.oracle.solve import by_unit, solve
from energy_gym.oracle.statement import Goal
from energy_gym.testing import check_scenario
from energy_gym.testing.episodes import check_episodes
from energy_gym.testing.laws import check_laws
from energy_gym.testing.optimum import check_models, check_replay, rolled_out

Random = np.random.Generator
CURTAILMENTS = ("none", "limit", "action")


def a_battery(random: Random) -> Battery:
    low = float(random.uniform(0.0, 0.3))
    return Battery(
        capacity_kwh=float(random.uniform(1.0, 12.0)),
        charge_kw=float(random.uniform(0.5, 12.0)),
        discharge_kw=float(random.uniform(0.5, 12.0)),
        efficiency_charge=float(random.choice([1.0, random.uniform(0.6, 1.0)])),
        efficiency_discharge=float(random.choice([1.0, random.uniform(0.6, 1.0)])),
        soc_min=low,
        soc_max=float(random.uniform(0.6, 1.0)),
        soc_initial=float(random.choice([low, random.uniform(low, 0.6)])),
        self_discharge_per_day=float(random.choice([0.0, random.uniform(0.0, 0.9)])),
        wear_per_kwh=float(random.choice([0.0, 0.0, 0.03, random.uniform(0.0, 0.3)])),
    )


def a_consumer(random: Random) -> Consumer:
    return Consumer(
        scale=float(random.uniform(0.3, 2.0)),
        shiftable=float(random.choice([0.0, random.uniform(0.1, 1.0)])),
        catch_up_kw=float(random.uniform(0.5, 5.0)),
        debt_kwh=float(random.uniform(0.5, 6.0)),
    )


def a_table(random: Random, low: float, high: float) -> TimeOfUse:
    split = float(random.integers(6, 20))
    prices = random.uniform(low, high, 2)
    return TimeOfUse(
        (
            Band("one", float(prices[0]), hours=((split - 5.0, split),)),
            Band("two", float(prices[1]), hours=((split, split - 5.0),)),
        )
    )


def a_supply(random: Random, parties: tuple[str, ...]) -> Contract:
    kind = random.integers(7)
    if kind == 0:
        return Spot(parties=parties)
    if kind == 1:
        return Tariff(feed_in_ratio=float(random.uniform(0.0, 1.0)), parties=parties)
    if kind == 2:
        return Tariff(sell="sell_per_mwh", parties=parties)
    if kind == 3:
        return Tariff(float(random.uniform(-50.0, 200.0)), float(random.uniform(-150.0, 250.0)), parties=parties)
    if kind == 4:
        return Tariff(a_table(random, -50.0, 300.0), a_table(random, -100.0, 250.0), parties=parties)
    if kind == 5:
        return Tariff(a_table(random, 50.0, 300.0), "sell_per_mwh", parties=parties)
    return Tariff("sell_per_mwh", "price_per_mwh", parties=parties)


def a_demand(random: Random, parties: tuple[str, ...]) -> DemandCharge:
    split = int(random.integers(6, 20))
    windows = [
        DemandWindow("early", float(random.uniform(0.0, 0.6)), hours=((0.0, float(split)),)),
        DemandWindow("late", float(random.uniform(0.0, 0.6)), hours=((float(split), 24.0),)),
        DemandWindow("any", float(random.uniform(0.0, 0.4))),
    ]
    chosen = tuple(windows[index] for index in sorted(random.permutation(3)[: random.integers(1, 4)]))
    return DemandCharge(chosen, period=str(random.choice(["month", "day", "episode"])), parties=parties)


def a_site(random: Random, number: int, demand: bool = True) -> tuple[dict[str, Entity], dict[str, Contract]]:
    """Return entities and contracts of one meter, their names ending in its number."""
    entities: dict[str, Entity] = {}
    for index in range(int(random.choice([0, 1, 1, 1, 2]))):
        entities[f"battery{number}{index}"] = a_battery(random)
    if random.random() < 0.6:
        curtailment = str(random.choice(CURTAILMENTS))
        entities[f"pv{number}"] = Solar(scale=float(random.uniform(0.3, 2.0)), curtailment=curtailment)
    if random.random() < 0.3:
        entities[f"wind{number}"] = Wind(curtailment=str(random.choice(CURTAILMENTS)))
    if random.random() < 0.7:
        entities[f"load{number}"] = a_consumer(random)
    if not entities:
        entities[f"battery{number}0"] = a_battery(random)
    if random.random() < 0.6:
        entities[f"grid{number}"] = a_grid(random, entities)
    parties = tuple(entities)
    contracts: dict[str, Contract] = {f"supply{number}": a_supply(random, parties)}
    for index in range(int(random.choice([0, 0, 1, 2])) if demand else 0):
        contracts[f"demand{number}{index}"] = a_demand(random, parties)
    return entities, contracts


def a_grid(random: Random, entities: dict[str, Entity]) -> Grid:
    """Return a connection that what cannot be decided fits through: loads up to 4 kW each, generation up to 5."""
    loads = sum(4.0 * item.scale for item in entities.values() if isinstance(item, Consumer))
    made = sum(
        5.0 * item.scale for item in entities.values() if isinstance(item, Solar | Wind) and item.curtailment == "none"
    )
    import_kw = loads + float(random.uniform(0.1, 4.0)) if random.random() < 0.7 else None
    export_kw = made + float(random.choice([0.0, random.uniform(0.0, 4.0)])) if random.random() < 0.8 else None
    if loads and random.random() < 0.25:  # a fuse that not all load fits through, or an island
        fuse_kw = float(random.choice([0.0, random.uniform(0.0, loads)]))
        return Grid(fuse_kw, export_kw, float(random.choice([0.0, random.uniform(0.0, 200.0), 5000.0])))
    return Grid(import_kw, export_kw)


def a_scenario(seed: int, sites: int | None = None, demand: bool = True) -> Scenario:
    random = np.random.default_rng(seed)
    entities: dict[str, Entity] = {}
    contracts: dict[str, Contract] = {}
    for number in range(int(random.choice([1, 1, 1, 2, 3])) if sites is None else sites):
        more = a_site(random, number, demand)
        entities, contracts = entities | more[0], contracts | more[1]
    terminal = str(random.choice(["settle", "cyclic", "free", "buyback"]))
    objective = Objective(str(random.choice(["cost", "cost", "carbon", "joint"])), 100.0, terminal)
    chosen = Scenario(f"random {seed}", entities, contracts, objective=objective)
    flexible = any(
        isinstance(item, Battery)
        or getattr(item, "shiftable", 0.0) > 0.0
        or getattr(item, "curtailment", "") == "action"
        for item in entities.values()
    )
    return chosen if flexible else replace(chosen, **_with_battery(chosen, random))


def _with_battery(scenario: Scenario, random: Random) -> dict[str, Any]:
    parties = (*next(iter(scenario.contracts.values())).parties, "spare")
    first = parties[0]
    contracts = {
        name: replace(item, parties=parties) if first in item.parties else item  # type: ignore[type-var]
        for name, item in scenario.contracts.items()
    }
    return {"entities": {**scenario.entities, "spare": a_battery(random)}, "contracts": contracts}


def a_frame(seed: int, steps: int = 24, minutes: int = 60) -> pd.DataFrame:
    """Return steps around the noon before a month ends: prices of both signs, carbon, sun, wind and load."""
    random = np.random.default_rng(1000 + seed)
    index = pd.date_range(
        pd.Timestamp("2024-04-01", tz="Europe/Berlin") - steps // 2 * pd.Timedelta(minutes=minutes),
        periods=steps,
        freq=f"{minutes}min",
    )
    hour = index.hour.to_numpy()
    columns = {
        "price_per_mwh": random.normal(30.0, 80.0, steps),
        "sell_per_mwh": random.normal(20.0, 70.0, steps),
        "carbon_g_per_kwh": random.uniform(0.0, 700.0, steps),
        "pv_kw": np.clip(np.sin((hour - 6) * np.pi / 12.0), 0.0, None) * random.uniform(0.0, 5.0, steps),
        "wind_kw": random.uniform(0.0, 5.0, steps) * (random.random(steps) < 0.8),
        "load_kw": random.uniform(0.0, 4.0, steps),
    }
    return pd.DataFrame(columns, index)


def a_control(seed: int, scenario: Scenario) -> str:
    """Return what the wishes of batteries name: half the time a power at the meter, where it can be followed."""
    followed = False
    for site in scenario.sites():
        batteries = sum(isinstance(entity, Battery) for entity in site.entities.values())
        others = any(entity.columns() for entity in site.entities.values())
        followed = followed or batteries > 1 or (batteries == 1 and others)
    return "meter" if followed and np.random.default_rng(7000 + seed).random() < 0.5 else "power"


def honoured(scenario: Scenario, data: pd.DataFrame) -> Scenario:
    """Return a scenario, its end priced instead where a store cannot be brought back in these data for sure."""
    if scenario.objective.terminal != "cyclic":
        return scenario
    try:
        EnergyEnv(data=data, horizon=1, episode_steps=1, scenario=scenario)
    except ConfigurationError as error:
        if "terminal='cyclic'" not in error.value:
            raise
        return replace(scenario, objective=replace(scenario.objective, terminal="buyback"))
    return scenario


def keywords_of(seed: int, steps: int = 24, **more: Any) -> dict[str, Any]:
    data = a_frame(seed, steps)
    scenario = honoured(a_scenario(seed), data)
    chosen = {"scenario": scenario, "control": a_control(seed, scenario)}
    return {"data": data, "horizon": 3, "episode_steps": steps, **chosen, **more}


@pytest.mark.parametrize("seed", range(40))
def test_every_promise_short_of_the_agents(seed: int) -> None:
    keywords = keywords_of(seed, 18)
    check_promises(keywords, seed, window=18, rollouts=900)


@pytest.mark.parametrize("seed", range(200, 206))
def test_no_agent_beats_the_bound(seed: int) -> None:
    data = a_frame(seed)
    control = a_control(seed, scenario := honoured(a_scenario(seed), data))
    report = check_scenario(scenario, data, episodes=1, steps=8, seed=seed, control=control)
    assert report.exact
    assert set(report.returns) == {"uniform", "mpc"} | ({"idle"} if control == "power" else set())


def every_plan(env: EnergyEnv, steps: int) -> float:
    """Return the most that any sequence of levels earns, each tried."""
    setup = env.setup
    total, (first, stop) = 0.0, env.steps_left
    for unit, states, closing in zip(setup.units, by_unit(setup, env.states), setup.closings, strict=True):
        one = np.array(list(product(setup.levels or (), repeat=steps * len(unit.flexibles))))
        plans = one.reshape(len(one), steps, len(unit.flexibles))
        total += float(returns(unit.window(first, stop), states, Goal(setup.weights, closing), plans).max())
    return total


@pytest.mark.parametrize("seed", range(240))
def test_levels_of_one_control_against_every_sequence(seed: int) -> None:
    """Without a demand charge the best of all sequences is found; with one it lies between value and bound."""
    demand = seed % 3 == 0
    scenario = next(
        chosen
        for chosen in (a_scenario(1000 * seed + index, 1, demand) for index in range(100))
        if len(one_unit(chosen).flexibles) == 1
    )
    count, steps = [(3, 7), (3, 6), (5, 4), (7, 3)][seed % 4]
    data = a_frame(seed, steps + 2, minutes=[60, 30, 15][seed % 5 % 3])
    scenario = honoured(scenario, data)
    keywords: dict[str, Any] = {"data": data, "horizon": 1, "scenario": scenario, "actions": f"discrete-{count}"}
    env = EnergyEnv(episode_steps=None, control=a_control(seed, scenario), **keywords)
    env.reset(seed=0)
    for level in np.random.default_rng(seed).integers(count, size=2):
        env.step(int(level))
    best, solution = every_plan(env, steps), solve(env)
    check_replay(env, solution)
    assert solution.value <= best + 1e-9
    assert best <= solution.bound + 1e-9
    if not env.setup.units[0].registers:
        assert solution.exact
        assert solution.value == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_levels_of_several_controls_against_every_sequence(seed: int) -> None:
    scenario = next(
        chosen
        for chosen in (a_scenario(5000 + 1000 * seed + index) for index in range(100))
        if all(1 <= len(unit.flexibles) <= 2 for unit in units(chosen)) and len(controls(chosen)) > 1
    )
    data = a_frame(seed, 3)
    scenario = honoured(scenario, data)
    keywords: dict[str, Any] = {"data": data, "horizon": 1, "scenario": scenario, "actions": "discrete-3"}
    env = EnergyEnv(episode_steps=3, control=a_control(seed, scenario), **keywords)
    env.reset(seed=0)
    best, solution = every_plan(env, 3), solve(env)
    check_replay(env, solution)
    assert solution.value - 1e-9 <= best <= solution.bound + 1e-9


def units(scenario: Scenario) -> Any:
    data = a_frame(0, 3)
    return EnergyEnv(data=data, horizon=1, episode_steps=3, scenario=honoured(scenario, data)).setup.units


def one_unit(scenario: Scenario) -> Any:
    return units(scenario)[0]


def controls(scenario: Scenario) -> list[Any]:
    return [flexible for unit in units(scenario) for flexible in unit.flexibles]


def test_a_generator_that_may_be_cut_is_enough_of_a_decision() -> None:
    data = a_frame(1).assign(price_per_mwh=np.tile([-50.0, 50.0], 12))
    scenario = Scenario("cut", {"pv": Wind(curtailment="action")}, {"spot": Spot()})
    env = EnergyEnv(data=data, horizon=1, episode_steps=24, scenario=scenario)
    env.reset(seed=0)
    solution = solve(env)
    assert solution.value == pytest.approx(0.05 * data["wind_kw"].to_numpy()[1::2].sum())
    assert check_scenario(scenario, data, episodes=1, steps=24).exact


def test_what_the_import_limit_leaves_uncut_is_not_counted_as_cut() -> None:
    """5 kW are to be cut beside a load of 6 kW: with an import of at most 2 kW, 1 kW can be."""
    data = a_frame(1).assign(pv_kw=5.0, load_kw=6.0)
    entities = {"pv": Solar(curtailment="action"), "load": Consumer(), "grid": Grid(import_kw=2.0)}
    env = EnergyEnv(data=data, episode_steps=24, scenario=Scenario("cut", entities, {"spot": Spot()}))
    env.reset(seed=0)
    *_, info = env.step(np.ones(1))
    assert (info["grid_kw"], info["curtailed_kw"], info["clipped_kw"]) == (2.0, 1.0, 4.0)


def with_tiers(scenario: Scenario, seed: int) -> Scenario:
    """Return a scenario with tiers of the month's consumption in place of its prices: rising, falling or both."""
    random = np.random.default_rng(9000 + seed)
    contracts = dict(scenario.contracts)
    for name, contract in contracts.items():
        if isinstance(contract, EnergyContract):
            count = int(random.integers(1, 4))
            prices = random.uniform(0.0, 400.0, count)
            ordered = (prices, np.sort(prices), np.sort(prices)[::-1])[random.integers(3)]
            limits = np.cumsum(random.uniform(0.5, 15.0, count - 1)).tolist()
            sell = float(random.uniform(-50.0, 350.0))
            contracts[name] = CONTRACTS["tiered_tariff"](ordered.tolist(), limits, sell, parties=contract.parties)
    return replace(scenario, contracts=contracts)


@pytest.mark.usefixtures("tiers")
@pytest.mark.parametrize("seed", range(300, 330))
def test_every_promise_of_tiers_short_of_the_agents(seed: int) -> None:
    data, random = a_frame(seed, 14), np.random.default_rng(seed)
    scenario = honoured(with_tiers(a_scenario(seed), seed), data)
    keywords = {"data": data, "horizon": 3, "episode_steps": 14, "scenario": scenario}
    env = EnergyEnv(**keywords)
    check_laws(env.setup, 14, 12, random, None)
    check_episodes(keywords, 2, 14, seed, random)
    env.reset(seed=seed)
    check_models(env, 9)
    solution = solve(env)
    assert solution.exact, solution.status
    check_replay(env, solution)
    assert rolled_out(env, solution, 900, random).max() <= solution.bound + 1e-6


@pytest.mark.usefixtures("tiers")
@pytest.mark.parametrize("seed", range(330, 334))
def test_no_agent_beats_the_bound_under_tiers(seed: int) -> None:
    data = a_frame(seed)
    scenario = honoured(with_tiers(a_scenario(seed), seed), data)
    assert check_scenario(scenario, data, episodes=1, steps=8, seed=seed).exact


@pytest.mark.usefixtures("tiers")
@pytest.mark.parametrize("seed", range(60))
def test_levels_under_tiers_against_every_sequence(seed: int) -> None:
    scenario = next(
        chosen
        for chosen in (a_scenario(1000 * seed + index, 1, seed % 2 == 0) for index in range(100))
        if len(one_unit(chosen).flexibles) == 1
    )
    data = a_frame(seed, 8, minutes=[60, 30, 15][seed % 3])
    chosen = honoured(with_tiers(scenario, seed), data)
    env = EnergyEnv(data=data, horizon=1, episode_steps=None, scenario=chosen, actions="discrete-3")
    env.reset(seed=0)
    for level in np.random.default_rng(seed).integers(3, size=2):
        env.step(int(level))
    best, solution = every_plan(env, 6), solve(env)
    check_replay(env, solution)
    assert solution.value - 1e-9 <= best <= solution.bound + 1e-6
