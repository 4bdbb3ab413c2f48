"""The addresses of what is over: reviews of days, limits that were broken; and the one that lets a stopped site go on.

One rule: reading is answered from what is kept; nothing is computed for it.
"""

from __future__ import annotations

import datetime
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from energy_gym.serve.periods import period
from energy_gym.serve.service import Service

MOST_DAYS = 400


class DayReport(BaseModel):
    """A local day in hindsight; money in the currency, positive is earned; ``error`` says why there are no figures.

    ``regret`` is ``best`` less ``actual``, and the sum of ``forecast``, ``control`` and ``execution``.
    """

    day: datetime.date
    actual: float | None = None
    commanded: float | None = None
    planned: float | None = None
    best: float | None = None
    idle: float | None = None
    regret: float | None = None
    forecast: float | None = None
    control: float | None = None
    execution: float | None = None
    score: float | None = None
    exact: bool | None = None
    measured: float | None = None
    fallbacks: int | None = None
    agent: str | None = None
    error: str | None = None


class BrokenLimit(BaseModel):
    """A limit that a command broke: what was done, the power that was asked for and the one that was left [kW]."""

    time: datetime.datetime
    limit: str
    action: str
    asked_kw: float
    given_kw: float


class Released(BaseModel):
    """Whether a site was stopped before."""

    site: str
    was_stopped: bool


def add_days(app: FastAPI, service: Service) -> None:
    """Add the addresses of what is over."""

    @app.get("/v1/sites/{site}/days")
    def site_days(site: str, since: datetime.date, until: datetime.date) -> list[DayReport]:
        """Return the reviews of local days (half open, at most 400)."""
        records = service.site(site).commander.records
        return [DayReport(**row) for row in records.days(site, str(since), str(until))[:MOST_DAYS]]

    @app.get("/v1/sites/{site}/limits")
    def site_limits(site: str, since: datetime.datetime, until: datetime.datetime) -> list[BrokenLimit]:
        """Return the limits that commands broke in a period (half open, at most a thousand)."""
        records = service.site(site).commander.records
        rows: list[dict[str, Any]] = records.broken(site, *period(since, until))
        return [BrokenLimit(**{name: row[name] for name in BrokenLimit.model_fields}) for row in rows[:1_000]]

    @app.post("/v1/sites/{site}/release")
    def site_release(site: str) -> Released:
        """Let a site that was stopped by a limit go on; needs the role admin."""
        return Released(site=site, was_stopped=service.site(site).commander.records.release(site))
