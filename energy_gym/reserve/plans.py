"""Discrete actions of a fleet: one number names a plan of bids in one direction.

One rule: what a number means depends on the fleet and the number of levels alone, never on the step.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import scalars
from energy_gym.dynamics import STATES, compose
from energy_gym.errors import ConfigurationError
from energy_gym.oracle.rounding import MOST_STEPS, SWEEPS, returns
from energy_gym.oracle.statement import Goal
from energy_gym.reserve.laws import DOWN, UP

if TYPE_CHECKING:
    from energy_gym.reserve.unit import FleetUnit

MOST_PLANS = 4096
# What a plan must earn more than another to be better: above rounding.
BETTER = 1e-9


def plans_of(unit: FleetUnit, levels: Sequence[float]) -> Floats:
    """Return the plans that numbers name, as bids of shape (plans, controls): the first is nothing.

    An asset serves one direction in a step, so a plan bids in one: upward plans come first, then downward ones. Each
    takes one of the levels of at least 0 for every market of its direction, those of the last market running fastest;
    what is held both ways belongs to either direction.
    Where an action bids for each asset by itself, all assets bid alike.

    Args:
        unit: The fleet.
        levels: Levels of a bid in [-1, 1], as `energy_gym.envs.keywords.action_levels` gives them.

    Raises:
        ConfigurationError: They are too many.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/FleetReserve-v1").unwrapped
        >>> plans = plans_of(env.setup.unit, (-1.0, 0.0, 1.0))
        >>> plans.shape, plans[3].tolist()
        ((15, 5), [0.0, 0.0, 1.0, 0.0, -1.0])
    """
    shares = [level for level in levels if level >= 0.0]
    sides = [
        [leg for leg, own in zip(unit.legs, unit.ways, strict=True) if own == way or leg.beside] for way in (UP, DOWN)
    ]
    counts = [len(legs) for legs in sides]
    found = sum(len(shares) ** count for count in counts) - len(shares) ** len(unit.parts.beside)
    if found > MOST_PLANS:
        value = f"actions='discrete-{len(levels)}' for {counts[0]} markets upward and {counts[1]} downward"
        rule = f"make {found} plans, and one number chooses among {MOST_PLANS} at most"
        raise ConfigurationError(value, rule, "take fewer levels or markets, or continuous actions")
    rows = [np.zeros(unit.controls)]
    for side, legs in enumerate(sides):
        own = [not leg.beside or side == 0 for leg in legs]
        for chosen in product(shares, repeat=len(legs)):
            # What is held both ways alone is named once.
            if any(share for share, belongs in zip(chosen, own, strict=True) if belongs):
                bids = zip(legs, chosen, strict=True)
                rows.append(_bids(unit, [(leg.control, leg.sign * share) for leg, share in bids]))
    return np.array(rows)


def _bids(unit: FleetUnit, shares: Sequence[tuple[int, float]]) -> Floats:
    bids, each = np.zeros(unit.controls), unit.controls // len(unit.markets)
    for market, share in shares:
        bids[market * each : (market + 1) * each] += share
    return bids


def levels_of(unit: FleetUnit, plans: Floats) -> tuple[float, ...]:
    """Return the largest share that each plan bids, below zero where it bids upward: where assets discharge.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/FleetReserve-v1").unwrapped
        >>> levels_of(env.setup.unit, plans_of(env.setup.unit, (-1.0, 0.0, 1.0)))[:3]
        (0.0, -1.0, -1.0)
    """
    each = unit.controls // len(unit.markets)
    upward = {(leg.control, leg.sign) for leg, way in zip(unit.legs, unit.ways, strict=True) if way == UP}

    def level(bids: Floats) -> float:
        place = int(np.argmax(np.abs(bids)))
        share = float(abs(bids[place]))
        return -share if (place // each, float(np.sign(bids[place]))) in upward else share

    return tuple(level(bids) for bids in plans)


def nearest(unit: FleetUnit, plans: Floats, wishes: Floats) -> Floats:
    """Return for each row of bids, shape (T, controls), the plan that comes nearest to the power they ask for."""
    power = np.array([decision.draw_kwh for decision in unit.decisions])
    missed = np.abs((wishes[:, None, :] - plans) * power).sum(axis=2)
    return np.asarray(plans[np.argmin(missed, axis=1)])


def improved(unit: FleetUnit, states: Sequence[float], goal: Goal, plans: Floats, bids: Floats, end: float) -> Floats:
    """Return bids, shape (T, controls), that earn at least as much: every step in turn tries every plan.

    Args:
        unit: The fleet over a window.
        states: States at its start.
        goal: What is maximised.
        plans: The plans, shape (plans, controls).
        bids: One of them for each step.
        end: When to stop, as `time.perf_counter` tells it; long windows are left as they are.
    """
    best, signals, advance = bids.copy(), unit.signals(), compose([unit], scalars)
    for _ in range(SWEEPS if len(unit) <= MOST_STEPS else 0):
        now, changed = tuple(states), False
        for step in range(len(unit)):
            if time.perf_counter() >= end:
                return best
            tries = np.repeat(best[None, step:], len(plans) + 1, axis=0)
            tries[1:, 0] = plans
            earned = returns(unit, now, goal, tries, signals[step:])
            found = int(np.argmax(earned))
            if earned[found] > earned[0] + BETTER:
                best[step], changed = tries[found, 0], True
            now = advance(now, tuple(best[step].tolist()), signals[step])[STATES]
        if not changed:
            break
    return best
