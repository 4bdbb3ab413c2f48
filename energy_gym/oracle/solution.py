"""What the oracle answers: a plan that was replayed through the environment's laws, and a proven bound on any plan.

One rule: ``value`` is what the replay earned, never what a solver claimed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy_gym.backends import scalars
from energy_gym.dynamics import advance, reward, settlement
from energy_gym.envs.setup import Setup

if TYPE_CHECKING:
    import pandas as pd

EXACT = 1e-6
COLUMNS = ("energy_kwh", "grid_kwh", "energy_cost", "carbon_kg", "wear", "refused_kwh", "reward")


@dataclass(frozen=True)
class Plan:
    """A share of rated power for each step of a window, and what it earns under the laws of the environment."""

    setup: Setup
    first: int
    stop: int
    wishes: npt.NDArray[np.float64]
    steps: npt.NDArray[np.float64]

    @property
    def value(self) -> float:
        """Return of the plan [reward units]."""
        return float(sum(self.steps[:, -1].tolist()))

    @property
    def table(self) -> pd.DataFrame:
        """The plan step by step, with time, price, carbon intensity, power, state of charge and the reward's parts."""
        import pandas as pd

        setup = self.setup
        window = slice(self.first, self.stop)
        begin = setup.feed.first
        frame = pd.DataFrame(
            self.steps, columns=list(COLUMNS), index=setup.feed.times[begin + self.first : begin + self.stop]
        )
        frame.insert(0, "price_per_mwh", setup.price[window])
        frame.insert(1, "carbon_g_per_kwh", setup.carbon[window])
        frame.insert(2, "action", self.wishes)
        frame.insert(3, "power_kw", frame["grid_kwh"] / setup.feed.step_hours)
        frame.insert(4, "soc", frame["energy_kwh"] / setup.scenario.battery.capacity_kwh)
        return frame


def replay(setup: Setup, first: int, stop: int, energy: float, wishes: npt.NDArray[np.float64]) -> Plan:
    """Play the shares of rated power ``wishes`` (T,) on the steps ``first`` to ``stop``, as the environment does."""
    cell, weights = setup.cell(), setup.weights
    price, carbon = setup.price[first:stop].tolist(), setup.carbon[first:stop].tolist()
    rows = []
    for wish, cost_per_mwh, carbon_g_per_kwh in zip(wishes.tolist(), price, carbon, strict=True):
        energy, grid_kwh, cost, kg, wear, refused = advance(energy, wish, cost_per_mwh, carbon_g_per_kwh, cell, scalars)
        rows.append((energy, grid_kwh, cost, kg, wear, refused, reward(cost, kg, wear, weights)))
    start = setup.scenario.battery.energy_initial_kwh
    owed, owed_kg = settlement(energy, start, setup.settle_price, setup.settle_carbon)
    _, grid_kwh, cost, kg, wear, refused, _ = rows[-1]
    closed = reward(cost + owed, kg + owed_kg, wear, weights)
    rows[-1] = (energy, grid_kwh, cost + owed, kg + owed_kg, wear, refused, closed)
    return Plan(setup, first, stop, wishes, np.array(rows))


@dataclass(frozen=True)
class Solution:
    """The optimum of the rest of an episode.

    Args:
        value: Largest return that any sequence of actions can earn (exact), or the best one found [reward units].
        bound: Proven upper bound, at least ``value``.
        actions: Actions for ``env.step`` that earn ``value``; shares of rated power where ``continuous=True`` was asked
            of a discrete environment.
        status: ``"optimal"`` or ``"bracketed"``, and the method.
        seconds: Wall time of the solution, replay included.
        plan: The replayed plan.
    """

    value: float
    bound: float
    actions: list[Any] = field(repr=False)
    status: str
    seconds: float
    plan: Plan = field(repr=False)

    @property
    def exact(self) -> bool:
        """Whether value and bound agree within 1e-6, relative to the value where it is above 1."""
        return self.bound - self.value <= EXACT * max(1.0, abs(self.value))

    @cached_property
    def table(self) -> pd.DataFrame:
        """The plan, a row a step: price, carbon intensity, action, power, state of charge, reward and its parts."""
        return self.plan.table
