"""Series as their files hold them; its one rule: only the clock is interpreted, nothing is repaired.

What every reader of raw files shares: the series it hands on, and how wall clocks are put on real time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from energy_gym.data.cards import Card

VERSION = 2
"""Goes up whenever a reader or the filling changes its result; cached frames of other versions are not used."""

STAND_IN = "stand_in"
PRICE, CARBON, CARBON_LCA = "price_per_mwh", "carbon_g_per_kwh", "carbon_lca_g_per_kwh"
KW_PER_MW = 1000.0

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


def in_utc(values: pd.Series, stamps: pd.DatetimeIndex, name: str) -> pd.Series:
    """Return values on their moments in UTC, in file order."""
    index = stamps.tz_convert("UTC").as_unit("ns").rename("time")
    return pd.Series(values.to_numpy(dtype="float64"), index, name=name)


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
    both = pd.concat([in_utc(values[exists], first[exists], PRICE), in_utc(values[shared], second[shared], PRICE)])
    moments = first[shared].append(second[shared]).tz_convert("UTC").as_unit("ns").unique().sort_values()
    return both.rename(values.name).sort_index(kind="stable"), moments, int((~exists).sum())


def on_grid(its_card: Card, series: pd.Series) -> pd.Series:
    """Put a raw series on the regular index of its card; NaN where it has no row."""
    return series[~series.index.duplicated(keep="last")].reindex(its_card.index)
