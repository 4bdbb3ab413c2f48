"""What is optimised: one storage over a window, with the reward of each kWh charged and discharged.

One rule: the numbers come from the same scenario, series and laws as the environment's step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.contracts import spot
from energy_gym.entities.battery import Cell
from energy_gym.envs.setup import Setup

Floats = npt.NDArray[np.float64]


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


def problem_of(setup: Setup, price: Any, carbon: Any, energy: float, ends: bool, energy_start: float) -> Problem:
    """Return the problem of a window.

    Args:
        setup: Scenario, settlement figures and step length.
        price: Price by step [currency/MWh], actual or forecast, shape (T,).
        carbon: Carbon intensity by step [gCO2/kWh], shape (T,).
        energy: Energy stored now [kWh].
        ends: Whether the episode ends with the window. If not, stored energy keeps its settlement value, so that a
            plan for a part of an episode does not sell out at its end.
        energy_start: Energy at the start of the episode, against which its end is settled [kWh].
    """
    weights = setup.weights
    cell = setup.cell()
    buy = weights.money * spot.energy_cost(1.0, price) + weights.carbon * spot.carbon_kg(1.0, carbon)
    free = setup.scenario.objective.terminal == "free"
    end_value = 0.0 if free and ends else _value_of_stored(setup)
    return Problem(
        cell=cell,
        buy=np.asarray(buy, dtype=np.float64),
        sell=np.asarray(buy - weights.money * cell.wear_per_kwh, dtype=np.float64),
        energy=energy,
        end_value=end_value,
        constant=-end_value * energy_start,
    )


def _value_of_stored(setup: Setup) -> float:
    """Reward per kWh of stored energy at the mean price and carbon intensity of the training split."""
    statistics, contract = setup.feed.statistics, setup.scenario.spot
    carbon = statistics[contract.carbon].mean if contract.carbon in setup.feed.values else 0.0
    money = spot.energy_cost(1.0, statistics[contract.price].mean)
    return setup.weights.money * money + setup.weights.carbon * spot.carbon_kg(1.0, carbon)
