"""The supply and the trading contract: limits, matching periods, penalties and files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_gym.backends import arrays, scalars
from energy_gym.contracts import Supply, Trading
from energy_gym.contracts.banded import Banded, PiecewiseLinear
from energy_gym.contracts.clearing import LinearImpact
from energy_gym.contracts.deviation import LinearPenalty, SinglePrice
from energy_gym.contracts.market_presets import eu_day_ahead, india_day_ahead, india_real_time
from energy_gym.contracts.supply import shifted, unmatched_cost
from energy_gym.errors import ConfigurationError, UnknownIdError


@given(st.floats(-1.0, 1.0), st.floats(0.0, 1e4), st.floats(0.0, 1e4))
def test_a_shift_stays_within_the_contract(share: float, demand: float, most: float) -> None:
    supply = Supply(50.0, 0.25 * most, most)
    terms = supply.terms(np.array([demand]), 1.0)
    extra = shifted(share, float(terms.more_kwh[0]), float(terms.less_kwh[0]), scalars)
    assert 0.25 * most - 1e-9 <= float(terms.base_kwh[0]) + extra <= most + 1e-9
    assert shifted(0.0, terms.more_kwh, terms.less_kwh, arrays)[0] == 0.0


@given(st.floats(-1e5, 1e5))
def test_unmatched_energy_costs_by_its_side(balance: float) -> None:
    supply = Supply(50.0, shortfall_per_mwh=200.0, surplus_per_mwh=20.0)
    expected = 0.2 * max(-balance, 0.0) + 0.02 * max(balance, 0.0)
    assert unmatched_cost(balance, supply, scalars) == pytest.approx(expected)


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25), ("2024-06-01", 24)])
def test_a_day_closes_at_local_midnight(day: str, hours: int) -> None:
    start = pd.Timestamp(day, tz="Europe/Brussels")
    times = pd.date_range(start, periods=49, freq="h").tz_convert("UTC")
    closes = Supply().closes(times, "Europe/Brussels")
    assert np.flatnonzero(closes)[0] == hours - 1
    assert Supply(matching="step").closes(times, "UTC").all()
    assert np.flatnonzero(Supply(zone="UTC").closes(times, "Europe/Brussels"))[0] != hours - 1


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"min_kw": 2.0, "max_kw": 1.0}, ConfigurationError),
        ({"shortfall_per_mwh": -1.0}, ConfigurationError),
        ({"price_per_mwh": -5.0}, ConfigurationError),
        ({"max_kw": float("inf")}, ConfigurationError),
        ({"matching": "week"}, UnknownIdError),
        ({"zone": "Europe/Bruxelles"}, ConfigurationError),
    ],
)
def test_supplies_that_are_refused(fields: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Supply(**fields)


@pytest.mark.parametrize(
    "trading",
    [
        Trading((india_day_ahead(), india_real_time()), Banded(10.0, 3.0), bids="price-volume"),
        Trading((eu_day_ahead(slot_minutes=15),), SinglePrice(), impact=LinearImpact(0.5)),
        Trading(deviation=PiecewiseLinear((0.0,), (-5.0, 5.0))),
    ],
)
def test_files_hold_every_kind(trading: Trading) -> None:
    assert Trading.from_tree(trading.to_tree(), "trading") == trading


def test_files_name_presets_and_faults() -> None:
    read = Trading.from_tree({"markets": ["india-day-ahead"], "deviation": {"kind": "linear", "short_per_mwh": 9}}, "t")
    assert read.markets == (india_day_ahead(),) and read.deviation == LinearPenalty(9)
    for tree, error, words in (
        ({"market": []}, ConfigurationError, "t.market"),
        ({"markets": 3}, ConfigurationError, "must be a list"),
        ({"deviation": {"kind": "squared"}}, UnknownIdError, "t.deviation"),
        ({"markets": [{"name": "a", "slot": 5}]}, ConfigurationError, r"t.markets\[0\].slot"),
    ):
        with pytest.raises(error, match=words):
            Trading.from_tree(tree, "t")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"markets": ()}, ConfigurationError),
        ({"markets": (eu_day_ahead(), eu_day_ahead())}, ConfigurationError),
        ({"sell_kw": 0.0}, ConfigurationError),
        ({"bids": "prices"}, UnknownIdError),
    ],
)
def test_trades_that_are_refused(fields: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Trading(**fields)
