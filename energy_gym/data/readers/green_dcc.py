"""Readers of the Green-DCC collection of prices and carbon intensities; their one rule: each file has its own clock.

Carbon intensities are on UTC. Prices are on UTC, with their offset, or on the wall clock, as the card says.
"""

from __future__ import annotations

import pandas as pd

from energy_gym.data.cards import Card
from energy_gym.data.raw import CARBON, CARBON_LCA, PRICE, Paths, Raw, from_wall_clock, in_utc

_CARBON_TITLES = {
    "Carbon Intensity gCO₂eq/kWh (direct)": CARBON,
    "Carbon Intensity gCO₂eq/kWh (LCA)": CARBON_LCA,
}


def _tables(paths: Paths, part: str) -> pd.DataFrame:
    return pd.concat([pd.read_csv(path) for name, path in sorted(paths.items()) if name.startswith(part)])


def _read(card: Card, paths: Paths) -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    prices, carbon = _tables(paths, "data/electricity_prices/"), _tables(paths, "data/carbon_intensity/")
    stamps = pd.DatetimeIndex(pd.to_datetime(carbon["Datetime (UTC)"], utc=True))
    series = {name: in_utc(carbon[title], stamps, name) for title, name in _CARBON_TITLES.items()}
    return prices.rename(columns={f"Price ({card.currency}/MWh)": PRICE}), series


def read_absolute(card: Card, paths: Paths) -> Raw:
    """Prices whose stamps are UTC, or carry their offset: ``utc=True`` reads both rightly."""
    prices, carbon = _read(card, paths)
    stamps = pd.DatetimeIndex(pd.to_datetime(prices["Datetime"], utc=True))
    return Raw({PRICE: in_utc(prices[PRICE], stamps, PRICE), **carbon})


def read_local(card: Card, paths: Paths) -> Raw:
    """Prices on the wall clock, forced to 24 rows a day on both days of clock change."""
    prices, carbon = _read(card, paths)
    wall = pd.DatetimeIndex(pd.to_datetime(prices["Datetime"]))
    series, stand_in, skipped = from_wall_clock(prices[PRICE], wall, card.zone)
    note = f"{skipped} rows at hours that the clock change skips were dropped"
    return Raw({PRICE: series, **carbon}, {PRICE: stand_in}, (note,))
