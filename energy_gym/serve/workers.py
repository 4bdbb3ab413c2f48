"""A task in a process of its own: it can be killed, and one that dies or hangs takes nothing else with it.

One rule: a process that is lost is begun anew with the next call, and none outlives the one that began it.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from multiprocessing import connection
from typing import Any

from energy_gym.errors import EnergyGymError

STARTS_WITHIN = 120.0
ENDS_WITHIN = 5.0


class WorkerError(EnergyGymError, RuntimeError):
    """A process that works for this one failed, died or did not answer in time."""


class WorkerLostError(WorkerError):
    """A process that works for this one died."""


class Worker:
    """Calls what a factory makes, in a process of its own.

    Args:
        name: Name, for messages.
        factory: Called in the new process, without arguments; a function at the top of a module, or a dataclass of
            plain values that can be called. It returns what is called, or raises.
        seconds: How long a call may take [s].

    Raises:
        WorkerError: What the factory raised.
    """

    def __init__(self, name: str, factory: Callable[[], Callable[..., Any]], seconds: float) -> None:
        self.name, self.factory, self.seconds = name, factory, seconds
        self._process: Any = None
        self._pipe: Any = None
        self._lock = threading.Lock()
        self._start()

    @property
    def pid(self) -> int | None:
        """Number of the process."""
        return None if self._process is None else self._process.pid

    def __call__(self, *told: Any) -> Any:
        """Return what a call comes to.

        Raises:
            WorkerLostError: The process died.
            WorkerError: It raised, or did not answer in time and was killed.
        """
        with self._lock:
            if self._process is None:
                self._start()
            return self._asked(told, self.seconds)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, self.factory), name=self.name, daemon=True)
        self._process.start()
        theirs.close()
        self._asked(None, STARTS_WITHIN)

    def _asked(self, told: tuple[Any, ...] | None, seconds: float) -> Any:
        """Send a call, or wait for the process to be ready, and return the answer."""
        try:
            if told is not None:
                self._pipe.send(told)
            if not self._pipe.poll(seconds):
                self._end()
                raise WorkerError(f"worker {self.name!r}", f"no answer within {seconds:g} s: killed", "see the log")
            fine, answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._end()
            raise WorkerLostError(f"worker {self.name!r}", "died", "it is begun anew with the next call") from error
        if fine:
            return answer
        if told is None:
            self._end()
        raise WorkerError(f"worker {self.name!r}", f"failed ({answer})", "see the log")

    def _end(self) -> None:
        if self._process is not None:
            self._pipe.close()
            self._process.kill()
            self._process.join(ENDS_WITHIN)
            self._process.close()
            self._process = self._pipe = None


def _work(pipe: Any, factory: Callable[[], Callable[..., Any]]) -> None:
    """Answer calls until nobody asks any more."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        called = factory()
    except Exception as error:
        pipe.send((False, f"{type(error).__name__}: {error}"))
        return
    pipe.send((True, None))
    while True:
        try:
            told = pipe.recv()
        except (EOFError, OSError):
            # What was made may hold threads that would keep the process.
            os._exit(0)
        pipe.send(_answer(called, told))


def _answer(called: Callable[..., Any], told: tuple[Any, ...]) -> tuple[bool, Any]:
    try:
        return True, called(*told)
    except Exception as error:
        return False, f"{type(error).__name__}: {error}"


def _end_with_parent() -> None:
    """End at once where the process that began this one has ended, whatever this one is in the middle of."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
