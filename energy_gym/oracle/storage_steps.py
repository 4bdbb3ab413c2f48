"""A unit with one storage, as dynamic programming over its levels plays it.

One rule: a step is the composed step of the environment, on arrays. What a unit of the state is worth must be known, or
labels could not be compared: that is so for our own kinds of entities, and not for those of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import arrays, scalars
from energy_gym.closing import closed
from energy_gym.contracts.spot import carbon_kg, energy_cost
from energy_gym.dynamics import GRID, STATES, compose, gain, reward
from energy_gym.entities import battery, consumer, solar
from energy_gym.entities.held import Held
from energy_gym.oracle.statement import Goal
from energy_gym.units import Unit

KNOWN = (battery.settle, consumer.settle, solar.settle)


def one_known(unit: Unit) -> bool:
    """Return whether a unit is one controlled entity of a known kind, without ledgers."""
    return len(unit.flexibles) == 1 and not unit.accounts and unit.flexibles[0].bare.laws.settle in KNOWN


class StorageSteps:
    """A unit with one controlled entity and no running maxima, from given states to the end of its steps.

    Beside the state that labels compare there may be others that go the same way whatever is decided, such as the
    number of steps left, and figures of the step before, which no step reads.
    """

    def __init__(self, unit: Unit, states: Sequence[float], goal: Goal) -> None:
        self.unit, self.states, self.goal = unit, tuple(states), goal
        self.energy = self.states[0]
        self._advance, self._signals = compose([unit], arrays), unit.signals()

    @classmethod
    def of(cls, unit: Unit, states: Sequence[float], goal: Goal) -> StorageSteps:
        """Return a unit without its running maxima, from states that have them."""
        return cls(unit.without_maxima(), (states[0], *states[1 + unit.registers :]), goal)

    def __len__(self) -> int:
        return len(self.unit)

    def play(self, step: int, energy: Floats, wish: Floats) -> tuple[Floats, Floats]:
        """See `energy_gym.oracle.levels.Steps.play`."""
        return self.outcome(step, energy, wish)[:2]

    def outcome(self, step: int, energy: Floats, wish: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the energies stored after a step, what it earns, and the energy from the grid [kWh]."""
        energy, wish = np.broadcast_arrays(energy, wish)
        beside = (np.full(energy.shape, state) for state in self._beside[step])
        flow = self._advance((energy, *beside), (wish,), self._signals[step])
        parts = flow[STATES][0], gain(flow, self.goal.weights), flow[GRID]
        after, earned, net = (np.broadcast_to(part, energy.shape) for part in parts)
        return after, earned, net

    @cached_property
    def _beside(self) -> list[tuple[float, ...]]:
        """The states beside the one that labels compare, at the start of each step."""
        if len(self.states) == 1:
            return [()] * len(self)
        found, now, advance = [], self.states, compose([self.unit], scalars)
        for signal in self._signals:
            found.append(tuple(now[1:]))
            now = advance(now, (0.0,), signal)[STATES]
        return found

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest energy that can ever be stored [kWh]; of a state without limits, where it stands."""
        cell = self.unit.flexibles[0].bare.cell
        if isinstance(cell, battery.Cell):
            lowest = battery.lowest_energy(cell, self.energy, len(self))
            return float(min(lowest.min(), self.energy)), float(max(cell.energy_max, self.energy))
        return (-cell.debt_kwh, 0.0) if isinstance(cell, consumer.Debt) else (self.energy, self.energy)

    def close(self, energy: Floats) -> Floats:
        """See `energy_gym.oracle.levels.Steps.close`."""
        flexible = self.unit.flexibles[0]
        cost, kg = closed(flexible.worth * (flexible.initial - energy), self.goal.closing, arrays)
        return np.broadcast_to(reward(cost, kg, 0.0, 0.0, 0.0, self.goal.weights), energy.shape)

    @cached_property
    def worths(self) -> Floats:
        """See `energy_gym.oracle.levels.Steps.worths`: what energy may cost, with and without losses and wear."""
        money, prices = self.goal.weights.money, self.prices()
        if self.unit.curtailable_kwh is not None:  # energy that takes the place of what is cut changes no bill
            prices.append(np.zeros(len(self)))
        if lost := self.unit.lost_load_per_mwh:
            prices.append(np.full(len(self), money * energy_cost(1.0, lost)))
        if (backup := self.unit.backup) is not None:
            fuel = money * backup.fuel_per_kwh + self.goal.weights.carbon * backup.carbon_kg_per_kwh
            prices.append(np.full(len(self), fuel))
        if dear := money * self.unit.refused_per_kwh:  # energy may make or spare a refusal
            prices = [price + more for price in prices for more in (0.0, dear, -dear)]
        rows = [factor * price - wear for price in prices for factor, wear in self._exchanges()]
        rows.append(np.zeros(len(self)))
        return np.stack([*rows, *self._aimed(money, rows)])

    def _aimed(self, money: float, rows: list[Floats]) -> list[Floats]:
        """Return what a kWh may be worth that counts at every soft target to come, and is sold after that."""
        flexible = self.unit.flexibles[0]
        if not isinstance(flexible.cell, Held) or not any(flexible.cell.prices):
            return []
        prices = money * flexible.cell.prices_at(flexible.signal)
        return [max(float(np.max(rows)), *self.end_worth) + np.cumsum(prices[::-1])[::-1]]

    def prices(self) -> list[Floats]:
        """Return what a kWh at the meter may cost or earn at each step, each of shape (T,) [reward units]."""
        money, carbon, _ = self.goal.weights
        kg = carbon * carbon_kg(1.0, self.unit.carbon)
        return [money * energy_cost(1.0, price) + kg for price in (self.unit.buy, self.unit.sell)]

    def _exchanges(self) -> list[tuple[float, float]]:
        """Return how much energy at the meter a unit of the state can stand for, and the wear of it [reward units]."""
        cell = self.unit.flexibles[0].bare.cell
        charge, discharge = getattr(cell, "efficiency_charge", 1.0), getattr(cell, "efficiency_discharge", 1.0)
        wear = self.goal.weights.wear * discharge * getattr(cell, "wear_per_kwh", 0.0)
        return [(1.0 / charge, 0.0), (discharge, wear)]

    @property
    def end_worth(self) -> tuple[float, float]:
        """See `energy_gym.oracle.levels.Steps.end_worth`."""
        worth, closing = self.unit.flexibles[0].worth, self.goal.closing
        money, carbon, _ = self.goal.weights
        ends = [
            worth * (money * energy_cost(1.0, price) + carbon * carbon_kg(1.0, intensity))
            for price, intensity in ((closing.left, closing.left_carbon), (closing.missing, closing.missing_carbon))
        ]
        return min(ends), max(ends)
