"""What else the service keeps: each limit that a command broke, whether a site is stopped, and reviews of days.

One rule: a limit that was broken is kept before the command that it cut is sent, and nothing switches that off.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Column, Float, Integer, String, Table, Text, delete, insert, select

from energy_gym.serve.safety import Broken
from energy_gym.serve.store import META, Store, key_of, of_period

SAFETY = Table(
    "safety",
    META,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("site", String(64), nullable=False, index=True),
    Column("time", String(32), nullable=False),
    Column("limit", String(32), nullable=False),
    Column("action", String(16), nullable=False),
    Column("asked_kw", Float, nullable=False),
    Column("given_kw", Float, nullable=False),
)
STOPS = Table(
    "stops",
    META,
    Column("site", String(64), primary_key=True),
    Column("time", String(32), nullable=False),
    Column("limit", String(32), nullable=False),
)
DAYS = Table(
    "days",
    META,
    Column("site", String(64), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("told", Text, nullable=False),
)


class Records:
    """These tables of the service's database.

    Args:
        store: The database.

    Example:
        >>> records = Records(Store("sqlite://"))
        >>> moment = pd.Timestamp("2024-01-01T00:00Z")
        >>> records.keep_broken("office", moment, [Broken("charge_kw", "stop", 80.0, 0.0)])
        >>> records.stopped("office"), records.release("office"), records.stopped("office")
        ('charge_kw', True, None)
        >>> [row["limit"] for row in records.broken("office", moment, moment + pd.Timedelta("1h"))]
        ['charge_kw']
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        META.create_all(store.engine)

    def keep_broken(self, site: str, time: pd.Timestamp, found: Sequence[Broken]) -> None:
        """Keep limits that a command broke; one that stops the site keeps it stopped."""
        told = {"site": site, "time": key_of(time)}
        self.store.run([insert(SAFETY).values(**told, **broken._asdict()) for broken in found])
        for broken in found:
            if broken.action == "stop":
                self.store.put(STOPS, {"site": site}, {"time": key_of(time), "limit": broken.limit})

    def broken(self, site: str, since: pd.Timestamp, until: pd.Timestamp) -> list[dict[str, Any]]:
        """Return the limits that commands broke in a period (half open), in order."""
        asked = of_period(SAFETY, site, since, until).order_by(SAFETY.c.number)
        return [dict(row) for row in self.store.all(asked)]

    def stopped(self, site: str) -> str | None:
        """Return the limit that stopped a site, if one did and nobody has released it."""
        rows = self.store.all(select(STOPS).where(STOPS.c.site == site))
        return str(rows[0]["limit"]) if rows else None

    def release(self, site: str) -> bool:
        """Let a site that was stopped go on, and return whether it was."""
        was = self.stopped(site) is not None
        self.store.run([delete(STOPS).where(STOPS.c.site == site)])
        return was

    def keep_day(self, site: str, day: str, told: Mapping[str, Any]) -> None:
        """Keep the review of a local day (ISO date)."""
        self.store.put(DAYS, {"site": site, "day": day}, {"told": json.dumps(dict(told))})

    def days(self, site: str, since: str = "", until: str = "9999") -> list[dict[str, Any]]:
        """Return reviews of local days (ISO dates, half open), in order."""
        asked = select(DAYS).where(DAYS.c.site == site, DAYS.c.day >= since, DAYS.c.day < until)
        return [{"day": row["day"], **json.loads(row["told"])} for row in self.store.all(asked.order_by(DAYS.c.day))]
