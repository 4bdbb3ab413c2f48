"""The price-forecasting benchmark: series and published forecasts against the files themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from energy_gym.data import card, check, load
from energy_gym.data.feed import open_feed
from energy_gym.data.loading import read_raw
from energy_gym.errors import UnknownIdError, WindowError
from energy_gym.forecast import Published, Yesterday
from energy_gym.forecast.published_epf import PublishedEPF, epf_forecasts

PRICE = "price_per_mwh"
MARKETS = {
    "epf-de": ("DE", {"forecast_wind_kw": "Wind power forecast", "forecast_load_kw": "Ampirion zonal load forecast"}),
    "epf-fr": ("FR", {"forecast_generation_kw": "Generation forecast", "forecast_load_kw": "System load forecast"}),
    "epf-np": ("NP", {"forecast_load_kw": "Grid load forecast", "forecast_wind_kw": "Wind power forecast"}),
}


@pytest.mark.parametrize("dataset_id", MARKETS)
def test_series_are_those_of_the_file(dataset_id: str, real_data: Path) -> None:
    file, titles = MARKETS[dataset_id]
    raw = pd.read_csv(real_data / "epf" / f"{file}.csv")
    raw.columns = raw.columns.str.strip()
    raw.index = pd.DatetimeIndex(raw["date"])
    local = load(dataset_id).frame.tz_convert(card(dataset_id).zone)
    for day in ("2014-02-03", "2014-07-16", "2015-10-24", "2015-10-26"):
        np.testing.assert_array_equal(local.loc[day, PRICE], raw.loc[day, "OT"])
        for name, title in titles.items():
            np.testing.assert_allclose(local.loc[day, name], raw.loc[day, title] * 1000.0)


@pytest.mark.parametrize("dataset_id", MARKETS)
def test_the_check_passes_and_the_test_split_is_the_benchmarks(dataset_id: str, real_data: Path) -> None:
    assert check(read_raw(dataset_id), card(dataset_id)).passed
    first, stop = load(dataset_id).bounds("test")
    assert stop - first == 728 * 24
    assert stop == len(load(dataset_id).frame)


@pytest.mark.parametrize(
    ("dataset_id", "model", "mae"),
    [("epf-de", "dnn", 3.413), ("epf-de", "lear", 3.610), ("epf-np", "dnn", 1.683), ("epf-np", "lear", 1.738)],
)
def test_errors_are_those_of_the_benchmark(dataset_id: str, model: str, mae: float, real_data: Path) -> None:
    dataset = load(dataset_id)
    first, stop = dataset.bounds("test")
    errors = (epf_forecasts(dataset.card, model) - dataset.frame[PRICE]).iloc[first:stop]
    assert errors.abs().mean() == pytest.approx(mae, abs=6e-4)


@pytest.mark.parametrize("use_published", [True, False])
def test_rows_hold_a_forecast_from_eleven_on_and_no_earlier(use_published: bool, real_data: Path) -> None:
    feed = open_feed("epf-de", None, "test")
    issued = epf_forecasts(card("epf-de"), "lear").to_numpy()
    start = feed.first + 240
    rows = PublishedEPF("lear", use_published).rows(feed, PRICE, start, start + 24, 40)
    usual = (Published() if use_published else Yesterday()).rows(feed, PRICE, start, start + 24, 40)
    price = feed.values[PRICE]
    for hour in range(24):
        known = 0 if not use_published else (48 if hour >= 13 else 24) - hour
        told = (48 if hour >= 11 else 24) - hour
        for lead in range(40):
            place = start + hour + lead
            expected = price[place] if lead < known else issued[place] if lead < told else usual[hour, lead]
            assert rows[hour, lead] == expected, (hour, lead)


def test_what_has_no_published_forecast_is_refused(real_data: Path) -> None:
    with pytest.raises(WindowError, match="forecasts begin at 2016-01-03 23:00"):
        PublishedEPF().rows(feed := open_feed("epf-de", None, "validation"), PRICE, feed.first, feed.first + 48, 24)
    with pytest.raises(UnknownIdError, match="epf-fr"):
        PublishedEPF().rows(feed := open_feed("epf-fr", None, "test"), PRICE, feed.first, feed.first + 48, 24)
    with pytest.raises(UnknownIdError, match="lear"):
        PublishedEPF("laer")
