"""A loop over environments, split between the cores of this machine where that pays.

One rule: which part a core plays never changes what comes out; environments do not touch each other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# Of what a pass writes [bytes]: below it, waking another thread takes as long as it saves.
LARGE = 2**21
EVEN = 64
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
