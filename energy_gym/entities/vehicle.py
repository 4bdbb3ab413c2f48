"""The electric vehicle: a battery that comes and goes, and that has to hold so much when it leaves.

With e for the energy stored, 0 while it is away, A for what it brings in the step in which it arrives (0 in all
others), d = 1 in the last step before it leaves, and N for what it needs then,

    e0 = e(t) + A,     e1 = e0 + efficiency * charged - discharged / efficiency,
    e(t + 1) = e1 * (1 - d),     missed(t + 1) = missed(t) + max(N - e1, 0),

and nothing flows while it is away.

One rule: a stay is told by the hours it still lasts, so that whoever knows the present step knows the whole stay.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import Namespace
from energy_gym.entities.base import (
    Entity,
    Flexible,
    Laws,
    Memory,
    Values,
    column_name,
    finite_number,
    no_cost,
    positive_number,
    register,
)
from energy_gym.errors import ConfigurationError, DataError, EfficiencyError
from energy_gym.modelling import Model

TOLERANCE = 1e-7
PARTS = ("hours_left", "arrival_kwh", "need_kwh")


class VehicleCell(NamedTuple):
    """A vehicle's figures for one step length [kWh, fractions, currency/kWh]."""

    capacity_kwh: float
    charge_kwh: float
    discharge_kwh: float
    efficiency_charge: float
    efficiency_discharge: float
    reserve_kwh: float
    shortfall_price: float


class Stays(NamedTuple):
    """What a vehicle's laws are told, each of shape (T,).

    Args:
        plugged: 1 where it is plugged in.
        arrival_kwh: Energy that it brings in the first step of a stay, 0 in all others.
        leaves: 1 in the last step of a stay.
        need_kwh: Energy needed at the end of that step, 0 in all others.
    """

    plugged: Floats
    arrival_kwh: Floats
    leaves: Floats
    need_kwh: Floats

    @classmethod
    def of(cls, hours_left: Floats, arrival_kwh: Floats, need_kwh: Floats, hours: float) -> Stays:
        """Lay out stays; one that has begun lasts as long as it said when it began, whatever is said later."""
        steps = len(hours_left)
        stay = Stays(*(np.zeros(steps) for _ in range(4)))
        step = 0
        while step < steps:
            lasts = int(np.ceil(hours_left[step] / hours - 1e-9))
            if lasts > 0:
                end = step + lasts
                stay.plugged[step:end] = 1.0
                stay.arrival_kwh[step] = arrival_kwh[step]
                if end <= steps:
                    stay.leaves[end - 1], stay.need_kwh[end - 1] = 1.0, need_kwh[step]
            step += max(lasts, 1)
        return stay


