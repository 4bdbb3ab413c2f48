"""``energy-gym dashboard``: results and a running service in a browser; its one rule: it reads options and serves."""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console

from energy_gym.errors import ConfigurationError, MissingExtraError

console = Console()
KEY = "ENERGY_GYM_API_KEY"


def dashboard(
    sources: Annotated[
        list[str], typer.Argument(help="Folders of results, and at most one address of a service", metavar="SOURCE...")
    ],
    port: Annotated[int, typer.Option(help="Port of the page on this machine", min=1, max=65535)] = 8003,
    show: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser")] = False,
) -> None:
    """Show results of a leaderboard, and a service that runs, as a page on this machine.

    A service that asks for a key takes it from ENERGY_GYM_API_KEY, or from who looks at the page.
    """
    MissingExtraError.check("serve", "fastapi", "uvicorn", "httpx")
    from energy_gym.dashboard.results import read_folders
    from energy_gym.serve.server import serve_on
    from energy_gym.serve.viewing import viewer

    addresses = [source.rstrip("/") for source in sources if _is_address(source)]
    if len(addresses) > 1:
        raise ConfigurationError(" ".join(addresses), "are several services", "name one; folders may be several")
    folders = read_folders([Path(source) for source in sources if not _is_address(source)])
    app = viewer(folders, next(iter(addresses), None), os.environ.get(KEY) or None)
    page = f"http://127.0.0.1:{port}"
    console.print(f"energy-gym shows {page}; Ctrl-C ends it", highlight=False, soft_wrap=True)
    if show:
        webbrowser.open(page)
    serve_on(app, "127.0.0.1", port)


def _is_address(source: str) -> bool:
    return urlsplit(source).scheme in ("http", "https")
