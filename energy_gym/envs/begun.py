"""Where storage begins an episode: what ``options={"soc_initial": ...}`` of ``reset`` asks for.

One rule: an episode that begins elsewhere is settled against where it began; all else stays as it was made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from energy_gym.arrays import Floats, Ints
from energy_gym.entities import Battery, Flexible
from energy_gym.entities.battery import Cell
from energy_gym.envs.setup import Setup
from energy_gym.envs.windows import SOC_INITIAL
from energy_gym.errors import ConfigurationError, StateOfChargeError, UnknownIdError, WindowError
from energy_gym.units import Unit

TOLERANCE = 1e-9


def begun(setup: Setup, asked: Any) -> Setup:
    """Return a setup whose episodes begin with other states of charge.

    Args:
        setup: The setup as it was made.
        asked: A state of charge [fraction] for each of its stores, or a mapping of some of their names to one.

    Raises:
        UnknownIdError: No store of that name.
        StateOfChargeError: A state of charge outside the limits of its store.
        ConfigurationError: Nothing stores, or where storage begins is a part of what it is held to.

    Example:
        >>> from energy_gym.envs.setup import make_setup
        >>> begun(make_setup(dataset="ercot-2021-2022"), 0.25).initial
        (2.5,)
    """
    energies = {name: float(value) for name, value in energies_of(setup, setup.units, asked, 1).items()}
    return replace(setup, units=begun_units(setup.units, energies), base=setup)


def begun_units(units: Sequence[Unit], energies: Mapping[str, Any]) -> tuple[Unit, ...]:
    """Return units whose stores begin with other energies, by name [kWh]: floats, or arrays with one by environment."""
    return tuple(
        replace(
            unit,
            flexibles=tuple(
                item.begun(energies[item.name]) if item.name in energies else item for item in unit.flexibles
            ),
        )
        for unit in units
    )


class Beginnings:
    """Where the storage of a batch begins, environment by environment.

    Args:
        setup: What the batch plays.
        units: Its units, with a battery for each environment if they differ.
        num_envs: Number of environments.

    Attributes:
        units: The units, whose stores begin with arrays that `place` and `restore` write into.
    """

    def __init__(self, setup: Setup, units: Sequence[Unit], num_envs: int) -> None:
        self._setup, self._own, self._count = setup, units, num_envs
        stores = {item.name: np.broadcast_to(item.initial, (num_envs,)).astype(float) for item in _stores(setup, units)}
        self.units = begun_units(units, stores)

    def place(self, which: Ints, asked: Any) -> None:
        """Let the environments named begin with what is asked: as for `begun`, each one value or ``num_envs`` of them.

        Raises:
            UnknownIdError: See `begun`; so are the others.
        """
        found = energies_of(self._setup, self._own, asked, self._count)
        self._write(which, begun_units(self._own, found))

    def restore(self, which: Ints) -> None:
        """Let the environments named begin where they were made to."""
        self._write(which, self._own)

    def _write(self, which: Ints, source: Sequence[Unit]) -> None:
        """Write into the arrays themselves: a compiled step reads them where they lie."""
        for unit, other in zip(self.units, source, strict=True):
            for item, one in zip(unit.flexibles, other.flexibles, strict=True):
                pairs = [(item.initial, one.initial)]
                pairs += [(a.initial, b.initial) for a, b in zip(item.memory, one.memory, strict=True)]
                for array, value in pairs:
                    if isinstance(array, np.ndarray):
                        array[which] = np.broadcast_to(value, (self._count,))[which]


def energies_of(setup: Setup, units: Sequence[Unit], asked: Any, count: int) -> dict[str, Floats]:
    """Return the energies that stores are asked to begin with, by name, each of shape (count,) or a float [kWh].

    Raises:
        UnknownIdError: See `begun`; so are the others.
        WindowError: As many values as there are no environments.
    """
    stores = {item.name: item for item in _stores(setup, units)}
    _check_begins(setup, stores)
    named = asked if isinstance(asked, Mapping) else dict.fromkeys(stores, asked)
    for name in named:
        if name not in stores:
            raise UnknownIdError.of(f"options[{SOC_INITIAL!r}]: store", str(name), stores)
    return {
        name: _energy(stores[name], setup.stores[name], _shares(name, value, count)) for name, value in named.items()
    }


def _stores(setup: Setup, units: Sequence[Unit]) -> Iterator[Flexible]:
    known = setup.stores
    return (item for unit in units for item in unit.flexibles if item.name in known)


def _check_begins(setup: Setup, stores: Mapping[str, Flexible]) -> None:
    found = f"options[{SOC_INITIAL!r}]"
    if not stores:
        raise ConfigurationError(found, "is of batteries and plants, and there is none", "leave it out")
    if setup.kind.gates is not None:
        rule = "is not for a producer, whose bids are made for the storage it has"
        raise ConfigurationError(found, rule, "make it with storage=Battery(soc_initial=...)")
    if setup.scenario.objective.terminal == "cyclic":
        rule = "is not for terminal='cyclic', which brings storage back to where it was made to begin"
        raise ConfigurationError(found, rule, 'make it with that soc_initial, or with terminal="settle"')


def _shares(name: str, value: Any, count: int) -> Any:
    """Return a state of charge as a float, or one for each environment."""
    where = f"options[{SOC_INITIAL!r}] of {name!r}"
    try:
        shares = np.asarray(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise WindowError(f"{where}={value!r}", "must be a number", "pass a fraction such as 0.5") from error
    if shares.ndim and (count == 1 or shares.shape != (count,)):
        rule = "must be one number" if count == 1 else f"must be one number, or {count} of them"
        raise WindowError(f"{where} of shape {shares.shape}", rule, "pass a fraction such as 0.5")
    return shares if shares.ndim else float(shares)


def _energy(item: Flexible, store: Battery, shares: Any) -> Any:
    """Return the energy of a state of charge within the limits of its store [kWh]."""
    capacity = store.capacity_kwh if item.span is None else item.span[1]
    energy = shares * capacity
    low, high = store.soc_min * capacity, store.soc_max * capacity
    if isinstance(item.bare.cell, Cell):
        low, high = item.bare.cell.energy_min, item.bare.cell.energy_max
    outside = np.logical_not((low - TOLERANCE <= energy) & (energy <= high + TOLERANCE))
    if np.any(outside):
        worst = np.broadcast_to(shares, np.shape(outside))[outside].flat[0] if np.ndim(outside) else shares
        found, rule = f"options[{SOC_INITIAL!r}]={worst:g} of {item.name!r}", "lies outside the limits of its store"
        remedy = f"pass {store.soc_min:g} to {store.soc_max:g}; a battery that is made so is led back to its limits"
        raise StateOfChargeError(found, rule, remedy)
    return energy
