"""Reserve products: money by hand, the activation process against its own promises, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_gym.backends import arrays, scalars, tensors
from energy_gym.contracts.activation import ActivationSeries, FullActivation, NoActivation, RandomActivation
from energy_gym.contracts.reserve import (
    Reserve,
    availability_income,
    called_kwh,
    energy_held_kwh,
    non_delivery_cost,
)
from energy_gym.errors import ConfigurationError, NonPositiveError

torch = pytest.importorskip("torch")
PRODUCT = Reserve("mfrr_up", "mfrr_up_per_mw_h", "up", (1000.0, 500.0), penalty_per_mwh=200.0, penalty_factor=2.0)
sizes = st.floats(0.0, 1e4)


def test_money_and_energy_by_hand() -> None:
    """2 MW for a quarter hour at 30 per MW and h is 15; a call of 40 % asks for 200 kWh; 50 missing cost 0.05 x 260."""
    assert availability_income(2000.0, 30.0, 0.25) == 15.0
    assert called_kwh(2000.0, 0.4, 0.25) == 200.0
    assert non_delivery_cost(PRODUCT, 200.0, 150.0, 30.0, scalars) == 13.0
    assert non_delivery_cost(PRODUCT, 200.0, 250.0, 30.0, scalars) == 0.0
    assert energy_held_kwh(900.0, 0.5, 0.9, "up") == 500.0
    assert energy_held_kwh(1000.0, 0.5, 0.9, "down") == 450.0
    assert (PRODUCT.maximum_kw, PRODUCT.sign) == (1500.0, -1.0)
    assert Reserve("d", "p", "down", (1.0,)).sign == 1.0


@given(sizes, sizes, st.floats(0.0, 500.0))
def test_penalties_agree_to_the_bit(asked: float, delivered: float, price: float) -> None:
    single = non_delivery_cost(PRODUCT, asked, delivered, price, scalars)
    batch = non_delivery_cost(PRODUCT, *(np.array([value]) for value in (asked, delivered, price)), arrays)
    held = (torch.tensor([value], dtype=torch.float64) for value in (asked, delivered, price))
    tensor = non_delivery_cost(PRODUCT, *held, tensors())
    assert batch[0].tobytes() == np.float64(single).tobytes() == tensor.numpy()[0].tobytes()


@pytest.mark.parametrize(("probability", "mean_hours"), [(0.05, 1.0), (0.3, 3.0), (0.4, 0.25)])
def test_calls_come_as_often_and_last_as_long_as_promised(probability: float, mean_hours: float) -> None:
    process = RandomActivation(probability, mean_hours, lowest=0.25, highest=0.75)
    shares = process.shares(np.random.default_rng(7), 200_000, 0.25)
    called = shares > 0
    assert called.mean() == pytest.approx(probability, rel=0.06)
    begins = np.flatnonzero(called & ~np.r_[False, called[:-1]])
    if mean_hours > 0.25:
        assert called.sum() * 0.25 / len(begins) == pytest.approx(mean_hours, rel=0.06)
    assert shares[called].min() >= 0.25 and shares[called].max() <= 0.75
    inside = called[1:] & called[:-1]
    assert (shares[1:][inside] == shares[:-1][inside]).all()


def test_the_same_seed_gives_the_same_calls() -> None:
    process = RandomActivation()
    one, other = (process.shares(np.random.default_rng(3), 500, 1.0) for _ in range(2))
    assert one.tobytes() == other.tobytes()
    assert process.shares(np.random.default_rng(4), 500, 1.0).tobytes() != one.tobytes()
    assert not NoActivation().shares(np.random.default_rng(0), 9, 1.0).any()
    assert (FullActivation().shares(np.random.default_rng(0), 9, 1.0) == 1.0).all()


def test_a_series_of_shares_is_checked() -> None:
    series = ActivationSeries("share")
    assert series.checked(np.array([0.0, 1.0])).tolist() == [0.0, 1.0]
    for wrong in (1.5, -0.1, math.nan):
        with pytest.raises(ConfigurationError, match=r"'share'.* at step 1"):
            series.checked(np.array([0.0, wrong]))


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"direction": "sideways"}, "up"),
        ({"name": ""}, "name"),
        ({"name": 5}, "name=5"),
        ({"price": ""}, "column"),
        ({"energy_price": ""}, "column"),
        ({"prequalified_kw": ()}, "smallest bid"),
        ({"prequalified_kw": (0.0,)}, "smallest bid"),
        ({"prequalified_kw": (-1.0, 5.0)}, "at least 0"),
        ({"prequalified_kw": (math.nan,)}, "at least 0"),
        ({"minimum_kw": 2000.0}, "smallest bid"),
        ({"tick_kw": -1.0}, "at least 0"),
        ({"tick_kw": 1100.0}, "tick_kw=1100.0.*smallest bid"),
        ({"minimum_kw": 70.0, "tick_kw": 50.0}, "multiples of the tick"),
        ({"duration_hours": -1.0}, "at least 0"),
        ({"penalty_per_mwh": math.inf}, "at least 0"),
    ],
)
def test_products_that_cannot_be_are_refused(kwargs: dict[str, object], words: str) -> None:
    usual: dict[str, object] = {"name": "r", "price": "p", "direction": "up", "prequalified_kw": (1000.0,)}
    with pytest.raises(ConfigurationError, match=words):
        Reserve(**(usual | kwargs))  # type: ignore[arg-type]


def test_durations_and_processes_that_cannot_be_are_refused() -> None:
    with pytest.raises(NonPositiveError):
        Reserve("r", "p", "up", (1.0,), duration_hours=0.0)
    for kwargs in ({"probability": 1.0}, {"mean_hours": 0.0}, {"lowest": 0.9, "highest": 0.5}, {"probability": -0.1}):
        with pytest.raises(ConfigurationError):
            RandomActivation(**kwargs)
    with pytest.raises(ConfigurationError, match="shorter than a step"):
        RandomActivation(0.9, 0.1).shares(np.random.default_rng(0), 5, 1.0)
    with pytest.raises(ConfigurationError, match="column"):
        ActivationSeries("")
