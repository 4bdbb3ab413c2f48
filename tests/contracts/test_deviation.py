"""Settlement of deviations: by hand, against sums over bands, and bitwise on floats, NumPy and torch."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_gym.backends import arrays, scalars, tensors
from energy_gym.contracts.banded import INDIA_BANDS, Banded, DeviationBand, PiecewiseLinear
from energy_gym.contracts.deviation import Deviation, DualPrice, LinearPenalty, Pieces, SinglePrice, deviation_cost
from energy_gym.errors import ConfigurationError, NonPositiveError

torch = pytest.importorskip("torch")

energies = st.floats(-1e4, 1e4, allow_nan=False)
prices = st.floats(-1e3, 1e3, allow_nan=False)
CONTRACTS: list[Deviation] = [
    LinearPenalty(120.0, 15.0),
    SinglePrice("imbalance"),
    DualPrice("up", "down"),
    Banded(capacity_kw=4000.0, rate="rate"),
    Banded(capacity_kw=4000.0, rate=61.7),
    Banded(capacity_kw=10.0, rate=3.0, bands=(DeviationBand(0.5, 2.0, 0.1), DeviationBand(math.inf, 0.7, 1.9))),
    PiecewiseLinear((-300.0, 7.0, 50.0), (-100.0, 0.0, 3.0, -8.0)),
    PiecewiseLinear((), (5.0,)),
]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: type(contract).__name__)
@given(committed=energies, delivered=energies, first=prices, second=prices)
def test_floats_arrays_and_tensors_agree_to_the_bit(
    contract: Deviation, committed: float, delivered: float, first: float, second: float
) -> None:
    row = {"imbalance": first, "up": first, "down": second, "rate": second}
    single = deviation_cost(contract, committed, delivered, row, 0.25, scalars)
    many = {name: np.array([value, 1.0]) for name, value in row.items()}
    batch = deviation_cost(contract, np.array([committed, 1.0]), np.array([delivered, 2.0]), many, 0.25, arrays)
    held = {name: torch.tensor([value], dtype=torch.float64) for name, value in row.items()}
    pair = (torch.tensor([value], dtype=torch.float64) for value in (committed, delivered))
    tensor = deviation_cost(contract, *pair, held, 0.25, tensors())
    assert batch[0].tobytes() == np.float64(single).tobytes() == tensor.numpy()[0].tobytes()


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: type(contract).__name__)
@given(surplus=energies, first=prices, second=prices)
def test_costs_are_the_integral_of_the_slopes(contract: Deviation, surplus: float, first: float, second: float) -> None:
    row = {"imbalance": first, "up": first, "down": second, "rate": second}
    pieces = contract.pieces(row, 0.25)
    inside = [kink for kink in pieces.kinks_kwh if min(0.0, surplus) < kink < max(0.0, surplus)]
    points = sorted({0.0, surplus, *inside})
    total = 0.0
    for low, high in itertools.pairwise(points):
        piece = sum(kink <= (low + high) / 2 for kink in pieces.kinks_kwh)
        total += pieces.slopes_per_mwh[piece] * (high - low) * math.copysign(1.0, surplus)
    assert pieces.cost(surplus, scalars) == pytest.approx(total / 1000.0, rel=1e-9, abs=1e-9)
    assert contract.cost(surplus, row, 0.25, scalars) == pytest.approx(total / 1000.0, rel=1e-9, abs=1e-9)


@given(first=energies, second=energies, share=st.floats(0.0, 1.0), price=prices, other=prices)
def test_what_is_called_convex_is_convex(first: float, second: float, share: float, price: float, other: float) -> None:
    for contract in CONTRACTS:
        pieces = contract.pieces({"imbalance": price, "up": price, "down": other, "rate": other}, 0.25)
        assert pieces.convex or not contract.convex
        if pieces.convex:
            between = pieces.cost(share * first + (1 - share) * second, scalars)
            chord = share * pieces.cost(first, scalars) + (1 - share) * pieces.cost(second, scalars)
            assert between <= chord + 1e-6


def test_convexity_is_stated() -> None:
    assert [contract.convex for contract in CONTRACTS] == [True, True, False, False, True, False, False, True]
    dual = DualPrice("up", "down")
    assert dual.pieces({"up": 50.0, "down": 50.0}, 1.0).convex
    assert not dual.pieces({"up": 49.0, "down": 50.0}, 1.0).convex
    assert not dual.pieces({"up": np.array([60.0, 49.0]), "down": np.array([50.0, 50.0])}, 1.0).convex
    assert dual.pieces({"up": torch.tensor([60.0]), "down": torch.tensor([50.0])}, 1.0).convex


def test_india_bands_by_hand() -> None:
    """A plant of 10 MW with 5000 Rs/MWh in one hour: 4 MWh short is 1.5 + 1.0 + 1.0 + 0.5 MWh over the four bands."""
    contract = Banded(capacity_kw=10_000.0, rate=5000.0, bands=INDIA_BANDS)
    short = 5000.0 * (1.5 * 1.0 + 1.0 * 1.1 + 1.0 * 1.2 + 0.5 * 1.3)
    assert deviation_cost(contract, -9000.0, -5000.0, {}, 1.0, scalars) == pytest.approx(short)
    surplus = -5000.0 * (1.5 * 1.0 + 1.0 * 0.9 + 1.0 * 0.8 + 0.5 * 0.7)
    assert deviation_cost(contract, -5000.0, -9000.0, {}, 1.0, scalars) == pytest.approx(surplus)


def test_prices_by_hand() -> None:
    """10 MWh sold at 40; 7 delivered: short 3 MWh. 10 sold, 12 delivered: 2 MWh too much."""
    row = {"imbalance": 60.0, "up": 90.0, "down": 20.0}
    single, dual, fixed = SinglePrice("imbalance"), DualPrice("up", "down"), LinearPenalty(100.0, 10.0)
    for contract, short, long in ((single, 180.0, -120.0), (dual, 270.0, -40.0), (fixed, 300.0, 20.0)):
        assert deviation_cost(contract, -10_000.0, -7_000.0, row, 1.0, scalars) == pytest.approx(short)
        assert deviation_cost(contract, -10_000.0, -12_000.0, row, 1.0, scalars) == pytest.approx(long)
        assert deviation_cost(contract, 500.0, 500.0, row, 1.0, scalars) == 0.0
    assert (single.columns, dual.columns, fixed.columns) == (("imbalance",), ("up", "down"), ())
    assert Banded(1.0, "rate").columns == ("rate",) and Banded(1.0, 2.0).columns == PiecewiseLinear((), (1.0,)).columns


@given(committed=energies, delivered=energies, day_ahead=prices, imbalance=prices)
def test_under_one_price_everything_is_worth_the_imbalance_price_but_for_the_spread(
    committed: float, delivered: float, day_ahead: float, imbalance: float
) -> None:
    """Day-ahead purchase plus deviation is delivery at the imbalance price plus the commitment at the spread."""
    paid = committed * day_ahead / 1000.0 + deviation_cost(
        SinglePrice("p"), committed, delivered, {"p": imbalance}, 1.0, scalars
    )
    expected = delivered * imbalance / 1000.0 + committed * (day_ahead - imbalance) / 1000.0
    assert paid == pytest.approx(expected, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: LinearPenalty(-1.0), "at least 0"),
        (lambda: LinearPenalty(math.inf), "finite"),
        (lambda: LinearPenalty(1.0, True), "finite"),
        (lambda: SinglePrice(""), "column"),
        (lambda: DualPrice(short=3), "column"),  # type: ignore[arg-type]
        (lambda: Banded(0.0, 1.0), "above 0 kW"),
        (lambda: Banded(1.0, ""), "name a column"),
        (lambda: Banded(1.0, math.nan), "name a column"),
        (lambda: Banded(1.0, 1.0, ()), "rise from 0"),
        (lambda: Banded(1.0, 1.0, (DeviationBand(0.2, 1.0, 1.0),)), "without end"),
        (
            lambda: Banded(
                1.0,
                1.0,
                (DeviationBand(0.3, 1.0, 1.0), DeviationBand(0.2, 1.0, 1.0), DeviationBand(math.inf, 1.0, 1.0)),
            ),
            "rise",
        ),
        (lambda: Banded(1.0, 1.0, (DeviationBand(math.inf, math.nan, 1.0),)), "factors"),
        (lambda: PiecewiseLinear((1.0, 0.0), (1.0, 2.0, 3.0)), "rise"),
        (lambda: PiecewiseLinear((1.0,), (1.0,)), "one slope more"),
        (lambda: PiecewiseLinear((math.inf,), (1.0, 2.0)), "finite"),
        (lambda: Pieces((math.nan,), (1.0, 2.0)), "rise"),
    ],
)
def test_contracts_that_cannot_be_are_refused(build, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        build()


def test_a_capacity_that_is_no_number_is_refused() -> None:
    with pytest.raises(NonPositiveError):
        Banded("10", 1.0)  # type: ignore[arg-type]
