"""What a batch says: layouts, units, what steps it, what is stored, observed and told.

One rule: nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Flags, Floats
from energy_gym.envs.compat import VectorEnv
from energy_gym.envs.figures import stored_in, usual_figures

if TYPE_CHECKING:
    from energy_gym.envs.compiled import Loop
    from energy_gym.envs.gates import BatchGates
    from energy_gym.envs.setup import Setup
    from energy_gym.machine import Laid
    from energy_gym.scenario import Scenario
    from energy_gym.tape import ActionSlot, Slot, State


class BatchFace(VectorEnv):  # type: ignore[misc]  # the base class depends on the installed Gymnasium
    """What `energy_gym.envs.vector_env.EnergyVectorEnv` says of where it stands."""

    num_envs: int
    setup: Setup
    _states: tuple[Floats, ...]
    _stored: tuple[tuple[int, float], ...]
    _mode: str
    _loop: Loop | None
    _gates: BatchGates | None
    _rows: npt.NDArray[np.float32]
    _spans: tuple[State, ...]
    _t: npt.NDArray[np.int64]
    _hours: float
    _told: tuple[tuple[str, int], ...]
    _all: Flags

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

    def _info(
        self, flow: list[Any], waiting: Flags | None, done: Flags, closed: tuple[Any, Any] | None
    ) -> dict[str, Any]:
        figures = usual_figures(flow, self._energy(), self._hours, self.setup.curtails)
        figures.update((name, self._states[place]) for name, place in self._told)
        if self._gates is not None:
            self._gates.tell(figures, done, closed, waiting)
        info: dict[str, Any] = {name: self._spread(value) for name, value in figures.items()}
        # An environment that was reset in this step says that nothing has happened yet: no figure is missing.
        info.update(dict.fromkeys([f"_{name}" for name in info], self._all))
        return info

    def _laid(self) -> Sequence[Laid]:
        return () if self._gates is None else self._gates.laid()

    def _looked(self) -> npt.NDArray[np.float32]:
        """Return what is observed now, on arrays."""
        observations = self._rows.take(self._t, axis=0)
        for index, state in enumerate(self._spans):
            share = (self._states[state.place] - state.offset) / state.scale
            observations[:, index] = np.minimum(np.maximum(share, 0.0), state.top)
        for begin, array in self._laid():
            observations[:, begin : begin + array.shape[1]] = array
        return observations
