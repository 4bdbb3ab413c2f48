"""Directions in a solver's model: of which legs a step serves one, and what is held both ways about them.

One rule: what is true without a binary is stated without one; the rest is a choice that a plan must break to be stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.entities.battery import Cell
from energy_gym.modelling import Model
from energy_gym.reserve.laws import DOWN, UP, FleetFigures

if TYPE_CHECKING:
    from energy_gym.reserve.unit import FleetUnit

TOLERANCE = 1e-7


class Store(NamedTuple):
    """What an asset has stored: kept at a step's start, its least, what goes out of the store [kWh], and the cell."""

    kept: Any
    floor: Floats
    drained: Any
    cell: Cell


class Choice(NamedTuple):
    """What a binary decides, as `Model.choose` takes it."""

    rows: Any
    broken: Any


def sells(unit: FleetUnit, figures: FleetFigures, places: Sequence[int] | None = None) -> tuple[bool, bool]:
    """Return by direction whether an asset may sell anything, of all legs or of some."""
    chosen = range(len(unit.legs)) if places is None else places
    ways = {unit.ways[place] for place in chosen if figures.limits_kw[place]}
    return UP in ways, DOWN in ways


def most_kw(unit: FleetUnit, figures: FleetFigures) -> list[float]:
    """Return the most power by leg that an asset could hold, whatever it was prequalified for [kW]."""
    whole = figures.rated_kw[UP] + figures.rated_kw[DOWN]
    return [
        whole if leg.beside and unit.parts.traded else figures.rated_kw[way]
        for leg, way in zip(unit.legs, unit.ways, strict=True)
    ]


def sums(unit: FleetUnit, figures: FleetFigures, row: list[Any], places: Sequence[int]) -> tuple[list[Any], list[Any]]:
    """Return the power held and the energy (or room) held back by direction, of some legs."""
    power: list[Any] = [np.zeros(len(unit)), np.zeros(len(unit))]
    used: list[Any] = [np.zeros(len(unit)), np.zeros(len(unit))]
    for place in places:
        item, way = row[place], unit.ways[place]
        if item is not None:
            power[way], used[way] = power[way] + item, used[way] + item * figures.needs_kwh[place]
    return power, used


def about_schedule(unit: FleetUnit, row: list[Any], power: Any, way: int) -> Any:
    """Return the power held in a direction, less what is traded the other way where it may be held about that."""
    for place in unit.parts.traded if unit.parts.beside else ():
        if unit.ways[place] != way and row[place] is not None:
            power = power - row[place]
    return power


def state_direction(
    model: Model, unit: FleetUnit, figures: FleetFigures, row: list[Any], held: Any, store: Store, free: bool
) -> None:
    """One direction at a time, and nothing up where losses left too little: one binary a step (1 while serving up).

    Where something is held both ways about that, the two are chosen apart.
    """
    first = unit.parts.first
    apart = bool(unit.parts.beside)
    leaks = bool((store.floor < store.cell.energy_min).any()) and sells(unit, figures)[UP]
    choices = []
    if free and all(sells(unit, figures, first)):
        own = sums(unit, figures, row, first) if apart else held
        choices.append(_one_way(model, unit, figures, row, own, store))
    if leaks:
        choices.append(_enough(unit, figures, held, store, apart or not choices))
    for part in [[choice] for choice in choices] if apart else [choices] if choices else []:
        _chosen(model, part)


def _chosen(model: Model, choices: Sequence[Choice]) -> None:
    """State what one binary a step decides."""

    def rows(upward: Any, at: Any) -> list[tuple[Any, Any]]:
        return [row for choice in choices for row in choice.rows(upward, at)]

    def broken(value: Any) -> Any:
        found = choices[0].broken(value)
        for choice in choices[1:]:
            found |= choice.broken(value)
        return found

    model.choose(rows, broken)


def _limits(unit: FleetUnit, figures: FleetFigures, places: Sequence[int]) -> list[float]:
    """Return the most power of some legs by direction [kW]."""
    rated = most_kw(unit, figures)
    found = []
    for way in (UP, DOWN):
        own = [place for place in places if unit.ways[place] == way]
        found.append(min(max((rated[place] for place in own), default=0.0), sum(figures.limits_kw[at] for at in own)))
    return found


def _one_way(model: Model, unit: FleetUnit, figures: FleetFigures, row: list[Any], held: Any, store: Store) -> Choice:
    """Return how the legs of which a step serves one direction are held to it."""
    (power, used), most, cell = held, _limits(unit, figures, unit.parts.first), store.cell
    # True without a binary as well; it tightens the relaxation.
    model.at_most(power[UP] / most[UP] + power[DOWN] / most[DOWN], 1.0)

    def rows(upward: Any, at: Any) -> list[tuple[Any, Any]]:
        span = cell.energy_max - store.floor[at]
        stated = [(power[UP][at], most[UP] * upward), (power[DOWN][at], most[DOWN] * (1.0 - upward))]
        stated += [(used[UP][at], span * upward), (used[DOWN][at], span * (1.0 - upward))]
        for place in unit.parts.first:
            item, limit, way = row[place], figures.limits_kw[place], unit.ways[place]
            if item is not None and limit < most[way]:
                stated.append((item[at], limit * (upward if way == UP else 1.0 - upward)))
        return stated

    return Choice(rows, lambda value: np.minimum(value(power[UP]), value(power[DOWN])) > TOLERANCE)


def _enough(unit: FleetUnit, figures: FleetFigures, held: Any, store: Store, alone: bool) -> Choice:
    """Return how nothing goes up where losses left too little; ``alone`` where nothing else says what 0 stands for."""
    (power, used), cell, kept = held, store.cell, store.kept
    most = _limits(unit, figures, range(len(unit.legs)))

    def rows(upward: Any, at: Any) -> list[tuple[Any, Any]]:
        slack = cell.energy_min - store.floor[at]
        least = kept[at] - cell.energy_min + slack * (1.0 - upward)
        stated = [(power[UP][at], most[UP] * upward)] if alone else []
        return [*stated, (used[UP][at], least), (store.drained[at], least)]

    def broken(value: Any) -> Any:
        most_kwh = np.maximum(value(used[UP]), value(store.drained))
        short = most_kwh > np.maximum(value(kept) - cell.energy_min, 0.0) + TOLERANCE
        return short & (value(power[UP]) > TOLERANCE)

    return Choice(rows, broken)
