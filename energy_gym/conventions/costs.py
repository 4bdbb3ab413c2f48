"""Costs by constraint, for safe reinforcement learning: why energy that was asked for was refused.

    power         more was asked than the rated power
    energy        the store was too empty or too full, or the entity could not for a reason of its own
    connection    it did not fit through the connection
    commitment    of a fleet: neither power nor energy was left to hold it, or its market takes no such bid

They are in kWh, none is below zero, and they add up to ``info["cost"]``.

One rule: the step is the environment's own; its laws say what they refuse.
"""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium as gym

from energy_gym.conventions.noting import Notes
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.units import Unit

CONSTRAINTS = ("power", "energy", "connection", "commitment")
# What rounding may leave of a difference that is nothing, as a share of what it is the difference of.
ROUNDING = 1e-12


class Costs(gym.Wrapper):  # type: ignore[type-arg]  # hands on whatever spaces there are
    """Adds ``info["costs"]``: the energy refused by constraint [kWh]; see the top of this file.

    Args:
        env: An environment of this package, in any wrappers.

    Raises:
        ConfigurationError: The environment is not one of this package.

    Example:
        >>> env = Costs(gym.make("energy_gym/Arbitrage-v1"))
        >>> observation, info = env.reset(seed=0)
        >>> observation, reward, terminated, truncated, info = env.step([1.5])
        >>> info["costs"]
        {'power': 2.5, 'energy': 0.7894736842105265, 'connection': 0.0, 'commitment': 0.0}
        >>> sum(info["costs"].values()) == info["cost"]
        True
    """

    faithful = True

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._notes = Notes(base_of(env))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_notes"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._notes = Notes(base_of(self.env))

    def reset(self, **keywords: Any) -> tuple[Any, dict[str, Any]]:
        """See `gymnasium.Wrapper.reset`: nothing is refused yet."""
        observation, info = self.env.reset(**keywords)
        return observation, {**info, "costs": dict.fromkeys(CONSTRAINTS, 0.0)}

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """See `gymnasium.Wrapper.step`."""
        observation, gain, terminated, truncated, info = self.env.step(action)
        return observation, gain, terminated, truncated, {**info, "costs": self._costs(info["cost"])}

    def _costs(self, total: float) -> dict[str, float]:
        """Return the energy refused by constraint [kWh]."""
        found = dict.fromkeys(CONSTRAINTS, 0.0)
        for unit, refused, short in zip(_units(self), self._notes.refused_kwh, self._notes.short_kwh, strict=True):
            if _is_fleet(unit):
                found["commitment"] += refused
            else:
                found["energy"] += short
                found["connection"] += _difference(refused, short)
        found["power"] = _difference(total, sum(self._notes.refused_kwh))
        return found


class SixValues(gym.Wrapper):  # type: ignore[type-arg]  # hands on whatever spaces there are
    """A step of six values, as libraries of safe reinforcement learning expect it: the cost comes after the reward.

    Args:
        env: An environment of this package, in any wrappers.
        constraint: The cost that is meant: one of `CONSTRAINTS`, or None for all of them together.

    Raises:
        ConfigurationError: The environment is not one of this package, or the constraint is unknown.

    Example:
        >>> env = SixValues(gym.make("energy_gym/Arbitrage-v1"), constraint="power")
        >>> observation, info = env.reset(seed=0)
        >>> observation, reward, cost, terminated, truncated, info = env.step([1.5])
        >>> cost
        2.5
    """

    faithful = True

    def __init__(self, env: Any, constraint: str | None = None) -> None:
        super().__init__(Costs(env))
        if constraint is not None and constraint not in CONSTRAINTS:
            raise ConfigurationError(
                f"constraint={constraint!r}", f"must be one of {', '.join(CONSTRAINTS)}", "or pass None for all"
            )
        self.constraint = constraint

    def step(self, action: Any) -> Any:
        """Return observation, reward, cost [kWh], terminated, truncated and info."""
        observation, gain, terminated, truncated, info = self.env.step(action)
        cost = info["cost"] if self.constraint is None else info["costs"][self.constraint]
        return observation, gain, cost, terminated, truncated, info


def base_of(env: Any) -> EnergyEnv:
    """Return the environment within wrappers."""
    base = getattr(env, "unwrapped", env)
    if not isinstance(base, EnergyEnv):
        raise ConfigurationError(f"env={env!r}", "must be an environment of energy_gym", "pass gym.make(...)")
    return base


def _units(env: Any) -> tuple[Unit, ...]:
    return base_of(env).setup.units


def _is_fleet(unit: Unit) -> bool:
    """Return whether a unit holds power for markets."""
    return hasattr(unit, "legs")


def _difference(whole: float, part: float) -> float:
    """Return what is left of a whole, without what rounding alone leaves of it."""
    left = whole - part
    return left if left > ROUNDING * max(whole, 1.0) else 0.0
