"""Engines: every job ends as its result or as a failure, whatever its agent does to its worker."""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from energy_gym.errors import (
    ClusterError,
    ConfigurationError,
    MissingExtraError,
    NonPositiveError,
    UnknownIdError,
    install_command,
)
from energy_gym.leaderboard.engines import Engine, Failure, opened

JOBS = """
import os
from pathlib import Path

from energy_gym.errors import MissingExtraError

def work(folder, number, kind):
    mark = Path(folder) / f"{number}-{os.getpid()}"
    first = not list(Path(folder).glob(f"{number}-*"))
    mark.touch()
    if kind == "raise" or (kind == "raise once" and first):
        raise ValueError(f"no {number}\\nat all")
    if kind == "leave":
        raise SystemExit(3)
    if kind == "extra":
        raise MissingExtraError.of("torch", "sb3")
    if kind == "die" or (kind == "die once" and first):
        os._exit(3)
    return 10 * number
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A job that fails as it is told, from a module that workers import too."""
    (tmp_path / "jobs_of_the_test.py").write_text(JOBS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path.cwd())]))
    import jobs_of_the_test  # type: ignore[import-not-found]

    yield jobs_of_the_test.work
    sys.modules.pop("jobs_of_the_test")


def done(work: Any, folder: Path, kinds: list[str], engine: str = "local", **named: Any) -> list[Any]:
    with opened(engine, **named) as pool:
        found = dict(pool.outcomes(work, [(str(folder), number, kind) for number, kind in enumerate(kinds)]))
    assert sorted(found) == list(range(len(kinds)))
    return [found[number] for number in range(len(kinds))]


def tries(folder: Path, number: int) -> int:
    return len(list(folder.glob(f"{number}-*")))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_raises_is_tried_twice_and_told(work: Any, tmp_path: Path, workers: int) -> None:
    kinds = ["", "raise once", "raise", "leave", "extra", ""]
    found = done(work, tmp_path, kinds, workers=workers)
    assert [found[number] for number in (0, 1, 5)] == [0, 10, 50]
    assert found[2].error.startswith("ValueError: no 2 at all (jobs_of_the_test.py, line ")
    assert found[3].error.startswith("SystemExit: 3")
    assert found[4] == Failure(f"torch: is not installed; run: {install_command('sb3')}", missing=True)


def test_a_worker_that_dies_costs_its_job_alone(work: Any, tmp_path: Path) -> None:
    found = done(work, tmp_path, ["", "die once", "", "die", "", ""], workers=2)
    assert [found[number] for number in (0, 1, 2, 4, 5)] == [0, 10, 20, 40, 50]
    assert found[3] == Failure("its worker died (TerminatedWorkerError)")
    assert (tries(tmp_path, 1), tries(tmp_path, 3)) == (2, 2)


def test_a_job_that_may_not_have_begun_is_still_tried_twice(work: Any, tmp_path: Path) -> None:
    kinds = ["die", "die once", "raise once", "", "die once"]
    jobs = [(str(tmp_path), number, kind) for number, kind in enumerate(kinds)]
    found = dict(Engine("distant", 2, {"backend": "loky"}, near=False).outcomes(work, jobs))
    assert [found[number] for number in (1, 2, 3, 4)] == [10, 20, 30, 40]
    assert found[0] == Failure("its worker died (TerminatedWorkerError)")
    assert tries(tmp_path, 0) in (2, 3)


def test_what_jobs_import_is_there_before_them(work: Any, tmp_path: Path) -> None:
    with opened(workers=2, modules=["jobs_of_the_test", "no_such_module"]) as pool:
        outcomes = dict(pool.outcomes(loaded, [("jobs_of_the_test",), ("jobs_of_the_test",)]))
    assert outcomes == {0: True, 1: True}


def loaded(module: str) -> bool:
    return module in sys.modules


def test_nothing_to_do() -> None:
    with opened(workers=2) as pool:
        assert list(pool.outcomes(divmod, [])) == []


@pytest.mark.parametrize(
    ("named", "error", "says"),
    [
        ({"name": "spark"}, UnknownIdError, "Known: dask, local, ray"),
        ({"address": "here:1"}, ConfigurationError, "goes with the engine ray or dask"),
        ({"workers": 0}, NonPositiveError, "workers=0"),
    ],
)
def test_what_cannot_be_opened(named: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says), opened(**named):
        pass


@pytest.mark.parametrize(("engine", "package"), [("ray", "ray"), ("dask", "distributed")])
def test_without_its_extra(engine: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(MissingExtraError, match=re.escape(install_command(engine))), opened(engine):
        pass


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("engine", ["ray", "dask"])
class TestClusters:
    """Against a cluster on this machine."""

    @pytest.fixture(autouse=True)
    def _installed(self, engine: str) -> None:
        pytest.importorskip("ray" if engine == "ray" else "distributed")

    @pytest.mark.parametrize("mute", [True, False])
    def test_an_address_that_does_not_answer(self, engine: str, mute: bool) -> None:
        began = time.perf_counter()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            if mute:
                listener.listen()
            address = f"127.0.0.1:{listener.getsockname()[1]}"
            with pytest.raises(ClusterError, match="nothing answers there"), opened(engine, address=address):
                pass
        assert time.perf_counter() - began < 18.0

    def test_jobs_and_deaths(self, engine: str, work: Any, tmp_path: Path) -> None:
        found = done(work, tmp_path, ["", "raise once", "raise", "die once", "die", ""], engine, workers=2)
        assert [found[number] for number in (0, 1, 3, 5)] == [0, 10, 30, 50]
        assert found[2].error.startswith("ValueError: no 2 at all")
        assert found[4].error.startswith("its worker died (")

    def test_the_suite_scores_the_same(self, engine: str, tmp_path: Path) -> None:
        from energy_gym.leaderboard import run_suite
        from energy_gym.leaderboard.suites import Suite, Task

        task = Task("day", "energy_gym/Arbitrage-v1", {"episode_steps": 24})
        suite = Suite("tiny", "Tiny", "One day.", ("idle", "uniform", "mpc"), (task,))
        columns = ["agent", "seed", "return", "regret", "key"]
        here = run_suite(suite, tmp_path / "here", workers=1, seeds=2)[columns]
        there = run_suite(suite, tmp_path / "there", workers=2, seeds=2, engine=engine)[columns]
        assert here.equals(there)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_an_existing_dask_cluster(work: Any, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        found = done(work, tmp_path, ["", "raise", ""], "dask", address=cluster.scheduler_address)
    assert (found[0], found[2]) == (0, 20)
    assert found[1].error.startswith("ValueError")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_an_existing_ray_cluster(work: Any, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    try:
        found = done(work, tmp_path, ["", "raise", ""], "ray", address=cluster.address)
    finally:
        cluster.shutdown()
    assert (found[0], found[2]) == (0, 20)
    assert found[1].error.startswith("ValueError")
