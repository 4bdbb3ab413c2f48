"""How good a network is while it learns: the weeks of the validation split, all at once, against their optimum.

One rule: the test split is never read; where a data set has no validation split, the last fifth of the training split
stands in for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.agents.records.kept import kept
from energy_gym.arrays import Floats
from energy_gym.envs.env import EnergyEnv, batch_of
from energy_gym.envs.keywords import WEEK_HOURS
from energy_gym.errors import UnknownIdError
from energy_gym.oracle import solve
from energy_gym.oracle.solution import idle_return

MOST_WEEKS = 60
# One part in so many of the training split stands in for validation.
STAND_IN = 5
# Where an optimum takes long to prove, its last thousandth is not waited for.
SOUGHT_SECONDS = 2.0
Policy = Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]
Marks = tuple[Floats, Floats]


class Validation:
    """Weeks of the validation split of an agent's environment, evenly spread over it.

    Args:
        env: The environment the agent acts in.

    Example:
        >>> import gymnasium as gym, numpy as np
        >>> weeks = Validation(gym.make("energy_gym/Arbitrage-v1", actions="discrete-3").unwrapped)
        >>> weeks.score(lambda observations: np.ones(len(observations), dtype=int))
        0.0
    """

    def __init__(self, env: EnergyEnv) -> None:
        single = validation_part(env)
        setup = single.setup
        self.steps = min(round(WEEK_HOURS / setup.feed.step_hours), setup.steps)
        count = min(max(setup.steps // self.steps, 1), MOST_WEEKS)
        firsts = np.linspace(0, setup.steps - self.steps, count).round().astype(int).tolist()
        self._options = {"start": [setup.time(first) for first in firsts], "steps": [self.steps] * count}
        self._batch = batch_of(single, count, "disabled")
        if setup.kind.mark_seconds is None:
            self._idle, self._best = self._marks(single, firsts)
        else:  # what takes long is found once for all seeds and agents
            fixed = (self.steps, firsts, SOUGHT_SECONDS)
            self._idle, self._best = kept("marks", single, fixed, lambda: self._marks(single, firsts))

    def _marks(self, single: EnergyEnv, firsts: list[int]) -> Marks:
        """Return what each week earns for doing nothing, and at best."""
        setup, idle, best = single.setup, np.zeros(len(firsts)), np.zeros(len(firsts))
        limit = None if setup.kind.mark_seconds is None else SOUGHT_SECONDS
        for week, first in enumerate(firsts):
            single.reset(options={"start": setup.time(first), "steps": self.steps})
            best[week] = solve(single, continuous=True, time_limit=limit).value
            idle[week] = idle_return(setup, first, first + self.steps, single.states)
        return idle, best

    def score(self, policy: Policy) -> float:
        """Return the mean score of a week: 0 for doing nothing, 1 for the optimum.

        Args:
            policy: From observations, shape (weeks, slots), to actions of the batch.
        """
        found = self.scores(policy)
        return float(found.mean()) if len(found) else 0.0

    def scores(self, policy: Policy) -> npt.NDArray[np.float64]:
        """Return the score of each week in which something can be earned.

        A week counts within [-1, 1], so that one week of extreme prices does not decide.

        Args:
            policy: From observations, shape (weeks, slots), to actions of the batch.
        """
        observations, _ = self._batch.reset(seed=0, options=self._options)
        total = np.zeros(self._batch.num_envs)
        for _ in range(self.steps):
            observations, gains, _, _, _ = self._batch.step(policy(observations))
            total += gains
        possible = self._best - self._idle
        scores = (total - self._idle)[possible > 0.0] / possible[possible > 0.0]
        return np.clip(scores, -1.0, 1.0)


def validation_part(env: EnergyEnv) -> EnergyEnv:
    """Return the whole validation split of an environment's data, or the last fifth of the training split without one.

    Example:
        >>> import gymnasium as gym
        >>> part = validation_part(gym.make("energy_gym/Arbitrage-v1").unwrapped)
        >>> part.keywords["split"], part.setup.whole
        ('validation', True)
    """
    try:
        return env.variant(split="validation", episode_steps=None)
    except UnknownIdError as error:
        if "'validation'" not in error.value:
            raise
    train = env.variant(split="train", episode_steps=None)
    setup = train.setup
    step = setup.time(1) - setup.time(0)
    first, last = setup.time(setup.steps - setup.steps // STAND_IN), setup.time(setup.steps - 1)
    return train.variant(period=(str(first), str(last + step)))
