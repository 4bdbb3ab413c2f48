"""The description of the addresses that lies in the repository is the one that the service gives."""

from __future__ import annotations

import json
from pathlib import Path

from energy_gym.serve.api import create_app

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_the_description_in_the_repository_is_that_of_the_service(service):
    told = create_app(service(agent="idle"), runs=False).openapi()
    assert json.loads(FILE.read_text(encoding="utf-8")) == json.loads(json.dumps(told)), (
        "python docs/build_openapi.py writes it again"
    )
