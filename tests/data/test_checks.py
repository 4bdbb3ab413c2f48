"""The check finds what is wrong and nothing else: good sets pass with margin, slipped clocks fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_gym.data import Dataset, Finding, Report, card, check, load
from energy_gym.data.loading import read_raw
from energy_gym.data.phase import drift
from energy_gym.data.raw import Raw
from energy_gym.errors import MissingColumnError, NaiveIndexError

MARKETS = ("caiso", "de-lu", "ercot", "nyiso")
GOOD = (*MARKETS, "california-homes-2016", "encortex-caiso", "ercot-2021-2022", "synthetic")
LONG = (*MARKETS, "ercot-2021-2022", "synthetic")


def late(series: pd.Series, hours: np.ndarray) -> pd.Series:
    """Move each value by a number of hours, as a slipping clock would."""
    step = (series.index[1] - series.index[0]) / pd.Timedelta("1h")
    at = np.arange(len(series)) - np.rint(hours / step).astype(int)
    return pd.Series(series.to_numpy()[at % len(series)], series.index, name=series.name)


def slipping(series: pd.Series, months: int) -> pd.Series:
    passed = (series.index.year - series.index[0].year) * 12 + series.index.month - series.index[0].month
    return late(series, np.asarray(passed // months, dtype=float))


def jumping(series: pd.Series, hours: float, share: float = 0.5) -> pd.Series:
    return late(series, np.where(np.arange(len(series)) < share * len(series), 0.0, hours))


def failing(report: Report, kind: str) -> set[str]:
    return {finding.column for finding in report.failures if finding.kind == kind}


def one(report: Report, kind: str) -> Finding:
    (found,) = (finding for finding in report.findings if finding.kind == kind)
    return found


@pytest.mark.parametrize("dataset_id", GOOD)
def test_good_sets_pass_raw_and_loaded(dataset_id: str, real_data: Path) -> None:
    for data in (read_raw(dataset_id), load(dataset_id)):
        report = check(data, card(dataset_id))
        assert report.passed, report.failures
        assert report.phases
        limits = {"year on year": 0.45, "step": 0.45, "solar noon": 0.4}
        assert all(abs(phase.statistic_h) <= limits[phase.method] for phase in report.phases), report.phases


def test_encortex_uk_fails_on_the_phase_of_its_price_and_on_nothing_else(real_data: Path) -> None:
    report = check(read_raw("encortex-uk"), card("encortex-uk"))
    assert not report.passed
    assert {finding.kind for finding in report.failures} == {"phase"}
    assert failing(report, "phase") == {"price_per_mwh", "forecast_price_per_mwh"}
    (price,) = (phase for phase in report.phases if phase.column == "price_per_mwh")
    assert price.statistic_h == pytest.approx(2.0, abs=0.2)
    assert one(report, "frozen").severity == "known"


@pytest.mark.parametrize("column", ["price_per_mwh", "carbon_g_per_kwh"])
@pytest.mark.parametrize("dataset_id", LONG)
def test_injected_drift_fails(dataset_id: str, column: str, real_data: Path) -> None:
    frame = load(dataset_id).frame
    if column not in frame:
        pytest.skip(f"{dataset_id} has no {column}")
    broken = [
        slipping(frame[column], 4),
        slipping(frame[column], 6),
        jumping(frame[column], 3),
        jumping(frame[column], -3),
    ]
    for series in broken:
        report = check(frame.assign(**{column: series}), card(dataset_id))
        assert failing(report, "phase") == {column}


@pytest.mark.parametrize("dataset_id", LONG)
def test_jump_of_one_hour_fails(dataset_id: str, real_data: Path) -> None:
    frame = load(dataset_id).frame
    for hours in (1, -1):
        moved = frame.assign(price_per_mwh=jumping(frame["price_per_mwh"], hours))
        assert failing(check(moved, card(dataset_id)), "phase") == {"price_per_mwh"}


@pytest.mark.parametrize("dataset_id", [*LONG, "encortex-caiso", "california-homes-2016"])
def test_constant_shift_is_no_drift(dataset_id: str, real_data: Path) -> None:
    frame = load(dataset_id).frame
    for hours in (-5.0, 2.0):
        moved = frame.assign(price_per_mwh=late(frame["price_per_mwh"], np.full(len(frame), hours)))
        assert not failing(check(moved, card(dataset_id)), "phase")


@pytest.mark.parametrize("column", ["price_per_mwh", "carbon_g_per_kwh", "pv_kw"])
def test_drift_of_a_single_year_fails(column: str) -> None:
    frame = load("california-homes-2016").frame
    for series in (
        slipping(frame[column], 4),
        slipping(frame[column], 6),
        jumping(frame[column], 3),
        jumping(frame[column], -3),
    ):
        report = check(frame.assign(**{column: series}), card("california-homes-2016"))
        assert failing(report, "phase") == {column}


@pytest.mark.parametrize("column", ["price_per_mwh", "carbon_g_per_kwh"])
def test_drift_within_half_a_year_fails(column: str, real_data: Path) -> None:
    frame = load("encortex-caiso").frame
    for series in (slipping(frame[column], 4), jumping(frame[column], 3), jumping(frame[column], -3)):
        report = check(frame.assign(**{column: series}), card("encortex-caiso"))
        assert failing(report, "phase") == {column}


@pytest.mark.parametrize("hours", [3.0, -3.0])
def test_pv_has_to_centre_on_solar_noon(hours: float) -> None:
    for dataset_id in ("california-homes-2016", "synthetic"):
        frame = load(dataset_id).frame
        moved = frame.assign(pv_kw=late(frame["pv_kw"], np.full(len(frame), hours)))
        assert failing(check(moved, card(dataset_id)), "phase") == {"pv_kw"}


@settings(deadline=None, max_examples=15)
@given(
    st.floats(0.2, 0.8),
    st.sampled_from([-6, -4, -3, -2, 2, 3, 4, 6]),
    st.integers(0, 10_000),
)
def test_jump_in_a_noisy_series_is_found_with_its_size(share: float, hours: int, seed: int) -> None:
    index = pd.date_range("2021-01-01", "2024-01-01", freq="h", tz="UTC", inclusive="left")
    hour = np.asarray(index.hour + 0.0)
    shape = np.cos((hour - 18) / 24 * 2 * np.pi) + 0.6 * np.cos((hour - 8) / 12 * 2 * np.pi)
    noise = np.random.default_rng(seed).normal(0, 1, len(index))
    series = pd.Series(50 + 20 * shape + 15 * noise, index)
    assert drift(series, "UTC").steady
    phase = drift(jumping(series, hours, share), "UTC")
    assert not phase.steady
    assert phase.statistic_h == pytest.approx(hours, abs=0.6)


def test_noise_without_a_daily_shape_is_not_judged() -> None:
    index = pd.date_range("2021-01-01", "2024-01-01", freq="h", tz="UTC", inclusive="left")
    phase = drift(pd.Series(np.random.default_rng(3).normal(size=len(index)), index), "UTC")
    assert phase.steady
    assert drift(pd.Series(1.0, index), "UTC").method == "none"


def test_extremes_are_those_of_the_profile() -> None:
    price = load("california-homes-2016").frame["price_per_mwh"]
    phase = drift(price, "America/Los_Angeles")
    assert len(phase.extremes) == 12
    assert all(highest in range(16, 21) for _, highest in phase.extremes.values())


@pytest.fixture
def frame() -> pd.DataFrame:
    return load("ercot-2021-2022").frame.iloc[:2000]


def ercot(frame: pd.DataFrame) -> Report:
    return check(frame, card("ercot-2021-2022"))


def test_part_of_a_set_passes(frame: pd.DataFrame) -> None:
    assert ercot(frame).passed


def test_gaps_are_counted(frame: pd.DataFrame) -> None:
    found = one(ercot(frame.drop(frame.index[[5, 6, 100]])), "gap")
    assert found.severity == "failure"
    assert found.steps == 3
    assert "in 2 place(s)" in found.text
    assert "2021-01-01T11:00Z" in found.text


def test_duplicates_are_counted_and_compared(frame: pd.DataFrame) -> None:
    again = pd.concat([frame, frame.iloc[[3]], frame.iloc[[4]] + 1]).sort_index()
    found = one(ercot(again), "duplicate")
    assert found.steps == 2
    assert "1 stamps have differing values" in found.text


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_is_counted(frame: pd.DataFrame, bad: float) -> None:
    frame.iloc[[7, 9], 0] = bad
    assert one(ercot(frame), "nan").steps == 2


def test_strange_stamps_and_disorder(frame: pd.DataFrame) -> None:
    strange = frame.rename(index={frame.index[3]: frame.index[3] + pd.Timedelta("7min")})
    assert one(ercot(strange), "off-grid").steps == 1
    assert one(ercot(frame.iloc[::-1]), "order").severity == "failure"


def test_frozen_values_fail(frame: pd.DataFrame) -> None:
    frame.iloc[100:107] = 21.77
    assert ercot(frame).passed
    frame.iloc[100:112] = 21.77
    assert one(ercot(frame), "frozen").steps == 12


def test_zero_and_caps_are_not_frozen(frame: pd.DataFrame) -> None:
    frame.iloc[100:120] = 0.0
    assert not failing(ercot(frame), "frozen")
    for start in (200, 300, 400):
        frame.iloc[start : start + 12] = 9999.0
    assert not failing(ercot(frame), "frozen")


def test_tariffs_and_nights_are_not_frozen() -> None:
    report = check(load("california-homes-2016"), card("california-homes-2016"))
    assert not [finding for finding in report.findings if finding.kind == "frozen"]


def test_known_defects_must_be_exactly_those_of_the_card(real_data: Path) -> None:
    raw = read_raw("de-lu")
    assert check(raw, card("de-lu")).passed
    price = raw.series["price_per_mwh"]
    fewer = Raw({**raw.series, "price_per_mwh": price.drop(price.index[1000])}, raw.stand_in)
    found = check(fewer, card("de-lu")).failures
    assert [(finding.kind, finding.steps) for finding in found] == [("gap", 73)]
    assert "the card knows of 72 steps" in found[0].text


def test_filled_steps_are_reported(real_data: Path) -> None:
    dataset = load("de-lu")
    found = [finding for finding in check(dataset, dataset.card).findings if finding.kind == "filled"]
    assert {finding.column: finding.steps for finding in found}["price_per_mwh"] == 80
    assert {finding.severity for finding in found} == {"note"}


def test_known_gaps_of_the_raw_files_excuse_nothing_in_a_frame(real_data: Path) -> None:
    dataset = load("de-lu")
    assert failing(check(dataset.frame.drop(dataset.frame.index[50:122]), dataset.card), "gap")


def test_frames_that_cannot_be_checked(frame: pd.DataFrame) -> None:
    with pytest.raises(NaiveIndexError):
        ercot(frame.tz_localize(None))
    with pytest.raises(MissingColumnError, match="price_per_mwh"):
        ercot(frame.rename(columns={"price_per_mwh": "price"}))
    with pytest.raises(MissingColumnError):
        ercot(frame.iloc[:0])
    assert isinstance(load("ercot-2021-2022"), Dataset)
