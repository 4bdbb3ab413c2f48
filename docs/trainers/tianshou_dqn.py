"""DQN of Tianshou on any id with levels, scored against the proven optimum."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import torch
from tianshou.algorithm import DQN
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.trainer import OffPolicyTrainerParams
from tianshou.utils.net.common import Net

import energy_gym


def main(id: str = "energy_gym/Arbitrage-v1", steps: int = 100_000, envs: int = 16, **keywords: Any) -> float:
    """Train, play the test split, and return the score: 0 is doing nothing, 1 is perfect foresight."""
    torch.manual_seed(0)
    keywords = {"actions": "discrete-3", **keywords}
    batch = DummyVectorEnv([lambda: gym.make(id, split="train", **keywords)] * envs)
    env: Any = gym.make(id, split="test", **keywords)
    net = Net(state_shape=env.observation_space.shape, action_shape=env.action_space.n, hidden_sizes=[128, 128])
    policy = DiscreteQLearningPolicy(model=net, action_space=env.action_space, eps_training=0.2)
    algorithm = DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3), gamma=0.99, target_update_freq=200)
    algorithm.run_training(
        OffPolicyTrainerParams(
            training_collector=Collector(algorithm, batch, VectorReplayBuffer(100_000, envs), exploration_noise=True),
            max_epochs=1,
            epoch_num_steps=steps,
            collection_step_num_env_steps=10 * envs,
            update_step_num_gradient_steps_per_sample=0.1,
            batch_size=256,
            show_progress=False,
            verbose=False,
        )
    )
    result = energy_gym.evaluate(lambda seen: int(net(seen[None])[0].argmax()), env, seed=0)
    print(f"{id}: score {result.score:.3f}, regret {result.regret:.2f}")
    return result.score


if __name__ == "__main__":
    main()
