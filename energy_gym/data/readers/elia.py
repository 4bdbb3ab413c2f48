"""Reader of Belgium's day-ahead and imbalance prices; its one rule: stamps are UTC, and start their quarter hour.

Checked against the German-Luxembourgish day-ahead price in every month of 2024: the correlation is highest at lag 0, on
both sides of each clock change. Until 2025-09-30 the auction was hourly, and its value stands in four quarter hours.
"""

from __future__ import annotations

import pandas as pd

from energy_gym.data.cards import Card
from energy_gym.data.raw import Paths, Raw

_FILES = {"price_per_mwh": "dam_prices.csv", "imbalance_per_mwh": "imbalance_actual.csv"}


def read_elia(_card: Card, paths: Paths) -> Raw:
    """Read both prices."""
    series = {}
    for name, file in _FILES.items():
        table = pd.read_csv(paths[file])
        stamps = pd.DatetimeIndex(pd.to_datetime(table["datetime_utc"], utc=True)).as_unit("ns").rename("time")
        series[name] = pd.Series(table["price_eur_mwh"].to_numpy(dtype="float64"), stamps, name=name)
    return Raw(series)
