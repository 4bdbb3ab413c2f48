"""The laws of a battery that is held to cycles, to power that falls at both ends, and to a capacity that fades.

With k for the energy kept, C for the capacity left and n for what was given out since the day (the year) began,

    charged <= rated * min over lines of (a + b * k / capacity),     discharged likewise,
    discharged <= cycles * capacity - n,     n(t + 1) = n(t) + discharged,
    C(t + 1) = C(t) - fade_per_kwh * discharged - fade_per_year * capacity * hours / 8760,

all linear, so that a solver states them as they are. An efficiency that depends on the power is a line with bends,
which a solver states piece by piece, with a binary where pieces are not filled in their order by themselves.

One rule: what can flow is said once, by the functions of `tops`, for the step and for the solver alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from energy_gym.backends import Namespace
from energy_gym.entities import battery
from energy_gym.entities.battery import TOLERANCE_KWH
from energy_gym.entities.curves import Bent, Line
from energy_gym.modelling import Model


class LimitedCell(NamedTuple):
    """A limited battery's figures for one step length.

    Args:
        plain: Those of the battery when it is new.
        capacity_kwh: Its capacity when it is new.
        soc_min: Lowest state of charge, as a fraction of what is left.
        soc_max: Highest state of charge, likewise.
        charge_lines: What the state of charge leaves of the rated charging power.
        discharge_lines: The same of discharging.
        stored: Energy stored for energy taken in.
        taken: Energy taken from the store for energy given out.
        filling: Energy that it takes to store so much: the inverse of ``stored``.
        emptying: Energy given out for so much taken from the store: the inverse of ``taken``.
        limits_kwh: Most energy given out in a day and in a year; None where there is no limit.
        fade_per_kwh: Capacity lost per energy given out.
        fade_kwh: Capacity lost in a step, whatever it does.
    """

    plain: battery.Cell
    capacity_kwh: float
    soc_min: float
    soc_max: float
    charge_lines: tuple[Line, ...]
    discharge_lines: tuple[Line, ...]
    stored: Bent
    taken: Bent
    filling: Bent
    emptying: Bent
    limits_kwh: tuple[float | None, float | None]
    fade_per_kwh: float
    fade_kwh: float

    @property
    def wear_per_kwh(self) -> float:
        """Cost of wear per energy given out."""
        wear: float = self.plain.wear_per_kwh
        return wear

    @property
    def fades(self) -> bool:
        """Whether its capacity is carried from step to step."""
        return self.fade_per_kwh > 0.0 or self.fade_kwh > 0.0


class Now(NamedTuple):
    """A state, told apart: energy kept [kWh], given out since the day and the year began, and capacity left."""

    kept: Any
    given: tuple[Any, ...]
    capacity: Any


def told_apart(state: Any, cell: LimitedCell, signal: Any) -> Now:
    """Return what a state is made of at the start of a step; counts start anew where the signal says so.

    Args:
        state: Energy stored [kWh], or a tuple of it, of what was given out in the day and in the year where they are
            counted, and of the capacity left where it fades.
        cell: The battery's figures.
        signal: 1 where a day begins and where a year begins, for those that are counted.
    """
    energy, *rest = state if isinstance(state, tuple) else (state,)
    capacity = rest.pop() if cell.fades else cell.capacity_kwh
    new = signal if isinstance(signal, tuple) else ()
    given = tuple(count * (1.0 - begins) for count, begins in zip(rest, new, strict=True))
    return Now(energy * cell.plain.keep, given, capacity)


def charge_tops(now: Now, cell: LimitedCell) -> list[Any]:
    """Return the most energies that may be charged [kWh] beside what the store has room for: linear in the state.

    Source:
        The least of lines over the state of charge: by definition, as in `curves.taper`.
    """
    return [cell.plain.charge_kwh * line.at(now.kept / cell.capacity_kwh) for line in cell.charge_lines]


def discharge_tops(now: Now, cell: LimitedCell) -> list[Any]:
    """Return the most energies that may be discharged [kWh] beside what is stored: linear in the state.

    Source:
        What is left of a day's or a year's cycles: by definition.
    """
    limits = [limit for limit in cell.limits_kwh if limit is not None]
    left = [limit - given for limit, given in zip(limits, now.given, strict=True)]
    return [*left, *(cell.plain.discharge_kwh * line.at(now.kept / cell.capacity_kwh) for line in cell.discharge_lines)]


def budgets(state: Any, cell: LimitedCell, signal: Any) -> list[tuple[float, Any, Any]]:
    """Return what may be given out in a day and a year, as far as they are counted; see `Flexible.budgets`.

    Source:
        By definition of the limits of cycles.

    Example:
        >>> from energy_gym.entities.limited import LimitedBattery
        >>> new = {"b.new_day": np.zeros(1), "b.new_year": np.zeros(1)}
        >>> cell = LimitedBattery(cycles_per_day=1.0).flexible("b", 1.0, new).cell
        >>> budgets((5.0, 2.5), cell, (0.0,))
        [(10.0, 2.5, 0.0)]
    """
    _, *rest = state if isinstance(state, tuple) else (state,)
    limits = [limit for limit in cell.limits_kwh if limit is not None]
    return list(zip(limits, rest, signal if isinstance(signal, tuple) else (), strict=False))


def settle(state: Any, wish: Any, cell: LimitedCell, xp: Namespace, signal: Any = None) -> tuple[Any, Any, Any]:
    """Return what is charged, discharged and refused [kWh]: the wish, within the store's limits and those of `tops`.

    Source:
        As `battery.settle`, with limits of the power besides.

    Example:
        >>> from energy_gym.backends import scalars
        >>> from energy_gym.entities.limited import LimitedBattery
        >>> cell = LimitedBattery(charge_taper=((0.8, 1.0), (1.0, 0.2))).flexible("b", 0.1, {}).cell
        >>> [round(settle(energy, 1.0, cell, scalars)[0], 6) for energy in (8.0, 8.5)]
        [0.5, 0.4]
    """
    now, plain = told_apart(state, cell, signal), cell.plain
    up = xp.positive(wish)
    charge_wish, discharge_wish = up * plain.charge_kwh, (up - wish) * plain.discharge_kwh
    room, stock = cell.soc_max * now.capacity - now.kept, now.kept - cell.soc_min * now.capacity
    charged = xp.bounded(charge_wish, cell.filling.at(xp.positive(room)))
    discharged = xp.bounded(discharge_wish, cell.emptying.at(xp.positive(stock)))
    for top in charge_tops(now, cell):
        charged = xp.bounded(charged, top)
    for top in discharge_tops(now, cell):
        discharged = xp.bounded(discharged, top)
    return charged, discharged, (charge_wish - charged) + (discharge_wish - discharged)


def next_state(state: Any, charged: Any, discharged: Any, cell: LimitedCell, signal: Any = None) -> Any:
    """Return energy, counts and capacity at the end of a step [kWh], as the state is made.

    Source:
        EnCortex, section 5.1.1, and the equations at the top of this file.

    Example:
        >>> from energy_gym.entities.limited import LimitedBattery
        >>> aged = LimitedBattery(efficiency_discharge=1.0, fade_per_kwh=0.25).flexible("b", 1.0, {}).cell
        >>> next_state((5.0, 10.0), 0.0, 2.0, aged)
        (3.0, 9.5)
    """
    now = told_apart(state, cell, signal)
    return _after(now, now.kept + cell.stored.at(charged) - cell.taken.at(discharged), discharged, cell)


def _after(now: Now, energy: Any, discharged: Any, cell: LimitedCell) -> Any:
    """Return the state after a step, from the energy stored then."""
    counts = tuple(given + discharged for given in now.given)
    left = (now.capacity - cell.fade_per_kwh * discharged - cell.fade_kwh,) if cell.fades else ()
    return (energy, *counts, *left) if counts or left else energy


def constrain(model: Model, cell: LimitedCell, start: Any, signal: Any = None) -> tuple[Any, Any, Any]:
    """State the battery in a solver's model; returns the energies charged, discharged and stored by step."""
    plain = cell.plain
    stored, charged = _converted(model, cell.stored, plain.charge_kwh)
    taken, discharged = _converted(model, cell.taken, plain.discharge_kwh)
    series = _series(model, cell, start)
    firsts = start if isinstance(start, tuple) else (start,)
    before = tuple(model.previous(one, first) for one, first in zip(series, firsts, strict=True))
    now = told_apart(before if isinstance(start, tuple) else before[0], cell, signal)
    after = _after(now, now.kept + stored - taken, discharged, cell)
    for one, then in zip(series, after if isinstance(after, tuple) else (after,), strict=True):
        model.equal(one, then)
    for top in charge_tops(now, cell):
        model.at_most(charged, top)
    for top in discharge_tops(now, cell):
        model.at_most(discharged, top)
    _hold(model, cell, (charged, discharged, series[0]), now, firsts[0])
    return charged, discharged, series[0]


