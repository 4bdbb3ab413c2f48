"""The planner of the EnCortex paper: a plan a day for a weighted sum of price and carbon, each scaled within the day.

One rule: it plans on the environment's forecast, from local midnight to midnight, and owes nothing at the day's end;
what it earns is settled by the environment, in money and in kg.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from energy_gym.agents.base import Agent
from energy_gym.arrays import Floats
from energy_gym.conversions import SECONDS_PER_HOUR
from energy_gym.errors import ConfigurationError
from energy_gym.oracle.problem import Problem
from energy_gym.oracle.solve import best_power


class WeightedDays(Agent):
    """Plans each day for ``weight`` of the price and ``1 - weight`` of the carbon intensity, both in [-1, 1].

    Args:
        env: An environment with one battery behind one price, under an objective that counts carbon.
        seed: Not used.
        weight: Weight of the price, in [0, 1].

    Raises:
        ConfigurationError: A weight outside [0, 1], or an environment of another kind.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", dataset="synthetic", objective="joint", episode_steps=48)
        >>> observation, info = env.reset(seed=0)
        >>> bool(-1.0 <= WeightedDays(env, weight=0.5).act(observation, info)[0] <= 1.0)
        True
    """

    name: ClassVar[str] = "weighted-days"
    kinds: ClassVar[tuple[str, ...]] = ("continuous",)
    preferred_actions: ClassVar[str] = "continuous"

    def __init__(self, env: Any, seed: int = 0, weight: float = 0.5) -> None:
        super().__init__(env, seed)
        if not 0.0 <= weight <= 1.0:
            raise ConfigurationError(f"weight={weight!r}", "must lie in [0, 1]", "pass the share of the price")
        setup = self.env.setup
        self.columns = [setup.sites[0].energy.price_columns()[0] or "", setup.sites[0].energy.carbon]
        if not setup.single_storage or any(column not in setup.tape.columns for column in self.columns):
            raise ConfigurationError(
                f"agent {self.name!r} on scenario {self.env.scenario.name!r}",
                "plays one battery behind one price, under an objective that counts money and carbon",
                'make the environment with objective="joint"',
            )
        self.weight = float(weight)
        self._planned: list[float] = []

    def reset(self) -> None:
        """See `Agent.reset`."""
        self._planned = []

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        if not self._planned:
            self._planned = self._plan().tolist()
        return np.array([self._planned.pop(0)])

    def _plan(self) -> Floats:
        """Return shares of rated power from now to the end of the local day, the episode or the look-ahead."""
        setup, (now, stop) = self.env.setup, self.env.steps_left
        local = self.env.time.tz_convert(setup.feed.zone)
        left = (local.normalize() + _day() - local).total_seconds() / SECONDS_PER_HOUR / setup.feed.step_hours
        size = max(1, min(round(left), stop - now, setup.tape.horizon))
        price, carbon = (scaled(self.env.outlook()[column][:size]) for column in self.columns)
        worth = self.weight * price + (1.0 - self.weight) * carbon
        shares, _, _ = best_power(Problem(setup.flexibles[0].cell, worth, worth, self.env.states[0]))
        return shares

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        return {**super().parameters(), "weight": self.weight}

    def restore(self, parameters: Mapping[str, Any], folder: Any) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self.weight = float(parameters["weight"])


def _day() -> Any:
    import pandas as pd

    return pd.DateOffset(days=1)


def scaled(values: Floats) -> Floats:
    """Scale to [-1, 1] between the lowest and the highest value; a constant is 0.

    Example:
        >>> scaled(np.array([10.0, 20.0, 15.0])).tolist()
        [-1.0, 1.0, 0.0]
    """
    low, high = values.min(), values.max()
    return np.asarray(2.0 * (values - low) / (high - low) - 1.0) if high > low else np.zeros_like(values)
