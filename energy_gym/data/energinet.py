"""Client of Energinet's open data service; its one rule: what comes back is regular, in UTC and in kW, or an error.

The service answers ``GET {base}/{dataset}?start=&end=&timezone=UTC&filter=&limit=0`` with JSON whose ``records`` hold
one row each. It needs no key. The generation of the past and its day-ahead forecasts are fetched side by side, so that
a producer can bid on what was known.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from energy_gym.conversions import KW_PER_MW
from energy_gym.errors import ConfigurationError, DownloadError, RawFileError, UnknownIdError

BASE_URL = "https://api.energidataservice.dk/dataset"
AREAS = ("DK1", "DK2")
_TIMEOUT_S = 60.0
_GENERATION = {
    "load_kw": "TotalLoad",
    "pv_kw": "SolarPower",
    "wind_onshore_kw": "OnshoreWindPower",
    "wind_offshore_kw": "OffshoreWindPower",
}
_FORECASTS = {"Solar": "pv_kw", "Onshore Wind": "wind_onshore_kw", "Offshore Wind": "wind_offshore_kw"}
ISSUES = {
    "day-ahead": "ForecastDayAhead",
    "intraday": "ForecastIntraday",
    "5-hour": "Forecast5Hour",
    "1-hour": "Forecast1Hour",
}
"""When a forecast was made, and the field that holds it. ``ForecastCurrent`` is left out: it is revised afterwards."""


def records(
    dataset: str,
    start: str | pd.Timestamp,
    end: str | pd.Timestamp,
    *,
    area: str = "DK2",
    base_url: str = BASE_URL,
) -> list[dict[str, Any]]:
    """Fetch the rows of a data set as the service writes them.

    Args:
        dataset: Name at the service, such as ``"Elspotprices"``.
        start: First moment; one without a time zone is UTC.
        end: The moment after the last.
        area: ``"DK1"`` or ``"DK2"``.
        base_url: Where the service is.

    Raises:
        UnknownIdError: There is no such area.
        ConfigurationError: The period is empty.
        DownloadError: There is no usable answer.
        RawFileError: The answer is not the service's JSON.
    """
    if area not in AREAS:
        raise UnknownIdError.of("price area", area, AREAS)
    first, stop = (_utc(moment) for moment in (start, end))
    if first >= stop:
        raise ConfigurationError(f"start={first}, end={stop}", "the period must not be empty", "pass a later end")
    query = {
        "start": f"{first:%Y-%m-%dT%H:%M}",
        "end": f"{stop:%Y-%m-%dT%H:%M}",
        "timezone": "UTC",
        "filter": json.dumps({"PriceArea": [area]}),
        "limit": "0",
    }
    return _rows(f"{base_url}/{dataset}?{urllib.parse.urlencode(query)}")


def generation(
    start: str | pd.Timestamp, end: str | pd.Timestamp, *, area: str = "DK2", base_url: str = BASE_URL
) -> pd.DataFrame:
    """Fetch hourly load, solar and wind of a zone (``ElectricityBalanceNonv``).

    Returns:
        Shape (hours, 5), regular UTC index named ``time``: ``load_kw``, ``pv_kw``, ``wind_onshore_kw``,
        ``wind_offshore_kw`` and their sum ``wind_kw``, all positive [kW].

    Raises:
        UnknownIdError: There is no such area.
        ConfigurationError: The period is empty.
        DownloadError: There is no usable answer.
        RawFileError: Hours or fields are missing.
    """
    rows = records("ElectricityBalanceNonv", start, end, area=area, base_url=base_url)
    table = _table("ElectricityBalanceNonv", rows, ("HourUTC", *_GENERATION.values()))
    chosen = table.set_index("HourUTC")[list(_GENERATION.values())].set_axis(list(_GENERATION), axis=1)
    return _regular("ElectricityBalanceNonv", chosen, start, end)


def forecasts(
    start: str | pd.Timestamp,
    end: str | pd.Timestamp,
    *,
    area: str = "DK2",
    issue: str = "day-ahead",
    base_url: str = BASE_URL,
) -> pd.DataFrame:
    """Fetch hourly forecasts of solar and wind (``Forecasts_Hour``).

    Args:
        start: First hour; one without a time zone is UTC.
        end: The moment after the last hour.
        area: ``"DK1"`` or ``"DK2"``.
        issue: When they were made: ``"day-ahead"`` (on the day before: count it as known at the end of that day unless
            the service tells you more), ``"intraday"`` (in the morning of the day), ``"5-hour"`` or ``"1-hour"`` before
            their hour. There is no 5-hour forecast of solar for the morning.
        base_url: Where the service is.

    Returns:
        Shape (hours, 4), regular UTC index named ``time``: ``forecast_pv_kw``, ``forecast_wind_onshore_kw``,
        ``forecast_wind_offshore_kw`` and the sum of the two, ``forecast_wind_kw`` [kW].

    Raises:
        UnknownIdError: There is no such area or issue.
        ConfigurationError: The period is empty.
        DownloadError: There is no usable answer.
        RawFileError: Hours, fields or a kind of production are missing.
    """
    if issue not in ISSUES:
        raise UnknownIdError.of("issue of a forecast", issue, ISSUES)
    rows = records("Forecasts_Hour", start, end, area=area, base_url=base_url)
    table = _table("Forecasts_Hour", rows, ("HourUTC", "ForecastType", ISSUES[issue]))
    parts = {
        name: table[table["ForecastType"] == kind].set_index("HourUTC")[ISSUES[issue]]
        for kind, name in _FORECASTS.items()
    }
    again = [name for name, part in parts.items() if part.index.has_duplicates]
    if again:
        raise RawFileError(f"Forecasts_Hour: {again[0]}", "must hold one row an hour", "ask for another period")
    frame = pd.DataFrame(parts)
    return _regular("Forecasts_Hour", frame, start, end).add_prefix("forecast_")


def _utc(moment: str | pd.Timestamp) -> pd.Timestamp:
    stamp = pd.Timestamp(moment)
    return stamp.tz_localize("UTC") if stamp.tz is None else stamp.tz_convert("UTC")


def _rows(url: str) -> list[dict[str, Any]]:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            content = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            raise DownloadError(url, f"answered {error.code} {error.reason}", "check the data set's name") from error
    except OSError as error:
        raise DownloadError(url, f"found no usable answer ({error})", "check the connection and try again") from error
    return _records_of(url, content)


def _records_of(url: str, content: bytes) -> list[dict[str, Any]]:
    try:
        answer = json.loads(content)
    except ValueError as error:
        raise RawFileError(url, f"must answer with JSON ({error})", "try again later") from error
    rows = answer.get("records") if isinstance(answer, Mapping) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RawFileError(url, "must answer with a list of records", "try again later")
    return rows


def _table(dataset: str, rows: list[dict[str, Any]], fields: Sequence[str]) -> pd.DataFrame:
    if not rows:
        raise RawFileError(dataset, "there are no rows for this period", "ask for another period")
    table = pd.DataFrame(rows)
    missing = [field for field in fields if field not in table.columns]
    if missing:
        found = f"{dataset} with {', '.join(table.columns)}"
        raise RawFileError(found, f"needs the field {missing[0]!r}", "report it: the service changed")
    stamps = pd.DatetimeIndex(pd.to_datetime(table["HourUTC"], utc=True)).as_unit("ns")
    return table.assign(HourUTC=stamps)


def _regular(dataset: str, frame: pd.DataFrame, start: str | pd.Timestamp, end: str | pd.Timestamp) -> pd.DataFrame:
    """Put the rows on every hour of the period, in kW; what is not there is named."""
    first, stop = _utc(start).ceil("h"), _utc(end)
    index = pd.date_range(first, stop, freq="h", inclusive="left", name="time").as_unit("ns")
    if frame.index.has_duplicates:
        again = frame.index[frame.index.duplicated()][0]
        raise RawFileError(f"{dataset}: {again.isoformat()}", "must occur once", "ask for another period")
    whole = frame.reindex(index).astype("float64") * KW_PER_MW
    if whole.isna().to_numpy().any():
        name, moment = whole.isna().stack().idxmax()[::-1]
        found = f"{dataset}: {int(whole.isna().to_numpy().sum())} values missing, the first of {name} at {moment}"
        raise RawFileError(found, "every hour of the period must be there", "ask for another period")
    return whole.assign(wind_kw=whole["wind_onshore_kw"] + whole["wind_offshore_kw"])
