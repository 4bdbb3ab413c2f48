"""A producer that sells the day before and again within the day, each at the price of its market."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from energy_gym import Scenario, solve
from energy_gym.contracts.market_presets import eu_day_ahead, eu_intraday
from energy_gym.errors import MissingColumnError
from energy_gym.testing import check_scenario


@pytest.fixture
def frame(producers: Any) -> Any:
    data = producers.series(96, start="2024-03-01", zone="Europe/Copenhagen")
    return data.assign(intraday_per_mwh=data["price_per_mwh"] + np.random.default_rng(5).normal(0.0, 25.0, 96))


def sold_twice(producers: Any) -> Scenario:
    return producers.scenario(producers.PENALTIES["linear"], (eu_day_ahead(), eu_intraday()))


def test_all_that_the_suite_promises_holds(producers: Any, frame: Any) -> None:
    report = check_scenario(sold_twice(producers), frame, episodes=1, steps=18)
    assert report.best_random <= 1e-6


def test_within_the_day_the_plan_earns_more_than_without(producers: Any, frame: Any) -> None:
    values = []
    for markets in ((eu_day_ahead(),), (eu_day_ahead(), eu_intraday())):
        scenario = producers.scenario(producers.PENALTIES["linear"], markets)
        env = gym.make("energy_gym/Bidding-v1", data=frame, scenario=scenario, episode_steps=24)
        env.reset(options={"start": frame.index[10]})
        values.append(solve(env).value)
    assert values[1] > values[0] + 1.0


def test_a_scenario_names_it_by_its_preset() -> None:
    text = """
    entities: {wind: {}, storage: {kind: battery}, consumer: {}}
    contracts:
      trading: {markets: [eu-day-ahead-hourly, eu-intraday-hourly]}
      supply: {}
    """
    trading = Scenario.from_yaml(text).contracts["trading"]
    assert [market.name for market in trading.markets] == ["day_ahead", "intraday"]
    assert trading.markets[1] == eu_intraday()


def test_its_preset_is_played_without_any_data_of_ones_own() -> None:
    env = gym.make("energy_gym/Bidding-v1", preset="eu-intraday", episode_steps=24)
    _, info = env.reset(seed=3)
    within = np.array([name.startswith("intraday") for name in env.unwrapped.entries])
    assert [market.name for market in env.unwrapped.scenario.contracts["trading"].markets] == ["day_ahead", "intraday"]
    over, due = False, 0
    while not over:
        due += int(info["due"][within].sum())
        _, _, _, over, info = env.step(env.action_space.sample() * 0.0)
    assert due >= 22
    env.reset(seed=3)
    plan = solve(env)
    assert plan.exact
    assert sum(env.step(action)[1] for action in plan.actions) == pytest.approx(plan.value, abs=1e-6)


def test_data_without_a_price_within_the_day_are_refused() -> None:
    with pytest.raises(MissingColumnError, match="intraday_per_mwh"):
        gym.make("energy_gym/Bidding-v1", preset="eu-intraday", dataset="synthetic-dk2")
