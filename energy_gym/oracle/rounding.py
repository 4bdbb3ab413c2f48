"""Discrete plans where no exact method is at hand: the continuous optimum rounded to levels, then improved.

One rule: what a plan is worth is what the environment's own step says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.backends import arrays
from energy_gym.dynamics import STATES, Course, play, total
from energy_gym.oracle.milp import play_unit
from energy_gym.oracle.statement import Goal
from energy_gym.units import Unit

SWEEPS = 2
MOST_STEPS = 400
MOST_TRIES = 512
Places = npt.NDArray[np.int64]


def fixed_return(unit: Unit, states: Sequence[float], goal: Goal) -> float:
    """Return what a unit without decisions earns [reward units]."""
    return play_unit(unit, states, goal, np.zeros((len(unit), 0)))


def returns(
    unit: Unit, states: Sequence[float], goal: Goal, plans: Floats, signals: Sequence[Any] | None = None
) -> Floats:
    """Return what plans earn, shape (plans,), for shares of rated power of shape (plans, T, controls).

    ``signals`` are the unit's own, where they have been laid out before.
    """
    course = Course([unit], [goal.closing], goal.weights)
    now = [np.full(len(plans), state) for state in states]
    wishes = [tuple(wish) for wish in plans.transpose(1, 2, 0)]
    return np.broadcast_to(
        total(play(course, now, wishes, unit.signals() if signals is None else signals, arrays)), (len(plans),)
    )


def improved(unit: Unit, states: Sequence[float], goal: Goal, levels: tuple[float, ...], wishes: Floats) -> Floats:
    """Return a plan of levels, shape (T, controls): the nearest ones that follow the plan's states, then better ones.

    Rounding carries what it leaves out over to the next step. Then, for short windows, every step in turn tries every
    level, and keeps the best.
    """
    grid = np.array(levels)
    plan = np.stack([_followed(column, grid) for column in wishes.T], axis=1)
    plan = max((plan, np.zeros_like(plan)), key=lambda one: play_unit(unit, states, goal, one))
    game = Game(Course([unit], [goal.closing], goal.weights), unit.signals(), grid)
    for _ in range(SWEEPS if len(unit) <= MOST_STEPS else 0):
        before, plan = plan, game.swept(plan, tuple(states))
        if np.array_equal(before, plan):
            break
    return plan


class Tried(NamedTuple):
    """What plans come to that try a level at a place each, of shape (places, levels) and more.

    Args:
        states: States after the step of the place, shape (places, levels, states).
        earned: What is earned up to there [reward units].
        total: What is earned in all [reward units].
    """

    states: Floats
    earned: Floats
    total: Floats


class Game(NamedTuple):
    """Levels tried in turn at every step and control of a window.

    A place is a step and a control, counted step by step. Many are tried in one play, each against the plan as it
    stands; a place whose plan changes what comes after makes those behind it be tried anew.

    Args:
        course: What is played.
        signals: What each step is told.
        grid: The levels, ascending.
    """

    course: Course
    signals: Sequence[Any]
    grid: Floats

    def swept(self, plan: Floats, states: tuple[Any, ...]) -> Floats:
        """Return a plan, shape (T, controls), in which each place in turn took its best level; of equals the lowest."""
        plan, now, place = plan.copy(), (states, 0.0), 0
        while place < plan.size:
            places = np.arange(place, min(place + max(MOST_TRIES // len(self.grid), 1), plan.size))
            tried = self._tried(plan, places, *now)
            now, place = self._taken(plan, places, tried, now)
        return plan

    def _taken(self, plan: Floats, places: Places, tried: Tried, now: Any) -> tuple[Any, int]:
        """Write best levels into a plan as far as they hold; return states and earnings there, and the next place."""
        for row, best in enumerate(tried.total.argmax(axis=1).tolist()):
            step, control = divmod(int(places[row]), plan.shape[1])
            before, plan[step, control] = plan[step, control], self.grid[best]
            last = control == plan.shape[1] - 1
            if last:
                now = tuple(tried.states[row, best].tolist()), float(tried.earned[row, best])
            if before != self.grid[best] and not (last and self._alike(tried, row, best, before)):
                return now, int(places[row]) + 1
        return now, int(places[-1]) + 1

    def _alike(self, tried: Tried, row: int, best: int, before: float) -> bool:
        """Return whether a level leaves all as the one before it did, as where both are cut to the same power."""
        (own,) = np.flatnonzero(self.grid == before)[:1].tolist() or [None]
        if own is None:
            return False
        same = np.array_equal(tried.states[row, best], tried.states[row, own])
        return same and bool(tried.earned[row, best] == tried.earned[row, own])

    def _tried(self, plan: Floats, places: Places, states: tuple[Any, ...], earned: float) -> Tried:
        """Play a plan from the step of the first place on, with every level at every place."""
        steps, controls = np.divmod(np.repeat(places, len(self.grid)), plan.shape[1])
        first, count = int(steps[0]), len(steps)
        wishes = np.repeat(plan[first:, :, None], count, axis=2)
        wishes[steps - first, controls, np.arange(count)] = np.tile(self.grid, len(places))
        begun = [np.full(count, state) for state in states]
        after, by_then, total = np.empty((count, len(states))), np.empty(count), np.full(count, earned)
        moves = play(self.course, begun, [tuple(wish) for wish in wishes], self.signals[first:], arrays)
        for step, move in enumerate(moves, start=first):
            total = total + move.gain
            own = steps == step
            by_then[own] = total[own]
            for number, state in enumerate(move.flow[STATES]):
                after[own, number] = np.broadcast_to(state, count)[own]
        shape = (len(places), len(self.grid))
        return Tried(after.reshape(*shape, -1), by_then.reshape(shape), total.reshape(shape))


def _followed(column: Floats, grid: Floats) -> Floats:
    """Round to the nearest level, carrying the difference over."""
    carried, followed = 0.0, np.empty(len(column))
    for step, wish in enumerate(column.tolist()):
        followed[step] = grid[int(np.argmin(np.abs(grid - (wish + carried))))]
        carried = min(max(wish + carried - followed[step], -1.0), 1.0)
    return followed
