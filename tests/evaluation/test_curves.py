"""Learning curves: several seeds and settings in one call, each training what it would have been alone."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from energy_gym.agents.sb3 import PPO
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.evaluation.curves import learning_curve

SMALL: dict[str, Any] = {"hidden": [8], "num_envs": 8, "rollout_steps": 16, "batch_size": 64, "epochs": 1}


def an_env() -> Any:
    return gym.make("energy_gym/Arbitrage-v1", actions="discrete-3", split="test", episode_steps=24, horizon=6)


def need_rejax() -> None:
    pytest.importorskip("rejax", reason="the extra jax is not installed", exc_type=ImportError)


def test_a_curve_has_an_interval_over_seeds_and_agents_that_play() -> None:
    need_rejax()
    env = an_env()
    found = learning_curve("ppo", env, seeds=2, settings=[SMALL, {**SMALL, "epochs": 2}], budget=256)
    assert found.seeds == (0, 1)
    assert [len(group) for group in found.agents] == [2, 2]
    curve = found.interval(1)
    scores = found.table().query("settings == 1").pivot(index="steps", columns="seed", values="score")
    np.testing.assert_allclose(curve["score"], scores.mean(axis=1))
    assert (curve["low"] <= curve["score"]).all()
    assert (curve["high"] >= curve["score"]).all()
    assert curve.index[-1] == 256
    seen, info = env.reset(seed=1)
    assert found.agents[found.best()][1].act(seen, info) in range(3)


def test_a_seed_learns_beside_others_what_it_learns_alone() -> None:
    """On a CPU to the bit: each run goes through the same program, whoever runs beside it."""
    need_rejax()
    env = an_env()
    tried = [SMALL, {**SMALL, "learning_rate": 1e-4, "gamma": 0.9}]
    found = learning_curve("ppo", env, seeds=(3, 4), settings=tried, budget=256)
    for settings, group in zip(tried, found.agents, strict=True):
        alone = PPO(env, 4, engine="jax", **settings).fit(budget=256)
        assert alone.actor is not None
        assert group[1].actor is not None
        assert alone.actor.to_bytes() == group[1].actor.to_bytes()
        assert alone.curve == group[1].curve


def test_another_engine_gives_the_same_table() -> None:
    pytest.importorskip("stable_baselines3", reason="the extra sb3 is not installed")
    found = learning_curve("ppo", an_env(), seeds=1, settings=[SMALL], budget=256, engine="sb3")
    assert found.table().columns.tolist() == ["settings", "seed", "steps", "score"]
    assert found.interval()["score"].notna().all()


def test_what_no_curve_can_be_made_of_is_refused() -> None:
    env = an_env()
    with pytest.raises(ConfigurationError, match="must not be empty"):
        learning_curve("ppo", env, seeds=())
    with pytest.raises(ConfigurationError, match="choose ppo, dqn or sac"):
        learning_curve("mpc", env)
    with pytest.raises(UnknownIdError, match="engine"):
        learning_curve("ppo", env, engine="torch")
