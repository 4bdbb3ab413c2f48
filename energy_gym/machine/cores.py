"""A loop over environments, split between the cores of this machine where that pays.

What two cores share, such as the way to memory or all of a core but its registers, no count of them tells. So the first
passes are played both ways in turn, and the others in the way that took less time.

One rule: which part a core plays never changes what comes out; environments do not touch each other.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# Of what a pass writes [bytes]: below it, waking another thread takes as long as it saves.
LARGE = 2**21
EVEN = 64
# Passes of each way that are timed; the shortest counts, which other work on the machine lengthened least.
TRIES = 12
Span = tuple[int, int]
_pools: dict[int, ThreadPoolExecutor] = {}


def cores() -> int:
    """Return how many cores this process may use: those it is given, and no more than ``OMP_NUM_THREADS`` says."""
    given = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(given, int(asked)) if asked.isdigit() and int(asked) else given


def parts_of(size: int, written: int) -> tuple[Span, ...]:
    """Return the spans into which a pass over environments is split: one where it is short.

    Args:
        size: Number of environments.
        written: What the pass writes [bytes].

    Example:
        >>> parts_of(1000, 4000)
        ((0, 1000),)
    """
    count = min(cores(), max(written // (LARGE // 2), 1))
    each = -(-size // count // EVEN) * EVEN
    return tuple((first, min(first + each, size)) for first in range(0, size, each))


class Sharing:
    """How a pass over environments is split: in parts, or not at all, whichever shows itself to be faster.

    Args:
        size: Number of environments.
        written: What the pass writes [bytes].

    Attributes:
        ways: The ways that are still tried; one, once it is known.
    """

    def __init__(self, size: int, written: int) -> None:
        self.ways = list(dict.fromkeys([((0, size),), parts_of(size, written)]))
        self._seconds: list[list[float]] = [[] for _ in self.ways]

    def play(self, run: Callable[[Any, int, int], Any], place: Any) -> None:
        """Call a compiled function of a table of addresses, a first environment and an end, for all of them."""
        if len(self.ways) == 1:
            side_by_side(run, place, self.ways[0])
            return
        way = min(range(len(self.ways)), key=lambda place: len(self._seconds[place]))
        began = time.perf_counter()
        side_by_side(run, place, self.ways[way])
        self._seconds[way].append(time.perf_counter() - began)
        if all(len(taken) == TRIES for taken in self._seconds):
            self.ways = [min(zip(self._seconds, self.ways, strict=True), key=lambda pair: min(pair[0]))[1]]


def side_by_side(run: Callable[[Any, int, int], Any], place: Any, parts: Sequence[Span]) -> None:
    """Call a compiled function, which lets go of Python's lock, for each part at once; returns when all are done."""
    if len(parts) == 1:
        run(place, *parts[0])
        return
    others = [_pool(len(parts) - 1).submit(run, place, *part) for part in parts[1:]]
    run(place, *parts[0])
    for other in others:
        other.result()


def _pool(workers: int) -> ThreadPoolExecutor:
    """Return the threads that help; a process that was forked has none of its parent's."""
    process = os.getpid()
    if process not in _pools:
        _pools.clear()
        _pools[process] = ThreadPoolExecutor(max(workers, cores() - 1), thread_name_prefix="energy-gym")
    return _pools[process]
