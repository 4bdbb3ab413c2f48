"""The service over HTTP: the addresses of the MPC service, and those under ``/v1`` that know several sites.

One rule: reading is answered from what is planned already; nothing is computed for it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response

from energy_gym.dashboard.pages import add_assets, page, wants_page
from energy_gym.serve.admission import Guard, RefusalError, answer_errors
from energy_gym.serve.answers import Dispatch, FullSchedule, PlanSummary, Problem, RegretReport, SiteStatus
from energy_gym.serve.api_days import add_days
from energy_gym.serve.periods import period
from energy_gym.serve.plan import Plan
from energy_gym.serve.ready import Ready
from energy_gym.serve.service import Service
from energy_gym.serve.stream import add_stream
from energy_gym.serve.views import add_views, regret_of, rows_of, summary_row
from energy_gym.version import __version__

MOST_PLANS = 1_000


def create_app(service: Service, *, runs: bool = True) -> FastAPI:
    """Return the application of a service.

    Args:
        service: The service.
        runs: Whether the application starts and stops it; in simulations the cycles are driven from outside.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> Any:
        if runs:
            service.start()
        yield
        if runs:
            service.stop()

    problems: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (401, 403, 404, 422, 429, 503)}
    app = FastAPI(title="energy-gym service", version=__version__, lifespan=lifespan, responses=problems)
    ready = Ready(service, partial(_dispatch, service))
    app.add_middleware(Guard, settings=service.settings, ready=ready.body)
    answer_errors(app)
    _add_mpc(app, service)
    _add_v1(app, service)
    add_days(app, service)
    add_views(app, service)
    add_stream(app, service)
    add_assets(app)
    return app


def _held(service: Service, name: str) -> Plan:
    """Return the plan that holds for a site."""
    plan = service.command(name)
    if plan is None:
        why = service.errors.get(name, "the first one is on its way")
        raise RefusalError(
            503, f"site {name!r} has no plan yet", why, "ask again in a few seconds", **{"Retry-After": "5"}
        )
    return plan


def _dispatch(service: Service, name: str) -> Dispatch:
    plan = _held(service, name)
    moment = max(plan.time, service.now().floor(service.site(name).step))
    return Dispatch(timestamp=moment.to_pydatetime(), battery_power_kw=plan.power_kw, status=plan.status)


def _schedule(service: Service, name: str) -> FullSchedule:
    plan = _held(service, name)
    if plan.schedule is None:
        raise RefusalError(503, f"site {name!r} has no schedule", plan.reason, "see its status")
    told, hours = plan.schedule, service.settings.mpc_time_step_minutes / 60.0
    return FullSchedule(
        timestamp=plan.time.to_pydatetime(),
        horizon_hours=len(told.battery_kw) * hours,
        battery_power_schedule=list(told.battery_kw),
        grid_power_schedule=list(told.grid_kw),
        soc_schedule=list(told.soc),
        total_cost=told.total_cost,
        energy_cost=told.energy_cost,
        demand_cost=told.demand_cost,
        peak_demand=told.peak_kw,
        solver_status=plan.status,
        solver_time=plan.seconds,
    )


def _triggered(service: Service, name: str, cycle: Callable[[str], Plan | None]) -> Dispatch:
    if cycle(name) is None:
        why = service.errors.get(name, "another service leads")
        raise RefusalError(503, f"site {name!r} was not planned for", why, "see its status", **{"Retry-After": "5"})
    return _dispatch(service, name)


