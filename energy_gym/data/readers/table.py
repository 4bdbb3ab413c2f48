"""Readers of raw files; its one rule: put every row on its true moment in UTC, repair nothing else.

Duplicates, gaps and NaN pass through, so that ``check`` sees what was published. Only the clock is interpreted here.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from energy_gym.data.cards import Card
from energy_gym.data.readers.epf import epf
from energy_gym.errors import RawFileError

VERSION = 1
"""Goes up whenever a reader or the filling changes its result; cached frames of other versions are not used."""

STAND_IN = "stand_in"
_PRICE, _CARBON, _CARBON_LCA = "price_per_mwh", "carbon_g_per_kwh", "carbon_lca_g_per_kwh"
_CARBON_TITLES = {
    "Carbon Intensity gCO₂eq/kWh (direct)": _CARBON,
    "Carbon Intensity gCO₂eq/kWh (LCA)": _CARBON_LCA,
}

Paths = Mapping[str, Path]
"""Where each raw file of a card lies, by its path below the base URL."""


@dataclass(frozen=True)
class Raw:
    """Series as read: UTC stamps in file order, with whatever repeats and gaps the files have.

    Args:
        series: One series a column, in the units of the card.
        stand_in: Moments, by column, whose value is not the published value of that very moment.
        notes: What the reader did, in words.
        issued: Forecasts by column, in its unit: one row for each moment they were issued at, its columns for the steps
            from that moment on.
    """

    series: dict[str, pd.Series]
    stand_in: dict[str, pd.DatetimeIndex] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    issued: dict[str, pd.DataFrame] = field(default_factory=dict)


def parse(card: Card, paths: Paths) -> Raw:
    """Read the raw files of a card.

    Raises:
        RawFileError: A file has the right hash, yet is not laid out as its reader expects.
    """
    try:
        return _READERS[card.reader](card, paths)
    except (KeyError, ValueError, UnicodeDecodeError) as error:
        remedy = "report it: the card's reader does not fit the card's files"
        raise RawFileError(
            f"{card.id}: {error}", f"must be laid out as reader {card.reader!r} expects", remedy
        ) from error


def _in_utc(values: pd.Series, stamps: pd.DatetimeIndex, name: str) -> pd.Series:
    index = stamps.tz_convert("UTC").as_unit("ns").rename("time")
    return pd.Series(values.to_numpy(dtype="float64"), index, name=name)


def _tables(paths: Paths, part: str) -> pd.DataFrame:
    return pd.concat([pd.read_csv(path) for name, path in sorted(paths.items()) if name.startswith(part)])


def _green_dcc(card: Card, paths: Paths) -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    prices, carbon = _tables(paths, "data/electricity_prices/"), _tables(paths, "data/carbon_intensity/")
    stamps = pd.DatetimeIndex(pd.to_datetime(carbon["Datetime (UTC)"], utc=True))
    series = {name: _in_utc(carbon[title], stamps, name) for title, name in _CARBON_TITLES.items()}
    return prices.rename(columns={f"Price ({card.currency}/MWh)": _PRICE}), series


def _green_dcc_absolute(card: Card, paths: Paths) -> Raw:
    """Prices whose stamps are UTC, or carry their offset: ``utc=True`` reads both rightly."""
    prices, carbon = _green_dcc(card, paths)
    stamps = pd.DatetimeIndex(pd.to_datetime(prices["Datetime"], utc=True))
    return Raw({_PRICE: _in_utc(prices[_PRICE], stamps, _PRICE), **carbon})


def _green_dcc_local(card: Card, paths: Paths) -> Raw:
    """Prices on the wall clock, forced to 24 rows a day on both days of clock change."""
    prices, carbon = _green_dcc(card, paths)
    wall = pd.DatetimeIndex(pd.to_datetime(prices["Datetime"]))
    series, stand_in, skipped = from_wall_clock(prices[_PRICE], wall, card.zone)
    note = f"{skipped} rows at hours that the clock change skips were dropped"
    return Raw({_PRICE: series, **carbon}, {_PRICE: stand_in}, (note,))


def from_wall_clock(values: pd.Series, wall: pd.DatetimeIndex, zone: str) -> tuple[pd.Series, pd.DatetimeIndex, int]:
    """Put a series with 24 rows every local day on real time.

    The hour that the spring change skips is dropped. The one row of the hour that the autumn change repeats is used for
    both real hours.

    Args:
        values: One value a row.
        wall: Naive local stamps.
        zone: IANA time zone of the stamps.

    Returns:
        The series in UTC and in time order (rows of the same stamp in file order), the moments that share a row, and
        the number of rows dropped.

    Example:
        >>> wall = pd.date_range("2024-10-27 01:00", periods=3, freq="h")
        >>> series, shared, _ = from_wall_clock(pd.Series([1.0, 2.0, 3.0]), wall, "Europe/Berlin")
        >>> series.tolist(), len(shared)
        ([1.0, 2.0, 2.0, 3.0], 2)
    """
    first = wall.tz_localize(zone, ambiguous=[True] * len(wall), nonexistent="NaT")
    second = wall.tz_localize(zone, ambiguous=[False] * len(wall), nonexistent="NaT")
    exists = ~first.isna()
    shared = exists & (first != second)
    both = pd.concat([_in_utc(values[exists], first[exists], _PRICE), _in_utc(values[shared], second[shared], _PRICE)])
    moments = first[shared].append(second[shared]).tz_convert("UTC").as_unit("ns").unique().sort_values()
    return both.rename(values.name).sort_index(kind="stable"), moments, int((~exists).sum())


def _encortex_uk_table(paths: Paths, part: str) -> pd.DataFrame:
    tables = []
    for name, path in sorted(paths.items()):
        if part in name:
            text = path.read_text(encoding="utf-8").replace("\ufeff", "")
            rows = [line for line in text.splitlines() if not line.startswith("//")]
            tables.append(pd.read_csv(io.StringIO("\n".join(rows))))
    return pd.concat(tables)


def _encortex_uk(_card: Card, paths: Paths) -> Raw:
    series = {}
    for part, prefix in (("_actuals", ""), ("_meanprev", "forecast_")):
        table = _encortex_uk_table(paths, part)
        stamps = pd.DatetimeIndex(pd.to_datetime(table["timestamps"], format="%m/%d/%Y %H:%M", utc=True))
        for title, name in (("prices", _PRICE), ("emissions", _CARBON)):
            series[prefix + name] = _in_utc(table[title], stamps, prefix + name)
    return Raw(series)


def _encortex_caiso(card: Card, paths: Paths) -> Raw:
    """Emissions are tonnes per MWh, which is 1000 g/kWh; the span holds no clock change."""
    table = pd.concat([pd.read_csv(path) for _, path in sorted(paths.items(), reverse=True)])
    stamps = pd.DatetimeIndex(pd.to_datetime(table["timestamps"])).tz_localize(card.zone)
    carbon = table["emissions"] * 1000.0
    return Raw({_PRICE: _in_utc(table["prices"], stamps, _PRICE), _CARBON: _in_utc(carbon, stamps, _CARBON)})


def _ausgrid(card: Card, paths: Paths) -> Raw:
    """Half hours on the wall clock: zeros where the clock skips an hour, two half hours in one where it repeats one."""
    (path,) = paths.values()
    table = pd.read_csv(path, index_col=0)
    wall = pd.DatetimeIndex(pd.to_datetime(table.index))
    series, shared = {}, {}
    for title, name in (("GC", "load_kw"), ("GG", "pv_kw")):
        values, shared[name], skipped = from_wall_clock(table[title].rename(name), wall, card.zone)
        series[name] = values.where(~values.index.isin(shared[name]), values / 2.0)
    note = f"{skipped} rows at half hours that the clock change skips were dropped"
    return Raw(series, shared, (note,))


def _commercial(card: Card, paths: Paths) -> Raw:
    from energy_gym.data.commercial import profile

    (path,) = paths.values()
    table = profile(pd.read_parquet(path), card.zone)
    return Raw({name: _in_utc(table[name], table.index, name) for name in card.columns})


def _emsx(card: Card, paths: Paths) -> Raw:
    from energy_gym.data.readers.emsx import read_site

    return read_site(card, paths)


def _embedded(card: Card, paths: Paths) -> Raw:
    table = pd.concat([pd.read_parquet(path) for path in paths.values()])
    series = {name: _in_utc(table[name], table.index, name) for name in card.columns}
    if STAND_IN not in table:
        return Raw(series)
    moments = table.index[table[STAND_IN].to_numpy(dtype=bool)].as_unit("ns")
    return Raw(series, dict.fromkeys(card.columns, moments))


def _synthetic(card: Card, _paths: Paths) -> Raw:
    from energy_gym.data.synthetic_market import of_card

    table = of_card(card)
    return Raw({name: _in_utc(table[name], table.index, name) for name in card.columns})


def _elsewhere(module: str, name: str) -> Callable[[Card, Paths], Raw]:
    """A reader of another file of this folder, which imports this one and so is imported when it is used."""

    def read(card: Card, paths: Paths) -> Raw:
        reader: Callable[[Card, Paths], Raw] = getattr(
            importlib.import_module(f"energy_gym.data.readers.{module}"), name
        )
        return reader(card, paths)

    return read


_READERS: dict[str, Callable[[Card, Paths], Raw]] = {
    "embedded": _embedded,
    "synthetic": _synthetic,
    "energinet-2021": _elsewhere("energinet", "read_2021"),
    "energinet-2024": _elsewhere("energinet", "read_2024"),
    "elia": _elsewhere("elia", "read_elia"),
    "nem": _elsewhere("nem", "read_nem"),
    "green-dcc-utc": _green_dcc_absolute,
    "green-dcc-offset": _green_dcc_absolute,
    "green-dcc-local": _green_dcc_local,
    "encortex-uk": _encortex_uk,
    "encortex-caiso": _encortex_caiso,
    "ausgrid": _ausgrid,
    "commercial": _commercial,
    "emsx": _emsx,
    "epf": epf,
}
