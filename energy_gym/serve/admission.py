"""Who is let in, and how errors are told: the same shape for every one.

One rule: what is too large, too often, or without a key of the right role never reaches an address.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from energy_gym.dashboard.pages import ASSETS
from energy_gym.errors import EnergyGymError, UnknownIdError, WindowError
from energy_gym.serve.answers import Problem
from energy_gym.serve.security import ADMIN, ANONYMOUS, READ, TRIGGER, Keys, RateLimit, allows, hashed
from energy_gym.serve.settings import Settings

MOST_BYTES = 1_000_000
OPEN = ("/", "/health", "/docs", "/openapi.json", "/v1/live")


class RefusalError(Exception):
    """An answer that is an error."""

    def __init__(self, code: int, error: str, rule: str, remedy: str, **headers: str) -> None:
        super().__init__(error)
        self.code, self.problem, self.headers = code, Problem(error=error, rule=rule, remedy=remedy), headers


class Guard:
    """Refuses what is too large, too often, or without a key, and answers at once what is ready.

    Args:
        app: What is asked else.
        settings: Keys and limits.
        ready: Returns the JSON that is ready for a path, or None.
    """

    def __init__(self, app: ASGIApp, settings: Settings, ready: Callable[[str], bytes | None]) -> None:
        self._app, self._ready = app, ready
        self._keys, self._limit = Keys(settings.api_keys), RateLimit(settings.rate_limit_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] == "http":
            try:
                _admit(Request(scope), self._keys, self._limit)
            except RefusalError as refusal:
                await _refused(refusal)(scope, receive, send)
                return
            body = self._ready(scope["path"]) if scope["method"] == "GET" else None
            if body is not None:
                await Response(body, media_type="application/json")(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _admit(request: Request, keys: Keys, limit: RateLimit) -> None:
    key = request.headers.get("X-API-Key")
    who = hashed(key) if key else (request.client.host if request.client else ANONYMOUS)
    if wait := limit.wait(who):
        raise RefusalError(
            429, "too many requests", "the limit is by the minute", f"wait {wait} s", **{"Retry-After": str(wait)}
        )
    if not _length(request) <= MOST_BYTES:
        raise RefusalError(413, "body too large", f"must have at most {MOST_BYTES} bytes", "send less")
    if request.url.path in OPEN or request.url.path.startswith(ASSETS):
        return
    role = keys.role(key)
    if role is None:
        raise RefusalError(401, "no valid key", "X-API-Key must hold a key of this service", "ask its operator for one")
    writes = ADMIN if request.url.path.endswith("/release") else TRIGGER
    needed = READ if request.method in ("GET", "HEAD", "OPTIONS") else writes
    if not allows(role, needed):
        raise RefusalError(403, f"a key of role {role}", f"this needs the role {needed}", "use another key")


def _length(request: Request) -> float:
    try:
        return float(request.headers.get("content-length") or 0)
    except ValueError:
        return float("inf")


def _refused(refusal: RefusalError) -> JSONResponse:
    return JSONResponse(refusal.problem.model_dump(), refusal.code, refusal.headers)


def answer_errors(app: FastAPI) -> None:
    """Give every error one shape."""

    @app.exception_handler(RefusalError)
    async def refusal(_: Request, error: RefusalError) -> JSONResponse:
        return _refused(error)

    @app.exception_handler(EnergyGymError)
    async def known(_: Request, error: EnergyGymError) -> JSONResponse:
        code = 404 if isinstance(error, UnknownIdError | WindowError) else 503
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
