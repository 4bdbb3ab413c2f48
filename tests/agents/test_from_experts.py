"""Learning from experts that do not see the future, in the states a student comes to, and what is not lost after it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import energy_gym
from energy_gym.agents import validation
from energy_gym.agents.cloning import BC
from energy_gym.agents.records.experts import record_expert
from energy_gym.agents.records.trajectories import mixture
from energy_gym.agents.sb3 import PPO
from energy_gym.errors import ConfigurationError, DataError, ResetNeededError

ID = "energy_gym/Arbitrage-v1"
EXPERT = {"policy": "mpc", "noise": 0.2, "episode_steps": 48}
SMALL = {"hidden": [16], "expert": EXPERT}


@pytest.fixture(autouse=True)
def _short_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "MOST_WEEKS", 1)


def made(actions: str = "discrete-3", **keywords: Any) -> Any:
    return gym.make(ID, split="test", actions=actions, episode_steps=48, **keywords)


@pytest.mark.parametrize("policy", ["mpc", "mpc-stochastic", "sdp"])
def test_honest_experts_play(policy: str) -> None:
    found = record_expert(made("continuous"), policy=policy, seed=3)
    (episode,) = found.episodes
    assert found.policy == policy
    assert episode.score is not None
    assert 0.0 < episode.score <= 1.0
    assert episode.return_ <= episode.oracle_bound + 1e-9


def test_a_student_plays_and_the_expert_advises() -> None:
    def always(seen: Any) -> int:
        return 2

    env = made()
    found = record_expert(env, policy="mpc", student=always, seed=1)
    assert set(found.actions) == {2}
    assert len(set(found.advice)) > 1
    half = record_expert(env, policy="mpc", student=always, share=0.5, seed=1)
    own = (half.actions != half.advice).mean()
    assert 0.1 < own < 0.7
    none = record_expert(env, policy="mpc", student=always, share=0.0, seed=1)
    assert (none.actions == none.advice).all()
    for wrong, said in (({"share": 1.5}, "share=1.5"), ({"policy": "oracle", "window": None}, "a student")):
        with pytest.raises(ConfigurationError, match=said):
            record_expert(env, student=always, **wrong)


@pytest.mark.parametrize("actions", ["discrete-3", "continuous"])
def test_rounds_add_the_states_that_the_clone_came_to(actions: str) -> None:
    pytest.importorskip("imitation")
    env = made(actions)
    agent = BC(env, seed=1, **SMALL, rounds=3, round_weeks=2)
    agent.fit(env.unwrapped.variant(split="train"), budget=30)
    assert agent.studied is not None
    # A week of the expert, then twice two weeks in which the clone played more and more.
    assert [len(episode) for episode in agent.studied.episodes] == [48] * 5
    shares = [float((episode.actions == episode.advice).mean()) for episode in agent.studied.episodes]
    assert min(shares[1:]) < 0.9
    again = BC(env, seed=1, **SMALL, rounds=3, round_weeks=2)
    again.fit(env.unwrapped.variant(split="train"), budget=30)
    assert again.actor is not None
    assert agent.actor is not None
    assert again.actor.to_bytes() == agent.actor.to_bytes()


def test_records_cannot_be_asked_again() -> None:
    pytest.importorskip("imitation")
    data = record_expert(made(), policy="mpc")
    with pytest.raises(ConfigurationError, match=r"rounds=2.*pass an environment"):
        BC(made(), hidden=[8], rounds=2).fit(data, budget=10)


def test_mixtures_hold_what_fits() -> None:
    three, five = record_expert(made(), policy="mpc"), record_expert(made("discrete-5"), policy="mpc")
    with pytest.raises(DataError, match=r"actions are discrete-3 .* discrete-5"):
        mixture(three, five)
    both = mixture(three, record_expert(made(), policy="uniform", seed=5), three)
    assert (both.policy, len(both.episodes)) == ("mpc+uniform", 3)
    assert both.rewards[:48].tolist() == three.rewards.tolist() == both.rewards[96:].tolist()


def test_offline_learning_takes_a_mixture() -> None:
    pytest.importorskip("d3rlpy")
    from energy_gym.agents.offline import CQL

    both = mixture(record_expert(made(), policy="sdp"), record_expert(made(), policy="uniform"))
    env = made()
    agent = CQL(env, seed=0, hidden=[8]).fit(both, budget=20)
    assert energy_gym.evaluate(agent, env, seed=0).regret >= 0.0


def cloned(actions: str) -> Any:
    pytest.importorskip("imitation")
    env = made(actions)
    return BC(env, seed=1, **SMALL).fit(env.unwrapped.variant(split="train"), budget=60)


@pytest.mark.parametrize("actions", ["discrete-3", "continuous"])
def test_the_policy_is_held_until_its_values_have_learnt(actions: str) -> None:
    clone = cloned(actions)
    follow = {"warm": 1.0, "weight": 0.3, "batches": 2, "learning_rate": 1e-3, "log_std": -1.6}
    tuned = PPO(made(actions), seed=1, num_envs=4, rollout_steps=16, follow=follow)
    tuned.adopt(clone)
    tuned.follow(clone.studied).fit(budget=256)
    assert tuned.actor.to_bytes() == clone.actor.to_bytes()
    follow["warm"] = 0.5
    moved = PPO(made(actions), seed=1, num_envs=4, rollout_steps=16, follow=follow)
    moved.adopt(clone)
    moved.follow(clone.studied).fit(budget=256)
    weights = moved.exported(moved.model).to_bytes()
    assert weights != clone.actor.to_bytes()


def test_advice_is_heeded() -> None:
    """Where the advice weighs all, a policy that starts anew comes to it by policy gradients' own updates or not."""
    clone = cloned("discrete-3")
    agree = []
    for batches in (0, 60):
        follow = {"warm": 0.0, "weight": 5.0, "batches": batches, "learning_rate": 3e-3, "log_std": -1.6}
        tuned = PPO(made(), seed=1, num_envs=4, rollout_steps=16, follow=follow, epochs=1)
        tuned.adopt(clone)
        tuned.follow(clone.studied).fit(budget=256)
        actor = tuned.exported(tuned.model)
        agree.append(float((actor(clone.studied.observations) == clone.studied.advice).mean()))
    assert agree[1] > agree[0]


def test_what_cannot_follow_is_refused() -> None:
    pytest.importorskip("stable_baselines3")
    data = record_expert(made(), policy="mpc")
    with pytest.raises(ResetNeededError, match=r"ppo agent.*adopt"):
        PPO(made()).follow(data)
    learnt = PPO(made(), seed=0, num_envs=2, rollout_steps=8, hidden=[8]).fit(budget=32)
    with pytest.raises(ConfigurationError, match="do not fit the environment"):
        learnt.follow(record_expert(made("discrete-5"), policy="mpc"))
    assert np.isfinite(learnt.curve[-1][1]["score"])
