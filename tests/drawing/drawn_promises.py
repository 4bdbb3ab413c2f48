"""What every composition is held to, short of the agents: laws, episodes, both models, replay, and plans at random."""

from __future__ import annotations

from typing import Any

import numpy as np

from energy_gym.envs.env import EnergyEnv
from energy_gym.oracle.solve import solve
from energy_gym.testing.episodes import check_episodes
from energy_gym.testing.laws import check_laws
from energy_gym.testing.optimum import check_models, check_replay, rolled_out


def check_promises(keywords: dict[str, Any], seed: int, window: int, rollouts: int) -> None:
    """Hold an environment of some keywords to its promises.

    Args:
        keywords: Those of the environment, ``episode_steps`` among them.
        seed: Seed of all that is drawn.
        window: Steps over which the model of arrays is compared with Pyomo's.
        rollouts: Plans that may not beat the bound.
    """
    steps, random, env = keywords["episode_steps"], np.random.default_rng(seed), EnergyEnv(**keywords)
    check_laws(env.setup, steps, 12, random, None)
    check_episodes(keywords, 2, steps, seed, random)
    env.reset(seed=seed)
    check_models(env, window)
    solution = solve(env)
    assert solution.exact, solution.status
    check_replay(env, solution)
    assert rolled_out(env, solution, rollouts, random).max() <= solution.bound + 1e-6
