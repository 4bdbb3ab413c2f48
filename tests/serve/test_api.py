"""The addresses of the service: their answers field by field, and one shape for every error."""

from __future__ import annotations

from contextlib import ExitStack

import httpx
import pytest

from energy_gym.serve.api import create_app
from energy_gym.serve.security import new_key
from energy_gym.serve.simulation import serving

DISPATCH = {"timestamp", "battery_power_kw", "status"}
SCHEDULE = {
    "timestamp",
    "horizon_hours",
    "battery_power_schedule",
    "grid_power_schedule",
    "soc_schedule",
    "total_cost",
    "energy_cost",
    "demand_cost",
    "peak_demand",
    "solver_status",
    "solver_time",
}
CHARGES = "serve_plant:charges"
PROBLEM = {"error", "rule", "remedy"}


@pytest.fixture
def asked(service):
    """Return a function that serves a service and returns a client of it."""
    with ExitStack() as stack:

        def made(served):
            url = stack.enter_context(serving(create_app(served, runs=False)))
            return stack.enter_context(httpx.Client(base_url=url, timeout=30.0))

        yield made


def test_the_addresses_of_the_mpc_service_answer_field_by_field(plant, service, asked):
    client = asked(service(agent="self-consumption"))
    early = client.get("/api/mpc/current_dispatch")
    assert (early.status_code, set(early.json())) == (503, PROBLEM)
    dispatch = client.post("/api/mpc/trigger").json()
    assert set(dispatch) == DISPATCH
    assert client.get("/api/mpc/current_dispatch").json() == dispatch
    assert dispatch["timestamp"] == "2017-06-05T06:00:00Z"
    told = client.get("/api/mpc/full_schedule").json()
    assert set(told) == SCHEDULE
    assert told["battery_power_schedule"][0] == pytest.approx(dispatch["battery_power_kw"])
    assert (told["horizon_hours"], told["solver_status"]) == (6.0, "optimal")
    status = client.get("/api/mpc/status").json()
    assert (status["quality"], status["reason"]) == ("fresh", "")
    assert client.get("/health").json()["status"] == "healthy"
    assert "/api/mpc/trigger" in client.get("/").json()["endpoints"]
    assert client.get("/docs").status_code == 200


def test_readiness_looks_at_the_age_of_plans(plant, service, asked):
    client = asked(service(agent="idle"))
    assert client.get("/v1/ready").status_code == 503
    client.post("/v1/sites/site/trigger")
    assert client.get("/v1/ready").json() == {"status": "ready"}
    for _ in range(4):
        plant.advance()
    assert "old" in client.get("/v1/ready").json()["rule"]
    assert client.get("/v1/live").status_code == 200
    late = client.get("/v1/sites/site/dispatch").json()
    assert (late["status"], late["timestamp"]) == ("fallback", "2017-06-05T07:00:00Z")


def test_plans_intervals_and_metrics_are_kept(plant, service, asked):
    client = asked(service(agent="idle"))
    for _ in range(3):
        client.post("/v1/sites/site/events")
        plant.advance()
    period = {"since": "2017-06-05T06:00:00Z", "until": "2017-06-06T00:00:00Z"}
    assert len(client.get("/v1/sites/site/plans", params=period).json()) == 3
    intervals = client.get("/v1/sites/site/intervals", params=period).json()
    assert [row["measured"] for row in intervals] == [True, True]
    assert intervals[0]["reward"] == pytest.approx(plant.rewards[0])
    assert 'energy_gym_plans_total{site="site",status="optimal"} 3.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/v1/sites/nowhere", 404),
        ("GET", "/v1/sites/site/plans", 422),
        ("GET", "/v1/sites/site/plans?since=2017-01-01T00:00:00&until=2018-01-01T00:00:00Z", 422),
        ("GET", "/nowhere", 404),
        ("DELETE", "/health", 405),
    ],
)
def test_every_error_has_one_shape(service, asked, method, path, code):
    answer = asked(service(agent="idle")).request(method, path)
    assert (answer.status_code, set(answer.json())) == (code, PROBLEM)


def test_keys_open_what_their_role_may(service, asked):
    reads, triggers = new_key("read"), new_key("trigger")
    keys = {reads.hashed: "read", triggers.hashed: "trigger"}
    client = asked(service(settings={"api_keys": keys}, agent="idle"))

    def code(method, path, key=None):
        return client.request(method, path, headers={"X-API-Key": key} if key else {}).status_code

    assert code("GET", "/health") == 200
    assert code("GET", "/api/mpc/status") == 401
    assert code("GET", "/api/mpc/status", "eg-read-guessed") == 401
    assert code("GET", "/api/mpc/status", reads.key) == 200
    assert code("POST", "/api/mpc/trigger", reads.key) == 403
    assert code("POST", "/api/mpc/trigger", triggers.key) == 200


def test_who_asks_too_often_is_told_to_wait(service, asked):
    client = asked(service(settings={"rate_limit_per_minute": 3}, agent="idle"))
    answers = [client.get("/health") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_a_body_that_is_too_large_is_refused(service, asked):
    client = asked(service(agent="idle"))
    assert client.post("/v1/sites/site/events", content=b"x" * 1_000_001).status_code == 413


def test_a_command_that_is_ready_is_that_of_the_plan_and_lets_nobody_in(plant, service, asked):
    reads = new_key("read")
    served = service(settings={"api_keys": {reads.hashed: "read"}}, agent=CHARGES)
    client, told = asked(served), []
    for path in ("/api/mpc/current_dispatch", "/v1/sites/site/dispatch"):
        assert client.get(path, headers={"X-API-Key": reads.key}).status_code == 503, "there is no plan yet"
    for _ in range(2):
        plan = served.cycle("site")
        for path in ("/api/mpc/current_dispatch", "/v1/sites/site/dispatch"):
            assert client.get(path).status_code == 401
            answer = client.get(path, headers={"X-API-Key": reads.key})
            assert answer.headers["Content-Type"] == "application/json"
            told.append(answer.json())
            assert told[-1]["battery_power_kw"] == pytest.approx(plan.power_kw)
        plant.advance()
    assert told[0] == told[1] != told[2] == told[3]
    stale = client.get("/v1/sites/site/dispatch", headers={"X-API-Key": reads.key}).json()
    assert stale["timestamp"] == plant.now.strftime("%Y-%m-%dT%H:%M:%SZ"), "the interval has gone on"
    served.errors["site"] = "the database failed"
    assert client.get("/v1/sites/site/dispatch", headers={"X-API-Key": reads.key}).json()["status"] == "fallback"
