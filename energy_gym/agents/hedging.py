"""What to do now where load and generation may come otherwise than expected: dynamic programming over outcomes.

The value of what is stored is worked out backwards over the look-ahead on levels of energy. At each step every outcome
of load less generation is equally likely. A battery that is told its power decides before it comes, one that follows
the meter moves once it is there:

    told its power        V(e) = max over moves of the mean over outcomes of [ earned + V(e + move) ]
    following the meter   V(e) = mean over outcomes of the maximum over moves of [ earned + V(e + move) ]

The coming step itself is played by the laws of the environment, for wishes as fine as its actions are.

One rule: what a step earns is said by the package's own laws; only the levels are ours.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import arrays
from energy_gym.closing import closed
from energy_gym.contracts.spot import carbon_kg
from energy_gym.contracts.tariff import grid_cost
from energy_gym.dynamics import CARBON, COST, PENALTY, STATES, WEAR, compose, reward
from energy_gym.entities import battery
from energy_gym.entities.battery import Cell
from energy_gym.oracle.statement import Goal
from energy_gym.units import Unit

LEVELS, MOST_LEVELS = 61, 401
# Moves, one way, that a step should at least allow, and wishes that are compared.
MOVES, WISHES = 4, 161
TIE = 1e-9


class Ladder(NamedTuple):
    """Levels of stored energy, and the moves between them that a step allows.

    Args:
        levels: Energy stored [kWh], shape (n,), evenly spaced.
        flows: What a move takes in (+) or gives out at the terminals [kWh], shape (m,), from far down to far up.
        down: How many of the moves lead down.
    """

    levels: Floats
    flows: Floats
    down: int

    @classmethod
    def of(cls, cell: Cell) -> Self:
        """Return the levels of a battery."""
        room = cell.energy_max - cell.energy_min
        up, down = cell.charge_kwh * cell.efficiency_charge, cell.discharge_kwh / cell.efficiency_discharge
        wanted = int(np.ceil(MOVES * room / min(up, down))) + 1
        levels = np.linspace(cell.energy_min, cell.energy_max, min(max(wanted, LEVELS), MOST_LEVELS))
        rungs, apart = len(levels) - 1, levels[1] - levels[0]
        below = min(int(down / apart + TIE), rungs)
        moved = np.arange(-below, min(int(up / apart + TIE), rungs) + 1) * apart
        flows = np.where(moved > 0.0, moved / cell.efficiency_charge, moved * cell.efficiency_discharge)
        return cls(levels, flows, below)


class Outlook(NamedTuple):
    """What the coming steps may bring.

    Args:
        unit: The unit over them, as it is expected.
        net_kwh: Load less generation by step and outcome [kWh], shape (T, outcomes).
        end: What is stored at their end is worth, of `Ladder.levels` [reward units].
    """

    unit: Unit
    net_kwh: Floats
    end: Floats


class Hedge:
    """Chooses the wish of the coming step for one battery behind a meter.

    Args:
        unit: The unit; its battery is the only thing that it controls.
        goal: Weights of the reward.
        levels: Shares of rated power that may be chosen; None for any.
    """

    def __init__(self, unit: Unit, goal: Goal, levels: tuple[float, ...] | None) -> None:
        self._weights, self._follows = goal.weights, unit.usual is not None
        self._cell: Cell = unit.flexibles[0].bare.cell
        self.ladder = Ladder.of(self._cell)
        self._advance = compose([unit.without_maxima()], arrays)
        # Doing nothing comes first: it is chosen where no other wish is worth more.
        fine = np.concatenate([[0.0], np.linspace(-1.0, 1.0, WISHES)])
        self._wishes = fine if levels is None else np.array(sorted(levels, key=abs))

    def wish(self, outlook: Outlook, energy: float) -> float:
        """Return what to wish for, where so much energy is stored now [kWh]."""
        after = self._worth(outlook)
        found = self._played(outlook, energy, after).mean(axis=1)
        return float(self._wishes[int(np.argmax(found >= found.max() - TIE * max(1.0, abs(found.max()))))])

    def _played(self, outlook: Outlook, energy: float, after: Floats) -> Floats:
        """Return what each wish comes to with each outcome of the coming step, shape (wishes, outcomes)."""
        signal = list(outlook.unit.window(0, 1).without_maxima().signals()[0])
        signal[3] = outlook.net_kwh[:1]
        states = (np.full((1, 1), energy),)
        flow = self._advance(states, (self._wishes[:, None],), tuple(signal))
        gained = reward(flow[COST], flow[CARBON], flow[WEAR], flow[PENALTY], 0.0, self._weights)
        return np.asarray(gained + np.interp(flow[STATES][0], self.ladder.levels, after))

    def _worth(self, outlook: Outlook) -> Floats:
        """Return what is stored at the end of the coming step is worth, of each level."""
        ladder, worth = self.ladder, outlook.end
        back, moves = (_reacting if self._follows else _deciding), self._earned(outlook)
        padded = np.full(len(worth) + len(ladder.flows) - 1, -np.inf)
        inner = padded[ladder.down : ladder.down + len(worth)]
        reached = np.lib.stride_tricks.sliding_window_view(padded, len(ladder.flows))
        for earned in moves[:0:-1]:
            inner[:] = worth
            worth = back(reached, earned)
            if self._cell.keep < 1.0:
                worth = np.interp(ladder.levels * self._cell.keep, ladder.levels, worth)
        return worth

    def _earned(self, outlook: Outlook) -> Floats:
        """Return what each move earns with each outcome, shape (T, moves, outcomes); their mean where it decides."""
        unit, flows = outlook.unit, self.ladder.flows[:, None]
        most_out, most_in = (np.reshape(limit, (-1, 1, 1)) for limit in (unit.export_kwh, unit.import_kwh))
        net = np.clip(outlook.net_kwh[:, None, :] + flows, -most_out, most_in)
        prices = (series[:, None, None] for series in (unit.buy, unit.sell, unit.carbon))
        buy, sell, carbon = prices
        wear = battery.wear_cost(np.maximum(flows, 0.0), np.maximum(-flows, 0.0), self._cell)
        spent = grid_cost(net, buy, sell, arrays)
        found = np.asarray(reward(spent, carbon_kg(net, carbon), wear, 0.0, 0.0, self._weights))
        return found if self._follows else found.mean(axis=2)


def _deciding(reached: Floats, earned: Floats) -> Floats:
    """Return the value of each level where a move is decided before the outcome is known."""
    return np.asarray((reached + earned).max(axis=1))


def _reacting(reached: Floats, earned: Floats) -> Floats:
    """Return the value of each level where a move is made once the outcome is there."""
    return np.asarray((reached[:, :, None] + earned).max(axis=1).mean(axis=1))


def closing_worth(ladder: Ladder, initial_kwh: float, goal: Goal) -> Floats:
    """Return what each level is worth where a window is closed at prices for what is missing and left."""
    cost, kg = closed(initial_kwh - ladder.levels, goal.closing, arrays)
    return np.asarray(reward(cost, kg, 0.0, 0.0, 0.0, goal.weights))
