"""The client of Energinet's service against a server on this machine that speaks its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from local_server import served

from energy_gym.data import energinet, load
from energy_gym.errors import ConfigurationError, DownloadError, RawFileError, UnknownIdError

FORECASTS = {"Solar": 10.0, "Onshore Wind": 200.0, "Offshore Wind": 400.0}


class Service:
    """Tables by data set, filtered as the service does it; ``broken`` maps a data set to a raw answer."""

    def __init__(self) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.broken: dict[str, bytes] = {}
        self.queries: list[dict[str, str]] = []
        self.base_url = ""

    def answer(self, path: str) -> tuple[int, bytes]:
        parts = urlsplit(path)
        dataset = parts.path.rsplit("/", 1)[1]
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.queries.append(query)
        if dataset in self.broken:
            return 200, self.broken[dataset]
        if dataset not in self.tables:
            return 404, b"no such dataset"
        areas = json.loads(query["filter"])["PriceArea"]
        rows = [
            row
            for row in self.tables[dataset]
            if row["PriceArea"] in areas and query["start"] <= row["HourUTC"][:16] < query["end"]
        ]
        body = {"total": len(rows), "limit": int(query["limit"]), "dataset": dataset, "records": rows}
        return 200, json.dumps(body).encode()


@pytest.fixture
def service() -> Iterator[Service]:
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = state.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            return

    with served(Handler) as address:
        state.base_url = f"{address}/dataset"
        yield state


def balance_rows(hours: int = 48, area: str = "DK2") -> list[dict[str, Any]]:
    """Rows of ElectricityBalanceNonv, newest first as the service sends them; fields it does not measure are null."""
    stamps = pd.date_range("2024-10-26", periods=hours, freq="h")
    return [
        {
            "HourUTC": stamp.strftime("%Y-%m-%dT%H:%M:%S"),
            "HourDK": (stamp + pd.Timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S"),
            "PriceArea": area,
            "TotalLoad": 1500.0 + hour,
            "HydroPower": None,
            "SolarPower": 5.5 * hour,
            "OnshoreWindPower": 100.0,
            "OffshoreWindPower": 300.25,
        }
        for hour, stamp in reversed(list(enumerate(stamps)))
    ]


def forecast_rows(hours: int = 48) -> list[dict[str, Any]]:
    return [
        {
            "HourUTC": row["HourUTC"],
            "HourDK": row["HourDK"],
            "PriceArea": "DK2",
            "ForecastType": kind,
            "ForecastDayAhead": size + hour,
            "ForecastIntraday": size,
            "Forecast5Hour": None if kind == "Solar" else size,
            "Forecast1Hour": size + 0.5,
            "ForecastCurrent": -1.0,
        }
        for hour, row in reversed(list(enumerate(reversed(balance_rows(hours)))))
        for kind, size in FORECASTS.items()
    ]


def test_generation_comes_in_kw_on_a_regular_index(service: Service) -> None:
    service.tables["ElectricityBalanceNonv"] = [*balance_rows(), *balance_rows(area="DK1")]
    frame = energinet.generation("2024-10-26T06:00", "2024-10-27T06:00", base_url=service.base_url)
    assert list(frame.columns) == ["load_kw", "pv_kw", "wind_onshore_kw", "wind_offshore_kw", "wind_kw"]
    assert (len(frame), frame.index[0].isoformat(), frame.index.name) == (24, "2024-10-26T06:00:00+00:00", "time")
    assert frame.iloc[0].tolist() == [1_506_000.0, 33_000.0, 100_000.0, 300_250.0, 400_250.0]
    assert service.queries[-1] == {
        "start": "2024-10-26T06:00",
        "end": "2024-10-27T06:00",
        "timezone": "UTC",
        "filter": '{"PriceArea": ["DK2"]}',
        "limit": "0",
    }


def test_periods_are_moments_whatever_zone_they_are_given_in(service: Service) -> None:
    service.tables["ElectricityBalanceNonv"] = balance_rows()
    start, end = (pd.Timestamp(day, tz="Europe/Copenhagen") for day in ("2024-10-27 00:00", "2024-10-27 12:00"))
    frame = energinet.generation(start, end, base_url=service.base_url)
    assert (frame.index[0].isoformat(), len(frame)) == ("2024-10-26T22:00:00+00:00", 13)


def test_forecasts_are_those_of_the_issue_asked_for(service: Service) -> None:
    service.tables["Forecasts_Hour"] = forecast_rows()
    frame = energinet.forecasts("2024-10-26", "2024-10-28", base_url=service.base_url)
    assert frame.columns.tolist() == [
        "forecast_pv_kw",
        "forecast_wind_onshore_kw",
        "forecast_wind_offshore_kw",
        "forecast_wind_kw",
    ]
    np.testing.assert_allclose(frame["forecast_pv_kw"], (10.0 + np.arange(48)) * 1000.0)
    np.testing.assert_allclose(frame["forecast_wind_kw"], (600.0 + 2 * np.arange(48)) * 1000.0)
    last = energinet.forecasts("2024-10-26", "2024-10-28", issue="1-hour", base_url=service.base_url)
    assert set(last["forecast_pv_kw"]) == {10_500.0}
    with pytest.raises(RawFileError, match="48 values missing, the first of pv_kw"):
        energinet.forecasts("2024-10-26", "2024-10-28", issue="5-hour", base_url=service.base_url)


def test_what_the_service_revises_afterwards_cannot_be_asked_for(service: Service) -> None:
    with pytest.raises(UnknownIdError, match="day-ahead"):
        energinet.forecasts("2024-10-26", "2024-10-28", issue="current", base_url=service.base_url)


def test_the_weeks_at_hand_come_back_as_the_data_set_has_them(service: Service, real_data: Path) -> None:
    raw = pd.read_csv(real_data / "energinet/2024_ElectricityBalanceNonv.csv", sep=";", decimal=",")
    raw["HourUTC"] = pd.to_datetime(raw["HourUTC"]).dt.strftime("%Y-%m-%dT%H:%M:%S")
    service.tables["ElectricityBalanceNonv"] = json.loads(raw.to_json(orient="records", double_precision=15))
    loaded = load("dk2-2024-generation")
    start, end = loaded.card.span
    frame = energinet.generation(start, end, base_url=service.base_url)
    published = ~loaded.filled["load_kw"].to_numpy()
    for name in frame.columns:
        np.testing.assert_allclose(frame[name][published], loaded.frame[name][published], rtol=1e-9)


def test_holes_repeats_and_missing_fields_are_named(service: Service) -> None:
    service.tables["ElectricityBalanceNonv"] = [row for row in balance_rows() if "T03" not in row["HourUTC"]]
    with pytest.raises(RawFileError, match="load_kw at 2024-10-26 03:00"):
        energinet.generation("2024-10-26", "2024-10-28", base_url=service.base_url)
    service.tables["ElectricityBalanceNonv"] = [*balance_rows(), balance_rows()[5]]
    with pytest.raises(RawFileError, match="must occur once"):
        energinet.generation("2024-10-26", "2024-10-28", base_url=service.base_url)
    service.tables["Forecasts_Hour"] = [*forecast_rows(), forecast_rows()[5]]
    with pytest.raises(RawFileError, match="one row an hour"):
        energinet.forecasts("2024-10-26", "2024-10-28", base_url=service.base_url)
    service.tables["ElectricityBalanceNonv"] = [{"HourUTC": "2024-10-26T00:00:00", "PriceArea": "DK2"}]
    with pytest.raises(RawFileError, match="'TotalLoad'"):
        energinet.generation("2024-10-26", "2024-10-28", base_url=service.base_url)
    with pytest.raises(RawFileError, match="no rows"):
        energinet.generation("2030-10-26", "2030-10-28", base_url=service.base_url)


def test_answers_that_are_not_the_services_are_refused(service: Service) -> None:
    for body, words in (
        (b"<html>", "JSON"),
        (b"[]", "records"),
        (b'{"records": 5}', "records"),
        (b'{"a": 1}', "records"),
    ):
        service.broken["Elspotprices"] = body
        with pytest.raises(RawFileError, match=words):
            energinet.records("Elspotprices", "2024-10-26", "2024-10-28", base_url=service.base_url)
    with pytest.raises(DownloadError, match="404"):
        energinet.records("Elspotpriser", "2024-10-26", "2024-10-28", base_url=service.base_url)


def test_questions_without_sense_are_not_asked(service: Service) -> None:
    with pytest.raises(UnknownIdError, match="DK1, DK2"):
        energinet.records("Elspotprices", "2024-10-26", "2024-10-28", area="SE4", base_url=service.base_url)
    with pytest.raises(ConfigurationError, match="empty"):
        energinet.records("Elspotprices", "2024-10-28", "2024-10-26", base_url=service.base_url)
    assert service.queries == []


def test_no_server_is_a_download_error() -> None:
    with pytest.raises(DownloadError, match="no usable answer"):
        energinet.records("Elspotprices", "2024-10-26", "2024-10-28", base_url="http://127.0.0.1:1/dataset")
