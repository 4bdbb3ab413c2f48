"""Rules that need a binary: a plan that breaks one rule after another is mended until it breaks none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from energy_gym.oracle.model import MAX_ROUNDS, ArrayModel

RULES = 4


def test_rules_that_are_broken_one_after_another_all_hold_in_the_end() -> None:
    """Each rule forbids what the plan earns most with, and each comes to light only when the one before holds."""
    model = ArrayModel(1)
    x = model.variable(0.0, 10.0)
    model.earn(x)
    limits = [10.0 - step for step in range(MAX_ROUNDS + RULES)]

    def choose(limit: float, before: float) -> None:
        def rows(binary: Any, at: Any) -> list[tuple[Any, Any]]:
            return [(x[at] + 0.0 * binary, np.full(1, limit))]

        model.choose(rows, lambda value: (value(x) > limit + 1e-6) & (value(x) <= before + 1e-6))

    for before, limit in zip([20.0, *limits], limits, strict=False):
        choose(limit - 1.0, before)
    answer = model.solve()
    assert answer.bound == pytest.approx(limits[-1] - 1.0)


def test_a_rule_holds_in_the_steps_in_which_it_is_kept_and_nowhere_else() -> None:
    """Elsewhere the plan is the relaxation's, also where no plan but that of all binaries would do."""
    kept = np.array([True, False, True])
    model = ArrayModel(3, likely=np.ones(3, dtype=bool), kept=kept)
    x = model.variable(0.0, 10.0)
    model.earn(x)

    def rows(binary: Any, at: Any) -> list[tuple[Any, Any]]:
        return [(x[at], 4.0 * binary)]

    model.choose(rows, lambda value: value(x) > 4.0 + 1e-6)
    model.choose(lambda binary, at: [(x[at], 3.0 * binary)], lambda value: value(x) > 3.0 + 1e-6, seldom=True)
    np.testing.assert_allclose(x.value(model.solve().columns), [3.0, 10.0, 3.0])
