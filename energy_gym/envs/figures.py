"""The figures of ``info``: their names and units, the same for resets and steps, single environments and batches.

One rule: a name that stands in the ``info`` of a step stands in that of a reset too, where it says that nothing has
happened yet; so libraries that record both find one layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from energy_gym.arrays import Flags
from energy_gym.units import MONEY, Unit

USUAL = {
    "energy_kwh": "kWh",
    "grid_kw": "kW",
    "cost": "kWh",
    "clipped_kw": "kW",
    "energy_cost": MONEY,
    "carbon_kg": "kg CO2",
    "wear": MONEY,
    "penalty": MONEY,
    "demand_charge": MONEY,
}
"""Figures of every environment. ``cost`` is energy that was asked for and refused, under the name that libraries of
safe learning read: it is no money."""

CUT = {"curtailed_kw": "kW"}
"""Figures where generation may be cut."""


def usual_names(cuts: bool) -> tuple[str, ...]:
    """Return the names of `usual_figures`, in their order; ``cuts`` says whether generation may be cut."""
    return (*USUAL, *(CUT if cuts else ()))


def usual_figures(flow: Sequence[Any], energy: Any, hours: float, cuts: bool) -> dict[str, Any]:
    """Return what ``info`` tells of a step that was played: floats, arrays, tensors or symbols.

    Args:
        flow: What the step came to, a `energy_gym.dynamics.Flow`.
        energy: Energy stored at its end [kWh].
        hours: Length of a step [h].
        cuts: Whether generation may be cut.
    """
    _, grid_kwh, energy_cost, carbon_kg, wear, penalty, charge, refused, curtailed = flow
    parts = energy_cost, carbon_kg, wear, penalty, charge
    told = energy, grid_kwh / hours, refused, refused / hours, *parts, *((curtailed / hours,) if cuts else ())
    return dict(zip(usual_names(cuts), told, strict=True))


def stored_in(states: Sequence[Any], stored: Sequence[tuple[int, float]]) -> Any:
    """Return the energy that states are [kWh], given the place and the worth of those that store any."""
    energy: Any = 0.0
    for place, worth in stored:
        energy = energy + worth * states[place]
    return energy


def told_figures(units: Sequence[Unit]) -> tuple[tuple[str, int, str], ...]:
    """Return the figures that units keep among their states: name, place among all states, and unit.

    Where several keep one of a name, each has the name of its unit or entity added.
    """
    names = [told.name for unit in units for told in (*unit.told, *unit.noted)]
    found, begin = [], 0
    for unit in units:
        for told in (*unit.told, *unit.noted):
            name = told.name if names.count(told.name) == 1 else f"{told.name}.{told.owner or unit.name}"
            found.append((name, begin + told.place, told.unit))
        begin += len(unit.initial)
    return tuple(found)


def units_of_info(
    cuts: bool, told: Sequence[tuple[str, int, str]], gates: Mapping[str, str], currency: str
) -> dict[str, str]:
    """Return the unit of every figure of ``info``, in their order there.

    Args:
        cuts: Whether generation may be cut.
        told: What `told_figures` returns.
        gates: Figures that gates add, with their units.
        currency: Currency of the data.

    Example:
        >>> units = units_of_info(False, (), {}, "EUR")
        >>> units["cost"], units["energy_cost"], "curtailed_kw" in units
        ('kWh', 'EUR', False)
    """
    found = {**USUAL, **(CUT if cuts else {}), **{name: unit for name, _, unit in told}, **gates}
    return {name: currency if unit == MONEY else unit for name, unit in found.items()}


def kept(values: Any, which: Flags) -> Any:
    """Return an array with a row for each environment, 0 in the rows of all but some.

    Example:
        >>> import numpy as np
        >>> kept(np.array([1.0, 2.0]), np.array([False, True])).tolist()
        [0.0, 2.0]
    """
    found = values.copy()
    found[~which] = 0
    return found
