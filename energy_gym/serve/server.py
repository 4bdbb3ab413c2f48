"""The server that listens; its one rule: when it is told to stop, answers that never end by themselves end first."""

from __future__ import annotations

import socket
import sys
from typing import Any

import uvicorn

SWITCH_SECONDS = 0.0005
"""How long a thread that plans goes on while another waits to answer [s].

An answer waits for that at each of its three turns of the lock; Python's usual 5 ms make them queue behind a plan.
"""


class Server(uvicorn.Server):  # type: ignore[misc]  # it comes without types that are followed
    """Serves an application whose ``state.closing`` tells its streams to end."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let streams end, then wait for what is still being answered."""
        self.config.app.state.closing = True
        await super().shutdown(sockets)


def serve_on(app: Any, host: str, port: int) -> None:
    """Serve an application until the process is told to end; its other threads give way to answers sooner."""
    sys.setswitchinterval(SWITCH_SECONDS)
    Server(uvicorn.Config(app, host=host, port=port, log_level="warning")).run()