@register
@dataclass(frozen=True, slots=True)
class ElectricVehicle(Entity):
    """A battery that comes and goes: charging that can wait and, with ``discharge_kw``, energy given back (V2G).

    While it is away nothing flows and its state is 0. What it lacks when it leaves costs ``shortfall_price_per_kwh``,
    a penalty in the reward, and adds to ``missed_kwh``, which is observed. What is stored in it when an episode ends is
    not settled; an episode that starts within a stay starts with it empty.

    Args:
        capacity_kwh: Energy between empty and full [kWh].
        charge_kw: Rated charging power [kW].
        discharge_kw: Rated discharging power; 0 for a vehicle that only charges.
        efficiency_charge: Energy stored per energy taken in, in (0, 1].
        efficiency_discharge: Energy given out per energy taken from the store.
        reserve: Fraction of the capacity below which nothing is given back.
        shortfall_price_per_kwh: Penalty for each kWh that is missing when it leaves [currency/kWh, >= 0].
        prefix: Columns of the data are named after it: ``ev_hours_left``, the hours that the present stay still lasts
            (0 while it is away); ``ev_arrival_kwh``, what it brings, in the step in which it arrives and 0 else;
            ``ev_need_kwh``, what it needs when it leaves, in all steps of the stay. `energy_gym.data.vehicles` makes
            them of a list of stays. A stay lasts as long as its first step says, and what it brings counts in that step
            alone, whatever later steps say of either. They are known when the step begins:
            ``published={"ev_hours_left": "at-start"}``.

    Raises:
        NonPositiveError: Capacity or charging power is not a positive number.
        EfficiencyError: An efficiency is outside (0, 1].
        ConfigurationError: Another figure is out of its range.

    Source:
        Smart charging by availability, arrival energy and needed energy, as in common models of charging; the equations
        at the top of this file are by definition.

    Example:
        >>> ElectricVehicle(discharge_kw=7.4).columns()
        ('ev_hours_left', 'ev_arrival_kwh', 'ev_need_kwh')
    """

    kind: ClassVar[str] = "electric_vehicle"
    capacity_kwh: float = 60.0
    charge_kw: float = 11.0
    discharge_kw: float = 0.0
    efficiency_charge: float = 0.92
    efficiency_discharge: float = 0.92
    reserve: float = 0.2
    shortfall_price_per_kwh: float = 1.0
    prefix: str = "ev"

    def __post_init__(self) -> None:
        for item in fields(self):
            if item.name != "prefix":
                object.__setattr__(self, item.name, finite_number("vehicle", item.name, getattr(self, item.name)))
        for name in ("capacity_kwh", "charge_kw"):
            positive_number("vehicle", name, getattr(self, name))
        for name in ("efficiency_charge", "efficiency_discharge"):
            if not 0.0 < getattr(self, name) <= 1.0:
                found = f"vehicle {name}={getattr(self, name)}"
                raise EfficiencyError(found, "an efficiency lies in (0, 1]", "pass a fraction such as 0.92")
        for name, top in (("discharge_kw", np.inf), ("reserve", 1.0), ("shortfall_price_per_kwh", np.inf)):
            if not 0.0 <= getattr(self, name) <= top:
                found = f"vehicle {name}={getattr(self, name)}"
                raise ConfigurationError(found, f"must lie in [0, {top:g}]", "pass a number in that range")
        column_name("vehicle", "prefix", self.prefix)

    def columns(self) -> tuple[str, ...]:
        """See `Entity.columns`."""
        return tuple(f"{self.prefix}_{part}" for part in PARTS)

    def check(self, name: str, values: Values) -> None:
        """See `Entity.check`.

        Raises:
            DataError: It arrives with more than it can hold, or needs more; or it brings energy while it is away.
        """
        away, brought = values[self.columns()[0]] <= 0.0, values[self.columns()[1]]
        if (unheard := away & (brought > 0.0)).any():
            step = int(np.argmax(unheard))
            found = f"entities.{name}: {self.columns()[1]}={brought[step]:g} in step {step}"
            rule = f"is brought by a vehicle that is away then ({self.columns()[0]} is 0)"
            raise DataError(found, rule, "say it in the first step of the stay")
        for column in self.columns()[1:]:
            if len(values[column]) and values[column].max() > self.capacity_kwh:
                found = f"entities.{name}: {column}={values[column].max():g}"
                raise DataError(found, f"a vehicle holds at most {self.capacity_kwh:g} kWh", "correct the data")

    def flexible(self, name: str, hours: float, values: Values) -> Flexible:
        """See `Entity.flexible`; what a forecast has beyond empty and full is cut to that."""
        hours_left, *energies = (values[column] for column in self.columns())
        arrival, need = (np.clip(part, 0.0, self.capacity_kwh) for part in energies)
        cell = VehicleCell(
            self.capacity_kwh,
            self.charge_kw * hours,
            self.discharge_kw * hours,
            self.efficiency_charge,
            self.efficiency_discharge,
            self.reserve * self.capacity_kwh,
            self.shortfall_price_per_kwh,
        )
        return Flexible(
            name,
            Laws(settle, next_state, no_cost, constrain, fine=fine),
            cell,
            0.0,
            (0.0, self.capacity_kwh),
            cell.charge_kwh,
            cell.discharge_kwh,
            signal=tuple(Stays.of(hours_left, arrival, need, hours)),
            worth=0.0,
            unsure="it comes and goes with what it holds, so that no end of an episode is where it began",
            memory=(Memory("missed_kwh", 0.0, (0.0, self.capacity_kwh)),),
        )


