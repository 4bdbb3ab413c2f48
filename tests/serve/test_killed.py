"""The service as a process that is killed in the middle of a plan or of a write, or whose disk is full."""

from __future__ import annotations

import resource
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pandas as pd
import psutil
import pytest
import serve_process

from energy_gym.serve.simulation import reporter_app, serving, validator_app
from energy_gym.serve.store import Store

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kills and limits processes")


class Process:
    """The service in a process."""

    def __init__(self, *told):
        words = [sys.executable, serve_process.__file__, *map(str, told)]
        self.child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.client = httpx.Client(base_url=self.line(), timeout=60.0)

    def line(self):
        """Return the next line that it prints."""
        return self.child.stdout.readline().strip()

    def trigger(self):
        """Let it plan, and return its answer."""
        return self.client.post("/api/mpc/trigger")

    def kill(self):
        """Kill it, and return what it leaves behind."""
        family = [self.child.pid, *(child.pid for child in psutil.Process(self.child.pid).children(recursive=True))]
        self.child.kill()
        self.child.wait(60.0)
        psutil.wait_procs([psutil.Process(pid) for pid in family if psutil.pid_exists(pid)], timeout=10.0)
        return [pid for pid in family if psutil.pid_exists(pid)]

    def close(self):
        """End it as an operator would."""
        self.client.close()
        self.child.stdin.close()
        self.child.wait(60.0)
        self.child.stdout.close()


@pytest.fixture
def started(plant, tmp_path):
    """Return a function that starts the service, always on the same database."""
    with ExitStack() as stack:
        validator = validator_app(plant)
        validator.get(serve_process.CLOCK)(lambda: {"now": plant.now.isoformat()})
        reporter, bms = (stack.enter_context(serving(app)) for app in (reporter_app(plant), validator))
        told = f"sqlite:///{tmp_path / 'service.db'}", reporter, bms, tmp_path / "halt"

        def begun(workers="threads"):
            process = Process(*told, workers)
            stack.callback(process.close)
            return process

        yield begun


def unanswered(process: Process) -> None:
    """Let a process plan that will not answer any more."""
    with suppress(httpx.HTTPError):
        process.trigger()


def halted(process: Process, what: str, wanted: Path) -> None:
    """Wait until a process has halted in the middle of a plan or of a write."""
    wanted.write_text(what)
    threading.Thread(target=unanswered, args=[process], daemon=True).start()
    assert process.line() == f"halted in {what}"
    wanted.unlink()


def kept(tmp_path):
    """Return plans and intervals in the database."""
    store = Store(f"sqlite:///{tmp_path / 'service.db'}")
    period = ("2017-01-01T00:00Z", "2018-01-01T00:00Z")
    try:
        since, until = map(pd.Timestamp, period)
        return store.plans("site", since, until), store.intervals("site", since, until)
    finally:
        store.close()


def test_what_is_killed_in_a_plan_and_in_a_write_leaves_nothing_and_loses_nothing(plant, started, tmp_path):
    first = started()
    assert first.trigger().json()["status"] == "optimal"
    plant.advance()
    halted(first, "plan", tmp_path / "halt")
    assert first.kill() == []
    second = started()
    assert second.trigger().json()["status"] == "optimal", "the interval in which it was killed has its plan"
    plant.advance()
    halted(second, "write", tmp_path / "halt")
    assert second.kill() == []
    third = started()
    assert third.client.get("/v1/sites/site/dispatch").json()["status"] == "optimal", "the plan before goes on"
    assert third.trigger().json()["status"] == "optimal"
    plans, intervals = kept(tmp_path)
    assert [plan.status for plan in plans] == ["optimal"] * 3
    assert intervals["measured"].tolist() == [True, True]
    assert intervals["reward"].tolist() == pytest.approx(plant.rewards, abs=1e-9)
    assert third.kill() == []


def test_what_is_killed_while_a_process_of_its_own_plans_leaves_none_behind(plant, started, tmp_path):
    first = started("processes")
    assert first.trigger().json()["status"] == "optimal"
    plant.advance()
    halted(first, "plan", tmp_path / "halt")
    assert len(psutil.Process(first.child.pid).children(recursive=True)) >= 1
    assert first.kill() == []
    second = started("processes")
    assert second.trigger().json()["status"] == "optimal"
    assert second.kill() == []


@pytest.mark.slow
def test_a_full_disk_is_told_the_plan_goes_on_and_what_follows_is_kept_again(plant, started, tmp_path):
    process = started()
    assert process.trigger().json()["status"] == "optimal"
    plant.advance()
    sent = [25.0]
    unlimited = resource.prlimit(process.child.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.child.pid, resource.RLIMIT_FSIZE, (1, unlimited[1]))
    for _ in range(2):
        answer = process.trigger()
        assert (answer.status_code, "database" in answer.json()["rule"]) == (503, True)
        held = process.client.get("/api/mpc/current_dispatch").json()
        assert held["status"] == "fallback"
        assert plant._power == pytest.approx(held["battery_power_kw"]), "the battery hears of it all the same"
        sent.append(held["battery_power_kw"])
        plant.advance()
    assert process.client.get("/v1/ready").status_code == 503
    resource.prlimit(process.child.pid, resource.RLIMIT_FSIZE, unlimited)
    assert process.trigger().json()["status"] == "optimal"
    _, intervals = kept(tmp_path)
    assert intervals["power_kw"].tolist() == pytest.approx(sent)
