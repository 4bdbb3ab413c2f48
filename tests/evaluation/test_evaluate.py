"""One episode, scored: the figures against a replay by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery
from energy_gym.agents import make_agent
from energy_gym.evaluation import daily_rewards

ID = "energy_gym/Arbitrage-v1"
PARTS = ("energy_cost", "carbon_kg", "wear", "penalty", "demand_charge", "cost")


class Oracle:
    """Plays a plan it was handed."""

    def __init__(self, env: Any) -> None:
        self.env = env

    def reset(self) -> None:
        self.plan = iter(energy_gym.solve(self.env).actions)

    def act(self, observation: Any, info: Any) -> Any:
        return next(self.plan)


@pytest.mark.parametrize("actions", ["continuous", "discrete-3"])
@pytest.mark.parametrize("objective", ["cost", "carbon", "joint"])
@pytest.mark.parametrize("name", ["idle", "uniform", "threshold", "mpc"])
def test_figures_are_those_of_the_episode(series: pd.DataFrame, name: str, actions: str, objective: str) -> None:
    keywords: dict[str, Any] = {"data": series, "actions": actions, "objective": objective, "episode_steps": 48}
    keywords["battery"] = Battery(wear_per_kwh=0.01)
    env = gym.make(ID, **keywords)
    agent = make_agent(name, env).fit()
    result = energy_gym.evaluate(agent, env, seed=9)
    observation, info = env.reset(seed=9)
    physical = energy_gym.solve(env, continuous=True)
    agent.reset()
    earned, parts, over = 0.0, dict.fromkeys(PARTS, 0.0), False
    while not over:
        observation, reward, _, over, info = env.step(agent.act(observation, info))
        earned += reward
        for part in PARTS:
            parts[part] += info[part]
    assert result.return_ == pytest.approx(earned, abs=1e-12)
    assert result.oracle_value == physical.value
    assert result.oracle_bound == physical.bound
    assert result.regret == pytest.approx(physical.bound - earned, abs=1e-12)
    assert result.regret >= 0.0
    assert result.idle == 0.0
    assert result.score == pytest.approx(earned / physical.value, abs=1e-9)
    assert result.steps == 48
    assert result.steps_per_second > 0.0
    assert dict(result.parts) == pytest.approx(parts)


def test_idle_scores_zero_and_foresight_one(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series, episode_steps=48)
    idle = energy_gym.evaluate(make_agent("idle", env), env, seed=2)
    best = energy_gym.evaluate(Oracle(env), env, seed=2)
    assert idle.score == 0.0
    assert best.score == pytest.approx(1.0, abs=1e-6)
    assert best.regret == pytest.approx(0.0, abs=1e-6)


def test_idle_pays_for_standby_losses(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series, episode_steps=24, battery=Battery(self_discharge_per_day=0.5))
    result = energy_gym.evaluate(make_agent("idle", env), env, seed=2)
    lost = 5.0 * 0.5
    assert result.idle == pytest.approx(-lost * float(series["price_per_mwh"].mean()) / 1000.0)
    assert result.score == pytest.approx(0.0, abs=1e-9)


def test_nothing_to_earn_is_no_score() -> None:
    index = pd.date_range("2024-01-01", periods=24, freq="h", tz="UTC")
    env = gym.make(ID, data=pd.DataFrame({"price_per_mwh": 50.0}, index=index), episode_steps=None)
    result = energy_gym.evaluate(make_agent("idle", env), env)
    assert np.isnan(result.score)
    assert result.regret == pytest.approx(0.0, abs=1e-9)


def test_options_and_a_known_oracle(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series)
    options = {"start": series.index[12], "steps": 30}
    env.reset(options=options)
    known = energy_gym.solve(env, continuous=True)
    one = energy_gym.evaluate(make_agent("mpc", env), env, options=options)
    two = energy_gym.evaluate(make_agent("mpc", env), env, options=options, oracle=known)
    assert (one.return_, one.regret, one.steps) == (two.return_, two.regret, 30)


def test_daily_regret_adds_up_by_local_day() -> None:
    index = pd.date_range("2024-03-09T05:00Z", periods=72, freq="h").tz_convert("America/New_York")
    prices = 50.0 + 40.0 * np.random.default_rng(4).normal(size=72)
    env = gym.make(ID, data=pd.DataFrame({"price_per_mwh": prices}, index=index), episode_steps=None)
    result = energy_gym.evaluate(make_agent("idle", env), env)
    assert list(result.daily_regret) == ["2024-03-09", "2024-03-10", "2024-03-11", "2024-03-12"]
    assert sum(result.daily_regret.values()) == pytest.approx(result.oracle_value - result.return_, abs=1e-9)
    env.reset(seed=0)
    rewards = energy_gym.solve(env, continuous=True).table["reward"].tz_convert("America/New_York")
    assert rewards["2024-03-10"].size == 23  # the clock goes forward
    for day, lost in result.daily_regret.items():
        assert lost == pytest.approx(rewards[day].sum(), abs=1e-9)


def test_daily_regret_needs_the_days_of_the_oracle(series: pd.DataFrame) -> None:
    @dataclass(frozen=True)
    class Kept:
        value: float
        bound: float
        daily: dict[str, float]

    env = gym.make(ID, data=series, episode_steps=48)
    env.reset(seed=3)
    best = energy_gym.solve(env, continuous=True)
    agent = make_agent("mpc", env)
    genuine = energy_gym.evaluate(agent, env, seed=3).daily_regret
    kept = Kept(best.value, best.bound, daily_rewards(best))
    assert energy_gym.evaluate(agent, env, seed=3, oracle=kept).daily_regret == genuine
    for days in ({}, {"2024-03-01": 0.0}):
        bare = Kept(best.value, best.bound, days)
        assert energy_gym.evaluate(agent, env, seed=3, oracle=bare).daily_regret == {}


@pytest.mark.parametrize("seed", range(10))
def test_regret_of_any_agent_on_any_battery_is_not_negative(seed: int) -> None:
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-01-01", periods=60, freq="30min", tz="UTC")
    columns = {"price_per_mwh": random.normal(0.0, 100.0, 60), "carbon_g_per_kwh": random.uniform(0.0, 500.0, 60)}
    battery = Battery(efficiency_charge=float(random.uniform(0.5, 1.0)), self_discharge_per_day=float(seed % 2) * 0.3)
    keywords = {"battery": battery, "objective": "joint", "episode_steps": None}
    env = gym.make(ID, data=pd.DataFrame(columns, index=index), **keywords)
    for name in ("idle", "uniform", "threshold", "mpc"):
        assert energy_gym.evaluate(make_agent(name, env, seed).fit(), env).regret >= 0.0


@pytest.mark.parametrize("name", ["mpc", "threshold"])
def test_an_agent_of_another_environment_is_no_silent_mistake(series: pd.DataFrame, name: str) -> None:
    """It is refused, or plays as one made for this environment would; it never acts on what the other one shows."""
    env, other = (gym.make(ID, data=series, episode_steps=48) for _ in range(2))
    other.reset(seed=5)
    expected = energy_gym.evaluate(make_agent(name, env).fit(), env, seed=2).return_
    try:
        result = energy_gym.evaluate(make_agent(name, other).fit(), env, seed=2)
    except energy_gym.EnergyGymError:
        return
    assert result.return_ == pytest.approx(expected)
