"""What the dashboard asks beside the answers for machines: a site's scenario, prices, one plan, and what is amiss.

One rule: it tells what is kept and what is believed; it decides nothing.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import pandas as pd
from fastapi import FastAPI

from energy_gym.dashboard.cards import add_cards
from energy_gym.dashboard.graph import graph_of
from energy_gym.dashboard.results import PlayerDays
from energy_gym.evaluation.days import days_of
from energy_gym.evaluation.episode import PARTS
from energy_gym.serve.admission import RefusalError
from energy_gym.serve.alarms import alarms_of
from energy_gym.serve.answers import Overview, PlanDetail, Prices, RegretReport, SiteFacts, SiteNow
from energy_gym.serve.periods import CALENDAR, local_day, period
from energy_gym.serve.plan import Plan, battery_of
from energy_gym.serve.prices import prices_over
from energy_gym.serve.service import Service
from energy_gym.serve.site import LiveSite
from energy_gym.version import __version__

MOST_STEPS = 3_000
MOST_DAYS, MOST_REVIEWED = pd.Timedelta(days=92), pd.Timedelta(days=31)


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return intervals as rows that JSON can hold, each with its time."""
    plain = table.drop(columns="states", errors="ignore").astype(object).where(table.notna(), None)
    rows: list[dict[str, Any]] = plain.to_dict("records")
    return [{"time": stamp.isoformat(), **row} for stamp, row in zip(table.index, rows, strict=True)]


def summary_row(plan: Plan) -> dict[str, Any]:
    """Return a plan without its schedule."""
    return {
        "time": plan.time.isoformat(),
        "battery_power_kw": plan.power_kw,
        "status": plan.status,
        "reason": plan.reason,
        "seconds": plan.seconds,
        "inputs": plan.inputs,
    }


def plan_row(plan: Plan) -> dict[str, Any]:
    """Return a plan with its schedule."""
    return {**summary_row(plan), "schedule": None if plan.schedule is None else asdict(plan.schedule)}


def outlook_of(site: LiveSite, moment: pd.Timestamp) -> dict[str, list[float]]:
    """Return what is believed of the intervals from a moment on, by column [kW]; empty where another service leads."""
    if site.last is None or site.last.time != moment:
        return {}
    return {name: belief.values.tolist() for name, belief in site.beliefs.items()}


def site_now(service: Service, name: str) -> dict[str, Any]:
    """Return how a site is doing, and what is amiss."""
    told = service.told(name)
    return {**told, "now": service.now().isoformat(), "alarms": alarms_of(service, name, told)}


def prices_of(site: LiveSite, since: pd.Timestamp, until: pd.Timestamp) -> Prices:
    """Return what energy costs and earns at the meter in each interval of a period."""
    if longer(since, until, MOST_STEPS * site.step):
        raise RefusalError(422, "query.until", f"at most {MOST_STEPS} intervals", "choose a shorter period")
    if not since < until:
        return Prices(times=[], buy_per_mwh=[], sell_per_mwh=[], unit=f"{site.history.currency}/MWh")
    try:
        return prices_over(site, pd.date_range(since.floor(site.step), until, freq=site.step, inclusive="left"))
    except CALENDAR as error:
        raise RefusalError(422, "query.since", f"has no prices ({error})", "choose another period") from error


def longer(since: pd.Timestamp, until: pd.Timestamp, most: pd.Timedelta) -> bool:
    """Return whether a period is longer than may be asked for; one that no number can tell is."""
    try:
        return bool(until - since > most)
    except CALENDAR:
        return until > since


def facts_of(service: Service, name: str) -> SiteFacts:
    """Return what does not change about a site while the service runs."""
    site = service.site(name)
    battery = battery_of(site.env)
    return SiteFacts(
        site=name,
        agent=site.site.agent,
        zone=site.history.zone,
        currency=site.history.currency,
        step_minutes=site.step.total_seconds() / 60.0,
        horizon=service.settings.horizon,
        series=list(site.columns),
        capacity_kwh=battery.capacity_kwh,
        soc_min=battery.soc_min,
        soc_max=battery.soc_max,
        charge_kw=battery.charge_kw,
        discharge_kw=battery.discharge_kw,
        scenario=graph_of(site.scenario),
    )


