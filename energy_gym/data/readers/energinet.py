"""Readers of Energinet's exports for eastern Denmark (DK2); their one rule: the UTC column is the clock.

Checked against the German-Luxembourgish price in every month of 2021 and of autumn 2024: the correlation is highest at
lag 0. Two kinds of false value become missing ones, so that they are filled and marked: a day of FCR zeros, and load in
three hours of 2024 that counts oil-fired production of ten times its usual size.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from energy_gym.data.cards import Card
from energy_gym.data.raw import KW_PER_MW, Paths, Raw

_MOST_OIL_MW = 1000.0
_SPOT, _REALTIME, _FCR, _MFRR, _FFR = (
    "Elspot_DK2.csv",
    "realtimeDK2_2021.csv",
    "FCRND_2021.csv",
    "mFRRDK2_2021.csv",
    "FFR_2021.csv",
)
_TITLES_2021 = {
    "price_per_mwh": (_SPOT, "SpotPriceEUR"),
    "balancing_up_per_mwh": (_REALTIME, "BalancingPowerPriceUpEUR"),
    "balancing_down_per_mwh": (_REALTIME, "BalancingPowerPriceDownEUR"),
    "fcr_n_per_mw_h": (_FCR, "FCR_N_PriceEUR"),
    "fcr_d_up_per_mw_h": (_FCR, "FCR_D_UpPriceEUR"),
    "mfrr_up_per_mw_h": (_MFRR, "mFRR_UpPriceEUR"),
    "ffr_per_mw_h": (_FFR, "Marginal price (EUR/MW/hour)"),
}
_ONE_PRICE = "BalancingPowerConsumptionPriceEUR"
ONE_PRICE_SINCE = pd.Timestamp("2021-11-01", tz="Europe/Copenhagen")
"""Since then the Nordic countries settle every imbalance at one price, that of the dominating direction."""
_TITLES_2024 = {
    "price_per_mwh": ("2024_Elspotprices.csv", "SpotPriceEUR"),
    "imbalance_per_mwh": ("2024_RegulatingBalancePowerdata.csv", "ImbalancePriceEUR"),
    "balancing_up_per_mwh": ("2024_RegulatingBalancePowerdata.csv", "BalancingPowerPriceUpEUR"),
    "balancing_down_per_mwh": ("2024_RegulatingBalancePowerdata.csv", "BalancingPowerPriceDownEUR"),
    "afrr_up_per_mw_h": ("2024_AfrrReservesNordic.csv", "aFRR_UpCapPriceEUR"),
    "afrr_down_per_mw_h": ("2024_AfrrReservesNordic.csv", "aFRR_DownCapPriceEUR"),
    "load_kw": ("2024_ElectricityBalanceNonv.csv", "TotalLoad"),
    "pv_kw": ("2024_ElectricityBalanceNonv.csv", "SolarPower"),
    "wind_onshore_kw": ("2024_ElectricityBalanceNonv.csv", "OnshoreWindPower"),
    "wind_offshore_kw": ("2024_ElectricityBalanceNonv.csv", "OffshoreWindPower"),
}


def read_2021(card: Card, paths: Paths) -> Raw:
    """Read spot, balancing, settlement and reserve prices of 2021.

    What a producer's imbalance was settled at is told apart from what regulating power cost: until October a shortage
    paid the price of up-regulation and a surplus earned that of down-regulation, since November both are settled at the
    price of consumption. FFR was first bought for 26 April 2021 (local time), where its file starts. Before, its price
    is 0, standing in.
    """
    tables = {name: _table(path) for name, path in paths.items()}
    tables[_FCR] = tables[_FCR].mask((tables[_FCR][["FCR_N_PriceEUR", "FCR_D_UpPriceEUR"]] == 0.0).all(axis=1))
    series = {name: _series(tables[file], title, name) for name, (file, title) in _TITLES_2021.items()}
    one = _series(tables[_REALTIME], _ONE_PRICE, _ONE_PRICE)
    for name, of_direction in (
        ("shortage_per_mwh", "balancing_up_per_mwh"),
        ("surplus_per_mwh", "balancing_down_per_mwh"),
    ):
        series[name] = series[of_direction].where(one.index < ONE_PRICE_SINCE, one).rename(name)
    series["ffr_per_mw_h"], before = _from_the_start(series["ffr_per_mw_h"], card.index)
    note = "rows with both FCR prices at 0 were taken as missing"
    return Raw(series, {"ffr_per_mw_h": before}, (note,))


def read_2024(_card: Card, paths: Paths) -> Raw:
    """Read prices, generation and load of autumn 2024: of its files, those that the card names.

    Powers are the zone's, in kW. Oil gives 5 to 165 MW there, but for three hours with 1564 MW and more,
    whose load is too high by as much.
    """
    tables = {name: _table(path) for name, path in paths.items()}
    balance = tables["2024_ElectricityBalanceNonv.csv"]
    false = balance["FossilOil"] > _MOST_OIL_MW
    balance.loc[false, "TotalLoad"] = float("nan")
    series = {name: _series(tables[file], title, name) for name, (file, title) in _TITLES_2024.items() if file in paths}
    for name in [name for name in series if name.endswith("_kw")]:
        series[name] = series[name] * KW_PER_MW
    series["wind_kw"] = (series["wind_onshore_kw"] + series["wind_offshore_kw"]).rename("wind_kw")
    return Raw(series, {}, (f"{int(false.sum())} hour(s) of false load were taken as missing",))


def _table(path: Path) -> pd.DataFrame:
    """One export on its UTC clock; comma or semicolon between fields, and then a comma in numbers."""
    with path.open(encoding="utf-8-sig") as stream:
        separator = ";" if ";" in stream.readline() else ","
    table = pd.read_csv(path, sep=separator, decimal="," if separator == ";" else ".", encoding="utf-8-sig")
    stamps = pd.DatetimeIndex(pd.to_datetime(table.iloc[:, 0], utc=True))
    return table.set_index(stamps.as_unit("ns").rename("time"))


def _series(table: pd.DataFrame, title: str, name: str) -> pd.Series:
    return table[title].astype("float64").rename(name)


def _from_the_start(series: pd.Series, index: pd.DatetimeIndex) -> tuple[pd.Series, pd.DatetimeIndex]:
    before = index[index < series.index.min()]
    return pd.concat([pd.Series(0.0, before, name=series.name), series]), before
