"""Learning to bid: cloning from the oracle's plans, Q-learning on choices, and what cloning takes no notice of."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym.agents import make_agent
from energy_gym.agents.records.experts import record_expert
from energy_gym.agents.records.trajectories import Trajectories
from energy_gym.envs.env import batch_of

ID = "energy_gym/Bidding-v1"


@pytest.fixture(scope="module")
def spring() -> pd.DataFrame:
    """Return two weeks of the synthetic market."""
    return energy_gym.load("synthetic-dk2").frame.iloc[24 * 80 : 24 * 94]


def of(spring: pd.DataFrame, **keywords: Any) -> Any:
    return gym.make(ID, data=spring, **{"episode_steps": 168, **keywords})


@pytest.fixture(scope="module")
def plans(spring: pd.DataFrame) -> Trajectories:
    """Return the oracle's plans of three weeks."""
    return record_expert(of(spring), policy="oracle", window=None, episodes=3)


def test_the_oracles_plans_are_recorded_as_they_are_played(plans: Trajectories, spring: pd.DataFrame) -> None:
    for episode in plans.episodes:
        assert episode.actions.shape == (168, 27)
        assert episode.return_ == pytest.approx(episode.oracle_value, rel=1e-4)
        assert episode.score == pytest.approx(1.0, abs=1e-3)
    plans.check_matches(of(spring))


def test_cloning_the_oracles_plans_beats_chance_and_doing_nothing(plans: Trajectories, spring: pd.DataFrame) -> None:
    pytest.importorskip("imitation")
    env = of(spring)
    agent = make_agent("bc", env, seed=1).fit(plans, budget=120)
    scores = [energy_gym.evaluate(other, env, seed=50).score for other in (agent, make_agent("uniform", env))]
    assert scores[0] > max(0.2, scores[1])


def test_cloning_takes_no_notice_of_bids_that_are_not_due(plans: Trajectories, spring: pd.DataFrame) -> None:
    env = of(spring)
    advice = make_agent("bc", env).advice(plans)
    blank = np.isnan(advice)
    assert not blank[:, :2].any()
    base, row = env.unwrapped, 0
    for episode in plans.episodes:
        base.reset(options={"start": episode.start, "steps": len(episode)})
        for action in episode.actions:
            np.testing.assert_array_equal(~blank[row, 2:].any(), base.due[2:].any())
            base.step(action)
            row += 1
    assert (~blank[:, 2:].any(axis=1)).sum() == 21


@pytest.mark.parametrize("policy", ["mpc", "oracle"])
def test_a_rolling_expert_of_a_producer_bids_as_far_as_bids_reach(policy: str, spring: pd.DataFrame) -> None:
    env = of(spring, episode_steps=60)
    episode = record_expert(env, policy=policy, window=24, seed=2).episodes[0]
    assert 0.5 < episode.score <= 1.0 + 1e-6
    noisy = record_expert(env, policy=policy, window=24, noise=0.5, seed=2).episodes[0]
    assert noisy.return_ < episode.return_


def test_experts_advise_choices(spring: pd.DataFrame) -> None:
    found = record_expert(of(spring, actions="discrete-3"), policy="mpc", episode_steps=48)
    assert found.levels is not None and len(found.levels) == 12
    assert found.advice.dtype == np.int64


def test_dqn_learns_from_choices(spring: pd.DataFrame) -> None:
    pytest.importorskip("stable_baselines3")
    env = of(spring, actions="discrete-3")
    agent = make_agent("dqn", env, seed=1)
    agent.settings |= {"hidden": [32], "num_envs": 8, "learning_starts": 100}
    agent.fit(budget=1000)
    scores = [energy_gym.evaluate(other, env, seed=50).score for other in (agent, make_agent("uniform", env))]
    assert scores[0] > scores[1]


def test_a_batch_like_a_single_one_is_of_its_kind(spring: pd.DataFrame) -> None:
    for env in (
        of(spring).unwrapped,
        gym.make("energy_gym/FleetReserve-v1").unwrapped,
        gym.make("energy_gym/Arbitrage-v1").unwrapped,
    ):
        batch = batch_of(env, 2, "disabled")
        assert batch.single_action_space == env.action_space
        assert batch.layout == env.layout
