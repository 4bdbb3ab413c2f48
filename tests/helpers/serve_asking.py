"""A site that happens, its service really served, and a client of it, for tests that share them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import httpx
from serve_plant import QUICK, commercial

from energy_gym.serve.api import create_app
from energy_gym.serve.service import Service
from energy_gym.serve.settings import SiteSettings, read_settings
from energy_gym.serve.simulation import Plant, serving, serving_plant


class Served(NamedTuple):
    """A site, its service, and a client of that."""

    plant: Plant
    service: Service
    client: httpx.Client

    @property
    def url(self) -> str:
        """Where the service answers."""
        return str(self.client.base_url).rstrip("/")

    def play(self, count: int) -> None:
        """Let intervals pass: each is planned for, then over."""
        for _ in range(count):
            self.service.cycle(self.service.first)
            self.plant.advance()


@contextmanager
def served(agent: str = "idle", **settings: Any) -> Iterator[Served]:
    """Serve a site from a Monday on, for four days."""
    plant = Plant(commercial(), "2017-06-05", 4 * 96)
    with ExitStack() as stack:
        urls = stack.enter_context(serving_plant(plant))
        told = read_settings(_env_file=None, **{**QUICK, **urls, "database_url": "sqlite://", **settings})
        service = Service(told, [SiteSettings(agent=agent)], now=lambda: plant.now)
        stack.callback(service.stop)
        url = stack.enter_context(serving(create_app(service, runs=False)))
        yield Served(plant, service, stack.enter_context(httpx.Client(base_url=url, timeout=30.0)))
