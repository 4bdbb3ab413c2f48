"""``energy-gym run``: sites that are planned for and commanded without HTTP.

One rule: it starts and stops what `energy-gym serve` starts and stops; only the addresses are missing.
"""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from energy_gym.cli.tracked import Track
from energy_gym.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from energy_gym.serve.service import Service

console = Console(stderr=True)


def run(
    config: Annotated[Path, typer.Argument(help="YAML file of sites, as of energy-gym serve --config")],
    once: Annotated[bool, typer.Option("--once", help="Plan for each site once, and leave")] = False,
    workers: Annotated[str | None, typer.Option(help="threads or processes; default: by the setting WORKERS")] = None,
    track: Track = None,
) -> None:
    """Plan and command sites as scheduled, and as things happen, without HTTP."""
    MissingExtraError.check("serve", "httpx", "sqlalchemy", "structlog")
    from energy_gym.serve.logs import log_at
    from energy_gym.serve.service import Service
    from energy_gym.serve.settings import read_settings, read_sites

    given = {"workers": workers, "track": track}
    settings = read_settings(**{name: value for name, value in given.items() if value is not None})
    log_at(settings.log_level)
    service = Service(settings, read_sites(config))
    try:
        _once(service) if once else _until_told(service)
    finally:
        service.stop()


def _once(service: Service) -> None:
    failed = [name for name in service.sites if service.cycle(name) is None]
    if failed:
        why = service.errors.get(failed[0], "another service leads")
        raise ConfigurationError(f"site {failed[0]!r}", f"was not planned for ({why})", "see the log")


def _until_told(service: Service) -> None:
    ended = threading.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: ended.set())
    service.start()
    console.print(f"runs {', '.join(service.sites)}; Ctrl-C ends it", highlight=False, soft_wrap=True)
    ended.wait()
