"""What a producer can attain whose deviations have a price that is known later: the dual bound, under a law by hand."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import attainable
from energy_gym.agents.bid_deviations import Deviations
from energy_gym.agents.bid_stochastic import BidStochastic
from energy_gym.bidding.oracle import replay_bids
from energy_gym.contracts.clearing import LinearImpact
from energy_gym.contracts.deviation import DualPrice, LinearPenalty, SinglePrice
from energy_gym.contracts.market import Ahead, Limits, Market
from energy_gym.contracts.supply import Supply
from energy_gym.contracts.trading import Trading
from energy_gym.entities import Battery, Consumer, Wind
from energy_gym.errors import ConfigurationError
from energy_gym.evaluation.bid_path import BidPath
from energy_gym.forecast.recent import FEATURES
from energy_gym.scenario import Scenario

STEPS, FIRST, DAYS = 4, 24, 4
NEXT = Market(
    "next", deadline="0 * * * *", zone="UTC", delivers=Ahead(60, 1), slot_minutes=60, limits=Limits(tick_kw=1.0)
)
LATER = Market(
    "later", deadline="0 * * * *", zone="UTC", delivers=Ahead(120, 1), slot_minutes=60, limits=Limits(tick_kw=1.0)
)


def made(missed: Any = (), deviation: Any = None, **trading: Any) -> Any:
    """Return a producer, reset, whose deviations cost the market's price and what was missed in each of its steps."""
    index = pd.date_range("2024-03-01", periods=24 * DAYS, freq="h", tz="UTC")
    hour = index.hour.to_numpy()
    price = 60.0 + 30.0 * np.sin(hour * np.pi / 6.0)
    frame = pd.DataFrame({"price_per_mwh": price, "load_kw": 800.0, "wind_kw": 900.0 + 40.0 * (hour % 5)}, index)
    off = np.zeros(len(index))
    off[FIRST : FIRST + len(missed)] = missed
    settled = SinglePrice("imbalance_per_mwh") if deviation is None else deviation
    for name, sign in zip(settled.columns, (1.0, -1.0), strict=False):
        frame[name] = price + off + (sign * 10.0 if len(settled.columns) > 1 else 0.0)
    market = {"markets": (NEXT,), "deviation": settled, "sell_kw": 3000.0, "buy_kw": 2000.0, **trading}
    scenario = Scenario(
        "small",
        {"wind": Wind(), "store": Battery(4000.0, 1000.0, 1000.0, 0.9, 0.9), "consumer": Consumer()},
        {"trading": Trading(**market), "supply": Supply(60.0, 400.0, 2000.0, shortfall_per_mwh=250.0)},
    )
    env = gym.make("energy_gym/Bidding-v1", scenario=scenario, data=frame, split="all", zone="UTC", episode_steps=STEPS)
    env.reset(options={"start": "2024-03-02T00:00Z"})
    return env


def knowing(env: Any, distances: tuple[float, ...] = (0.0,)) -> BidStochastic:
    """Return an agent that expects the same distance from the market's price at any time."""
    agent, count = BidStochastic(env), len(distances)
    weights = np.zeros((count, env.unwrapped.setup.tape.horizon, FEATURES))
    weights[:, :, -1] = np.array(distances)[:, None]
    agent.deviations = Deviations(weights, np.tile([-1e3, 1e3], (count, 1)))
    return agent


def test_the_mean_over_all_paths_is_the_value_of_the_best_policy() -> None:
    """Surprises are even and independent, and money is linear in them: what is best on the mean is the best policy."""
    best = energy_gym.solve(made(), continuous=True)
    bounds, foresight = [], []
    for missed in product((-40.0, 40.0), repeat=STEPS):
        env = made(missed)
        agent = knowing(env)
        bounds.append(attainable(env, law=agent, penalty=1.0).bound)
        foresight.append(attainable(env, law=agent, penalty=0.0).bound)
    assert np.mean(bounds) == pytest.approx(best.bound, rel=1e-6)
    assert np.mean(foresight) > best.bound * 1.05


