"""What is given to a batch, spread over its environments: one value for all, or one for each."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.entities import Battery, Flexible
from energy_gym.entities.battery import stack
from energy_gym.entities.returning import Band, together
from energy_gym.envs.brought_back import brought_back
from energy_gym.envs.setup import Setup
from energy_gym.errors import ActionError, ConfigurationError, WindowError
from energy_gym.units import Unit

# An observation and the lower and upper bound of the batch's space, all of float32.
ROOM_PER_SLOT = 12
# A tebibyte: where the machine does not say what it has.
USUAL_MOST = 2**40


def check_room(num_envs: int, slots: int = 1) -> int:
    """Return a number of environments whose observations, with the bounds of their space, this machine can hold.

    Args:
        num_envs: The number.
        slots: Slots of an observation.

    Raises:
        ConfigurationError: They would not fit into all of its memory.

    Example:
        >>> check_room(4096, 31)
        4096
        >>> check_room(10**15)
        Traceback (most recent call last):
        energy_gym.errors.ConfigurationError: num_envs=1000000000000000: would take ...
    """
    need, room = num_envs * slots * ROOM_PER_SLOT, memory_bytes()
    if need > room:
        rule = f"would take {need / 2**30:,.0f} GiB for observations alone, and this machine has {room / 2**30:,.0f}"
        raise ConfigurationError(f"num_envs={num_envs}", rule, "ask for fewer, such as 4096")
    return num_envs


def memory_bytes() -> int:
    """Return the memory of this machine [bytes]; of one that does not say it, more than any has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return USUAL_MOST


def each_battery(battery: Battery | Sequence[Battery] | None, num_envs: int) -> list[Battery]:
    """Return a battery per environment, or an empty list where the scenario's own is meant."""
    if battery is None or isinstance(battery, Battery):
        return [] if battery is None else [battery] * num_envs
    batteries = list(battery)
    if len(batteries) != num_envs or not all(isinstance(item, Battery) for item in batteries):
        raise ConfigurationError(
            f"battery= a sequence of {len(batteries)}",
            f"must be {num_envs} objects of Battery",
            "pass one per environment",
        )
    return batteries


def each_seed(seed: int | Sequence[int | None] | None, num_envs: int) -> list[int | None]:
    """Return a seed per environment: seed s gives environment i the seed s + i."""
    if seed is None:
        return [None] * num_envs
    if isinstance(seed, int | np.integer):
        return [int(seed) + index for index in range(num_envs)]
    return each_value("seed", list(seed), num_envs)


def each_value(name: str, value: Any, num_envs: int) -> list[Any]:
    """Return one value per environment: a list or array is taken as such, anything else is repeated."""
    if isinstance(value, list | tuple | np.ndarray) or (hasattr(value, "tz_convert") and hasattr(value, "__len__")):
        if len(value) != num_envs:
            raise WindowError(
                f"{name} of {len(value)} values", f"must have {num_envs}", "pass one, or one per environment"
            )
        return list(value)
    return [value] * num_envs


def chosen(mask: Any, num_envs: int) -> npt.NDArray[np.int64]:
    """Return the numbers of the environments that a mask picks; without one, of all.

    Raises:
        WindowError: It is no mask of them, or picks none.

    Example:
        >>> chosen(np.array([False, True]), 2).tolist()
        [1]
    """
    if mask is None:
        return np.arange(num_envs)
    flags = np.asarray(mask)
    if flags.shape != (num_envs,) or flags.dtype != np.bool_ or not flags.any():
        raise WindowError(
            f"reset_mask of shape {flags.shape} and type {flags.dtype}",
            f"must be {num_envs} booleans, at least one of them true",
            "pass np.array([...], dtype=bool)",
        )
    return np.flatnonzero(flags)


def places(which: npt.NDArray[np.int64], num_envs: int) -> npt.NDArray[np.int64] | slice:
    """Return what picks the environments that `chosen` named: of all, a slice, which is read and written faster.

    Example:
        >>> places(np.array([0, 2]), 3), places(np.array([0, 1, 2]), 3)
        (array([0, 2]), slice(None, None, None))
    """
    return which if len(which) < num_envs else slice(None)


def as_array(actions: Any) -> npt.NDArray[Any]:
    """Return actions as an array.

    Raises:
        ActionError: Their rows are of different lengths.
    """
    try:
        return np.asarray(actions)
    except ValueError as error:
        raise ActionError("actions of rows that differ", "must form one array", "pass a row per environment") from error


