"""A producer that sells the day before and again within the day, each at the price of its market."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from energy_gym import Scenario, solve
from energy_gym.contracts.market import eu_day_ahead, eu_intraday
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
