"""Discrete plans where no exact method is at hand: the continuous optimum rounded to levels, then improved.

One rule: what a plan is worth is what the environment's own step says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import arrays
from energy_gym.dynamics import Course, play, total
from energy_gym.oracle.milp import play_unit
from energy_gym.oracle.statement import Goal
from energy_gym.units import Unit

SWEEPS = 2
MOST_STEPS = 400


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
    for _ in range(SWEEPS if len(unit) <= MOST_STEPS else 0):
        for step, control in np.ndindex(*plan.shape):
            tries = np.repeat(plan[None], len(grid), axis=0)
            tries[:, step, control] = grid
            plan = tries[int(np.argmax(returns(unit, states, goal, tries)))]
    return plan


def _followed(column: Floats, grid: Floats) -> Floats:
    """Round to the nearest level, carrying the difference over."""
    carried, followed = 0.0, np.empty(len(column))
    for step, wish in enumerate(column.tolist()):
        followed[step] = grid[int(np.argmin(np.abs(grid - (wish + carried))))]
        carried = min(max(wish + carried - followed[step], -1.0), 1.0)
    return followed
