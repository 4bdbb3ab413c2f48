"""The page of markets whose law is known: what is played is judged in the environment that the agent sees."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest
from benchmark_scripts import FOLDER, benchmark_script


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    """The script as a module; it lies outside the package, beside the one that writes its page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield benchmark_script("known_markets")


def test_rules_see_the_day_that_they_play_and_lose_what_the_law_says(script: ModuleType) -> None:
    env = script.market("markov-nyc-rt").unwrapped
    agent = script.made("usual", env, 0)
    assert agent.env is env
    solution, stored, gains = script.played(agent, 1)
    assert env.steps_left[0] == script.DAY
    assert 0.0 < stored.min() < stored.max()
    assert solution.losses(stored, gains).min() >= 0.0
    assert gains.sum() != pytest.approx(solution.value)


def test_the_page_has_what_is_measured_and_says_what_is_not(script: ModuleType) -> None:
    from known_page import page

    row = {"market": "markov-nyc-rt", "agent": "idle", "seed": 0, "days": 56, "optimum": 90.0, "decision_ms": 0.1}
    row |= {"earned": 0.0, "earned_low": 0.0, "earned_high": 0.0, "lost": 80.0, "lost_low": 70.0, "lost_high": 90.0}
    rule = {**row, "agent": "threshold", "lost": 20.0, "lost_low": 16.0, "lost_high": 24.0}
    text = page([row, rule])
    assert text.index("| `threshold` |") < text.index("| `idle` |")
    assert "| 20.00 [16.00, 24.00] | 0.750 [0.700, 0.800] |" in text
    assert "Not measured yet: markov-nyc-rt bounds, uniform" in text
