"""What the actions of a batch ask for: shares of rated power, as arrays of shape (num_envs,).

One rule: environment i reads its row as a single environment would, and refuses what that would refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.entities import Flexible
from energy_gym.envs.batched import as_array, cut_shares, real_numbers
from energy_gym.envs.setup import Setup
from energy_gym.errors import ActionError


class BatchActions:
    """The actions of ``num_envs`` environments.

    Args:
        setup: What they play.
        flexibles: What can be decided, with a battery for each environment if they differ.
        num_envs: Number of environments.
    """

    def __init__(self, setup: Setup, flexibles: Sequence[Flexible], num_envs: int) -> None:
        self._flexibles, self._num_envs, self._last = flexibles, num_envs, setup.steps - 1
        self._count = len(setup.levels or ())
        self._levels = setup.choices if setup.choices is not None or not self._count else np.array(setup.levels)
        self._numbers = 1 if setup.choices is not None else len(flexibles)

    def read(self, actions: Any, steps: npt.NDArray[np.int64]) -> tuple[tuple[Floats, ...], Floats | None]:
        """Return the shares of rated power asked for, cut to [-1, 1], and the energy that a cut refuses [kWh].

        Args:
            actions: As `energy_gym.envs.env.EnergyEnv.step` takes them, a row for each environment.
            steps: The step that each environment plays, shape (num_envs,).

        Raises:
            ActionError: Some action is not a finite number, or not one of the discrete actions.
        """
        controls = len(self._flexibles)
        if self._levels is not None:
            return tuple(self._level(as_array(actions)).reshape(self._num_envs, controls).T), None
        given = real_numbers(actions, self._num_envs, controls)
        wishes = given.T.astype(np.float64, order="C")
        # The places of the least and the most, or of one that is no number, are found in half the time of their values.
        if given.item(given.argmin()) >= -1.0 and given.item(given.argmax()) <= 1.0:
            return tuple(wishes), None
        if not np.isfinite(wishes).all():
            index = int(np.argmin(np.isfinite(wishes).all(axis=0)))
            raise ActionError(f"actions[{index}]={given[index]}", "must be finite", "pass numbers in [-1, 1]")
        return cut_shares(wishes, self._flexibles, np.minimum(steps, self._last))

    def _level(self, given: npt.NDArray[Any]) -> Floats:
        shape = (self._num_envs, self._numbers)
        fits = given.shape == shape or (self._numbers == 1 and given.shape == shape[:1])
        if not fits or given.dtype.kind not in "iu":
            raise ActionError(
                f"actions of shape {given.shape} and type {given.dtype}",
                f"must be {self._num_envs * self._numbers} whole numbers",
                "pass an int array of the action space",
            )
        if given.min() < 0 or given.max() >= self._count:
            raise ActionError(
                f"actions from {given.min()} to {given.max()}",
                f"must be 0 to {self._count - 1}",
                "use the action space",
            )
        levels: Floats = np.asarray(self._levels).take(given, axis=0)
        return levels
