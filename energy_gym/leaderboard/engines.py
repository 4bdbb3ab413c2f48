"""Where jobs are done: processes of this machine, or an existing Ray or Dask cluster; always through joblib.

One rule: every job ends as its result or as a `Failure`. A job that raises, or takes its worker down, is done once
more, alone; the others go on. A job that may never have begun when a worker of a distant cluster died is done alone up
to twice.
"""

from __future__ import annotations

import importlib
import os
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib

from energy_gym.agents.records.readers import hush_gym
from energy_gym.envs.keywords import check_count
from energy_gym.errors import ConfigurationError, DataNotice, MissingExtraError, UnknownIdError
from energy_gym.leaderboard.clusters import CLUSTERS

ENGINES = ("local", *CLUSTERS)
Item = tuple[Any, ...]
Work = Callable[..., Any]
Progress = Callable[[str, int, int], None]
"""Told of a stage: how many of its jobs are done, and how many there are."""


@dataclass(frozen=True)
class Failure:
    """Why a job has no result, in one line; ``missing`` where an extra is not installed."""

    error: str
    missing: bool = False


class _Unknown(Failure):
    """A worker died, and the job may never have begun."""


@dataclass(frozen=True)
class Engine:
    """A pool of workers that is open.

    Args:
        name: One of `ENGINES`.
        workers: Jobs at a time.
        settings: What `joblib.parallel_config` is given; None does the jobs in this process.
        streams: Whether results come one by one as they end, or a round of jobs at a time.
        near: Whether the workers are processes of this machine, which see the files that say which jobs have begun.
    """

    name: str
    workers: int
    settings: Mapping[str, Any] | None
    streams: bool = True
    near: bool = True

    def outcomes(self, work: Work, items: Sequence[Item]) -> Iterator[tuple[int, Any]]:
        """Do all jobs; yield the place of an item and its result or `Failure`, as they come.

        Example:
            >>> with opened("local", workers=1) as engine:
            ...     list(engine.outcomes(divmod, [(7, 2), (1, 0)]))[0]
            (0, (3, 1))
        """
        again: dict[int, Failure] = {}
        for place, outcome in self._first_time(work, dict(enumerate(items))):
            if isinstance(outcome, Failure) and not outcome.missing:
                again[place] = outcome
            else:
                yield place, outcome
        for place, failure in again.items():
            outcome = self._alone(work, items[place])
            if isinstance(failure, _Unknown) and isinstance(outcome, Failure) and not outcome.missing:
                outcome = self._alone(work, items[place])
            yield place, outcome

    def told(self, report: Progress, stage: str, work: Work, items: Sequence[Item]) -> Iterator[tuple[int, Any]]:
        """Yield the same, and tell how many jobs of a stage are done."""
        report(stage, 0, len(items))
        for done, (place, outcome) in enumerate(self.outcomes(work, items), start=1):
            yield place, outcome
            report(stage, done, len(items))

    def _first_time(self, work: Work, waiting: dict[int, Item]) -> Iterator[tuple[int, Any]]:
        """Do the jobs side by side; those a worker may have died of come back as failures."""
        while waiting:
            with tempfile.TemporaryDirectory() as started:
                try:
                    for place, outcome in self._side_by_side(work, waiting, started):
                        del waiting[place]
                        yield place, outcome
                except Exception as error:
                    begun = {int(path.name) for path in Path(started).iterdir()} & set(waiting)
                    for place in begun or set(waiting):
                        del waiting[place]
                        yield place, _death(error) if begun else _Unknown(_death(error).error)

    def _side_by_side(self, work: Work, waiting: Mapping[int, Item], started: str) -> Iterator[tuple[int, Any]]:
        jobs = [(place, work, item, started if self.near else "") for place, item in waiting.items()]
        if self.settings is None:
            yield from (attempt(*job) for job in jobs)
            return
        with joblib.parallel_config(**self.settings), self._pool(len(jobs)) as pool:
            for batch in self._rounds(jobs):
                yield from pool(joblib.delayed(attempt)(*job) for job in batch)

    def _pool(self, jobs: int) -> Any:
        """Return joblib's pool. A batch is one job, so that a death costs no result that was already there."""
        kind = "generator_unordered" if self.streams else "list"
        return joblib.Parallel(n_jobs=max(2, min(self.workers, jobs)), return_as=kind, batch_size=1)

    def _rounds(self, jobs: list[Any]) -> Iterable[list[Any]]:
        size = len(jobs) if self.streams else 2 * self.workers
        return (jobs[first : first + size] for first in range(0, len(jobs), size))

    def _alone(self, work: Work, item: Item) -> Any:
        try:
            ((_, outcome),) = self._side_by_side(work, {0: item}, "")
        except Exception as error:
            return _death(error)
        return outcome


