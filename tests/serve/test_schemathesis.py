"""Whatever is asked, nothing answers with a 5xx that is not one of its own, and every answer fits its description."""

from __future__ import annotations

import os

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "20"))
pytestmark = pytest.mark.slow


def test_no_request_breaks_the_service(plant, service):
    from hypothesis import HealthCheck, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.core.result import Ok

    from energy_gym.serve.api import create_app

    served = service(agent="idle", settings={"rate_limit_per_minute": 1_000_000})
    assert served.cycle("site") is not None
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(served, runs=False))
    calm = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()

        @calm
        @given(case=operation.as_strategy())
        def asked(case):
            case.call_and_validate(checks=[not_a_server_error])

        asked()
