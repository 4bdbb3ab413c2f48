"""The page on this machine, really served, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from energy_gym.serve.simulation import serving
from energy_gym.serve.viewing import viewer


@contextmanager
def looking(*sources: Any) -> Iterator[httpx.Client]:
    """Serve the page, and yield a client; sources are the arguments of `viewer`."""
    with serving(viewer(*sources)) as url, httpx.Client(base_url=url, timeout=30.0) as client:
        yield client
