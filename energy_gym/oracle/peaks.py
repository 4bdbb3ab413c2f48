"""Discrete levels under demand charges: the best plan below caps on demand, and a search for the caps.

With a cap on each running maximum, a step may do what keeps below it, and what remains is one storage without maxima,
whose value `tables` bounds for many caps at once.

Lower caps cost less and leave less to earn. So among the caps of a box nothing earns more than the best plan below its
highest caps, charged for its lowest; boxes whose bound is highest are split until plan and bound are close.

One rule: a bound is only ever that of all boxes that are left, and a plan is worth what it earns when it is played.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.oracle.levels import best_levels
from energy_gym.oracle.statement import Goal, most_kwh
from energy_gym.oracle.storage_steps import StorageSteps
from energy_gym.oracle.tables import TOLERANCE_KWH, Capped, Tables
from energy_gym.units import Unit

GAP, LEAST_GAP = 1e-3, 1e-7
BATCH, MOST_BATCHES, MOST_WORK = 32, 150, 1_500_000_000
TRIED, ROUNDS = 12, 2
MOST_LABELS = 1500
PROBED, HALVED = 5, 9
Places = npt.NDArray[np.int64]


class Maxima(NamedTuple):
    """All running maxima of a window: one for each register and billing period.

    Args:
        rates: What a kW more costs, shape (N,) [reward units/kW].
        starts: Where they stand, shape (N,) [kW].
        places: Which of them a step counts for, shape (K, T); -1 for none.
    """

    rates: Floats
    starts: Floats
    places: Places

    def caps_kwh(self, caps: Floats, hours: float) -> Floats:
        """Return the most energy that may come in by step so as to keep below caps [kW]: (M, N) gives (M, T)."""
        known = np.concatenate([caps, np.full((len(caps), 1), np.inf)], axis=1)
        return np.asarray(known[:, self.places].min(axis=1) * hours + TOLERANCE_KWH)

    def reached(self, net_kw: Floats) -> Floats:
        """Return the maxima after drawing power, shape (T,), for all steps; shape (N,) [kW]."""
        found = np.append(self.starts, 0.0)
        for places in self.places:
            np.maximum.at(found, places, np.where(places >= 0, net_kw, 0.0))
        return found[:-1]

    def charge(self, peaks: Floats) -> Floats:
        """Return what maxima cost, from where they stand [reward units]: (..., N) gives (...)."""
        return np.asarray(np.maximum(peaks - self.starts, 0.0) @ self.rates)


def maxima_of(unit: Unit, peaks: Sequence[float], money: float) -> Maxima:
    """Return the running maxima of a unit that stand at ``peaks`` [kW], where a unit of money counts ``money``."""
    rates: list[float] = []
    starts: list[float] = []
    places: list[Places] = []
    for rate, peak, active, fresh in zip(unit.rates.tolist(), peaks, unit.active, unit.fresh, strict=True):
        period = np.cumsum(fresh > 0.0)
        used = np.unique(period[active > 0.0])
        if rate * money > 0.0 and len(used):
            places.append(np.where(active > 0.0, len(rates) + np.searchsorted(used, period), -1))
            rates += [rate * money] * len(used)
            starts += [peak if number == 0 else 0.0 for number in used.tolist()]
    return Maxima(np.array(rates), np.array(starts), np.array(places, dtype=np.int64).reshape(-1, len(unit)))


def charges_demand(unit: Unit, money: float) -> bool:
    """Return whether any demand is charged for in a unit's window, where a unit of money counts ``money``."""
    return bool(money and (unit.rates[:, None] * unit.active).any())


