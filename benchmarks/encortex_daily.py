"""The arbitrage problem as the EnCortex paper poses it: one exact plan a day, all or nothing, nothing owed at the end.

Every hour the battery gives 3.33 kWh out (u = +1), takes them in (u = -1) or rests (u = 0), never a part of it. So the
state of charge can only be 0.5 plus whole multiples of 0.333, and the plan of a day is found by dynamic programming
over those levels, for all days and starting levels at once.

One rule: every plan that is equally good for the forecast is followed, since their scores on the actual series differ;
because the day ends where the plan ends, that is a second dynamic program, over the days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats

CAPACITY_KWH = 10.0
POWER_KW = 3.33
SOC_MIN, SOC_MAX, SOC_START = 0.1, 1.0, 0.5
HOURS = 24
DAYS = 364
FLOWS = (-1, 0, 1)
"""Charge, rest, discharge: between equally good flows the first counts, which is what ``Outcome.value`` follows."""
TIE = 1e-9
BELOW = int((SOC_START - SOC_MIN) * CAPACITY_KWH / POWER_KW)
ABOVE = int((SOC_MAX - SOC_START) * CAPACITY_KWH / POWER_KW)
LEVELS = BELOW + 1 + ABOVE


@dataclass(frozen=True)
class Outcome:
    """Score of all days' plans: with the first flow among equals, and the range over all equally good plans."""

    value: float
    low: float
    high: float


def scaled(days: Floats) -> Floats:
    """Scale each day, shape (days, hours), to [-1, 1] between its lowest and highest value; a constant day is 0."""
    low, high = days.min(axis=1, keepdims=True), days.max(axis=1, keepdims=True)
    width = high - low
    return np.where(width > 0.0, 2.0 * (days - low) / np.where(width > 0.0, width, 1.0) - 1.0, 0.0)


def outcomes(gain: Floats, series: Sequence[Floats], tie: float = TIE) -> list[Outcome]:
    """Plan every day for ``gain`` and score the plans on each series.

    Args:
        gain: What the plan takes a unit of flow to be worth, by day and hour, shape (days, hours).
        series: Actual values [EUR/MWh or gCO2/kWh], each of shape (days, hours).
        tie: Plans whose worth differs by less at a step count as equally good.

    Returns:
        One outcome a series [EUR or kg].
    """
    best = _best(gain, tie)
    return [_scored(best, POWER_KW * actual / 1000.0) for actual in series]


def _best(gain: Floats, tie: float) -> npt.NDArray[np.bool_]:
    """Return which flows are part of an optimal plan, by day, hour, flow and level, shape (days, hours, 3, LEVELS)."""
    days, hours = gain.shape
    to_go = np.zeros((days, LEVELS))
    best = np.zeros((days, hours, len(FLOWS), LEVELS), dtype=bool)
    for hour in reversed(range(hours)):
        worth = np.stack([flow * gain[:, hour, None] + _after(to_go, flow) for flow in FLOWS], axis=1)
        to_go = worth.max(axis=1)
        best[:, hour] = worth >= to_go[:, None, :] - tie
    return best


def _after(to_go: Floats, flow: int) -> Floats:
    """Return what is still to come at the level that a flow leads to; minus infinity where there is no such level."""
    reached = np.full_like(to_go, -np.inf)
    for level in range(LEVELS):
        if 0 <= level - flow < LEVELS:
            reached[:, level] = to_go[:, level - flow]
    return reached


def _scored(best: npt.NDArray[np.bool_], income: Floats) -> Outcome:
    """Score the plans on the actual series; ``income`` is that of a unit of flow, by day and hour."""
    lowest = _chained(_least(best, income))
    highest = -_chained(_least(best, -income))
    return Outcome(_first_of_equals(best, income), lowest, highest)


def _least(best: npt.NDArray[np.bool_], income: Floats) -> Floats:
    """Return the lowest income of an optimal plan by day, first and last level, shape (days, LEVELS, LEVELS)."""
    days, hours = income.shape
    least = np.full((days, LEVELS, LEVELS), np.inf)
    least[:, range(LEVELS), range(LEVELS)] = 0.0
    for hour in range(hours):
        reached = np.full_like(least, np.inf)
        for place, flow in enumerate(FLOWS):
            earned = least + flow * income[:, hour, None, None]
            allowed = np.where(best[:, hour, place, None, :], earned, np.inf)
            for level in range(max(flow, 0), LEVELS + min(flow, 0)):
                np.minimum(reached[:, :, level - flow], allowed[:, :, level], out=reached[:, :, level - flow])
        least = reached
    return least


def _chained(least: Floats) -> float:
    """Return the lowest sum over the days, each day starting at the level where the day before ended."""
    total = np.full(LEVELS, np.inf)
    total[BELOW] = 0.0
    for day in least:
        total = (total[:, None] + day).min(axis=0)
    return float(total.min())


def _first_of_equals(best: npt.NDArray[np.bool_], income: Floats) -> float:
    """Follow the first flow among equally good ones."""
    chosen = best.argmax(axis=2)
    level, total = BELOW, 0.0
    for day in range(len(income)):
        for hour in range(income.shape[1]):
            flow = FLOWS[chosen[day, hour, level]]
            total += flow * income[day, hour]
            level -= flow
    return float(total)
