"""Synthetic markets: moments and turns of what they stand for, and labels that say what they are."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
import yaml

import energy_gym
from energy_gym import Battery
from energy_gym.data import synthetic_market
from energy_gym.data.card_files import parse_card
from energy_gym.data.synthetic_market import india, intraday, nordic, of_card, with_site
from energy_gym.errors import CardError, ConfigurationError
from energy_gym.paths import resource

YEARS = 4 * 8766
STORE = Battery(1000.0, 500.0, 500.0, 0.9, 0.9, soc_min=0.0, soc_max=1.0, wear_per_kwh=0.01)


def turns(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Share of hours regulated down, not and up, and the chance of each to follow on itself."""
    state = np.sign(frame["balancing_up_per_mwh"] - frame["price_per_mwh"] - 0.01).clip(lower=0.0)
    state = (state - (frame["price_per_mwh"] - frame["balancing_down_per_mwh"] > 0.01)).to_numpy()
    share = np.array([(state == kind).mean() for kind in (-1, 0, 1)])
    stays = np.array([(state[1:][state[:-1] == kind] == kind).mean() for kind in (-1, 0, 1)])
    return share, stays


def test_the_nordic_market_has_the_moments_of_dk2(real_data: Any) -> None:
    real, made = energy_gym.load("dk2-2021").frame, nordic(seed=3, steps=YEARS)
    assert made["price_per_mwh"].mean() == pytest.approx(real["price_per_mwh"].mean(), rel=0.1)
    assert made["price_per_mwh"].std() == pytest.approx(real["price_per_mwh"].std(), rel=0.15)
    for column, sign in (("balancing_up_per_mwh", 1.0), ("balancing_down_per_mwh", -1.0)):
        amounts = [(frame[column] - frame["price_per_mwh"]) * sign for frame in (real, made)]
        means, spreads = (
            [figure(amount[amount > 0.01]) for amount in amounts] for figure in (pd.Series.mean, pd.Series.std)
        )
        assert means[1] == pytest.approx(means[0], rel=0.15)
        assert spreads[1] == pytest.approx(spreads[0], rel=0.25)
    for mine, theirs in zip(turns(made), turns(real), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=0.05)


@pytest.mark.parametrize(("make", "steps"), [(nordic, 200), (india, 300)])
def test_same_seed_same_market_and_longer_ones_begin_alike(make: Any, steps: int) -> None:
    frame, longer, other = make(seed=2, steps=steps), make(seed=2, steps=2 * steps), make(seed=3, steps=steps)
    pd.testing.assert_frame_equal(frame, longer.iloc[:steps], check_freq=False)
    assert (frame["price_per_mwh"] != other["price_per_mwh"]).any()
    assert frame.attrs["title"].startswith("Synthetic")


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Europe/Brussels", "America/Los_Angeles"])
def test_the_sun_stands_highest_at_noon(zone: str) -> None:
    index = pd.date_range("2024-01-01", periods=365 * 24, freq="h", tz="UTC")
    frame = with_site(pd.DataFrame({"price_per_mwh": 1.0}, index), zone)
    by_hour = frame["pv_kw"].groupby(frame.index.tz_convert(zone).hour).mean()
    assert by_hour.idxmax() in (11, 12)


def test_a_site_adds_only_what_is_missing() -> None:
    index = pd.date_range("2024-01-01", periods=48, freq="h", tz="UTC")
    frame = with_site(pd.DataFrame({"price_per_mwh": 1.0, "wind_kw": 5.0}, index), "UTC")
    assert (frame["wind_kw"] == 5.0).all() and "forecast_wind_kw" not in frame
    assert frame.attrs["title"] == "user data, synthetic load, pv"
    assert with_site(frame, "UTC").columns.equals(frame.columns)


def test_the_cards_hold_what_is_generated() -> None:
    made_by = {"synthetic-dk2": nordic, "synthetic-india": india, "synthetic-intraday": intraday}
    for name, make in made_by.items():
        steps = 500
        data = energy_gym.load(name)
        start = str(data.card.span[0].tz_convert(data.card.zone).date())
        made = make(start=start, steps=steps)[list(data.card.columns)]
        np.testing.assert_allclose(data.frame.iloc[:steps], made)
        assert data.card.synthetic and data.card.offline
        train = data.frame.iloc[slice(*data.bounds("train"))]
        for column, entry in data.card.columns.items():
            assert train[column].mean() == pytest.approx(entry.statistics.mean, rel=1e-4)


def test_the_card_of_a_law_holds_what_the_law_draws() -> None:
    data = energy_gym.load("synthetic-real-time")
    drawn = energy_gym.price_law(data.card.law or "").draw(days=448, seed=11)
    np.testing.assert_array_equal(data.frame["price_per_mwh"], drawn["price_per_mwh"])
    env: Any = gym.make(
        "energy_gym/Arbitrage-v1", dataset="synthetic-real-time", split="test", battery=STORE, horizon=1
    )
    env.reset(options={"start": "2025-02-01", "steps": 288})
    solution: Any = energy_gym.solve(env, information="law", continuous=True)
    assert solution.value == pytest.approx(solution.bound)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"law": "markov-nyc"}, "must be one of"),
        ({"law": 3}, "must be text"),
        ({"resolution_minutes": 15}, "has 5 min"),
    ],
)
def test_a_card_of_another_law_is_refused(changes: dict[str, Any], said: str) -> None:
    text = resource("datasets", "synthetic-real-time.yaml").read_text(encoding="utf-8")
    with pytest.raises((CardError, ConfigurationError), match=said):
        of_card(parse_card("own", {**yaml.safe_load(text), **changes}))


def test_transitions_are_chances() -> None:
    np.testing.assert_allclose(synthetic_market.HOURLY_TURNS.sum(axis=1), 1.0)
