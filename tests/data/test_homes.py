"""Synthetic home days: reproducible, within physics, varied, and quick to make."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_gym.data.feed import open_feed
from energy_gym.data.homes import DayBatch, as_frame, synthetic_days
from energy_gym.errors import ConfigurationError, NonPositiveError

NAMES = ("load_kw", "pv_kw", "buy_per_mwh", "sell_per_mwh")


@pytest.fixture(scope="module")
def days() -> DayBatch:
    return synthetic_days(2000, seed=0)


@given(count=st.integers(1, 20), more=st.integers(0, 20), seed=st.integers(0, 2**31), steps=st.sampled_from([24, 96]))
@settings(max_examples=25, deadline=None)
def test_laws(count: int, more: int, seed: int, steps: int) -> None:
    batch, longer = synthetic_days(count, seed, steps), synthetic_days(count + more, seed, steps)
    for name in NAMES:
        values = getattr(batch, name)
        assert values.shape == (count, steps)
        assert np.isfinite(values).all()
        assert np.array_equal(values, getattr(longer, name)[:count])
    assert (batch.load_kw > 0.0).all()
    assert (batch.pv_kw >= 0.0).all()
    assert batch.pv_kw.max() < 7.0
    assert (batch.buy_per_mwh >= 20.0).all()
    assert np.array_equal(batch.sell_per_mwh, 0.3 * batch.buy_per_mwh)


def test_seeds_differ() -> None:
    assert not np.array_equal(synthetic_days(3, 1).load_kw, synthetic_days(3, 2).load_kw)


def test_no_sun_at_night_and_most_at_noon(days: DayBatch) -> None:
    assert not days.pv_kw[:, [0, 1, 2, 22, 23]].any()
    assert days.pv_kw.mean(axis=0).argmax() in (11, 12)


def test_days_are_those_of_homes(days: DayBatch) -> None:
    used, produced = days.load_kw.sum(axis=1), days.pv_kw.sum(axis=1)
    assert 6.0 < np.percentile(used, 1) < np.median(used) < np.percentile(used, 99) < 30.0
    assert 0.2 < (produced > used).mean() < 0.7
    assert days.load_kw.mean(axis=0).argmax() in (18, 19, 20)
    assert 100.0 < days.buy_per_mwh.mean() < 300.0


def test_tariffs_are_tables_and_hourly_prices(days: DayBatch) -> None:
    levels = np.array([len(set(row)) for row in days.buy_per_mwh])
    assert set(levels[levels < 20]) == {2, 3}
    assert 0.45 < (levels < 20).mean() < 0.55
    assert (levels[levels >= 20] == 24).mean() > 0.9


def test_no_two_days_are_alike(days: DayBatch) -> None:
    for values in (days.load_kw, days.pv_kw):
        shape = values / values.sum(axis=1, keepdims=True)
        assert shape.std(axis=0).max() > 0.02
    assert np.corrcoef(days.load_kw.sum(axis=1), days.pv_kw.sum(axis=1))[0, 1] < 0.5


def test_quarter_hours_have_the_same_energy_on_average(days: DayBatch) -> None:
    fine = synthetic_days(2000, seed=0, steps_per_day=96)
    assert fine.step_hours == 0.25
    assert fine.load_kw.mean() == pytest.approx(days.load_kw.mean(), rel=0.02)
    assert fine.pv_kw.mean() == pytest.approx(days.pv_kw.mean(), rel=0.02)


def test_five_thousand_days_take_less_than_two_seconds() -> None:
    begin = time.perf_counter()
    synthetic_days(5000, seed=0)
    assert time.perf_counter() - begin < 2.0


@pytest.mark.parametrize("steps", [24, 96])
def test_frame_is_what_data_takes(steps: int) -> None:
    batch = synthetic_days(3, 0, steps)
    frame = as_frame(batch)
    assert tuple(frame.columns) == NAMES
    assert frame.attrs["synthetic"] is True
    assert frame.index[0] == pd.Timestamp("2020-01-01", tz="UTC")
    assert np.array_equal(frame["pv_kw"].to_numpy().reshape(3, steps), batch.pv_kw)
    feed = open_feed(None, frame, "train")
    assert feed.title.startswith("Synthetic")
    assert feed.step_hours == batch.step_hours
    assert set(feed.values) == set(NAMES)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"count": 0, "seed": 0}, NonPositiveError),
        ({"count": 2.5, "seed": 0}, NonPositiveError),
        ({"count": True, "seed": 0}, NonPositiveError),
        ({"count": 1, "seed": -1}, ConfigurationError),
        ({"count": 1, "seed": 0, "steps_per_day": 0}, NonPositiveError),
        ({"count": 1, "seed": 0, "steps_per_day": 7}, ConfigurationError),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        synthetic_days(**arguments)


def test_bad_batches() -> None:
    good = {name: np.ones((2, 24)) for name in NAMES}
    DayBatch(**good)
    for name, wrong in (("pv_kw", np.ones((2, 23))), ("load_kw", -np.ones((2, 24))), ("buy_per_mwh", np.ones(24))):
        with pytest.raises(ConfigurationError, match="shape"):
            DayBatch(**{**good, name: wrong})
    with pytest.raises(ConfigurationError, match="finite"):
        DayBatch(**{**good, "sell_per_mwh": np.full((2, 24), np.nan)})
    with pytest.raises(ConfigurationError, match="1440"):
        as_frame(DayBatch(**{name: np.ones((2, 7)) for name in NAMES}))
