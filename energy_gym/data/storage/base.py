"""The interface of the storage backends and the checks they share; its one rule: what is read is what was written."""

from __future__ import annotations

import contextlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Sequence
from types import TracebackType
from typing import Self, TypeAlias

import numpy as np
import pandas as pd

from energy_gym.errors import (
    DataError,
    DuplicateStampError,
    IrregularIndexError,
    MissingColumnError,
    NaiveIndexError,
    NonFiniteError,
    StorageError,
)

_TABLE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,47}")
_COLUMN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ .-]{0,62}")

Moment: TypeAlias = "str | pd.Timestamp"


class DataBackend(ABC):
    """Named tables of time series: create, read, replace, append, delete.

    A table is a frame of numbers (NaN marks a gap) on a time-zone-aware DatetimeIndex that rises strictly, in whole
    seconds. It comes back as float64 on a UTC index named ``time``, with its ``attrs``. Table names are lower case.

    Example:
        >>> from energy_gym.data.storage import open_backend
        >>> from energy_gym.data.synthetic import generate
        >>> with open_backend(None) as backend:
        ...     backend.write("site", generate(steps=48))
        ...     day_two = backend.read("site", start="2020-01-02", columns=["price_per_mwh"])
        >>> day_two.shape, str(day_two.index[0]), day_two.attrs["synthetic"]
        ((24, 1), '2020-01-02 00:00:00+00:00', True)

        The frame is what an environment takes:
        ``gymnasium.make("energy_gym/Arbitrage-v1", data=backend.read("site"))``.
    """

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Return the names of the tables, sorted."""

    def read(
        self,
        name: str,
        start: Moment | None = None,
        stop: Moment | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return the rows of a table with start <= time < stop.

        Args:
            name: Table.
            start: First time stamp; without a zone it is UTC. None: from the first row.
            stop: End of the window, not included. None: to the last row.
            columns: Columns in the order wanted. None: all.

        Raises:
            StorageError: The table does not exist or cannot be read, or the window is no pair of dates.
            MissingColumnError: The table has no such column.
        """
        self._require(name)
        window = _moment("start", start), _moment("stop", stop)
        with self._reported(name):
            chosen = _chosen(name, self._columns(name), columns)
            return checked_table(self._read(name, *window, chosen), name)

    def write(self, name: str, frame: pd.DataFrame) -> None:
        """Create a table or replace it; a failure leaves the old table as it was.

        Raises:
            StorageError: The name cannot be used, or the table cannot be written.
            DataError: The frame breaks a rule of the tables; the kind of error says which.
        """
        _require_name(name)
        checked = checked_table(frame, name)
        with self._reported(name):
            self._write(name, checked)

    def append(self, name: str, frame: pd.DataFrame) -> None:
        """Add rows after the last row of a table; its columns must be those of the table, in any order.

        Raises:
            StorageError: The table does not exist, the rows overlap it, or the columns differ.
            DataError: The frame breaks a rule of the tables; the kind of error says which.
        """
        self._require(name)
        checked = checked_table(frame, name)
        with self._reported(name):
            columns, last = self._columns(name), self._last(name)
            if set(columns) != set(checked.columns):
                found, rule = f"columns {', '.join(checked.columns)}", f"{name!r} has {', '.join(columns)}"
                raise StorageError(found, rule, "append the same columns, or write() a new table")
            if last is not None and len(checked) and checked.index[0] <= last:
                found = f"rows from {checked.index[0].isoformat()}"
                rule = f"{name!r} already reaches {last.isoformat()}"
                raise StorageError(found, rule, "append later rows only, or write() the whole table")
            self._append(name, checked[list(columns)])

    def delete(self, name: str) -> None:
        """Remove a table.

        Raises:
            StorageError: The table does not exist or cannot be removed.
        """
        self._require(name)
        with self._reported(name):
            self._delete(name)

    def close(self) -> None:  # noqa: B027  (most backends hold nothing open)
        """Release what the backend holds open."""

    def __enter__(self) -> Self:
        """Return the backend itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the backend."""
        self.close()

    def _require(self, name: str) -> None:
        _require_name(name)
        known = self.names()
        if name not in known:
            there = f"there are: {', '.join(known)}" if known else "there are none yet"
            raise StorageError(f"table {name!r}", f"no such table in {self}", f"write() it first; {there}")

    @contextlib.contextmanager
    def _reported(self, name: str) -> Iterator[None]:
        """Turn what the storage itself raises into a StorageError that names table and place."""
        try:
            yield
        except DataError:
            raise
        except (OSError, ValueError, KeyError) as error:
            raise StorageError(
                f"table {name!r}", f"{self} failed ({error})", "check that the place exists, is intact and writable"
            ) from error

    @abstractmethod
    def _columns(self, name: str) -> list[str]: ...

    @abstractmethod
    def _last(self, name: str) -> pd.Timestamp | None: ...

    @abstractmethod
    def _read(
        self, name: str, start: pd.Timestamp | None, stop: pd.Timestamp | None, columns: list[str]
    ) -> pd.DataFrame: ...

    @abstractmethod
    def _write(self, name: str, frame: pd.DataFrame) -> None: ...

    @abstractmethod
    def _append(self, name: str, frame: pd.DataFrame) -> None: ...

    @abstractmethod
    def _delete(self, name: str) -> None: ...