def _series(model: Model, cell: LimitedCell, start: Any) -> list[Any]:
    """Return the variables of energy, counts and capacity at the end of each step."""
    energy, *rest = start if isinstance(start, tuple) else (start,)
    steps = np.arange(1, model.size + 1)
    capacity = rest[-1] if cell.fades else cell.capacity_kwh
    worst = cell.fade_per_kwh * cell.plain.discharge_kwh + cell.fade_kwh
    least = np.maximum(capacity - worst * steps, 0.0)
    lowest = np.minimum(energy, cell.soc_min * least) * cell.plain.keep**steps
    found = [model.variable(lowest, max(cell.soc_max * capacity, energy))]
    found += [model.variable(0.0, np.inf) for _ in rest[: len(rest) - cell.fades]]
    return [*found, model.variable(least, capacity)] if cell.fades else found


def _converted(model: Model, line: Bent, rated: float) -> tuple[Any, Any]:
    """Return what energy comes to in the store, and the energy at the terminals, piece by piece in their order."""
    pieces = [(model.variable(0.0, length), length, slope) for length, slope in line.pieces(rated)]
    stored: Any = 0.0
    energy: Any = 0.0
    for part, _, slope in pieces:
        stored, energy = stored + slope * part, energy + part
    for (low, length, _), (high, longer, _) in pairwise(pieces):
        _in_order(model, low, length, high, longer)
    return stored, energy


