"""Whatever is asked, nothing answers with a 5xx that is not one of its own, and every answer fits its description."""

from __future__ import annotations

import os

import pytest

from energy_gym.serve.admission import OPEN
from energy_gym.serve.security import new_key

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "20"))
PROBLEM = {"error", "rule", "remedy"}
pytestmark = pytest.mark.slow


def operations(served):
    """Yield what can be asked of a service."""
    from schemathesis.core.result import Ok

    from energy_gym.serve.api import create_app

    for found in schemathesis.openapi.from_asgi("/openapi.json", create_app(served, runs=False)).get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


def each(operation, examples, asked):
    """Let something be asked of an operation in many ways."""
    from hypothesis import HealthCheck, given, settings

    calm = settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    calm(given(case=operation.as_strategy())(lambda case: asked(case)))()


def has_one_shape(answer):
    """Return whether an answer is no error, or one of the one shape."""
    return answer.status_code < 400 or set(answer.json()) == PROBLEM


def test_no_request_breaks_the_service(plant, service):
    from schemathesis.checks import not_a_server_error

    served = service(agent="idle", settings={"rate_limit_per_minute": 1_000_000})
    assert served.cycle("site") is not None

    def asked(case):
        assert has_one_shape(case.call_and_validate(checks=[not_a_server_error]))

    for operation in operations(served):
        each(operation, EXAMPLES, asked)


@pytest.mark.parametrize(("role", "code"), [(None, 401), ("read", 403)])
def test_no_request_gets_past_its_key(plant, service, role, code):
    made = new_key("read")
    served = service(agent="idle", settings={"rate_limit_per_minute": 1_000_000, "api_keys": {made.hashed: "read"}})
    headers = {"X-API-Key": "eg-read-guessed" if role is None else made.key}

    def refused(case):
        answer = case.call(headers=headers)
        assert (answer.status_code, set(answer.json())) == (code, PROBLEM), answer.request.url

    closed = [operation for operation in operations(served) if operation.path not in OPEN]
    asked = [operation for operation in closed if role is None or operation.method.upper() == "POST"]
    assert len(asked) >= 4
    for operation in asked:
        each(operation, 3, refused)


def test_who_asks_too_often_is_told_to_wait_whatever_is_asked(plant, service):
    served = service(agent="idle", settings={"rate_limit_per_minute": 1})

    def waits(case):
        answer = case.call()
        if answer.status_code == 429:
            assert (int(answer.headers["retry-after"][0]) > 0, set(answer.json())) == (True, PROBLEM)
            told.append(case.operation.path)

    told = []
    asked = list(operations(served))
    for operation in asked:
        each(operation, 2, waits)
    assert len(set(told)) >= len(asked) - 1, "the first may be let in"
