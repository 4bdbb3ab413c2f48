"""A population of schedules of one decision unit: what they are worth, how they are changed, and how they are annealed.

One rule: nothing here knows an agent or an environment; all chances come from the generator that is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.oracle.rounding import returns
from energy_gym.oracle.statement import Goal
from energy_gym.units import Unit

Whole = npt.NDArray[np.int64]
# Temperatures of the first and the last round, as shares of the spread of what schedules drawn at random earn.
HOT = 0.05
COLD = 0.0003
# How often a change exchanges two steps, how often it moves energy between two, now and then of two controls, and how
# often any other reaches over several steps.
EXCHANGES = 0.25
TRANSFERS = 0.3
STRAYS = 0.3
SPANS = 0.4
# How often a new value is an extreme one, and how far an old one is moved: by itself, and between two steps.
EXTREMES = 0.6
NUDGE = 0.3
FAR = 0.8


@dataclass(frozen=True)
class UnitWindow:
    """A unit over T steps from given states, ready to be played by any number of schedules at once."""

    unit: Unit
    states: tuple[float, ...]
    goal: Goal
    signals: Sequence[tuple[Any, ...]]

    @classmethod
    def of(cls, unit: Unit, states: Sequence[float], goal: Goal) -> UnitWindow:
        """Lay out a unit's window from given states: what does not depend on the schedules is worked out once."""
        return cls(unit, tuple(states), goal, unit.signals())

    @property
    def shape(self) -> tuple[int, int]:
        """Steps and controls of a schedule."""
        return len(self.signals), self.unit.controls

    def returns(self, plans: Floats) -> Floats:
        """Return what schedules earn, shape (N,), for shares of rated power of shape (N, T, controls)."""
        return returns(self.unit, self.states, self.goal, plans, self.signals)


@dataclass(frozen=True)
class Changes:
    """Random changes of schedules.

    Args:
        random: Where all draws come from.
        levels: Shares of rated power that may be chosen; None for any.
    """

    random: np.random.Generator
    levels: Floats | None

    def fresh(self, shape: tuple[int, ...]) -> Floats:
        """Draw shares of rated power: one of the levels; without levels, as a rule, full, nothing or its negative."""
        if self.levels is not None:
            return self.levels[self.random.integers(len(self.levels), size=shape)]
        extreme = self.random.integers(-1, 2, size=shape).astype(np.float64)
        return np.where(self.random.random(shape) < EXTREMES, extreme, self.random.uniform(-1.0, 1.0, shape))

    def of(self, plans: Floats) -> Floats:
        """Return schedules, shape (N, T, controls), each with one change.

        A run of steps of one control, often of one step, has a new value or a moved one; or two steps of a control
        exchange their values; or one step draws more and another, as a rule of the same control, gives more.
        """
        count, steps, controls = plans.shape
        rows, control = np.arange(count), self.random.integers(controls, size=(count,))
        at, other = (self.random.integers(steps, size=(count,)) for _ in range(2))
        kind: Floats = self.random.random(size=(count,))
        changed = plans.copy()
        changed[rows, :, control] = self._over_runs(plans[rows, :, control], at)
        pairs = rows[kind < EXCHANGES + TRANSFERS]
        changed[pairs] = plans[pairs]
        self._exchange(changed, rows[kind < EXCHANGES], at, other, control)
        self._transfer(changed, pairs[kind[pairs] >= EXCHANGES], at, other, control)
        return changed

    def _exchange(self, plans: Floats, rows: Whole, at: Whole, other: Whole, control: Whole) -> None:
        one, two = (rows, at[rows], control[rows]), (rows, other[rows], control[rows])
        plans[one], plans[two] = plans[two], plans[one]

    def _transfer(self, plans: Floats, rows: Whole, at: Whole, other: Whole, control: Whole) -> None:
        by, second = FAR * self.random.standard_normal(len(rows)), control[rows]
        strays = self.random.random(len(rows)) < STRAYS
        second = np.where(strays, self.random.integers(plans.shape[2], size=len(rows)), second)
        for cell, more in (((rows, at[rows], control[rows]), by), ((rows, other[rows], second), -by)):
            plans[cell] = self._moved(plans[cell], more)

    def _over_runs(self, old: Floats, at: Whole) -> Floats:
        """Return one control's values, shape (N, T), with a run of steps from ``at`` on set anew or moved."""
        count, steps = old.shape
        length = np.where(self.random.random(count) < SPANS, self.random.integers(1, steps // 3 + 2, size=count), 1)
        place = np.arange(steps) - at[:, None]
        moved = self._moved(old, NUDGE * self.random.standard_normal((count, 1)))
        value = np.where(self.random.random((count, 1)) < 0.5, self.fresh((count, 1)), moved)
        return np.where((place >= 0) & (place < length[:, None]), value, old)

    def _moved(self, old: Floats, by: Floats) -> Floats:
        if self.levels is None:
            return np.clip(old + by, -1.0, 1.0)
        nearest = np.abs(old[..., None] - self.levels).argmin(axis=-1) + np.sign(by).astype(int)
        return self.levels[np.clip(nearest, 0, len(self.levels) - 1)]


def annealed(
    window: UnitWindow, changes: Changes, starts: Sequence[Floats], chains: int, spent: Callable[[int], float]
) -> Floats:
    """Return the best schedule found, shape (T, controls): never worse than those it started from.

    Args:
        window: What the schedules are played on.
        changes: How they are changed.
        starts: Schedules to start from, each of shape (T, controls).
        chains: Schedules in the population.
        spent: From the rounds done to the part of the budget that is spent; at 1 it ends.
    """
    random = changes.random
    plans = np.stack([starts[chain % len(starts)] for chain in range(chains)])
    worth = window.returns(plans)
    best, record = plans[worth.argmax()], worth.max()
    spread = max(float(window.returns(changes.fresh(plans.shape)).std()), np.finfo(float).tiny)
    done, before = 0, np.inf
    while (part := spent(done)) < 1.0:
        heat = spread * HOT * (COLD / HOT) ** part
        drawn = resampled(worth, 1.0 / heat - 1.0 / before, random)
        plans, worth = plans[drawn], worth[drawn]
        tried = changes.of(plans)
        earned = window.returns(tried)
        taken = earned - worth > heat * np.log(1.0 - random.random(chains))
        plans[taken], worth[taken] = tried[taken], earned[taken]
        if worth.max() > record:
            best, record = plans[worth.argmax()].copy(), worth.max()
        done, before = done + 1, heat
    return np.asarray(best)


def resampled(worth: Floats, colder: float, random: np.random.Generator) -> Whole:
    """Draw members of a population as often as it has, by the Boltzmann weights of a fall in temperature.

    The draws are systematic: a member is drawn as often as its weight says, rounded up or down.

    Args:
        worth: What each member earns, shape (N,).
        colder: Rise of the inverse temperature.
        random: Where the draw comes from.

    Example:
        >>> drawn = resampled(np.array([0.0, 5.0, 0.0, 5.0]), 10.0, np.random.default_rng(0))
        >>> drawn.tolist()
        [1, 1, 3, 3]
    """
    weights = np.cumsum(np.exp((worth - worth.max()) * colder))
    places = (np.arange(len(worth)) + random.random()) / len(worth) * weights[-1]
    return np.searchsorted(weights, places, side="right").clip(max=len(worth) - 1)
