"""The night after a day: its parts add up, and are kept once."""

from __future__ import annotations

import httpx
import pytest

from energy_gym.serve.api import create_app
from energy_gym.serve.simulation import serving


def test_a_day_is_reviewed_once_and_its_regret_is_the_sum_of_its_parts(hourly):
    plant, served = hourly("2024-06-04")
    for step in range(26):
        # In the first hours the battery does less than it is told.
        plant.most_kw = 5.0 if step < 8 else float("inf")
        assert served.cycle("site") is not None, served.errors
        plant.advance()
    assert served.night("site") == 1
    assert served.night("site") == 0
    with serving(create_app(served, runs=False)) as url:
        period = {"since": "2024-06-01", "until": "2024-07-01"}
        (day,) = httpx.get(f"{url}/v1/sites/site/days", params=period, timeout=30.0).json()
    assert (day["day"], day["error"], day["measured"]) == ("2024-06-04", None, 1.0)
    assert day["forecast"] + day["control"] + day["execution"] == pytest.approx(day["regret"])
    assert day["regret"] == pytest.approx(day["best"] - day["actual"])
    assert min(day["forecast"], day["best"] - day["commanded"]) >= -1e-6
    assert day["execution"] < 0.0, "what it held back in the cheap hours it gave in the dear ones"
    assert day["fallbacks"] > 0


def test_a_day_on_which_it_did_not_run_throughout_says_so(hourly):
    plant, served = hourly("2024-06-04")
    for step in range(26):
        # The meter of an interval is read in the cycle after it.
        if not 10 <= step < 14:
            assert served.cycle("site") is not None
        plant.advance()
    site = served.sites["site"]
    kept = served.store.intervals("site", *(site.history.frame.index[[0, -1]]))
    assert len(kept) == 25, "what was missed is caught up with by the laws"
    assert served.night("site") == 1
    (day,) = site.commander.records.days("site")
    assert day["measured"] == pytest.approx(20.0 / 24.0)


def test_a_tracker_is_told_of_each_day_once(hourly):
    plant, served = hourly("2024-06-04")
    told = []
    served.tracker = type("Listening", (), {"log": lambda _, run: told.append(run)})()
    for _ in range(26):
        assert served.cycle("site") is not None, served.errors
        plant.advance()
    assert (served.night("site"), served.night("site")) == (1, 0)
    (run,) = told
    (day,) = served.sites["site"].commander.records.days("site")
    assert (run.experiment, run.name, run.error) == ("service/site", "2024-06-04", None)
    assert run.figures["actual"] == day["actual"]
    assert run.parameters["agent"] == served.sites["site"].site.agent
