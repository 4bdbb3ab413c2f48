"""What a single environment says: layouts, units, where it stands, what is known now.

One rule: nothing here changes anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from energy_gym.envs.observing import Observation

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.envs.setup import Setup
    from energy_gym.scenario import Scenario
    from energy_gym.tape import ActionSlot, Slot


class EnergyFace(gym.Env[Observation, Any]):
    """What `energy_gym.envs.env.EnergyEnv` says of where it stands."""

    setup: Setup
    _states: tuple[float, ...]
    _stored: tuple[tuple[int, float], ...]
    _gates: Any
    _t: int
    _first: int
    _stop: int

    @property
    def layout(self) -> tuple[Slot, ...]:
        """Name, unit, offset and scale of each slot of the observation; `info_units` says the units of ``info``."""
        return self.setup.layout

    @property
    def action_layout(self) -> tuple[ActionSlot, ...]:
        """Name, unit and range of each entry of an action."""
        return self.setup.action_layout

    @property
    def info_units(self) -> dict[str, str]:
        """Unit of each figure of ``info``, of resets and of steps: a currency, ``"kWh"``, ``"1"`` for plain numbers.

        ``"cost"`` is energy refused, not money.

        Example:
            >>> env = gym.make("energy_gym/Arbitrage-v1").unwrapped
            >>> env.info_units["cost"], env.info_units["energy_cost"]
            ('kWh', 'USD')
        """
        return dict(self.setup.info_units)

    @property
    def scenario(self) -> Scenario:
        """The scenario that is played."""
        return self.setup.scenario

    @property
    def decision(self) -> str:
        """What is decided: ``"power"``, ``"bids"`` or ``"fleet"``; see `energy_gym.envs.setup.Kind`."""
        return self.setup.kind.decision

    @property
    def gates(self) -> Any:
        """The bids of the episode, where they count at gate closures; else None."""
        return self._gates

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of an action, such as ``"battery"`` or ``"day_ahead.volume[3]"``."""
        return self.setup.entries

    @property
    def time(self) -> pd.Timestamp:
        """Start of the step that is next [UTC]."""
        return self.setup.time(self._t)

    @property
    def states(self) -> tuple[float, ...]:
        """States now: of the controlled entities, then the running maxima [kW], unit by unit."""
        return self._states

    @property
    def energy_kwh(self) -> float:
        """Energy stored now [kWh]."""
        return self._energy(self._states)

    @property
    def window(self) -> tuple[int, int]:
        """First step of the episode and the step after its last, counted from the start of the split."""
        return self._first, self._stop

    @property
    def steps_left(self) -> tuple[int, int]:
        """The next step and the step after the last of the episode, counted from the start of the split."""
        return self._t, self._stop

    def outlook(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return what the forecast says now for the coming steps, by column: shape (horizon,), in the column's unit.

        The arrays are the caller's own.
        """
        return {column: rows[self._t].copy() for column, rows in self.setup.tape.ahead.items()}

    def past(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return the last known values by column, the newest first: shape (history,), in the column's unit.

        A series that is known at all times has none, and without ``history`` no series has. The arrays are the caller's
        own.
        """
        return {column: rows[self._t].copy() for column, rows in self.setup.tape.past.items()}

    def _energy(self, states: tuple[float, ...]) -> float:
        return sum(worth * states[place] for place, worth in self._stored)
