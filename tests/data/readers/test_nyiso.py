"""New York's real-time prices: the sets against the files, read again with SciPy and pandas, and against each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from card_promises import accounts_for_every_defect, has_statistics_of_the_training_split
from scipy.io import loadmat

import energy_gym
from energy_gym import Battery
from energy_gym.data import card, load
from energy_gym.errors import UnknownIdError

PRICE, DAY_AHEAD, LOAD = "price_per_mwh", "forecast_price_per_mwh", "forecast_load_kw"
ZONES = ("nyc", "longil", "north", "west")
IDS = tuple(f"nyiso-{part}{zone}" for part in ("rt-", "") for zone in ZONES)
OPTIMA = {"nyc": 12904.57, "longil": 23971.90, "north": 12979.12, "west": 24813.46}
"""Year-long optima of 2019 on the days as the files have them [USD], found apart from this package's data sets."""


def array(real_data: Path, zone: str, title: str) -> Any:
    return loadmat(real_data / "nyiso-rt" / f"{title}_{zone.upper()}_2010_2019.mat")[title]


@pytest.mark.parametrize("dataset", IDS)
def test_checks_pass_and_the_card_accounts_for_every_defect(dataset: str, real_data: Path) -> None:
    accounts_for_every_defect(dataset)


@pytest.mark.parametrize("dataset", IDS)
def test_statistics_are_those_of_the_training_split(dataset: str, real_data: Path) -> None:
    has_statistics_of_the_training_split(dataset)


@pytest.mark.parametrize("zone", ZONES)
def test_five_minutes_are_those_of_the_arrays(zone: str, real_data: Path) -> None:
    local = load(f"nyiso-rt-{zone}").frame.tz_convert("America/New_York")
    for title, name in (("RTP", PRICE), ("DAP", DAY_AHEAD)):
        days = array(real_data, zone, title)
        for date in ("2011-03-05", "2012-02-29", "2015-07-16", "2018-10-01", "2019-12-31"):
            back = (pd.Timestamp("2019-12-31") - pd.Timestamp(date)).days
            np.testing.assert_array_equal(local.loc[date, name], days[:, -1 - back])


@pytest.mark.parametrize("zone", ZONES)
def test_days_with_a_clock_change_have_23_and_25_hours(zone: str, real_data: Path) -> None:
    local, days = load(f"nyiso-rt-{zone}").frame[PRICE].tz_convert("America/New_York"), array(real_data, zone, "RTP")
    spring, autumn = days[:, -297], days[:, -59]
    assert (spring[23:35] == 0.0).all()
    np.testing.assert_array_equal(local.loc["2019-03-10"], np.delete(spring, slice(23, 35)))
    # The twelve values that end from 01:00 to 01:55 stand for both of the hours.
    np.testing.assert_array_equal(local.loc["2019-11-03"], np.insert(autumn, 23, autumn[11:23]))
    filled = load(f"nyiso-rt-{zone}").filled[PRICE].tz_convert("America/New_York")
    assert filled.loc["2019-11-03"].sum() == 24


@pytest.mark.parametrize("zone", ZONES)
def test_days_before_the_two_that_are_lost_lie_where_the_spring_hour_says(zone: str, real_data: Path) -> None:
    frame, filled = load(f"nyiso-rt-{zone}").frame, load(f"nyiso-rt-{zone}").filled
    local, lost = frame[PRICE].tz_convert("America/New_York"), filled[PRICE].tz_convert("America/New_York")
    days = array(real_data, zone, "RTP")
    at = (pd.Timestamp("2010-03-16") - pd.Timestamp("2010-01-03")).days
    assert (days[23:35, at] == 0.0).all()
    np.testing.assert_array_equal(local.loc["2010-03-14"], np.delete(days[:, at], slice(23, 35)))
    assert lost.loc["2011-03-03":"2011-03-04"].all()
    assert not lost.loc["2011-03-05":"2011-03-11"].any()


