"""Readers of the EnCortex paper's own series; their one rule: each stamp counts as written, even where series drift."""

from __future__ import annotations

import io

import pandas as pd

from energy_gym.data.cards import Card
from energy_gym.data.raw import CARBON, PRICE, Paths, Raw, in_utc


def _uk_table(paths: Paths, part: str) -> pd.DataFrame:
    tables = []
    for name, path in sorted(paths.items()):
        if part in name:
            text = path.read_text(encoding="utf-8").replace("\ufeff", "")
            rows = [line for line in text.splitlines() if not line.startswith("//")]
            tables.append(pd.read_csv(io.StringIO("\n".join(rows))))
    return pd.concat(tables)


def read_uk(_card: Card, paths: Paths) -> Raw:
    """Prices and emissions of Great Britain, with the mean forecasts of both."""
    series = {}
    for part, prefix in (("_actuals", ""), ("_meanprev", "forecast_")):
        table = _uk_table(paths, part)
        stamps = pd.DatetimeIndex(pd.to_datetime(table["timestamps"], format="%m/%d/%Y %H:%M", utc=True))
        for title, name in (("prices", PRICE), ("emissions", CARBON)):
            series[prefix + name] = in_utc(table[title], stamps, prefix + name)
    return Raw(series)


def read_caiso(card: Card, paths: Paths) -> Raw:
    """Emissions are tonnes per MWh, which is 1000 g/kWh; the span holds no clock change."""
    table = pd.concat([pd.read_csv(path) for _, path in sorted(paths.items(), reverse=True)])
    stamps = pd.DatetimeIndex(pd.to_datetime(table["timestamps"])).tz_localize(card.zone)
    carbon = table["emissions"] * 1000.0
    return Raw({PRICE: in_utc(table["prices"], stamps, PRICE), CARBON: in_utc(carbon, stamps, CARBON)})
