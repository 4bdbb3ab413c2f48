"""Time series in any database SQLAlchemy speaks to; its one rule: SQL is built by SQLAlchemy, never from strings.

A table has a column ``time`` (date and time in UTC, the primary key) and one double-precision column a series; NULL is
NaN. Tables made by other programs can be read too, where they have such a ``time`` column.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from energy_gym.data.storage.base import DataBackend
from energy_gym.errors import MissingExtraError, StorageError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table

_ATTRIBUTES = "_energy_gym_attributes"
# SQLite compares times as text, and other programs write that text differently: select a little more, cut exactly.
_MARGIN = pd.Timedelta(days=1)


class SqlBackend(DataBackend):
    """Tables in a SQL database, one table a frame; windows and columns are selected by the database.

    Each call is one transaction. Replacing a table is atomic where the database can undo the making of tables (SQLite
    and PostgreSQL can, MySQL cannot). Passwords are never shown.

    Args:
        url: A SQLAlchemy URL; its driver must be installed.

    Raises:
        StorageError: The URL cannot be read, or its driver is not installed.
        MissingExtraError: SQLAlchemy is not installed.

    Example:
        >>> import pandas as pd
        >>> index = pd.date_range("2024-01-01", periods=3, freq="h", tz="UTC")
        >>> with SqlBackend("sqlite://") as backend:
        ...     backend.write("market", pd.DataFrame({"price_per_mwh": [30.0, -5.0, 0.1]}, index=index))
        ...     backend.read("market", stop="2024-01-01T02:00")["price_per_mwh"].tolist()
        [30.0, -5.0]
    """

    def __init__(self, url: str) -> None:
        """Take the URL; the first call connects."""
        self._engine = _engine(url)

    def __str__(self) -> str:
        """Say where the tables are, without a password."""
        return f"database {self._engine.url.render_as_string(hide_password=True)}"

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def names(self) -> tuple[str, ...]:
        """Return the names of the tables that have a ``time`` column, sorted.

        Raises:
            StorageError: The database cannot be reached.
        """
        import sqlalchemy as sa

        with self._transaction("(all)") as connection:
            seen = sa.inspect(connection)
            tables = [name for name in seen.get_table_names() if name != _ATTRIBUTES]
            return tuple(sorted(t for t in tables if any(c["name"] == "time" for c in seen.get_columns(t))))

    def _columns(self, name: str) -> list[str]:
        with self._transaction(name) as connection:
            return [column.name for column in _reflected(connection, name).columns if column.name != "time"]

    def _last(self, name: str) -> pd.Timestamp | None:
        import sqlalchemy as sa

        with self._transaction(name) as connection:
            value = connection.execute(sa.select(sa.func.max(_reflected(connection, name).c.time))).scalar()
        return None if value is None else pd.Timestamp(value, tz="UTC")

    def _read(
        self, name: str, start: pd.Timestamp | None, stop: pd.Timestamp | None, columns: list[str]
    ) -> pd.DataFrame:
        import sqlalchemy as sa

        with self._transaction(name) as connection:
            table = _reflected(connection, name)
            query = sa.select(table.c.time, *(table.c[column] for column in columns)).order_by(table.c.time)
            if start is not None:
                query = query.where(table.c.time >= _utc_naive(start - _MARGIN))
            if stop is not None:
                query = query.where(table.c.time < _utc_naive(stop + _MARGIN))
            rows = connection.execute(query).all()
            attributes = _attributes(connection, name)
        times, *values = zip(*rows, strict=True) if rows else ((), *([()] * len(columns)))
        index = pd.DatetimeIndex(pd.to_datetime(list(times), utc=True), name="time")
        frame = pd.DataFrame(dict(zip(columns, (np.array(v, np.float64) for v in values), strict=True)), index=index)
        frame = frame.iloc[_position(index, start, 0) : _position(index, stop, len(index))]
        frame.attrs = attributes
        return frame

    def _write(self, name: str, frame: pd.DataFrame) -> None:
        import sqlalchemy as sa

        series = (sa.Column(column, sa.Double) for column in frame.columns)
        table = sa.Table(name, sa.MetaData(), sa.Column("time", sa.DateTime, primary_key=True), *series)
        with self._transaction(name) as connection:
            table.drop(connection, checkfirst=True)
            table.create(connection)
            _insert(connection, table, frame)
            _set_attributes(connection, name, json.dumps(frame.attrs))

    def _append(self, name: str, frame: pd.DataFrame) -> None:
        with self._transaction(name) as connection:
            _insert(connection, _reflected(connection, name), frame)

    def _delete(self, name: str) -> None:
        with self._transaction(name) as connection:
            _reflected(connection, name).drop(connection)
            _set_attributes(connection, name, None)

    @contextlib.contextmanager
    def _transaction(self, name: str) -> Iterator[Connection]:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            # The first line has the database's own words; the rest is the statement, with all its rows.
            reason = str(error).splitlines()[0]
            remedy = "check that it is running, that the URL is right and that you may write there"
            raise StorageError(f"table {name!r}", f"{self} failed ({reason})", remedy) from error


def _engine(url: str) -> Engine:
    try:
        import sqlalchemy as sa
    except ImportError as error:
        raise MissingExtraError.of("sqlalchemy", "sql") from error
    try:
        engine = sa.create_engine(url)
    except (sa.exc.SQLAlchemyError, ValueError) as error:
        remedy = 'pass a SQLAlchemy URL such as "sqlite:///site.db"'
        raise StorageError("database URL", f"cannot be used ({error})", remedy) from error
    except ImportError as error:
        raise StorageError(f"database URL ({error})", "its driver must be installed", "install the driver") from error
    if engine.dialect.name == "sqlite":
        # Python's driver begins no transaction before DDL; begun by hand, a failed write is undone as a whole.
        sa.event.listen(engine, "connect", _manual_transactions)
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _manual_transactions(connection: Any, _record: object) -> None:
    connection.isolation_level = None


def _reflected(connection: Connection, name: str) -> Table:
    import sqlalchemy as sa

    return sa.Table(name, sa.MetaData(), autoload_with=connection)


def _utc_naive(moment: pd.Timestamp) -> Any:
    return moment.tz_convert("UTC").tz_localize(None).to_pydatetime()


def _position(index: pd.DatetimeIndex, moment: pd.Timestamp | None, otherwise: int) -> int:
    return otherwise if moment is None else int(index.searchsorted(moment))


def _insert(connection: Connection, table: Table, frame: pd.DataFrame) -> None:
    if frame.empty:
        return
    times = frame.index.tz_localize(None).to_pydatetime().tolist()
    numbers = frame.to_numpy(dtype=object, copy=True)
    numbers[frame.isna().to_numpy()] = None
    keys = ["time", *frame.columns]
    rows = [dict(zip(keys, (time, *row), strict=True)) for time, row in zip(times, numbers.tolist(), strict=True)]
    connection.execute(table.insert(), rows)


def _attribute_table() -> Table:
    import sqlalchemy as sa

    columns = sa.Column("name", sa.String(64), primary_key=True), sa.Column("json", sa.Text, nullable=False)
    return sa.Table(_ATTRIBUTES, sa.MetaData(), *columns)


def _attributes(connection: Connection, name: str) -> dict[Any, object]:
    import sqlalchemy as sa

    table = _attribute_table()
    if not sa.inspect(connection).has_table(_ATTRIBUTES):
        return {}
    text = connection.execute(sa.select(table.c.json).where(table.c.name == name)).scalar()
    return {} if text is None else dict(json.loads(text))


def _set_attributes(connection: Connection, name: str, text: str | None) -> None:
    table = _attribute_table()
    table.create(connection, checkfirst=True)
    connection.execute(table.delete().where(table.c.name == name))
    if text is not None:
        connection.execute(table.insert().values(name=name, json=text))
