"""What the service answers, field by field; its one rule: powers in kW, shares as shares, money in the currency."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from energy_gym.dashboard.graph import Graph


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


class ScheduleDetail(BaseModel):
    """A plan over its horizon as it is kept: shares of rated power, powers [kW], states of charge, money."""

    shares: list[float]
    battery_kw: list[float]
    grid_kw: list[float]
    soc: list[float]
    energy_cost: float
    demand_cost: float
    wear: float


class PlanDetail(PlanSummary):
    """A plan with its schedule; none where nothing could be planned."""

    schedule: ScheduleDetail | None


class Alarm(BaseModel):
    """What is amiss (``alarm`` or ``warning``), and why or since when."""

    level: str
    what: str
    why: str


class SiteNow(SiteStatus):
    """How a site is doing at a moment of its own clock, with what is amiss, the gravest first."""

    now: datetime
    alarms: list[Alarm]


class SiteFacts(BaseModel):
    """What does not change about a site: its clock, its battery (kWh, kW, shares), its currency, its scenario."""

    site: str
    agent: str
    zone: str
    currency: str
    step_minutes: float
    horizon: int
    series: list[str]
    capacity_kwh: float
    soc_min: float
    soc_max: float
    charge_kw: float
    discharge_kw: float
    scenario: Graph


class Prices(BaseModel):
    """Prices at the meter by interval, what is bought and what is sold; null where nothing is known of one."""

    times: list[datetime]
    buy_per_mwh: list[float | None]
    sell_per_mwh: list[float | None]
    unit: str


class Overview(BaseModel):
    """What a dashboard can show: sites of a service, folders of results."""

    version: str
    sites: list[str]
    results: list[str]
    live: bool


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
