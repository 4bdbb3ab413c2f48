"""A fleet as an environment, one at a time and as a batch.

One rule: steps, windows, seeds and observations are those of `EnergyEnv`; here only bids and their dispatch are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from energy_gym.entities import Flexible
from energy_gym.envs.env import EnergyEnv, Observation
from energy_gym.envs.keywords import laid_out
from energy_gym.envs.vector_env import EnergyVectorEnv, Flags
from energy_gym.errors import ConfigurationError
from energy_gym.reserve.setup import FleetSetup, make_fleet_setup, reset_columns
from energy_gym.tape import State
from energy_gym.units import Unit


class FleetEnv(EnergyEnv):
    """A fleet as a Gymnasium environment; keywords as in `energy_gym.reserve.setup.make_fleet_setup`."""

    decision: ClassVar[str] = "fleet"
    expert: ClassVar[str] = "follow"
    mark_seconds: ClassVar[float | None] = 0.5
    setup: FleetSetup

    @classmethod
    def batch_class(cls) -> type[EnergyVectorEnv]:
        """See `EnergyEnv.batch_class`."""
        return FleetVectorEnv

    def _make_setup(self, **keywords: Any) -> FleetSetup:
        return laid_out(make_fleet_setup, keywords)

    def _prepare(self) -> None:
        super()._prepare()
        self._figures = tuple(reset_columns(self.setup.unit).items())

    @property
    def dispatched(self) -> dict[str, float]:
        """What became of the last action: energy by asset [kWh], power held by leg and asset [kW], calls by leg [kWh].

        Example:
            >>> import gymnasium as gym
            >>> env = gym.make("energy_gym/FleetReserve-v0").unwrapped
            >>> observation, info = env.reset(seed=1)
            >>> env.dispatched["held_kw/fast_up/asset1"]
            0.0
        """
        return {name: self._states[place] for name, place in self._figures}

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Play one step; see `EnergyEnv.step`. ``info`` says beside the usual figures how the bids were dispatched."""
        observation, gain, terminated, truncated, info = super().step(action)
        info.update(self.dispatched)
        return observation, gain, terminated, truncated, info


class FleetVectorEnv(EnergyVectorEnv):
    """Many episodes of one fleet at once; keywords as for `FleetEnv`, and ``num_envs`` and ``autoreset``."""

    setup: FleetSetup

    def _make_setup(self, **keywords: Any) -> FleetSetup:
        if "battery" in keywords:
            raise ConfigurationError("battery= for a fleet", "a fleet has its own", "pass fleet=Fleet(batteries=...)")
        return laid_out(make_fleet_setup, keywords)

    def _prepare(self, units: tuple[Unit, ...]) -> None:
        super()._prepare(units)
        self._figures = tuple(reset_columns(self.setup.unit).items())
        self._told = tuple((name, f"_{name}", place) for name, place in self._figures)
        scales = [[state.offset, state.scale, state.top] for state in self._spans]
        self._scaling = tuple(np.array(scales, dtype=float).T[:, :, None])
        self._stacked: tuple[Any, npt.NDArray[np.float64]] = (None, np.empty(0))

    def _states_of(self, units: tuple[Unit, ...]) -> tuple[State, ...]:
        return self.setup.tape.states

    def _flexibles_of(self, units: tuple[Unit, ...]) -> tuple[Flexible, ...]:
        return self.setup.flexibles

    @property
    def dispatched(self) -> Mapping[str, npt.NDArray[np.float64]]:
        """See `FleetEnv.dispatched`; arrays of shape (num_envs,)."""
        return {name: self._states[place] for name, place in self._figures}

    def _info(self, flow: list[Any], waiting: Flags | None) -> dict[str, Any]:
        info = super()._info(flow, waiting)
        present = info["_cost"]
        for name, flag, place in self._told:
            info[name] = self._states[place]
            info[flag] = present
        return info

    def _energy(self) -> npt.NDArray[np.float64]:
        if self.num_envs == 1:
            # A single column NumPy would add up in another order.
            return super()._energy()
        return np.asarray(np.add.reduce(self._stored_kwh(), axis=0))

    def _observe(self) -> npt.NDArray[np.float32]:
        observations = self._rows.take(self._t, axis=0)
        offset, scale, top = self._scaling
        shares = np.minimum(np.maximum((self._stored_kwh() - offset) / scale, 0.0), top)
        observations[:, : len(shares)] = shares.T
        return observations

    def _stored_kwh(self) -> npt.NDArray[np.float64]:
        """Return the energy stored by asset, shape (n, num_envs) [kWh]; worked out once for each step."""
        if self._stacked[0] is not self._states:
            self._stacked = (self._states, np.array(self._states[: len(self._spans)]))
        return self._stacked[1]

    def _place(self, which: npt.NDArray[np.int64], first: npt.NDArray[np.int64], stop: npt.NDArray[np.int64]) -> None:
        # What `info` handed out shares its memory with the states, which a reset writes into.
        self._states = tuple(state.copy() for state in self._states)
        super()._place(which, first, stop)
