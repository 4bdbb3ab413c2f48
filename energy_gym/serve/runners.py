"""Runners: what lets tasks run, by a schedule or because something happened, on threads.

One rule: a task runs once at a time; what is asked of it while it runs is done once, when it is through.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd
import structlog

from energy_gym.errors import UnknownIdError

if TYPE_CHECKING:
    from energy_gym.serve.schedule import Schedule

log = structlog.get_logger("energy_gym.serve")
Task = Callable[[], Any]
# A clock that is set is noticed within so many seconds.
LONGEST_WAIT = 30.0


class Watch(Protocol):
    """Says whether something has happened since it was last asked."""

    def changed(self) -> bool:
        """Return whether it has."""


class Runner:
    """Lets tasks run, each on a thread of its own.

    Args:
        tasks: What runs, by name. A task that fails is logged, and runs again when it is asked for again.

    Example:
        >>> runner = Runner({"hello": lambda: 42})
        >>> runner.fire("hello").result()
        42
        >>> runner.stop()
    """

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        self.tasks = dict(tasks)
        self._threads = ThreadPoolExecutor(max(len(self.tasks), 1), thread_name_prefix="run")
        self._lock = threading.Lock()
        self._running: dict[str, Future[Any]] = {}
        self._waiting: dict[str, Future[Any]] = {}

    def fire(self, name: str) -> Future[Any]:
        """Let a task run as soon as it can, and return what it will come to.

        Raises:
            UnknownIdError: No such task.
        """
        if name not in self.tasks:
            raise UnknownIdError.of("task", name, self.tasks)
        with self._lock:
            if name not in self._running:
                self._running[name] = future = Future[Any]()
                self._threads.submit(self._run, name)
                return future
            return self._waiting.setdefault(name, Future[Any]())

    def stop(self) -> None:
        """Begin nothing more; what runs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, name: str) -> None:
        future: Future[Any] | None = self._running[name]
        while future is not None:
            try:
                future.set_result(self.tasks[name]())
            except Exception as error:
                log.error("task failed", task=name, error=repr(error))
                future.set_exception(error)
            with self._lock:
                future = self._waiting.pop(name, None)
                if future is None:
                    del self._running[name]
                else:
                    self._running[name] = future


class _Looping:
    """What looks again and again, on a thread, until it is stopped."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look from now on."""
        self._thread = threading.Thread(target=self._loop, name=type(self).__name__, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _loop(self) -> None:
        while not self._ended.wait(self._look()):
            pass

    def _look(self) -> float:
        """Look once, and return after how many seconds to look again."""
        raise NotImplementedError


class ScheduledRunner(_Looping):
    """Lets tasks of a runner run when they are due.

    Args:
        runner: Lets them run.
        schedules: When each is due.
        now: Tells the time [UTC].

    Example:
        >>> from energy_gym.serve.schedule import Cron
        >>> runner = Runner({"plan": lambda: "planned"})
        >>> start = pd.Timestamp("2024-01-01T00:01Z")
        >>> scheduled = ScheduledRunner(runner, {"plan": Cron("*/15 * * * *")}, now=lambda: start)
        >>> scheduled.tick(start), scheduled.tick(start + pd.Timedelta("20min"))["plan"].result()
        ({}, 'planned')
        >>> runner.stop()
    """

    def __init__(self, runner: Runner, schedules: Mapping[str, Schedule], now: Callable[[], pd.Timestamp]) -> None:
        super().__init__(runner)
        self.schedules, self.now = dict(schedules), now
        self._seen = now()
        self._due = {name: schedule.after(self._seen) for name, schedule in self.schedules.items()}

    def tick(self, now: pd.Timestamp) -> dict[str, Future[Any]]:
        """Let run what is due at a moment; what was missed meanwhile runs once.

        Where the clock was set back, what is due is worked out anew.
        """
        if now < self._seen:
            self._due = {name: schedule.after(now) for name, schedule in self.schedules.items()}
        self._seen = now
        fired = {}
        for name, schedule in self.schedules.items():
            if self._due[name] <= now:
                self._due[name] = schedule.after(now)
                fired[name] = self.runner.fire(name)
        return fired

    def _look(self) -> float:
        now = self.now()
        self.tick(now)
        wait = (min(self._due.values()) - now).total_seconds() if self._due else LONGEST_WAIT
        return min(max(wait, 0.0), LONGEST_WAIT)


class EventRunner(_Looping):
    """Lets tasks of a runner run because something happened: it is told so, or a watch says so.

    Args:
        runner: Lets them run.
        watches: What is looked at for each task.
        seconds: How often it is looked [s].

    Example:
        >>> class Once:
        ...     answers = [True]
        ...     def changed(self):
        ...         return bool(self.answers) and self.answers.pop()
        >>> runner = Runner({"plan": lambda: "planned"})
        >>> events = EventRunner(runner, {"plan": [Once()]})
        >>> events.poll()["plan"].result(), events.poll()
        ('planned', {})
        >>> runner.stop()
    """

    def __init__(self, runner: Runner, watches: Mapping[str, Any], seconds: float = 10.0) -> None:
        super().__init__(runner)
        self.watches, self.seconds = {name: tuple(found) for name, found in watches.items()}, seconds

    def event(self, name: str) -> Future[Any]:
        """Hear that something happened, and let a task run.

        Raises:
            UnknownIdError: No such task.
        """
        return self.runner.fire(name)

    def poll(self) -> dict[str, Future[Any]]:
        """Look at every watch, and let run what something happened for; a watch that fails is logged."""
        fired = {}
        for name, watches in self.watches.items():
            # Each is asked, so that none tells of the same thing again next time.
            if sum(self._changed(name, watch) for watch in watches):
                fired[name] = self.event(name)
        return fired

    def _changed(self, name: str, watch: Watch) -> bool:
        try:
            return watch.changed()
        except Exception as error:
            log.error("watch failed", task=name, error=repr(error))
            return False

    def _look(self) -> float:
        self.poll()
        return self.seconds


class TableWatch:
    """Looks at a table: something happened where the answer to a query is another one than before.

    Args:
        url: Database, as SQLAlchemy takes it.
        query: Such as ``select max(updated) from forecasts``; a short answer is compared sooner.

    Raises:
        StorageError: The database cannot be opened or asked.

    Example:
        >>> watch = TableWatch("sqlite://", "select 1")
        >>> watch.changed(), watch.changed()
        (False, False)
        >>> watch.close()
    """

    def __init__(self, url: str, query: str) -> None:
        from energy_gym.serve.queries import Asked

        self._asked = Asked(url, query)
        self._last = self._asked.rows()

    def changed(self) -> bool:
        """See `Watch.changed`."""
        rows = self._asked.rows()
        before, self._last = self._last, rows
        return rows != before

    def close(self) -> None:
        """Let go of the database."""
        self._asked.close()
