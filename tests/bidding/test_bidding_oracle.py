"""The oracle's identities: it is the brute-force optimum, its plan earns its value, and nothing earns more."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym.bidding.oracle import replay_bids
from energy_gym.bidding.statement import BidWindow, state_window
from energy_gym.bidding.windows import actual_window
from energy_gym.contracts import Supply, Trading
from energy_gym.contracts.banded import Banded
from energy_gym.contracts.clearing import LinearImpact
from energy_gym.contracts.deviation import LinearPenalty
from energy_gym.contracts.market import Limits, LocalDay, Market
from energy_gym.contracts.market_presets import eu_day_ahead
from energy_gym.entities import Consumer, Grid, Solar
from energy_gym.objective import Objective
from energy_gym.oracle.model import ArrayModel
from energy_gym.oracle.pyomo_model import PyomoModel, solve_model
from energy_gym.oracle.solution import idle_return
from energy_gym.scenario import Scenario

ID = "energy_gym/Bidding-v1"
NAMES = ("linear", "single", "dual", "banded", "convex", "concave", "steps")


def whole_series(producers: Any, seed: int) -> pd.DataFrame:
    """Series whose energies are whole MWh, so that some best plan is made of whole MWh."""
    data = producers.series(30, seed)
    random = np.random.default_rng(seed)
    for name, most in (("load_kw", 1), ("pv_kw", 2), ("wind_kw", 3)):
        data[name] = 1000.0 * random.integers(0, most + 1, len(data))
    return data


def earns(env: Any, play: Any) -> float:
    """Return what actions earn, shape (steps, controls), from where the environment stands, which is left there."""
    base = env.unwrapped
    return replay_bids(base.gates, base.states, np.array(play)).value


def brute(env: Any) -> float:
    """Return the best that any sequence of whole steps earns."""
    now, stop = env.unwrapped.steps_left
    levels = [((-1.0, 0.0, 1.0), (-1.0, 0.0, 1.0), (-1.0, -0.5, 0.0))] * (stop - now - 1)
    each = [itertools.product(*part) for part in (*levels, ((-1.0, 0.0, 1.0), (-1.0, 0.0, 1.0), (0.0,)))]
    return max(earns(env, play) for play in itertools.product(*each))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("matching", ["day", "step"])
def test_it_is_the_best_of_all_plans_of_whole_steps(producers: Any, name: str, matching: str) -> None:
    # Bands that end at whole MWh, so that a best plan of whole MWh is among all the best.
    bands = Banded(4_000.0, "imbalance_per_mwh", ((0.25, 1.0, 1.0), (0.5, 1.2, 0.8), (math.inf, 1.4, 0.6)))
    chosen = producers.scenario(
        bands if name == "banded" else producers.PENALTIES[name],
        storage=producers.plant(),
        supply=Supply(60.0, 0.0, 1000.0, 250.0, matching=matching),
        sell_kw=2000.0,
        buy_kw=500.0,
        objective=Objective(terminal="free"),
    )
    env = gym.make(ID, data=whole_series(producers, len(name)), scenario=chosen, episode_steps=3)
    env.reset(seed=len(matching))
    least = brute(env)
    solution = energy_gym.solve(env)
    assert solution.exact, solution
    assert solution.value == pytest.approx(least, abs=1e-6)


@pytest.mark.parametrize("bids", ["volume", "price-volume"])
@pytest.mark.parametrize("name", NAMES)
def test_the_plan_earns_its_value_and_nothing_more(producers: Any, name: str, bids: str) -> None:
    data = producers.series(120, seed=3)
    market = producers.hourly_market(tick_kw=100.0, floor_per_mwh=-500.0)
    chosen = producers.scenario(producers.PENALTIES[name], (market,), bids=bids)
    env = gym.make(ID, data=data, scenario=chosen, episode_steps=48)
    env.reset(seed=2)
    for _ in range(5):
        env.step(env.action_space.sample())
    solution = energy_gym.solve(env, time_limit=30.0)
    window = window_of(env)
    assert solution.exact, solution
    assert len(solution.table) == 43
    random, returns = np.random.default_rng(0), []
    for _ in range(20):
        returns.append(earns(env, random.uniform(-1.0, 1.0, (43, *env.action_space.shape))))
        returns.append(earns(env, [a + random.normal(0.0, 0.02, len(a)) for a in solution.actions]))
    assert max(returns) <= solution.bound + 1e-6
    assert window.states == env.unwrapped.states[: len(window.states)]
    earned = sum(env.step(action)[1] for action in solution.actions)
    assert earned == pytest.approx(solution.value, abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("objective", ["cost", "joint"])
def test_pyomo_states_the_same(producers: Any, name: str, objective: str) -> None:
    chosen = producers.scenario(producers.PENALTIES[name], objective=Objective(objective))
    env = gym.make(ID, data=producers.series(60, seed=5), scenario=chosen, episode_steps=12)
    env.reset(seed=1)
    env.step(env.action_space.sample())
    window = window_of(env)
    model, other = ArrayModel(11), PyomoModel(11)
    state_window(model, window)
    state_window(other, window)
    assert model.solve().bound == pytest.approx(solve_model(other.finished()), abs=1e-5)


def test_carbon_alone(producers: Any) -> None:
    chosen = producers.scenario(producers.PENALTIES["dual"], objective=Objective("carbon"))
    env = gym.make(ID, data=producers.series(60, seed=5), scenario=chosen, episode_steps=24)
    env.reset(seed=1)
    solution = energy_gym.solve(env)
    assert solution.exact
    assert solution.value > idle_return(env.unwrapped.setup, *env.unwrapped.steps_left, env.unwrapped.states)


def test_it_is_the_best_of_all_limit_prices(producers: Any) -> None:
    """An hourly slot of two half hours: bids of all volumes with all limits that differ, storage at all levels."""
    for seed in range(2):
        data = whole_series(producers, seed).set_axis(pd.date_range("2024-03-01", periods=30, freq="30min", tz="UTC"))
        market = producers.hourly_market(floor_per_mwh=-300.0, cap_per_mwh=400.0)
        supply = Supply(60.0, 1000.0, 1000.0)
        changes = {"storage": producers.plant(), "supply": supply, "sell_kw": 2000.0, "buy_kw": 2000.0}
        changes |= {"bids": "price-volume", "objective": Objective(terminal="free")}
        chosen = producers.scenario(producers.PENALTIES["dual"], (market,), **changes)
        env = gym.make(ID, data=data, scenario=chosen)
        env.reset(options={"start": data.index[4], "steps": 4})
        price = data["price_per_mwh"].to_numpy()[6:8]
        limits = [(limit - 50.0) / 350.0 for limit in (-300.0, price.mean(), 400.0)]
        bids = [(0.0, 0.0), *itertools.product((-1.0, -0.5, 0.5, 1.0), limits)]
        best = max(
            earns(env, [(level, 0.0, *(bid if place == 0 else (0.0, 0.0))) for place, level in plan])
            for bid in bids
            for plan in (list(enumerate(levels)) for levels in itertools.product((-1.0, 0.0, 1.0), repeat=4))
        )
        solution = energy_gym.solve(env)
        assert solution.exact
        assert solution.value == pytest.approx(best, abs=1e-6), seed


def made(producers: Any, data: pd.DataFrame, penalty: Any, market: Any, steps: int = 24, **changes: Any) -> Any:
    env = gym.make(ID, data=data, scenario=producers.scenario(penalty, (market,), **changes), episode_steps=steps)
    env.reset(seed=1)
    return env


def searched(env: Any, actions: list[Any], tries: int, seed: int = 0) -> float:
    """Return what a search from a plan earns that changes one bid of it at a time, as a rule to one of all or none."""
    random, best, held = np.random.default_rng(seed), -np.inf, np.array(actions)
    for attempt in range(tries):
        play = held.copy()
        if attempt:
            step = random.integers(len(play))
            play[step, 2] = random.choice([-1.0, 0.0, 1.0, random.uniform(-1.0, 1.0)])
            play[step, 3:] = random.uniform(-1.0, 1.0, play.shape[1] - 3)
        earned = earns(env, play)
        best, held = (earned, play) if earned > best else (best, held)
    return float(best)


def window_of(env: Any) -> BidWindow:
    """Return the rest of an environment's episode as the oracle states it."""
    return actual_window(env.unwrapped.gates, env.unwrapped.states)


