"""How the service writes its log: a line of JSON an event, on stderr; its one rule: no secret is ever logged."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any

import structlog

SECRETS = ("key", "password", "secret", "token", "authorization")


def log_at(level: str) -> None:
    """Write what is at least as grave as a level.

    Args:
        level: ``"DEBUG"``, ``"INFO"``, ``"WARNING"`` or ``"ERROR"``.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            hidden,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=lambda *_: StderrLogger(),
    )
    # Its lines are none of JSON, one for each request that the service makes itself.
    logging.getLogger("httpx").setLevel(logging.WARNING)


class StderrLogger:
    """Writes lines on stderr; where that cannot be written, as on a full disk, nothing else stops for it."""

    def msg(self, message: str) -> None:
        """Write a line. The stream is asked for with each: what it is now need not be open later."""
        with suppress(OSError, ValueError):
            print(message, file=sys.stderr, flush=True)

    debug = info = warning = error = critical = msg


def hidden(_logger: Any, _name: str, event: Any) -> Any:
    """Return an event without what might be a secret.

    Example:
        >>> hidden(None, "info", {"event": "asked", "api_key": "eg-read-1"})
        {'event': 'asked', 'api_key': '...'}
    """
    return {key: "..." if any(word in key.lower() for word in SECRETS) else value for key, value in event.items()}
