"""The stream of a site: what is heard as it happens, and what who comes back has missed."""

from __future__ import annotations

import itertools
import json
from contextlib import ExitStack
from datetime import timedelta

import httpx
import pytest
from serve_asking import served

from energy_gym.serve import stream
from energy_gym.serve.security import new_key

PROBLEM = {"error", "rule", "remedy"}


@pytest.fixture(scope="module")
def site():
    """Return a site at which an interval has passed."""
    with served() as found:
        found.play(1)
        yield found


def events(answer, kinds=("plan",)):
    """Yield the events of some kinds that a stream tells, as they come: dictionaries of their fields."""
    fields = {}
    for line in answer.iter_lines():
        name, mark, value = line.partition(": ")
        if mark and name:
            fields[name] = value
        elif not line:
            if fields.get("event") in kinds:
                yield {**fields, "data": json.loads(fields["data"])}
            fields = {}


def heard(site, count, kinds=("plan",), **headers):
    """Return the first events of some kinds."""
    with site.client.stream("GET", "/v1/sites/site/stream", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        return list(itertools.islice(events(answer, kinds), count))


def times(told):
    return [one["data"]["plan"]["time"][11:16] for one in told]


def test_who_listens_first_hears_the_last_plan_and_how_the_site_is(site):
    site.play(1)
    plan, status = heard(site, 2, ("plan", "status"))
    before = site.plant.now - timedelta(minutes=15)
    assert plan["id"].startswith(f"{before:%Y-%m-%dT%H:%M:%SZ}~")
    assert plan["data"]["plan"]["status"] == "optimal"
    assert [row["time"] for row in plan["data"]["intervals"]] == [(before - timedelta(minutes=15)).isoformat()]
    assert {len(values) for values in plan["data"]["outlook"].values()} == {24}
    assert (status["data"]["site"], status["data"]["alarms"]) == ("site", [])
    assert "id" not in status


def test_who_comes_back_hears_what_was_missed_once_and_in_order(site):
    (first,) = heard(site, 1)
    since = site.plant.now
    site.play(3)
    missed = heard(site, 3, **{"Last-Event-ID": first["id"]})
    quarters = [since + timedelta(minutes=15 * k) for k in range(-1, 3)]
    assert times(missed) == [f"{moment:%H:%M}" for moment in quarters[1:]]
    assert [[row["time"] for row in one["data"]["intervals"]] for one in missed] == [
        [moment.isoformat()] for moment in quarters[:-1]
    ]


def test_who_missed_too_much_is_told_the_last_of_it(site, monkeypatch):
    (last,) = heard(site, 1)
    site.play(2)
    monkeypatch.setattr(stream, "MOST_MISSED", 1)
    (told,) = heard(site, 1, **{"Last-Event-ID": last["id"]})
    assert told["data"]["plan"]["time"] == (site.plant.now - timedelta(minutes=15)).isoformat()
    assert len(told["data"]["intervals"]) == 1


def test_a_plan_that_took_the_place_of_another_is_told_again(site):
    (last,) = heard(site, 1)
    other = last["id"][:-1] + ("0" if last["id"][-1] != "0" else "1")
    (again,) = heard(site, 1, **{"Last-Event-ID": other})
    assert again["id"] == last["id"]


def test_an_id_of_a_plan_yet_to_come_begins_with_the_last_one(site):
    (last,) = heard(site, 1)
    (again,) = heard(site, 1, **{"Last-Event-ID": "2031-01-01T00:00:00Z~00000000"})
    assert again["id"] == last["id"]


def test_a_plan_is_heard_when_it_is_made(site):
    with site.client.stream("GET", "/v1/sites/site/stream") as answer:
        plans = events(answer)
        (first,) = times([next(plans)])
        site.play(1)
        (second,) = times([next(plans)])
        assert second > first


def test_a_plan_that_comes_late_raises_an_alarm(site, monkeypatch):
    monkeypatch.setattr(stream, "ASK_SECONDS", 0.1)
    site.play(1)
    with site.client.stream("GET", "/v1/sites/site/stream") as answer:
        states = events(answer, ("status",))
        assert next(states)["data"]["alarms"] == []
        for _ in range(2):
            site.plant.advance()
        told = next(one for one in states if one["data"]["alarms"])
        assert told["data"]["alarms"][0]["what"] == "plan is old"


def test_a_stream_shows_that_it_lives(site, monkeypatch):
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.01)
    with site.client.stream("GET", "/v1/sites/site/stream") as answer:
        assert next(line for line in answer.iter_lines() if line.startswith(":")) == ": still here"


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/v1/sites/nowhere/stream", {}, 404),
        ("/v1/sites/site/stream", {"Last-Event-ID": "7"}, 422),
        ("/v1/sites/site/stream", {"Last-Event-ID": "2017-99-99T00:00:00Z~0"}, 422),
    ],
)
def test_what_cannot_be_listened_to_is_refused(site, path, headers, code):
    answer = site.client.get(path, headers=headers)
    assert (answer.status_code, set(answer.json())) == (code, PROBLEM)


def test_so_many_listen_at_a_time(site, monkeypatch):
    monkeypatch.setattr(stream, "MOST_STREAMS", 0)
    answer = site.client.get("/v1/sites/site/stream")
    assert (answer.status_code, set(answer.json())) == (503, PROBLEM)
    assert int(answer.headers["Retry-After"]) > 0


def test_streams_are_for_who_may_read_and_end_with_the_server():
    reads, path = new_key("read"), "/v1/sites/site/stream"
    with ExitStack() as stack:
        with served(api_keys={reads.hashed: "read"}) as site:
            assert site.client.get(path).status_code == 401
            assert site.client.get(f"{path}?X-API-Key={reads.key}").status_code == 401
            elsewhere = httpx.Client(base_url=site.url, headers={"X-API-Key": reads.key}, timeout=30.0)
            stack.enter_context(elsewhere)
            lines = elsewhere.send(elsewhere.build_request("GET", path), stream=True).iter_lines()
            assert next(lines) == "retry: 3000"
        assert "event: plan" not in list(lines)
