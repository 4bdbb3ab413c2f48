"""Where the columns of a site come from: the forecasting service, an address, a query, or a function of the site's own.

One rule: whatever a source answers is checked as a forecast before anyone believes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pandas as pd

from energy_gym.errors import ConfigurationError, DataError, EnergyGymError
from energy_gym.scenario import Scenario
from energy_gym.serve.beliefs import Announced
from energy_gym.serve.clients import PATHS, Remote, read_forecast
from energy_gym.serve.imported import imported
from energy_gym.serve.queries import Asked
from energy_gym.serve.site_parts import ColumnSettings


class Source(Protocol):
    """Tells a column: of the coming intervals, and of passed ones where it knows them."""

    def told(self, column: str, now: pd.Timestamp) -> Announced:
        """Return what it says at a moment [UTC].

        Raises:
            EnergyGymError: It says nothing, or nothing that can be believed.
        """

    def close(self) -> None:
        """Let go of what it holds."""


class AddressSource:
    """An address that answers as the forecasting service does, with the column's own name."""

    def __init__(self, url: str, timeout: float, attempts: int) -> None:
        self._remote = Remote(url, timeout, attempts)
        self.close = self._remote.close

    def told(self, column: str, now: pd.Timestamp) -> Announced:
        """See `Source.told`."""
        return read_forecast(self._remote.call("GET", ""), column, column, self._remote.url)


class QuerySource:
    """A query whose rows are a stamp and a value.

    Example:
        >>> query = "select '2024-01-01T00:00Z', 40.0 union select '2024-01-01T01:00Z', 60.0 where :since < '2025'"
        >>> source = QuerySource("sqlite://", query)
        >>> source.told("price_per_mwh", pd.Timestamp("2024-01-01T00:00Z")).values.tolist()
        [40.0, 60.0]
        >>> source.close()
    """

    def __init__(self, url: str, query: str) -> None:
        self._asked = Asked(url, query)
        self.close = self._asked.close

    def told(self, column: str, now: pd.Timestamp) -> Announced:
        """See `Source.told`."""
        since = (now - pd.Timedelta(days=1)).isoformat()
        rows = self._asked.rows(**({"since": since} if ":since" in self._asked.query else {}))
        try:
            series = pd.Series([float(value) for _, value in rows], [pd.Timestamp(stamp) for stamp, _ in rows])
        except (TypeError, ValueError) as error:
            raise DataError(f"rows of {column}", f"are no stamps and values ({error})", "select both") from error
        return of_series(series, column, now)


class FunctionSource:
    """A function of the site's own, called with the moment."""

    def __init__(self, name: str) -> None:
        self._name, self._called = name, imported(name)

    def told(self, column: str, now: pd.Timestamp) -> Announced:
        """See `Source.told`."""
        try:
            return of_series(self._called(now), column, now)
        except EnergyGymError:
            raise
        except Exception as error:
            raise DataError(f"{self._name}", f"failed ({error!r})", "mend the function") from error

    def close(self) -> None:
        """See `Source.close`."""


def of_series(series: pd.Series, column: str, now: pd.Timestamp) -> Announced:
    """Return a series by stamps as a forecast made now.

    Raises:
        DataError: Its stamps have no offset, or it is none that can be believed.
    """
    index = pd.DatetimeIndex(series.index)
    if index.tz is None:
        raise DataError(f"stamps of {column}", "have no offset", "write 2024-01-01T00:00Z")
    return Announced.of(now, index.tz_convert("UTC"), series.to_numpy(dtype=float).tolist(), column)


def sources_of(columns: Mapping[str, ColumnSettings], timeout: float, attempts: int) -> dict[str, Source]:
    """Return what tells each column that does not come from the forecasting service.

    Raises:
        ConfigurationError: A function cannot be imported.
        StorageError: A database cannot be opened.
    """
    return {name: _source(told, timeout, attempts) for name, told in columns.items()}


def _source(told: ColumnSettings, timeout: float, attempts: int) -> Source:
    if told.url is not None:
        return AddressSource(told.url, timeout, attempts)
    if told.database_url is not None and told.query is not None:
        return QuerySource(told.database_url, told.query)
    return FunctionSource(str(told.python))


def series_of(scenario: Scenario, sources: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the series that a scenario needs to be told of.

    Args:
        scenario: The site.
        sources: What tells columns that the forecasting service does not know, by name.

    Raises:
        ConfigurationError: One that nobody tells, or a source of a column that the site does not have.
    """
    (unit, *more) = scenario.sites()
    if more:
        raise ConfigurationError(
            f"scenario {scenario.name!r}: {1 + len(more)} meters", "a site has one", "write a site for each"
        )
    energy = unit.energy
    needed = [*energy.columns(), *(column for entity in unit.entities.values() for column in entity.columns())]
    for column in needed:
        if column not in PATHS and column not in sources:
            rule = f"no service forecasts it; known are {', '.join((*PATHS, *sources))}"
            raise ConfigurationError(f"column {column!r} of {scenario.name!r}", rule, "name its source under columns:")
    for column in sources:
        if column not in needed:
            rule = f"is no column of the site; it has {', '.join(needed)}"
            raise ConfigurationError(f"columns: {column}", rule, "drop it")
    return tuple(dict.fromkeys(needed))
