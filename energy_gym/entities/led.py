"""Storage that starts outside its limits, and is led back to them.

With k for the steps since the episode began, and from what is stored then, a store below its lower limit must hold, and
one above its upper limit may hold,

    least(k + 1) = min(lower limit, keep * least(k) + stored * draw_kwh),
    most(k + 1)  = max(upper limit, keep * most(k) - taken * give_kwh),

until that is the limit; from then on it is held to nothing but its own laws. So a state of charge that a meter says, or
a limit that was changed, is a start like any other.

One rule: it is led back with the power that a step surely has, whatever is wished; more is free to be wished.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import Namespace, Table
from energy_gym.entities.around import counted, laws_around, level_of, own_state, with_count
from energy_gym.entities.base import Flexible, Laws, Memory, Reach
from energy_gym.entities.returning import kept_within
from energy_gym.modelling import Model


class Led(NamedTuple):
    """A store that is led back to its limits.

    Args:
        laws: Its own laws.
        figures: Its own figures.
        reach: How far a step surely moves its state.
        least: Least state at the end of each step since the start, a table; its last entry is 0.
        most: Most state likewise; its last entry is infinite.
    """

    laws: Laws
    figures: Any
    reach: Reach
    least: Table
    most: Table

    def bounds(self, state: tuple[Any, ...], signal: Any, steps: int) -> tuple[Floats, Floats] | None:
        """Return the least and the most state at the end of each step, each of shape (T,); None from above the limits.

        There more counts than a band: nothing may be charged.
        """
        return None if self.most.last > 0 else self.levels(state[-1], steps)

    def rewired(self, own: Any, actual: Any) -> Any:
        """Return what its laws are told with other signals of the store's own: these."""
        return own

    def levels(self, passed: float, steps: int) -> tuple[Floats, Floats]:
        """Return the least and the most state at the end of each of so many steps, each of shape (T,)."""
        places = np.arange(steps) + int(passed)
        least, most = (side.array[np.minimum(places, side.last)] for side in (self.least, self.most))
        return least, most


def led(flexible: Flexible, reach: Reach, limits: tuple[float, float], steps: int) -> Flexible:
    """Return a store that starts outside its limits as one that is led back to them.

    Args:
        flexible: The store by itself.
        reach: How far a step surely moves its state: its own reach, or less of it behind a connection.
        limits: Least and most that it should hold.
        steps: Most steps of an episode.

    Example:
        >>> from energy_gym.backends import scalars
        >>> from energy_gym.entities import Battery
        >>> low = Battery(soc_initial=0.0, charge_kw=0.5, efficiency_charge=1.0).flexible("battery", 1.0, {})
        >>> settle((0.0, 0.0), -1.0, led(low, low.reach, (1.0, 9.0), 24).cell, scalars)
        (0.5, 0.0, 5.5)
    """
    least, most = path_to(flexible.initial, reach, limits, steps)
    memory = Memory("steps_on", 0.0, (0.0, float(max(len(least), len(most)))))
    laws = laws_around(flexible, settle, next_state, constrain, owed)
    cell = Led(flexible.laws, flexible.cell, reach, Table(least), Table(most))
    return replace(flexible, laws=laws, cell=cell, memory=(*flexible.memory, memory), own=flexible)


def path_to(start: float, reach: Reach, limits: tuple[float, float], steps: int) -> tuple[Floats, Floats]:
    """Return the least and the most state at the end of each step on the way to the limits, each of shape (n,).

    Example:
        >>> least, most = path_to(9.8, Reach(1.0, 1.0, 1.0, 2.0, 0.5, 0.0, 9.0), (1.0, 9.0), 24)
        >>> [round(level, 6) for level in most.tolist()]
        [9.3, 9.0, inf]
    """
    low, high = limits
    least, most, level = [0.0], [np.inf], start
    while level < low and len(least) <= steps:
        level = min(low, reach.keep * level + reach.stored * reach.draw_kwh)
        least.insert(-1, level)
    while level > high and len(most) <= steps:
        level = max(high, reach.keep * level - reach.taken * reach.give_kwh)
        most.insert(-1, level)
    return np.array(least), np.array(most)


def settle(state: Any, wish: Any, cell: Led, xp: Namespace, signal: Any = None) -> tuple[Any, Any, Any]:
    """Return what is drawn, given and refused [kWh, all >= 0]: as by itself, but for what leads it back.

    Source:
        The equations at the top of this file.
    """
    own = own_state(state)
    flows = cell.laws.settle(own, wish, cell.figures, xp, signal)
    after = level_of(cell.laws.next_state(own, flows[0], flows[1], cell.figures, signal))
    short, over = _outside(after, state[-1], cell, xp)
    return kept_within(flows, short, over, cell.reach, xp)


def owed(state: Any, cell: Led, xp: Namespace, signal: Any = None) -> tuple[Any, Any]:
    """Return what must be drawn and given whatever is wished [kWh].

    Source:
        As `settle`.
    """
    kept = level_of(cell.laws.next_state(own_state(state), 0.0, 0.0, cell.figures, signal))
    short, over = _outside(kept, state[-1], cell, xp)
    return short / cell.reach.stored, over / cell.reach.taken


def next_state(state: Any, drawn: Any, given: Any, cell: Led, signal: Any = None) -> tuple[Any, ...]:
    """Return the state and memory at the end of a step, and the steps since the start.

    Source:
        The store's own.
    """
    return counted(state, drawn, given, cell, signal, 1.0)


def constrain(model: Model, cell: Led, start: tuple[Any, ...], signal: Any = None) -> tuple[Any, Any, Any]:
    """State the store in a solver's model, and that its state is led back."""
    drawn, given, state = cell.laws.constrain(model, cell.figures, own_state(start), signal)
    least, most = cell.levels(start[-1], model.size)
    low, high = np.flatnonzero(least > 0.0), np.flatnonzero(np.isfinite(most))
    level = level_of(state)
    if len(low):
        model.at_most(least[low], level[low])
    if len(high):
        model.at_most(level[high], most[high])
    return drawn, given, with_count(model, state)


def _outside(level: Any, passed: Any, cell: Led, xp: Namespace) -> tuple[Any, Any]:
    """Return what a state at the end of a step is below its least, and above its most."""
    short = xp.positive(xp.looked_up(cell.least, passed) - level)
    return short, xp.positive(level - xp.looked_up(cell.most, passed))
