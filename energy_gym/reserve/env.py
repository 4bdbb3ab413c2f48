"""A fleet as an environment, one at a time and as a batch.

One rule: steps, windows, seeds and observations are those of `EnergyEnv`; here only bids and their dispatch are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import call_checked
from energy_gym.envs.single_actions import SingleActions
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.errors import ConfigurationError
from energy_gym.reserve.setup import FleetSetup, make_fleet_setup
from energy_gym.reserve.unit import told_name
from energy_gym.units import Unit


class FleetEnv(EnergyEnv):
    """A fleet as a Gymnasium environment; keywords as in `energy_gym.reserve.setup.make_fleet_setup`."""

    setup: FleetSetup

    @classmethod
    def batch_class(cls) -> type[EnergyVectorEnv]:
        """See `EnergyEnv.batch_class`."""
        return FleetVectorEnv

    def _make_setup(self, **keywords: Any) -> FleetSetup:
        return call_checked(make_fleet_setup, keywords)

    def plan(self, number: int) -> dict[str, float]:
        """Return what a discrete action means: the share bid, by name of the entry; nothing else is bid.

        Raises:
            ConfigurationError: Actions are continuous.
            ActionError: The number is not one of them.

        Example:
            >>> import gymnasium as gym
            >>> env = gym.make("energy_gym/FleetReserve-v1", actions="discrete-3").unwrapped
            >>> env.plan(0), env.plan(3), env.plan(14)
            ({}, {'slow_up': 1.0, 'spot': -1.0}, {'fast_down': 1.0, 'slow_down': 1.0, 'spot': 1.0})
        """
        if self.setup.choices is None:
            raise ConfigurationError("plan() with continuous actions", "names none", 'pass actions="discrete-3"')
        bids = zip(self.entries, SingleActions(self.setup).level(number), strict=True)
        return {name: share for name, share in bids if share}

    @property
    def dispatched(self) -> dict[str, float]:
        """What became of the last action: energy by asset [kWh], power held by leg and asset [kW], calls by leg [kWh].

        Example:
            >>> import gymnasium as gym
            >>> env = gym.make("energy_gym/FleetReserve-v1").unwrapped
            >>> observation, info = env.reset(seed=1)
            >>> env.dispatched["held_kw.fast_up.asset1"]
            0.0
        """
        return {name: self._states[place] for name, place in self._told}

    def _traded(self, info: dict[str, Any]) -> dict[str, float]:
        """See `EnergyEnv._traded`: power held by leg, upward below zero as it discharges."""
        unit = self.setup.unit
        return {
            leg.name: leg.product.sign * sum(info[told_name("held_kw", leg.name, asset)] for asset in unit.batteries)
            for leg in unit.legs
        }


class FleetVectorEnv(EnergyVectorEnv):
    """Many episodes of one fleet at once; keywords as for `FleetEnv`, and ``num_envs`` and ``autoreset``."""

    setup: FleetSetup

    def _make_setup(self, **keywords: Any) -> FleetSetup:
        if "battery" in keywords:
            raise ConfigurationError("battery= for a fleet", "a fleet has its own", "pass fleet=Fleet(batteries=...)")
        return call_checked(make_fleet_setup, keywords)

    def _prepare(self, units: tuple[Unit, ...]) -> None:
        super()._prepare(units)
        scales = [[state.offset, state.scale, state.top] for state in self._spans]
        self._scaling = tuple(np.array(scales, dtype=float).T[:, :, None])
        self._stacked: tuple[Any, npt.NDArray[np.float64]] = (None, np.empty(0))

    @property
    def dispatched(self) -> Mapping[str, npt.NDArray[np.float64]]:
        """See `FleetEnv.dispatched`; arrays of shape (num_envs,)."""
        return {name: self._states[place] for name, place in self._told}

    def _energy(self) -> npt.NDArray[np.float64]:
        if self.num_envs == 1:
            # A single column NumPy would add up in another order.
            return super()._energy()
        return np.asarray(np.add.reduce(self._stored_kwh(), axis=0))

    def _looked(self) -> npt.NDArray[np.float32]:
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