def _in_order(model: Model, low: Any, length: float, high: Any, longer: float) -> None:
    """State that the higher piece is used only where the lower one is full: one binary a step where that is broken."""

    def rows(full: Any, at: Any) -> list[tuple[Any, Any]]:
        return [(high[at], longer * full), (length * full, low[at])]

    def broken(value: Any) -> Any:
        tolerance = TOLERANCE_KWH * model.scale
        return (value(high) > tolerance) & (value(low) < length - tolerance)

    model.choose(rows, broken)


def _hold(model: Model, cell: LimitedCell, flows: Sequence[Any], now: Now, start: float) -> None:
    """State what is not linear: one way at a time, and no charging above nor discharging below the limits.

    Standby losses may carry the energy below the lower limit, and fading the upper limit below the energy.
    """
    charged, discharged, energy = flows
    plain, capacity = cell.plain, cell.capacity_kwh
    highest, least = max(cell.soc_max * capacity, start), cell.soc_min * capacity

    def rows(charging: Any, at: Any) -> list[tuple[Any, Any]]:
        left = now.capacity[at] if cell.fades else capacity
        return [
            (charged[at], plain.charge_kwh * charging),
            (discharged[at], plain.discharge_kwh * (1.0 - charging)),
            (cell.soc_min * left - least * charging, energy[at]),
            (energy[at], cell.soc_max * left + highest * (1.0 - charging)),
        ]

    def broken(value: Any) -> Any:
        tolerance = TOLERANCE_KWH * model.scale
        left = value(now.capacity) if cell.fades else capacity
        into, out, level = value(charged) > tolerance, value(discharged) > tolerance, value(energy)
        below, above = level < cell.soc_min * left - tolerance, level > cell.soc_max * left + tolerance
        return (into & out) | (out & below) | (into & above)

    model.choose(rows, broken)
