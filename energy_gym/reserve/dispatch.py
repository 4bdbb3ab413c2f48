"""How the fleet's bids become power asked of each asset; its one rule: what an asset can hold is the laws' business.

- ``proportional``: every asset offers the same share of the power it is prequalified for.
- ``optimal``: a small mixed-integer programme serves as much of the bids as the fleet can hold in this step, and of
  all ways to do so takes the one that leaves no asset emptier (or fuller) than need be.
- ``direct``: no dispatch: the action bids for each asset by itself.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import Namespace, arrays, scalars
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.modelling import Model
from energy_gym.reserve.laws import DOWN, UP, FleetFigures, Parts, rooms_kwh
from energy_gym.reserve.unit import Dispatch, FleetUnit
from energy_gym.tracing import Trace, Untraceable

# What the evenness of a dispatch counts against a unit of power served.
EVENNESS = 1e-3
# Dispatches that are remembered: a plan of some weeks is played again as often as it is looked at.
REMEMBERED = 8192


def _share(wish: Any, sign: float, xp: Namespace) -> Any:
    return xp.positive(wish if sign > 0.0 else 0.0 - wish)


class Proportional:
    """Every asset offers the same share of the power it is prequalified for."""

    name = "proportional"

    def controls(self, unit: FleetUnit) -> int:
        """See `Dispatch.controls`."""
        return len(unit.markets)

    def asked(
        self,
        unit: FleetUnit,
        energies: Sequence[Any],
        wishes: Sequence[Any],
        assets: Sequence[FleetFigures],
        xp: Namespace,
    ) -> list[list[Any]]:
        """See `Dispatch.asked`."""
        shares = [_share(wishes[leg.control], leg.sign, xp) for leg in unit.legs]
        return [[share * limit for share, limit in zip(shares, asset.limits_kw, strict=True)] for asset in assets]


class Direct:
    """The action bids for each asset by itself: market by market, asset by asset."""

    name = "direct"

    def controls(self, unit: FleetUnit) -> int:
        """See `Dispatch.controls`."""
        return len(unit.markets) * len(unit.batteries)

    def asked(
        self,
        unit: FleetUnit,
        energies: Sequence[Any],
        wishes: Sequence[Any],
        assets: Sequence[FleetFigures],
        xp: Namespace,
    ) -> list[list[Any]]:
        """See `Dispatch.asked`."""
        count = len(unit.batteries)
        by_leg = [wishes[leg.control * count : (leg.control + 1) * count] for leg in unit.legs]
        if xp is arrays:
            by_leg = [[np.stack(part)] for part in by_leg]
        return [
            [
                _share(by_leg[place][number], leg.sign, xp) * asset.limits_kw[place]
                for place, leg in enumerate(unit.legs)
            ]
            for number, asset in enumerate(assets)
        ]


class Optimal:
    """A small mixed-integer programme a step; the exact share of each asset is the solver's."""

    name = "optimal"

    def controls(self, unit: FleetUnit) -> int:
        """See `Dispatch.controls`."""
        return len(unit.markets)

    def asked(
        self,
        unit: FleetUnit,
        energies: Sequence[Any],
        wishes: Sequence[Any],
        assets: Sequence[FleetFigures],
        xp: Namespace,
    ) -> list[list[Any]]:
        """See `Dispatch.asked`.

        Raises:
            ConfigurationError: The numbers are tensors: a solver has no gradient.
            Untraceable: They are symbols: what a solver does is no list of operations.
        """
        if xp is scalars:
            return self._one(unit, np.array(energies), np.array([float(wish) for wish in wishes])).T.tolist()
        if isinstance(xp, Trace):
            raise Untraceable("dispatch='optimal' is a solver's")
        if xp is not arrays:
            raise ConfigurationError("dispatch='optimal' on tensors", "has no gradient", "use dispatch='proportional'")
        table, bids = energies[0], np.stack(wishes)
        found = [self._one(unit, table[:, env], bids[:, env]) for env in range(table.shape[1])]
        return [list(np.stack(found, axis=2))]

    def _one(self, unit: FleetUnit, energies: Floats, wishes: Floats) -> Floats:
        """Return the power asked by leg and asset, shape (legs, n) [kW]."""
        bids = [_share(float(wishes[leg.control]), leg.sign, scalars) * leg.product.maximum_kw for leg in unit.legs]
        if not any(bids):
            return np.zeros((len(unit.legs), len(energies)))
        return shared(unit, energies, np.array(bids))


