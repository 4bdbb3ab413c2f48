"""Storage that is held to targets: a least energy at given times, always (hard) or at a price of what is missed (soft).

With e for the energy stored, N(t) for what hard targets ask for at the end of step t (0 where none is due), keep for
what a step leaves of the energy, and gain for what can surely be stored in one,

    band(t) = max(N(t), (band(t + 1) - gain) / keep, 0)            worked back from each target,
    held(t) = min(band(t), keep * held(t - 1) + gain),             held before the first step: what is stored,
    e(t) >= held(t),     missed(t) = sum over targets of max(N(t) - e(t), 0).

The energy held rises with what can surely be stored, so that it can always be kept; it is the band wherever an episode
began early enough for that.

A store that also ends where it began holds no more than it can be brought back from: with most(k) for that, and k steps
left (see `energy_gym.entities.returning`), e(t) >= min(held(t), most(k)); what a target asks for beyond is missed.

One rule: a wish is changed as little as needed; what is known of the targets is the calendar, which is known always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import Namespace
from energy_gym.entities.around import laws_around, level_of
from energy_gym.entities.base import Flexible, Laws, Memory, Reach
from energy_gym.entities.returning import Band, kept_within
from energy_gym.modelling import Model

FIGURES = 2
"""What was missed in a step and what it cost, which no step reads."""
CURRENCY = "currency"


class Aim(NamedTuple):
    """Targets of one store over T steps.

    Args:
        due_kwh: Energy asked for at the end of each step, 0 where none is due, shape (T,).
        price_per_kwh: What a kWh missed costs; None for a hard target.
    """

    due_kwh: Floats
    price_per_kwh: float | None


class Held(NamedTuple):
    """A store that is held to targets.

    Args:
        laws: Its own laws.
        figures: Its own figures.
        reach: How far a step surely moves its state; of soft targets alone, None will do.
        own_signals: How many series its own laws are told; -1 for one that is no tuple.
        hard: Whether there is a hard target, so that energy is held.
        prices: What a kWh missed costs, by soft target.
        returns: Whether the store is brought back to where it began, too.
    """

    laws: Laws
    figures: Any
    reach: Any
    own_signals: int
    hard: bool
    prices: tuple[float, ...]
    returns: bool

    def parted(self, state: tuple[Any, ...]) -> tuple[Any, Any]:
        """Return the store's own state, and the energy held (None without hard targets)."""
        count = len(state) - self.hard - FIGURES
        return (state[0] if count == 1 else state[:count]), (state[count] if self.hard else None)

    def told(self, signal: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        """Return what the store's own laws are told, and what these are: the band and what is due, if any is hard."""
        count = abs(self.own_signals)
        own = signal[0] if self.own_signals < 0 else signal[:count] if count else None
        return own, signal[count:]

    def prices_at(self, signal: Any) -> Floats:
        """Return what a kWh missed costs by step, over all soft targets, shape (T,) [currency/kWh]."""
        return np.sum([rate * (due > 0.0) for due, rate in self.soft(signal)], axis=0)

    def rewired(self, own: Any, actual: Any) -> tuple[Any, ...]:
        """Return signals with others of the store's own, and what these laws are told as it is."""
        own = () if own is None else own if isinstance(own, tuple) else (own,)
        return (*own, *actual[abs(self.own_signals) :])

    def bounds(self, state: tuple[Any, ...], signal: Any, steps: int) -> tuple[Floats, Floats] | None:
        """Return the least and the most state at the end of each step, each of shape (T,); None if more counts."""
        least = self.levels(state, signal) if self.hard else np.zeros(steps)
        if self.laws.owed is None:
            return least, np.full(steps, np.inf)
        inner = self.figures.bounds(self.parted(state)[0], self.told(signal)[0], steps)
        return None if inner is None else (np.maximum(least, inner[0]), inner[1])

    def soft(self, signal: Any) -> list[tuple[Floats, float]]:
        """Return what each soft target asks for at the end of each step, shape (T,), and what a kWh missed costs."""
        return list(zip(self.told(signal)[1][FIGURES * self.hard :], self.prices, strict=True))

    def levels(self, state: tuple[Any, ...], signal: tuple[Any, ...]) -> Floats:
        """Return the energy held at the end of each of the steps that are left, shape (T,)."""
        (own, held), (band, *_) = self.parted(state), self.told(signal)[1]
        least = trajectory(float(held), band, self.reach)
        return np.minimum(least, self.figures.bounds(own, None, len(band))[1]) if self.returns else least


def held(flexible: Flexible, reach: Reach | None, aims: Sequence[Aim]) -> Flexible:
    """Return a store that is held to targets.

    Args:
        flexible: The store by itself.
        reach: How far a step surely moves its state: its own reach, or less of it behind a connection; None where no
            target is hard.
        aims: The targets.

    Example:
        >>> from energy_gym.backends import scalars
        >>> from energy_gym.entities import Battery
        >>> store = Battery(efficiency_charge=1.0, charge_kw=2.0).flexible("battery", 1.0, {})
        >>> full = held(store, store.reach, [Aim(np.array([0.0, 0.0, 9.0]), None)])
        >>> settled = settle((6.0, 6.0, 0.0, 0.0), -1.0, full.cell, scalars, tuple(one[0] for one in full.signal))
        >>> [round(float(part), 6) for part in settled]
        [0.0, 0.95, 4.05]
    """
    firm = [aim.due_kwh for aim in aims if aim.price_per_kwh is None]
    soft = [(aim.price_per_kwh, aim.due_kwh) for aim in aims if aim.price_per_kwh is not None]
    own = flexible.signal
    count = -1 if isinstance(own, np.ndarray) else 0 if own is None else len(own)
    told = () if own is None else own if isinstance(own, tuple) else (own,)
    if firm and reach is not None:
        due = np.max(firm, axis=0)
        told = (*told, band_of(due, reach), due)
    prices = tuple(price for price, _ in soft)
    cell = Held(flexible.laws, flexible.cell, reach, count, bool(firm), prices, returns=isinstance(flexible.cell, Band))
    memory = [Memory("held_kwh", flexible.initial, flexible.span or (0.0, 1.0), held=_as_stored)] if firm else []
    memory += [Memory("missed_kwh", 0.0, (0.0, 1.0), told="kWh"), Memory("missed_cost", 0.0, (0.0, 1.0), told=CURRENCY)]
    aged = None if flexible.laws.age is None else age
    laws = laws_around(flexible, settle, next_state, constrain, owed, fine=fine, age=aged)
    return replace(
        flexible,
        laws=laws,
        cell=cell,
        signal=(*told, *(due for _, due in soft)),
        memory=(*flexible.memory, *memory),
        own=flexible.bare,
    )


def _as_stored(energy: Any) -> Any:
    return energy


def band_of(due_kwh: Floats, reach: Reach) -> Floats:
    """Return the least energy at the end of each step from which every target that is due can be met, shape (T,).

    Example:
        >>> band_of(np.array([0.0, 0.0, 8.0, 0.0]), Reach(1.0, 1.0, 1.0, 3.0, 3.0, 0.0, 9.0)).tolist()
        [2.0, 5.0, 8.0, 0.0]
    """
    gain, least = reach.stored * reach.draw_kwh, 0.0
    band = np.empty(len(due_kwh))
    for step in range(len(due_kwh) - 1, -1, -1):
        least = max(float(due_kwh[step]), least)
        band[step] = least
        least = max((least - gain) / reach.keep, 0.0)
    return band


def trajectory(start: Any, band: Floats, reach: Reach) -> Floats:
    """Return the energy held at the end of each step, from what is held before the first, shape (T,) or (T, n)."""
    gain, found = reach.stored * reach.draw_kwh, []
    for least in band:
        start = np.minimum(start * reach.keep + gain, least)
        found.append(start)
    return np.array(found)


def settle(state: Any, wish: Any, cell: Held, xp: Namespace, signal: Any) -> tuple[Any, Any, Any]:
    """Return what is drawn, given and refused [kWh, all >= 0]: as by itself, but for what keeps the energy held.

    Source:
        The equations at the top of this file.
    """
    (own, held_kwh), (told, mine) = cell.parted(state), cell.told(signal)
    flows = cell.laws.settle(own, wish, cell.figures, xp, told)
    if not cell.hard:
        return flows
    after = level_of(cell.laws.next_state(own, flows[0], flows[1], cell.figures, told))
    return kept_within(flows, xp.positive(_asked(own, held_kwh, mine[0], cell, xp) - after), 0.0, cell.reach, xp)


def owed(state: Any, cell: Held, xp: Namespace, signal: Any) -> tuple[Any, Any]:
    """Return what must be drawn and given whatever is wished [kWh].

    Source:
        As `settle`.
    """
    (own, held_kwh), (told, mine) = cell.parted(state), cell.told(signal)
    drawn, given = (0.0, 0.0) if cell.laws.owed is None else cell.laws.owed(own, cell.figures, xp, told)
    if cell.hard:
        kept = level_of(cell.laws.next_state(own, 0.0, 0.0, cell.figures, told))
        short = xp.positive(_asked(own, held_kwh, mine[0], cell, xp) - kept) / cell.reach.stored
        drawn = drawn + xp.positive(short - drawn)
    return drawn, given


def next_state(state: Any, drawn: Any, given: Any, cell: Held, signal: Any) -> tuple[Any, ...]:
    """Return the state and memory at the end of a step: the energy held then, what was missed, and what that costs.

    Source:
        The equations at the top of this file.
    """
    (own, held_kwh), (told, mine) = cell.parted(state), cell.told(signal)
    after = cell.laws.next_state(own, drawn, given, cell.figures, told)
    energy = level_of(after)
    missed = price = energy * 0.0  # of the shape of a batch, whatever is asked for
    now = after if isinstance(after, tuple) else (after,)
    if cell.hard:
        rising = held_kwh * cell.reach.keep + cell.reach.stored * cell.reach.draw_kwh
        now, missed = (*now, _lesser(rising, mine[0])), _positive(mine[1] - energy)
    for rate, due in zip(cell.prices, mine[FIGURES * cell.hard :], strict=True):
        short = _positive(due - energy)
        missed, price = missed + short, price + rate * short
    return (*now, missed, price)


def fine(before: Any, after: Any, cell: Held) -> Any:
    """Return what was missed costs [currency].

    Source:
        By definition.
    """
    return after[-1]


def age(before: Any, after: Any, cell: Held, xp: Namespace) -> Any:
    """Return what ageing costs on a step [currency].

    Source:
        The store's own.
    """
    own = cell.parted(before)[0], cell.parted(after)[0]
    return cell.laws.age(*own, cell.figures, xp) if cell.laws.age is not None else 0.0


def constrain(model: Model, cell: Held, start: Any, signal: Any) -> tuple[Any, Any, Any, Any]:
    """State the store in a solver's model: its energy is at least what is held, and what soft targets miss costs."""
    (own, _), (told, mine) = cell.parted(start), cell.told(signal)
    drawn, given, state, *tolls = cell.laws.constrain(model, cell.figures, own, told)
    energy = level_of(state)
    spent: Any = tolls[0] if tolls else np.zeros(model.size)
    if cell.hard:
        least = cell.levels(start, signal)
        at = np.flatnonzero(least > 0.0)
        if len(at):
            model.at_most(least[at], energy[at])
    for rate, due in zip(cell.prices, mine[FIGURES * cell.hard :], strict=True):
        if rate > 0.0 and due.any():
            short = model.variable(0.0, due)
            model.at_most(due - energy, short)
            spent = spent + rate * short
    if isinstance(state, tuple):  # all of it is asked for; what is missed is no variable that another law reads
        state = (*state, *(model.variable(0.0, 0.0) for _ in range(len(start) - len(state))))
    return drawn, given, state, spent


def _asked(own: Any, held_kwh: Any, band: Any, cell: Held, xp: Namespace) -> Any:
    """Return the least energy at the end of a step: what is held then, as far as the store may still hold it."""
    least = xp.lesser(held_kwh * cell.reach.keep + cell.reach.stored * cell.reach.draw_kwh, band)
    return xp.lesser(least, xp.looked_up(cell.figures.most, own[-1] - 1.0)) if cell.returns else least


def _positive(value: Any) -> Any:
    """Return the part above 0; laws of states are told no namespace."""
    return (value + abs(value)) * 0.5


def _lesser(value: Any, limit: Any) -> Any:
    return (value + limit - abs(value - limit)) * 0.5
