"""What an asset holds and delivers: pure laws on floats, arrays and tensors.

One rule: an asset serves one direction in a step, but for reserves that are held both ways about it. It serves the
markets in the order of the fleet's legs, each as far as its rated power and the energy (up) or room (down) that is left
can last for the product's duration; where it could serve both directions, what is asked in one cancels what is asked in
the other.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from energy_gym.backends import Namespace
from energy_gym.contracts.clearing import FLOAT32_SHARE, ClearingNamespace
from energy_gym.contracts.fleet import Leg
from energy_gym.contracts.reserve import called_kwh, energy_held_kwh
from energy_gym.entities.battery import Battery, Cell

# Solvers keep a row to a millionth: totals that miss the smallest bid, or a multiple of the tick, by less count as met.
TOLERANCE = 1e-6
UP, DOWN = 0, 1


class FleetFigures(NamedTuple):
    """An asset's figures as the laws take them, or those of a block of assets as columns.

    Args:
        cell: The battery's figures for the step.
        rated_kw: Power to give and to take.
        limits_kw: Prequalified power by leg.
        needs_kwh: Energy in store that a kW of each leg holds back; 0 where the asset may not sell it.
        both: Whether it may sell both directions, of which a step serves one.
    """

    cell: Cell
    rated_kw: tuple[Any, Any]
    limits_kw: tuple[Any, ...]
    needs_kwh: tuple[Any, ...]
    both: bool


class Parts(NamedTuple):
    """Legs by what they are: places in the order of the fleet.

    Args:
        first: Those of which a step serves one direction.
        beside: Those that are held both ways about them.
        traded: Those of ``first`` that are delivered in full: the schedule.
    """

    first: tuple[int, ...]
    beside: tuple[int, ...]
    traded: tuple[int, ...]


def parts_of(legs: Sequence[Leg]) -> Parts:
    """Return the legs of a fleet by what they are."""
    first = tuple(place for place, leg in enumerate(legs) if not leg.beside)
    beside = tuple(place for place, leg in enumerate(legs) if leg.beside)
    return Parts(first, beside, tuple(place for place in first if legs[place].free))


def figures(battery: Battery, place: int, legs: Sequence[Leg], hours: float) -> FleetFigures:
    """Return the figures of the asset at a place of the fleet.

    Example:
        >>> from energy_gym.contracts.reserve import Reserve
        >>> leg = Leg("up", Reserve("up", "up_per_mw_h", "up", (5.0,), duration_hours=0.5), 0, 1.0, False)
        >>> figures(Battery(efficiency_discharge=0.5), 0, [leg], 1.0).needs_kwh
        (1.0,)
    """
    cell = battery.cell(hours)
    efficiency = {"up": cell.efficiency_discharge, "down": cell.efficiency_charge}
    limits = tuple(leg.product.prequalified_kw[place] for leg in legs)
    ways = {leg.product.direction for leg, limit in zip(legs, limits, strict=True) if limit > 0.0 and not leg.beside}
    needs = tuple(
        energy_held_kwh(1.0, leg.product.duration_hours, efficiency[leg.product.direction], leg.product.direction)
        for leg in legs
    )
    return FleetFigures(cell, (battery.discharge_kw, battery.charge_kw), limits, needs, len(ways) == 2)


def rooms_kwh(energy: Any, cell: Cell, xp: Namespace) -> tuple[Any, Any]:
    """Return the energy in store above the lower limit, and the room below the upper one [kWh].

    Example:
        >>> from energy_gym.backends import scalars
        >>> rooms_kwh(4.0, Battery(capacity_kwh=10.0, soc_min=0.1, soc_max=0.9).cell(1.0), scalars)
        (3.0, 5.0)
    """
    kept = energy * cell.keep
    return kept - xp.lesser(kept, cell.energy_min), cell.energy_max - xp.lesser(kept, cell.energy_max)


@functools.cache
def followed(ways: tuple[int, ...]) -> tuple[bool, ...]:
    """Return by leg whether another one of its direction comes after it.

    Example:
        >>> followed((UP, DOWN, UP))
        (True, False, False)
    """
    return tuple(way in ways[place + 1 :] for place, way in enumerate(ways))


def hold(
    rooms: tuple[Any, Any], wishes: Sequence[Any], asset: FleetFigures, ways: tuple[int, ...], xp: Namespace
) -> list[Any]:
    """Return the power that an asset holds for each leg [kW].

    Args:
        rooms: Energy in store that it may give, and room that it may fill, at the start of the step [kWh].
        wishes: Power asked of it by leg [kW, >= 0], at most what is prequalified.
        asset: Its figures.
        ways: `UP` or `DOWN` by leg.
        xp: Namespace of the numbers.

    Example:
        >>> from energy_gym.backends import scalars
        >>> from energy_gym.contracts.reserve import Reserve
        >>> leg = Leg("up", Reserve("up", "up_per_mw_h", "up", (5.0,), duration_hours=2.0), 0, 1.0, False)
        >>> asset = figures(Battery(efficiency_discharge=1.0), 0, [leg], 1.0)
        >>> hold((4.0, 4.0), [5.0], asset, (UP,), scalars)
        [2.0]
    """
    power, energies = list(asset.rated_kw), list(rooms)
    held = []
    for wish, need, way, more in zip(wishes, asset.needs_kwh, ways, followed(ways), strict=True):
        size = xp.lesser(xp.lesser(wish, power[way]), energies[way] / need)
        if more:
            power[way] = power[way] - size
            # Rounding must not leave less than nothing for the next.
            energies[way] = energies[way] - xp.lesser(size * need, energies[way])
        held.append(size)
    return _one_way(held, ways, xp) if asset.both else held


def hold_beside(
    rooms: tuple[Any, Any],
    wishes: Sequence[Any],
    asset: FleetFigures,
    ways: tuple[int, ...],
    parts: Parts,
    xp: Namespace,
) -> list[Any]:
    """Return the same where some legs are held both ways: after the others, about the power that is traded.

    Args:
        rooms: As in `hold`.
        wishes: As in `hold`.
        asset: As in `hold`.
        ways: As in `hold`.
        parts: Which legs are which.
        xp: As in `hold`.

    Source:
        By definition of a range: the schedule plus what is held up, and the schedule less what is held down, lie
        between the most that is taken and the most that is given.

    Example:
        >>> from energy_gym.backends import scalars
        >>> from energy_gym.contracts.reserve import Reserve
        >>> from energy_gym.contracts.trade import Trade
        >>> up, down = (Reserve(way, f"{way}_per_mw_h", way, (9.0,), both_ways=True) for way in ("up", "down"))
        >>> markets = (Trade("spot", "price_per_mwh", (5.0,)), up, down)
        >>> legs = [leg for place, item in enumerate(markets) for leg in item.legs(place, ("a",), 1.0)]
        >>> asset = figures(Battery(20.0, 5.0, 5.0, 1.0, 1.0), 0, legs, 1.0)
        >>> hold_beside((10.0, 10.0), [2.0, 0.0, 9.0, 9.0], asset, (DOWN, UP, UP, DOWN), parts_of(legs), scalars)
        [2.0, 0.0, 7.0, 3.0]
    """
    held: list[Any] = [None] * len(ways)
    power, energies = list(asset.rated_kw), list(rooms)
    for places in (parts.first, parts.beside):
        own, needs = tuple(ways[place] for place in places), tuple(asset.needs_kwh[place] for place in places)
        part = asset._replace(rated_kw=tuple(power), needs_kwh=needs, both=asset.both and places is parts.first)
        sizes = hold((energies[UP], energies[DOWN]), [wishes[place] for place in places], part, own, xp)
        for place, size in zip(places, sizes, strict=True):
            held[place] = size
            way = ways[place]
            power[way] = xp.positive(power[way] - size)
            energies[way] = energies[way] - xp.lesser(size * asset.needs_kwh[place], energies[way])
            if place in parts.traded:
                power[1 - way] = power[1 - way] + size
    return held


def by_way(sizes: Sequence[Any], ways: Sequence[int]) -> list[Any]:
    """Return the sums of sizes up and down, 0.0 where there are none.

    Example:
        >>> by_way([1.0, 2.0, 4.0], (UP, UP, UP))
        [7.0, 0.0]
    """
    totals: list[Any] = [None, None]
    for size, way in zip(sizes, ways, strict=True):
        totals[way] = size if totals[way] is None else totals[way] + size
    return [0.0 if total is None else total for total in totals]


def _one_way(held: list[Any], ways: tuple[int, ...], xp: Namespace) -> list[Any]:
    """Cancel what is held in one direction against the other, the last legs first."""
    up, down = by_way(held, ways)
    both = xp.lesser(up, down)
    left = [up - both, down - both]
    kept = []
    for size, way, more in zip(held, ways, followed(ways), strict=True):
        size = xp.lesser(size, left[way])
        if more:
            left[way] = left[way] - size
        kept.append(size)
    return kept


def deliver(
    rooms: tuple[Any, Any],
    held: Sequence[Any],
    shares: Sequence[Any],
    asset: FleetFigures,
    ways: tuple[int, ...],
    short: tuple[bool, bool],
    hours: float,
    xp: Namespace,
) -> tuple[list[Any], list[Any]]:
    """Return the energy called and delivered by leg [kWh at the terminals].

    Args:
        rooms: Energy in store that it may give, and room that it may fill, at the start of the step [kWh].
        held: Power held by leg [kW].
        shares: Share of it that is called in this step, by leg.
        asset: The asset's figures.
        ways: `UP` or `DOWN` by leg.
        short: By direction, whether calls can outlast the energy held, so that the earlier legs are served first.
        hours: Length of the step [h].
        xp: Namespace of the numbers.
    """
    called = [called_kwh(size, share, hours) for size, share in zip(held, shares, strict=True)]
    if not any(short):
        return called, called
    left = [rooms[UP] * asset.cell.efficiency_discharge, rooms[DOWN] / asset.cell.efficiency_charge]
    given = []
    for asked, way, more in zip(called, ways, followed(ways), strict=True):
        size = xp.lesser(asked, left[way]) if short[way] else asked
        if more and short[way]:
            left[way] = left[way] - size
        given.append(size)
    return called, given


def accepted(total_kw: Any, minimum_kw: float, tick_kw: float, xp: ClearingNamespace) -> Any:
    """Return the share of a fleet's bid that its market takes: nothing below the minimum, whole ticks only.

    Example:
        >>> from energy_gym.contracts.clearing import trading_scalars
        >>> [accepted(total, 100.0, 100.0, trading_scalars) for total in (50.0, 100.0, 250.0)]
        [0.0, 1.0, 0.8]
    """
    one = total_kw * 0.0 + 1.0
    share = xp.kept(one, total_kw - minimum_kw * (1.0 - TOLERANCE))
    if not tick_kw:
        return share
    whole = xp.whole(total_kw * (1.0 + FLOAT32_SHARE) / tick_kw + TOLERANCE) * tick_kw
    return share * xp.bounded(whole / (total_kw + xp.positive(TOLERANCE - total_kw)), one)
