"""What scores of several tasks and seeds amount to, and how sure that is.

One rule: every task weighs the same, however many seeds it was played with; only seeds are drawn again, never tasks.
The figures and the stratified bootstrap are those of Agarwal et al., "Deep Reinforcement Learning at the Edge of the
Statistical Precipice", NeurIPS 2021 (https://arxiv.org/abs/2108.13264), section 4.

Scores are a mapping from a task to the scores of its seeds, shape (seeds,); the numbers of seeds may differ. A task
with a score that is NaN (nothing could be earned) is left out of every figure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energy_gym.errors import ConfigurationError

Floats = npt.NDArray[np.float64]
Scores = Mapping[str, Sequence[float] | Floats]
# Scores of shape (..., tasks, seeds) to a figure of shape (...,).
Statistic = Callable[[Floats], Floats]
RESAMPLES = 2000
LEVEL = 0.95
TRIMMED = 0.25


@dataclass(frozen=True)
class Estimate:
    """A figure with its percentile interval; the interval has no width where every task has one seed."""

    value: float
    low: float
    high: float


def counted(scores: Scores) -> dict[str, Floats]:
    """Return the tasks that count: those with scores, none of them NaN.

    Example:
        >>> list(counted({"a": [0.5], "b": [float("nan")], "c": []}))
        ['a']
    """
    arrays = {task: np.asarray(values, dtype=np.float64) for task, values in scores.items()}
    return {task: values for task, values in arrays.items() if values.size and not np.isnan(values).any()}


def mean(scores: Floats) -> Floats:
    """Return the mean over tasks and seeds, shape (..., tasks, seeds) to (...,).

    Example:
        >>> float(mean(np.array([[0.2, 0.4], [0.6, 0.8]])))
        0.5
    """
    return scores.mean(axis=(-2, -1))


def interquartile_mean(scores: Floats) -> Floats:
    """Return the mean of the middle half of all tasks x seeds, shape (..., tasks, seeds) to (...,).

    Example:
        >>> float(interquartile_mean(np.array([[-9.0, 0.25], [0.75, 1.0]])))
        0.5
    """
    from scipy.stats import trim_mean

    pooled = scores.reshape(*scores.shape[:-2], -1)
    return np.asarray(trim_mean(pooled, TRIMMED, axis=-1))


def optimality_gap(scores: Floats) -> Floats:
    """Return by how much the scores fall short of 1 on average, shape (..., tasks, seeds) to (...,).

    Example:
        >>> float(optimality_gap(np.array([[0.5, 1.0], [1.0, 0.5]])))
        0.25
    """
    return np.maximum(0.0, 1.0 - scores).mean(axis=(-2, -1))


def estimate(
    statistic: Statistic, scores: Scores, *, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL
) -> Estimate:
    """Return a figure and its interval: seeds are drawn again with replacement within each task.

    Args:
        statistic: Such as `mean`, `interquartile_mean`, `optimality_gap`.
        scores: Scores of the seeds by task.
        seed: Seed of the draws.
        resamples: How often to draw.
        level: Share of the draws that the interval holds.

    Returns:
        The figure; NaN where no task counts.

    Raises:
        ConfigurationError: No resamples, or a level outside (0, 1).

    Example:
        >>> found = estimate(mean, {"a": [0.1, 0.3], "b": [0.5]})
        >>> found.value, found.low, found.high
        (0.35, 0.3, 0.4)
    """
    _check(resamples, level)
    tasks = list(counted(scores).values())
    if not tasks:
        return Estimate(math.nan, math.nan, math.nan)
    draws = statistic(_drawn(tasks, resamples, np.random.default_rng(seed)))
    return _estimate(statistic(_balanced(tasks)), draws, level)


def probability_of_improvement(
    x: Scores, y: Scores, *, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL
) -> Estimate:
    """Return how likely a run of X beats a run of Y on a task drawn at random; a tie counts half.

    Args:
        x: Scores of X's seeds by task.
        y: Scores of Y's; only tasks that count for both are compared.
        seed: Seed of the draws.
        resamples: How often to draw.
        level: Share of the draws that the interval holds.

    Raises:
        ConfigurationError: No resamples, or a level outside (0, 1).

    Example:
        >>> probability_of_improvement({"a": [0.9], "b": [0.4]}, {"a": [0.1], "b": [0.4]}).value
        0.75
    """
    _check(resamples, level)
    left, right = counted(x), counted(y)
    shared = [task for task in left if task in right]
    if not shared:
        return Estimate(math.nan, math.nan, math.nan)
    rng = np.random.default_rng(seed)
    value = np.asarray(np.mean([_wins(left[task], right[task]) for task in shared]))
    draws = [_wins(_seeds(left[task], resamples, rng), _seeds(right[task], resamples, rng)) for task in shared]
    return _estimate(value, np.mean(draws, axis=0), level)


def _check(resamples: int, level: float) -> None:
    if resamples < 1:
        raise ConfigurationError(f"resamples={resamples}", "must be at least 1", "leave the default")
    if not 0.0 < level < 1.0:
        raise ConfigurationError(f"level={level}", "must lie between 0 and 1", "write 0.95 for 95 %")


def _estimate(value: Floats, draws: Floats, level: float) -> Estimate:
    low, high = np.quantile(draws, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Estimate(float(value), float(low), float(high))


def _seeds(values: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Draw the seeds of a task again, shape (resamples, seeds)."""
    return values[rng.integers(values.size, size=(resamples, values.size))]


def _drawn(tasks: list[Floats], resamples: int, rng: np.random.Generator) -> Floats:
    width = math.lcm(*(values.size for values in tasks))
    repeated = [np.repeat(_seeds(values, resamples, rng), width // values.size, axis=1) for values in tasks]
    return np.stack(repeated, axis=1)


def _balanced(tasks: list[Floats]) -> Floats:
    """Return scores of shape (tasks, seeds), those of tasks with fewer seeds repeated, so that each task weighs one."""
    width = math.lcm(*(values.size for values in tasks))
    return np.stack([np.repeat(values, width // values.size) for values in tasks])


def _wins(x: Floats, y: Floats) -> Floats:
    """Return the share of pairs in which x beats y, ties half, shapes (..., seeds) to (...,)."""
    differences = x[..., :, None] - y[..., None, :]
    return ((np.sign(differences) + 1.0) / 2.0).mean(axis=(-2, -1))
