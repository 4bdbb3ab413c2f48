"""Ausgrid's home and the commercial stand-in: clocks, energies and what the cards say of them, from the raw figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from energy_gym.data import card, check, load
from energy_gym.data.commercial import quarters
from energy_gym.data.loading import read_raw
from energy_gym.data.phase import noon


@pytest.fixture
def ausgrid(real_data: Path) -> pd.DataFrame:
    table = pd.read_csv(real_data / "ausgrid" / "customer12_data_2011-2012.csv", index_col=0)
    return table.set_axis(pd.DatetimeIndex(pd.to_datetime(table.index)), axis=0)


def test_ausgrid_follows_the_wall_clock(ausgrid: pd.DataFrame) -> None:
    longitude = card("ausgrid-12").longitude_deg
    assert longitude is not None
    assert noon(load("ausgrid-12").frame["pv_kw"], longitude, 30).steady
    standard = ausgrid["GG"].rename("pv_kw").tz_localize("Etc/GMT-10").tz_convert("UTC")
    assert not noon(standard, longitude, 30).steady


def test_ausgrid_keeps_every_row_and_all_energy(ausgrid: pd.DataFrame) -> None:
    dataset = load("ausgrid-12")
    local = dataset.frame.tz_convert("Australia/Sydney")
    odd = ausgrid.index.normalize().isin(pd.to_datetime(["2011-10-02", "2012-04-01"]))
    plain = local[~local.index.tz_localize(None).normalize().isin(ausgrid.index[odd].normalize())]
    assert np.array_equal(plain["load_kw"], ausgrid.loc[~odd, "GC"])
    assert np.array_equal(plain["pv_kw"], ausgrid.loc[~odd, "GG"])
    assert local["load_kw"].sum() == pytest.approx(ausgrid["GC"].sum())
    assert local["pv_kw"].sum() == pytest.approx(ausgrid["GG"].sum())


def test_ausgrid_clock_changes(ausgrid: pd.DataFrame) -> None:
    local = load("ausgrid-12").frame["load_kw"].tz_convert("Australia/Sydney")
    assert len(local["2011-10-02"]) == 46
    assert (ausgrid.loc["2011-10-02 02:00":"2011-10-02 02:30", "GC"] == 0.0).all()
    repeated = local["2012-04-01"].between_time("02:00", "02:59")
    both = ausgrid.loc["2012-04-01 02:00":"2012-04-01 02:30", "GC"].tolist()
    assert repeated.tolist() == pytest.approx([value / 2 for value in both] * 2)
    filled = load("ausgrid-12").filled["load_kw"]
    assert filled.index[filled].tolist() == repeated.index.tz_convert("UTC").tolist()


def test_ausgrid_passes_its_check(real_data: Path) -> None:
    report = check(read_raw("ausgrid-12"), card("ausgrid-12"))
    assert report.passed
    assert [(finding.kind, finding.severity) for finding in report.findings] == [("stand-in", "known")] * 2


@pytest.fixture
def site() -> pd.DataFrame:
    return load("commercial").frame.tz_convert("America/Costa_Rica")


def test_commercial_has_the_size_and_shape_that_its_card_states(site: pd.DataFrame) -> None:
    assert site["load_kw"].max() == pytest.approx(400.0)
    assert site["pv_kw"].max() == pytest.approx(200.0)
    assert site["load_kw"].min() >= 100.0
    assert site["pv_kw"].min() >= 0.0
    by_hour = site["load_kw"].groupby(site.index.hour).mean()
    assert by_hour.idxmax() == 13
    working = site["load_kw"][site.index.day_of_week < 5].mean()
    assert site["load_kw"][site.index.day_of_week == 6].mean() < 0.85 * working
    assert site["load_kw"].groupby(site.index.date).size().unique().tolist() == [96]


def test_commercial_is_the_homes_computed_by_hand(site: pd.DataFrame) -> None:
    homes = load("california-homes-2016").frame["load_kw"].tz_convert("America/Los_Angeles")
    share = np.interp(np.arange(24) + 0.5, [0, 5, 9, 13.5, 17, 21, 24], [0.4, 0.4, 0.9, 1.0, 0.9, 0.4, 0.4])
    hourly = site["load_kw"].resample("h").mean() - 100.0
    expected = {
        stamp: homes[f"{stamp:%Y-%m-%d}"].iloc[stamp.hour - 1] * share[stamp.hour] * damped
        for stamp, damped in (
            (pd.Timestamp("2016-08-10 14:00", tz="America/Costa_Rica"), 1.0),
            (pd.Timestamp("2017-02-04 09:00", tz="America/Costa_Rica"), 0.6),
            (pd.Timestamp("2017-07-09 19:00", tz="America/Costa_Rica"), 0.4),
        )
    }
    ratios = {hourly[stamp] / value for stamp, value in expected.items()}
    assert max(ratios) == pytest.approx(min(ratios), rel=1e-9)


def test_commercial_sun_is_that_of_the_homes(site: pd.DataFrame) -> None:
    homes = load("california-homes-2016").frame["pv_kw"].tz_convert("Etc/GMT+8")
    day = homes["2017-05-10"].to_numpy() * 200.0 / homes.max()
    assert np.allclose(site.loc["2017-05-10", "pv_kw"].to_numpy().reshape(24, 4).mean(axis=1), day)
    longitude = card("commercial").longitude_deg
    assert longitude is not None
    assert noon(load("commercial").frame["pv_kw"], longitude, 15).steady


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(0.0, 1e4)))
def test_quarters_keep_the_mean_and_make_no_new_extreme(hourly: np.ndarray) -> None:
    parts = quarters(hourly).reshape(-1, 4)
    assert np.allclose(parts.mean(axis=1), hourly, rtol=1e-12, atol=1e-9)
    padded = np.pad(hourly, 1, mode="edge")
    around = np.stack([padded[:-2], hourly, padded[2:]])
    assert (parts <= around.max(axis=0)[:, None] + 1e-9).all()
    assert (parts >= around.min(axis=0)[:, None] - 1e-9).all()