def _add_mpc(app: FastAPI, service: Service) -> None:
    """Add the addresses of the MPC service, which mean the first site."""
    first = service.first

    @app.get("/", response_model=None, responses={200: {"content": {"text/html": {}}}})
    def about(request: Request, response: Response) -> dict[str, Any] | Response:
        """Say what this is, and where to ask what; to a browser, as a page that shows it."""
        if wants_page(request.headers.get("Accept", "")):
            return page(request)
        response.headers["Vary"] = "Accept"
        paths = sorted({getattr(route, "path", "") for route in app.routes} - {""})
        return {"service": "energy-gym", "version": __version__, "sites": list(service.sites), "endpoints": paths}

    @app.get("/health")
    def health() -> dict[str, str]:
        """Say that the service runs; `/v1/ready` says whether its plans can be followed."""
        return {"status": "healthy", "version": __version__}

    @app.get("/api/mpc/current_dispatch")
    def current_dispatch() -> Dispatch:
        """Return the command of the running interval."""
        return _dispatch(service, first)

    @app.get("/api/mpc/full_schedule")
    def full_schedule() -> FullSchedule:
        """Return the plan over its horizon."""
        return _schedule(service, first)

    @app.get("/api/mpc/status")
    def status() -> SiteStatus:
        """Return how the site is doing."""
        return SiteStatus(**service.told(first))

    @app.post("/api/mpc/trigger")
    def trigger() -> Dispatch:
        """Plan now, and return the command."""
        return _triggered(service, first, service.cycle)


def _add_v1(app: FastAPI, service: Service) -> None:
    """Add the addresses that know several sites."""

    @app.get("/v1/live")
    def live() -> dict[str, str]:
        """Say that the service runs."""
        return {"status": "live"}

    @app.get("/v1/ready")
    def ready() -> dict[str, str]:
        """Say that every site has a plan that is not too old."""
        amiss = service.readiness()
        if amiss:
            name, why = next(iter(amiss.items()))
            raise RefusalError(503, f"site {name!r} is not ready", why, "see its status")
        return {"status": "ready"}

    @app.get("/metrics")
    def metrics() -> Response:
        """Return what Prometheus reads."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    @app.get("/v1/sites")
    def sites() -> list[SiteStatus]:
        """Return how every site is doing."""
        return [SiteStatus(**service.told(name)) for name in service.sites]

    @app.get("/v1/sites/{site}")
    def site_status(site: str) -> SiteStatus:
        """Return how a site is doing."""
        return SiteStatus(**service.told(site))

    @app.get("/v1/sites/{site}/dispatch")
    def site_dispatch(site: str) -> Dispatch:
        """Return the command of the running interval."""
        return _dispatch(service, site)

    @app.get("/v1/sites/{site}/schedule")
    def site_schedule(site: str) -> FullSchedule:
        """Return the plan over its horizon."""
        return _schedule(service, site)

    @app.post("/v1/sites/{site}/trigger")
    def site_trigger(site: str) -> Dispatch:
        """Plan now, and return the command."""
        return _triggered(service, site, service.cycle)

    @app.post("/v1/sites/{site}/events")
    def site_event(site: str) -> Dispatch:
        """Plan again because new data have arrived; events that come while it plans let it plan once more."""
        return _triggered(service, site, lambda name: service.events.event(name).result())

    @app.get("/v1/sites/{site}/plans")
    def site_plans(site: str, since: datetime, until: datetime) -> list[PlanSummary]:
        """Return the plans of a period (half open), at most a thousand."""
        service.site(site)
        plans = service.store.plans(site, *period(since, until))[:MOST_PLANS]
        return [PlanSummary(**summary_row(plan)) for plan in plans]

    @app.get("/v1/sites/{site}/intervals")
    def site_intervals(
        site: str, since: datetime, until: datetime, limit: Annotated[int, Query(ge=1, le=MOST_PLANS)] = MOST_PLANS
    ) -> list[dict[str, Any]]:
        """Return what the intervals of a period came to (half open)."""
        service.site(site)
        return rows_of(service.store.intervals(site, *period(since, until)).head(limit))

    @app.get("/v1/sites/{site}/regret")
    def site_regret(site: str, since: datetime, until: datetime) -> RegretReport:
        """Return what a period came to beside the best that it could have (half open, at most 31 days)."""
        return regret_of(service, site, *period(since, until))