def attempt(place: int, work: Work, item: Item, started: str = "") -> tuple[int, Any]:
    """Do one job; return its place with the result, or with the `Failure` that stands for what it raised.

    While the job runs, a file named after its place lies in the folder ``started``, if there is one.

    Example:
        >>> attempt(3, divmod, (7, 2))
        (3, (3, 1))
    """
    mark = Path(started) / str(place) if started else None
    if mark is not None:
        mark.touch()
    try:
        with warnings.catch_warnings():
            # Told already where the jobs were laid out, for every worker would tell it again.
            warnings.simplefilter("ignore", DataNotice)
            return place, work(*item)
    except (Exception, SystemExit) as error:
        return place, _failure(error)
    finally:
        if mark is not None:
            mark.unlink(missing_ok=True)


def _failure(error: BaseException) -> Failure:
    """Return the error in one line, with the place in the code that raised it."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    if isinstance(error, MissingExtraError):
        return Failure(" ".join(str(error).split()), missing=True)
    return Failure(text + where)


def _death(error: BaseException) -> Failure:
    return Failure(f"its worker died ({type(error).__name__})")


@contextmanager
def opened(
    name: str = "local", address: str | None = None, workers: int | None = None, modules: Sequence[str] = ()
) -> Iterator[Engine]:
    """Open an engine; what was started for it is stopped at the end.

    Args:
        name: ``"local"``, ``"ray"`` or ``"dask"``.
        address: Address of an existing cluster; without one, Ray or Dask is started on this machine.
        workers: Jobs at a time; by default one per core, of the cluster where there is one.
        modules: What jobs will import. Local processes import them when they start, since loky takes a process that
            grows much after its first job for one that leaks memory, and replaces it.

    Raises:
        UnknownIdError: An unknown engine.
        NonPositiveError: Workers below 1.
        ConfigurationError: An address for the local engine.
        ClusterError: The cluster cannot be reached.
        MissingExtraError: Ray or Dask is not installed.

    Example:
        >>> with opened(workers=2) as engine:
        ...     sorted(engine.outcomes(pow, [(2, 3), (3, 2)]))
        [(0, 8), (1, 9)]
    """
    if name not in ENGINES:
        raise UnknownIdError.of("engine", name, ENGINES)
    count = None if workers is None else check_count("workers", workers)
    if name == "local" and address is not None:
        raise ConfigurationError(f"address={address!r}", "goes with the engine ray or dask", "add --engine ray or dask")
    with ExitStack() as stack:
        if name == "local":
            own = count or os.cpu_count() or 1
            yield Engine(name, own, None if own == 1 else _loky(modules))
        else:
            cluster = stack.enter_context(CLUSTERS[name](address, count))
            yield Engine(name, cluster.workers, cluster.settings, cluster.streams, near=address is None)


def _loky(modules: Sequence[str]) -> dict[str, Any]:
    return (
        {"backend": "loky", "initializer": _prepare, "initargs": (tuple(modules),)} if modules else {"backend": "loky"}
    )


def _prepare(modules: Sequence[str]) -> None:
    hush_gym()
    for module in modules:
        with suppress(ImportError):
            importlib.import_module(module)