@pytest.mark.parametrize("zone", ZONES)
def test_days_that_were_not_recorded_are_marked_and_left(zone: str, real_data: Path) -> None:
    loaded = load(f"nyiso-rt-{zone}")
    local = loaded.frame[PRICE].tz_convert("America/New_York")
    marked = loaded.filled[PRICE].tz_convert("America/New_York")
    days = marked["2019"].groupby(marked["2019"].index.date).all()
    assert days.sum() == 9
    assert set(local["2019-06-25"].iloc[1:]) == {0.0}


@pytest.mark.parametrize("zone", ZONES)
def test_hours_are_those_of_the_files_and_the_means_of_the_five_minutes(zone: str, real_data: Path) -> None:
    frame = load(f"nyiso-{zone}").frame
    for title, name, column, factor in (
        ("RTP", PRICE, "LBMP ($/MWHr)", 1.0),
        ("DAP", DAY_AHEAD, "LBMP ($/MWHr)", 1.0),
        ("LF", LOAD, "LF", 1000.0),
    ):
        raw = pd.read_csv(real_data / "nyiso-rt" / f"{title}_{zone.upper()}_2015_2021.csv")
        index = pd.DatetimeIndex(pd.to_datetime(raw["Time Stamp"], utc=True))
        assert frame.index.equals(index.rename("time").as_unit("ns"))
        np.testing.assert_array_equal(frame[name], raw[column] * factor)
    fine = load(f"nyiso-rt-{zone}")
    true = fine.frame[~fine.filled.any(axis=1)].loc["2015":"2018"]
    hourly = true.resample("h").mean()[true[PRICE].resample("h").count() == 12]
    both = pd.concat([hourly, frame], axis=1, join="inner", keys=("fine", "hourly"))
    assert (both["fine", PRICE] - both["hourly", PRICE]).abs().median() < 0.02
    np.testing.assert_allclose(both["fine", DAY_AHEAD], both["hourly", DAY_AHEAD], atol=0.0101)


@pytest.mark.parametrize("dataset", IDS)
def test_splits_follow_the_published_protocol(dataset: str, real_data: Path) -> None:
    loaded = load(dataset)
    names = ["earlier", "train", "validation", "test"]
    assert list(loaded.card.splits) == (names if "-rt-" in dataset else [*names, "later"])
    local = loaded.frame.index.tz_convert("America/New_York")
    for split, (begin, end) in {
        "train": ("2017-01-01", "2018-09-30"),
        "validation": ("2018-10-01", "2018-12-31"),
        "test": ("2019-01-01", "2019-12-31"),
    }.items():
        first, stop = loaded.bounds(split)
        assert (str(local[first].date()), str(local[stop - 1].date())) == (begin, end)
    first, stop = loaded.bounds("earlier")
    assert first == 0 and local[stop - 1].year == 2016
    env = gym.make("energy_gym/Arbitrage-v1", dataset=dataset, split="earlier", period=("2016-01-01", "2016-02-01"))
    env.reset(seed=1)
    assert env.unwrapped.time.year == 2016
    with pytest.raises(UnknownIdError, match="did you mean 'earlier'"):
        gym.make("energy_gym/Arbitrage-v1", dataset=dataset, split="earlyer")


@pytest.mark.parametrize("dataset", ["nyiso-rt-nyc", "nyiso-west"])
def test_a_battery_sees_the_running_price_where_it_is_posted_and_the_day_ahead_price_for_the_rest(
    dataset: str, real_data: Path
) -> None:
    frame = load(dataset).frame
    env = gym.make("energy_gym/Arbitrage-v1", dataset=dataset, split="test", horizon=6).unwrapped
    env.reset(options={"start": "2019-07-16T14:00"})
    at = frame.index.get_loc(env.time)
    known = 1 if dataset == "nyiso-rt-nyc" else 0
    seen = env.outlook()[PRICE]
    np.testing.assert_array_equal(seen[:known], frame[PRICE].iloc[at : at + known])
    np.testing.assert_array_equal(seen[known:], frame[DAY_AHEAD].iloc[at + known : at + 6])
    info, hours = env.step([1.0])[4], env.setup.feed.step_hours
    assert info["energy_cost"] == pytest.approx(info["grid_kw"] * hours * frame[PRICE].iloc[at] / 1000.0)


