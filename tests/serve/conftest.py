"""A plant with its two services, and ours beside it, over HTTP on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

import pandas as pd
from serve_plant import MADRID, QUICK, SITE, commercial

from energy_gym.scenarios.composed import ScenarioEnv
from energy_gym.serve.service import Service
from energy_gym.serve.settings import SiteSettings, read_settings
from energy_gym.serve.simulation import Plant, serving_plant


@pytest.fixture
def plant() -> Plant:
    """Return a site from a Monday on, for four days."""
    return Plant(commercial(), "2017-06-05", 4 * 96)


@pytest.fixture
def service(plant: Plant) -> Iterator[Callable[..., Service]]:
    """Return a function that makes a service for the plant; what it is told goes to settings and site."""
    with ExitStack() as stack:
        urls = stack.enter_context(serving_plant(plant))

        def made(database_url: str = "sqlite://", settings: dict[str, Any] | None = None, **site: Any) -> Service:
            told = read_settings(_env_file=None, **{**QUICK, **urls, "database_url": database_url, **(settings or {})})
            found = Service(told, [SiteSettings(**site)], now=lambda: plant.now)
            stack.callback(found.stop)
            return found

        yield made


@pytest.fixture
def hourly(tmp_path):
    """Return a function that makes a plant in Madrid from a local day on, and a service for it, by the hour."""
    with ExitStack() as stack:

        def made(day):
            begun = pd.Timestamp(day, tz=MADRID).tz_convert("UTC")
            times = pd.date_range(begun - pd.Timedelta(days=14), periods=24 * 20, freq="h")
            hour = times.tz_convert(MADRID).hour.to_numpy()
            frame = pd.DataFrame({"load_kw": 30.0 + hour, "pv_kw": 40.0 * ((hour > 8) & (hour < 18))}, times)
            frame.to_csv(tmp_path / "past.csv", index_label="time")
            (tmp_path / "site.yaml").write_text(SITE)
            keywords = {"forecast": "yesterday", "horizon": 24, "zone": MADRID, "split": "all"}
            plant = Plant(ScenarioEnv(scenario=tmp_path / "site.yaml", data=frame, **keywords), begun, 24 * 4)
            urls = stack.enter_context(serving_plant(plant))
            told = {"mpc_horizon_hours": 24, "mpc_time_step_minutes": 60, "mpc_interval_minutes": 60}
            quick = {"request_attempts": 1, "database_url": "sqlite://"}
            site = {"scenario": tmp_path / "site.yaml", "data": str(tmp_path / "past.csv"), "zone": MADRID}
            settings = read_settings(_env_file=None, **told, **quick, **urls)
            served = Service(settings, [SiteSettings(agent="self-consumption", **site)], now=lambda: plant.now)
            stack.callback(served.stop)
            live = served.sites["site"]
            live.commander.controller.breaker.open_seconds = live.reporter.breaker.open_seconds = 0.0
            return plant, served

        yield made
