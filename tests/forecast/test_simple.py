"""The mean of the days before against pandas, and noise against what it promises."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym.data.feed import Feed, open_feed
from energy_gym.errors import ConfigurationError, MissingColumnError
from energy_gym.forecast import Mean, Noise, Perfect, forecast_ids, get_forecast

ID = "energy_gym/Arbitrage-v1"
PRICE, CARBON = "price_per_mwh", "carbon_g_per_kwh"


def feed_of(days: int, minutes: int = 60, seed: int = 0) -> Feed:
    steps = days * 24 * 60 // minutes
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-03-20", periods=steps, freq=f"{minutes}min", tz="Europe/Berlin")
    columns = {PRICE: random.normal(40.0, 20.0, steps), CARBON: random.uniform(50.0, 600.0, steps)}
    return open_feed(None, pd.DataFrame(columns, index), "all")


@pytest.mark.parametrize("minutes", [15, 60])
@pytest.mark.parametrize("days", [1, 3, 10])
@pytest.mark.parametrize("horizon", [1, 24, 30])
def test_mean_of_the_days_measured(days: int, minutes: int, horizon: int) -> None:
    feed = feed_of(14, minutes)
    price, day = pd.Series(feed.values[PRICE]), 24 * 60 // minutes
    rows = Mean(days).rows(feed, PRICE, 0, len(feed) + 1, horizon)
    for now in range(0, len(feed) + 1, 17):
        for lead in (0, horizon // 2, horizon - 1):
            known = list(range((now + lead) % day, now, day))[-days:]
            expected = price.iloc[known].mean() if known else 50.0
            assert rows[now, lead] == pytest.approx(expected), (now, lead)


def test_mean_of_one_day_is_yesterday() -> None:
    feed = feed_of(5)
    yesterday = get_forecast("yesterday").rows(feed, PRICE, 0, 121, 49)
    np.testing.assert_array_equal(Mean(1).rows(feed, PRICE, 0, 121, 49), yesterday)


@pytest.mark.parametrize("growing", [False, True])
def test_noise_has_the_error_it_was_given_and_no_bias(growing: bool) -> None:
    feed = feed_of(600)
    errors = Noise(mae={PRICE: 8.0, CARBON: 50.0}, growing=growing).rows(feed, PRICE, 0, 14000, 48)
    errors = errors - Perfect().rows(feed, PRICE, 0, 14000, 48)
    sizes, bias = np.abs(errors).mean(axis=0), errors.mean(axis=0)
    lead = np.arange(1, 49) / 24.0
    expected = 8.0 * np.sqrt(lead) if growing else np.full(48, 8.0)
    np.testing.assert_allclose(sizes, expected, rtol=0.05)
    assert np.abs(bias / expected).max() < 0.1


def test_noise_is_of_the_step_and_its_revisions_are_new() -> None:
    feed = feed_of(400)
    actual = feed.values[PRICE]
    fixed = Noise(growing=False).rows(feed, PRICE, 0, 9000, 24)
    np.testing.assert_array_equal(fixed[:-1, 1:], fixed[1:, :-1])
    growing = Noise(growing=True).rows(feed, PRICE, 0, 9000, 24)
    later = growing[1:, 5] - actual[6:9005]
    revision = growing[:-1, 6] - growing[1:, 5]
    assert abs(np.corrcoef(later, revision)[0, 1]) < 0.05


def test_noise_is_the_same_for_a_seed_whatever_is_asked() -> None:
    feed = feed_of(20)
    for growing in (False, True):
        made = Noise(growing=growing, seed=4)
        whole = made.rows(feed, PRICE, 0, 400, 24)
        np.testing.assert_array_equal(whole, Noise(growing=growing, seed=4).rows(feed, PRICE, 0, 400, 24))
        np.testing.assert_array_equal(whole[100:200, :7], made.rows(feed, PRICE, 100, 200, 7))
        assert (whole != Noise(growing=growing, seed=5).rows(feed, PRICE, 0, 400, 24)).all()
        price, carbon = (made.rows(feed, c, 0, 400, 1) - feed.values[c][:400, None] for c in (PRICE, CARBON))
        assert abs(np.corrcoef(price[:, 0], carbon[:, 0])[0, 1]) < 0.2


@pytest.mark.parametrize("make", [lambda: Mean(0), lambda: Mean(2.5), lambda: Noise(-1.0), lambda: Noise(np.nan)])  # type: ignore[arg-type]  # wrong on purpose
def test_impossible_settings_are_refused(make: Any) -> None:
    with pytest.raises(ConfigurationError):
        make()


def test_noise_of_a_column_without_a_figure_is_refused(series: pd.DataFrame) -> None:
    with pytest.raises(MissingColumnError, match="carbon_g_per_kwh"):
        gym.make("energy_gym/Arbitrage-v1", data=series, objective="joint", forecast=Noise({PRICE: 3.0})).reset()


@pytest.mark.parametrize("name", ["mean", "noise"])
def test_names_work_in_make(series: pd.DataFrame, name: str) -> None:
    assert name in forecast_ids()
    env = gym.make("energy_gym/Arbitrage-v1", data=series, objective="joint", forecast=name)
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)


@pytest.mark.parametrize("forecast", ["mean", "yesterday", "published"])
def test_the_running_step_holds_a_price_that_is_posted_as_it_begins(forecast: str) -> None:
    random = np.random.default_rng(4)
    index = pd.date_range("2024-03-20", periods=480, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({PRICE: random.normal(40.0, 20.0, 480)}, index)
    env = gym.make(ID, data=frame, published="at-start", forecast=forecast, horizon=26, split="all").unwrapped
    env.reset(options={"start": index[300]})
    for step in range(300, 330):
        row = env.outlook()[PRICE]
        assert row[0] == frame[PRICE].iloc[step]
        past = frame[PRICE].iloc[step % 24 : step + 1 : 24]
        newest = past.iloc[-10:].mean() if forecast == "mean" else past.iloc[-1]
        assert row[24] == pytest.approx(newest)
        assert row[1] == pytest.approx(frame[PRICE].iloc[step - 23] if forecast != "mean" else row[1])
        env.step(np.zeros(1, dtype=np.float32))


def test_a_price_that_is_known_after_its_step_is_not_held_by_it() -> None:
    feed = feed_of(20)
    for forecast in ("mean", "yesterday"):
        rows = get_forecast(forecast).rows(feed, CARBON, 300, 400, 1)[:, 0]
        assert not (rows == feed.values[CARBON][300:400]).any()
