"""What is optimised: one storage over a window, with the reward of each kWh charged and discharged.

One rule: the numbers come from the same scenario, series and laws as the environment's step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.backends import arrays
from energy_gym.contracts import spot
from energy_gym.entities import Flexible, battery
from energy_gym.entities.battery import Cell
from energy_gym.envs.env import EnergyEnv
from energy_gym.modelling import Model
from energy_gym.oracle.statement import Goal
from energy_gym.units import Unit


@dataclass(frozen=True)
class Problem:
    """One storage over T steps.

    ``buy`` and ``sell`` (T,) are what a kWh charged costs and a kWh discharged earns, wear deducted [reward units];
    ``energy`` is what is stored at the start [kWh], ``end_value`` what a kWh stored at the end is worth, ``constant`` a
    part of the return that no action changes.
    """

    cell: Cell
    buy: Floats
    sell: Floats
    energy: float
    end_value: float = 0.0
    constant: float = 0.0

    def __len__(self) -> int:
        return len(self.buy)

    def play(self, step: int, energy: Floats, wish: Floats) -> tuple[Floats, Floats]:
        """Return the energies stored after a step and what it earns, each of the shape of ``energy`` and ``wish``."""
        charged, discharged, _ = battery.settle(energy, wish, self.cell, arrays)
        after = battery.next_energy(energy, charged, discharged, self.cell)
        return after, discharged * self.sell[step] - charged * self.buy[step]

    @property
    def worths(self) -> Floats:
        """What a kWh stored may cost or earn at each step, shape (some, T)."""
        worth = [self.charge_value, self.discharge_value]
        return np.stack([*worth, np.zeros(len(self))] if self.cell.keep < 1.0 else worth)

    @property
    def end_worth(self) -> tuple[float, float]:
        """Least and most that a kWh stored is worth at the end."""
        return self.end_value, self.end_value

    def close(self, energy: Floats) -> Floats:
        """Return what closing the window with these energies earns."""
        return self.end_value * energy + self.constant

    @property
    def charge_value(self) -> Floats:
        """What a kWh of stored energy costs to charge, shape (T,)."""
        return np.asarray(self.buy / self.cell.efficiency_charge)

    @property
    def discharge_value(self) -> Floats:
        """What a kWh of stored energy earns when discharged, shape (T,)."""
        return np.asarray(self.sell * self.cell.efficiency_discharge)

    @property
    def burning(self) -> npt.NDArray[np.bool_]:
        """Where charging and discharging at once would pay, so that a solver must be kept from it; shape (T,)."""
        return np.asarray(self.charge_value < self.discharge_value)


def problem_of(unit: Unit, states: Sequence[float], goal: Goal) -> Problem | None:
    """Return a unit as one storage with a price for each kWh, or None where it is more than that.

    Args:
        unit: The unit over the window.
        states: States now.
        goal: Weights and closing prices.
    """
    closing = goal.closing
    linear = (closing.missing, closing.missing_carbon) == (closing.left, closing.left_carbon)
    by_power = unit.plain and unit.usual is None
    if not (by_power and unit.buy is unit.sell and linear and is_battery(unit.flexibles[0])):
        return None
    (money, carbon, worn), flexible = goal.weights, unit.flexibles[0]
    buy = money * spot.energy_cost(1.0, unit.buy) + carbon * spot.carbon_kg(1.0, unit.carbon)
    end_value = money * spot.energy_cost(1.0, closing.left) + carbon * spot.carbon_kg(1.0, closing.left_carbon)
    return Problem(
        cell=flexible.cell,
        buy=np.asarray(buy, dtype=np.float64),
        sell=np.asarray(buy - worn * flexible.cell.wear_per_kwh, dtype=np.float64),
        energy=states[0],
        end_value=end_value,
        constant=-end_value * flexible.initial - float(buy @ unit.fixed_kwh),
    )


def is_battery(flexible: Flexible) -> bool:
    """Return whether it obeys the battery's laws, by itself; another kind may have borrowed its figures."""
    own = (battery.settle, battery.next_energy, battery.wear_cost, battery.constrain)
    return flexible.bare.laws[: len(own)] == own


def problem_now(env: EnergyEnv) -> Problem | None:
    """Return what is left of the episode of an environment as one storage, or None where it is more than that.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=24).unwrapped
        >>> observation, info = env.reset(seed=1)
        >>> len(problem_now(env))
        24
    """
    setup = env.setup
    if len(setup.units) > 1:
        return None
    return problem_of(setup.units[0].window(*env.steps_left), env.states, Goal(setup.weights, setup.closings[0]))


def state_problem(model: Model, problem: Problem) -> tuple[Any, Any]:
    """State a problem in a solver's model; return the energies charged and discharged by step."""
    charged, discharged, energy = battery.constrain(model, problem.cell, problem.energy)
    model.earn(problem.sell * discharged - problem.buy * charged)
    model.earn(problem.end_value * energy[np.array([len(problem) - 1])] + problem.constant)
    return charged, discharged
