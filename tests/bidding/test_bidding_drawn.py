"""What problems drawn at random have shown of producers, each kind of fault on a small case of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import energy_gym
from energy_gym.contracts import Supply, Trading
from energy_gym.contracts.clearing import LinearImpact, trading_scalars, trading_tensors
from energy_gym.contracts.deviation import LinearPenalty, SinglePrice
from energy_gym.contracts.market import Ahead, Limits, Market
from energy_gym.entities import Consumer, ElectricVehicle, Entity, Grid, ThermalUnit
from energy_gym.errors import DataError
from energy_gym.objective import Objective
from energy_gym.scenario import Scenario
from energy_gym.testing.laws import check_laws

ID = "energy_gym/Bidding-v1"
PENALTY = LinearPenalty(120.0, 40.0)


def made(producers: Any, entities: dict[str, Entity], data: Any, kind: str = "cost", **trading: Any) -> Any:
    """Return a producer of some entities and a consumer that is served as it demands, some hours before its episode."""
    market = trading.pop("market", producers.hourly_market(tick_kw=0.0))
    contracts = {
        "trading": Trading(
            (market,), trading.pop("deviation", PENALTY), **{"sell_kw": 4000.0, "buy_kw": 4000.0, **trading}
        ),
        "supply": Supply(60.0, 0.0, 3000.0, 250.0),
    }
    chosen = Scenario("drawn", {**entities, "consumer": Consumer()}, contracts, objective=Objective(kind, 80.0, "free"))
    env = gym.make(ID, data=data, scenario=chosen, episode_steps=4)
    env.reset(seed=1)
    return env


@pytest.mark.parametrize("kind", ["cost", "carbon", "joint"])
def test_a_producer_pays_for_fuel_and_its_carbon(producers: Any, kind: str) -> None:
    unit = ThermalUnit(1000.0, 400.0, None, 0.08, 500.0, 0.0, 20.0)
    env, data = made(producers, {"unit": unit}, producers.series(60, seed=1), kind), producers.series(60, seed=1)
    action = np.zeros(env.action_space.shape)
    action[0] = -1.0
    *_, idle = env.step(np.zeros(env.action_space.shape))
    *_, info = env.step(action)
    at = env.unwrapped.setup.feed.first + env.unwrapped.window[0] + 1
    grid = data["load_kw"].iloc[at] - 1000.0
    assert idle["energy_cost"] == idle["market_cost"] + idle["supply_cost"]
    assert info["energy_cost"] - info["market_cost"] - info["supply_cost"] == pytest.approx(20.0 + 80.0)
    assert info["carbon_kg"] == pytest.approx(grid * data["carbon_g_per_kwh"].iloc[at] / 1000.0 + 500.0)


def test_a_producer_pays_for_what_its_vehicles_miss(producers: Any) -> None:
    data = producers.series(60, seed=2).assign(ev_hours_left=1.0, ev_arrival_kwh=2.0, ev_need_kwh=8.0)
    env = made(producers, {"ev": ElectricVehicle(shortfall_price_per_kwh=0.5)}, data)
    *_, info = env.step(np.zeros(env.action_space.shape))
    assert info["penalty"] - info["deviation_cost"] - info["unmatched_cost"] == pytest.approx(3.0)


@pytest.mark.parametrize("seed", range(6))
def test_the_optimum_counts_fuel_as_the_step_does(producers: Any, seed: int) -> None:
    random = np.random.default_rng(seed)
    unit = ThermalUnit(1000.0, 400.0, None, float(random.uniform(0.0, 0.1)), 500.0, 0.0, 20.0)
    env = made(producers, {"unit": unit}, producers.series(60, seed), "joint")
    solution = energy_gym.solve(env)
    assert solution.exact
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)


def capped(slot: int, low: float, high: float) -> Market:
    return Market("m", deadline="0 * * * *", zone="UTC", delivers=Ahead(60, 1), slot_minutes=slot,
                  limits=Limits(floor_per_mwh=low, cap_per_mwh=high))  # fmt: skip


@pytest.mark.parametrize("minutes", [30, 60])
@pytest.mark.parametrize("bids", ["volume", "price-volume"])
@pytest.mark.parametrize("impact", [None, LinearImpact(8.0)], ids=["taker", "impact"])
def test_no_bid_is_taken_beyond_a_market_s_cap_or_floor(producers: Any, impact: Any, bids: str, minutes: int) -> None:
    """Prices leave the range of limits again and again, within slots of two steps too."""
    for seed in range(4):
        more = {} if impact is None else {"impact": impact}
        data = producers.series(60, seed=seed, minutes=minutes)
        store = {"storage": producers.plant()}
        env = made(producers, store, data, market=capped(60, 20.0, 60.0), bids=bids, **more)
        solution, random = energy_gym.solve(env), np.random.default_rng(seed)
        if impact is None:
            assert solution.exact, (seed, solution)
        start = env.unwrapped.setup.time(env.unwrapped.window[0])
        best = -np.inf
        for _ in range(60):
            env.reset(options={"start": start, "steps": 4})
            plan = random.uniform(-1.0, 1.0, (4, *env.action_space.shape))
            near = [action + random.normal(0.0, 0.1, len(action)) for action in solution.actions]
            best = max(best, sum(env.step(action)[1] for action in (plan if random.random() < 0.5 else near)))
        assert best <= solution.bound + 1e-6, seed


def test_the_least_supply_must_fit_through_the_connection(producers: Any) -> None:
    data = producers.series(60)
    contracts = {"trading": Trading((producers.hourly_market(),), PENALTY), "supply": Supply(60.0, 5000.0, 8000.0)}
    entities = {"storage": producers.plant(), "consumer": Consumer(), "grid": Grid(import_kw=2600.0)}
    with pytest.raises(DataError, match="above the import limit"):
        gym.make(ID, data=data, scenario=Scenario("little", entities, contracts))


@pytest.mark.parametrize("impact", [None, LinearImpact(8.0)], ids=["taker", "impact"])
@pytest.mark.parametrize("bids", ["volume", "price-volume"])
def test_tensors_settle_a_producer_without_bids(producers: Any, bids: str, impact: Any) -> None:
    torch = pytest.importorskip("torch")
    more = {} if impact is None else {"impact": impact}
    env = made(producers, {"storage": producers.plant()}, producers.series(60), bids=bids, **more)
    assert "torch" in check_laws(env.unwrapped.setup, 4, 3, np.random.default_rng(0), True)
    xp = trading_tensors()
    assert [xp.kept(0.0, test) for test in (1.0, -1.0)] == [trading_scalars.kept(0.0, test) for test in (1.0, -1.0)]
    assert xp.kept(2.0, torch.tensor([1.0, -1.0])).tolist() == [2.0, 0.0]


@pytest.mark.parametrize("seed", range(12))
def test_a_bid_that_a_plan_has_taken_nowhere_is_not_made(producers: Any, seed: int) -> None:
    """The episode ends within a slot, and the smallest bid there is too large to be worth its while."""
    market = Market("m", deadline="0 * * * *", zone="UTC", delivers=Ahead(60, 1), limits=Limits(minimum_kw=1500.0))
    data = producers.series(60, seed=seed, minutes=30)
    env = made(producers, {"storage": producers.plant()}, data, market=market, bids="price-volume")
    env.reset(options={"start": data.index[4], "steps": 7})
    solution = energy_gym.solve(env)
    assert solution.exact, solution


@pytest.mark.parametrize("seed", range(8))
def test_limit_prices_lie_within_a_market_s_floor_and_cap(producers: Any, seed: int) -> None:
    """What is cheaper than the floor is bought with any limit, what is dearer than the cap sold: it is not chosen."""
    market = Market("m", deadline="0 * * * *", zone="UTC", delivers=Ahead(60, 1), limits=Limits(500.0, 500.0, 250.0))
    tight = replace(market, limits=replace(market.limits, floor_per_mwh=45.0, cap_per_mwh=55.0))
    data = producers.series(60, seed=seed, minutes=30)
    more = {"market": tight, "bids": "price-volume", "deviation": SinglePrice("imbalance_per_mwh")}
    env = made(producers, {"storage": producers.plant()}, data, **more)
    env.reset(options={"start": data.index[4], "steps": 10})
    solution = energy_gym.solve(env)
    assert solution.exact, solution
