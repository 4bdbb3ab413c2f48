"""The market data sets against the raw files, read again with pandas, and their clocks against second sources."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from card_promises import accounts_for_every_defect, has_statistics_of_the_training_split

from energy_gym.data import card, check, load
from energy_gym.data.loading import read_raw
from energy_gym.data.readers.nem import read_nem

NEM = ("nem-nsw1", "nem-qld1", "nem-sa1", "nem-tas1", "nem-vic1")
IDS = ("dk2-2021", "dk2-2024", "dk2-2024-generation", "belgium", *NEM)


def table(path: Path, column: str, stamp: str, **options: object) -> pd.Series:
    raw = pd.read_csv(path, encoding="utf-8-sig", **options)
    return pd.Series(raw[column].to_numpy(), pd.to_datetime(raw[stamp], utc=True)).sort_index()


def german_price(real_data: Path, year: int) -> pd.Series:
    folder = real_data / "green-dcc/data/electricity_prices/processed/DE-LU" / str(year)
    raw = pd.read_csv(folder / f"DE-LU_electricity_prices_{year}.csv")
    wall = pd.to_datetime(raw["Datetime"])
    index = pd.DatetimeIndex(wall).tz_localize("Europe/Berlin", ambiguous="NaT", nonexistent="NaT").tz_convert("UTC")
    series = pd.Series(raw["Price (EUR/MWh)"].to_numpy(), index)
    return series[series.index.notna()].groupby(level=0).first()


def best_lag(series: pd.Series, other: pd.Series, lags: range = range(-3, 4)) -> int:
    """Hours by which the other series must move later to look most like the first."""
    found = {}
    for lag in lags:
        moved = other.set_axis(other.index + pd.Timedelta(hours=lag))
        found[lag] = pd.concat([series, moved], axis=1, join="inner").corr().iloc[0, 1]
    return max(found, key=lambda lag: found[lag])


@pytest.mark.parametrize("dataset", IDS)
def test_checks_pass_and_the_card_accounts_for_every_defect(dataset: str, real_data: Path) -> None:
    accounts_for_every_defect(dataset)
    loaded = load(dataset)
    assert check(loaded, card(dataset)).passed
    assert set(loaded.card.splits) == {"train", "validation", "test"}


@pytest.mark.parametrize("dataset", IDS)
def test_statistics_are_those_of_the_training_split(dataset: str, real_data: Path) -> None:
    has_statistics_of_the_training_split(dataset)


def test_dk2_2021_holds_what_the_files_hold(real_data: Path) -> None:
    frame = load("dk2-2021").frame
    assert (frame.index[0].isoformat(), len(frame)) == ("2020-12-31T23:00:00+00:00", 8760)
    for name, file, title in (
        ("price_per_mwh", "Elspot_DK2.csv", "SpotPriceEUR"),
        ("balancing_up_per_mwh", "realtimeDK2_2021.csv", "BalancingPowerPriceUpEUR"),
        ("balancing_down_per_mwh", "realtimeDK2_2021.csv", "BalancingPowerPriceDownEUR"),
        ("mfrr_up_per_mw_h", "mFRRDK2_2021.csv", "mFRR_UpPriceEUR"),
    ):
        raw = table(real_data / "energinet" / file, title, "HourUTC")
        both = pd.concat([frame[name], raw], axis=1, join="inner")
        assert len(both) >= 8758 and (both.iloc[:, 0] == both.iloc[:, 1]).all()


def test_dk2_2021_reserves_are_filled_where_nothing_was_published_and_only_there(real_data: Path) -> None:
    loaded = load("dk2-2021")
    raw = table(real_data / "energinet/FCRND_2021.csv", "FCR_N_PriceEUR", "HourUTC")
    frame, filled = loaded.frame["fcr_n_per_mw_h"], loaded.filled["fcr_n_per_mw_h"]
    zeros = raw.index[raw == 0.0]
    assert (len(zeros), zeros[0].isoformat(), zeros[-1].isoformat()) == (
        24,
        "2021-09-15T22:00:00+00:00",
        "2021-09-16T21:00:00+00:00",
    )
    assert filled.index[filled].equals(frame.index[[0]].append(zeros.as_unit("ns")))
    assert frame.min() > 0.0
    ffr = table(
        real_data / "energinet/FFR_2021.csv", "Marginal price (EUR/MW/hour)", "MarketHourUTC", sep=";", decimal=","
    )
    before = frame.index < ffr.index[0]
    assert ffr.index[0].tz_convert("Europe/Copenhagen").isoformat() == "2021-04-26T00:00:00+02:00"
    assert (loaded.frame["ffr_per_mw_h"][before] == 0.0).all() and loaded.filled["ffr_per_mw_h"][before].all()
    both = pd.concat([loaded.frame["ffr_per_mw_h"], ffr], axis=1, join="inner")
    assert len(both) == (~before).sum() and (both.iloc[:, 0] == both.iloc[:, 1]).all()
    assert not loaded.filled["ffr_per_mw_h"][~before].any()


def test_the_clock_of_dk2_is_that_of_its_neighbour_in_every_month(real_data: Path) -> None:
    for dataset, year in (("dk2-2021", 2021), ("dk2-2024-generation", 2024)):
        price, german = load(dataset).frame["price_per_mwh"][str(year)], german_price(real_data, year)
        lags = price.groupby(price.index.month).apply(best_lag, german)
        assert (lags == 0).all()


def test_balancing_prices_keep_the_clock_of_the_spot_price(real_data: Path) -> None:
    """In three hours of four up-regulation costs the spot price, which it does at no other lag."""
    frame = load("dk2-2021").frame
    same = [
        float((frame["balancing_up_per_mwh"] - frame["price_per_mwh"].shift(lag)).abs().lt(0.05).mean())
        for lag in (-1, 0, 1)
    ]
    assert same[1] > 0.7 > 0.1 > max(same[0], same[2])
    short, long = frame["balancing_up_per_mwh"], frame["balancing_down_per_mwh"]
    assert (short >= long - 0.01).all() and (short < long).sum() == 1


def test_the_ffr_clock_is_the_utc_column_though_the_other_one_jumps(real_data: Path) -> None:
    raw = pd.read_csv(real_data / "energinet/FFR_2021.csv", sep=";", decimal=",")
    stamps = pd.DatetimeIndex(pd.to_datetime(raw["MarketHourUTC"], utc=True))
    local = pd.to_datetime(raw["MarketHourCET"].str.slice(0, 19)).to_numpy()
    wrong = stamps[local != stamps.tz_convert("Europe/Copenhagen").tz_localize(None).to_numpy()]
    assert (wrong[0].isoformat(), wrong[-1].isoformat()) == ("2021-08-05T00:00:00+00:00", "2021-10-06T19:00:00+00:00")
    demand = pd.Series(raw["FFR demand (MW/hour)"].to_numpy(), stamps)
    before, after = (
        demand[slice].groupby(demand[slice].index.hour).mean()
        for slice in (slice("2021-06-15", "2021-08-04"), slice("2021-08-05", "2021-09-25"))
    )
    like = {lag: np.corrcoef(before, np.roll(after, lag))[0, 1] for lag in range(-3, 4)}
    assert max(like, key=lambda lag: like[lag]) == 0


def test_dk2_2024_holds_what_the_files_hold_in_kw(real_data: Path) -> None:
    loaded = load("dk2-2024")
    frame, options = loaded.frame, {"sep": ";", "decimal": ","}
    assert len(frame) == 35 * 24 + 1
    folder = real_data / "energinet"
    for name, file, title, factor in (
        ("imbalance_per_mwh", "RegulatingBalancePowerdata", "ImbalancePriceEUR", 1.0),
        ("afrr_down_per_mw_h", "AfrrReservesNordic", "aFRR_DownCapPriceEUR", 1.0),
        ("pv_kw", "ElectricityBalanceNonv", "SolarPower", 1000.0),
        ("load_kw", "ElectricityBalanceNonv", "TotalLoad", 1000.0),
    ):
        raw = table(folder / f"2024_{file}.csv", title, "HourUTC", **options) * factor
        published = frame[name][~loaded.filled[name]]
        np.testing.assert_array_equal(published, raw[published.index])
    oil = table(folder / "2024_ElectricityBalanceNonv.csv", "FossilOil", "HourUTC", **options)
    filled = loaded.filled["load_kw"]
    assert filled.index[filled].equals(oil.index[oil > 1000.0].as_unit("ns")) and filled.sum() == 3
    assert sorted(oil)[-4] < 170.0
    assert frame["load_kw"].max() < 2.3e6
    np.testing.assert_allclose(frame["wind_kw"], frame["wind_onshore_kw"] + frame["wind_offshore_kw"], rtol=1e-12)
    longer = load("dk2-2024-generation").frame
    assert len(longer) == 70 * 24 + 1
    shared = ["price_per_mwh", "pv_kw", "wind_kw"]
    pd.testing.assert_frame_equal(longer.loc[frame.index, shared], frame[shared], check_freq=False)


def test_belgium_holds_what_the_files_hold_on_its_neighbours_clock(real_data: Path) -> None:
    loaded = load("belgium")
    frame = loaded.frame
    for name, file in (("price_per_mwh", "dam_prices.csv"), ("imbalance_per_mwh", "imbalance_actual.csv")):
        raw = table(real_data / "elia" / file, "price_eur_mwh", "datetime_utc")
        published = frame[name][~loaded.filled[name]]
        np.testing.assert_array_equal(published, raw[published.index])
    hourly = frame["price_per_mwh"]["2024"].resample("h").mean()
    lags = hourly.groupby(hourly.index.month).apply(best_lag, german_price(real_data, 2024))
    assert (lags == 0).all()
    hours = frame["price_per_mwh"].groupby(frame.index.floor("h")).nunique()
    assert (hours[:"2025-09-30 21:00"] == 1).mean() > 0.999 and (hours["2025-09-30 22:00":] > 1).all()
    assert loaded.filled["imbalance_per_mwh"].sum() == 0


def test_the_belgian_imbalance_price_keeps_the_clock_of_the_day_ahead_price(real_data: Path) -> None:
    """It is noisy: over all months of each half year the likeness is highest at lag 0."""
    hourly = load("belgium").frame.resample("h").mean()
    for half in (slice("2024-05", "2024-12"), slice("2025-01", "2025-10")):
        assert best_lag(hourly["imbalance_per_mwh"][half], hourly["price_per_mwh"][half]) == 0


@pytest.mark.parametrize("dataset", NEM)
def test_nem_intervals_start_where_the_market_started_them(dataset: str, real_data: Path) -> None:
    """The day's interval number and the time of publication, columns of their own, both give the start."""
    raw = pd.read_csv(real_data / "nem/combined_dispatch_prices.csv")
    own = raw[raw["REGIONID"] == dataset.removeprefix("nem-").upper()]
    series = read_raw(dataset).series
    starts = series["price_per_mwh"].index.tz_convert("Australia/Brisbane")
    np.testing.assert_array_equal(own["PERIODID"], (starts.hour * 60 + starts.minute) // 5 + 1)
    published = pd.DatetimeIndex(pd.to_datetime(own["LASTCHANGED"].str.strip('"'))).tz_localize("Australia/Brisbane")
    late = (published - starts).total_seconds()
    assert late.min() >= 0.0 and late.max() < 60.0
    np.testing.assert_array_equal(series["raise_reg_per_mw_h"], own["RAISEREGRRP"])
    np.testing.assert_array_equal(series["lower_1s_per_mw_h"], own["LOWER1SECRRP"])
    assert len(series) == 11 and len(load(dataset).frame) == 14 * 288


def test_nem_prices_dip_at_the_suns_noon_at_utc_plus_ten(real_data: Path) -> None:
    """Around the solstice; read at +11:00, as the files say, the cheap hours would centre an hour before noon."""
    for dataset, longitude in (("nem-sa1", 138.6), ("nem-vic1", 145.0)):
        price = load(dataset).frame["price_per_mwh"]
        day = price.clip(-50.0, 150.0).groupby([price.index.hour * 12 + price.index.minute // 5]).median()
        cheap = day.index[day < day.quantile(0.35)] / 12.0
        centre = ((cheap + 12.0) % 24.0 - 12.0).to_numpy().mean()
        assert abs(centre - (12.0 - longitude / 15.0)) < 0.25


def test_a_region_that_the_file_lacks_is_an_error(real_data: Path) -> None:
    from dataclasses import replace

    odd = replace(card("nem-nsw1"), id="nem-xyz1")
    with pytest.raises(ValueError, match="XYZ1"):
        read_nem(odd, {"prices": real_data / "nem/combined_dispatch_prices.csv"})


def test_each_month_of_dk2_is_settled_by_the_rule_of_its_time(real_data: Path) -> None:
    """Two prices until the end of October 2021, one since, whichever way a producer deviates."""
    loaded = load("dk2-2021")
    frame, sure = loaded.frame, ~loaded.filled["shortage_per_mwh"]
    later = frame.index >= pd.Timestamp("2021-11-01", tz="Europe/Copenhagen")
    raw = table(real_data / "energinet/realtimeDK2_2021.csv", "BalancingPowerConsumptionPriceEUR", "HourUTC")
    one = raw[~raw.index.duplicated()].reindex(frame.index)
    for name, direction in (
        ("shortage_per_mwh", "balancing_up_per_mwh"),
        ("surplus_per_mwh", "balancing_down_per_mwh"),
    ):
        assert (frame[name] == frame[direction])[sure & ~later].all()
        assert (frame[name] == one)[later].all()
    assert (frame["shortage_per_mwh"] != frame["surplus_per_mwh"])[sure & ~later].sum() > 3_000
    assert (frame["shortage_per_mwh"] == frame["surplus_per_mwh"])[later].all()


@pytest.mark.parametrize("seed", range(4))
def test_what_a_producer_pays_on_dk2_is_what_was_settled(seed: int, real_data: Path) -> None:
    """Random supply and storage with nothing bid: the deviation is all energy, at the price of its hour and way."""
    random = np.random.default_rng(seed)
    start = pd.Timestamp("2021-10-31T10:00Z") + pd.Timedelta(hours=int(random.integers(0, 700) - 350))
    env = gym.make("energy_gym/Bidding-v1", dataset="dk2-2021", split="all")
    env.reset(options={"start": start, "steps": 48})
    frame = load("dk2-2021").frame
    at, over = frame.index.get_loc(start), False
    while not over:
        action = np.zeros(env.action_space.shape)
        action[0] = random.uniform(-1.0, 1.0)
        _, _, _, over, info = env.step(action)
        name = "shortage_per_mwh" if info["grid_kw"] > 0.0 else "surplus_per_mwh"
        assert info["deviation_cost"] == pytest.approx(info["grid_kw"] / 1000.0 * frame[name].iloc[at], abs=1e-6)
        at += 1
