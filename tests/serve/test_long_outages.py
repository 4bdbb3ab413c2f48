"""Hours and days in which something is amiss: both daylight-saving days, a forecaster and a battery that are gone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from serve_plant import cycles

from energy_gym.serve.hindsight import bounds
from energy_gym.serve.plan import Plan


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25)])
def test_a_day_on_which_clocks_are_set_is_planned_and_reviewed_in_each_of_its_hours(hourly, day, hours):
    plant, served = hourly(day)
    assert served.night("site") == 0
    plans = cycles(plant, served, hours + 2)
    assert [(plan.status, plan.reason) for plan in plans] == [("optimal", "")] * len(plans)
    site = served.sites["site"]
    since, until = bounds(site, day)
    kept = served.store.intervals("site", since, until)
    assert len(kept) == (until - since) / pd.Timedelta("1h") == hours
    assert kept["reward"].tolist() == pytest.approx(plant.rewards[:hours], abs=1e-9)
    assert served.night("site") == 1
    (review,) = site.commander.records.days("site")
    assert (review["day"], review["measured"]) == (day, 1.0)
    assert review["forecast"] + review["control"] + review["execution"] == pytest.approx(review["regret"])


def test_a_forecaster_gone_at_the_start_and_a_battery_gone_for_a_day_are_told_and_come_back(hourly):
    plant, served = hourly("2024-06-04")
    plant.fail("reporter", "outage")
    plans = cycles(plant, served, 6)
    assert {plan.status for plan in plans} == {"fallback"}
    assert all("forecasts are own" in plan.reason for plan in plans)
    load = served.sites["site"].beliefs["load_kw"].values
    assert np.abs(load - (30.0 + (np.arange(24) + 5) % 24)).max() < 1e-9, "what is usual there, and no zeros"
    plant.fail("reporter", "")
    plant.fail("bms", "outage")
    gone = cycles(plant, served, 24)
    assert {plan.status for plan in gone} == {"fallback"}
    assert all("no reading" in plan.reason and "not taken" in plan.reason for plan in gone)
    assert all(-50.0 <= plan.power_kw <= 50.0 for plan in gone)
    plant.fail("bms", "")
    back = cycles(plant, served, 2)
    assert [plan.status for plan in back] == ["optimal"] * 2
    assert back[-1].schedule.soc[1] == pytest.approx(plant.soc)


def test_a_day_on_which_clocks_are_set_at_midnight_has_its_first_moment_and_its_limit_of_energy(plant, service):
    site = service(agent="idle", zone="America/Santiago", limits={"daily_kwh": 100.0}).sites["site"]
    since, until = bounds(site, "2017-08-13")
    assert (since.isoformat(), until - since) == ("2017-08-13T04:00:00+00:00", pd.Timedelta("23h"))
    for moment, power in ((since - site.step, 40.0), (since, -20.0)):
        site.store.keep_plan(Plan("site", moment, power, "optimal", "", None, 0.0, ""))
    assert site.commander._moved(since + pd.Timedelta("8h")) == 5.0


def test_a_clock_that_is_set_forward_and_back_is_told_and_leaves_the_bill_right(hourly):
    plant, served = hourly("2024-06-04")
    off, site, plans = pd.Timedelta(0), served.sites["site"], {}
    served.now = lambda: plant.now + off
    for hours, lasts in ((0, 6), (3, 2), (0, 4), (-2, 3), (24 * 30, 1), (0, 12)):
        off = pd.Timedelta(hours=hours)
        plans[hours] = cycles(plant, served, lasts)
        assert all(-50.0 <= plan.power_kw <= 50.0 for plan in plans[hours])
        assert site.env.time == plans[hours][-1].time == plant.now - site.step + off
        assert all(plan.reason for plan in plans[hours] if hours), "nothing is amiss in silence"
    told = [plan.reason for plan in plans[0]]
    assert told[0] == "the clock was set back, it had been 2024-07-04 13:00 UTC"
    assert told[1:] == [""] * 11, "and all is well after that"
    since = plans[0][0].time
    kept = served.store.intervals("site", since, plans[0][-1].time)
    assert kept["reward"].tolist() == pytest.approx(plant.rewards[-12:-1], abs=1e-9)


def test_a_service_that_was_started_by_a_clock_ahead_goes_on_from_what_was_known_before(plant, service, tmp_path):
    url = f"sqlite:///{tmp_path / 'service.db'}"
    served = service(url, agent="idle")
    cycles(plant, served, 8)
    states = plant.env.states
    served.stop()
    ahead = service(url, agent="idle")
    ahead.now = lambda: plant.now + pd.Timedelta("20D")
    assert ahead.cycle("site") is not None
    ahead.stop()
    again = service(url, agent="idle")
    (plan,) = cycles(plant, again, 1)
    assert "the clock was set back" in plan.reason
    assert again.sites["site"].env.states[1:] == pytest.approx(states[1:]), "the month's maxima are still known"
