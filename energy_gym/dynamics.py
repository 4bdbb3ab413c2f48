"""One step of a scenario: the laws of its entities and contracts, composed once for floats, arrays and tensors.

One rule: no other module moves energy or computes a part of a reward.
"""

from __future__ import annotations

from typing import Any

from energy_gym.backends import Namespace
from energy_gym.contracts.spot import carbon_kg, energy_cost
from energy_gym.entities.battery import Cell, next_energy, settle, wear_cost
from energy_gym.scenario import Weights


def advance(
    energy: Any, wish: Any, price: Any, carbon: Any, cell: Cell, xp: Namespace
) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Play one step.

    Args:
        energy: Stored energy at its start [kWh].
        wish: Share of the rated power asked for, in [-1, 1], positive charges.
        price: Actual price of the interval [currency/MWh].
        carbon: Actual carbon intensity of the interval [gCO2/kWh].
        cell: The battery's figures for the step length.
        xp: The namespace of the numbers.

    Returns:
        Stored energy at its end [kWh], energy from the grid [kWh] (import +), the parts of the reward: energy cost
        [currency], carbon [kg] and wear [currency], and the energy refused [kWh]; each shaped as the inputs are.

    Example:
        >>> from energy_gym.backends import scalars
        >>> from energy_gym.entities import Battery
        >>> cell = Battery(discharge_kw=2.0, efficiency_discharge=1.0).cell(1.0)
        >>> advance(5.0, -1.0, 100.0, 300.0, cell, scalars)
        (3.0, -2.0, -0.2, -0.6, 0.0, 0.0)
    """
    charged, discharged, refused = settle(energy, wish, cell, xp)
    grid_kwh = charged - discharged
    return (
        next_energy(energy, charged, discharged, cell),
        grid_kwh,
        energy_cost(grid_kwh, price),
        carbon_kg(grid_kwh, carbon),
        wear_cost(discharged, cell),
        refused,
    )


def reward(energy_cost: Any, carbon_kg: Any, wear: Any, weights: Weights) -> Any:
    """Return the reward of a step from its parts: money earned minus spent, and carbon avoided minus caused."""
    return 0.0 - (weights.money * (energy_cost + wear) + weights.carbon * carbon_kg)


def settlement(energy: Any, energy_start: Any, price: float, carbon: float) -> tuple[Any, Any]:
    """Return the cost [currency] and the carbon [kg] of closing an episode away from the level it started at.

    The difference is sold or bought at the price and the carbon intensity given, which keeps the last reward linear in
    the stored energy.

    Example:
        >>> settlement(6.0, 5.0, price=50.0, carbon=400.0)
        (-0.05, -0.4)
    """
    owed_kwh = energy_start - energy
    return energy_cost(owed_kwh, price), carbon_kg(owed_kwh, carbon)
