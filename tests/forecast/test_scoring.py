"""Scores of paths whose law is known: right paths have right bands, and whole paths show how they hang together."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym.data.feed import Feed, open_feed
from energy_gym.errors import ConfigurationError, MissingExtraError
from energy_gym.forecast.probabilistic.scoring import score_scenarios

pytest.importorskip("scoringrules")
HORIZON = 8
COLUMNS = ("load_kw",)


def walks(random: np.random.Generator, count: int, steps: int) -> Any:
    """Return paths of a series that remembers nine tenths of its last value, of unit variance."""
    found = random.normal(size=(count, steps))
    for step in range(1, steps):
        found[:, step] = 0.9 * found[:, step - 1] + 0.19**0.5 * found[:, step]
    return found


@pytest.fixture(scope="module")
def feed() -> Feed:
    index = pd.date_range("2024-01-01", periods=3000, freq="h", tz="UTC")
    series = walks(np.random.default_rng(1), 1, 3000)[0]
    return open_feed(None, pd.DataFrame({"load_kw": 100.0 + series}, index), "all")


class Law:
    """Paths of the law of the series, wider or narrower, with or without memory."""

    def __init__(self, spread: float = 1.0, memory: bool = True) -> None:
        self.spread, self.memory = spread, memory

    def scenarios(self, t: int, n: int, horizon: int) -> dict[str, Any]:
        random = np.random.default_rng([t, n])
        drawn = walks(random, n, horizon) if self.memory else random.normal(size=(n, horizon))
        return {"load_kw": 100.0 + self.spread * drawn}


def test_right_paths_have_right_bands_and_a_flat_histogram(feed: Feed) -> None:
    found = score_scenarios(Law(), feed, COLUMNS, 60, HORIZON).columns["load_kw"]
    np.testing.assert_allclose(found.coverage, (0.5, 0.8, 0.95), atol=0.06)
    np.testing.assert_allclose(found.pit, 0.1, atol=0.05)
    assert found.crps == pytest.approx(1.0 / np.pi**0.5, rel=0.1)  # of a standard normal law, about itself


@pytest.mark.parametrize("spread", [0.4, 2.5])
def test_paths_too_narrow_or_too_wide_are_worse_and_show_it(feed: Feed, spread: float) -> None:
    right, wrong = (score_scenarios(Law(each), feed, COLUMNS, 30, HORIZON).columns["load_kw"] for each in (1.0, spread))
    assert wrong.crps > right.crps
    assert (wrong.pit[0] > 0.2) == (spread < 1.0)
    assert (wrong.width[1] < right.width[1]) == (spread < 1.0)


def test_only_the_energy_score_sees_whether_paths_hang_together(feed: Feed) -> None:
    right, wrong = (score_scenarios(Law(memory=each), feed, COLUMNS, 30, HORIZON) for each in (True, False))
    assert wrong.energy > 1.02 * right.energy
    assert wrong.columns["load_kw"].crps == pytest.approx(right.columns["load_kw"].crps, rel=0.03)


def test_steps_fall_on_all_times_of_day(feed: Feed) -> None:
    asked: list[int] = []

    class Noted(Law):
        def scenarios(self, t: int, n: int, horizon: int) -> dict[str, Any]:
            asked.append(t)
            return super().scenarios(t, n, horizon)

    score_scenarios(Noted(), feed, COLUMNS, 2, HORIZON)
    assert {t % 24 for t in asked} == set(range(24))
    assert len(asked) <= 300


def test_what_cannot_be_scored_is_refused(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="n=1"):
        score_scenarios(Law(), feed, COLUMNS, 1, HORIZON)
    with pytest.raises(ConfigurationError, match="is longer than the split"):
        score_scenarios(Law(), feed, COLUMNS, 5, 4000)
    monkeypatch.setitem(sys.modules, "scoringrules", None)
    with pytest.raises(MissingExtraError, match=r"\[scoring\]"):
        score_scenarios(Law(), feed, COLUMNS, 5, HORIZON)
