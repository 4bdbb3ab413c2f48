"""Other libraries' trainers learn on these readings for a few hundred steps: one of several objectives, one of agents.

CI installs neither library; docs/conventions.md says how they were installed together.
"""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from energy_gym.conventions.objectives import Objectives
from tests.conventions.test_conventions import parallel, street


def library(name: str, told: str) -> Any:
    """Return a module of a library, whose own warnings are its own business; skips where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"{told} is not installed", exc_type=ImportError)


def test_a_learner_of_several_objectives_trains_on_a_vector_of_rewards() -> None:
    capql = library("morl_baselines.multi_policy.capql.capql", "morl-baselines")
    env = Objectives(gym.make("energy_gym/Microgrid-v1", objective="joint", carbon_price=80.0, episode_steps=48))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agent = capql.CAPQL(env, learning_starts=100, batch_size=32, net_arch=[16, 16], log=False, seed=0, device="cpu")
        agent.train(300, env, ref_point=np.full(3, -1e6))
    assert agent.global_step == 300
    assert agent.num_episodes == 6
    seen, _ = env.reset(seed=0)
    action = agent.eval(seen, np.array([1.0, 0.0, 0.0], dtype=np.float32))
    assert env.action_space.contains(np.asarray(action, dtype=np.float32))


def test_a_trainer_of_several_agents_learns_on_a_street() -> None:
    suit, learners = library("supersuit", "SuperSuit"), library("stable_baselines3", "Stable-Baselines3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        venv = suit.concat_vec_envs_v1(
            suit.pettingzoo_env_to_vec_env_v1(parallel(street())), 2, num_cpus=0, base_class="stable_baselines3"
        )
        # The library's batch of agents takes no seed, so that none is given to the learner that would hand it on.
        learners.common.utils.set_random_seed(0)
        model = learners.PPO("MlpPolicy", venv, n_steps=32, batch_size=64, device="cpu")
        model.learn(384)
    assert venv.num_envs == 6
    assert model.num_timesteps >= 384
    actions, _ = model.predict(venv.reset(), deterministic=True)
    assert actions.shape == (6, 1)
