"""Reader of the price-forecasting benchmark's markets.

One rule: the files have 24 rows every local day, so all of their series go through `from_wall_clock`.
"""

from __future__ import annotations

import pandas as pd

from energy_gym.data.cards import Card
from energy_gym.data.raw import KW_PER_MW, PRICE, Paths, Raw, from_wall_clock

_TITLES = {
    "OT": (PRICE, 1.0),
    "Wind power forecast": ("forecast_wind_kw", KW_PER_MW),
    "Ampirion zonal load forecast": ("forecast_load_kw", KW_PER_MW),
    "System load forecast": ("forecast_load_kw", KW_PER_MW),
    "Grid load forecast": ("forecast_load_kw", KW_PER_MW),
    "Generation forecast": ("forecast_generation_kw", KW_PER_MW),
}


def read_market(card: Card, paths: Paths) -> Raw:
    """Read the market of a card: prices, and the two forecasts that were known before the auction."""
    table = pd.concat([pd.read_csv(path, skipinitialspace=True) for path in paths.values()])
    wall = pd.DatetimeIndex(pd.to_datetime(table["date"], format="%Y/%m/%d %H:%M"))
    series, stand_in, skipped = {}, {}, 0
    for title, (name, factor) in _TITLES.items():
        if title in table:
            series[name], stand_in[name], skipped = from_wall_clock(table[title] * factor, wall, card.zone)
    note = f"{skipped} rows at hours that the clock change skips were dropped"
    return Raw({name: series[name].rename(name) for name in card.columns}, stand_in, (note,))
