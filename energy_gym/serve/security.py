"""Who may ask what: keys by role, and how often.

One rule: keys are kept as hashes alone and compared in constant time; without any key only this machine is served.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from energy_gym.errors import UnknownIdError

READ, TRIGGER, ADMIN = "read", "trigger", "admin"
ROLES = (READ, TRIGGER, ADMIN)
"""Each role may do what those before it may."""
WINDOW_SECONDS = 60.0
MOST_KNOWN = 10_000
ANONYMOUS = "anonymous"


class NewKey(NamedTuple):
    """A key to hand out, and its hash to keep."""

    key: str
    hashed: str


def new_key(role: str) -> NewKey:
    """Return a new key for a role.

    Raises:
        UnknownIdError: No such role.

    Example:
        >>> made = new_key("read")
        >>> made.hashed == hashed(made.key)
        True
    """
    if role not in ROLES:
        raise UnknownIdError.of("role", role, ROLES)
    key = f"eg-{role}-{secrets.token_urlsafe(32)}"
    return NewKey(key, hashed(key))


def hashed(key: str) -> str:
    """Return the SHA-256 of a key, which is long and random: a slow hash would only slow readers down."""
    return hashlib.sha256(key.encode()).hexdigest()


class Keys:
    """The keys that are accepted.

    Args:
        roles: Role by the hash of its key; none: everyone may do everything.

    Example:
        >>> made = new_key("trigger")
        >>> keys = Keys({made.hashed: "trigger"})
        >>> keys.role(made.key), keys.role("wrong"), allows("trigger", "read"), allows("read", "trigger")
        ('trigger', None, True, False)
    """

    def __init__(self, roles: Mapping[str, str]) -> None:
        self._roles = dict(roles)

    def role(self, key: str | None) -> str | None:
        """Return the role of a key; None where it is not accepted."""
        if not self._roles:
            return ADMIN
        asked, found = hashed(key or ""), None
        for known, role in self._roles.items():
            if hmac.compare_digest(known, asked):
                found = role
        return found


def allows(role: str, needed: str) -> bool:
    """Return whether a role may do what another may."""
    return ROLES.index(role) >= ROLES.index(needed)


class RateLimit:
    """So many requests in a minute for each who asks, refilled evenly.

    Example:
        >>> moments = iter([0.0, 0.0, 0.0, 60.0])
        >>> limit = RateLimit(2, clock=lambda: next(moments))
        >>> [limit.wait("a") for _ in range(4)]
        [0, 0, 30, 0]
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = float(per_minute), clock
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait(self, who: str) -> int:
        """Count a request, and return how long its sender must wait before the next one that counts [s]; 0: let in."""
        now = self._clock()
        with self._lock:
            if len(self._left) > MOST_KNOWN:
                # Who has not asked for a minute may ask as often as a stranger.
                self._left = {key: told for key, told in self._left.items() if now - told[1] < WINDOW_SECONDS}
            left, since = self._left.get(who, (self._most, now))
            left = min(left + (now - since) * self._most / WINDOW_SECONDS, self._most)
            if left < 1.0:
                self._left[who] = left, now
                return math.ceil((1.0 - left) * WINDOW_SECONDS / self._most)
            self._left[who] = left - 1.0, now
            return 0
