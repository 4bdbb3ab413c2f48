"""What an episode's end costs: energy missing or left over in stores, against the level that they started at.

One rule: no other module prices what is stored when an episode ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from energy_gym.backends import Namespace
from energy_gym.contracts.spot import carbon_kg, energy_cost
from energy_gym.units import Unit


class Closing(NamedTuple):
    """What a kWh costs that is missing or left over when an episode ends, against the level it started at.

    Args:
        missing: Price of a kWh missing [currency/MWh].
        left: Price of a kWh left over.
        missing_carbon: Carbon intensity of a kWh missing [gCO2/kWh].
        left_carbon: The same of a kWh left over.
    """

    missing: float = 0.0
    left: float = 0.0
    missing_carbon: float = 0.0
    left_carbon: float = 0.0


def settlement(
    units: Sequence[Unit], closings: Sequence[Closing], states: Sequence[Any], xp: Namespace
) -> tuple[Any, Any, Any]:
    """Return what closing an episode costs away from the levels it started at.

    Args:
        units: The units.
        closings: Prices and carbon intensities by unit; where the prices for energy missing and left are one, the last
            reward is linear in the energy.
        states: States at the end, over all units.
        xp: The namespace of the numbers.

    Returns:
        The cost [currency] and the carbon [kg] of energy missing or left, and penalties of units with laws of their own
        [currency].

    Example:
        >>> from energy_gym.backends import scalars
        >>> from energy_gym.envs.setup import make_setup
        >>> setup = make_setup(dataset="ercot-2021-2022")
        >>> settlement(setup.units, [Closing(50.0, 50.0, 400.0, 400.0)], (6.0,), scalars)
        (-0.05, -0.4, 0.0)
    """
    cost, kg, fined, place = 0.0, 0.0, 0.0, 0
    for unit, closing in zip(units, closings, strict=True):
        owed, own = 0.0, states[place : place + len(unit.initial)]
        for flexible, state in zip(unit.flexibles, own, strict=False):
            owed = owed + flexible.worth * (flexible.initial - state)
        more, more_kg = closed(owed, closing, xp)
        cost, kg, place = cost + more, kg + more_kg, place + len(own)
        if unit.laws is not None and unit.laws.fined is not None:
            fined = fined + unit.laws.fined(unit, own, xp)
    return cost, kg, fined


def closed(owed_kwh: Any, closing: Closing, xp: Namespace) -> tuple[Any, Any]:
    """Return cost [currency] and carbon [kg] of energy missing (or, if negative, left) at the end of an episode [kWh].

    Example:
        >>> from energy_gym.backends import scalars
        >>> closed(2.0, Closing(missing=300.0), scalars)
        (0.6, 0.0)
    """
    missing = xp.positive(owed_kwh)
    left = missing - owed_kwh
    cost = energy_cost(missing, closing.missing) - energy_cost(left, closing.left)
    return cost, carbon_kg(missing, closing.missing_carbon) - carbon_kg(left, closing.left_carbon)
