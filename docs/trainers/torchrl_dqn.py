"""DQN of TorchRL on any id with levels, scored against the proven optimum."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import torch
from tensordict.nn import TensorDictSequential
from torchrl.collectors import Collector
from torchrl.data import LazyTensorStorage, TensorDictReplayBuffer
from torchrl.envs import GymWrapper
from torchrl.modules import MLP, EGreedyModule, QValueActor
from torchrl.objectives import DQNLoss, SoftUpdate

import energy_gym


def main(id: str = "energy_gym/Arbitrage-v1", steps: int = 100_000, frames: int = 64, **keywords: Any) -> float:
    """Train, play the test split, and return the score: 0 is doing nothing, 1 is perfect foresight."""
    torch.manual_seed(0)
    keywords = {"actions": "discrete-3", **keywords}
    env = GymWrapper(gym.make(id, split="train", **keywords), categorical_action_encoding=True)
    slots, levels = env.observation_spec["observation"].shape[-1], env.action_spec.space.n
    actor = QValueActor(MLP(slots, levels, num_cells=[128, 128]), spec=env.action_spec)
    explore = EGreedyModule(env.action_spec, annealing_num_steps=steps // 3, eps_end=0.02)
    collector = Collector(
        env,
        TensorDictSequential(actor, explore),
        frames_per_batch=frames,
        total_frames=steps,
        init_random_frames=frames,
    )
    buffer = TensorDictReplayBuffer(storage=LazyTensorStorage(100_000), batch_size=min(frames, 256))
    loss = DQNLoss(actor, action_space="categorical", delay_value=True)
    loss.make_value_estimator(gamma=0.99)
    soft, adam = SoftUpdate(loss, tau=0.02), torch.optim.Adam(loss.parameters(), 1e-3)
    for batch in collector:
        buffer.extend(batch.reshape(-1))
        explore.step(frames)
        for _ in range(8):
            adam.zero_grad()
            loss(buffer.sample())["loss"].backward()
            adam.step()
            soft.step()
    network = actor.module[0].module
    env = gym.make(id, split="test", **keywords)
    result = energy_gym.evaluate(lambda seen: int(network(torch.from_numpy(seen)).argmax()), env, seed=0)
    print(f"{id}: score {result.score:.3f}, regret {result.regret:.2f}")
    return result.score


if __name__ == "__main__":
    main()
