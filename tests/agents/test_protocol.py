"""One protocol for every agent: act, reset, fit, save and load; and the two that neither learn nor look ahead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym.agents import Agent, agent_ids, make_agent
from energy_gym.errors import ConfigurationError, ResetNeededError, UnknownIdError

ID = "energy_gym/Arbitrage-v1"
NAMES = agent_ids()
ACTIONS = ("continuous", "discrete-3", "discrete-5")


def make(data: pd.DataFrame, actions: str = "continuous", **keywords: Any) -> Any:
    return gym.make(ID, data=data, actions=actions, **{"episode_steps": 30, "horizon": 12, **keywords})


def play(agent: Agent, env: Any, seed: int = 4) -> list[Any]:
    observation, info = env.reset(seed=seed)
    agent.reset()
    done, taken = [], False
    while not taken:
        action = agent.act(observation, info)
        observation, _, _, taken, info = env.step(action)
        done.append(np.asarray(action).tolist())
    return done


def test_the_four_are_there() -> None:
    assert {"idle", "uniform", "threshold", "mpc"} <= set(NAMES)


@pytest.mark.parametrize("name", ["idle", "uniform", "threshold", "mpc"])
@pytest.mark.parametrize("actions", ACTIONS)
@pytest.mark.parametrize("objective", ["cost", "carbon", "joint"])
def test_every_action_is_playable_and_agents_repeat_themselves(
    series: pd.DataFrame, name: str, actions: str, objective: str
) -> None:
    env = make(series, actions, objective=objective)
    agent = make_agent(name, env, seed=1).fit()
    actions_played = play(agent, env)
    if actions == "continuous":
        assert np.shape(actions_played) == (30, 1)
        assert np.abs(actions_played).max() <= 1.0
    else:
        assert all(env.action_space.contains(action) for action in actions_played)
    assert play(agent, env) == actions_played


@pytest.mark.parametrize("name", ["idle", "uniform", "threshold", "mpc"])
@pytest.mark.parametrize("actions", ACTIONS)
def test_saved_and_loaded_it_acts_the_same(series: pd.DataFrame, name: str, actions: str, tmp_path: Path) -> None:
    env = make(series, actions)
    agent = make_agent(name, env, seed=23).fit()
    agent.save(tmp_path / "deep" / "folder")
    twin = make(series, actions)
    other = type(agent).load(tmp_path / "deep" / "folder", twin)
    assert type(other) is type(agent)
    assert play(other, twin) == play(agent, env)


def test_loading_what_does_not_fit(series: pd.DataFrame, tmp_path: Path) -> None:
    env = make(series)
    idle, uniform = make_agent("idle", env), make_agent("uniform", env)
    idle.save(tmp_path)
    for load, target in ((type(uniform).load, env), (type(idle).load, make(series, horizon=5))):
        with pytest.raises(ConfigurationError):
            load(tmp_path, target)
    with pytest.raises(ConfigurationError):
        type(idle).load(tmp_path / "nothing", env)
    (tmp_path / "agent.yaml").write_text("agent: [", encoding="utf-8")
    with pytest.raises(ConfigurationError):
        type(idle).load(tmp_path, env)


def test_unknown_agents_and_foreign_environments(series: pd.DataFrame) -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'mpc'"):
        make_agent("mcp", make(series))
    with pytest.raises(ConfigurationError):
        make_agent("idle", gym.make("CartPole-v1"))
    with pytest.raises(ConfigurationError):
        make_agent("no_such_module:Agent", make(series))
    with pytest.raises(ConfigurationError):
        make_agent("json:dumps", make(series))


@pytest.mark.parametrize("actions", ACTIONS)
def test_idle_moves_nothing(series: pd.DataFrame, actions: str) -> None:
    env = make(series, actions)
    observation, info = env.reset(seed=0)
    for _ in range(30):
        observation, reward, _, _, info = env.step(make_agent("idle", env).act(observation, info))
        assert reward == 0.0
        assert info["grid_kw"] == 0.0


@pytest.mark.parametrize("actions", ACTIONS)
def test_uniform_is_seeded_and_even(series: pd.DataFrame, actions: str) -> None:
    env = make(series, actions)
    assert play(make_agent("uniform", env, seed=1), env) == play(make_agent("uniform", env, seed=1), env)
    assert play(make_agent("uniform", env, seed=1), env) != play(make_agent("uniform", env, seed=2), env)
    agent = make_agent("uniform", env)
    drawn = np.array([agent.act(None, {}) for _ in range(4000)]).ravel()
    shares, _ = np.histogram(drawn, bins=env.action_space.n if actions != "continuous" else 4)
    assert shares.min() > 0.8 * len(drawn) / len(shares)
    if actions == "continuous":
        assert -1.0 <= drawn.min() < -0.98
        assert 0.98 < drawn.max() <= 1.0


def test_threshold_asks_to_be_fitted(series: pd.DataFrame) -> None:
    env = make(series)
    observation, info = env.reset(seed=0)
    with pytest.raises(ResetNeededError):
        make_agent("threshold", env).act(observation, info)
