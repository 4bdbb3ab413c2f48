"""The synthetic market: repeatable, physically possible, calibrated, and forecast without bias, worse with lead."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_gym.data.synthetic import COLUMNS, LOAD_KW, PRICE_LIMITS_PER_MWH, PV_KW, WIND_KW, generate
from energy_gym.errors import ConfigurationError, NonPositiveError

FORECAST = [name for name in COLUMNS if name.startswith("forecast_")]
SEEDS = [0, 1, 2, 3, 4]


@pytest.fixture(scope="module", params=SEEDS)
def year(request: pytest.FixtureRequest) -> pd.DataFrame:
    return generate(seed=request.param, start="2021-01-01", steps=8760)


@pytest.fixture(scope="module")
def decades() -> pd.DataFrame:
    return generate(seed=11, start="2000-01-01", steps=24 * 365 * 30)


def test_the_frame_is_what_it_says() -> None:
    frame = generate()
    assert tuple(frame.columns) == COLUMNS and len(frame) == 8784
    assert set(frame.dtypes) == {np.dtype(np.float64)} and np.isfinite(frame.to_numpy()).all()
    expected = pd.date_range("2020-01-01", periods=8784, freq="h", tz="UTC", name="time")
    assert (frame.index == expected).all() and frame.index.name == "time" and str(frame.index.tz) == "UTC"
    assert frame.attrs["synthetic"] is True and "Synthetic" in frame.attrs["title"]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**64),
    length=st.integers(1, 400),
    more=st.integers(0, 400),
    resolution=st.sampled_from([5, 10, 15, 30, 60, 90, 120, 360, 1440]),
    start=st.datetimes(pd.Timestamp("1950-01-01").to_pydatetime(), pd.Timestamp("2100-01-01").to_pydatetime()),
)
def test_a_longer_series_begins_with_the_shorter(
    seed: int, length: int, more: int, resolution: int, start: pd.Timestamp
) -> None:
    keywords = {"seed": seed, "start": start.isoformat(), "resolution_minutes": resolution}
    short = generate(steps=length, **keywords)  # type: ignore[arg-type]
    long = generate(steps=length + more, **keywords)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(short, long.iloc[:length], check_exact=True, check_freq=False)


def test_seeds_differ_and_repeat() -> None:
    first, second = generate(seed=1, steps=200), generate(seed=2, steps=200)
    pd.testing.assert_frame_equal(first, generate(seed=1, steps=200), check_exact=True)
    for column in COLUMNS:
        assert (first[column] != second[column]).mean() > 0.2


def test_the_global_random_state_is_neither_read_nor_changed() -> None:
    np.random.seed(5)
    expected = np.random.RandomState(5).rand()
    frame = generate(steps=50)
    assert np.random.rand() == expected
    pd.testing.assert_frame_equal(frame, generate(steps=50), check_exact=True)


def test_values_stay_within_what_is_physically_possible(decades: pd.DataFrame) -> None:
    for prefix in ("", "forecast_"):
        assert decades[prefix + "pv_kw"].between(0.0, PV_KW).all()
        assert decades[prefix + "wind_kw"].between(0.0, WIND_KW).all()
        assert decades[prefix + "load_kw"].between(0.2 * LOAD_KW, 2.5 * LOAD_KW).all()
        assert decades[prefix + "carbon_g_per_kwh"].between(20.0, 750.0).all()
    assert decades["price_per_mwh"].between(*PRICE_LIMITS_PER_MWH).all()


def test_pv_and_its_forecast_are_zero_exactly_when_the_sun_is_down() -> None:
    frame = generate(seed=3, start="2021-01-01", steps=4 * 8760, resolution_minutes=15)
    dark = frame["pv_kw"] == 0.0
    assert (dark == (frame["forecast_pv_kw"] == 0.0)).all()
    day_length = (~dark).groupby(frame.index.date).sum() / 4.0
    # At 50 degrees the sun is up for 8 h 4 min on the shortest day and 16 h 23 min on the longest.
    assert day_length.min() == pytest.approx(8.0, abs=0.6) and day_length.max() == pytest.approx(16.3, abs=0.6)
    by_month = day_length.groupby([day.month for day in day_length.index]).mean()
    assert by_month.idxmax() == 6 and by_month.idxmin() == 12
    assert dark.groupby(frame.index.hour).mean()[[0, 1, 2, 22, 23]].eq(1.0).all()


def test_pv_centres_on_noon_in_every_month(decades: pd.DataFrame) -> None:
    sun = decades["pv_kw"]
    middle = sun.index.hour.to_numpy() + 0.5
    centre = (sun * middle).groupby(sun.index.month).sum() / sun.groupby(sun.index.month).sum()
    assert centre.between(11.9, 12.1).all()


def hourly_profile(price: pd.Series) -> pd.Series:
    return price.groupby(price.index.hour).mean() / price.mean()


def test_price_has_two_peaks_and_a_midday_valley(year: pd.DataFrame) -> None:
    shape = hourly_profile(year["price_per_mwh"])
    assert 1.08 < shape.loc[5:9].max() < 1.26 and 1.28 < shape.loc[16:22].max() < 1.55
    assert 0.60 < shape.loc[10:15].min() < 0.90 and shape.loc[0:4].min() < 0.95
    assert shape.idxmax() in (18, 19) and shape.loc[5:10].idxmax() in (6, 7, 8) and shape.idxmin() in (11, 12, 13)


def test_price_extremes_keep_their_hours_month_by_month(decades: pd.DataFrame) -> None:
    price = decades["price_per_mwh"]
    for _, month in price.groupby(price.index.month):
        assert hourly_profile(month).idxmax() in (17, 18, 19, 20)


def test_price_level_spread_tails_and_memory(year: pd.DataFrame) -> None:
    price = year["price_per_mwh"]
    around = price - price.rolling(720, min_periods=168, center=True).median()
    usual = price.rolling(720, min_periods=168, center=True).median()
    days = price.groupby(price.index.date)
    assert 60.0 < price.mean() < 110.0 and 0.4 < price.std() / price.mean() < 0.9
    assert 0.015 < (price < 0.0).mean() < 0.055
    assert 0.0003 < (price > 3.0 * usual).mean() < 0.005
    assert 0.45 < around.autocorr(24) < 0.80 and 0.85 < around.autocorr(1) < 0.96
    assert 0.79 < (days.max() - days.min()).mean() / price.mean() < 1.42


def test_spikes_have_a_heavy_tail_and_negative_prices_stay_mild(decades: pd.DataFrame) -> None:
    price = decades["price_per_mwh"]
    assert price.max() > 12.0 * price.mean() and price.kurtosis() > 10.0
    negative = price[price < 0.0]
    assert -30.0 < negative.mean() < -8.0 and negative.min() > -500.0
    assert negative.index.hour.isin(range(9, 16)).mean() > 0.6


def test_weekends_are_cheaper_and_quieter(year: pd.DataFrame) -> None:
    means = year[["price_per_mwh", "load_kw"]].groupby(year.index.day_of_week >= 5).mean()
    ratio = means.loc[True] / means.loc[False]
    assert 0.67 < ratio["price_per_mwh"] < 0.88 and 0.85 < ratio["load_kw"] < 0.95


def test_carbon_follows_price_as_in_real_markets(year: pd.DataFrame) -> None:
    carbon = year["carbon_g_per_kwh"]
    assert 300.0 < carbon.mean() < 411.0 and 0.28 < carbon.std() / carbon.mean() < 0.45
    assert 0.57 < year["price_per_mwh"].corr(carbon, method="spearman") < 0.84


def test_site_means_and_seasons(decades: pd.DataFrame) -> None:
    means = decades.mean()
    assert means["load_kw"] == pytest.approx(LOAD_KW, rel=0.02)
    assert 0.09 < means["pv_kw"] / PV_KW < 0.14 and 0.22 < means["wind_kw"] / WIND_KW < 0.36
    months = decades.groupby(decades.index.month).mean()
    assert months["pv_kw"].idxmax() in (5, 6, 7) and months["wind_kw"].idxmax() in (12, 1, 2)
    assert months["load_kw"].idxmax() in (12, 1, 2)


@pytest.mark.parametrize("name", FORECAST)
def test_forecasts_are_unbiased_and_skilful(decades: pd.DataFrame, name: str) -> None:
    actual, forecast = decades[name.removeprefix("forecast_")], decades[name]
    error = forecast - actual
    monthly = error.groupby([error.index.year, error.index.month]).mean()
    assert abs(error.mean()) < 3.5 * monthly.std() / np.sqrt(len(monthly))
    assert abs(error.mean()) < 0.01 * actual.mean()
    assert forecast.std() == pytest.approx(actual.std(), rel=0.02)
    yesterday = actual.shift(24)
    assert (error**2).mean() < 0.6 * ((yesterday - actual) ** 2).mean()


def test_forecast_error_grows_with_lead_time(decades: pd.DataFrame) -> None:
    # Wind has no daily shape, so the hour of the day is the lead time and nothing else.
    squared = (decades["forecast_wind_kw"] - decades["wind_kw"]) ** 2
    rmse = np.sqrt(squared.groupby(squared.index.hour).mean().to_numpy())
    assert rmse[:6].mean() < 0.9 * rmse[9:15].mean() < 0.95 * rmse[18:].mean()
    assert np.corrcoef(rmse, np.arange(24))[0, 1] > 0.97


def test_a_forecast_is_issued_once_a_day_so_its_error_falls_back_at_midnight(decades: pd.DataFrame) -> None:
    squared = (decades["forecast_wind_kw"] - decades["wind_kw"]) ** 2
    rmse = np.sqrt(squared.groupby(squared.index.hour).mean())
    assert rmse[0] < 0.8 * rmse[23]


@pytest.fixture(scope="module")
def resolutions() -> dict[int, pd.DataFrame]:
    """Twelve years at each resolution, each its own draw."""
    return {
        minutes: generate(
            seed=minutes, start="2000-01-01", steps=12 * 365 * 1440 // minutes, resolution_minutes=minutes
        )
        for minutes in (15, 60)
    }


@pytest.mark.parametrize("name", COLUMNS)
def test_resolutions_agree_in_mean_spread_and_memory(resolutions: dict[int, pd.DataFrame], name: str) -> None:
    fine, coarse = resolutions[15][name], resolutions[60][name]
    assert fine.mean() == pytest.approx(coarse.mean(), rel=0.06)
    assert fine.std() == pytest.approx(coarse.std(), rel=0.12)
    for lag_h in (1, 6, 24):
        assert fine.autocorr(4 * lag_h) == pytest.approx(coarse.autocorr(lag_h), abs=0.05)


def test_steps_longer_than_an_hour_are_means() -> None:
    fine = generate(seed=4, steps=48, resolution_minutes=30)
    coarse = generate(seed=4, steps=16, resolution_minutes=90)
    expected = fine.to_numpy().reshape(16, 3, -1).mean(axis=1)
    np.testing.assert_allclose(coarse.to_numpy(), expected, rtol=1e-12)
    assert list(coarse.index) == list(fine.index[::3])


def test_a_zone_in_the_start_is_converted() -> None:
    frame = generate(start="2022-03-01T01:00+01:00", steps=24)
    pd.testing.assert_frame_equal(frame, generate(start="2022-03-01", steps=24))


@pytest.mark.parametrize("value", [0, -1, 2.5, None, True, "9"])
def test_steps_must_be_a_positive_integer(value: object) -> None:
    with pytest.raises(NonPositiveError, match="steps="):
        generate(steps=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, -60, 7.5])
def test_a_resolution_must_be_positive(value: object) -> None:
    with pytest.raises(NonPositiveError, match="resolution_minutes="):
        generate(resolution_minutes=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [7, 50, 100, 2880])
def test_a_resolution_must_divide_a_day(value: int) -> None:
    with pytest.raises(ConfigurationError, match="a day must hold a whole number of steps") as caught:
        generate(resolution_minutes=value)
    assert not isinstance(caught.value, NonPositiveError)


@pytest.mark.parametrize("value", ["soon", "NaT", None, "2020-13-01", "1500-01-01", "2500-01-01", object()])
def test_a_start_must_be_a_date(value: object) -> None:
    with pytest.raises(ConfigurationError, match="start=") as caught:
        generate(start=value)  # type: ignore[arg-type]
    assert caught.value.remedy


def test_a_series_must_end_at_a_date_too() -> None:
    with pytest.raises(ConfigurationError, match="start='2262-04-01'"):
        generate(start="2262-04-01", steps=8784)


@pytest.mark.parametrize("value", [-1, 1.5, "0", None, False])
def test_a_seed_must_be_a_non_negative_integer(value: object) -> None:
    with pytest.raises(ConfigurationError, match="seed="):
        generate(seed=value)  # type: ignore[arg-type]


def test_a_year_takes_a_blink() -> None:
    def seconds(steps: int, resolution: int) -> float:
        took = []
        for _ in range(3):
            begin = time.perf_counter()
            generate(steps=steps, resolution_minutes=resolution)
            took.append(time.perf_counter() - begin)
        return min(took)

    # Ten times what was measured, for slow and busy machines: 0.02 s and 0.05 s.
    assert seconds(8784, 60) < 0.2 and seconds(35_040, 15) < 0.5


def test_the_report_reads_the_real_markets_and_ours_lie_within_their_range(
    real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    path = Path(__file__).parents[2] / "datasets" / "build_synthetic_report.py"
    spec = importlib.util.spec_from_file_location("build_synthetic_report", path)
    assert spec is not None and spec.loader is not None
    report = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(report)
    real = pd.DataFrame([year for market in report.MODELS for year in report.real_years(real_data, market)])
    ours = pd.DataFrame(report.synthetic_years()).mean()
    inside = (ours >= 0.9 * real.min()) & (ours <= 1.1 * real.max())
    assert inside.all(), ours[~inside]
