"""The optimum over discrete levels of power, clipping included: dynamic programming over reachable energies.

Every reachable energy is a label: the energy, the best return so far, how it was reached. A label falls when another
one is sure to do at least as well from there on: the value of stored energy lies between the lowest and the highest
value that a kWh can still have, so a difference in energy is worth at least that much and at most this much.

One rule: a label that falls for less than that is paid for in the bound, so that the gap reported is proven.
"""

from __future__ import annotations

import time
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats

MAX_LABELS = 6000
TINY = 1e-12


class Steps(Protocol):
    """A storage over T steps, as the labels see it."""

    @property
    def energy(self) -> float:
        """Energy stored at the start [kWh]."""

    @property
    def worths(self) -> Floats:
        """What a kWh stored may cost or earn at each step, shape (some, T)."""

    @property
    def end_worth(self) -> tuple[float, float]:
        """Least and most that a kWh stored is worth at the end."""

    def __len__(self) -> int: ...

    def play(self, step: int, energy: Floats, wish: Floats) -> tuple[Floats, Floats]:
        """Return the energies stored after a step, and what it earns."""

    def close(self, energy: Floats) -> Floats:
        """Return what closing the window with these energies earns."""


class Trace(NamedTuple):
    """How the labels of a step were reached: index of the level and of the label before, each of shape (labels,)."""

    level: npt.NDArray[np.int16]
    parent: npt.NDArray[np.int32]


class Labels(NamedTuple):
    """Reachable energies [kWh], rising, and the best return so far at each; shape (labels,)."""

    energy: Floats
    value: Floats


def best_levels(
    problem: Steps, levels: tuple[float, ...], time_limit: float | None = None, max_labels: int = MAX_LABELS
) -> tuple[list[int], float]:
    """Return the best level of each step, and a proven bound on the return of any sequence of levels.

    What earns minus infinity cannot be done; where nothing can, there are no levels, and the bound is minus infinity.

    Args:
        problem: The storage and its window: a `Problem`, or a `Playable` unit.
        levels: Shares of rated power, ascending.
        time_limit: Seconds after which labels are thinned out so as to finish soon, at the price of a gap.
        max_labels: Labels kept per step; more are thinned out, at the price of a gap.
    """
    low, high = worth_of(problem)
    labels, wishes = Labels(np.array([problem.energy]), np.zeros(1)), np.array(levels)[:, None]
    traces: list[Trace] = []
    gap = 0.0
    clock = Clock(time_limit, len(problem))
    for step in range(len(problem)):
        count = len(labels.energy)
        labels, order = _expand(problem, wishes, step, labels)
        if not len(order):
            return [], -np.inf
        keep, paid = thinned(labels, low[step + 1], high[step + 1], clock.limit(step, max_labels))
        labels = Labels(labels.energy[keep], labels.value[keep])
        level, parent = np.divmod(order[keep], count)
        traces.append(Trace(level.astype(np.int16), parent.astype(np.int32)))
        gap += paid
    total = labels.value + problem.close(labels.energy)
    best = int(np.argmax(total))
    return _path(traces, best), float(total[best]) + gap


class Clock:
    """Lowers the number of labels as the time allowed runs out."""

    def __init__(self, time_limit: float | None, steps: int) -> None:
        self._end = None if time_limit is None else time.perf_counter() + time_limit
        self._begin = time.perf_counter()
        self._steps = steps

    def limit(self, step: int, labels: int) -> int:
        """Return how many labels a step may keep, of so many."""
        if self._end is None or step == 0:
            return labels
        now = time.perf_counter()
        pace = (now - self._begin) / step
        left = (self._end - now) / (self._steps - step)
        return labels if left >= pace else max(int(labels * max(left, 0.0) / pace), 2)


def worth_of(problem: Steps) -> tuple[Floats, Floats]:
    """Return the lowest and highest worth that a kWh stored can still have at each step and the end: (T + 1,) each."""
    worth, (least, most) = problem.worths, problem.end_worth
    low, high = np.append(worth.min(axis=0), least), np.append(worth.max(axis=0), most)
    return np.minimum.accumulate(low[::-1])[::-1], np.maximum.accumulate(high[::-1])[::-1]


def _expand(problem: Steps, wishes: Floats, step: int, labels: Labels) -> tuple[Labels, npt.NDArray[np.intp]]:
    """Play every level from every label; sorted by energy, and the order: level times labels plus label before."""
    energies, gain = problem.play(step, labels.energy, wishes)
    energy, value = energies.ravel(), (labels.value + gain).ravel()
    order = energy.argsort(kind="stable")
    order = order[value[order] > -np.inf]
    return Labels(energy[order], value[order]), order


def thinned(labels: Labels, low: float, high: float, limit: int) -> tuple[npt.NDArray[np.intp], float]:
    """Return the labels to keep and what dropping the others may cost at most: nothing, unless there are too many."""
    slack = TINY * (1.0 + float(np.abs(labels.value).max()))
    keep = _undominated(labels, low, high, slack)
    while len(keep) > limit:
        slack = max(slack * 4.0, 1e-9)
        keep = _undominated(labels, low, high, slack)
    return keep, 2.0 * slack


def _undominated(labels: Labels, low: float, high: float, slack: float) -> npt.NDArray[np.intp]:
    """Return the labels that no other one surely matches, up to ``slack`` [reward units] for each of two passes.

    A label with more energy is worth at least ``low`` more per kWh, one with less is worth at most ``high`` less; an
    infinite ``high`` says nothing.
    Worth is compared in whole multiples of the slack: then what a label falls to is itself kept, and slack does not
    add up.
    """
    worth = _in_slacks(labels.value + low * labels.energy, slack)
    best = np.maximum.accumulate(worth[::-1])[::-1]
    kept = np.ones(len(worth), dtype=np.bool_)
    np.greater(worth[:-1], best[1:], out=kept[:-1])
    keep = kept.nonzero()[0]
    if np.isinf(high):
        return np.asarray(keep)
    worth = _in_slacks(labels.value[keep] + high * labels.energy[keep], slack)
    best = np.maximum.accumulate(worth)
    kept = np.ones(len(worth), dtype=np.bool_)
    np.greater(worth[1:], best[:-1], out=kept[1:])
    return np.asarray(keep[kept])


def _in_slacks(worth: Floats, slack: float) -> Floats:
    worth /= slack
    return np.floor(worth, out=worth)


def _path(traces: list[Trace], label: int) -> list[int]:
    path = []
    for trace in reversed(traces):
        path.append(int(trace.level[label]))
        label = int(trace.parent[label])
    return path[::-1]
