"""Storage that ends an episode where it began, whatever was wished.

A wish is changed as little as needed for the start to stay within reach in the steps that are left. With k steps left,
what is stored must lie between two levels, worked backwards from the end:

    least(0) = most(0) = start
    least(k + 1) = (least(k) - stored * draw_kwh) / keep,     most(k + 1) = (most(k) + taken * give_kwh) / keep

Where capacity fades with what is given, the start must also fit into what is left of it. With top for the most that
can be stored now, (top - start) / fade_per_kwh may still be given at all, and what is stored above the start has to be.
Where what is given is counted by the day or the year, what is stored above the start has to fit into what is left to be
given; a count that begins anew leaves more.

One rule: the band is figures of the entity and of its connection; nothing of the series to come decides what is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import Namespace, Table
from energy_gym.entities.around import counted, laws_around, level_of, own_state, with_count
from energy_gym.entities.base import Flexible, Laws, Memory, Reach
from energy_gym.modelling import Model


class Band(NamedTuple):
    """A store that is brought back.

    Args:
        laws: Its own laws.
        figures: Its own figures.
        reach: How far a step surely moves its state.
        start: The state at the start, and so at the end.
        least: Least state with k steps left, a table by k.
        most: Most state with k steps left.
        top_share: Most state as a share of the capacity left, where that fades; else 0.
        budgets: As `Flexible.budgets`.
    """

    laws: Laws
    figures: Any
    reach: Reach
    start: float
    least: Table
    most: Table
    top_share: float
    budgets: Callable[..., Any] | None = None

    @property
    def fades(self) -> bool:
        """Whether giving lessens what can be stored."""
        return self.top_share > 0.0

    def bounds(self, state: tuple[Any, ...], signal: Any, steps: int) -> tuple[Floats, Floats]:
        """Return the least and the most state at the end of each of so many steps, each of shape (T,)."""
        return levels(self, state[-1], steps)

    def rewired(self, own: Any, actual: Any) -> Any:
        """Return what its laws are told with other signals of the store's own: these."""
        return own


def returning(flexible: Flexible, reach: Reach, steps: int) -> Flexible:
    """Return a store that ends where it began.

    Args:
        flexible: The store by itself.
        reach: How far a step surely moves its state: its own reach, or less of it behind a connection.
        steps: Most steps of an episode.

    Example:
        >>> from energy_gym.backends import scalars
        >>> from energy_gym.entities import Battery
        >>> battery = Battery(efficiency_charge=1.0, charge_kw=2.0).flexible("battery", 1.0, {})
        >>> home = returning(battery, battery.reach, 168)
        >>> settle((4.0, 1.0), -1.0, home.cell, scalars)
        (1.0, 0.0, 6.0)
    """
    least, most = band_of(reach, float(flexible.initial), steps)
    share = flexible.cell.soc_max if reach.fade_per_kwh > 0.0 else 0.0
    start = float(flexible.initial)
    band = Band(flexible.laws, flexible.cell, reach, start, Table(least), Table(most), share, flexible.budgets)
    left = Memory("steps_left", float(steps), (0.0, float(max(len(least) - 1, 1))), counts_down=True)
    laws = laws_around(flexible, settle, next_state, constrain, owed)
    return replace(flexible, laws=laws, cell=band, memory=(*flexible.memory, left), own=flexible)


def band_of(reach: Reach, start: float, steps: int) -> tuple[Floats, Floats]:
    """Return the least and the most state by steps left, up to where neither binds any more, each of shape (n,).

    Example:
        >>> band_of(Reach(1.0, 1.0, 1.0, 2.0, 3.0, 0.0, 9.0), 5.0, 168)[0].tolist()
        [5.0, 3.0, 1.0, 0.0]
    """
    least, most = [start], [start]
    for _ in range(steps):
        low = max((least[-1] - reach.stored * reach.draw_kwh) / reach.keep, reach.floor)
        high = min((most[-1] + reach.taken * reach.give_kwh) / reach.keep, reach.top)
        if (low, high) == (least[-1], most[-1]):
            break
        least.append(low)
        most.append(high)
    return np.array(least), np.array(most)


def together(stores: Sequence[Flexible], figures: Any) -> Flexible:
    """Return stores of one kind as one whose figures are arrays with a value for each, where they differ.

    Args:
        stores: What `returning` gave for each.
        figures: Their own figures, put together likewise.
    """
    bands = [store.cell for store in stores]
    last = max(band.least.last for band in bands)
    tables = [Table(np.stack([_lengthened(table, last) for table in side], axis=1)) for side in _sides(bands)]
    reach = Reach(*(np.array(column) for column in zip(*(band.reach for band in bands), strict=True)))
    start = np.array([band.start for band in bands])
    lasts = np.array([store.memory[-1].span[1] for store in stores])
    left = stores[0].memory[-1]._replace(span=(0.0, lasts))
    band = bands[0]._replace(figures=figures, reach=reach, start=start, least=tables[0], most=tables[1])
    return replace(stores[0], cell=band, initial=start, memory=(*stores[0].memory[:-1], left))


def _sides(bands: Sequence[Band]) -> tuple[list[Table], list[Table]]:
    return [band.least for band in bands], [band.most for band in bands]


def _lengthened(table: Table, last: int) -> Floats:
    """Return a table's numbers up to a place, the last one repeated."""
    return np.concatenate([table.array, np.repeat(table.array[-1:], last - table.last)])


