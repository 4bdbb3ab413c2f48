"""The battery that ages by the depth of its cycles: stored energy in segments, each dearer to take from than the last.

A full cycle of depth x (as a fraction of the capacity) costs a share f(x) = factor * x ** exponent of the battery. With
E for the capacity, R for the price of a new battery and J segments of E / J each, a kWh taken from segment j costs

    price(j) = R / E * J * (f(j / J) - f((j - 1) / J)),     j = 1 ... J,

which rises with j. What is taken comes from the first segment that holds anything, what is stored goes to the first
that has room. So a cycle of a depth that segments measure costs just what a count of cycles by rainflow says, with the
half that discharges paying for both; between such depths the cost lies on a straight line, above the curve. No plan
does better by choosing segments, so a solver may leave the choice open.

One rule: what a battery does with its energy is said by `energy_gym.entities.battery`; here is what it costs.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np

from energy_gym.backends import Namespace
from energy_gym.entities import battery
from energy_gym.entities.base import Flexible, Laws, Memory, Values, finite_number, number_not_negative, register
from energy_gym.entities.battery import Battery, Cell
from energy_gym.errors import ConfigurationError
from energy_gym.modelling import Model

MOST_SEGMENTS = 200


class AgeingCell(NamedTuple):
    """Figures of an ageing battery for one step length.

    Args:
        plain: Those of the battery.
        size_kwh: What a segment holds [kWh].
        prices: What a kWh taken from each segment costs [currency/kWh], rising.
    """

    plain: Cell
    size_kwh: float
    prices: tuple[float, ...]


@register
@dataclass(frozen=True, slots=True)
class AgeingBattery(Battery):
    """A battery whose wear depends on how deep it is cycled.

    The observation says how full each segment is. At the start of an episode the first segments are the full ones, as
    after charging. Ageing is a part of ``wear``, beside ``wear_per_kwh`` for what counts throughput alone.

    Args:
        replacement_per_kwh: Price of a new battery [currency per kWh of capacity].
        stress_factor: Share of a battery's life that a full cycle from full to empty costs.
        stress_exponent: How that share grows with the depth of a cycle; at least 1.
        segments: How many segments the energy is split into, 1 to 200. The other arguments are those of `Battery`.

    Raises:
        ConfigurationError: A price or a factor below zero, an exponent below 1 or segments out of their range; and as
            `Battery`.

    Source:
        Xu, Zhao, Zheng, Litvinov and Kirschen, Factoring the Cycle Aging Cost of Batteries Participating in Electricity
        Markets, IEEE Transactions on Power Systems 33(2), 2018: segments and their prices. The stress function of the
        defaults, 5.24e-4 * depth ** 2.03, is the one that is usually quoted from it for lithium cells; it was not
        compared with the paper itself. The data sheet of a cell is better than either.

    Example:
        >>> home = AgeingBattery(capacity_kwh=10.0, replacement_per_kwh=300.0, segments=4)
        >>> [round(price, 4) for price in home.prices]
        [0.0377, 0.1163, 0.1967, 0.2781]
        >>> round(home.cycle_cost(1.0), 3), round(10.0 / 4 * sum(home.prices), 3)
        (1.572, 1.572)
    """

    kind: ClassVar[str] = "ageing_battery"
    replacement_per_kwh: float = 300.0
    stress_factor: float = 5.24e-4
    stress_exponent: float = 2.03
    segments: int = 10

    def __post_init__(self) -> None:
        # The form without arguments does not find the class that slots=True makes in place of this one.
        Battery.__post_init__(self)
        for name in ("replacement_per_kwh", "stress_factor"):
            object.__setattr__(self, name, number_not_negative("battery", name, getattr(self, name)))
        exponent = finite_number("battery", "stress_exponent", self.stress_exponent)
        if not 1.0 <= exponent <= 20.0:
            rule = "lies in [1, 20]: a deep cycle costs no less than the shallow ones it is made of"
            raise ConfigurationError(f"battery stress_exponent={exponent}", rule, "pass 1.0 for throughput alone")
        object.__setattr__(self, "stress_exponent", exponent)
        count: Any = self.segments
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_SEGMENTS:
            found, rule = f"battery segments={count!r}", f"must be a whole number from 1 to {MOST_SEGMENTS}"
            raise ConfigurationError(found, rule, "pass 10")

    def cycle_cost(self, depth: float) -> float:
        """Return what a full cycle of a depth, a fraction of the capacity, costs by the curve itself [currency].

        Example:
            >>> deep, shallow = AgeingBattery().cycle_cost(1.0), AgeingBattery().cycle_cost(0.1)
            >>> round(deep / shallow, 2)  # ten shallow cycles move as much energy
            107.15
        """
        return self.replacement_per_kwh * self.capacity_kwh * self.stress_factor * depth**self.stress_exponent

    @property
    def prices(self) -> tuple[float, ...]:
        """What a kWh taken from each segment costs [currency/kWh], rising."""
        costs = [self.cycle_cost(place / self.segments) for place in range(self.segments + 1)]
        size = self.capacity_kwh / self.segments
        return tuple((after - before) / size for before, after in itertools.pairwise(costs))

    def flexible(self, name: str, hours: float, values: Values) -> Flexible:
        """See `Entity.flexible`."""
        size = self.capacity_kwh / self.segments
        cell = AgeingCell(self.cell(hours), size, self.prices)
        filled = [partial(_in_segment, place=place, size=size) for place in range(self.segments)]
        return Flexible(
            name,
            Laws(settle, next_state, wear_cost, constrain, untangle, age=age),
            cell,
            self.energy_initial_kwh,
            (0.0, self.capacity_kwh),
            cell.plain.charge_kwh,
            cell.plain.discharge_kwh,
            memory=tuple(
                Memory(f"segment_{place + 1}", held(self.energy_initial_kwh), (0.0, size), held=held)
                for place, held in enumerate(filled)
            ),
            follows=True,
            reach=battery.reach_of(cell.plain),
        )


def _in_segment(energy: Any, place: int, size: float) -> Any:
    """Return what a segment holds after charging: the first segments are the full ones."""
    held = np.clip(energy - place * size, 0.0, size)
    return held if np.ndim(held) else float(held)


def settle(state: Any, wish: Any, cell: AgeingCell, xp: Namespace, signal: Any = None) -> tuple[Any, Any, Any]:
    """Return what is charged, discharged and refused [kWh]: as `battery.settle`, of the energy in all segments.

    Source:
        As `battery.settle`.
    """
    return battery.settle(state[0], wish, cell.plain, xp)


def next_state(state: Any, charged: Any, discharged: Any, cell: AgeingCell, signal: Any = None) -> tuple[Any, ...]:
    """Return the energy stored and that of each segment at the end of a step [kWh].

    Source:
        Xu et al. 2018: segments are emptied and filled in the order of their prices, which no other order beats.

    Example:
        >>> cell = AgeingBattery(efficiency_discharge=1.0, segments=2).flexible("battery", 1.0, {}).cell
        >>> next_state((7.0, 3.0, 4.0), 0.0, 4.0, cell)
        (3.0, 0.0, 3.0)
    """
    plain = cell.plain
    taken, stored = discharged / plain.efficiency_discharge, plain.efficiency_charge * charged
    after = [battery.next_energy(state[0], charged, discharged, plain)]
    for held in state[1:]:
        kept = held * plain.keep
        left, rest = _above(kept - taken), _above(taken - kept)
        over = _above(stored - (cell.size_kwh - left))
        after.append(left + (stored - over))
        taken, stored = rest, over
    return tuple(after)


def _above(value: Any) -> Any:
    """Return the part of a number above 0; a law of states has no namespace to spell it with."""
    return value * (value > 0.0)


def age(before: Any, after: Any, cell: AgeingCell, xp: Namespace) -> Any:
    """Return what it costs that segments have been emptied [currency], but for what has leaked from them.

    Source:
        Xu et al. 2018: the price of each segment on what is taken from it.

    Example:
        >>> from energy_gym.backends import scalars
        >>> cell = AgeingCell(Battery().cell(1.0), 5.0, (0.125, 0.25))
        >>> age((7.0, 3.0, 4.0), (3.0, 0.0, 3.0), cell, scalars)
        0.625
    """
    spent = 0.0
    for price, held, left in zip(cell.prices, before[1:], after[1:], strict=True):
        spent = spent + price * xp.positive(held * cell.plain.keep - left)
    return spent


def wear_cost(charged: Any, discharged: Any, cell: AgeingCell) -> Any:
    """Return the cost of throughput alone [currency].

    Source:
        As `battery.wear_cost`.
    """
    return battery.wear_cost(charged, discharged, cell.plain)


def untangle(charged: Any, discharged: Any, cell: AgeingCell) -> Any:
    """See `Laws.untangle`; as `battery.untangle`."""
    return battery.untangle(charged, discharged, cell.plain)


def constrain(model: Model, cell: AgeingCell, start: tuple[float, ...], signal: Any = None) -> tuple[Any, Any, Any]:
    """State the battery in a solver's model, its segments free to be filled and emptied in any order.

    Source:
        Xu et al. 2018: the model by segments.
    """
    charged, discharged, energy = battery.constrain(model, cell.plain, start[0])
    segments = [model.variable(0.0, cell.size_kwh) for _ in cell.prices]
    held: Any = 0.0
    for segment in segments:
        held = held + segment
    model.equal(energy, held)
    return charged, discharged, (energy, *segments)