def test_what_is_taken_off_is_nothing_on_average_whatever_is_played() -> None:
    """Bids and powers that know no surprise earn the same on average at the prices of the relaxed path."""
    entries = np.random.default_rng(3).uniform(-1.0, 1.0, (STEPS, made().unwrapped.setup.controls))
    gaps = []
    for missed in product((-40.0, 40.0), repeat=STEPS):
        env = made(missed).unwrapped
        path = BidPath.of(env, knowing(env).deviations)  # type: ignore[arg-type]  # it has just been given
        plan = replay_bids(env.gates, env.states, entries)
        told = replay_bids(_at(env, path).gates, env.states, entries)
        gaps.append(plan.value - told.value)
    assert max(np.abs(gaps)) > 1.0
    assert np.mean(gaps) == pytest.approx(0.0, abs=1e-9)


def _at(env: Any, path: BidPath) -> Any:
    """Return a producer at the prices that were expected."""
    assert path.relaxed(1.0).imbalance.keys() == path.came.imbalance.keys()
    return made(path.relaxed(1.0).imbalance["imbalance_per_mwh"] - path.came.markets[0].price).unwrapped


@pytest.mark.parametrize("deviation", [SinglePrice("imbalance_per_mwh"), DualPrice()])
def test_without_surprise_it_is_foresight(deviation: Any) -> None:
    env = made(deviation=deviation)
    agent = knowing(env, (10.0, -10.0) if len(deviation.columns) > 1 else (0.0,))
    best = energy_gym.solve(env, continuous=True)
    for penalty in (0.0, 0.5, 1.0):
        found = attainable(env, law=agent, penalty=penalty)
        assert found.bound == pytest.approx(best.bound, rel=1e-6), penalty
        assert found.value <= found.bound + 1e-6


def test_an_expected_distance_is_bid_for_and_a_surprise_is_not() -> None:
    """Where deviations are known to earn 20 more, that is had; a law that expects nothing leaves it to foresight."""
    env = made((20.0,) * STEPS)
    idle = attainable(made(), law=knowing(made()), penalty=1.0).bound
    told = attainable(env, law=knowing(env, (20.0,)), penalty=1.0)
    untold = attainable(env, law=knowing(env), penalty=1.0)
    best = energy_gym.solve(env, continuous=True)
    assert told.bound == pytest.approx(best.bound, rel=1e-6)
    assert untold.bound < told.bound - 50.0
    # What is generated and not moved is settled at the price that came, whoever expects what.
    moved = 20.0 * STEPS * float(np.mean(env.unwrapped.setup.units[0].window(FIRST, FIRST + STEPS).fixed_kwh)) / 1000.0
    assert untold.bound == pytest.approx(idle - moved, rel=1e-3)


def test_the_environment_stays_as_it_is_and_a_copy_bids_for_itself() -> None:
    env = made((5.0, -5.0) * 2).unwrapped
    before = [part.copy() for part in env.gates.ahead()]
    attainable(env, law=knowing(env))
    assert env.steps_left == (FIRST, FIRST + STEPS)
    twin = copy.copy(env)
    twin.step(np.ones(env.setup.controls))
    assert env.steps_left == (FIRST, FIRST + STEPS)
    assert all(np.array_equal(one, other) for one, other in zip(before, env.gates.ahead(), strict=True))
    assert not all(np.array_equal(one, other) for one, other in zip(before, twin.gates.ahead(), strict=True))


def test_a_law_is_fitted_where_none_is_given() -> None:
    env = gym.make("energy_gym/Bidding-v1", split="test", episode_steps=72)
    env.reset(seed=0)
    found = attainable(env)
    best = energy_gym.solve(env, continuous=True)
    assert found.law == "bid-stochastic"
    assert found.value < found.bound < 1.1 * best.bound
    assert sum(found.daily.values()) == pytest.approx(found.bound)
    assert found.low < found.bound < found.high


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"markets": (NEXT, replace(LATER, price="imbalance_per_mwh"))}, "several markets: have prices"),
        ({"bids": "price-volume"}, "bids with limit prices: hang on a price"),
        ({"impact": LinearImpact(0.01)}, "bids that move the price: are not settled"),
        ({"deviation": LinearPenalty(100.0)}, "without a price known later: leave nothing"),
    ],
)
def test_what_is_not_bounded_is_refused(changes: Any, message: str) -> None:
    env = made(**changes)
    with pytest.raises(ConfigurationError, match=message):
        attainable(env)
