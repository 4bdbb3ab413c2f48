"""What goes wrong in the field: the command stays within its limits, the reason is told, nothing becomes zero."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from serve_plant import cycles

from energy_gym.serve.simulation import FAULTS, LATE_SECONDS

CHARGES = "serve_plant:charges"
QUICK = [fault for fault in FAULTS if fault != "late"]


@pytest.mark.parametrize("fault", QUICK)
@pytest.mark.parametrize("who", ["reporter", "bms"])
def test_every_command_is_within_the_limits_and_no_fault_is_silent(plant, service, who, fault):
    served = service(agent="self-consumption", limits={"charge_kw": 60.0, "discharge_kw": 40.0})
    served.sites["site"].bms.breaker.open_seconds = served.sites["site"].reporter.breaker.open_seconds = 0.0
    cycles(plant, served, 2)
    plant.fail(who, fault)
    plans = cycles(plant, served, 3)
    assert all(-40.0 <= plan.power_kw <= 60.0 for plan in plans)
    silent = {("reporter", "stuck"), ("reporter", "clock"), ("bms", "stuck")}  # a battery at rest stands still
    if (who, fault) not in silent:
        assert all(plan.reason for plan in plans[1:])
    if who == "reporter" and (who, fault) not in silent:
        values = served.sites["site"].beliefs["load_kw"].values
        assert served.sites["site"].quality in ("late", "own")
        assert values.min() > 50.0, "the site draws at least 100 kW at all times"
    plant.fail(who, "")
    assert cycles(plant, served, 2)[-1].status == "optimal"


def test_services_that_answer_too_late_are_not_waited_for(plant, service):
    served = service(settings={"request_timeout_seconds": 0.5}, agent="self-consumption")
    cycles(plant, served, 1)
    plant.fail("reporter", "late")
    plant.fail("bms", "late")
    (plan,) = cycles(plant, served, 1)
    assert plan.status == "fallback"
    assert plan.seconds < 0.5 * LATE_SECONDS
    assert plan.reason.count("ReadTimeout") == 4, "two forecasts, the reading and the command"
    assert served.sites["site"].beliefs["load_kw"].values.min() > 50.0
    plant.fail("reporter", "")
    plant.fail("bms", "")
    assert cycles(plant, served, 2)[-1].status == "optimal"


def test_a_state_of_charge_that_stands_still_is_noticed_and_told(plant, service):
    served, site = (found := service(agent=CHARGES)), found.sites["site"]
    cycles(plant, served, 1)
    plant.fail("bms", "stuck")
    first, *_, last = cycles(plant, served, 5)
    assert (first.status, site.quality) == ("optimal", "stuck")
    assert (last.status, "stood at" in last.reason) == ("fallback", True)
    assert last.schedule.soc[1] == pytest.approx(plant.soc, abs=1e-9), "the laws carry it on from there"
    text = served.metrics.text().decode()
    assert 'energy_gym_state_of_charge_stuck{site="site"} 1.0' in text
    plant.fail("bms", "")
    (plan,) = cycles(plant, served, 1)
    assert (plan.status, plan.reason, site.quality) == ("optimal", "", "fresh")


def test_a_forecaster_that_was_never_there_is_no_plan_on_zeros(plant, service):
    plant.fail("reporter", "outage")
    served = service()
    (plan,) = cycles(plant, served, 1)
    assert plan.status == "fallback"
    assert "forecasts are own" in plan.reason
    load = served.sites["site"].beliefs["load_kw"].values
    assert 90.0 < load.min() < load.max() < 500.0


def test_what_the_meter_has_shown_is_what_the_site_expects(plant, service):
    plant.fail("reporter", "outage")
    served = service(agent="idle")
    for day, load in ((1, 200.0), (2, 240.0)):
        served.store.keep_interval("site", plant.now - pd.Timedelta(days=day), {"load_kw": load})
    cycles(plant, served, 1)
    expected, usual = served.sites["site"].beliefs["load_kw"].values, served.sites["site"].history.usual
    assert expected[0] == 220.0
    assert np.array_equal(expected[1:], usual("load_kw", pd.date_range(plant.now, periods=23, freq="15min")))


def test_a_battery_that_is_not_heard_of_is_believed_to_follow(plant, service):
    served = service(agent="self-consumption")
    cycles(plant, served, 2)
    plant.fail("bms", "outage")
    (plan,) = cycles(plant, served, 1)
    assert plan.status == "fallback"
    assert "no reading of the battery" in plan.reason
    assert "the command was not taken" in plan.reason


def test_a_planner_that_raises_gives_way_to_the_last_plan(plant, service, monkeypatch):
    served = service()
    first = served.cycle("site")
    plant.advance()
    site = served.sites["site"]
    monkeypatch.setattr(site._decider.agent, "act", lambda observation, info: 1 / 0)
    second = served.cycle("site")
    assert second.status == "fallback"
    assert "ZeroDivisionError" in second.reason
    assert second.power_kw == pytest.approx(first.schedule.battery_kw[1])


def test_a_planner_that_never_answers_gives_way_in_time(plant, service, monkeypatch):
    import threading

    served = service(settings={"solve_timeout_seconds": 0.2}, agent="self-consumption")
    assert served.cycle("site").status == "optimal"
    plant.advance()
    ends = threading.Event()
    monkeypatch.setattr(served.sites["site"]._decider.agent, "act", lambda observation, info: ends.wait(30.0))
    try:
        late = served.cycle("site")
        plant.advance()
        busy = served.cycle("site")
    finally:
        ends.set()
    assert (late.status, busy.status) == ("fallback", "fallback")
    assert "no plan within 0.2 s" in late.reason
    assert "still busy" in busy.reason


def test_a_state_of_charge_outside_its_limits_is_led_back(plant, service):
    plant.env._states = (0.02 * 500.0, *plant.env.states[1:])
    served = service()
    (plan,) = cycles(plant, served, 1)
    assert plan.status == "optimal"
    assert plan.power_kw > 0.0