def checked_table(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a float64 copy on a UTC index named ``time``, or raise the error that says which rule is broken."""
    if not isinstance(frame, pd.DataFrame):
        raise StorageError(
            f"table {name!r} of {type(frame).__name__}", "must be a pandas DataFrame", "pass a DataFrame"
        )
    index = _checked_index(frame.index, name)
    _require_columns([str(column) for column in frame.columns], name)
    try:
        table = pd.DataFrame(
            # Adding zero turns -0.0 into 0.0, a difference not every database can hold.
            {str(column): frame[column].to_numpy(np.float64, na_value=np.nan) + 0.0 for column in frame.columns},
            index=index,
        )
    except (TypeError, ValueError) as error:
        raise StorageError(f"table {name!r}", f"holds numbers only ({error})", "convert or drop that column") from error
    if np.isinf(table.to_numpy()).any():
        raise NonFiniteError(f"table {name!r}", "holds infinite values", "replace them (NaN marks a gap)")
    table.attrs = _plain_attributes(frame, name)
    return table


def _checked_index(index: pd.Index, name: str) -> pd.DatetimeIndex:
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        rule = "needs a time-zone-aware DatetimeIndex"
        raise NaiveIndexError(f"table {name!r}", rule, 'set one, e.g. frame.tz_localize("UTC")')
    utc = index.tz_convert("UTC").as_unit("ns").rename("time")
    if utc.has_duplicates:
        found = f"table {name!r}, {utc[utc.duplicated()][0].isoformat()}"
        raise DuplicateStampError(found, "each stamp occurs once", "drop the repeated rows")
    if utc.hasnans or not utc.is_monotonic_increasing or bool((utc.asi8 % 1_000_000_000).any()):
        rule = "its time stamps must rise, in whole seconds, with none missing"
        raise IrregularIndexError(f"table {name!r}", rule, "use frame.sort_index() and round the stamps")
    return pd.DatetimeIndex(utc.asi8, tz="UTC", name="time")


def _require_columns(names: list[str], table: str) -> None:
    lowered = [name.lower() for name in names]
    if not names or len(set(lowered)) < len(names) or "time" in lowered:
        rule = 'needs at least one column, names that differ in more than case, and none called "time"'
        raise StorageError(f"table {table!r} with columns {', '.join(names)}", rule, "rename the columns")
    for name in names:
        if not _COLUMN_NAME.fullmatch(name):
            rule = "a column name has at most 63 letters, digits, blanks and _ . -, the first a letter or _"
            raise StorageError(f"table {table!r}, column {name!r}", rule, "rename the column")


def _require_name(name: str) -> None:
    if not isinstance(name, str) or not _TABLE_NAME.fullmatch(name):
        rule = "a table name has at most 48 of a-z, 0-9, _ and -, the first a letter"
        raise StorageError(f"table {name!r}", rule, 'pass a name such as "site" or "de-lu"')


def _plain_attributes(frame: pd.DataFrame, name: str) -> dict[Hashable, object]:
    try:
        return dict(json.loads(json.dumps(frame.attrs)))
    except (TypeError, ValueError) as error:
        rule = f"frame.attrs must be plain values ({error})"
        raise StorageError(f"table {name!r}", rule, "keep text, numbers and lists there") from error


def _chosen(name: str, present: list[str], columns: Sequence[str] | None) -> list[str]:
    if columns is None:
        return present
    wanted = [columns] if isinstance(columns, str) else list(columns)
    for column in wanted:
        if column not in present:
            raise MissingColumnError(f"column {column!r}", f"is not in table {name!r}", f"known: {', '.join(present)}")
    return wanted


def _moment(which: str, value: Moment | None) -> pd.Timestamp | None:
    if value is None:
        return None
    try:
        moment = pd.Timestamp(str(value))
        if moment is pd.NaT:
            raise ValueError("it is NaT")
        return (moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")).as_unit("ns")
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        raise StorageError(f"{which}={value!r}", f"is no date ({error})", 'pass e.g. "2020-01-02"') from error