def regret_of(service: Service, name: str, since: pd.Timestamp, until: pd.Timestamp) -> RegretReport:
    """Return what a period came to beside the best that it could have."""
    site = service.site(name)
    if not since < until or longer(since, until, MOST_REVIEWED):
        raise RefusalError(422, "query.until", "must be after since, by at most 31 days", "choose a shorter period")
    found = site.review(since, until)
    return RegretReport(
        since=found.since.to_pydatetime(),
        until=found.until.to_pydatetime(),
        earned=found.earned,
        best=found.best,
        idle=found.idle,
        regret=found.regret,
        score=None if math.isnan(found.score) else found.score,
        exact=found.exact,
        measured=found.measured,
        currency=site.history.currency,
    )


def days_of_site(service: Service, name: str, since: pd.Timestamp, until: pd.Timestamp) -> PlayerDays:
    """Return what was earned and done at a site by local day."""
    site = service.site(name)
    if longer(since, until, MOST_DAYS):
        raise RefusalError(422, "query.until", f"at most {MOST_DAYS.days} days", "choose a shorter period")
    table, days = service.store.intervals(name, since, until), dict[str, list[Any]](day=[])
    if not table.empty:
        figures = table.reindex(columns=["reward", *PARTS, "grid_kw", "power_kw"]).astype(float).fillna(0.0)
        sums = {part: figures[part].to_numpy() for part in ("reward", *PARTS)}
        powers = (figures[column].to_numpy() for column in ("grid_kw", "power_kw"))
        days = days_of(table.index, site.history.zone, sums, *powers)
    return PlayerDays(agent=site.site.agent, seed=None, unit=site.history.currency, days=days)


def add_views(app: FastAPI, service: Service) -> None:
    """Add the addresses that the dashboard asks."""
    used = {site.site.data: site.history.zone for site in service.sites.values()}
    add_cards(app, list(used), used)

    @app.get("/v1/dashboard")
    def overview() -> Overview:
        """Return what there is to be shown."""
        return Overview(version=__version__, sites=list(service.sites), results=[], live=True)

    @app.get("/v1/sites/{site}/facts")
    def site_facts(site: str) -> SiteFacts:
        """Return a site's battery, clock, currency and scenario."""
        return facts_of(service, site)

    @app.get("/v1/sites/{site}/now")
    def site_state(site: str) -> SiteNow:
        """Return how a site is doing, with what is amiss, the gravest first."""
        return SiteNow(**site_now(service, site))

    @app.get("/v1/sites/{site}/prices")
    def site_prices(site: str, since: datetime, until: datetime) -> Prices:
        """Return the prices at the meter over a period (half open); null where nothing is known of one yet."""
        return prices_of(service.site(site), *period(since, until))

    @app.get("/v1/sites/{site}/plans/{time}")
    def site_plan(site: str, time: datetime) -> PlanDetail:
        """Return the plan of a moment with its schedule."""
        service.site(site)
        moment, _ = period(time, time, "path.time")
        plan = service.store.plan(site, moment)
        if plan is None:
            raise RefusalError(404, f"plan of {site!r} at {time.isoformat()}", "was not made", "see the list of plans")
        return PlanDetail(**plan_row(plan))

    @app.get("/v1/sites/{site}/played")
    def site_played(site: str, since: datetime, until: datetime) -> PlayerDays:
        """Return what was earned and done by local day over a period (half open)."""
        return days_of_site(service, site, *period(since, until))

    @app.get("/v1/sites/{site}/played/{day}")
    def site_played_day(site: str, day: date) -> RegretReport:
        """Return what a local day came to beside the best that it could have."""
        return regret_of(service, site, *local_day(day, service.site(site).history.zone))
