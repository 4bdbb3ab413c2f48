"""Conservative Q-learning of d3rlpy from what the oracle played with a third of its steps at random."""

from __future__ import annotations

from typing import Any

import d3rlpy
import gymnasium as gym

import energy_gym
from energy_gym.agents.experts import record_expert


def main(id: str = "energy_gym/Arbitrage-v1", steps: int = 10_000, weeks: int = 20, **keywords: Any) -> float:
    """Learn from records, play the test split, and return the score: 0 is doing nothing, 1 is perfect foresight."""
    keywords = {"actions": "discrete-3", **keywords}
    expert = record_expert(gym.make(id, split="train", **keywords), policy="oracle", noise=0.3, episodes=weeks)
    # Time ran out at the end of an episode, nothing terminated; rewards are brought to about one.
    data = d3rlpy.dataset.MDPDataset(
        expert.observations,
        expert.actions[:, None],
        expert.rewards / expert.rewards.std(),
        terminals=0.0 * expert.timeouts,
        timeouts=1.0 * expert.timeouts,
        action_space=d3rlpy.constants.ActionSpace.DISCRETE,
    )
    algorithm = d3rlpy.algos.DiscreteCQLConfig(gamma=0.99, batch_size=256, alpha=4.0).create(device="cpu:0")
    quiet = d3rlpy.logging.NoopAdapterFactory()
    algorithm.fit(data, n_steps=steps, n_steps_per_epoch=steps, logger_adapter=quiet, show_progress=False)
    result = energy_gym.evaluate(algorithm, gym.make(id, split="test", **keywords), seed=0)
    print(f"{id}: score {result.score:.3f}, regret {result.regret:.2f}")
    return result.score


if __name__ == "__main__":
    main()
