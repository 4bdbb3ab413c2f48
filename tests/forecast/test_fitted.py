"""Forecasters that learn: where they may learn and be asked, no look-ahead, better than the rules, kept once made."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym.data.feed import Feed, open_feed
from energy_gym.data.own_frame import Told
from energy_gym.errors import (
    ConfigurationError,
    MissingColumnError,
    MissingExtraError,
    ResetNeededError,
    WindowError,
    install_command,
)
from energy_gym.forecast import Mean, Perfect, Yesterday, get_forecast
from energy_gym.forecast.accuracy import accuracy
from energy_gym.forecast.fitted import Fitted, training_split
from energy_gym.forecast.lightgbm import LightGBM
from energy_gym.forecast.nbeats import NBeats

ID = "energy_gym/Arbitrage-v1"
ZONE = "Europe/Berlin"
PRICE, CARBON = "price_per_mwh", "carbon_g_per_kwh"
KINDS = ["lightgbm", "nbeats"]


def made(kind: str, **settings: Any) -> Fitted:
    """Return a small forecaster of a kind, or skip where its library is not installed."""
    pytest.importorskip({"lightgbm": "lightgbm", "nbeats": "neuralforecast"}[kind])
    if kind == "lightgbm":
        return LightGBM(trees=20, samples=4000, **settings)
    return NBeats(steps=10, width=16, input_days=2, **settings)


def shaped(begin: str, days: int, seed: int = 0) -> pd.DataFrame:
    """Prices and carbon with a daily shape, noise that lasts, and a forecast of the carbon."""
    random = np.random.default_rng(seed)
    index = pd.date_range(pd.Timestamp(begin, tz=ZONE), periods=days * 24, freq="h")
    wave = np.sin(index.hour.to_numpy() / 24.0 * 2.0 * np.pi)
    lasting = np.convolve(random.normal(0.0, 1.0, len(index) + 47), 0.93 ** np.arange(48), "valid")
    carbon = 350.0 - 100.0 * wave + 40.0 * lasting
    columns = {
        PRICE: 50.0 + 25.0 * wave + 8.0 * lasting,
        CARBON: np.maximum(carbon, 5.0),
        "forecast_carbon_g_per_kwh": np.maximum(carbon + random.normal(0.0, 10.0, len(index)), 5.0),
    }
    return pd.DataFrame(columns, index)


@pytest.fixture(scope="module")
def past() -> Feed:
    return open_feed(None, shaped("2024-01-01", 80), "all")


def later(days: int = 20, seed: int = 5) -> pd.DataFrame:
    return shaped("2024-03-25", days, seed)


def release(stamp: pd.Timestamp, hour: int) -> pd.Timestamp:
    day = stamp.tz_convert(ZONE).date() - timedelta(days=1)
    return pd.Timestamp(year=day.year, month=day.month, day=day.day, hour=hour, tz=ZoneInfo(ZONE))


def corrupted(data: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """Return the data with every value replaced that is not public at ``now``."""
    random, changed = np.random.default_rng(9), data.copy()
    released = {PRICE: 13, "forecast_carbon_g_per_kwh": 12}
    for column in data.columns:
        hidden = data.index >= now
        if column in released:
            hidden = np.array([release(stamp, released[column]) > now for stamp in data.index])
        changed.loc[hidden, column] = np.abs(random.normal(0.0, 3000.0, int(hidden.sum())))
    return changed


@pytest.mark.parametrize("moment", [0, 5, 11, 12, 13, 14, 23, 24])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_up_to_now_do_not_depend_on_the_unknown(kind: str, moment: int, past: Feed) -> None:
    forecast, data = made(kind).fit(past), later()
    now = 240 + moment
    other = open_feed(None, corrupted(data, data.index[now]), "all")
    for column in (PRICE, CARBON):
        seen = forecast.rows(open_feed(None, data, "all"), column, 200, 300, 30)
        hidden = forecast.rows(other, column, 200, 300, 30)
        np.testing.assert_array_equal(seen[: now - 200 + 1], hidden[: now - 200 + 1])
        assert (seen[-1] != hidden[-1]).any(), "the test can fail"


@pytest.mark.parametrize("use_published", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_public_is_not_guessed(kind: str, use_published: bool, past: Feed) -> None:
    feed = open_feed(None, later(), "all", told=Told({PRICE: "day-ahead 13:00"}))
    rows = made(kind, use_published=use_published).fit(past).rows(feed, PRICE, 240, 264, 24)
    actual = Perfect().rows(feed, PRICE, 240, 264, 24)
    local = feed.times[240:264].tz_convert(ZONE).hour
    known = np.where(local >= 13, 48 - local, 24 - local) if use_published else np.zeros(24, dtype=int)
    for row in range(24):
        assert ((rows[row] == actual[row]).sum(), (rows[row] != actual[row])[known[row] :].all()) == (
            min(known[row], 24),
            True,
        )


def test_lightgbm_is_better_than_the_rules(past: Feed) -> None:
    pytest.importorskip("lightgbm")
    feed = open_feed(None, later(60), "all")
    for column in (PRICE, CARBON):
        own = accuracy(LightGBM(trees=120).fit(past), feed, column).mae_unknown
        assert own < 0.95 * min(accuracy(rule, feed, column).mae_unknown for rule in (Mean(), Yesterday()))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_rows_and_another_does_not(kind: str, past: Feed) -> None:
    feed = open_feed(None, later(), "all")
    rows = [made(kind, seed=seed).fit(past)._made(past, feed, CARBON, 240, 260, 6) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(rows[0], rows[1])
    assert (rows[0] != rows[2]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_needs_fit_first(kind: str) -> None:
    with pytest.raises(ResetNeededError, match="is not fitted"):
        gym.make(ID, data=later(), forecast=made(kind)).reset()


def test_fitted_on_the_test_period_is_refused(past: Feed) -> None:
    forecast = made("lightgbm").fit(past)
    with pytest.raises(WindowError, match="fitted up to"):
        gym.make(ID, data=shaped("2024-02-01", 60), forecast=forecast).reset()
    feed = open_feed("ercot-2021-2022", None, "test")
    with pytest.raises(ConfigurationError, match="training split"):
        made("lightgbm").fit(feed)


@pytest.mark.parametrize("split", ["validation", "test", "all"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_later_split_can_be_learnt_from(kind: str, split: str) -> None:
    with pytest.raises(ConfigurationError, match="training split"):
        made(kind).fit(open_feed("ercot-2021-2022", None, split))


def test_too_little_to_learn_from_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 21 days"):
        made("lightgbm").fit(open_feed(None, shaped("2024-01-01", 5), "all"))


def test_a_horizon_longer_than_the_history_is_refused(past: Feed) -> None:
    with pytest.raises(ConfigurationError, match="1900 ahead"):
        gym.make(ID, data=later(), forecast=made("lightgbm").fit(past), horizon=1900).reset()


@pytest.mark.parametrize("kind", KINDS)
def test_data_unlike_those_it_was_fitted_on_are_refused(kind: str, past: Feed) -> None:
    bare = open_feed(None, shaped("2024-01-01", 80)[[PRICE]], "all")
    with pytest.raises(MissingColumnError, match="fitted without it"):
        gym.make(ID, data=later(), objective="carbon", forecast=made(kind).fit(bare)).reset()
    if kind == "lightgbm":
        with pytest.raises(MissingColumnError, match="which was fitted with it"):
            gym.make(ID, data=later()[[PRICE]], forecast=made(kind).fit(past)).reset()
    halves = later().resample("30min").ffill()
    with pytest.raises(ConfigurationError, match=r"fitted on steps of 1 h"):
        gym.make(ID, data=halves, forecast=made(kind).fit(past)).reset()


def test_a_column_that_was_not_learnt_from_changes_nothing() -> None:
    forecast, data = made("lightgbm").fit(open_feed(None, shaped("2024-01-01", 80)[[PRICE]], "all")), later()
    more, less = (open_feed(None, frame, "all") for frame in (data, data[[PRICE]]))
    rows = [forecast.rows(feed, PRICE, 240, 264, 24) for feed in (more, less)]
    np.testing.assert_array_equal(rows[0], rows[1])


@pytest.mark.parametrize("make", [lambda: LightGBM(trees=0), lambda: NBeats(steps=-1), lambda: LightGBM(samples=0)])
def test_impossible_settings_are_refused(make: Any) -> None:
    with pytest.raises(ConfigurationError):
        make()


def test_rows_are_kept_and_a_damaged_file_is_made_again(
    past: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENERGY_GYM_CACHE", str(tmp_path))
    feed = open_feed(None, later(), "all")
    first = made("lightgbm").fit(past).rows(feed, PRICE, 240, 300, 24)
    with monkeypatch.context() as patch:
        patch.setattr(LightGBM, "_learn", lambda *_: pytest.fail("learnt again"))
        np.testing.assert_array_equal(made("lightgbm").fit(past).rows(feed, PRICE, 240, 300, 24), first)
    kept = list((tmp_path / "forecasts").iterdir())
    assert len(kept) == 1
    kept[0].write_bytes(b"damaged")
    np.testing.assert_array_equal(made("lightgbm").fit(past).rows(feed, PRICE, 240, 300, 24), first)
    made("lightgbm", seed=3).fit(past).rows(feed, PRICE, 240, 300, 24)
    assert len(list((tmp_path / "forecasts").iterdir())) == 2


def test_by_name_it_learns_on_the_training_split_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lightgbm")
    seen: list[Feed] = []

    def learn(self: LightGBM, feed: Feed, column: str, horizon: int) -> Any:
        seen.append(feed)
        raise InterruptedError

    monkeypatch.setattr(LightGBM, "_learn", learn)
    with pytest.raises(InterruptedError):
        gym.make(ID, dataset="ercot-2021-2022", split="validation", forecast="lightgbm").reset()
    (feed,) = seen
    assert (feed.first, len(feed)) == training_split(open_feed("ercot-2021-2022", None, "test"))
    assert {len(series) for series in feed.values.values()} == {len(feed)}


@pytest.mark.parametrize(("kind", "library"), [("lightgbm", "lightgbm"), ("nbeats", "neuralforecast")])
def test_a_missing_library_says_what_to_install(kind: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=re.escape(install_command("forecast"))):
        gym.make(ID, forecast=get_forecast(kind)).reset()
