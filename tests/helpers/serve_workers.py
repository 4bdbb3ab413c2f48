"""What works in processes of their own in the tests of workers; it imports little, as each process does."""

from __future__ import annotations

import os
import threading
from typing import Any


def obedient_worker() -> Any:
    """Return a function that does as it is told, in the process of a worker."""

    def obey(what: str) -> Any:
        if what == "hang":
            threading.Event().wait()
        if what == "raise":
            raise ValueError("on purpose")
        return os.getpid()

    return obey


def failing_worker() -> Any:
    """Raise, as a site does that cannot be planned for."""
    raise RuntimeError("no such site")