def real_numbers(actions: Any, num_envs: int, controls: int) -> npt.NDArray[Any]:
    """Return the actions of a continuous space, shape (num_envs, controls); of a single control, a row will do.

    Raises:
        ActionError: They have another shape, or are no real numbers.

    Example:
        >>> real_numbers([0.5, -0.5], 2, 1).shape
        (2, 1)
        >>> real_numbers([[0.5, -0.5]], 2, 1)
        Traceback (most recent call last):
        energy_gym.errors.ActionError: actions of shape (1, 2) and type float64: must be 2 times 1 numbers; ...
    """
    given = as_array(actions)
    row = controls == 1 and given.shape == (num_envs,)
    if given.dtype.kind not in "fiu" or not (row or given.shape == (num_envs, controls)):
        raise ActionError(
            f"actions of shape {given.shape} and type {given.dtype}",
            f"must be {num_envs} times {controls} numbers",
            f"pass an array of shape ({num_envs}, {controls})",
        )
    return given.reshape(num_envs, controls)


def cut_shares(
    wishes: Floats, flexibles: Sequence[Flexible], steps: npt.NDArray[np.int64]
) -> tuple[tuple[Floats, ...], Floats]:
    """Return shares of rated power, cut to [-1, 1], and the energy that this refuses, shape (num_envs,) [kWh].

    Args:
        wishes: The shares, shape (controls, num_envs); what comes behind those of the flexibles has no rated power.
        flexibles: What is told the first of them.
        steps: The step of the split that each environment plays, shape (num_envs,).
    """
    excess = np.zeros(wishes.shape[1])
    for wish, flexible in zip(wishes, flexibles, strict=False):
        draw, give = flexible.rated(steps)
        excess += np.maximum(np.abs(wish) - 1.0, 0.0) * np.where(wish > 0.0, draw, give)
    return tuple(np.clip(wishes, -1.0, 1.0)), excess


def with_batteries(setup: Setup, batteries: Sequence[Battery]) -> tuple[Unit, ...]:
    """Return the units with a battery per environment in place of the scenario's only one (none given: as it is)."""
    if not batteries or len(set(batteries)) == 1:
        return setup.units
    other = next((battery for battery in batteries if type(battery) is not Battery), None)
    if other is not None:
        raise ConfigurationError(
            f"battery= {other.kind} among {len(set(batteries))} different ones",
            "only batteries of the plain kind may differ within a batch",
            "pass one for all, or a batch for each",
        )
    outside = next((battery for battery in batteries if battery.starts_outside), None)
    if outside is not None:
        raise ConfigurationError(
            f"battery= soc_initial={outside.soc_initial} among {len(set(batteries))} different ones",
            f"starts outside its limits [{outside.soc_min}, {outside.soc_max}], and each is led back in its own way",
            "pass one for all, or start within them",
        )
    names = {name for name, entity in setup.scenario.entities.items() if isinstance(entity, Battery)}
    return tuple(
        replace(
            unit,
            flexibles=tuple(
                _stacked(setup, batteries, place, index) if item.name in names else item
                for index, item in enumerate(unit.flexibles)
            ),
        )
        for place, unit in enumerate(setup.units)
    )


def _stacked(setup: Setup, batteries: Sequence[Battery], place: int, index: int) -> Flexible:
    """Return one of a unit's flexibles with a battery per environment."""
    unit, cell = setup.units[place], stack(batteries, setup.feed.step_hours)
    item = unit.flexibles[index]
    fields = {
        "initial": np.array([battery.energy_initial_kwh for battery in batteries]),
        "span": (0.0, np.array([battery.capacity_kwh for battery in batteries])),
        "draw_kwh": cell.charge_kwh,
        "give_kwh": cell.discharge_kwh,
        "costs": any(battery.wear_per_kwh for battery in batteries),
    }
    if item.own is None:
        return replace(item, cell=cell, **fields)
    if not isinstance(item.cell, Band):
        rule = "is held to targets of its own capacity, which differ with the battery"
        raise ConfigurationError(
            f"battery= {len(set(batteries))} different ones: {item.name!r}", rule, "pass one for all"
        )
    own = replace(item.own, cell=cell, **fields)
    each = [_returned(setup, battery, place, index) for battery in batteries]
    return replace(together(each, cell), own=own, **fields)


def _returned(setup: Setup, battery: Battery, place: int, index: int) -> Flexible:
    """Return one of a unit's flexibles, brought back, with another battery."""
    unit = setup.units[place]
    bare = [item.bare for item in unit.flexibles]
    bare[index] = battery.flexible(bare[index].name, unit.hours, {})
    return brought_back(replace(unit, flexibles=tuple(bare)), setup.sites[place], setup.feed).flexibles[index]


def gather_all(units: Sequence[Unit]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what looks up the signals of many steps for `dynamics.compose`."""
    each = [unit.gather() for unit in units]
    return each[0] if len(each) == 1 else lambda steps: tuple(gather(steps) for gather in each)


def started(units: Sequence[Unit], num_envs: int) -> tuple[Floats, ...]:
    """Return the states at the start of an episode, over all units, each of shape (num_envs,)."""
    initial = [state for unit in units for state in unit.initial]
    return tuple(np.broadcast_to(np.asarray(state, dtype=float), (num_envs,)) for state in initial)