def test_the_day_ahead_price_of_tomorrow_is_known_at_eleven(real_data: Path) -> None:
    env = gym.make("energy_gym/Arbitrage-v1", dataset="nyiso-nyc", split="test", horizon=36).unwrapped
    frame = load("nyiso-nyc").frame
    for hour, known in ((10, 14), (11, 36)):
        env.reset(options={"start": f"2019-07-16T{hour}:00"})
        at = frame.index.get_loc(env.time)
        same = env.outlook()[PRICE] == frame[DAY_AHEAD].iloc[at : at + 36].to_numpy()
        assert same[:known].all() and same.all() == (known == 36)


@pytest.mark.parametrize("zone", ZONES)
def test_the_optimum_of_the_published_year(zone: str, real_data: Path) -> None:
    """One day of the files has 24 hours where the clock had 23: on their days the figure is met to the cent."""
    index = pd.date_range("2019-01-01", periods=365 * 288, freq="5min", tz="UTC")
    prices = array(real_data, zone, "RTP")[:, -365:].T.ravel()
    full = {"soc_min": 0.0, "soc_max": 1.0, "soc_initial": 0.5, "wear_per_kwh": 0.01}
    battery = Battery(1000.0, 500.0, 500.0, 0.9, 0.9, **full)
    told = {"battery": battery, "terminal": "free", "episode_steps": None, "horizon": 1}
    data = pd.DataFrame({PRICE: prices}, index)
    raw = gym.make("energy_gym/Arbitrage-v1", data=data, published="at-start", zone="UTC", **told)
    ours = gym.make("energy_gym/Arbitrage-v1", dataset=f"nyiso-rt-{zone}", split="test", **told)
    values = []
    for env in (raw, ours):
        env.reset(seed=0)
        values.append(energy_gym.solve(env).value)
    assert values[0] == pytest.approx(OPTIMA[zone], abs=0.005)
    assert values[1] == pytest.approx(values[0], rel=1e-3)


@pytest.mark.parametrize("forecast", ["published", "yesterday", "mean"])
@pytest.mark.parametrize("dataset", ["nyiso-rt-west", "nyiso-longil"])
def test_nothing_depends_on_what_is_not_known(dataset: str, forecast: str, real_data: Path) -> None:
    """The day-ahead prices of tomorrow are known at 11:00, the running price where it is posted, later ones never."""
    its, whole = card(dataset), load(dataset).frame
    local = whole.index.tz_convert(its.zone)
    data = whole[(local >= "2019-03-06") & (local < "2019-03-13")]
    rules = {name: column.published for name, column in its.columns.items()}
    step = pd.Timedelta(minutes=its.resolution_minutes)
    midnights = data.index.tz_convert(its.zone).normalize()
    for now in ("2019-03-09T10:00", "2019-03-09T11:00", "2019-03-10T01:00", "2019-03-10T05:00"):
        moment = pd.Timestamp(now, tz=its.zone)
        public = {"at-start": data.index, "after": data.index + step, "day-ahead 24:00": midnights}
        public["day-ahead 11:00"] = (midnights - pd.Timedelta(hours=12)).normalize() + pd.Timedelta(hours=11)
        other = data.copy()
        for name, rule in rules.items():
            other.loc[public[rule] > moment, name] = 999.0
        seen = []
        for series in (data, other):
            told = {"published": rules, "zone": its.zone, "forecast": forecast, "reference": whole.loc["2018"]}
            env = gym.make("energy_gym/Arbitrage-v1", data=series, episode_steps=4, history=5, **told).unwrapped
            observation, info = env.reset(options={"start": moment, "steps": 3})
            look = [values.tobytes() for values in (*env.outlook().values(), *env.past().values())]
            seen.append([observation.tobytes(), repr(info), look])
        assert seen[0] == seen[1]


@pytest.mark.parametrize("dataset", IDS)
def test_observations_cut_fewer_than_one_price_in_a_hundred(dataset: str, real_data: Path) -> None:
    loaded = load(dataset)
    figures = loaded.card.columns[PRICE].statistics
    for split in loaded.card.splits:
        first, stop = loaded.bounds(split)
        scaled = (loaded.frame[PRICE].iloc[first:stop] - figures.offset) / figures.scale
        assert (scaled.abs() > 10.0).mean() < 0.006