class Boxes(NamedTuple):
    """Boxes of caps [kW]: lowest and highest, shape (M, N), and bounds on what is earned before charges and in all."""

    low: Floats
    high: Floats
    earned: Floats
    bound: Floats

    def picked(self, which: npt.NDArray[np.generic]) -> Boxes:
        """Return some of the boxes."""
        return Boxes(*(part[which] for part in self))

    def joined(self, other: Boxes) -> Boxes:
        """Return these and others."""
        return Boxes(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


def best_under_charges(
    unit: Unit, states: Sequence[float], goal: Goal, levels: tuple[float, ...], known: Known, end: float | None
) -> tuple[Floats, float]:
    """Return the best plan of levels found, shape (T,), and a bound on any.

    Args:
        unit: The unit over the window: one controlled entity of a known kind, with running maxima.
        states: States now.
        goal: What is maximised.
        levels: Shares of rated power, ascending.
        known: A plan of levels, and a bound on any plan.
        end: The moment at which to end at the latest.
    """
    try:
        search = Search(unit, states, goal, levels, [known.plan], end)
    except TimeoutError:
        return known.plan, known.bound
    gap = max(GAP * (known.bound - search.value), LEAST_GAP * max(1.0, abs(search.value)))
    try:
        bound = search.run(gap, end)
    except TimeoutError:
        return search.plan, known.bound
    return search.plan, min(bound, known.bound)


class Known(NamedTuple):
    """A plan, shape (T,), and a bound on any."""

    plan: Floats
    bound: float


class Search:
    """A search for the caps under which a plan of levels earns most.

    Args:
        unit: The unit over the window: one controlled entity of a known kind, with running maxima.
        states: States now.
        goal: What is maximised.
        levels: Shares of rated power, ascending.
        plans: Plans that are known already, each of shape (T,).
        end: The moment at which to end at the latest.

    Raises:
        TimeoutError: The moment has come.
    """

    def __init__(
        self,
        unit: Unit,
        states: Sequence[float],
        goal: Goal,
        levels: tuple[float, ...],
        plans: Sequence[Floats] = (),
        end: float | None = None,
    ) -> None:
        self.maxima, self._hours = maxima_of(unit, states[1 : 1 + unit.registers], goal.weights.money), unit.hours
        self._tables = Tables(StorageSteps.of(unit, states, goal), np.array(levels), end)
        self._most = self.maxima.reached(most_kwh(unit)[0] / unit.hours)
        self.plan, self.value, self._settled = np.zeros(len(unit)), -np.inf, -np.inf
        for plan in (self.plan, *plans):
            self._keep(plan)

    def run(self, gap: float, end: float | None) -> float:
        """Search until plan and bound are within a gap [reward units]; return the bound.

        With no moment given at which to end at the latest, so many boxes are looked at as to take seconds: then the
        answer is the same on every machine.
        """
        boxes = self._bounded(self._least(), self._most[None])
        batches = min(MOST_WORK // (BATCH * self._tables.ways.net.size), MOST_BATCHES)
        for batch in itertools.count():
            over = batch >= batches if end is None else time.perf_counter() >= end
            if over or boxes.bound.max(initial=-np.inf) <= self.value + gap:
                break
            boxes = boxes.picked(np.argsort(-boxes.bound))
            narrow = (self.maxima.rates * (boxes.high - boxes.low)).sum(axis=1) <= gap / 2.0
            if narrow[0]:
                self._settle(boxes.picked(np.arange(1)))
                boxes = boxes.picked(np.arange(1, len(narrow)))
                continue
            first = np.flatnonzero(~narrow)[:BATCH]
            boxes = boxes.picked(np.delete(np.arange(len(narrow)), first)).joined(self._split(boxes.picked(first)))
            self._try(boxes)
            if batch % PROBED == PROBED - 1 and len(boxes.bound):
                self._probe(boxes.high[int(np.argmax(boxes.bound))])
            boxes = boxes.picked(boxes.bound > self.value)
        return max(self.value, self._settled, float(boxes.bound.max(initial=-np.inf)))

    def _probe(self, caps: Floats) -> None:
        """Look for a plan just above promising caps: as much above as one needs that can really be played."""
        levels, problem = self._tables.levels, self._tables.problem
        wide = self.maxima.charge(self._most) / self.maxima.rates.sum()
        above, step = wide, wide / 2.0
        for _ in range(HALVED):
            limits = self.maxima.caps_kwh((caps + above - step)[None], self._hours)[0]
            above -= step if Capped(problem, limits).feasible(levels) else 0.0
            step /= 2.0
        limits = self.maxima.caps_kwh((caps + above)[None], self._hours)[0]
        chosen, _ = best_levels(Capped(problem, limits), tuple(levels.tolist()), max_labels=MOST_LABELS)
        if chosen:
            self._keep(levels[chosen])

    def _settle(self, box: Boxes) -> None:
        """Solve for a box so narrow that the grid no longer tells what can be done in it."""
        caps = self.maxima.caps_kwh(box.high, self._hours)[0]
        problem, levels = Capped(self._tables.problem, caps), self._tables.levels
        chosen, earned = best_levels(problem, tuple(levels.tolist()), max_labels=MOST_LABELS)
        if chosen:
            self._keep(levels[chosen])
        bound = min(earned, float(box.earned[0])) - float(self.maxima.charge(box.low[0]))
        self._settled = max(self._settled, bound)

    def _least(self) -> Floats:
        """Return caps below which no plan keeps, each by itself and the others open, shape (1, N)."""
        low, high, count = self.maxima.starts.copy(), self._most.copy(), len(self._most)
        for _ in range(ROUNDS):
            shares = np.arange(TRIED) / TRIED
            caps = np.tile(self._most, (count, TRIED, 1))
            each = np.arange(count)
            caps[each, :, each] = low[:, None] + (high - low)[:, None] * shares
            earned = self._tables.bounds(self.maxima.caps_kwh(caps.reshape(-1, count), self._hours))
            failed = (earned == -np.inf).reshape(count, TRIED).sum(axis=1)
            width = (high - low) / TRIED
            low, high = low + width * np.maximum(failed - 1, 0), low + width * np.maximum(failed, 1)
        return low[None]

    def _split(self, boxes: Boxes) -> Boxes:
        """Return both halves of each box along the maximum that leaves most open.

        What a maximum would cost that is further above the lowest than plan and bound are apart rules it out.
        """
        low, rates = boxes.low.copy(), self.maxima.rates
        high = np.minimum(boxes.high, low + (boxes.bound - self.value)[:, None] / rates)
        rows, widest = np.arange(len(boxes.bound)), np.argmax(rates * (high - low), axis=1)
        middle, shrunk = (low[rows, widest] + high[rows, widest]) / 2.0, high.copy()
        low[rows, widest] = high[rows, widest] = middle
        upper = boxes._replace(low=low, high=shrunk, bound=boxes.earned - self.maxima.charge(low))
        return upper.joined(self._bounded(boxes.low, high))

    def _bounded(self, low: Floats, high: Floats) -> Boxes:
        """Return the boxes in which there may be a plan, bounded."""
        earned = self._tables.bounds(self.maxima.caps_kwh(high, self._hours))
        boxes = Boxes(low, high, earned, earned - self.maxima.charge(low))
        return boxes.picked(earned > -np.inf)

    def _try(self, boxes: Boxes) -> None:
        """Look for a plan at the highest caps of the most promising box."""
        if len(boxes.bound):
            promise = boxes.earned - self.maxima.charge(boxes.high)
            caps = self.maxima.caps_kwh(boxes.high[int(np.argmax(promise))][None], self._hours)[0]
            plan = self._tables.plan(caps)
            if plan is not None:
                self._keep(plan)

    def _keep(self, plan: Floats) -> None:
        """Keep a plan if it is the best so far."""
        earned, net = self._tables.played(plan)
        value = earned - float(self.maxima.charge(self.maxima.reached(net / self._hours)))
        if value > self.value:
            self.plan, self.value = plan, value
