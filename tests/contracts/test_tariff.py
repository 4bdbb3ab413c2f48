"""Tariffs: constants, columns, tables and net metering; the law of the grid's cost."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_gym.backends import arrays, scalars, tensors
from energy_gym.contracts.spot import energy_cost
from energy_gym.contracts.tariff import Band, Tariff, TimeOfUse, costa_rica, grid_cost
from energy_gym.errors import ConfigurationError, DataError, MissingColumnError

TIMES = pd.date_range("2024-05-06", periods=4, freq="h", tz="UTC")
VALUES = {"price_per_mwh": np.array([50.0, -20.0, 0.0, 80.0]), "feed_in": np.array([1.0, 2.0, 3.0, 4.0])}
TABLE = TimeOfUse((Band("early", 10.0, hours=(0, 2)), Band("late", 20.0, hours=(2, 24))))

energies = st.floats(-1e6, 1e6)
prices = st.floats(-1e6, 1e6)


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


@pytest.mark.parametrize(
    ("tariff", "columns", "buy", "sell"),
    [
        (Tariff(), ("price_per_mwh",), [50, -20, 0, 80], [0, 0, 0, 0]),
        (Tariff(buy=300), (), [300, 300, 300, 300], [0, 0, 0, 0]),
        (Tariff(buy=300, sell=-5), (), [300, 300, 300, 300], [-5, -5, -5, -5]),
        (Tariff(sell="price_per_mwh"), ("price_per_mwh",), [50, -20, 0, 80], [50, -20, 0, 80]),
        (Tariff(sell="feed_in"), ("price_per_mwh", "feed_in"), [50, -20, 0, 80], [1, 2, 3, 4]),
        (Tariff(feed_in_ratio=0.5), ("price_per_mwh",), [50, -20, 0, 80], [25, -10, 0, 40]),
        (Tariff(buy=TABLE, sell="feed_in"), ("feed_in",), [10, 10, 20, 20], [1, 2, 3, 4]),
        (Tariff(buy="feed_in", sell=TABLE), ("feed_in",), [1, 2, 3, 4], [10, 10, 20, 20]),
        (Tariff(buy=TABLE, feed_in_ratio=1), (), [10, 10, 20, 20], [10, 10, 20, 20]),
    ],
)
def test_prices(tariff: Tariff, columns: tuple[str, ...], buy: list[float], sell: list[float]) -> None:
    assert tariff.columns() == columns
    found = tariff.prices(VALUES, TIMES, "UTC")
    assert [series.tolist() for series in found] == [buy, sell]
    assert all(series.dtype == np.float64 and series.shape == (4,) for series in found)


def test_prices_are_copies() -> None:
    values = {"price_per_mwh": np.ones(4)}
    buy, sell = Tariff(sell="price_per_mwh").prices(values, TIMES, "UTC")
    buy[0], sell[1] = 5.0, 7.0
    assert values["price_per_mwh"].tolist() == [1.0] * 4
    assert sell[0] == 1.0


def test_columns_must_be_there_and_as_long_as_the_data() -> None:
    with pytest.raises(MissingColumnError, match="tarif"):
        Tariff(buy="tarif").prices(VALUES, TIMES, "UTC")
    with pytest.raises(DataError, match=r"shape \(4,\).* 3 steps"):
        Tariff().prices(VALUES, TIMES[:3], "UTC")


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"buy": float("nan")}, "buy="),
        ({"buy": float("inf")}, "buy="),
        ({"buy": True}, "buy="),
        ({"buy": None}, "buy="),
        ({"buy": ""}, "buy="),
        ({"sell": [5]}, "sell="),
        ({"carbon": 5}, "carbon="),
        ({"feed_in_ratio": 1.1}, "feed_in_ratio="),
        ({"feed_in_ratio": -0.1}, "feed_in_ratio="),
        ({"feed_in_ratio": float("nan")}, "feed_in_ratio="),
        ({"feed_in_ratio": "0.3"}, "feed_in_ratio="),
        ({"feed_in_ratio": 0.3, "sell": 5.0}, "feed_in_ratio="),
    ],
)
def test_bad_tariffs_name_the_field(fields: dict[str, Any], start: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Tariff(**fields)
    assert caught.value.value.startswith(start)
    with pytest.raises(ConfigurationError) as caught:
        Tariff.from_tree(fields, "contracts.supply")
    assert str(caught.value).startswith(f"contracts.supply.{start}")


@settings(max_examples=80, deadline=None)
@given(
    st.one_of(prices, st.sampled_from(["price_per_mwh", "x"]), st.just(TABLE)),
    st.one_of(st.none(), prices, st.just("y"), st.just(TABLE)),
    st.one_of(st.none(), st.floats(0.0, 1.0)),
)
def test_round_trip_through_yaml(buy: Any, sell: Any, ratio: float | None) -> None:
    tariff = Tariff(buy, sell, None if sell is not None else ratio, "carbon")
    assert Tariff.from_tree(yaml.safe_load(yaml.safe_dump(tariff.to_tree())), "contracts.supply") == tariff


def test_trees() -> None:
    assert Tariff.from_tree({}, "contracts.supply") == Tariff()
    assert Tariff.from_tree(costa_rica().to_tree(), "contracts.supply") == costa_rica()
    with pytest.raises(ConfigurationError, match=r"^contracts\.supply\.feedin_ratio: .*did you mean 'feed_in_ratio'"):
        Tariff.from_tree({"feedin_ratio": 0.3}, "contracts.supply")
    with pytest.raises(ConfigurationError, match=r"^contracts\.supply\.sell\.bands\[0\]\.hours=\(9, 27\)"):
        Tariff.from_tree({"sell": {"bands": [{"name": "a", "price_per_mwh": 1, "hours": [9, 27]}]}}, "contracts.supply")
    with pytest.raises(ConfigurationError, match=r"^contracts\.supply=5"):
        Tariff.from_tree(5, "contracts.supply")  # type: ignore[arg-type]  # the error is the test


@pytest.mark.parametrize(
    ("grid", "buy", "sell", "cost"),
    [
        (10.0, 300.0, 0.0, 3.0),
        (-10.0, 300.0, 0.0, 0.0),
        (-10.0, 300.0, 90.0, -0.9),
        (10.0, -50.0, 90.0, -0.5),
        (-10.0, 300.0, -50.0, 0.5),
        (0.0, 300.0, 90.0, 0.0),
    ],
)
def test_the_cost_by_hand(grid: float, buy: float, sell: float, cost: float) -> None:
    assert grid_cost(grid, buy, sell, scalars) == cost


@settings(max_examples=300)
@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_equal_prices_are_the_spot_contract_bit_for_bit(grid: float, price: float) -> None:
    assert bits(grid_cost(grid, price, price, scalars)) == bits(energy_cost(grid, price))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(energies, prices, prices), min_size=1, max_size=20))
def test_floats_arrays_and_tensors_agree_bit_for_bit(rows: list[tuple[float, float, float]]) -> None:
    torch = pytest.importorskip("torch")
    grid, buy, sell = (np.array(column) for column in zip(*rows, strict=True))
    floats = np.array([grid_cost(*row, scalars) for row in rows])
    batch = grid_cost(grid, buy, sell, arrays)
    tensor = grid_cost(torch.tensor(grid), torch.tensor(buy), torch.tensor(sell), tensors()).numpy()
    assert floats.tobytes() == batch.tobytes() == tensor.tobytes()


@settings(max_examples=200)
@given(energies, prices, prices)
def test_the_cost_is_imports_bought_less_exports_sold(grid: float, buy: float, sell: float) -> None:
    bought, sold = max(Fraction(grid), Fraction(0)), max(-Fraction(grid), Fraction(0))
    exact = (bought * Fraction(buy) - sold * Fraction(sell)) / 1000
    scale = abs(grid) * (abs(buy) + abs(sell)) / 1000
    assert abs(Fraction(grid_cost(grid, buy, sell, scalars)) - exact) <= Fraction(6e-16 * scale + 5e-324)


@settings(max_examples=60)
@given(energies, prices)
def test_nothing_paid_for_exports_is_exact(grid: float, buy: float) -> None:
    assert grid_cost(grid, buy, 0.0, scalars) == (energy_cost(grid, buy) if grid > 0.0 else 0.0)
