"""A fleet laid out over the steps of a split: prices, calls, figures of its assets, and its state.

One rule: everything that does not depend on a bid is worked out here, once; the step itself is in `step`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, Self

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import Namespace
from energy_gym.contracts.activation import NoActivation
from energy_gym.contracts.fleet import FleetMarket, Leg
from energy_gym.entities import Battery, Flexible
from energy_gym.entities.base import Laws
from energy_gym.errors import ConfigurationError
from energy_gym.reserve.fleet import legs_of, markets_of
from energy_gym.reserve.laws import DOWN, UP, FleetFigures, Parts, figures, parts_of
from energy_gym.site import Site
from energy_gym.units import MONEY, Told, Unit


class Dispatch(Protocol):
    """A way to share bids among assets."""

    name: str

    def controls(self, unit: FleetUnit) -> int:
        """Return the number of bids of an action."""

    def asked(
        self,
        unit: FleetUnit,
        energies: Sequence[Any],
        wishes: Sequence[Any],
        assets: Sequence[FleetFigures],
        xp: Namespace,
    ) -> list[list[Any]]:
        """Return the power asked of each asset (or of the block of all) by leg [kW].

        Args:
            unit: The fleet.
            energies: Energies stored, by asset or as one block [kWh].
            wishes: The action: bids in [-1, 1].
            assets: Figures, as ``energies``.
            xp: Namespace of the numbers.
        """


@dataclass(frozen=True)
class FleetUnit(Unit):
    """A fleet over T steps; the fields of `Unit` hold its batteries and the settlement price of energy.

    Its state is a flat tuple: energies of the n assets [kWh]; then of the step before: power held by leg and asset
    (legs times n) [kW], energy called by leg and energy delivered by leg [kWh], and the payment for holding [currency].

    Args:
        site: Batteries and markets.
        dispatch: How bids become power by asset.
        by_asset: The dispatch in which an action bids for each asset by itself: all that physics allows.
        held_prices: Payment for holding by leg, shape (legs, T) [currency/MW/h].
        energy_prices: Price of called energy by leg, shape (legs, T) [currency/MWh].
        shares: Share called by leg, shape (legs, T).
        emptied: Charge for what is still stored at each step's end, shape (T,) [currency/kWh]; None where none is due.
        typical: Mean share called by leg, of all that is ever expected.
        proving: Whether a plan comes with a bound; without one it is found in half the time.
        plans: What discrete actions mean, shape (plans, controls); None where each bid has levels, or any size.
    """

    site: Site
    dispatch: Dispatch
    by_asset: Dispatch
    held_prices: Floats
    energy_prices: Floats
    shares: Floats
    emptied: Floats | None
    typical: tuple[float | str, ...]
    proving: bool = True
    plans: Floats | None = None

    @cached_property
    def batteries(self) -> dict[str, Battery]:
        """The assets by name."""
        return {name: entity for name, entity in self.site.entities.items() if isinstance(entity, Battery)}

    @cached_property
    def markets(self) -> dict[str, FleetMarket]:
        """What is sold by name, in the order of the controls."""
        return markets_of(self.site)

    @cached_property
    def legs(self) -> tuple[Leg, ...]:
        """The directions of all markets."""
        return legs_of(self.site, self.hours)

    @cached_property
    def ways(self) -> tuple[int, ...]:
        """`UP` or `DOWN` by leg."""
        return tuple(UP if leg.product.direction == "up" else DOWN for leg in self.legs)

    @cached_property
    def parts(self) -> Parts:
        """Legs by what they are; ``beside`` is empty where a step serves one direction alone."""
        return parts_of(self.legs)

    @cached_property
    def assets(self) -> tuple[FleetFigures, ...]:
        """Figures by asset."""
        batteries = enumerate(self.batteries.values())
        found = [figures(battery, place, self.legs, self.hours) for place, battery in batteries]
        # One flag for all, so that assets one by one and as a block go through the same operations.
        both = any(asset.both for asset in found)
        return tuple(asset._replace(both=both) for asset in found)

    @property
    def short(self) -> tuple[bool, bool]:
        """By direction, whether calls may outlast the energy held: a product shorter than a step may be called."""
        found = [False, False]
        for leg, way in zip(self.legs, self.ways, strict=True):
            called = not isinstance(leg.product.activation, NoActivation)
            found[way] |= called and leg.product.duration_hours < self.hours
        return found[UP], found[DOWN]

    @property
    def plain(self) -> bool:
        """See `Unit.plain`."""
        return False

    @cached_property
    def decisions(self) -> tuple[Flexible, ...]:
        """See `Unit.decisions`: the bids."""
        return tuple(_bids(self))

    @property
    def controls(self) -> int:
        """Number of bids of an action."""
        return self.dispatch.controls(self)

    @property
    def undifferentiable(self) -> str | None:
        """See `Unit.undifferentiable`."""
        if self.dispatch.name == "optimal":
            return "dispatch='optimal' is a solver's and has no gradient; dispatch='proportional' has one"
        return None

    def physical(self) -> Self:
        """See `Unit.physical`: a bid for each asset and market."""
        return replace(self, dispatch=self.by_asset, plans=None)

    @property
    def initial(self) -> tuple[Any, ...]:
        """State at the start of an episode."""
        count, legs = len(self.batteries), len(self.legs)
        energies = tuple(item.initial for item in self.flexibles)
        return (*energies, *([0.0] * (count * legs + 2 * legs + 1)))

    @property
    def told(self) -> tuple[Told, ...]:
        """See `Unit.told`."""
        assets, legs = list(self.batteries), [leg.name for leg in self.legs]
        named = [(told_name("energy_kwh", asset), "kWh") for asset in assets]
        named += [(told_name("held_kw", leg, asset), "kW") for leg in legs for asset in assets]
        named += [(told_name(what, leg), "kWh") for what in ("called_kwh", "delivered_kwh") for leg in legs]
        named.append(("availability", MONEY))
        return tuple(Told(name, place, unit) for place, (name, unit) in enumerate(named))

    def unproved(self) -> Self:
        """See `Unit.unproved`."""
        return replace(self, proving=False)

    def window(self, first: int, stop: int) -> Self:
        """See `Unit.window`."""
        part = slice(first, stop)
        cut = {name: getattr(self, name)[:, part] for name in ("held_prices", "energy_prices", "shares")}
        cut["emptied"] = None if self.emptied is None else self.emptied[part]
        return replace(super().window(first, stop), **cut)

    def signals(self) -> list[tuple[Any, ...]]:
        """See `Unit.signals`."""
        legs = len(self.legs)
        rows = self._table.T[: len(self)].tolist()
        return [(*(row[k * legs : (k + 1) * legs] for k in range(3)), *row[3 * legs :]) for row in rows]

    def gather(self) -> Callable[[Any], tuple[Any, ...]]:
        """See `Unit.gather`."""
        table, legs = self._table, len(self.legs)

        def gather(steps: Any) -> tuple[Any, ...]:
            rows = table.take(steps, axis=1)
            return rows[:legs], rows[legs : 2 * legs], rows[2 * legs : 3 * legs], *rows[3 * legs :]

        return gather

    def series(self) -> tuple[Any, ...]:
        """See `Unit.series`."""
        told = tuple(self.held_prices), tuple(self.energy_prices), tuple(self.shares), self.carbon
        return told if self.emptied is None else (*told, self.emptied)

    @property
    def _table(self) -> Floats:
        """Prices of holding and energy, shares, carbon, what is due, with a step past the last; shape (rows, T + 1)."""
        due = [] if self.emptied is None else [self.emptied[None, :]]
        table = np.concatenate([self.held_prices, self.energy_prices, self.shares, self.carbon[None, :], *due])
        return np.ascontiguousarray(np.concatenate([table, np.zeros((len(table), 1))], axis=1))


def told_name(what: str, *whose: str) -> str:
    """Return the name of a figure of a fleet in ``info``: without a slash, which a file of HDF5 reads as a folder.

    Example:
        >>> told_name("held_kw", "spot.buy", "asset1")
        'held_kw.spot.buy.asset1'
    """
    return ".".join((what, *whose)).replace("/", ".")


def _bids(unit: FleetUnit) -> list[Flexible]:
    nothing = Laws(*[_no_law] * 4)
    found = []
    by_asset = unit.controls > len(unit.markets)
    for market, contract in unit.markets.items():
        powers = contract.powers(list(unit.batteries)) if by_asset else (contract.maximum_kw,)
        names = [f"{market}/{asset}" for asset in unit.batteries] if by_asset else [market]
        for name, power in zip(names, powers, strict=True):
            most = power * unit.hours
            found.append(Flexible(name, nothing, None, 0.0, None, most, most, worth=0.0))
    return found


def _no_law(*_: Any) -> Any:
    raise ConfigurationError("a bid", "has no law of its own", "play the fleet's step, which plays all of them")


def expected_fleet(unit: FleetUnit, outlook: Mapping[str, Floats]) -> FleetUnit:
    """Return a fleet with prices as forecast and calls at their typical share; its plan needs no bound."""
    steps = len(unit)
    held = [outlook[leg.product.price] * leg.product.price_share for leg in unit.legs]
    priced = [leg.product.energy_price for leg in unit.legs]
    energy = [np.zeros(steps) if name is None else outlook[name] for name in priced]
    usual = [np.clip(outlook[item], 0.0, 1.0) if isinstance(item, str) else item for item in unit.typical]
    return replace(
        unit,
        carbon=outlook.get(unit.site.energy.carbon, np.zeros(steps)),
        held_prices=_stacked(held, steps),
        energy_prices=_stacked(energy, steps),
        shares=_stacked(usual, steps),
        proving=False,
    )


def _stacked(rows: Sequence[Any], steps: int) -> Floats:
    return np.stack([np.broadcast_to(np.asarray(row, dtype=float), (steps,)) for row in rows])
