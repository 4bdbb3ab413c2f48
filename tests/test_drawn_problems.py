"""Problems drawn from all that the package accepts: whatever is called proven is disproved by nothing that is tried."""

from __future__ import annotations

import itertools
import os

import pytest
from drawn_checks import held_to_its_word
from drawn_meetings import MEETINGS
from drawn_problems import a_problem

BLOCK = 15


def held(first: int, count: int) -> None:
    """Hold problems to their word; the seed of one that fails is printed, and stands in its message."""
    for seed in range(first, first + count):
        try:
            held_to_its_word(a_problem(seed))
        except Exception:
            print(f"seed {seed}")
            raise


@pytest.mark.parametrize("block", range(8))
def test_problems_drawn_from_all_that_is_accepted(block: int) -> None:
    held(20_000 + BLOCK * block, BLOCK)


RARE = (
    "two generators cut by action at one limit",
    "volumes alone beside a moved price",
    "a demand charge on levels",
    "a producer that burns fuel",
    "a smallest bid above its tick",
    "power at the meter",
)
"""Meetings that have shown faults and that few problems hold."""


@pytest.mark.parametrize("name", RARE)
def test_problems_in_which_rare_things_meet(name: str) -> None:
    met = (seed for seed in itertools.count(500_000) if MEETINGS[name](a_problem(seed)))
    for seed in itertools.islice(met, 5):
        held(seed, 1)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(100))
def test_ten_thousand_problems(block: int) -> None:
    """``ENERGY_GYM_SEED`` draws others."""
    held(int(os.environ.get("ENERGY_GYM_SEED", "1000000")) + 100 * block, 100)
