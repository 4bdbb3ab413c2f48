"""What the service keeps: plans, intervals with their meters, forecasts as they came, and the states of each site.

One rule: what a restart needs is written before it is acted on; writing the same thing twice changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd
from sqlalchemy import (
    Column,
    Engine,
    Float,
    MetaData,
    Select,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    insert,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from energy_gym.errors import StorageError
from energy_gym.serve.beliefs import Announced
from energy_gym.serve.plan import Plan, Schedule

META = MetaData()
PLANS = Table(
    "plans",
    META,
    Column("site", String(64), primary_key=True),
    Column("time", String(32), primary_key=True),
    Column("power_kw", Float, nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("schedule", Text),
    Column("seconds", Float, nullable=False),
    Column("inputs", String(64), nullable=False),
)
INTERVALS = Table(
    "intervals",
    META,
    Column("site", String(64), primary_key=True),
    Column("time", String(32), primary_key=True),
    Column("values", Text, nullable=False),
)
FORECASTS = Table(
    "forecasts",
    META,
    Column("site", String(64), primary_key=True),
    Column("series", String(64), primary_key=True),
    Column("issued", String(32), nullable=False),
    Column("told", Text, nullable=False),
)
BELIEFS = Table(
    "beliefs",
    META,
    Column("site", String(64), primary_key=True),
    Column("time", String(32), primary_key=True),
    Column("told", Text, nullable=False),
)
STATES = Table(
    "states",
    META,
    Column("site", String(64), primary_key=True),
    Column("time", String(32), nullable=False),
    Column("states", Text, nullable=False),
)
LEASES = Table(
    "leases",
    META,
    Column("name", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("until", Float, nullable=False),
)


def key_of(moment: pd.Timestamp) -> str:
    """Return a moment as it is kept: UTC, in an order that texts keep."""
    return moment.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")


def of_period(table: Table, site: str, since: pd.Timestamp, until: pd.Timestamp) -> Select[Any]:
    """Return the query for the rows of a site in a period (half open)."""
    return select(table).where(table.c.site == site, table.c.time >= key_of(since), table.c.time < key_of(until))


class Store:
    """The database of the service.

    Args:
        url: As SQLAlchemy takes it: ``sqlite:///file.db``, ``postgresql+psycopg://...``; ``sqlite://`` keeps nothing.

    Raises:
        StorageError: It cannot be opened.

    Example:
        >>> store = Store("sqlite://")
        >>> moment = pd.Timestamp("2024-01-01", tz="UTC")
        >>> store.keep_states("office", moment, (100.0, 40.0))
        >>> store.states("office")
        (Timestamp('2024-01-01 00:00:00+0000', tz='UTC'), (100.0, 40.0))
    """

    def __init__(self, url: str) -> None:
        try:
            self.engine = _engine(url)
            META.create_all(self.engine)
        except (SQLAlchemyError, ImportError, OSError) as error:
            rule = f"cannot be opened ({error})"
            found = f"DATABASE_URL={without_password(url)!r}"
            raise StorageError(found, rule, "write sqlite:///energy-gym.db") from error

    def keep_plan(self, plan: Plan) -> None:
        """Keep a plan; the same moment again takes the place of the one before."""
        schedule = None if plan.schedule is None else json.dumps(asdict(plan.schedule))
        told = {"power_kw": plan.power_kw, "status": plan.status, "reason": plan.reason, "schedule": schedule}
        self.put(
            PLANS,
            {"site": plan.site, "time": key_of(plan.time)},
            {**told, "seconds": plan.seconds, "inputs": plan.inputs},
        )

    def plan(self, site: str, time: pd.Timestamp | None = None) -> Plan | None:
        """Return the plan of a moment, or the last one."""
        asked = select(PLANS).where(PLANS.c.site == site)
        if time is not None:
            asked = asked.where(PLANS.c.time == key_of(time))
        rows = self.all(asked.order_by(PLANS.c.time.desc()).limit(1))
        return _plan(rows[0]) if rows else None

    def plans(self, site: str, since: pd.Timestamp, until: pd.Timestamp) -> list[Plan]:
        """Return the plans of a period (half open), in order."""
        return [_plan(row) for row in self.all(of_period(PLANS, site, since, until).order_by(PLANS.c.time))]

    def keep_interval(self, site: str, time: pd.Timestamp, values: Mapping[str, Any]) -> None:
        """Keep what an interval came to."""
        self.put(INTERVALS, {"site": site, "time": key_of(time)}, {"values": json.dumps(dict(values))})

    def intervals(self, site: str, since: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
        """Return what the intervals of a period came to (half open): a row each, indexed by their start [UTC]."""
        rows = self.all(of_period(INTERVALS, site, since, until).order_by(INTERVALS.c.time))
        index = pd.DatetimeIndex([pd.Timestamp(row["time"]) for row in rows], tz="UTC", name="time")
        return pd.DataFrame([json.loads(row["values"]) for row in rows], index=index)

    def keep_forecast(self, site: str, column: str, told: Announced) -> None:
        """Keep the last forecast that came of a column."""
        text = json.dumps([[stamp.isoformat() for stamp in told.times], told.values.tolist()])
        self.put(FORECASTS, {"site": site, "series": column}, {"issued": told.issued.isoformat(), "told": text})

    def forecast(self, site: str, column: str) -> Announced | None:
        """Return the last forecast that came of a column."""
        rows = self.all(select(FORECASTS).where(FORECASTS.c.site == site, FORECASTS.c.series == column))
        if not rows:
            return None
        stamps, values = json.loads(rows[0]["told"])
        return Announced.of(pd.Timestamp(rows[0]["issued"]), pd.DatetimeIndex(stamps), values, column)

    def keep_beliefs(self, site: str, time: pd.Timestamp, rows: Mapping[str, Any]) -> None:
        """Keep what is believed at the start of an interval of it and those after it, by column."""
        told = {name: [float(f"{value:.7g}") for value in row] for name, row in rows.items()}
        self.put(BELIEFS, {"site": site, "time": key_of(time)}, {"told": json.dumps(told)})

    def believed(self, site: str, since: pd.Timestamp, until: pd.Timestamp) -> dict[pd.Timestamp, dict[str, Any]]:
        """Return what was believed at the start of each interval of a period (half open)."""
        rows = self.all(of_period(BELIEFS, site, since, until))
        return {pd.Timestamp(row["time"]): json.loads(row["told"]) for row in rows}

    def forget_beliefs(self, site: str, before: pd.Timestamp) -> None:
        """Forget what was believed before a moment: it is the bulk of the database."""
        self.run([delete(BELIEFS).where(BELIEFS.c.site == site, BELIEFS.c.time < key_of(before))])

    def keep_states(self, site: str, time: pd.Timestamp, states: tuple[float, ...]) -> None:
        """Keep the states at the start of an interval: energy stored, then running maxima."""
        self.put(STATES, {"site": site}, {"time": key_of(time), "states": json.dumps(states)})

    def states(self, site: str) -> tuple[pd.Timestamp, tuple[float, ...]] | None:
        """Return the states that were kept last, and when they held."""
        rows = self.all(select(STATES).where(STATES.c.site == site))
        return (pd.Timestamp(rows[0]["time"]), tuple(json.loads(rows[0]["states"]))) if rows else None

    def leads(self, name: str, owner: str, now: float, seconds: float) -> bool:
        """Return whether an owner leads: it holds the lease, or takes one that nobody holds any more.

        Args:
            name: What is led.
            owner: Who asks.
            now: The moment [s].
            seconds: How long the lease holds unless it is taken again.
        """
        until = {"owner": owner, "until": now + seconds}
        try:
            with self.engine.begin() as connection:
                held = update(LEASES).where(LEASES.c.name == name, (LEASES.c.owner == owner) | (LEASES.c.until <= now))
                if connection.execute(held.values(**until)).rowcount:
                    return True
                if connection.execute(select(LEASES).where(LEASES.c.name == name)).first() is not None:
                    return False
                connection.execute(insert(LEASES).values(name=name, **until))
                return True
        except SQLAlchemyError as error:
            raise _failed(error) from error

    def holder(self, name: str) -> str | None:
        """Return who holds a lease, whether or not it has run out."""
        rows = self.all(select(LEASES).where(LEASES.c.name == name))
        return str(rows[0]["owner"]) if rows else None

    def resign(self, name: str, owner: str) -> None:
        """Give a lease back."""
        self.run([delete(LEASES).where(LEASES.c.name == name, LEASES.c.owner == owner)])

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def put(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Write a row in place of the one with the same key."""
        same = [table.c[name] == value for name, value in key.items()]
        self.run([delete(table).where(*same), insert(table).values(**key, **values)])

    def run(self, orders: list[Any]) -> None:
        """Carry out statements, all or none."""
        try:
            with self.engine.begin() as connection:
                for order in orders:
                    connection.execute(order)
        except SQLAlchemyError as error:
            raise _failed(error) from error

    def all(self, asked: Any) -> list[Any]:
        """Return the rows of a query."""
        try:
            with self.engine.connect() as connection:
                return list(connection.execute(asked).mappings().all())
        except SQLAlchemyError as error:
            raise _failed(error) from error


def without_password(url: str) -> str:
    """Return an address as it may be told.

    Example:
        >>> without_password("postgresql://energy:secret@database/energy")
        'postgresql://energy:***@database/energy'
    """
    try:
        return make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return url.partition(":")[0] + ":..."


def _engine(url: str) -> Engine:
    if url == "sqlite://":
        return create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _write_ahead)

    return engine


def _write_ahead(connection: Any, _record: Any) -> None:
    """Let readers of an SQLite file go on while one writes."""
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")


def _plan(row: Any) -> Plan:
    found = None if row["schedule"] is None else json.loads(row["schedule"])
    lists: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in (found or {}).items()}
    return Plan(
        site=row["site"],
        time=pd.Timestamp(row["time"]),
        power_kw=row["power_kw"],
        status=row["status"],
        reason=row["reason"],
        schedule=None if found is None else Schedule(**lists),
        seconds=row["seconds"],
        inputs=row["inputs"],
    )


def _failed(error: SQLAlchemyError) -> StorageError:
    return StorageError("database of the service", f"failed ({error})", "check its disk and its address")
