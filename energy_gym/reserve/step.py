"""The step of a fleet: bids, dispatch to assets, calls, money.

One rule: the laws are those of `laws` and `contracts`; here they are only put in order. Assets are taken one by one, or
as a block of rows where the numbers are NumPy arrays; both give the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.backends import Namespace, Traced, arrays, scalars
from energy_gym.contracts.clearing import trading_of
from energy_gym.contracts.reserve import availability_income, non_delivery_cost
from energy_gym.contracts.spot import carbon_kg, energy_cost
from energy_gym.dynamics import Flow
from energy_gym.entities.battery import Cell, next_energy, wear_cost
from energy_gym.reserve.laws import DOWN, UP, FleetFigures, accepted, by_way, deliver, hold, hold_beside, rooms_kwh
from energy_gym.tracing import Trace

if TYPE_CHECKING:
    from energy_gym.reserve.unit import FleetUnit


class FleetStep:
    """One step of a fleet, as `dynamics.Advance`.

    Args:
        unit: The fleet over some steps.
        xp: Namespace of the numbers.
    """

    def __init__(self, unit: FleetUnit, xp: Namespace) -> None:
        self._unit, self._xp = unit, xp
        self._trading = trading_of(xp)
        self._block = xp is arrays
        self._assets, self._width = _assets(unit.assets, xp), 1
        self._count, self._ways, self._short = len(unit.assets), unit.ways, unit.short
        products = [leg.product for leg in unit.legs]
        self._products = products
        self._sizes = [(product.minimum_kw, product.tick_kw) for product in products]
        self._hold = partial(hold_beside, parts=unit.parts) if unit.parts.beside else hold
        self._emptied = unit.emptied is not None
        self._trims = any(minimum or tick for minimum, tick in self._sizes)
        self._paid = [place for place, leg in enumerate(unit.legs) if not leg.free]
        self._priced = [place for place, product in enumerate(products) if product.energy_price is not None]
        self._fined = [
            place
            for place, (product, way) in enumerate(zip(products, unit.ways, strict=True))
            if self._short[way] and (product.penalty_per_mwh or product.penalty_factor)
        ]
        self._wears = any(flexible.costs for flexible in unit.flexibles)
        self._emits = bool(unit.carbon.any())

    def __call__(self, states: Any, wishes: Any, signals: Any) -> Flow:
        """Play a step: states and bids as flat tuples, signals as `FleetUnit.signals` gives them."""
        prices, energy_prices, shares, carbon = signals[:4]
        unit, xp = self._unit, self._xp
        energies = states[: self._count]
        if self._block:
            energies = [np.array(energies)]
            self._widen(energies[0].shape[1])
        asked = unit.dispatch.asked(unit, energies, wishes, self._assets, xp)
        rooms = [rooms_kwh(energy, asset.cell, xp) for energy, asset in zip(energies, self._assets, strict=True)]
        held = [
            self._hold(room, wish, asset, self._ways, xp=xp)
            for room, wish, asset in zip(rooms, asked, self._assets, strict=True)
        ]
        totals = self._by_leg(held)
        if self._trims:
            held, totals = self._trimmed(held, totals)
        after, called, given, wear, net = self._delivered(energies, rooms, held, shares)
        grid_kwh = self._over_assets(net)
        asked_kwh = self._by_leg(called)
        given_kwh = asked_kwh if given is called else self._by_leg(given)
        income: Any = 0.0
        for leg in self._paid:
            income = income + availability_income(totals[leg], prices[leg], unit.hours)
        spent = 0.0 - income
        for leg in self._priced:
            spent = spent + self._products[leg].sign * energy_cost(given_kwh[leg], energy_prices[leg])
        penalty: Any = 0.0
        for leg in self._fined:
            fine = non_delivery_cost(self._products[leg], asked_kwh[leg], given_kwh[leg], prices[leg], xp)
            penalty = penalty + fine
        if self._emptied:
            penalty = penalty + self._left(after) * signals[4]
        refused: Any = 0.0
        for wish, size in zip(self._by_leg(asked), totals, strict=True):
            refused = refused + xp.positive(wish - size) * unit.hours
        states = (*self._rows(after), *self._held_rows(held), *asked_kwh, *given_kwh, income + asked_kwh[0] * 0.0)
        emitted = carbon_kg(grid_kwh, carbon) if self._emits else 0.0
        return states, grid_kwh, spent, emitted, self._over_assets(wear) if wear else 0.0, penalty, 0.0, refused, 0.0

    def _left(self, after: Any) -> Any:
        """Return what is stored above the lower limits at the end of a step [kWh]."""
        xp, pairs = self._xp, zip(after, self._assets, strict=True)
        return self._over_assets([xp.positive(energy - asset.cell.energy_min) for energy, asset in pairs])

    def _widen(self, count: int) -> None:
        """Give every figure of the block a value for each environment: NumPy divides rows faster than by a column."""
        if count != self._width:
            self._width, self._assets = count, (_as_block(self._unit.assets, count),)

    def _delivered(
        self, energies: Any, rooms: list[Any], held: list[list[Any]], shares: Any
    ) -> tuple[Any, Any, Any, Any, Any]:
        """Return by asset: energy after, energy called and delivered by leg, wear, and energy from the grid."""
        after, called, given, wear, net = [], [], [], [], []
        hours, xp = self._unit.hours, self._xp
        exact = not any(self._short)
        for energy, room, sizes, asset in zip(energies, rooms, held, self._assets, strict=True):
            asked, flows = deliver(room, sizes, shares, asset, self._ways, self._short, hours, xp)
            totals = by_way(flows, self._ways)
            after.append(next_energy(energy, totals[DOWN], totals[UP], asset.cell))
            net.append(totals[DOWN] - totals[UP])
            if self._wears:
                wear.append(wear_cost(totals[DOWN], totals[UP], asset.cell) + energy * 0.0)
            called.append(asked)
            given.append(flows)
        return after, called, called if exact else given, wear, net

    def _trimmed(self, held: list[list[Any]], totals: list[Any]) -> tuple[list[list[Any]], list[Any]]:
        """Cut each leg to what its market takes: nothing below the smallest bid, whole ticks."""
        taken = [
            accepted(total, minimum, tick, self._trading)
            for total, (minimum, tick) in zip(totals, self._sizes, strict=True)
        ]
        cut = [[size * share for size, share in zip(sizes, taken, strict=True)] for sizes in held]
        return cut, self._by_leg(cut)

    def _by_leg(self, parts: Any) -> list[Any]:
        """Return the sums over assets by leg."""
        return [self._over_assets([part[leg] for part in parts]) for leg in range(len(self._ways))]

    def _over_assets(self, parts: Any) -> Any:
        """Add up over assets, in their order."""
        if self._block and parts[0].shape[1] > 1:
            # Row after row, as the loop does it; a single column NumPy would add up in another order.
            return np.add.reduce(parts[0], axis=0)
        total: Any = 0.0
        for part in parts[0] if self._block else parts:
            total = total + part
        return total

    def _rows(self, parts: Sequence[Any]) -> Sequence[Any]:
        """Return a value per asset."""
        return tuple(parts[0]) if self._block else parts

    def _held_rows(self, held: list[list[Any]]) -> list[Any]:
        """Return the power held, leg by leg, asset by asset."""
        if self._block:
            return [row for block in held[0] for row in block]
        return [sizes[leg] for leg in range(len(self._ways)) for sizes in held]


def _assets(assets: tuple[FleetFigures, ...], xp: Namespace) -> tuple[FleetFigures, ...]:
    """Return the figures of assets as the numbers need them: one block for arrays, limits as tensors for tensors."""
    if xp is scalars or isinstance(xp, Traced | Trace):
        return assets
    if xp is arrays:
        return (_as_block(assets),)
    import torch

    def wide(asset: FleetFigures) -> tuple[Any, Any]:
        up, down = (torch.tensor(asset.rated_kw[way], dtype=torch.float64) for way in (UP, DOWN))
        return up, down

    return tuple(asset._replace(rated_kw=wide(asset)) for asset in assets)


def _as_block(assets: Sequence[FleetFigures], count: int = 1) -> FleetFigures:
    """Return all assets as one, each figure an array of shape (n, count)."""

    def columns(parts: Any) -> tuple[Any, ...]:
        each = (np.array(values, dtype=float)[:, None] for values in zip(*parts, strict=True))
        return tuple(np.ascontiguousarray(np.broadcast_to(column, (len(column), count))) for column in each)

    return FleetFigures(
        Cell(*columns(asset.cell for asset in assets)),
        columns(asset.rated_kw for asset in assets),
        columns(asset.limits_kw for asset in assets),
        columns(asset.needs_kwh for asset in assets),
        assets[0].both,
    )
