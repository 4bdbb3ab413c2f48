"""The service over HTTP: the addresses of the MPC service, and those under ``/v1`` that know several sites.

One rule: reading is answered from what is planned already; nothing is computed for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any

import pandas as pd
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from energy_gym.errors import EnergyGymError, UnknownIdError
from energy_gym.serve.plan import Plan
from energy_gym.serve.security import ANONYMOUS, READ, TRIGGER, Keys, RateLimit, allows, hashed
from energy_gym.serve.service import Service
from energy_gym.version import __version__

MOST_BYTES = 1_000_000
MOST_PLANS = 1_000
OPEN = ("/", "/health", "/docs", "/openapi.json", "/v1/live")


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


class Problem(BaseModel):
    """What is wrong, the rule it breaks, and what to do: the one shape of every error."""

    error: str
    rule: str
    remedy: str


class RefusalError(Exception):
    """An answer that is an error."""

    def __init__(self, code: int, error: str, rule: str, remedy: str, **headers: str) -> None:
        super().__init__(error)
        self.code, self.problem, self.headers = code, Problem(error=error, rule=rule, remedy=remedy), headers


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
    _guard(app, service)
    _answer_errors(app)
    _add_mpc(app, service)
    _add_v1(app, service)
    return app


def _guard(app: FastAPI, service: Service) -> None:
    """Refuse what is too large, too often, or without a key."""
    keys, limit = Keys(service.settings.api_keys), RateLimit(service.settings.rate_limit_per_minute)

    @app.middleware("http")
    async def guarded(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        try:
            _admit(request, keys, limit)
        except RefusalError as refusal:
            return _refused(refusal)
        return await call_next(request)


def _admit(request: Request, keys: Keys, limit: RateLimit) -> None:
    key = request.headers.get("X-API-Key")
    who = hashed(key) if key else (request.client.host if request.client else ANONYMOUS)
    if wait := limit.wait(who):
        raise RefusalError(
            429, "too many requests", "the limit is by the minute", f"wait {wait} s", **{"Retry-After": str(wait)}
        )
    if not _length(request) <= MOST_BYTES:
        raise RefusalError(413, "body too large", f"must have at most {MOST_BYTES} bytes", "send less")
    if request.url.path in OPEN:
        return
    role = keys.role(key)
    if role is None:
        raise RefusalError(401, "no valid key", "X-API-Key must hold a key of this service", "ask its operator for one")
    needed = READ if request.method in ("GET", "HEAD", "OPTIONS") else TRIGGER
    if not allows(role, needed):
        raise RefusalError(403, f"a key of role {role}", f"this needs the role {needed}", "use another key")


def _length(request: Request) -> float:
    try:
        return float(request.headers.get("content-length") or 0)
    except ValueError:
        return float("inf")


def _refused(refusal: RefusalError) -> JSONResponse:
    return JSONResponse(refusal.problem.model_dump(), refusal.code, refusal.headers)


def _answer_errors(app: FastAPI) -> None:
    """Give every error one shape."""

    @app.exception_handler(RefusalError)
    async def refusal(_: Request, error: RefusalError) -> JSONResponse:
        return _refused(error)

    @app.exception_handler(EnergyGymError)
    async def known(_: Request, error: EnergyGymError) -> JSONResponse:
        code = 404 if isinstance(error, UnknownIdError) else 503
        return _refused(RefusalError(code, error.value, error.rule, error.remedy))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _refused(RefusalError(422, where, str(first["msg"]), "correct the request"))

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> JSONResponse:
        told = RefusalError(error.status_code, f"{request.method} {request.url.path}", str(error.detail), "see /docs")
        told.headers = dict(error.headers or {})
        return _refused(told)


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


def _triggered(service: Service, name: str) -> Dispatch:
    if service.cycle(name) is None:
        why = service.errors.get(name, "another service leads")
        raise RefusalError(503, f"site {name!r} was not planned for", why, "see its status", **{"Retry-After": "5"})
    return _dispatch(service, name)


def _add_mpc(app: FastAPI, service: Service) -> None:
    """Add the addresses of the MPC service, which mean the first site."""
    first = service.first

    @app.get("/")
    def about() -> dict[str, Any]:
        """Say what this is, and where to ask what."""
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
        return _triggered(service, first)


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
        return _triggered(service, site)

    @app.post("/v1/sites/{site}/events")
    def site_event(site: str) -> Dispatch:
        """Plan again because new data have arrived."""
        return _triggered(service, site)

    @app.get("/v1/sites/{site}/plans")
    def site_plans(site: str, since: datetime, until: datetime) -> list[PlanSummary]:
        """Return the plans of a period (half open), at most a thousand."""
        service.site(site)
        return [_summary(plan) for plan in service.store.plans(site, *_period(since, until))[:MOST_PLANS]]

    @app.get("/v1/sites/{site}/intervals")
    def site_intervals(
        site: str, since: datetime, until: datetime, limit: Annotated[int, Query(ge=1, le=MOST_PLANS)] = MOST_PLANS
    ) -> list[dict[str, Any]]:
        """Return what the intervals of a period came to (half open)."""
        service.site(site)
        table = service.store.intervals(site, *_period(since, until)).head(limit)
        rows: list[dict[str, Any]] = table.astype(object).where(table.notna(), None).to_dict("records")
        return [{"time": stamp.isoformat(), **row} for stamp, row in zip(table.index, rows, strict=True)]


def _period(since: datetime, until: datetime) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return two moments in UTC."""
    for name, moment in (("since", since), ("until", until)):
        if moment.tzinfo is None:
            raise RefusalError(422, f"query.{name}", "must have an offset", "write 2024-01-01T00:00:00Z")
    try:
        begin, end = pd.Timestamp(since).tz_convert("UTC"), pd.Timestamp(until).tz_convert("UTC")
    except (ValueError, OverflowError) as error:
        raise RefusalError(
            422, "query.since", f"is no moment that is known ({error})", "write a year from 1900"
        ) from error
    return begin, end


def _summary(plan: Plan) -> PlanSummary:
    return PlanSummary(
        time=plan.time.to_pydatetime(),
        battery_power_kw=plan.power_kw,
        status=plan.status,
        reason=plan.reason,
        seconds=plan.seconds,
        inputs=plan.inputs,
    )
