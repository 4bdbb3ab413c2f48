"""Model predictive control: with perfect foresight over the whole episode it is the oracle."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery
from energy_gym.agents import make_agent

ID = "energy_gym/Arbitrage-v1"


def played(env: Any, seed: int = 3) -> tuple[float, float]:
    """Return what the oracle promises and what MPC earns."""
    observation, info = env.reset(seed=seed)
    value = energy_gym.solve(env).value
    agent = make_agent("mpc", env)
    earned, over = 0.0, False
    while not over:
        observation, reward, _, over, info = env.step(agent.act(observation, info))
        earned += reward
    return value, earned


@pytest.mark.parametrize("actions", ["continuous", "discrete-3", "discrete-5"])
@pytest.mark.parametrize("objective", ["cost", "carbon", "joint"])
@pytest.mark.parametrize("terminal", ["settle", "free"])
@pytest.mark.parametrize("horizon", [24, 40])
def test_perfect_foresight_makes_it_the_oracle(
    series: pd.DataFrame, actions: str, objective: str, terminal: str, horizon: int
) -> None:
    keywords = {"actions": actions, "objective": objective, "terminal": terminal, "horizon": horizon}
    battery = Battery(wear_per_kwh=0.002, charge_kw=3.0)
    env = gym.make(ID, data=series, battery=battery, forecast="perfect", episode_steps=24, **keywords)
    value, earned = played(env)
    assert earned == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("terminal", ["settle", "free"])
def test_also_with_standby_losses(series: pd.DataFrame, terminal: str) -> None:
    battery = Battery(self_discharge_per_day=0.2)
    env = gym.make(ID, data=series, battery=battery, forecast="perfect", episode_steps=18, terminal=terminal)
    value, earned = played(env)
    assert earned == pytest.approx(value, abs=1e-6)


def test_without_foresight_it_is_not(series: pd.DataFrame) -> None:
    value, published = played(
        gym.make(ID, data=series, published="day-ahead 13:00", zone="UTC", forecast="published", episode_steps=120)
    )
    again, yesterday = played(gym.make(ID, data=series, forecast="yesterday", episode_steps=120))
    assert again == value
    assert yesterday < published <= value + 1e-9
    assert yesterday < value - 0.1


def test_a_longer_look_ahead_pays(series: pd.DataFrame) -> None:
    returns = []
    for horizon in (1, 6, 72):
        env = gym.make(ID, data=series, forecast="perfect", episode_steps=72, horizon=horizon)
        returns.append(played(env)[1])
    assert returns[0] < returns[1] < returns[2]


def test_it_starts_from_the_current_state(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series, forecast="perfect", episode_steps=24)
    observation, info = env.reset(seed=3)
    for _ in range(6):
        observation, _, _, _, info = env.step(env.action_space.sample())
    value = energy_gym.solve(env).value
    agent = make_agent("mpc", env)
    earned, over = 0.0, False
    while not over:
        observation, reward, _, over, info = env.step(agent.act(observation, info))
        earned += reward
    assert earned == pytest.approx(value, abs=1e-6)