@pytest.mark.parametrize("name", ["linear", "dual"])
@pytest.mark.parametrize("sizes", [{"tick_kw": 0.0}, {"tick_kw": 250.0}], ids=["any size", "ticks"])
def test_bids_that_move_the_price(producers: Any, name: str, sizes: dict[str, float]) -> None:
    market = producers.hourly_market(**sizes)
    env = made(producers, producers.series(60), producers.PENALTIES[name], market, 12, impact=LinearImpact(4.0))
    solution = energy_gym.solve(env, time_limit=30.0)
    assert solution.bound - solution.value < 1e-4 * abs(solution.value), solution
    assert searched(env, solution.actions, 100) <= solution.bound + 1e-6
    earned = sum(env.step(action)[1] for action in solution.actions)
    assert earned == pytest.approx(solution.value, abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_plan_and_bound_meet_where_bids_of_any_size_move_the_price(producers: Any, seed: int) -> None:
    """However steep the impact and whatever the penalty, as long as the money is convex."""
    random = np.random.default_rng(seed)
    market = producers.hourly_market(tick_kw=0.0, floor_per_mwh=-4000.0, cap_per_mwh=4000.0)
    penalty = producers.PENALTIES[("linear", "dual", "convex")[seed % 3]]
    slope = float(10.0 ** random.uniform(-1.0, 1.5))
    sizes = {"sell_kw": float(random.uniform(500.0, 9000.0)), "buy_kw": float(random.uniform(0.0, 9000.0))}
    data = producers.series(60, seed)
    env = made(producers, data, penalty, market, 36, impact=LinearImpact(slope), **sizes)
    solution = energy_gym.solve(env)
    assert solution.exact, solution
    assert searched(env, solution.actions, 50, seed) <= solution.bound + 1e-6
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)


