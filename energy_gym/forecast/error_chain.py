"""How far prices miss what was expected of them: a Markov chain over binned errors, with its own matrix for each hour.

One rule: a state is what was known at its step: the bin of the error now, and the bin of a running mean of past errors,
which is the memory that one step alone does not have.

Source:
    Zheng, Jaworski and Xu, Arbitraging variable efficiency energy storage using analytical stochastic dynamic
    programming (arXiv 2108.06000), section III: a chain over the errors of the day-ahead price, by hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.data.price_law import HOURS, LEAST_SAMPLES, Whole, check_rows
from energy_gym.data.validation import check_whole
from energy_gym.errors import ConfigurationError, DataError
from energy_gym.trees import number, sequence


@dataclass(frozen=True)
class Bins:
    """How errors become states.

    Args:
        now: Bins of the error of the step, of equal share.
        tails: Further bins at both ends: shares of the errors that lie within them, such as ``(0.98, 0.995)``.
        slow: Bins of the running mean of past errors, of equal share; 1 for no memory.
        memory_hours: Time over which that mean forgets [h].
        floor: Errors are told as shares of what was expected, or of this share of the mean price where that is less.
        pooled: Hours on either side whose errors count too, each half as much as the one nearer.

    Raises:
        ConfigurationError: A figure out of its range.
    """

    now: int = 16
    tails: tuple[float, ...] = (0.98, 0.995)
    slow: int = 7
    memory_hours: float = 1.0
    floor: float = 0.8
    pooled: int = 1

    def __post_init__(self) -> None:
        for name, least in (("now", 1), ("slow", 1), ("pooled", 0)):
            check_whole(name, getattr(self, name), least)
        if self.pooled >= HOURS:
            raise ConfigurationError(f"pooled={self.pooled}", f"must be less than {HOURS} hours", "pass 1")
        object.__setattr__(
            self, "tails", tuple(number("tails", part, "shares") for part in sequence("tails", self.tails))
        )
        if not all(0.5 < part < 1.0 for part in self.tails):
            raise ConfigurationError(
                f"tails={self.tails}", "must be shares above 0.5 and below 1", "pass (0.98, 0.995)"
            )
        for name in ("memory_hours", "floor"):
            if not number(name, getattr(self, name), "hours" if name == "memory_hours" else "shares") > 0.0:
                raise ConfigurationError(f"{name}={getattr(self, name)}", "must be positive", "pass 1.0")

    @property
    def shares(self) -> Floats:
        """Where the errors are cut, as shares of all."""
        inner = np.linspace(0.0, 1.0, self.now + 1)[1:-1]
        tails = np.asarray(self.tails, dtype=float)
        return np.unique(np.concatenate([inner, tails, 1.0 - tails])) if self.now > 1 else np.zeros(0)


@dataclass(frozen=True)
class ErrorChain:
    """A chain of errors with a matrix for each hour of the day.

    Args:
        edges: Where the error is cut, by hour, shape (24, bins - 1) [shares of what was expected].
        slow_edges: The same of its running mean, shape (24, slow bins - 1).
        matrices: From the state before to that of a step in each hour, shape (24, states, states); rows sum to one.
        offsets: Mean error of each state in each hour, shape (24, states).
        forgets: Weight of the latest error in the running mean.
        floor: Least price by which an error is divided [currency/MWh].
        limits: Errors that count in the running mean lie between these.

    Raises:
        DataError: A matrix is no law: a row that does not sum to one.
    """

    edges: Floats
    slow_edges: Floats
    matrices: Floats
    offsets: Floats
    forgets: float
    floor: float
    limits: tuple[float, float] = (-3.0, 8.0)

    def __post_init__(self) -> None:
        check_rows(self.matrices)

    @property
    def states(self) -> int:
        """Number of states."""
        return int(self.matrices.shape[-1])

    @classmethod
    def known(cls) -> Self:
        """Return the chain of prices that are known: one state, no error."""
        none = np.zeros((HOURS, 0))
        return cls(none, none, np.ones((HOURS, 1, 1)), np.zeros((HOURS, 1)), 1.0, 1.0)

    @classmethod
    def fit(cls, actual: Floats, expected: Floats, hours: Whole, step_hours: float, bins: Bins) -> Self:
        """Return the chain of what actual prices missed, from a series of steps that follow one another.

        Args:
            actual: Prices, shape (T,) [currency/MWh].
            expected: What was expected of them, shape (T,).
            hours: Local hour of day of each step, shape (T,).
            step_hours: Length of a step [h].
            bins: How errors become states.

        Raises:
            DataError: Too few steps by hour for so many states.
        """
        floor = max(bins.floor * float(np.abs(expected).mean()), 1e-6)
        forgets = min(step_hours / bins.memory_hours, 1.0)
        none = np.zeros((HOURS, 0))
        open_law = cls(none, none, np.ones((HOURS, 1, 1)), np.zeros((HOURS, 1)), forgets, floor)
        errors = open_law.errors(actual, expected)
        slow = open_law.means(errors)
        edges = _edges(errors, hours, bins.shares, bins.pooled)
        slow_edges = _edges(slow, hours, np.linspace(0.0, 1.0, bins.slow + 1)[1:-1], bins.pooled)
        _check_samples(hours, (edges.shape[1] + 1) * (slow_edges.shape[1] + 1))
        states = _binned(errors, hours, edges) * (slow_edges.shape[1] + 1) + _binned(slow, hours, slow_edges)
        count = (edges.shape[1] + 1) * (slow_edges.shape[1] + 1)
        matrices = _matrices(states, hours, count, bins.pooled)
        return cls(edges, slow_edges, matrices, _offsets(errors, states, hours, count), forgets, floor)

    def errors(self, actual: Any, expected: Any) -> Any:
        """Return how far prices missed what was expected, as shares of that, or of the floor."""
        return (actual - expected) / np.maximum(expected, self.floor)

    def means(self, errors: Floats, before: float = 0.0) -> Floats:
        """Return the running mean of errors up to each step, shape (T,)."""
        found = np.empty(len(errors))
        for step, error in enumerate(np.clip(errors, *self.limits).tolist()):
            before += self.forgets * (error - before)
            found[step] = before
        return found

    def state(self, error: float, slow: float, hour: int) -> int:
        """Return the state of a step."""
        fast = int(self.edges[hour].searchsorted(error))
        return fast * (self.slow_edges.shape[1] + 1) + int(self.slow_edges[hour].searchsorted(slow))

    def states_of(self, errors: Floats, hours: Whole) -> Whole:
        """Return the state of each step of a series of errors, shape (T,)."""
        slow = _binned(self.means(errors), hours, self.slow_edges)
        return _binned(errors, hours, self.edges) * (self.slow_edges.shape[1] + 1) + slow

    def prices(self, expected: float, hour: int) -> Floats:
        """Return the price of each state, where one is expected, shape (states,)."""
        return expected + self.offsets[hour] * max(expected, self.floor)

    def arrays(self) -> dict[str, Any]:
        """Return what it is made of, for a file."""
        return {name: np.asarray(value) for name, value in vars(self).items()}

    @classmethod
    def of(cls, arrays: Any) -> Self:
        """Return the chain of a file."""
        names = ("edges", "slow_edges", "matrices", "offsets")
        low, high = arrays["limits"].tolist()
        edges, slow_edges, matrices, offsets = (arrays[name] for name in names)
        return cls(edges, slow_edges, matrices, offsets, float(arrays["forgets"]), float(arrays["floor"]), (low, high))


def _check_samples(hours: Whole, states: int) -> None:
    """Raise where the steps of an hour are too few for its states."""
    counts = np.bincount(hours, minlength=HOURS)[np.unique(hours)]
    if counts.min() < LEAST_SAMPLES * states:
        found = f"{states} states from {int(counts.min())} steps in one of the hours"
        rule = f"needs {LEAST_SAMPLES} steps by hour and state, which is {LEAST_SAMPLES * states}"
        raise DataError(found, rule, "give a longer training split, or fewer bins")


def _edges(values: Floats, hours: Whole, shares: Floats, pooled: int) -> Floats:
    """Return where values are cut in each hour, with those of the hours around it, shape (24, shares)."""
    found = np.zeros((HOURS, len(shares)))
    for hour in range(HOURS):
        near = np.isin(hours, [(hour + by) % HOURS for by in range(-pooled, pooled + 1)])
        if near.any() and len(shares):
            found[hour] = np.quantile(values[near], shares)
    return found


def _binned(values: Floats, hours: Whole, edges: Floats) -> Whole:
    found = np.zeros(len(values), dtype=np.int64)
    for hour in range(HOURS):
        now = hours == hour
        found[now] = np.searchsorted(edges[hour], values[now])
    return found


def _matrices(states: Whole, hours: Whole, count: int, pooled: int) -> Floats:
    """Return the share of each state after each state, by the hour of the later one; seen little, that of all hours."""
    seen = np.zeros((HOURS, count, count))
    np.add.at(seen, (hours[1:], states[:-1], states[1:]), 1.0)
    total = seen.copy()
    for by in range(1, pooled + 1):
        total += 0.5**by * (np.roll(seen, by, axis=0) + np.roll(seen, -by, axis=0))
    usual = seen.sum(axis=0)
    usual = np.where(usual.sum(axis=1, keepdims=True) > 0.0, usual, np.eye(count))
    total += usual / usual.sum(axis=1, keepdims=True)
    return np.asarray(total / total.sum(axis=2, keepdims=True))


def _offsets(errors: Floats, states: Whole, hours: Whole, count: int) -> Floats:
    """Return the mean error of each state in each hour; seen little, that of all hours."""
    total, seen = np.zeros((HOURS, count)), np.zeros((HOURS, count))
    np.add.at(total, (hours, states), errors)
    np.add.at(seen, (hours, states), 1.0)
    usual = total.sum(axis=0) / np.maximum(seen.sum(axis=0), 1.0)
    return np.where(seen > 5.0, total / np.maximum(seen, 1.0), usual)
