"""Random windows for many environments: the same draws as each would make alone, taken in blocks.

To ask a generator takes some 500 times as long as one of the numbers that it gives. So each block is four times the one
before it: short runs draw little ahead, and long ones ask seldom.

One rule: environment i seeded with s draws exactly what a single environment seeded with s draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.utils import seeding

from energy_gym.envs.batched import each_value, places
from energy_gym.envs.setup import Setup

BLOCK, LONGEST, GROWTH = 32, 2048, 4
# Of the draws that all environments hold ahead [bytes]: a batch of more environments has shorter blocks.
ROOM = 2**25
Positions = npt.NDArray[np.int64]


class Starts:
    """One random generator per environment, with a block of window starts drawn ahead from each."""

    def __init__(self, setup: Setup, num_envs: int) -> None:
        self._setup = setup
        self._high = setup.steps - setup.episode_steps + 1
        self._generators = [seeding.np_random()[0] for _ in range(num_envs)]
        self._before: list[Any] = [None] * num_envs
        longest = min(max(ROOM // (8 * num_envs), BLOCK), LONGEST)
        self._block = np.zeros((num_envs, longest), dtype=np.int64)
        self._length = np.full(num_envs, BLOCK // GROWTH, dtype=np.int64)
        self._used = self._length.copy()

    def seed(self, seeds: Mapping[int, int | None]) -> None:
        """Restart the generators of the environments named whose seed is not None."""
        for index, seed in seeds.items():
            if seed is not None:
                self._generators[index] = seeding.np_random(seed)[0]
                self._forget(index)

    def draw(self, which: Positions) -> tuple[Positions, Positions]:
        """Draw a window for each environment named: first steps, and the steps after the last."""
        if self._setup.whole:
            return np.zeros(len(which), dtype=np.int64), np.full(len(which), self._setup.steps)
        at = places(which, len(self._generators))
        for index in which[self._used[at] >= self._length[at]].tolist():
            self._refill(index)
        first = self._block[which, self._used[at]]
        self._used[at] += 1
        return first, first + self._setup.episode_steps

    def windows(self, which: Positions, options: Mapping[str, Any]) -> tuple[Positions, Positions]:
        """Return the windows that options ask for, each one value for all environments or one for each."""
        each = {key: each_value(key, value, len(self._generators)) for key, value in options.items()}
        found = [self._window(i, {key: values[i] for key, values in each.items()}) for i in which.tolist()]
        first, stop = zip(*found, strict=True)
        return np.array(first), np.array(stop)

    def _window(self, index: int, options: dict[str, Any]) -> tuple[int, int]:
        self._rewind(index)
        return self._setup.window(options, self._generators[index])

    def _refill(self, index: int) -> None:
        generator, length = self._generators[index], min(self._length.item(index) * GROWTH, self._block.shape[1])
        self._before[index] = generator.bit_generator.state
        self._block[index, :length] = generator.integers(0, self._high, size=length)
        self._length[index], self._used[index] = length, 0

    def _rewind(self, index: int) -> None:
        """Give back the draws of the block that were not used."""
        if self._used[index] < self._length[index]:
            generator = self._generators[index]
            generator.bit_generator.state = self._before[index]
            generator.integers(0, self._high, size=int(self._used[index]))
            self._forget(index)

    def _forget(self, index: int) -> None:
        """Let the next draw of an environment take a block, a short one again."""
        self._length[index] = self._used[index] = BLOCK // GROWTH
