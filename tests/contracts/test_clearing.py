"""Clearing by hand, and bitwise agreement of the laws on floats, NumPy and torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_gym.contracts.clearing import (
    LinearImpact,
    PriceTaker,
    cleared,
    cut,
    faults,
    market_order,
    trading_arrays,
    trading_scalars,
    trading_tensors,
)
from energy_gym.contracts.market import Limits
from energy_gym.errors import ConfigurationError

torch = pytest.importorskip("torch")

volumes = st.floats(-1e5, 1e5, allow_nan=False)
prices = st.floats(-1e4, 1e4, allow_nan=False) | st.integers(-5, 5).map(float)
ticks = st.sampled_from([(0.0, 0.0, 1e4), (100.0, 100.0, 5e3), (0.1, 0.3, 7.7), (0.0, 50.0, 60.0)])
limits = ticks.map(lambda sizes: Limits(tick_kw=sizes[0], minimum_kw=sizes[1], maximum_kw=sizes[2]))


def agree(law, *values: float) -> float:
    """Run a law on floats, NumPy and torch; they must agree to the bit."""
    single = law(*values, trading_scalars)
    batch = law(*(np.array([value, value]) for value in values), trading_arrays)
    tensor = law(*(torch.tensor([value], dtype=torch.float64) for value in values), trading_tensors())
    singles, batches, tensors = (
        result if isinstance(result, tuple) else (result,) for result in (single, batch, tensor)
    )
    for one, many, held in zip(singles, batches, tensors, strict=True):
        bits = np.float64(one).tobytes()
        assert np.asarray(many)[0].tobytes() == np.asarray(many)[1].tobytes() == bits
        assert held.numpy()[0].tobytes() == bits
    return single


@given(st.integers(1, 3000), st.floats(1e3, 1e7), st.sampled_from([0.1, 1.0, 100.0, 1000.0]), st.booleans())
def test_a_whole_number_of_ticks_is_that_many_when_asked_as_float32(
    count: int, largest_kw: float, tick: float, smallest: bool
) -> None:
    """An action is a float32 share of the largest size, up or down by its rounding."""
    wanted = min(count, int(largest_kw / tick)) * tick
    rules = Limits(tick_kw=tick, minimum_kw=wanted if smallest else tick, maximum_kw=1e9)
    for sign in (1.0, -1.0):
        asked = float(np.float32(sign * wanted / largest_kw)) * largest_kw
        assert agree(lambda volume, xp: cut(volume, rules, xp), asked) == pytest.approx(sign * wanted, rel=1e-12)


@given(volumes, prices, prices)
def test_a_bid_clears_in_full_or_not_at_all(volume: float, limit: float, price: float) -> None:
    taken = agree(cleared, volume, limit, price)
    good = limit <= price if volume < 0 else limit >= price
    assert taken == (volume if good else 0.0)


def test_no_limit_always_clears_and_a_limit_that_is_no_number_never_does() -> None:
    assert agree(cleared, 10.0, math.inf, 3999.0) == 10.0
    assert agree(cleared, -10.0, -math.inf, -499.0) == -10.0
    assert agree(cleared, 10.0, math.nan, 0.0) == 0.0
    assert agree(cleared, -10.0, math.nan, 0.0) == 0.0


def test_neighbouring_numbers_decide() -> None:
    above = math.nextafter(50.0, 100.0)
    assert agree(cleared, -1e-300, above, 50.0) == 0.0
    assert agree(cleared, 1e-300, above, 50.0) == 1e-300


@given(volumes, limits)
def test_volumes_are_cut_to_the_market(volume: float, rules: Limits) -> None:
    size = agree(lambda wish, xp: cut(wish, rules, xp), volume)
    assert abs(size) <= rules.maximum_kw
    assert size == 0.0 or math.copysign(1.0, size) == math.copysign(1.0, volume)
    assert abs(size) <= abs(volume) + 1e-9 * rules.tick_kw + 1e-12 * abs(volume)
    if rules.tick_kw:
        units = abs(size) / rules.tick_kw
        assert abs(units - round(units)) < 1e-6
    wish = min(abs(volume), rules.maximum_kw)
    if wish >= rules.minimum_kw and rules.tick_kw:
        assert wish - abs(size) < rules.tick_kw
    if abs(volume) < rules.minimum_kw * (1 - 1e-6):
        assert size == 0.0


def test_sizes_that_floats_cannot_hold_keep_their_tick() -> None:
    rules = Limits(tick_kw=0.1, minimum_kw=0.3, maximum_kw=0.7)
    assert [round(cut(wish, rules, trading_scalars), 12) for wish in (0.3, 0.29, 0.1 + 0.2, 0.7, 9.0)] == [
        0.3,
        0.0,
        0.3,
        0.7,
        0.7,
    ]


@given(volumes)
def test_bids_of_volume_alone_clear_at_every_price_within_the_limits(volume: float) -> None:
    rules = Limits()
    limit = agree(lambda size, xp: market_order(size, rules, xp), volume)
    for price in (rules.floor_per_mwh, 0.0, rules.cap_per_mwh):
        assert cleared(volume, limit, price, trading_scalars) == volume


@given(volumes, prices, prices, st.sampled_from([0.01, 2.0, 300.0]))
def test_linear_impact_keeps_to_the_limit_and_never_trades_past_the_bid(
    volume: float, limit: float, price: float, slope: float
) -> None:
    taken, at = agree(LinearImpact(slope).taken, volume, limit, price)
    assert 0.0 <= taken * math.copysign(1.0, volume) <= abs(volume)
    assert at == pytest.approx(price + slope * taken / 1000.0, rel=1e-12, abs=1e-9)
    if taken > 0:
        assert at <= limit + 1e-6
    if taken < 0:
        assert at >= limit - 1e-6
    whole = cleared(volume, limit, price, trading_scalars)
    assert abs(taken) <= abs(whole) + 1e-12


def test_linear_impact_by_hand() -> None:
    """Selling 4 MW at 2 EUR/MWh per MW takes a price of 50 to 42, the limit; a limit of 20 lets all 10 MW go at 30."""
    impact = LinearImpact(2.0)
    assert impact.taken(-10_000.0, 42.0, 50.0, trading_scalars) == (-4000.0, 42.0)
    assert impact.taken(-10_000.0, 20.0, 50.0, trading_scalars) == (-10_000.0, 30.0)
    assert impact.taken(5_000.0, 53.0, 50.0, trading_scalars) == (1500.0, 53.0)
    assert impact.taken(5_000.0, 49.0, 50.0, trading_scalars) == (0.0, 50.0)
    assert agree(PriceTaker().taken, -10.0, 20.0, 50.0) == (-10.0, 50.0)


def test_a_slope_that_moves_nothing_is_refused() -> None:
    for slope in (0.0, -1.0, math.inf, math.nan, True):
        with pytest.raises(ConfigurationError, match="PriceTaker"):
            LinearImpact(slope)


def test_faulty_bids_are_named() -> None:
    volume, limit = [1.0, math.nan, math.inf, 1.0, 1.0, 1.0], [10.0, 10.0, 10.0, math.nan, 4000.01, -500.01]
    broken = faults(volume, limit, Limits())
    assert broken["not a number"].tolist() == [False, True, True, True, False, False]
    assert broken["limit price beyond the cap or floor"].tolist() == [False, False, False, False, True, True]


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"minimum_kw": -1.0}, "minimum <= maximum"),
        ({"minimum_kw": 2.0, "maximum_kw": 1.0}, "minimum <= maximum"),
        ({"maximum_kw": 0.0}, "maximum > 0"),
        ({"maximum_kw": math.inf}, "finite"),
        ({"tick_kw": -1.0}, "tick >= 0"),
        ({"tick_kw": 100.0, "minimum_kw": 150.0}, "multiples of the tick"),
        ({"tick_kw": 3.0}, "multiples of the tick"),
        ({"floor_per_mwh": 10.0, "cap_per_mwh": 10.0}, "below the cap"),
        ({"cap_per_mwh": math.nan}, "finite"),
    ],
)
def test_limits_that_cannot_be_are_refused(kwargs: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Limits(**kwargs)
