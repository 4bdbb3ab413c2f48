"""Every agent on every id: it plays, or refuses in one error that says why."""

from __future__ import annotations

import functools
from typing import Any

import gymnasium as gym
import pytest

import energy_gym
from energy_gym.agents import agent_ids, make_agent, validation
from energy_gym.agents.base import DECISIONS
from energy_gym.agents.registry import agent_class, agent_factory
from energy_gym.errors import EnergyGymError
from energy_gym.scenarios.registration import SCENARIOS

IDS = sorted(SCENARIOS)
STEPS = 3
# What trains in the time of a test; the rest is the agents' own.
SMALL: dict[str, dict[str, Any]] = {
    "dqn": {"num_envs": 4, "hidden": [8]},
    "ppo": {"num_envs": 4, "hidden": [8], "rollout_steps": 8},
    "sac": {"num_envs": 4, "hidden": [8]},
    "l2o": {"width": 8, "candidates": 1, "days": 20, "batch_size": 8},
    "bc": {"hidden": [8], "expert": {"policy": "idle", "noise": 0.2, "episode_steps": 24}},
    "cql": {"hidden": [8], "expert": {"policy": "idle", "noise": 0.2, "episode_steps": 24}},
}
BUDGETS = {"dqn": 60, "ppo": 64, "sac": 40, "l2o": 4, "bc": 10, "cql": 10}


@functools.cache
def made(name: str, actions: str) -> Any:
    return gym.make(name, actions=actions, split="test", episode_steps=STEPS)


@functools.cache
def training(name: str, actions: str) -> Any:
    return made(name, actions).unwrapped.variant(split="train", episode_steps=96)


@functools.cache
def best(name: str, actions: str) -> Any:
    """Return the optimum of the episode that all agents play."""
    env = made(name, actions)
    env.reset(seed=5)
    return energy_gym.solve(env, continuous=True)


def built(agent: str, env: Any) -> Any:
    settings = SMALL.get(agent)
    return agent_class(agent)(env, 1, **settings) if settings else make_agent(agent, env, 1)


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("agent", agent_ids())
@pytest.mark.parametrize("actions", ["continuous", "discrete-3"])
def test_it_plays_or_refuses(name: str, agent: str, actions: str, monkeypatch: pytest.MonkeyPatch) -> None:
    env = made(name, actions)
    hours = env.unwrapped.setup.feed.step_hours
    monkeypatch.setattr(validation, "MOST_WEEKS", 1)
    monkeypatch.setattr(validation, "WEEK_HOURS", STEPS * hours)
    try:
        agent_factory(agent).check_installed()
        player = built(agent, env)
    except EnergyGymError as error:
        refusal = error
    else:
        refusal = None
    if refusal is not None:
        assert all(str(part).strip() for part in refusal.args)
        return
    if agent in BUDGETS:
        player.fit(None if agent == "l2o" else training(name, actions), budget=BUDGETS[agent])
    elif hasattr(player, "fit"):
        player.fit()
    result = energy_gym.evaluate(player, env, seed=5, oracle=best(name, actions))
    assert result.steps == STEPS
    assert result.regret >= 0.0


@pytest.mark.parametrize("name", IDS)
def test_somebody_plays_each_id(name: str) -> None:
    """What an id asks for, somebody beside doing nothing and chance decides."""
    env: Any = made(name, "continuous")
    able = [agent for agent in agent_ids() if env.unwrapped.decision in agent_class(agent).decides]
    assert set(able) > {"idle", "uniform"}
    assert env.unwrapped.decision in DECISIONS


def test_every_learner_is_small_here() -> None:
    learners = {agent for agent in agent_ids() if agent_factory(agent).learns}
    assert learners == set(SMALL) == set(BUDGETS)
