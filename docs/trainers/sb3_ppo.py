"""PPO of Stable-Baselines3 on any id, with its own normalisation of rewards, scored against the proven optimum."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize

import energy_gym


def main(id: str = "energy_gym/Arbitrage-v1", steps: int = 200_000, envs: int = 8, **keywords: Any) -> float:
    """Train, play the test split, and return the score: 0 is doing nothing, 1 is perfect foresight."""
    venv = make_vec_env(lambda: gym.make(id, split="train", **keywords), n_envs=envs, seed=0)
    # Observations are scaled already, by fixed figures of the training split; rewards are in the currency of the data.
    venv = VecNormalize(venv, norm_obs=False, gamma=0.995)
    model = PPO("MlpPolicy", venv, gamma=0.995, n_steps=128, batch_size=256, ent_coef=0.005, seed=0, device="cpu")
    model.learn(steps)
    result = energy_gym.evaluate(model, gym.make(id, split="test", **keywords), seed=0)
    print(f"{id}: score {result.score:.3f}, regret {result.regret:.2f}")
    return result.score


if __name__ == "__main__":
    main()