def shared(unit: FleetUnit, energies: Floats, bids_kw: Floats) -> Floats:
    """Return the power by leg and asset that serves most of the bids, shape (legs, n) [kW].

    Args:
        unit: The fleet.
        energies: Energies stored, shape (n,) [kWh].
        bids_kw: Bids by leg, shape (legs,).
    """
    return _shared(unit.assets, unit.ways, unit.parts, tuple(energies.tolist()), tuple(bids_kw.tolist()))


@functools.lru_cache(maxsize=REMEMBERED)
def _shared(
    assets: tuple[FleetFigures, ...],
    legs: tuple[int, ...],
    parts: Parts,
    energies: tuple[float, ...],
    bids_kw: tuple[float, ...],
) -> Floats:
    """Return the same from figures alone: a plan that is played again is not solved again."""
    from energy_gym.oracle.model import ArrayModel

    count, ways = len(assets), np.array(legs)
    model = ArrayModel(count, likely=np.ones(count, dtype=bool))
    limits = np.array([asset.limits_kw for asset in assets])
    needs = np.array([asset.needs_kwh for asset in assets])
    power = [model.variable(0.0, limits[:, leg]) for leg in range(len(ways))]
    worst = model.variable(0.0, 1.0, size=1)
    rooms = np.array([rooms_kwh(e, asset.cell, scalars) for e, asset in zip(energies, assets, strict=True)])
    sums: list[Any] = [np.zeros(count), np.zeros(count)]
    total: list[Any] = [np.zeros(count), np.zeros(count)]
    for way in (UP, DOWN):
        used: Any = np.zeros(count)
        if not (ways == way).any():
            continue
        for leg in np.flatnonzero(ways == way).tolist():
            total[way], used = total[way] + power[leg], used + power[leg] * needs[:, leg]
            sums[way] = sums[way] + power[leg] if leg in parts.first else sums[way]
        for leg in parts.traded if parts.beside else ():
            total[way] = total[way] - power[leg] if legs[leg] != way else total[way]
        model.at_most(total[way], np.array([asset.rated_kw[way] for asset in assets]))
        model.at_most(used, rooms[:, way])
        model.at_most(used, worst[np.zeros(count, dtype=np.int64)] * rooms[:, way].max())
    for leg, bid in enumerate(bids_kw):
        model.at_most(_summed(power[leg]), bid)
        model.earn(power[leg])
    model.earn(worst * (-EVENNESS * max(bids_kw)))
    if assets[0].both:
        _one_direction(model, sums, assets)
    answer = model.solve()
    found = np.maximum(np.stack([item.value(answer.columns) for item in power]), 0.0)
    found.flags.writeable = False
    return found


def _summed(series: Any) -> Any:
    total = series[np.array([0])]
    for place in range(1, len(series)):
        total = total + series[np.array([place])]
    return total


def _one_direction(model: Model, sums: Sequence[Any], assets: Sequence[FleetFigures]) -> None:
    """State that an asset serves one direction; one binary an asset (1 while it serves up)."""
    rated = np.array([asset.rated_kw for asset in assets])

    def rows(upward: Any, at: Any) -> list[tuple[Any, Any]]:
        return [(sums[UP][at], rated[at, UP] * upward), (sums[DOWN][at], rated[at, DOWN] * (1.0 - upward))]

    def broken(value: Any) -> Any:
        return np.minimum(value(sums[UP]), value(sums[DOWN])) > 1e-7

    model.choose(rows, broken)


DISPATCHES: dict[str, Dispatch] = {item.name: item for item in (Proportional(), Optimal(), Direct())}


def get_dispatch(name: str) -> Dispatch:
    """Return a dispatch by name.

    Raises:
        UnknownIdError: There is none of that name.

    Example:
        >>> get_dispatch("direct").name
        'direct'
    """
    if name not in DISPATCHES:
        raise UnknownIdError.of("dispatch", name, DISPATCHES)
    return DISPATCHES[name]
