"""What the dashboard asks of the service, directly and by way of the page on another machine."""

from __future__ import annotations

from datetime import timedelta

import pytest
from serve_asking import served
from served_page import looking

from energy_gym.serve.security import new_key

PROBLEM = {"error", "rule", "remedy"}
SITE = "/v1/sites/site"


@pytest.fixture(scope="module")
def site():
    """Return a site at which intervals have passed."""
    with served("self-consumption") as found:
        found.play(5)
        yield found


@pytest.fixture(scope="module")
def asked(site):
    return site.client.get


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
    ],
)
def test_a_browser_is_shown_the_page_and_all_others_what_they_know(asked, accept, kind):
    answer = asked("/", headers={"Accept": accept})
    assert answer.headers["Content-Type"].startswith(kind)
    assert answer.headers["Vary"] == "Accept"


def test_no_other_origin_may_read(asked):
    answer = asked(f"{SITE}/now", headers={"Origin": "https://elsewhere.example"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_facts_and_state_of_a_site(site, asked):
    assert asked("/v1/dashboard").json()["sites"] == ["site"]
    facts = asked(f"{SITE}/facts").json()
    assert (facts["capacity_kwh"], facts["soc_min"], facts["currency"]) == (500.0, 0.1, "CRC")
    assert [node["name"] for node in facts["scenario"]["units"][0]["contracts"]] == ["tariff", "demand"]
    now = asked(f"{SITE}/now").json()
    assert (now["now"], now["alarms"]) == (f"{site.plant.now:%Y-%m-%dT%H:%M:%SZ}", [])


def test_prices_of_any_time(asked):
    day = {"since": "2017-06-05T06:00:00Z", "until": "2017-06-06T06:00:00Z"}
    told = asked(f"{SITE}/prices", params=day).json()
    assert (len(told["times"]), told["unit"]) == (96, "CRC/MWh")
    assert (told["buy_per_mwh"][0], told["buy_per_mwh"][48]) == (16_000.0, 70_000.0)
    long = {"since": "2017-01-01T00:00:00Z", "until": "2018-01-01T00:00:00Z"}
    assert asked(f"{SITE}/prices", params=long).status_code == 422


def test_a_plan_of_before_with_its_schedule(site, asked):
    plan = asked(f"{SITE}/plans/2017-06-05T06:00:00Z").json()
    assert len(plan["schedule"]["battery_kw"]) == 24
    assert plan["schedule"]["battery_kw"][0] == pytest.approx(plan["battery_power_kw"])
    answer = asked(f"{SITE}/plans/2017-06-04T06:15:00Z")
    assert (answer.status_code, set(answer.json())) == (404, PROBLEM)
    assert asked(f"{SITE}/plans/2017-06-05T06:15:00").status_code == 422


def test_days_add_up_to_what_was_metered(site, asked):
    period = {"since": "2017-06-05T00:00:00Z", "until": "2017-06-07T00:00:00Z"}
    told = asked(f"{SITE}/played", params=period).json()
    assert told["days"]["day"] == ["2017-06-05"]
    assert told["days"]["reward"][0] == pytest.approx(sum(site.plant.rewards[:4]))
    assert told["days"]["stored_kw"][0][0] < 0.0
    assert told["days"]["stored_kw"][0][12] is None
    regret = asked(f"{SITE}/played/2017-06-05").json()
    assert regret["earned"] <= regret["best"] + 1e-6
    assert asked(f"{SITE}/played/2017-06-04").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "prices?since=0001-01-01T00:00:00Z&until=0001-01-02T00:00:00Z",
        "prices?since=0001-01-01T00:00:00Z&until=9999-12-31T00:00:00Z",
        "played?since=0001-01-01T00:00:00Z&until=9999-12-31T00:00:00Z",
        "played?since=9999-12-31T00:00:00Z&until=0001-01-01T00:00:00Z",
        "regret?since=9999-12-30T00:00:00Z&until=9999-12-31T00:00:00Z",
        "played/0001-01-01",
        "played/9999-12-31",
        "plans/0001-01-01T00:00:00Z",
    ],
)
def test_times_at_the_ends_of_the_calendar_are_no_fault_of_the_service(asked, path):
    assert asked(f"{SITE}/{path}").status_code in (200, 404, 422)


def test_alarms_name_what_is_amiss_the_gravest_first():
    with served() as site:
        (found,) = site.client.get(f"{SITE}/now").json()["alarms"]
        assert (found["level"], found["what"]) == ("alarm", "no plan")
        site.plant.fail("reporter", "outage")
        site.play(1)
        for _ in range(2):
            site.plant.advance()
        found = site.client.get(f"{SITE}/now").json()["alarms"]
        assert [alarm["level"] for alarm in found] == ["alarm"] * 3 + ["warning"] * (len(found) - 3)
        assert {"plan is old", "forecast of load_kw is own"} <= {alarm["what"] for alarm in found}


def test_the_page_elsewhere_hands_on_what_the_service_answers(site):
    with looking({}, site.url) as page:
        assert page.get("/v1/dashboard").json() == site.client.get("/v1/dashboard").json()
        for path in (f"{SITE}/now", f"{SITE}/plans/2017-06-05T06:15:00Z", f"{SITE}/plans", "/v1/sites/nowhere"):
            there, here = site.client.get(path), page.get(path)
            assert (here.status_code, here.json()) == (there.status_code, there.json())
        with page.stream("GET", f"{SITE}/stream") as answer:
            told = next(line for line in answer.iter_lines() if line.startswith("id: "))
        before = site.plant.now - timedelta(minutes=15)
        assert told.startswith(f"id: {before:%Y-%m-%dT%H:%M:%SZ}~")
        assert page.post(f"{SITE}/trigger").status_code == 405
        assert page.get(f"{SITE}/..%2f..%2f..%2fmetrics").status_code == 404


def test_a_key_is_the_machines_own_or_of_who_looks():
    reads = new_key("read")
    with served(api_keys={reads.hashed: "read"}) as site:
        assert site.client.get("/", headers={"Accept": "text/html"}).status_code == 200
        assert site.client.get("/assets/app.js").status_code == 200
        with looking({}, site.url, reads.key) as page:
            assert page.get("/v1/dashboard").json()["sites"] == ["site"]
        with looking({}, site.url) as page:
            assert page.get("/v1/dashboard").status_code == 401
            assert page.get("/v1/dashboard", headers={"X-API-Key": reads.key}).status_code == 200
        url = site.url
    with looking({}, url) as page:
        answer = page.get(f"{SITE}/now")
        assert (answer.status_code, set(answer.json())) == (502, PROBLEM)
