"""A plant with its two services, and ours beside it, over HTTP on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from serve_plant import HOURS, commercial

from energy_gym.serve.service import Service
from energy_gym.serve.settings import SiteSettings, read_settings
from energy_gym.serve.simulation import Plant, reporter_app, serving, validator_app


@pytest.fixture
def plant() -> Plant:
    """Return a site from a Monday on, for four days."""
    return Plant(commercial(), "2017-06-05", 4 * 96)


@pytest.fixture
def service(plant: Plant) -> Iterator[Callable[..., Service]]:
    """Return a function that makes a service for the plant; what it is told goes to settings and site."""
    with ExitStack() as stack:
        urls = {
            "reporter_base_url": stack.enter_context(serving(reporter_app(plant))),
            "bms_base_url": stack.enter_context(serving(validator_app(plant))),
        }

        def made(database_url: str = "sqlite://", settings: dict[str, Any] | None = None, **site: Any) -> Service:
            quick = {"mpc_horizon_hours": HOURS, "request_attempts": 1, "request_timeout_seconds": 0.5}
            told = read_settings(_env_file=None, **{**quick, **urls, "database_url": database_url, **(settings or {})})
            found = Service(told, [SiteSettings(**site)], now=lambda: plant.now)
            stack.callback(found.stop)
            return found

        yield made
