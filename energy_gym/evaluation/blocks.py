"""Days and weeks of what is left of an episode, and how sure a sum or a mean over them is.

One rule: an interval is that of 95 of 100 cases, by a normal distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from energy_gym.agents.base import Agent
from energy_gym.arrays import Floats
from energy_gym.envs.env import EnergyEnv

ERRORS = 1.96
"""Standard errors on either side of a mean that hold the true one in 95 of 100 cases."""
WEEK, FEWEST = 7, 8


def days_left(env: EnergyEnv) -> tuple[list[str], list[int]]:
    """Return the local days of what is left of an episode (ISO dates), and the step at which each begins in it."""
    feed, (first, stop) = env.setup.feed, env.steps_left
    times = feed.span(feed.first + first, feed.first + stop).tz_convert(feed.zone).tz_localize(None)
    days, marks = np.unique(times.to_numpy().astype("datetime64[D]"), return_index=True)
    return days.astype(str).tolist(), marks.tolist()


def rest_earned(env: EnergyEnv, agent: Agent) -> list[float]:
    """Return what an agent that needs no observation earns in each step of the rest of an episode, which is played."""
    earned, over = list[float](), False
    while not over:
        _, gain, _, over, _ = env.step(agent.act(None, {}))
        earned.append(float(gain))
    return earned


def total_of(daily: Sequence[float]) -> tuple[float, float, float]:
    """Return the sum over days and the ends of its 95 % interval, from the spread of weeks (of less than eight, days).

    Example:
        >>> total_of([1.0, 1.0])
        (2.0, 2.0, 2.0)
    """
    total, blocks = float(sum(daily)), blocks_of(daily)
    error = ERRORS * float(blocks.std(ddof=1)) * math.sqrt(len(blocks)) if len(blocks) > 1 else math.inf
    return total, total - error, total + error


def blocks_of(daily: Sequence[float]) -> Floats:
    """Return sums over weeks, what is left over with the last; over days where there are less than eight weeks."""
    values = np.asarray(daily, dtype=float)
    if len(values) < WEEK * FEWEST:
        return values
    return np.add.reduceat(values, np.arange(0, len(values) - WEEK + 1, WEEK))


def spread(values: Floats) -> tuple[float, float, float]:
    """Return the mean of independent values and the ends of its 95 % interval.

    Example:
        >>> spread(np.array([1.0, 1.0]))
        (1.0, 1.0, 1.0)
    """
    mean = float(values.mean())
    error = ERRORS * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return mean, mean - error, mean + error
