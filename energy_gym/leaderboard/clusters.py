"""Connections to Ray and Dask, as joblib wants them.

One rule: an address that does not answer is an error within seconds, before anything else happens.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from energy_gym.errors import ClusterError, MissingExtraError

PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Cluster:
    """What joblib is given to reach a cluster, how many jobs it does at a time, and whether it streams results."""

    settings: Mapping[str, Any]
    workers: int
    streams: bool


def check_reachable(address: str, port: int) -> None:
    """Raise ClusterError unless something listens at ``[scheme://]host[:port]``; ``port`` stands in for a missing one.

    Example:
        >>> check_reachable("127.0.0.1:1", 8786)
        Traceback (most recent call last):
        energy_gym.errors.ClusterError: address='127.0.0.1:1': nothing answers there ...
    """
    try:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
        where = (parts.hostname or "", parts.port or port)
        socket.create_connection(where, timeout=PATIENCE_SECONDS / 2.0).close()
    except (OSError, ValueError) as error:
        raise _unreachable(address, error) from error


def _check_speaks(address: str, code: str) -> None:
    """Try the connection in another process, which can be ended: what listens there may be something else, and mute."""
    command = [sys.executable, "-c", f"import sys; address = sys.argv[1]; {code}", address]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise _unreachable(address, TimeoutError(f"no reply within {PATIENCE_SECONDS:g} s")) from error
    if done.returncode != 0:
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:]
        raise _unreachable(address, ConnectionError(*last))


def _unreachable(address: str | None, error: BaseException) -> ClusterError:
    cause = " ".join(str(error).split()) or type(error).__name__
    remedy = "start the cluster, correct the address, or leave --address out to start one on this machine"
    return ClusterError(f"address={address!r}", f"nothing answers there ({cause[:200]})", remedy)


def _dask_backend(client: Any) -> Any:
    """Return joblib's backend for Dask, mended in two places.

    On its own it never tells joblib that a worker died, which then waits for ever; and it does the jobs in this very
    process while fewer than two cores are up.
    """
    from joblib._dask import DaskDistributedBackend

    class Backend(DaskDistributedBackend):  # type: ignore[misc]  # joblib has no types
        def submit(self, func: Any, callback: Any = None) -> Any:
            future = super().submit(func, callback)
            future.add_done_callback(lambda ended: ended.exception() and callback(ended.exception()))
            return future

        def effective_n_jobs(self, n_jobs: int) -> int:
            return max(2, int(super().effective_n_jobs(n_jobs)))

    return Backend(client=client)


@contextmanager
def dask_cluster(address: str | None, workers: int | None) -> Iterator[Cluster]:
    """Connect to a Dask scheduler, or start one with worker processes on this machine."""
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError.of("dask", "dask") from error
    if address is not None:
        check_reachable(address, 8786)
        _check_speaks(address, "import distributed; distributed.Client(address, timeout=8).close()")
        where: dict[str, Any] = {"address": address}
    else:
        where = {"n_workers": workers or os.cpu_count() or 1, "threads_per_worker": 1, "dashboard_address": None}
    # A worker's death is told at once here, where the job is retried; an existing scheduler keeps its own setting.
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        try:
            client = Client(timeout=PATIENCE_SECONDS, **where)
        except (OSError, ValueError) as error:
            raise _unreachable(address, error) from error
        with client:
            if address is not None:
                _check_dask_workers(address, client)
            cores = sum(client.nthreads().values())
            yield Cluster({"backend": _dask_backend(client)}, min(workers or cores, cores), streams=True)


def _check_dask_workers(address: str, client: Any) -> None:
    try:
        client.wait_for_workers(1, timeout=PATIENCE_SECONDS)
    except TimeoutError as error:
        raise ClusterError(f"address={address!r}", "the scheduler has no workers", "start workers for it") from error


@contextmanager
def ray_cluster(address: str | None, workers: int | None) -> Iterator[Cluster]:
    """Connect to a Ray cluster, or start one on this machine."""
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError as error:
        raise MissingExtraError.of("ray", "ray") from error
    if address not in (None, "auto", "local"):
        check_reachable(str(address), 10001 if str(address).startswith("ray://") else 6379)
        _check_speaks(str(address), "import ray; ray.init(address, log_to_driver=False); ray.shutdown()")
    _connect_ray(ray, address, workers)
    try:
        register_ray()
        cores = int(ray.cluster_resources().get("CPU", 0))
        if cores < 2:
            raise ClusterError(f"address={address!r}", f"the cluster has {cores} cores", "give it two or more")
        yield Cluster({"backend": "ray"}, min(workers or cores, cores), streams=False)
    finally:
        ray.shutdown()


def _connect_ray(ray: Any, address: str | None, workers: int | None) -> None:
    own = {"num_cpus": max(2, workers or os.cpu_count() or 2), "include_dashboard": False} if address is None else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
    except Exception as error:  # Ray has no one class for what can go wrong here
        raise _unreachable(address, error) from error


CLUSTERS: dict[str, Callable[[str | None, int | None], AbstractContextManager[Cluster]]] = {
    "ray": ray_cluster,
    "dask": dask_cluster,
}
