"""What happens at a site as server-sent events: each plan with the intervals before it, and how the site is doing.

One rule: what is sent comes from the database, so that who comes back with the last id it heard misses nothing,
whichever service it asks.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time as clock
from collections.abc import AsyncIterator, Callable
from typing import Any

import pandas as pd
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from energy_gym.errors import StorageError
from energy_gym.serve.admission import RefusalError
from energy_gym.serve.plan import Plan
from energy_gym.serve.safety import log
from energy_gym.serve.service import Service
from energy_gym.serve.views import outlook_of, plan_row, rows_of, site_now

HEARTBEAT_SECONDS = 15.0
LOOK_SECONDS, ASK_SECONDS = 0.25, 2.0
MOST_STREAMS = 100
# Plans that are told again to who comes back; who missed more asks for the period.
MOST_MISSED = 192
MARK = "~"


def event_id(plan: Plan) -> str:
    """Return what tells a plan from every other: its moment, and which of the plans of that moment it is."""
    told = json.dumps([plan.power_kw, plan.status, plan.reason, plan.inputs])
    return f"{plan.time.strftime('%Y-%m-%dT%H:%M:%SZ')}{MARK}{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def event(kind: str, data: Any, name: str = "") -> str:
    r"""Return an event as it is sent.

    Example:
        >>> event("status", {"site": "office"}, "7")
        'id: 7\nevent: status\ndata: {"site": "office"}\n\n'
    """
    text = json.dumps(data, allow_nan=False, default=str)
    return f"{f'id: {name}' + chr(10) if name else ''}event: {kind}\ndata: {text}\n\n"


class Listener:
    """Who listens to a site, and what it has heard.

    Args:
        service: The service.
        site: The site's name.
        heard: The last id that it heard; empty: nothing yet, so that it is told the last plan first.

    Raises:
        UnknownIdError: No such site.
        RefusalError: The id is none of ours.
    """

    def __init__(self, service: Service, site: str, heard: str = "") -> None:
        self.service, self.site, self.live = service, site, service.site(site)
        self.heard, self._since = heard, _moment(heard)
        self._status = ""

    def news(self) -> list[str]:
        """Return the events since it was asked last."""
        told = [event("plan", self._told(plan, before), event_id(plan)) for before, plan in self._plans()]
        status = event("status", site_now(self.service, self.site))
        if status != self._status:
            self._status = status
            told.append(status)
        return told

    def _plans(self) -> list[tuple[pd.Timestamp, Plan]]:
        """Return the plans that are new, each with the moment of the one before it."""
        last = self.service.store.plan(self.site)
        if last is None or event_id(last) == self.heard:
            return []
        since, step = self._since, self.live.step
        since = None if since is not None and since > last.time else since
        found = [last] if since is None else self.service.store.plans(self.site, since, last.time + step)
        new = [plan for plan in found if event_id(plan) != self.heard][-MOST_MISSED:]
        before = [new[0].time - step if since is None or len(found) > MOST_MISSED else since]
        before += [plan.time for plan in new[:-1]]
        self.heard, self._since = event_id(last), last.time
        return list(zip(before, new, strict=True))

    def _told(self, plan: Plan, before: pd.Timestamp) -> dict[str, Any]:
        intervals = rows_of(self.service.store.intervals(self.site, before, plan.time))
        newest = self.live.last is not None and event_id(plan) == event_id(self.live.last)
        outlook = outlook_of(self.live, plan.time) if newest else {}
        return {"plan": plan_row(plan), "intervals": intervals, "outlook": outlook}


async def listening(listener: Listener, closing: Callable[[], bool]) -> AsyncIterator[str]:
    """Yield events as they come, and a sign of life where none comes for long.

    A plan of this service is seen at once, one of another that leads, or that time has passed a plan by, soon after.
    """
    yield "retry: 3000\n\n"
    beat = asked = -HEARTBEAT_SECONDS
    seen: Plan | None = None
    while not closing():
        now = clock.monotonic()
        if listener.live.last is not seen or now - asked >= ASK_SECONDS:
            seen, asked = listener.live.last, now
            try:
                news = await run_in_threadpool(listener.news)
            except StorageError as error:
                log.error("stream ended", site=listener.site, error=repr(error))
                return
            for told in news:
                beat = now
                yield told
        if now - beat >= HEARTBEAT_SECONDS:
            beat = now
            yield ": still here\n\n"
        await asyncio.sleep(LOOK_SECONDS)


def add_stream(app: FastAPI, service: Service) -> None:
    """Add the stream of a site."""
    app.state.closing, app.state.streams = False, 0

    # An answer that never ends is nothing that a tool that asks all that is described should come upon.
    @app.get("/v1/sites/{site}/stream", response_class=EventStream, include_in_schema=False)
    async def site_stream(site: str, request: Request) -> StreamingResponse:
        """Tell plans, intervals and states of a site as server-sent events; `Last-Event-ID` goes on after that one."""
        listener = await run_in_threadpool(Listener, service, site, request.headers.get("Last-Event-ID", ""))
        if app.state.streams >= MOST_STREAMS:
            raise RefusalError(
                503, "too many streams", f"at most {MOST_STREAMS} at a time", "ask again later", **{"Retry-After": "30"}
            )
        return EventStream(_counted(app, listener), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


async def _counted(app: FastAPI, listener: Listener) -> AsyncIterator[str]:
    app.state.streams += 1
    try:
        async for told in listening(listener, lambda: bool(app.state.closing)):
            yield told
    finally:
        app.state.streams -= 1


def _moment(heard: str) -> pd.Timestamp | None:
    """Return the moment of the plan that an id names."""
    if not heard:
        return None
    try:
        return pd.to_datetime(heard.partition(MARK)[0], format="%Y-%m-%dT%H:%M:%SZ", utc=True)
    except ValueError as error:
        raise RefusalError(422, "header.Last-Event-ID", "is no id of this stream", "leave it out") from error
