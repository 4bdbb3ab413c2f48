"""PPO of RLlib (its new API of modules and learners) on any id, scored against the proven optimum."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import torch
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.columns import Columns
from ray.tune.registry import register_env

import energy_gym


def main(id: str = "energy_gym/Arbitrage-v1", steps: int = 200_000, runners: int = 0, **keywords: Any) -> float:
    """Train, play the test split, and return the score: 0 is doing nothing, 1 is perfect foresight."""
    keywords = {"actions": "discrete-3", **keywords}
    register_env("energy", lambda _: gym.make(id, split="train", **keywords))
    config = PPOConfig().environment("energy").env_runners(num_env_runners=runners, num_envs_per_env_runner=8)
    config = config.training(gamma=0.995, train_batch_size=min(steps, 4096), minibatch_size=min(steps, 256))
    algorithm, played = config.debugging(seed=0).build_algo(), 0
    while played < steps:
        played = algorithm.train()["num_env_steps_sampled_lifetime"]
    module = algorithm.get_module()

    def act(seen: Any) -> int:
        with torch.no_grad():
            logits = module.forward_inference({Columns.OBS: torch.from_numpy(seen)[None]})[Columns.ACTION_DIST_INPUTS]
        return int(logits[0].argmax())

    result = energy_gym.evaluate(act, gym.make(id, split="test", **keywords), seed=0)
    print(f"{id}: score {result.score:.3f}, regret {result.regret:.2f}")
    algorithm.stop()
    return result.score


if __name__ == "__main__":
    main()
