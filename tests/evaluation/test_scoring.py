"""Regret and score on plain numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_gym.errors import SolverError
from energy_gym.evaluation.scoring import regret, score


@given(st.floats(-1e6, 1e6), st.floats(0.0, 1e6))
def test_regret_is_what_was_lost_and_never_negative(earned: float, lost: float) -> None:
    assert regret(earned, earned + lost) == pytest.approx(lost, abs=1e-6)
    assert regret(earned, earned + lost) >= 0.0
    assert regret(earned, earned - 1e-9) == 0.0


@pytest.mark.parametrize(("earned", "bound"), [(1.0, 0.9), (-5.0, -5.1), (1e6 + 10.0, 1e6)])
def test_a_return_above_a_proven_bound_is_a_fault(earned: float, bound: float) -> None:
    with pytest.raises(SolverError):
        regret(earned, bound)


def test_score_is_zero_for_idle_and_one_for_foresight() -> None:
    assert score(-2.0, -2.0, 8.0) == 0.0
    assert score(8.0, -2.0, 8.0) == 1.0
    assert score(-7.0, -2.0, 8.0) == -0.5
    assert math.isnan(score(0.0, 0.0, 0.0))
