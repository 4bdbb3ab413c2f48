"""Every agent on every id: it plays, or refuses in one line that says why; the table of both."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

import energy_gym
from energy_gym.agents import agent_ids, make_agent, validation
from energy_gym.agents.base import DECISIONS
from energy_gym.agents.registry import agent_class, agent_factory
from energy_gym.agents.suitability import table
from energy_gym.errors import ConfigurationError, MissingExtraError
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
SITES = ("Arbitrage", "Commercial", "HomeSolar", "Microgrid", "Scenario")
POWER = dict.fromkeys(("Bidding", "FleetReserve"), DECISIONS["power"])
BIDS = dict.fromkeys((*SITES, "FleetReserve"), DECISIONS["bids"])
FLEET = dict.fromkeys((*SITES, "Bidding"), DECISIONS["fleet"])
NO_PEAKS = dict.fromkeys(
    ("Arbitrage", "HomeSolar", "Microgrid", "Scenario"), "needs a demand charge that the objective counts"
)
# Why an agent does not play an id: what it says. All others play.
REFUSALS: dict[str, dict[str, str]] = {
    "annealing": POWER,
    "threshold": POWER,
    "mpc-stochastic": POWER,
    "l2o": {**POWER, "Commercial": "plans one battery, without limits of the connection and demand charges"},
    "peak-shaving": {**POWER, **NO_PEAKS},
    "self-consumption": {**POWER, "Arbitrage": "needs a site with generation and load"},
    "tariff-clock": {**POWER, "Arbitrage": "needs a tariff"},
    **dict.fromkeys(("bid-forecast", "bid-greedy", "bid-split", "bid-stochastic"), BIDS),
    **dict.fromkeys(("follow", "greedy"), FLEET),
    "sdp": POWER,
    "rollout": {**POWER, "Arbitrage": "holds one battery behind one meter with load or generation"},
    "milp": {"Bidding": f"{DECISIONS['power']} or {DECISIONS['fleet']}"},
}
# Kinds of action that an agent does not play.
UNPLAYED = {
    "dqn": "continuous",
    **dict.fromkeys(("sac", "l2o", "bid-forecast", "bid-greedy", "bid-split"), "discrete-3"),
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


def refusal(agent: str, name: str, actions: str) -> str | None:
    """Return what an agent says that does not play an id with a kind of action; None where it plays."""
    said = REFUSALS.get(agent, {}).get(name.partition("/")[2].removesuffix("-v1"))
    if said in DECISIONS.values() or UNPLAYED.get(agent) != actions:
        return said
    other = "discrete" if actions == "continuous" else "continuous"
    return f"plays {other} actions only"


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
    said = refusal(agent, name, actions)
    if said is not None:
        with pytest.raises(ConfigurationError, match=rf"^agent '{agent}' on .*: {said}.*; .") as refused:
            built(agent, env)
        assert "\n" not in str(refused.value)
        return
    try:
        agent_factory(agent).check_installed()
    except MissingExtraError as error:
        pytest.skip(str(error))
    player = built(agent, env)
    if agent in BUDGETS:
        player.fit(None if agent == "l2o" else training(name, actions), budget=BUDGETS[agent])
    elif hasattr(player, "fit"):
        player.fit()
    result = energy_gym.evaluate(player, env, seed=5, oracle=best(name, actions))
    assert result.steps == STEPS
    assert result.regret >= 0.0


@pytest.mark.parametrize("agent", agent_ids())
def test_what_an_agent_prefers_it_plays(agent: str) -> None:
    factory = agent_factory(agent)
    assert factory.preferred_actions.partition("-")[0] in factory.kinds
    assert UNPLAYED.get(agent, "").partition("-")[0] not in factory.kinds
    assert len(factory.kinds) == 2 or agent in UNPLAYED


@pytest.mark.parametrize("name", IDS)
def test_somebody_plays_each_id(name: str) -> None:
    """What an id asks for, somebody beside doing nothing and chance decides."""
    env: Any = made(name, "continuous")
    able = [agent for agent in agent_ids() if env.unwrapped.decision in agent_class(agent).decides]
    assert set(able) > {"idle", "uniform"}
    assert env.unwrapped.decision in DECISIONS


def test_the_table_of_the_guide_is_what_the_agents_say() -> None:
    guide = Path(__file__).resolve().parents[2] / "docs" / "learning.md"
    if not guide.is_file():
        pytest.skip("not a checkout")
    assert table(made) in guide.read_text(encoding="utf-8")


def test_every_learner_is_small_here() -> None:
    learners = {agent for agent in agent_ids() if agent_factory(agent).learns}
    assert learners == set(SMALL) == set(BUDGETS)
