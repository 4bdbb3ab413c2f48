"""Which of several services on one database plans and commands.

One rule: a lease in the database leads; it is taken over when it has run out, or when its holder is known to be dead.
"""

from __future__ import annotations

import os
import socket
import uuid

from energy_gym.serve.store import Store

LEASE = "planner"
# Every holder that this process has been.
_HERE: set[str] = set()


def new_owner() -> str:
    """Return a name for this process, by which others on the same machine can tell whether it still runs."""
    owner = f"{socket.gethostname()[:24]}/{os.getpid()}/{uuid.uuid4().hex[:16]}"
    _HERE.add(owner)
    return owner


def dead(owner: str, own: str) -> bool:
    """Return whether a process that held a lease is certainly gone.

    Args:
        owner: Who holds it.
        own: Name of the process that asks.

    Example:
        >>> mine = new_owner()
        >>> dead(mine, mine), dead(f"elsewhere/{os.getpid()}/1", mine), dead(mine[:-1], mine)
        (False, False, True)
    """
    host, _, rest = owner.partition("/")
    if owner in _HERE or host != own.partition("/")[0] or not rest.partition("/")[0].isdigit():
        return False
    process = int(rest.partition("/")[0])
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    # What was held under our own number, and not by us, was held before a restart: each container has a process 1.
    return process == os.getpid()


class Leadership:
    """The lease as one service sees it.

    Args:
        store: The database.
    """

    def __init__(self, store: Store) -> None:
        self.store, self.owner, self.held = store, new_owner(), False

    def taken(self, now: float, seconds: float) -> bool:
        """Return whether this service leads from now on; what it holds already is prolonged.

        Args:
            now: The moment [s].
            seconds: How long the lease holds unless it is taken again.

        Raises:
            StorageError: The database failed.
        """
        holder = self.store.holder(LEASE)
        if holder is not None and dead(holder, self.owner):
            self.store.resign(LEASE, holder)
        self.held = self.store.leads(LEASE, self.owner, now, seconds)
        return self.held

    def resign(self) -> None:
        """Give the lease back."""
        self.store.resign(LEASE, self.owner)
        self.held = False
