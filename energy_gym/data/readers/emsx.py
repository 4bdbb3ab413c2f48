"""The files of an EMSx site; its one rule: actual values belong to the step that ends at their stamp.

A row's forecasts begin at its stamp, so they belong to the step that starts there. Energies are kWh per quarter hour.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from energy_gym.data.cards import Card
from energy_gym.data.raw import Raw

STEP = pd.Timedelta(minutes=15)
STEPS_PER_DAY, STEPS_PER_WEEK = 96, 672
KW_PER_KWH = 4.0
KWH_PER_MWH = 1000.0
ACTUAL = {"load_kw": "actual_consumption", "pv_kw": "actual_pv"}
FORECAST = {name: [f"{part}_{step:02d}" for step in range(96)] for name, part in (("load_kw", "load"), ("pv_kw", "pv"))}
TARIFF_FILE = "edf_prices.csv"
TARIFF = {"buy_per_mwh": "buy", "sell_per_mwh": "sell"}


def read_rows(path: Path, forecasts: bool = True) -> pd.DataFrame:
    """Return the rows of a site's file in time order, energies in kWh as published.

    Args:
        path: The file, gzip-compressed CSV with commas or semicolons.
        forecasts: Whether the 192 forecast columns are read too.

    Returns:
        UTC index of the stamps named ``time``; columns ``period_id``, ``offset`` (of the stamp from UTC), the actual
        values and the forecasts.

    Raises:
        ValueError: The file is not laid out like that.
    """
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        separator = ";" if ";" in stream.readline() else ","
    numbers = dict.fromkeys(ACTUAL.values(), "float64")
    if forecasts:
        numbers |= {name: "float32" for names in FORECAST.values() for name in names}
    kinds = {"timestamp": "str", "period_id": "int64", **numbers}
    table = pd.read_csv(path, sep=separator, compression="gzip", usecols=list(kinds), dtype=kinds)
    if table.empty:
        raise ValueError(f"{path.name} holds no rows")
    stamps = pd.to_datetime(table["timestamp"], utc=True, format="ISO8601")
    table["timestamp"] = _offsets(table["timestamp"])
    index = pd.DatetimeIndex(stamps, name="time").as_unit("ns")
    return table.rename(columns={"timestamp": "offset"}).set_axis(index, axis=0).sort_index(kind="stable")


def _offsets(stamps: pd.Series) -> pd.TimedeltaIndex:
    """Return how far the clock of each stamp is ahead of UTC; zero where the stamp does not say."""
    parts = stamps.str.extract(r"T.*([+-])(\d\d):?(\d\d)$")
    minutes = 60 * pd.to_numeric(parts[1]).fillna(0) + pd.to_numeric(parts[2]).fillna(0)
    return pd.to_timedelta(minutes * np.where(parts[0] == "-", -1, 1), unit="min")


def zone_of(rows: pd.DataFrame) -> str:
    """Return the zone of the stamps' clock where it keeps one distance of whole hours from UTC; otherwise UTC."""
    offsets = rows["offset"].unique()
    hours = pd.Timedelta(offsets[0]) / pd.Timedelta(hours=1)
    if len(offsets) > 1 or hours != int(hours) or hours == 0:
        return "UTC"
    return f"Etc/GMT{-int(hours):+d}"  # these names count the other way round


def read_site(card: Card, paths: Mapping[str, Path]) -> Raw:
    """Read the series, forecasts and prices of a site.

    Raises:
        ValueError: A file is not laid out as expected.
    """
    (site_file,) = (path for name, path in paths.items() if name.endswith(".csv.gz"))
    rows = read_rows(site_file)
    series = {name: _kw(rows[title].set_axis(rows.index - STEP), name) for name, title in ACTUAL.items()}
    issued = {name: (rows[names] * KW_PER_KWH).set_axis(range(96), axis=1) for name, names in FORECAST.items()}
    prices = tariff(paths[TARIFF_FILE], rows, card.index)
    return Raw(series | {name: prices[name] for name in TARIFF}, issued=issued)


def _kw(energy: pd.Series, name: str) -> pd.Series:
    return (energy * KW_PER_KWH).rename(name).rename_axis("time")


def tariff(path: Path, rows: pd.DataFrame, index: pd.DatetimeIndex) -> pd.DataFrame:
    """Return the prices of energy bought and sold [EUR/MWh] in each step, by what the clock of the stamps shows then.

    Args:
        path: The tariff's file: one week, Monday to Sunday, of prices per kWh.
        rows: Rows of the site, for its clock.
        index: Starts of the steps, UTC.

    Raises:
        ValueError: The file does not hold one week by the quarter hour.
    """
    week = pd.read_csv(path)
    expected = [f"{moment:%H:%M:%S}" for moment in pd.date_range("2024-01-01", periods=STEPS_PER_WEEK, freq=STEP)]
    if week["timestamp"].tolist() != expected:
        raise ValueError(f"{path.name} does not hold the {STEPS_PER_WEEK} quarter hours of a week")
    offset = rows.loc[~rows.index.duplicated(), "offset"].reindex(index, method="ffill").bfill()
    shown = index + pd.TimedeltaIndex(offset)
    slot = shown.day_of_week * STEPS_PER_DAY + shown.hour * 4 + shown.minute // 15
    return pd.DataFrame({name: week[title].to_numpy()[slot] * KWH_PER_MWH for name, title in TARIFF.items()}, index)
