"""Runners: schedules on both daylight-saving days, events by webhook and by table, threads and processes."""

from __future__ import annotations

import os
import signal
import threading
from itertools import pairwise

import pandas as pd
import psutil
import pytest
from serve_workers import failing_worker, obedient_worker
from sqlalchemy import create_engine, text

from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.serve.runners import EventRunner, Runner, ScheduledRunner, TableWatch
from energy_gym.serve.schedule import Cron, Every
from energy_gym.serve.workers import Worker, WorkerError

MADRID = "Europe/Madrid"


def due(schedule, day, zone=MADRID):
    """Return the moments of a local day at which something is due."""
    begun = pd.Timestamp(day, tz=zone)
    moment, end = begun.tz_convert("UTC") - pd.Timedelta("1s"), (begun + pd.DateOffset(days=1)).tz_convert("UTC")
    found = []
    while (moment := schedule.after(moment)) < end:
        found.append(moment)
    return found


@pytest.mark.parametrize(("day", "quarters"), [("2024-03-31", 92), ("2024-10-27", 100), ("2024-06-01", 96)])
def test_every_quarter_of_a_day_is_due_once_whatever_the_clocks_do(day, quarters):
    found = due(Cron("*/15 * * * *", MADRID), day)
    assert len(found) == quarters
    assert {later - sooner for sooner, later in pairwise(found)} == {pd.Timedelta("15min")}


@pytest.mark.parametrize(
    ("expression", "day", "hour"),
    [
        ("30 2 * * *", "2024-03-31", "01:30"),
        ("30 2 * * *", "2024-10-27", "00:30"),
        ("0 3 * * *", "2024-03-31", "01:00"),
        ("0 3 * * *", "2024-10-27", "02:00"),
    ],
)
def test_a_fixed_time_is_due_once_on_the_days_on_which_clocks_are_set(expression, day, hour):
    (moment,) = due(Cron(expression, MADRID), day)
    assert moment.strftime("%H:%M") == hour


@pytest.mark.parametrize("told", [("* * * *", "UTC"), ("61 * * * *", "UTC"), ("0 0 * * *", "Europe/Nowhere")])
def test_what_is_no_schedule_is_refused(told):
    with pytest.raises(ConfigurationError):
        Cron(*told)


def test_a_clock_that_is_set_forward_or_back_misses_nothing_and_repeats_nothing_at_once():
    ran = []
    runner = Runner({"plan": lambda: ran.append(1)})
    now = pd.Timestamp("2024-01-01T12:00Z")
    scheduled = ScheduledRunner(runner, {"plan": Every(900.0)}, now=lambda: now)
    for minutes, runs in ((14, 0), (75, 1), (76, 1), (20, 1), (31, 2)):
        for future in scheduled.tick(now + pd.Timedelta(minutes=minutes)).values():
            future.result(10.0)
        assert len(ran) == runs, minutes
    runner.stop()


def test_a_task_runs_once_at_a_time_and_what_is_asked_meanwhile_is_done_once():
    begun, ends, ran = threading.Event(), threading.Event(), []

    def task():
        begun.set()
        assert ends.wait(30.0)
        ran.append(1)

    runner = Runner({"plan": task})
    first = runner.fire("plan")
    assert begun.wait(30.0)
    second, third = runner.fire("plan"), runner.fire("plan")
    assert second is third
    ends.set()
    first.result(30.0), second.result(30.0)
    assert len(ran) == 2
    with pytest.raises(UnknownIdError):
        runner.fire("paln")
    runner.stop()


def test_a_task_that_fails_runs_again(capsys):
    answers = [1.0, 0.0]
    runner = Runner({"plan": lambda: 1.0 / answers.pop()})
    with pytest.raises(ZeroDivisionError):
        runner.fire("plan").result(30.0)
    assert runner.fire("plan").result(30.0) == 1.0
    runner.stop()


def test_a_table_that_changed_lets_a_task_run(tmp_path):
    url = f"sqlite:///{tmp_path / 'prices.db'}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("create table prices (updated text)"))
    runner = Runner({"plan": lambda: "planned"})
    watch = TableWatch(url, "select max(updated) from prices")
    events = EventRunner(runner, {"plan": [watch]})
    assert events.poll() == {}
    with engine.begin() as connection:
        connection.execute(text("insert into prices values ('2024-01-01')"))
    assert events.poll()["plan"].result(30.0) == "planned"
    assert events.poll() == {}
    with engine.begin() as connection:
        connection.execute(text("drop table prices"))
    assert events.poll() == {}, "a watch that fails is logged"
    engine.dispose()
    runner.stop()


def test_a_worker_that_is_killed_is_begun_anew_and_one_that_hangs_is_killed():
    worker = Worker("office", obedient_worker, seconds=60.0)
    try:
        first = worker("pid")
        os.kill(first, signal.SIGKILL)
        with pytest.raises(WorkerError, match="died"):
            worker("pid")
        second = worker("pid")
        assert second != first
        assert not psutil.pid_exists(first)
        with pytest.raises(WorkerError, match="ValueError: on purpose"):
            worker("raise")
        worker.seconds = 0.2
        with pytest.raises(WorkerError, match=r"no answer within 0.2 s: killed"):
            worker("hang")
        assert not psutil.pid_exists(second)
    finally:
        worker.close()
    with pytest.raises(WorkerError, match="RuntimeError: no such site"):
        Worker("office", failing_worker, seconds=60.0)


def test_a_site_whose_process_is_killed_is_planned_for_all_the_same(plant, service, tmp_path):
    url = f"sqlite:///{tmp_path / 'service.db'}"
    served = service(url, {"workers": "processes"}, agent="serve_plant:charges")
    first = served.cycle("site")
    worker = served._processes["site"].worker
    assert (first.status, first.power_kw, served.sites["site"].quality) == ("optimal", 25.0, "fresh")
    plant.advance()
    os.kill(killed := worker.pid, signal.SIGKILL)
    second = served.cycle("site")
    assert (second.status, second.power_kw) == ("optimal", 25.0)
    assert worker.pid != killed
    assert not psutil.pid_exists(killed)
    kept = served.store.intervals("site", first.time, second.time)
    assert kept["reward"].tolist() == pytest.approx(plant.rewards)
    ended = worker.pid
    served.stop()
    assert not psutil.pid_exists(ended)
