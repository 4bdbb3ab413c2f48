"""The battery: its parameters, and its laws as pure functions of floats, arrays, tensors or solver expressions.

One rule: the physics of storing energy is stated here and nowhere else. Energies are in kWh, ``charged`` and
``discharged`` are what crosses the battery's terminals in one step (both >= 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import Namespace
from energy_gym.conversions import HOURS_PER_DAY
from energy_gym.entities.base import Entity, Flexible, Laws, Reach, Values, finite_number, positive_number, register
from energy_gym.errors import ConfigurationError, EfficiencyError, StateOfChargeError
from energy_gym.modelling import Model

TOLERANCE_KWH = 1e-7


class Cell(NamedTuple):
    """A battery's figures for one step length, as the laws take them.

    Each field is a float, or an array of shape (num_envs,) where a batch mixes batteries.
    """

    charge_kwh: Any
    discharge_kwh: Any
    efficiency_charge: Any
    efficiency_discharge: Any
    keep: Any
    energy_min: Any
    energy_max: Any
    wear_per_kwh: Any


@register
@dataclass(frozen=True, slots=True)
class Battery(Entity):
    """A battery with rated powers, losses, limits of its state of charge, standby losses and wear.

    Args:
        capacity_kwh: Energy between empty and full [kWh].
        charge_kw: Rated charging power at the terminals [kW].
        discharge_kw: Rated discharging power at the terminals [kW].
        efficiency_charge: Energy stored per energy taken in, in (0, 1].
        efficiency_discharge: Energy given out per energy taken from the store, in (0, 1].
        soc_min: Lowest state of charge that discharging may reach, as a fraction of the capacity.
        soc_max: Highest state of charge that charging may reach, as a fraction.
        soc_initial: State of charge at the start of an episode, as a fraction; from outside the limits it is led back
            at rated power, whatever is wished.
        self_discharge_per_day: Fraction of the stored energy lost in a day, whatever the step. The loss goes
            on below ``soc_min``.
        wear_per_kwh: Cost of wear per kWh given out [currency/kWh].

    Raises:
        NonPositiveError: Capacity or a power is not a positive number.
        EfficiencyError: An efficiency is outside (0, 1].
        StateOfChargeError: Limits are not 0 <= min < max <= 1, or the start is below empty or above full.
        ConfigurationError: Self-discharge is outside [0, 1) or wear is negative.

    Source:
        EnCortex, section 5.1.1: charging rates, efficiencies, capacity, depth of discharge, degradation as a
        cost.

    Example:
        >>> Battery(capacity_kwh=10.0, charge_kw=5.0, discharge_kw=5.0).round_trip_efficiency
        0.9025
    """

    kind: ClassVar[str] = "battery"
    capacity_kwh: float = 10.0
    charge_kw: float = 5.0
    discharge_kw: float = 5.0
    efficiency_charge: float = 0.95
    efficiency_discharge: float = 0.95
    soc_min: float = 0.1
    soc_max: float = 0.9
    soc_initial: float = 0.5
    self_discharge_per_day: float = 0.0
    wear_per_kwh: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(Battery):
            object.__setattr__(self, field.name, finite_number("battery", field.name, getattr(self, field.name)))
        self._check_sizes()
        self._check_fractions()

    def _check_sizes(self) -> None:
        for name in ("capacity_kwh", "charge_kw", "discharge_kw"):
            positive_number("battery", name, getattr(self, name))
        if self.wear_per_kwh < 0.0:
            raise ConfigurationError(
                f"battery wear_per_kwh={self.wear_per_kwh}", "wear must not be negative", "pass 0.0 for no wear cost"
            )

    def _check_fractions(self) -> None:
        for name in ("efficiency_charge", "efficiency_discharge"):
            value = getattr(self, name)
            if not 0.0 < value <= 1.0:
                raise EfficiencyError(
                    f"battery {name}={value}",
                    "an efficiency lies in (0, 1]",
                    "pass a fraction such as 0.95, not percent",
                )
        if not 0.0 <= self.soc_min < self.soc_max <= 1.0:
            raise StateOfChargeError(
                f"battery soc_min={self.soc_min}, soc_max={self.soc_max}",
                "the limits must satisfy 0 <= soc_min < soc_max <= 1",
                "pass fractions of the capacity, such as 0.1 and 0.9",
            )
        if not 0.0 <= self.soc_initial <= 1.0:
            raise StateOfChargeError(
                f"battery soc_initial={self.soc_initial}",
                "the start must lie between empty and full, in [0, 1]",
                f"pass a fraction, as a rule between soc_min={self.soc_min} and soc_max={self.soc_max}",
            )
        if not 0.0 <= self.self_discharge_per_day < 1.0:
            raise ConfigurationError(
                f"battery self_discharge_per_day={self.self_discharge_per_day}",
                "the daily loss is a fraction in [0, 1)",
                "pass a fraction such as 0.001 (0.1 % a day)",
            )

    @property
    def round_trip_efficiency(self) -> float:
        """Energy given out per energy taken in, as a fraction."""
        return self.efficiency_charge * self.efficiency_discharge

    @property
    def starts_outside(self) -> bool:
        """Whether an episode starts outside the limits of its state of charge."""
        return not self.soc_min <= self.soc_initial <= self.soc_max

    @property
    def energy_initial_kwh(self) -> float:
        """Energy stored at the start of an episode [kWh]."""
        return self.soc_initial * self.capacity_kwh

    def cell(self, hours: float) -> Cell:
        """Return the figures of this battery for steps of ``hours`` hours.

        Standby losses compound, so that a day loses the same however many steps it is cut into.

        Example:
            >>> Battery(charge_kw=4.0).cell(0.25).charge_kwh
            1.0
        """
        return Cell(
            charge_kwh=self.charge_kw * hours,
            discharge_kwh=self.discharge_kw * hours,
            efficiency_charge=self.efficiency_charge,
            efficiency_discharge=self.efficiency_discharge,
            keep=(1.0 - self.self_discharge_per_day) ** (hours / HOURS_PER_DAY),
            energy_min=self.soc_min * self.capacity_kwh,
            energy_max=self.soc_max * self.capacity_kwh,
            wear_per_kwh=self.wear_per_kwh,
        )

    def flexible(self, name: str, hours: float, values: Values) -> Flexible:
        """See `Entity.flexible`."""
        cell, laws = self.cell(hours), Laws(settle, next_energy, wear_cost, constrain, untangle)
        return Flexible(
            name,
            laws,
            cell,
            self.energy_initial_kwh,
            (0.0, self.capacity_kwh),
            cell.charge_kwh,
            cell.discharge_kwh,
            costs=self.wear_per_kwh > 0.0,
            follows=True,
            reach=reach_of(cell),
        )


def reach_of(cell: Cell) -> Reach:
    """Return how far a step moves what is stored; leakage goes on below the lower limit.

    Example:
        >>> reach_of(Battery().cell(1.0)).stored
        0.95
    """
    stored, taken = cell.efficiency_charge, 1.0 / cell.efficiency_discharge
    return Reach(cell.keep, stored, taken, cell.charge_kwh, cell.discharge_kwh, 0.0, cell.energy_max)


def stack(batteries: Sequence[Battery], hours: float) -> Cell:
    """Return one cell whose fields are floats where all batteries agree and arrays where they differ.

    Example:
        >>> stack([Battery(), Battery(charge_kw=2.0)], 1.0).charge_kwh.tolist()
        [5.0, 2.0]
    """
    cells = [battery.cell(hours) for battery in batteries]
    columns = zip(*cells, strict=True)
    return Cell(*(column[0] if len(set(column)) == 1 else np.array(column) for column in columns))


def next_energy(energy: Any, charged: Any, discharged: Any, cell: Cell, signal: Any = None) -> Any:
    """Energy stored at the end of a step [kWh]: what is kept, plus what goes in, minus what is taken out.

    Linear in all variables, so that a solver's constraint can call it.

    Source:
        EnCortex, equations 6 and 7. A store left alone loses the same share in each step: by definition of the
        loss.

    Example:
        >>> next_energy(5.0, 1.0, 0.0, Battery(efficiency_charge=0.9).cell(1.0))
        5.9
    """
    return energy * cell.keep + cell.efficiency_charge * charged - discharged / cell.efficiency_discharge


def wear_cost(charged: Any, discharged: Any, cell: Cell) -> Any:
    """Cost of wear of one step [currency].

    Source:
        EnCortex, equation 3, with degradation as a price for each kWh given out.
    """
    return cell.wear_per_kwh * discharged


def settle(energy: Any, wish: Any, cell: Cell, xp: Namespace, signal: Any = None) -> tuple[Any, Any, Any]:
    """Return what is really charged and discharged, and what of the wish is refused [kWh, all >= 0].

    Args:
        energy: Energy stored at the start of the step [kWh].
        wish: Share of the rated power in [-1, 1]; positive charges.
        cell: The battery's figures for the step.
        xp: The namespace of the numbers.
        signal: Not used: nothing outside governs a battery.

    Source:
        EnCortex, equation 5 and appendix C (limits of power and of the state of charge); the wish is cut to
        them.

    Example:
        >>> from energy_gym.backends import scalars
        >>> settle(1.0, -0.4, Battery(capacity_kwh=10.0, soc_min=0.1).cell(1.0), scalars)
        (0.0, 0.0, 2.0)
    """
    charge_kwh, discharge_kwh, efficiency_charge, efficiency_discharge, keep, energy_min, energy_max, _ = cell
    kept = energy * keep
    up = xp.positive(wish)
    charge_wish = up * charge_kwh
    discharge_wish = (up - wish) * discharge_kwh
    charged = xp.bounded(charge_wish, (energy_max - kept) / efficiency_charge)
    discharged = xp.bounded(discharge_wish, (kept - energy_min) * efficiency_discharge)
    return charged, discharged, (charge_wish - charged) + (discharge_wish - discharged)


def lowest_energy(cell: Cell, energy: float, steps: int) -> Floats:
    """Return the least energy that can be stored at each step's end [kWh], shape (steps,).

    That is full discharge, then leakage: standby losses may carry it below the lower limit, which discharging may not.

    Source:
        Follows from `next_energy` at full discharge.
    """
    lowest = np.empty(steps)
    for step in range(steps):
        kept = energy * cell.keep
        energy = min(kept, max(cell.energy_min, kept - cell.discharge_kwh / cell.efficiency_discharge))
        lowest[step] = energy
    return lowest


def untangle(charged: Floats, discharged: Floats, cell: Cell) -> tuple[Floats, Floats]:
    """Return the energies that change what is stored as much as both together do, without charging and discharging.

    Source:
        Follows from `next_energy`, which is the same for both pairs.

    Example:
        >>> cell = Battery(efficiency_charge=0.5, efficiency_discharge=0.5).cell(1.0)
        >>> untangle(np.array([4.0]), np.array([0.5]), cell)
        (array([2.]), array([0.]))
    """
    change = cell.efficiency_charge * charged - discharged / cell.efficiency_discharge
    both = np.minimum(charged, discharged) > 0.0
    up, down = np.maximum(change, 0.0) / cell.efficiency_charge, np.maximum(-change, 0.0) * cell.efficiency_discharge
    return np.where(both, up, charged), np.where(both, down, discharged)


def constrain(model: Model, cell: Cell, start: float, signal: Any = None) -> tuple[Any, Any, Any]:
    """State the battery in a solver's model; returns the energies charged, discharged and stored by step.

    What is not linear: it must not charge and discharge in one step, nor discharge below its lower limit, although
    standby losses may carry it there, nor charge above its upper one, where it may start. One binary a step (1 while
    charging) states all of it.

    Source:
        EnCortex, appendix C, equations 8 to 11: binaries that say whether the battery charges or discharges.
    """
    lowest = lowest_energy(cell, start, model.size)
    charged = model.variable(0.0, cell.charge_kwh)
    discharged = model.variable(0.0, cell.discharge_kwh)
    highest = np.maximum(start * cell.keep ** np.arange(1, model.size + 1), cell.energy_max)
    energy, above = model.variable(lowest, highest), bool(start > cell.energy_max)
    model.equal(energy, next_energy(model.previous(energy, start), charged, discharged, cell))

    def rows(charging: Any, at: Any) -> list[tuple[Any, Any]]:
        within = [(energy[at], highest[at] - (highest[at] - cell.energy_max) * charging)] if above else []
        return [
            (charged[at], cell.charge_kwh * charging),
            (discharged[at], cell.discharge_kwh * (1.0 - charging)),
            (cell.energy_min - (cell.energy_min - lowest[at]) * charging, energy[at]),
            *within,
        ]

    def broken(value: Any) -> Any:
        tolerance = TOLERANCE_KWH * model.scale
        both = np.minimum(value(charged), value(discharged)) > tolerance
        below = (value(discharged) > tolerance) & (value(energy) < cell.energy_min - tolerance)
        over = (value(charged) > tolerance) & (value(energy) > cell.energy_max + tolerance)
        return both | below | over

    model.choose(rows, broken)
    return charged, discharged, energy