def settle(state: Any, wish: Any, cell: VehicleCell, xp: Namespace, signal: Any) -> tuple[Any, Any, Any]:
    """Return what is charged, discharged and refused [kWh, all >= 0]; nothing while it is away.

    Source:
        The equations at the top of this file.

    Example:
        >>> from energy_gym.backends import scalars
        >>> cell = VehicleCell(60.0, 11.0, 0.0, 1.0, 1.0, 0.0, 1.0)
        >>> settle((0.0, 0.0), 1.0, cell, scalars, (1.0, 55.0, 0.0, 0.0))
        (5.0, 0.0, 6.0)
    """
    plugged, arrival, _, _ = signal
    stored = state[0] + arrival
    up = xp.positive(wish)
    charge_wish, discharge_wish = up * cell.charge_kwh, (up - wish) * cell.discharge_kwh
    charged = xp.bounded(charge_wish * plugged, (cell.capacity_kwh - stored) / cell.efficiency_charge)
    discharged = xp.bounded(discharge_wish * plugged, (stored - cell.reserve_kwh) * cell.efficiency_discharge)
    return charged, discharged, (charge_wish - charged) + (discharge_wish - discharged)


def next_state(state: Any, charged: Any, discharged: Any, cell: VehicleCell, signal: Any) -> tuple[Any, Any]:
    """Return the energy stored at the end of a step, 0 once it has left, and what was missed so far [kWh].

    Source:
        The equations at the top of this file.

    Example:
        >>> cell = VehicleCell(60.0, 11.0, 0.0, 1.0, 1.0, 0.0, 1.0)
        >>> next_state((30.0, 1.0), 10.0, 0.0, cell, (1.0, 0.0, 1.0, 45.0))
        (0.0, 6.0)
    """
    _, arrival, leaves, need = signal
    energy, missed = state
    stored = energy + arrival + cell.efficiency_charge * charged - discharged / cell.efficiency_discharge
    short = need - stored
    return stored * (1.0 - leaves), missed + (short + abs(short)) * 0.5 * leaves


def fine(before: Any, after: Any, cell: VehicleCell) -> Any:
    """Return what the energy missed in a step costs [currency].

    Source:
        By definition.
    """
    return cell.shortfall_price * (after[1] - before[1])


def constrain(model: Model, cell: VehicleCell, start: Any, signal: Any) -> tuple[Any, Any, Any, Any]:
    """State the vehicle in a solver's model; returns the energies charged, discharged and stored, and the penalty."""
    plugged, arrival, leaves, need = signal
    charged = model.variable(0.0, cell.charge_kwh * plugged)
    discharged = model.variable(0.0, cell.discharge_kwh * plugged)
    stored = model.variable(0.0, cell.capacity_kwh)
    state = model.variable(0.0, cell.capacity_kwh)
    short = model.variable(0.0, need)
    begun = model.previous(state, start[0]) + arrival
    model.equal(stored, begun + cell.efficiency_charge * charged - discharged / cell.efficiency_discharge)
    model.equal(state, stored * (1.0 - leaves))
    model.at_most(need - stored * leaves, short)
    if cell.discharge_kwh:
        _one_way(model, cell, (charged, discharged, stored))
    return charged, discharged, state, cell.shortfall_price * short


def _one_way(model: Model, cell: VehicleCell, flows: tuple[Any, Any, Any]) -> None:
    """State that it does not charge and give back in one step, nor give back below its reserve."""
    charged, discharged, stored = flows

    def rows(charging: Any, at: Any) -> list[tuple[Any, Any]]:
        return [
            (charged[at], cell.charge_kwh * charging),
            (discharged[at], cell.discharge_kwh * (1.0 - charging)),
            (cell.reserve_kwh * (1.0 - charging), stored[at]),
        ]

    def broken(value: Any) -> Any:
        tolerance = TOLERANCE * model.scale
        into, out = value(charged) > tolerance, value(discharged) > tolerance
        return out & (into | (value(stored) < cell.reserve_kwh - tolerance))

    model.choose(rows, broken)