def test_bids_in_ticks_that_are_taken_in_part_stay_below_the_bound(producers: Any) -> None:
    """A limit a hair below the price takes just what is left of the wind, between two ticks."""
    data = producers.series(60).assign(price_per_mwh=50.0)
    small = producers.plant(level_initial=0.0, pump_kw=1.0, turbine_kw=1.0, reservoir_kwh=10.0)
    changes = {"impact": LinearImpact(0.001), "storage": small, "supply": Supply(60.0, 0.0, 1.0)}
    penalty = LinearPenalty(300.0, 300.0)
    env = made(producers, data, penalty, producers.hourly_market(), 12, bids="price-volume", **changes)
    solution, now = energy_gym.solve(env), env.unwrapped.steps_left[0]
    play = np.array(solution.actions)
    left = -env.unwrapped.setup.units[0].fixed_kwh[now + 1 : now + 12]
    play[:11, 2], play[:11, 3] = -1.0, (50.0 - left / 1000.0 * 0.001 - 1750.0) / 2250.0
    earned = earns(env, play)
    assert solution.value < earned <= solution.bound + 1e-6
    assert not solution.exact


@pytest.mark.parametrize("sizes", [{"tick_kw": 0.0}, {"tick_kw": 500.0}], ids=["any size", "ticks"])
@pytest.mark.parametrize("name", ["linear", "dual"])
def test_the_smallest_size_is_stated(producers: Any, name: str, sizes: dict[str, float]) -> None:
    market = producers.hourly_market(minimum_kw=1500.0, **sizes)
    env = made(producers, producers.series(60, seed=3), producers.PENALTIES[name], market)
    solution = energy_gym.solve(env, time_limit=30.0)
    assert solution.exact, solution
    free = made(producers, producers.series(60, seed=3), producers.PENALTIES[name], producers.hourly_market(**sizes))
    assert energy_gym.solve(free).value > solution.value + 1.0
    assert searched(env, solution.actions, 100) <= solution.bound + 1e-6
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)


