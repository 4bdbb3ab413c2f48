"""A query to a database of others; its one rule: it only reads, and what goes wrong is told as everywhere."""

from __future__ import annotations

from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from energy_gym.errors import StorageError


class Asked:
    """A query that is asked again and again.

    Args:
        url: Database, as SQLAlchemy takes it.
        query: SQL text; ``:since`` and the like stand for what `rows` is told.

    Raises:
        StorageError: The database cannot be opened.

    Example:
        >>> asked = Asked("sqlite://", "select :count + 1")
        >>> asked.rows(count=1)
        [(2,)]
        >>> asked.close()
    """

    def __init__(self, url: str, query: str) -> None:
        self.query = query
        # Connections are rare and short: none is held, but for a database that lives in one.
        pool = StaticPool if url == "sqlite://" else NullPool
        try:
            self._engine, self._query = create_engine(url, poolclass=pool), text(query)
        except (SQLAlchemyError, ImportError) as error:
            rule = f"cannot be opened ({error})"
            raise StorageError("database of a query", rule, "write sqlite:///file.db") from error

    def rows(self, **told: Any) -> list[tuple[Any, ...]]:
        """Return the rows of the answer.

        Raises:
            StorageError: The database failed.
        """
        try:
            with self._engine.connect() as connection:
                return [tuple(row) for row in connection.execute(self._query, told)]
        except SQLAlchemyError as error:
            raise StorageError("a query", f"failed ({error})", "check the query and the database") from error

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()
