"""Loading: regular in UTC, complete, marked where filled; cached without ever trusting a damaged file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from energy_gym.data import Dataset, card, card_ids, load
from energy_gym.data.loading import forget
from energy_gym.errors import DataError, UnknownIdError

FETCHED = ("ausgrid-12", "caiso", "de-lu", "encortex-caiso", "encortex-uk", "epf-de", "epf-fr", "epf-np", "ercot")
FETCHED += ("nyiso",)
FETCHED += tuple(f"nyiso-{part}{zone}" for part in ("rt-", "") for zone in ("longil", "north", "nyc", "west"))
OFFLINE = ("california-homes-2016", "commercial", "ercot-2021-2022", "synthetic", "synthetic-dk2", "synthetic-india")
OFFLINE += ("synthetic-intraday", "synthetic-real-time")
PRICES = "green-dcc/data/electricity_prices/processed/{zone}/{year}/{zone}_electricity_prices_{year}.csv"

FETCHED += ("belgium", "dk2-2021", "dk2-2024", "dk2-2024-generation")
FETCHED += ("nem-nsw1", "nem-qld1", "nem-sa1", "nem-tas1", "nem-vic1")


@pytest.fixture
def own_cache(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("ENERGY_GYM_CACHE", str(tmp_path))
    forget()
    yield tmp_path
    forget()


def german_prices(real_data: Path, year: int) -> pd.Series:
    table = pd.read_csv(real_data / PRICES.format(zone="DE-LU", year=year), index_col=0)
    return pd.Series(table.iloc[:, 0].to_numpy(), pd.DatetimeIndex(table.index))


def local(dataset_id: str) -> pd.DataFrame:
    dataset = load(dataset_id)
    return dataset.frame.tz_convert(dataset.card.zone)


@pytest.mark.parametrize("dataset_id", [*FETCHED, *OFFLINE])
def test_every_set_keeps_its_promise(dataset_id: str, real_data: Path) -> None:
    dataset = load(dataset_id)
    step = pd.Timedelta(minutes=dataset.card.resolution_minutes)
    assert tuple(dataset.frame.columns) == tuple(dataset.card.columns)
    assert (dataset.frame.index[1:] - dataset.frame.index[:-1] == step).all()
    assert (dataset.frame.index[0], dataset.frame.index[-1] + step) == dataset.card.span
    assert dataset.frame.index.name == "time"
    assert str(dataset.frame.index.tz) == "UTC"
    assert np.isfinite(dataset.frame.to_numpy()).all()
    assert set(dataset.filled.dtypes) == {np.dtype(bool)}
    assert dataset.filled.index.equals(dataset.frame.index)


def test_every_card_is_tested() -> None:
    assert set(card_ids()) == {*FETCHED, *OFFLINE}


@pytest.mark.parametrize("dataset_id", FETCHED)
def test_bounds_are_the_splits(dataset_id: str, real_data: Path) -> None:
    dataset = load(dataset_id)
    stop = 0
    for name in dataset.card.splits:
        first, following = dataset.bounds(name)
        assert first == stop
        assert dataset.frame.index[first] == dataset.card.splits[name][0]
        stop = following
    assert (0, stop) == dataset.bounds("all")
    with pytest.raises(UnknownIdError, match="train"):
        dataset.bounds("trian")


def test_german_year_has_its_hours_and_negative_prices(real_data: Path) -> None:
    year = local("de-lu").loc["2024", "price_per_mwh"]
    assert len(year) == 8784
    assert (year < 0).sum() == 457
    assert local("de-lu")["price_per_mwh"].agg(["min", "max"]).tolist() == [-500.0, 936.28]


@pytest.mark.parametrize("year", [2021, 2022, 2023, 2024])
def test_german_clock_changes(real_data: Path, year: int) -> None:
    raw = german_prices(real_data, year)
    raw = raw[~raw.index.duplicated(keep="last")]
    marked = load("de-lu").filled["price_per_mwh"].tz_convert("Europe/Berlin")
    price = local("de-lu")["price_per_mwh"]
    spring, autumn = (
        max(d for d in pd.date_range(f"{year}-{m}-25", f"{year}-{m}-31") if d.weekday() == 6) for m in (3, 10)
    )
    assert price[str(spring.date())].tolist() == raw[str(spring.date())].drop(spring + pd.Timedelta("2h")).tolist()
    long_day = price[str(autumn.date())]
    assert len(long_day) == 25
    assert long_day.iloc[2] == long_day.iloc[3] == raw[autumn + pd.Timedelta("2h")]
    assert np.flatnonzero(marked[str(autumn.date())]).tolist() == [2, 3]
    assert long_day.iloc[4:].tolist() == raw[str(autumn.date())].iloc[3:].tolist()


def test_german_prices_outside_clock_changes_are_the_published_ones(real_data: Path) -> None:
    raw = german_prices(real_data, 2023)
    wall = local("de-lu").loc["2023", "price_per_mwh"].tz_localize(None)
    wall = wall[~wall.index.duplicated()]
    pd.testing.assert_series_equal(wall, raw.reindex(wall.index), check_names=False, check_index_type=False)


def test_missing_german_days_take_the_nearest_working_day_or_saturday(real_data: Path) -> None:
    price, filled = local("de-lu")["price_per_mwh"], load("de-lu").filled["price_per_mwh"].tz_convert("Europe/Berlin")
    donors = {"2021-04-30": "2021-04-29", "2022-09-03": "2022-08-27", "2024-01-31": "2024-01-30"}
    for day, donor in donors.items():
        assert price[day].tolist() == price[donor].tolist()
        assert filled[day].all()
    assert filled.sum() == 3 * 24 + 4 * 2


def test_carbon_ends_with_the_utc_year_and_the_rest_is_marked(real_data: Path) -> None:
    for dataset_id, missing in {"ercot": 6, "caiso": 8, "nyiso": 5}.items():
        filled = load(dataset_id).filled
        assert filled["carbon_g_per_kwh"].iloc[-missing:].all()
        assert filled["carbon_g_per_kwh"].sum() == missing
        assert not filled["price_per_mwh"].any()
    assert load("de-lu").filled["carbon_g_per_kwh"].to_numpy().nonzero()[0].tolist() == [0]


@pytest.mark.parametrize(("dataset_id", "zone"), [("caiso", "US-CAL-CISO"), ("nyiso", "US-NY-NYIS")])
def test_utc_prices(dataset_id: str, zone: str, real_data: Path) -> None:
    table = pd.read_csv(real_data / PRICES.format(zone=zone, year=2022), index_col=0)
    raw = pd.Series(table.iloc[:, 0].to_numpy(), pd.to_datetime(table.index, utc=True))
    ours = load(dataset_id).frame["price_per_mwh"].reindex(raw.index)
    assert np.array_equal(ours.to_numpy(), raw.to_numpy())


def test_encortex_uk_is_as_published_and_its_forecast_is_the_mean_of_ten_days(real_data: Path) -> None:
    frame = load("encortex-uk").frame
    assert (frame.index.year == 2020).sum() == 8784
    assert frame.loc["2018-01-01T00:00Z"].tolist()[:2] == [43.34, 157.0]
    for column in ("price_per_mwh", "carbon_g_per_kwh"):
        days = frame[column].to_numpy().reshape(-1, 24)
        forecast = frame[f"forecast_{column}"].to_numpy().reshape(-1, 24)
        assert np.array_equal(forecast[:2], days[:2])
        assert np.allclose(forecast[20], days[10:20].mean(axis=0))
        assert np.array_equal(forecast[730:732], days[730:732])


def test_encortex_caiso_is_pacific_and_in_grams(real_data: Path) -> None:
    frame = load("encortex-caiso").frame
    assert frame["carbon_g_per_kwh"].iloc[0] == pytest.approx(324.008916)
    assert frame["price_per_mwh"].agg(["min", "max"]).tolist() == [0.0, 150.0]
    carbon = frame["carbon_g_per_kwh"].tz_convert("America/Los_Angeles")
    assert carbon.groupby(carbon.index.hour).mean().idxmin() in (11, 12, 13)


def test_synthetic_is_the_generator_with_seed_0() -> None:
    from energy_gym.data.synthetic import generate

    generated = generate(seed=0, start="2020-01-01", steps=35064)
    loaded = load("synthetic").frame
    assert np.array_equal(loaded.to_numpy(), generated[list(loaded.columns)].to_numpy())


def test_frames_are_the_callers_own() -> None:
    first = load("ercot-2021-2022")
    price = first.frame["price_per_mwh"].iloc[0]
    first.frame.iloc[0, 0] = 1e6
    first.filled.iloc[0, 0] = True
    again = load("ercot-2021-2022")
    assert again.frame["price_per_mwh"].iloc[0] == price
    assert not again.filled.iloc[0, 0]


def test_dataset_refuses_frames_that_do_not_fit() -> None:
    dataset = load("ercot-2021-2022")
    with pytest.raises(DataError):
        Dataset(dataset.card, dataset.frame, dataset.filled.iloc[1:])
    with pytest.raises(DataError):
        Dataset(dataset.card, dataset.frame.assign(more=0.0), dataset.filled.assign(more=False))


def test_cache_serves_without_the_raw_files(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load("encortex-uk").frame
    forget()
    monkeypatch.setenv("ENERGY_GYM_DATA", str(own_cache / "nowhere"))
    pd.testing.assert_frame_equal(load("encortex-uk").frame, before)


def test_damaged_cache_is_rebuilt(own_cache: Path) -> None:
    before = load("encortex-uk")
    (kept,) = (own_cache / "frames").iterdir()
    content = kept.read_bytes()
    middle = len(content) // 2
    for damaged in (b"", content[:middle], content[:middle] + b"\x00\xff" * 8 + content[middle + 16 :]):
        kept.write_bytes(damaged)
        forget()
        after = load("encortex-uk")
        pd.testing.assert_frame_equal(after.frame, before.frame)
        pd.testing.assert_frame_equal(after.filled, before.filled)
        assert kept.stat().st_size == len(content)
    assert [path.name for path in (own_cache / "frames").iterdir()] == [kept.name]


def test_filled_steps_survive_the_cache(own_cache: Path) -> None:
    before = load("de-lu").filled
    forget()
    pd.testing.assert_frame_equal(load("de-lu").filled, before)
    assert os.environ["ENERGY_GYM_CACHE"] == str(own_cache)


def test_unknown_set() -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'nyiso'"):
        load("nysio")
    assert card("nyiso").id == "nyiso"


def test_a_law_of_prices_is_no_data_set_but_draws_one() -> None:
    with pytest.raises(UnknownIdError, match=r"is a law of prices.*; pass data=.*price_law"):
        load("markov-nyc-rt")