def holds(reach: Reach, start: float) -> bool:
    """Return whether what is lost in a step can surely be made good in it, so that the start can be kept at all."""
    return start * (1.0 - reach.keep) <= reach.stored * reach.draw_kwh


def settle(state: Any, wish: Any, cell: Band, xp: Namespace, signal: Any = None) -> tuple[Any, Any, Any]:
    """Return what is drawn, given and refused [kWh, all >= 0]: as by itself, changed by what keeps the start in reach.

    What is changed counts as refused.

    Args:
        state: State and memory at the start of the step, then the steps left.
        wish: In [-1, 1].
        cell: The store and its band.
        xp: The namespace of the numbers.
        signal: As the store's own law takes it.

    Source:
        Follows from the law of the state; the equations stand at the top of this file.
    """
    own, reach = own_state(state), cell.reach
    drawn, given, refused = cell.laws.settle(own, wish, cell.figures, xp, signal)
    most = xp.looked_up(cell.most, state[-1] - 1.0)
    if cell.fades:
        budget = (cell.top_share * own[1] - cell.start) / reach.fade_per_kwh
        cut = xp.bounded(given, budget)
        given, refused = cut, refused + (given - cut)
        most = xp.lesser(most, cell.start + reach.taken * budget)
    if cell.budgets is not None:
        for limit, spent, begins in cell.budgets(own, cell.figures, signal):
            most = xp.lesser(most, cell.start + reach.taken * (limit - spent * (1.0 - begins)))
    after = level_of(cell.laws.next_state(own, drawn, given, cell.figures, signal))
    short = xp.positive(xp.looked_up(cell.least, state[-1] - 1.0) - after)
    return kept_within((drawn, given, refused), short, xp.positive(after - most), reach, xp)


def kept_within(
    flows: tuple[Any, Any, Any], short: Any, over: Any, reach: Reach, xp: Namespace
) -> tuple[Any, Any, Any]:
    """Return what is drawn, given and refused, changed as little as needed for a state to come to within its bounds.

    Args:
        flows: What would be drawn, given and refused [kWh].
        short: What the state would come to below its least.
        over: What it would come to above its most.
        reach: How far a step surely moves the state.
        xp: The namespace of the numbers.

    Source:
        Follows from the law of the state.

    Example:
        >>> from energy_gym.backends import scalars
        >>> kept_within((0.0, 1.5, 0.0), 2.0, 0.0, Reach(1.0, 1.0, 1.0, 3.0, 3.0, 0.0, 9.0), scalars)
        (0.5, 0.0, 2.0)
    """
    drawn, given, refused = flows
    fewer, less = xp.bounded(over / reach.stored, drawn), xp.bounded(short / reach.taken, given)
    more = xp.positive(short - given * reach.taken) / reach.stored
    extra = xp.positive(over - drawn * reach.stored) / reach.taken
    more, extra = xp.bounded(more, reach.draw_kwh - drawn), xp.bounded(extra, reach.give_kwh - given)
    return drawn - fewer + more, given - less + extra, refused + fewer + more + less + extra


def owed(state: Any, cell: Band, xp: Namespace, signal: Any = None) -> tuple[Any, Any]:
    """Return what must be drawn and given for the start to stay in reach [kWh].

    Source:
        As `settle`.
    """
    own, left = own_state(state), state[-1] - 1.0
    kept = level_of(cell.laws.next_state(own, 0.0, 0.0, cell.figures, signal))
    short, over = xp.positive(xp.looked_up(cell.least, left) - kept), xp.positive(kept - xp.looked_up(cell.most, left))
    return short / cell.reach.stored, over / cell.reach.taken


def next_state(state: Any, drawn: Any, given: Any, cell: Band, signal: Any = None) -> tuple[Any, ...]:
    """Return the state and memory at the end of a step, and the steps left then.

    Source:
        The store's own.
    """
    return counted(state, drawn, given, cell, signal, -1.0)


def constrain(model: Model, cell: Band, start: tuple[Any, ...], signal: Any = None) -> tuple[Any, Any, Any]:
    """State the store in a solver's model, and that its state stays within the band."""
    own = own_state(start)
    drawn, given, whole = cell.laws.constrain(model, cell.figures, own, signal)
    state = level_of(whole)
    least, most = levels(cell, start[-1], model.size)
    low, high = np.flatnonzero(least > cell.reach.floor), np.flatnonzero(most < cell.reach.top)
    if len(low):
        model.at_most(least[low], state[low])
    if len(high):
        model.at_most(state[high], most[high])
    for limit, spent, begins in () if cell.budgets is None else cell.budgets(own, cell.figures, signal):
        count = model.variable(0.0, np.inf)
        model.equal(count, model.previous(count, spent) * (1.0 - begins) + given)
        model.at_most(state, cell.start + cell.reach.taken * (limit - count))
    if cell.fades:
        total = model.variable(0.0, np.inf)
        model.equal(total, model.previous(total, 0.0) + given)
        budget = (cell.top_share * own[1] - cell.start) / cell.reach.fade_per_kwh
        model.at_most(total, budget)
        model.at_most(state, cell.start + cell.reach.taken * (budget - total))
    return drawn, given, with_count(model, whole)


def levels(cell: Band, left: float, steps: int) -> tuple[Floats, Floats]:
    """Return the least and the most state at the end of each of so many steps, with ``left`` left before the first."""
    places = np.clip(left - 1.0 - np.arange(steps), 0.0, cell.least.last).astype(np.int64)
    return cell.least.array[places], cell.most.array[places]
