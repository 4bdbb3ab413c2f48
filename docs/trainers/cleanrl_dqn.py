"""DQN in one file, as CleanRL writes its algorithms: the batch environment, a buffer, a network and its update."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import nn

import energy_gym


def main(id: str = "energy_gym/Arbitrage-v1", steps: int = 200_000, envs: int = 64, **keywords: Any) -> float:
    """Train, play the test split, and return the score: 0 is doing nothing, 1 is perfect foresight."""
    keywords = {"actions": "discrete-3", **keywords}
    batch = energy_gym.make_vec(id, envs, split="train", autoreset="same_step", terminal="free", **keywords)
    random, levels = np.random.default_rng(0), int(batch.single_action_space.n)
    torch.manual_seed(0)
    seen, _ = batch.reset(seed=0)
    nets = [nn.Sequential(nn.Linear(seen.shape[1], 128), nn.ReLU(), nn.Linear(128, levels)) for _ in range(2)]
    online, target = nets
    adam, kept = torch.optim.Adam(online.parameters(), 1e-3), list[Any]()
    for step in range(max(steps // envs, 1)):
        with torch.no_grad():
            actions = online(torch.from_numpy(seen)).argmax(1).numpy()
        explore = random.random(envs) < max(1.0 - 3.0 * step * envs / steps, 0.05)
        actions = np.where(explore, random.integers(levels, size=envs), actions)
        after, rewards, _, over, _ = batch.step(actions)
        # Episodes end by time alone; what comes after the last step is left out.
        kept.append((seen[~over], actions[~over], np.float32(rewards[~over]), after[~over]))
        kept, seen = kept[-2000:], after
        for _ in range(4):
            places = random.integers(len(kept), size=4)
            drawn = zip(*(kept[place] for place in places), strict=True)
            old, chosen, paid, new = (torch.from_numpy(np.concatenate(parts)) for parts in drawn)
            if len(old) == 0:
                continue
            with torch.no_grad():
                goal = paid / paid.abs().mean().clamp(min=1e-6) + 0.99 * target(new).amax(1)
            loss = nn.functional.smooth_l1_loss(online(old).gather(1, chosen[:, None])[:, 0], goal)
            adam.zero_grad()
            loss.backward()
            adam.step()
        for slow, fast in zip(target.parameters(), online.parameters(), strict=True):
            slow.data.lerp_(fast.data, 0.02)
    env = gym.make(id, split="test", **keywords)
    result = energy_gym.evaluate(lambda row: int(online(torch.from_numpy(row)).argmax()), env, seed=0)
    print(f"{id}: score {result.score:.3f}, regret {result.regret:.2f}")
    return result.score


if __name__ == "__main__":
    main()