@pytest.mark.parametrize("sizes", [{"tick_kw": 0.0}, {"tick_kw": 500.0, "minimum_kw": 1000.0}], ids=["any", "sizes"])
@pytest.mark.parametrize("impact", [None, LinearImpact(2.0)], ids=["taker", "impact"])
def test_a_limit_price_chooses_among_the_steps_of_a_slot(producers: Any, sizes: dict[str, float], impact: Any) -> None:
    """Hourly bids on prices by the quarter of an hour: what no limit price can do earns less."""
    data = producers.series(4 * 96, minutes=15)
    market = producers.hourly_market(floor_per_mwh=-200.0, cap_per_mwh=300.0, **sizes)
    more: dict[str, Any] = {} if impact is None else {"impact": impact}
    single = producers.PENALTIES["single"]
    env = made(producers, data, single, market, 28, bids="price-volume", **more)
    solution = energy_gym.solve(env, time_limit=20.0)
    assert solution.exact or impact is not None, solution
    assert searched(env, solution.actions, 300) <= solution.bound + 1e-6
    if impact is None:
        plain = energy_gym.solve(made(producers, data, single, market, 28))
        assert solution.value > plain.value + 1.0
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)


def test_hourly_bids_on_belgian_quarter_hours(real_data: Any) -> None:
    """Since October 2025 the day-ahead price changes by the quarter of an hour: limit prices are worth something."""
    found = []
    for bids in ("volume", "price-volume"):
        env = gym.make(ID, dataset="belgium", split="test", bids=bids)
        env.reset(options={"start": "2025-10-05T08:00Z", "steps": 136})
        solution = energy_gym.solve(env)
        assert solution.exact
        assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)
        found.append(solution.value)
    assert found[1] > found[0] + 100.0


@pytest.mark.parametrize("sizes", [{"tick_kw": 0.0}, {"tick_kw": 500.0, "minimum_kw": 1000.0}], ids=["any", "sizes"])
def test_pyomo_states_limit_prices_and_sizes_the_same(producers: Any, sizes: dict[str, float]) -> None:
    data = producers.series(4 * 96, minutes=15)
    market = producers.hourly_market(floor_per_mwh=-200.0, cap_per_mwh=300.0, **sizes)
    env = made(producers, data, producers.PENALTIES["dual"], market, 12, bids="price-volume")
    window = window_of(env)
    model, other = ArrayModel(12), PyomoModel(12)
    state_window(model, window)
    state_window(other, window)
    assert model.solve().bound == pytest.approx(solve_model(other.finished()), abs=1e-5)


@pytest.mark.parametrize("limit", [{"time_limit": 0.0}, {"time_limit": -1.0}])
def test_a_time_limit_is_positive(limit: dict[str, float]) -> None:
    env = gym.make(ID)
    env.reset(seed=0)
    with pytest.raises(energy_gym.errors.NonPositiveError):
        energy_gym.solve(env, **limit)


