"""Limits of every command: cut, told or stopped, and kept whatever the log's level is."""

from __future__ import annotations

import httpx
import pandas as pd
import pytest
from serve_plant import Seen

from energy_gym.serve.api import create_app
from energy_gym.serve.safety import Guard, Stand
from energy_gym.serve.security import new_key
from energy_gym.serve.simulation import serving
from energy_gym.serve.site_parts import LIMITS, Limits

# 100 kWh of which half is stored, without losses, over an hour.
HALF = Stand(50.0, 100.0, 1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("limits", "asked", "stand", "given"),
    [
        ({"charge_kw": 20.0}, 80.0, HALF, 20.0),
        ({"discharge_kw": 20.0}, -80.0, HALF, -20.0),
        ({"change_kw": 10.0}, 40.0, HALF, 10.0),
        ({"soc_max": 0.8}, 80.0, HALF, 30.0),
        ({"soc_min": 0.3}, -80.0, HALF, -20.0),
        ({"soc_min": 0.6}, -80.0, HALF, 0.0),
        ({"daily_kwh": 100.0}, 80.0, HALF._replace(moved_kwh=75.0), 25.0),
        ({"temperature_c": 40.0}, 80.0, HALF._replace(temperature_c=41.0), 0.0),
        ({"temperature_c": 40.0}, 80.0, HALF, 80.0),
        ({"charge_kw": 20.0, "change_kw": 50.0}, 80.0, HALF, 20.0),
    ],
)
def test_each_limit_cuts_a_command_or_only_warns_or_stops(limits, asked, stand, given):
    power, found = Guard(Limits(**limits)).checked(asked, 0.0, stand)
    assert power == pytest.approx(given)
    assert [broken.given_kw for broken in found][-1:] == ([] if given == asked else [pytest.approx(given)])
    for action, expected in (("warn", asked), ("stop", given if given == asked else 0.0)):
        told = Limits(**limits, actions=dict.fromkeys(limits, action))
        assert Guard(told).checked(asked, 0.0, stand)[0] == pytest.approx(expected), action


def test_every_limit_is_looked_at():
    assert set(LIMITS) == set(Limits.model_fields) - {"actions"}


def test_what_was_broken_is_kept_and_told_and_a_stop_lasts_until_it_is_released(plant, service):
    keys = {name: new_key(name) for name in ("trigger", "admin")}
    told = {"api_keys": {key.hashed: name for name, key in keys.items()}}
    limits = {"charge_kw": 20.0, "soc_max": 0.515, "actions": {"soc_max": "stop"}}
    served = service("sqlite://", told, agent="serve_plant:charges", limits=limits)
    powers = []
    for _ in range(3):
        plan = served.cycle("site")
        powers.append(plan.power_kw)
        plant.advance()
    assert powers == pytest.approx([20.0, 0.0, 0.0])
    assert plan.reason == "stopped by soc_max until it is released"
    records = served.sites["site"].commander.records
    kept = records.broken("site", pd.Timestamp("2017-01-01T00:00Z"), pd.Timestamp("2018-01-01T00:00Z"))
    assert {row["limit"] for row in kept} == {"charge_kw", "soc_max"}
    with serving(create_app(served, runs=False)) as url, httpx.Client(base_url=url) as client:

        def answered(method, path, name, **params):
            headers = {"X-API-Key": keys[name].key}
            return client.request(method, f"/v1/sites/site/{path}", params=params, headers=headers)

        period = {"since": "2017-01-01T00:00Z", "until": "2018-01-01T00:00Z"}
        assert len(answered("GET", "limits", "trigger", **period).json()) == len(kept)
        assert answered("POST", "release", "trigger").status_code == 403
        assert answered("POST", "release", "admin").json() == {"site": "site", "was_stopped": True}
    assert "stopped by" not in served.cycle("site").reason


def test_the_log_of_limits_is_written_at_every_level(plant, service, capsys):
    import structlog

    from energy_gym.serve.logs import log_at

    log_at("ERROR")
    try:
        service(agent="serve_plant:charges", limits={"charge_kw": 20.0}).cycle("site")
    finally:
        structlog.reset_defaults()
    written = capsys.readouterr().err
    assert "limit broken" in written
    assert '"planned"' not in written


def test_a_battery_that_is_too_hot_rests(plant, service):
    served = service(agent="serve_plant:charges", limits={"temperature_c": 40.0})
    plant.temperature_c = 45.0
    plan = served.cycle("site")
    assert (plan.power_kw, "temperature_c=40" in plan.reason) == (0.0, True)
    plant.temperature_c = 35.0
    assert served.cycle("site").power_kw > 0.0


def test_the_loop_is_closed_by_what_the_controller_confirms(plant, service):
    served, seen = service(agent="serve_plant:charges"), Seen()
    site = served.sites["site"]
    site.callbacks = site.commander.callbacks = (seen,)
    served.cycle("site")
    plant.advance()
    plant.most_kw = 10.0
    plan = served.cycle("site")
    plant.advance()
    assert (plan.status, plan.reason) == ("fallback", "the battery's controller takes 10.00 kW")
    served.cycle("site")
    assert [what for what, _ in seen.heard[:2]] == ["planned", "commanded"]
    assert [figure for what, figure in seen.heard if what == "commanded"] == [25.0, 10.0, 10.0]
    kept = served.store.intervals("site", *(pd.Timestamp(year) for year in ("2017-01-01T00:00Z", "2018-01-01T00:00Z")))
    assert kept["power_kw"].tolist() == pytest.approx([25.0, 10.0])
    assert kept["reward"].tolist() == pytest.approx(plant.rewards[:2], abs=1e-6)
