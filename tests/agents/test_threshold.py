"""The threshold rule: fitted on the training split alone, and the best pair of quantiles there."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.agents import make_agent
from energy_gym.contracts import Tariff
from energy_gym.data.dataset import Dataset
from energy_gym.errors import UnsuitableAgentError

ID = "energy_gym/Arbitrage-v1"


def earned(env: Any, low: float, high: float) -> float:
    """Play the rule by hand on the published price of the hour."""
    env.reset()
    total, over = 0.0, False
    while not over:
        price = env.unwrapped.outlook()["price_per_mwh"][0] / 1000.0
        share = 1.0 if price <= low else (-1.0 if price >= high else 0.0)
        _, reward, _, over, _ = env.step(np.array([share]))
        total += reward
    return total


def test_fitted_on_the_training_split_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = make_agent("threshold", gym.make(ID, split="test")).fit()
    loaded = energy_gym.load("ercot-2021-2022")
    frame = loaded.frame.copy()
    frame.iloc[loaded.bounds("train")[1] :] *= -7.0
    monkeypatch.setattr(energy_gym.data, "load", lambda _: Dataset(loaded.card, frame, loaded.filled))
    other = make_agent("threshold", gym.make(ID, split="test")).fit()
    assert (other.low, other.high) == (agent.low, agent.high)
    frame.iloc[: loaded.bounds("train")[1]] += 100.0
    third = make_agent("threshold", gym.make(ID, split="test")).fit()
    assert (third.low, third.high) != (agent.low, agent.high)


def test_the_pair_is_the_best_of_its_grid(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series, published="at-start", episode_steps=None)
    agent = make_agent("threshold", env).fit()
    best = earned(env, agent.low, agent.high)
    known = series["price_per_mwh"].to_numpy() / 1000.0
    grid = np.quantile(known, np.linspace(0.1, 0.9, 9))
    others = [earned(env, low, high) for low in grid for high in grid if low < high]
    assert best == pytest.approx(max(others), abs=1e-9)
    assert best > 0.0


@pytest.mark.parametrize(
    ("forecast", "objective"), [("published", "cost"), ("yesterday", "cost"), ("published", "joint")]
)
def test_it_acts_on_what_it_sees(series: pd.DataFrame, forecast: str, objective: str) -> None:
    env = gym.make(ID, data=series, forecast=forecast, objective=objective, carbon_price=80.0)
    agent = make_agent("threshold", env).fit()
    observation, info = env.reset(seed=1)
    for _ in range(100):
        seen = {column: row[0] for column, row in env.unwrapped.outlook().items()}
        price = seen["price_per_mwh"] / 1000.0
        if objective == "joint":
            price += seen["carbon_g_per_kwh"] / 1e6 * 80.0
        action = agent.act(observation, info).item()
        assert action == (1.0 if price <= agent.low else (-1.0 if price >= agent.high else 0.0))
        observation, _, _, _, info = env.step(np.array([action]))


def test_a_constant_price_can_be_fitted() -> None:
    index = pd.date_range("2024-01-01", periods=48, freq="h", tz="UTC")
    env = gym.make(ID, data=pd.DataFrame({"price_per_mwh": 10.0}, index=index))
    agent = make_agent("threshold", env).fit()
    observation, info = env.reset(seed=0)
    assert -1.0 <= agent.act(observation, info).item() <= 1.0


def test_several_batteries_do_the_same(series: pd.DataFrame) -> None:
    """Two halves of a battery, each behind the same meter, are one."""
    half = {"capacity_kwh": 5.0, "charge_kw": 2.5, "discharge_kw": 2.5}
    tariff = Tariff("price_per_mwh", "price_per_mwh")
    pair = Scenario("pair", {"a": Battery(**half), "b": Battery(**half)}, {"spot": tariff})
    found = [
        make_agent("threshold", gym.make("energy_gym/Scenario-v1", scenario=scenario, data=series)).fit()
        for scenario in (pair, Scenario("one", {"a": Battery()}, {"spot": tariff}))
    ]
    assert (found[0].low, found[0].high) == (found[1].low, found[1].high)
    assert found[0].power(1.0).tolist() == [1.0, 1.0]


def test_a_price_that_never_changes_is_refused(series: pd.DataFrame) -> None:
    flat = Scenario("flat", {"battery": Battery()}, {"tariff": Tariff(200.0, 50.0)})
    env = gym.make("energy_gym/Scenario-v1", scenario=flat, data=series.assign(load_kw=1.0))
    with pytest.raises(UnsuitableAgentError, match="needs a price or a carbon intensity that changes"):
        make_agent("threshold", env)
