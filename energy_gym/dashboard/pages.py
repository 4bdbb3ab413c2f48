"""The page of the dashboard, and how it is handed out.

One rule: all that the page needs comes from here, and its headers forbid it anything else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request, Response

STATIC = Path(__file__).with_name("static")
ASSETS = "/assets/"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".LICENSE": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Asset:
    """A file of the page: its bytes, their type, and a tag that changes with them."""

    content: bytes
    type: str
    tag: str

    def answer(self, known: str | None) -> Response:
        """Return it, or only that it has not changed.

        Args:
            known: The tag of what the browser has.
        """
        headers = {**HEADERS, "ETag": self.tag}
        if known == self.tag:
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.type, headers=headers)


@cache
def assets() -> dict[str, Asset]:
    """Return the files of the page by their path below ``static``."""
    found = {}
    for path in sorted(STATIC.rglob("*")):
        if path.suffix in TYPES:
            content = path.read_bytes()
            tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
            found[path.relative_to(STATIC).as_posix()] = Asset(content, TYPES[path.suffix], tag)
    return found


def wants_page(accept: str) -> bool:
    """Return whether who asks is a browser that is to be shown the page: it names HTML, and likes nothing named better.

    Args:
        accept: The header ``Accept``; who sends none, or takes anything, is answered in JSON.

    Example:
        >>> wants_page("text/html,application/xhtml+xml,*/*;q=0.8"), wants_page("*/*"), wants_page("")
        (True, False, False)
        >>> wants_page("application/json, text/html;q=0.5")
        False
    """
    likings = dict(map(_liking, accept.split(",")))
    html = likings.get("text/html", 0.0)
    return html > 0.0 and html >= likings.get("application/json", 0.0)


def _liking(part: str) -> tuple[str, float]:
    kind, *rest = (piece.strip().lower() for piece in part.split(";"))
    told = next((piece[2:] for piece in rest if piece.startswith("q=")), "1")
    try:
        return kind, float(told)
    except ValueError:
        return kind, 0.0


def page(request: Request) -> Response:
    """Return the page."""
    answer = assets()["index.html"].answer(request.headers.get("If-None-Match"))
    answer.headers["Vary"] = "Accept"
    return answer


def add_assets(app: FastAPI) -> None:
    """Hand out the files of the page."""

    @app.get(f"{ASSETS}{{name:path}}", include_in_schema=False)
    def asset(name: str, request: Request) -> Response:
        found = assets().get(name)
        if found is None:
            raise HTTPException(404, "no such file")
        return found.answer(request.headers.get("If-None-Match"))
