"""``energy-gym dashboard``: the page on this machine, over folders of results and a service that runs elsewhere.

One rule: it only reads; what it asks of a service is what the page asks, and a key stays on this machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx
from anyio import CancelScope
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from energy_gym.dashboard.cards import add_cards
from energy_gym.dashboard.pages import add_assets, page
from energy_gym.dashboard.results import add_results
from energy_gym.data import card_ids
from energy_gym.leaderboard.results import Results
from energy_gym.serve.admission import RefusalError, answer_errors
from energy_gym.serve.answers import Overview
from energy_gym.version import __version__

# Other names could be another site's that was led to this machine.
HOSTS = ["127.0.0.1", "localhost", "::1", "[::1]"]
ON = ("Accept", "Last-Event-ID", "X-API-Key")
BACK = ("content-type", "content-encoding", "retry-after", "cache-control")
CONNECT_SECONDS, SILENCE_SECONDS, LOOK_SECONDS = 5.0, 60.0, 0.25


def viewer(folders: Mapping[str, Results], address: str | None = None, key: str | None = None) -> FastAPI:
    """Return the application of the page.

    Args:
        folders: Results by name.
        address: Of a service, without a path; None: no live site.
        key: A key of that service, for who reads; None: the page asks for one where it is needed.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> Any:
        limits = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
        async with httpx.AsyncClient(base_url=address or "", timeout=limits, trust_env=False) as client:
            app.state.client = client
            yield

    app = FastAPI(title="energy-gym dashboard", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.closing = False
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    answer_errors(app)
    _add_overview(app, folders, address, key)
    if address:
        _add_sites(app, key)
    add_results(app, folders)
    add_cards(app, card_ids())
    add_assets(app)
    return app


def _add_overview(app: FastAPI, folders: Mapping[str, Results], address: str | None, key: str | None) -> None:
    @app.get("/", include_in_schema=False)
    def about(request: Request) -> Response:
        return page(request)

    @app.get("/v1/dashboard")
    async def overview(request: Request) -> Response:
        """Return what there is to be shown."""
        own = Overview(version=__version__, sites=[], results=list(folders), live=False)
        if not address:
            return Response(own.model_dump_json(), media_type="application/json")
        answer = await _asked(app, request, "/v1/dashboard", key)
        body = await answer.aread()
        if answer.status_code != 200:
            return Response(body, answer.status_code, media_type="application/json")
        theirs = Overview.model_validate_json(body)
        own = own.model_copy(update={"sites": theirs.sites, "live": True})
        return Response(own.model_dump_json(), media_type="application/json")


def _add_sites(app: FastAPI, key: str | None) -> None:
    @app.get("/v1/sites/{rest:path}")
    async def passed_on(rest: str, request: Request) -> Response:
        """Ask the service, and hand on what it answers as it comes."""
        if ".." in rest.split("/"):
            raise RefusalError(404, f"/v1/sites/{rest}", "is no address of a site", "see the service's /docs")
        answer = await _asked(app, request, f"/v1/sites/{quote(rest)}", key)
        headers = {name: answer.headers[name] for name in BACK if name in answer.headers}
        return StreamingResponse(_chunks(app, answer), answer.status_code, headers)


async def _asked(app: FastAPI, request: Request, path: str, key: str | None) -> httpx.Response:
    headers = {name: request.headers[name] for name in ON if name in request.headers}
    if key:
        headers["X-API-Key"] = key
    client: httpx.AsyncClient = app.state.client
    asked = client.build_request("GET", path, params=request.query_params, headers=headers)
    try:
        return await client.send(asked, stream=True)
    except httpx.HTTPError as error:
        raise RefusalError(
            502, f"{client.base_url}", f"does not answer ({type(error).__name__})", "check its address"
        ) from error


async def _chunks(app: FastAPI, answer: httpx.Response) -> AsyncIterator[bytes]:
    """Yield an answer as it comes; none of it any more once the server ends."""
    chunks = answer.aiter_raw()
    coming = asyncio.ensure_future(anext(chunks, None))
    try:
        while not app.state.closing:
            done, _ = await asyncio.wait({coming}, timeout=LOOK_SECONDS)
            if done:
                chunk = coming.result()
                if chunk is None:
                    return
                yield chunk
                coming = asyncio.ensure_future(anext(chunks, None))
    except httpx.HTTPError:
        return
    finally:
        coming.cancel()
        # Who looked may be gone: what was asked for is let go of all the same.
        with CancelScope(shield=True):
            await asyncio.gather(coming, return_exceptions=True)
            await answer.aclose()