def test_over_a_clock_change(producers: Any) -> None:
    zone = "Europe/Copenhagen"
    data = producers.series(144, start="2024-10-25", zone=zone)
    chosen = producers.scenario(producers.PENALTIES["dual"], (eu_day_ahead(zone),))
    env = gym.make(ID, data=data, scenario=chosen, episode_steps=None)
    env.reset()
    solution = energy_gym.solve(env)
    assert solution.exact
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)
    # A day of 25 hours asks for one bid more than one of 24: without it, less is earned.
    cut = [np.where(np.arange(27) == 26, 0.0, action) for action in solution.actions]
    env.reset()
    assert sum(env.step(action)[1] for action in cut) < solution.value - 1.0


def test_the_supply_is_shifted_within_the_day(producers: Any) -> None:
    data = producers.series(72, seed=1)
    data["balancing_up_per_mwh"] = data["balancing_down_per_mwh"] = data["imbalance_per_mwh"]
    tied = producers.scenario(producers.PENALTIES["single"], supply=Supply(60.0, 400.0, 2000.0, 5000.0, 5000.0))
    free = replace(
        tied, contracts={**tied.contracts, "supply": Supply(60.0, 400.0, 2000.0, 5000.0, 5000.0, matching="step")}
    )
    found = []
    for chosen in (tied, free):
        env = gym.make(ID, data=data, scenario=chosen, episode_steps=None)
        env.reset()
        solution = energy_gym.solve(env)
        assert solution.exact
        table = solution.table
        wanted = data["load_kw"].clip(400.0, 2000.0).to_numpy()
        by_day = (table["supplied_kw"] - wanted).groupby(table.index.date).sum()
        np.testing.assert_allclose(by_day, 0.0, atol=1e-6)
        found.append(solution.value)
    assert found[0] > found[1] + 1.0


def test_what_a_roof_earns_at_dawn_is_not_lost_to_a_solvers_tolerance(producers: Any) -> None:
    pv_kw = np.array([0.00282, 0.08116, 0.03722, 0.53369, 0.31733, 0.06654, 0.53061])
    surplus, carbon = np.array([30, 140, -50, 100, 40, 130, 100]), np.array([648, 163, 687, 46, 536, 504, 452])
    columns = {
        "price_per_mwh": [90.0, -90.0, 80.0, 110.0, -30.0, 0.0, -40.0],
        "balancing_up_per_mwh": [-100.0, 140.0, 10.0, 170.0, 120.0, 70.0, 30.0],
        "balancing_down_per_mwh": surplus.astype(float),
        "carbon_g_per_kwh": carbon.astype(float),
        "load_kw": [3.5, 0.8, 2.2, 3.3, 1.0, 1.5, 3.6],
        "pv_kw": pv_kw,
    }
    hours = pd.date_range("2024-04-01", periods=112, freq="30min", tz="UTC")
    data = pd.DataFrame({name: np.tile(values, 16) for name, values in columns.items()}, index=hours)
    later = Market("later", "price_per_mwh", "0 22 * * *", "UTC", LocalDay(2), 60, 0, Limits(0.3, 1e6, 0.0, -27.0))
    trading = Trading((later,), producers.PENALTIES["dual"], sell_kw=3.0, buy_kw=4.4, bids="price-volume")
    roof = {"roof": Solar(curtailment="action"), "consumer": Consumer(), "grid": Grid(8.4)}
    chosen = Scenario("dawn", roof, {"trading": trading, "supply": Supply(90.0, 0.0, 0.0, shortfall_per_mwh=0.0)})
    shown = {"horizon": 2, "forecast": "published", "published": "day-ahead 13:00", "episode_steps": None}
    env = gym.make(ID, data=data, scenario=chosen, objective="joint", carbon_price=60.0, **shown)
    env.reset(options={"start": hours[0], "steps": 7})
    # Nothing is sold yet: each half hour's energy is a surplus, or is curtailed where a surplus costs.
    by_hand = np.maximum(pv_kw / 2.0 * (surplus / 1e3 + carbon / 1e6 * 60.0), 0.0).sum()
    assert energy_gym.solve(env).value == pytest.approx(by_hand, abs=1e-9)
