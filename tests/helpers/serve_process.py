"""A service in a process of its own, for tests that kill it: it says where it listens, and where it has halted.

Run as a script with the address of the database, of the forecasts and of the battery, a file, and ``threads`` or
``processes``: while that file holds ``plan`` or ``write`` it halts in one, prints so, and goes no further.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
from sqlalchemy import event

from energy_gym.agents.base import Agent
from energy_gym.serve.api import create_app
from energy_gym.serve.logs import log_at
from energy_gym.serve.service import Service
from energy_gym.serve.settings import SiteSettings, read_settings
from energy_gym.serve.simulation import serving

CLOCK = "/now"


def halt_in(what: str, wanted: Path) -> None:
    """Say that it halts, and wait until the process is killed."""
    if wanted.is_file() and wanted.read_text() == what:
        print(f"halted in {what}", flush=True)
        threading.Event().wait()


class Halting(Agent):
    """Charges a little, and halts where it is told to."""

    name = "halting"

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        halt_in("plan", Path(sys.argv[4]))
        return self.power(0.1)


def main() -> None:
    """Serve until standard input ends."""
    log_at("ERROR")
    database, reporter, bms, wanted, workers = sys.argv[1:]
    told = {"request_attempts": 1, "mpc_horizon_hours": 6, "database_url": database, "workers": workers}
    settings = read_settings(_env_file=None, reporter_base_url=reporter, bms_base_url=bms, **told)
    clock = httpx.Client(base_url=bms, timeout=10.0)
    service = Service(
        settings,
        [SiteSettings(agent="serve_process:Halting")],
        now=lambda: pd.Timestamp(clock.get(CLOCK).json()["now"]),
    )

    @event.listens_for(service.store.engine, "after_cursor_execute")
    def written(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO plans"):
            halt_in("write", Path(wanted))

    with serving(create_app(service, runs=False)) as address:
        print(address, flush=True)
        sys.stdin.read()
    service.stop()
    # Threads that have halted would keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()
