"""A user's frame: columns are known by the unit their name ends in, and what is wrong with one is said."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym.data import load
from energy_gym.data.columns import UNITS
from energy_gym.data.feed import Feed, open_feed
from energy_gym.errors import DataError, MissingColumnError, NonFiniteError


def frame(**columns: object) -> pd.DataFrame:
    index = pd.date_range("2024-06-01", periods=48, freq="h", tz="Europe/Berlin")
    return pd.DataFrame({"price_per_mwh": np.linspace(-20.0, 90.0, 48), **columns}, index=index)


def of(data: pd.DataFrame, reference: pd.DataFrame | None = None) -> Feed:
    return open_feed(None, data, "train", reference)


def test_every_column_with_a_known_unit_passes() -> None:
    names = ("buy_per_mwh", "sell_per_mwh", "carbon_lca_g_per_kwh", "load_kw", "home_01_pv_kw", "forecast_load_kw")
    feed = of(frame(**dict.fromkeys(names, 1.0), temperature_c=20.0, note="dull"))
    assert list(feed.values) == ["price_per_mwh", *names]
    assert feed.ignored == ("temperature_c", "note")


def test_nothing_is_known_before_its_step_is_over_unless_it_is_said() -> None:
    feed = of(frame(sell_per_mwh=7.0, load_kw=3.0, forecast_load_kw=3.0, carbon_g_per_kwh=100.0))
    assert feed.published == {
        "price_per_mwh": "after",
        "sell_per_mwh": "after",
        "load_kw": "after",
        "forecast_load_kw": "day-ahead 12:00",
        "carbon_g_per_kwh": "after",
    }
    assert feed.statistics["load_kw"].mean == 3.0


def test_a_price_is_asked_for_by_who_needs_it() -> None:
    feed = of(frame(load_kw=1.0).drop(columns="price_per_mwh"))
    assert list(feed.values) == ["load_kw"]
    with pytest.raises(MissingColumnError, match="needed for the spot market; user data has load_kw"):
        feed.require("price_per_mwh", "the spot market")
    feed.require("load_kw", "the consumer")


def test_the_message_names_the_column_that_was_left_out() -> None:
    feed = of(frame(load_kw=1.0).rename(columns={"price_per_mwh": "price_mwh"}))
    with pytest.raises(MissingColumnError) as caught:
        feed.require("price_per_mwh", "the spot market")
    assert "load_kw, price_mwh" in caught.value.rule
    assert "rename 'price_mwh'" in caught.value.remedy


@pytest.mark.parametrize("wanted", ["carbon_g_per_kwh", "load_kw", "price_per_mwh", "up_per_mw_h"])
def test_no_figure_is_advised_to_be_called_another(wanted: str) -> None:
    """A column of a known unit is what it says; only one of an unknown unit may be the one that is wanted."""
    held = {"price_per_mwh": 1.0, "load_kw": 1.0, "carbon_g_per_kwh": 1.0, "up_per_mw_h": 1.0}
    feed = of(frame(**held).drop(columns=wanted))
    with pytest.raises(MissingColumnError) as caught:
        feed.require(wanted, "the test")
    assert not any(name in caught.value.remedy for name in held)


@pytest.mark.parametrize("wanted", ["pv_kw", "wind_kw"])
def test_a_roof_that_is_missing_is_no_load_by_another_name(wanted: str) -> None:
    with pytest.raises(MissingColumnError) as caught:
        of(frame(load_kw=1.0)).require(wanted, "entity 'pv'")
    assert "rename" not in caught.value.remedy
    assert "add it with zeros where there is none" in caught.value.remedy


def test_no_column_with_a_unit() -> None:
    with pytest.raises(MissingColumnError) as caught:
        of(frame().rename(columns={"price_per_mwh": "price"}))
    assert all(unit.suffix in caught.value.rule for unit in UNITS)
    assert "rename 'price' to 'price_per_mwh'?" in caught.value.remedy


@pytest.mark.parametrize("name", ["load_kw", "pv_kw", "wind_kw", "forecast_pv_kw", "home_02_load_kw"])
def test_negative_consumption_and_production(name: str) -> None:
    values = np.ones(48)
    values[[5, 9]] = -0.5
    with pytest.raises(DataError) as caught:
        of(frame(**{name: values}))
    assert f"column {name!r}: 2 negative values, the first at 2024-06-01T03:00:00+00:00" in str(caught.value)
    assert f"-frame[{name!r}]" in caught.value.remedy


def test_other_powers_may_be_negative() -> None:
    assert of(frame(exchange_kw=-3.0)).values["exchange_kw"][0] == -3.0


@pytest.mark.parametrize("name", ["load_kw", "buy_per_mwh"])
def test_nan(name: str) -> None:
    with pytest.raises(NonFiniteError, match=name):
        of(frame(**{name: np.where(np.arange(48) == 7, np.nan, 1.0)}))


def test_a_reference_scales_each_column_by_its_own_or_its_twins_figures() -> None:
    reference = frame(load_kw=np.linspace(0.0, 10.0, 48))
    feed = of(frame(load_kw=1.0, forecast_load_kw=2.0), reference)
    assert feed.statistics["forecast_load_kw"] == feed.statistics["load_kw"]
    assert feed.statistics["load_kw"].offset == pytest.approx(5.0)
    assert feed.statistics["load_kw"].scale == pytest.approx(4.5)


@pytest.mark.parametrize("prices", [(50.0, 50.0 + 1e-13), (0.0, 1e-306)])
def test_what_differs_by_less_than_rounding_is_scaled_as_what_never_changes(prices: tuple[float, float]) -> None:
    data = frame(price_per_mwh=np.where(np.arange(48) < 40, np.resize(prices, 48), 61.0))
    env = gym.make("energy_gym/Arbitrage-v1", data=data, episode_steps=None)
    assert env.unwrapped.setup.feed.statistics["price_per_mwh"].scale == 1.0
    assert np.isfinite(env.reset(seed=0)[0]).all()


def test_a_reference_must_hold_what_the_data_hold() -> None:
    with pytest.raises(MissingColumnError, match="reference= without column 'load_kw'"):
        of(frame(load_kw=1.0), frame())


def test_a_data_set_without_a_price_opens() -> None:
    feed = open_feed("commercial", None, "test")
    assert list(feed.values) == ["load_kw", "pv_kw"]
    assert feed.issued == {}
    assert feed.step_hours == 0.25
    assert (feed.stop - feed.first) * 15 == 61 * 24 * 60
    assert load("commercial").bounds("test") == (feed.first, feed.stop)
