"""What the service answers, field by field; its one rule: powers in kW, shares as shares, money in the currency."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel


class Dispatch(BaseModel):
    """The command of the running interval; positive power charges [kW]."""

    timestamp: datetime
    battery_power_kw: float
    status: str


class FullSchedule(BaseModel):
    """A plan over its horizon: powers [kW], states of charge as shares (one more than powers), money, seconds."""

    timestamp: datetime
    horizon_hours: float
    battery_power_schedule: list[float]
    grid_power_schedule: list[float]
    soc_schedule: list[float]
    total_cost: float
    energy_cost: float
    demand_cost: float
    peak_demand: float
    solver_status: str
    solver_time: float


class SiteStatus(BaseModel):
    """How a site is doing: its last plan, why it is what it is, how good and how old its forecasts are [s]."""

    site: str
    agent: str
    last_plan: datetime | None
    status: str
    reason: str
    quality: str | None
    forecasts: dict[str, dict[str, Any]]
    next_plan: datetime
    leads: bool
    error: str | None


class PlanSummary(BaseModel):
    """A plan that was made: when, the command [kW], its status and why, and how long it took [s]."""

    time: datetime
    battery_power_kw: float
    status: str
    reason: str
    seconds: float
    inputs: str


class RegretReport(BaseModel):
    """What a stretch of time earned, the best it could have, and what doing nothing would have; positive is earned."""

    since: datetime
    until: datetime
    earned: float
    best: float
    idle: float
    regret: float
    score: float | None
    exact: bool
    measured: float
    currency: str


class Problem(BaseModel):
    """What is wrong, the rule it breaks, and what to do: the one shape of every error."""

    error: str
    rule: str
    remedy: str
