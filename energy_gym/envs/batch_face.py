"""What a batch says of itself: layouts, units, what is stored, and what steps it.

One rule: nothing here changes anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.envs.compat import VectorEnv
from energy_gym.envs.figures import stored_in

if TYPE_CHECKING:
    from energy_gym.envs.compiled import Loop
    from energy_gym.envs.setup import Setup
    from energy_gym.scenario import Scenario
    from energy_gym.tape import ActionSlot, Slot


class BatchFace(VectorEnv):  # type: ignore[misc]  # the base class depends on the installed Gymnasium
    """The properties of `energy_gym.envs.vector_env.EnergyVectorEnv`."""

    num_envs: int
    setup: Setup
    _states: tuple[Floats, ...]
    _stored: tuple[tuple[int, float], ...]
    _mode: str
    _loop: Loop | None

    @property
    def engine(self) -> str:
        """What steps the batch: ``"numpy"`` or ``"compiled"``."""
        return "numpy" if self._loop is None else "compiled"

    @property
    def layout(self) -> tuple[Slot, ...]:
        """Name, unit, offset and scale of each slot of the observation."""
        return self.setup.layout

    @property
    def action_layout(self) -> tuple[ActionSlot, ...]:
        """Name, unit and range of each entry of an action."""
        return self.setup.action_layout

    @property
    def info_units(self) -> dict[str, str]:
        """Unit of each figure of ``info``, as `EnergyEnv.info_units`; the masks ``"_NAME"`` have none."""
        return dict(self.setup.info_units)

    @property
    def energy_kwh(self) -> Floats:
        """Energy stored now, shape (num_envs,) [kWh]."""
        return self._energy()

    @property
    def states(self) -> tuple[Floats, ...]:
        """States now, each of shape (num_envs,): of the controlled entities, then the running maxima [kW]."""
        return self._states

    @property
    def autoreset(self) -> str:
        """How finished episodes start anew: ``"next_step"``, ``"same_step"`` or ``"disabled"``."""
        return self._mode

    @property
    def scenario(self) -> Scenario:
        """The scenario that is played (with the first battery)."""
        return self.setup.scenario

    def _energy(self) -> Floats:
        return self._spread(stored_in(self._states, self._stored))

    def _spread(self, value: Any) -> Floats:
        """Return a figure with a value per environment; what no environment has is one number."""
        return value if isinstance(value, np.ndarray) else np.full(self.num_envs, value)

    def _blank(self) -> dict[str, Any]:
        """Return the figures of episodes in which nothing has happened yet, without what gates say of an action."""
        figures: dict[str, Any] = {name: np.zeros(self.num_envs) for name in self.info_units}
        figures["energy_kwh"] = self._energy()
        figures.update((name, self._states[place].copy()) for name, place in self.setup.told)
        return figures
