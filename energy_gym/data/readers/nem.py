"""Reader of Australian dispatch prices; its one rule: the market's clock is UTC+10 all year, and stamps end intervals.

The files label their stamps +11:00, which is Sydney's summer time. The market knows none (National Electricity Rules:
Eastern Standard Time), and the files' own columns agree with it: the numbers of the intervals count from 00:05, prices
were published ten seconds after the start of the interval whose end the stamp is, and the cheap hours of midsummer
in South Australia and Victoria centre on the sun's own noon to 0.15 h; at +11:00 they would centre an hour before it.
"""

from __future__ import annotations

import pandas as pd

from energy_gym.data.cards import Card
from energy_gym.data.raw import Paths, Raw

MARKET_UTC_OFFSET = pd.Timedelta(hours=10)
_INTERVAL = pd.Timedelta(minutes=5)
_SPANS = {"1SEC": "1s", "6SEC": "6s", "60SEC": "60s", "5MIN": "5min", "REG": "reg"}
_TITLES = {"price_per_mwh": "RRP"} | {
    f"{way.lower()}_{name}_per_mw_h": f"{way}{span}RRP" for way in ("RAISE", "LOWER") for span, name in _SPANS.items()
}


def read_nem(card: Card, paths: Paths) -> Raw:
    """Read one region's energy price and ten reserve (FCAS) prices; the card's id ends in the region's name."""
    table = pd.concat([pd.read_csv(path) for path in paths.values()])
    region = card.id.rsplit("-", 1)[1].upper()
    own = table[table["REGIONID"] == region]
    if own.empty:
        raise ValueError(f"no rows of region {region}")
    ends = pd.DatetimeIndex(pd.to_datetime(own["SETTLEMENTDATE"].str.slice(0, 19)))
    starts = (ends - MARKET_UTC_OFFSET - _INTERVAL).tz_localize("UTC").as_unit("ns").rename("time")
    series = {
        name: pd.Series(own[title].to_numpy(dtype="float64"), starts, name=name) for name, title in _TITLES.items()
    }
    open_prices = int((own["PRICE_STATUS"].str.strip('"') != "FIRM").sum())
    return Raw(series, {}, (f"{open_prices} of {len(own)} intervals have prices that were not yet firm",))
