"""What is no law of prices, and what none can be counted or drawn from: each said with its value, rule and remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from energy_gym.data.price_law import PriceLaw, price_law
from energy_gym.errors import EnergyGymError

LEVELS, EVEN = np.tile([10.0, 50.0], (24, 1)), np.full((24, 2, 2), 0.5)
PRICES = np.random.default_rng(0).normal(50.0, 20.0, 24 * 100)
HOURS = np.arange(24 * 100) % 24


def refused(call: Any, told: str) -> None:
    with pytest.raises(EnergyGymError, match=told) as caught:
        call()
    assert caught.value.value and caught.value.rule and caught.value.remedy


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"levels": 3.0}, r"levels \(\) and matrices"),
        ({"levels": [["a", "b"]] * 24}, "levels of law 'own': must be an array of numbers"),
        ({"levels": [[1.0], [1.0, 2.0]]}, "levels of law 'own': must be an array of numbers"),
        ({"matrices": None}, "matrices .* of law 'own': must be"),
        ({"matrices": np.tile([[1.5, -0.5], [0.5, 0.5]], (24, 1, 1))}, "a share of -0.5 in the transition matrices"),
        ({"step_minutes": "5"}, "step_minutes='5'.*must divide an hour"),
        ({"step_minutes": 5.0}, r"step_minutes=5\.0.*must divide an hour"),
        ({"step_minutes": True}, "step_minutes=True.*must divide an hour"),
        ({"zone": "Mars/Olympus"}, "zone='Mars/Olympus'"),
    ],
)
def test_what_is_no_law(change: dict[str, Any], told: str) -> None:
    keywords: dict[str, Any] = {"name": "own", "step_minutes": 60, "levels": LEVELS, "matrices": EVEN}
    refused(lambda: PriceLaw(**keywords | change), told)


def test_lists_are_as_good_as_arrays() -> None:
    law = PriceLaw("own", 60, LEVELS.tolist(), EVEN.tolist())  # type: ignore[arg-type]
    assert law.draw(2, seed=3).equals(PriceLaw("own", 60, LEVELS, EVEN).draw(2, seed=3))
    counted = PriceLaw.fit("own", PRICES.tolist(), HOURS.tolist(), 3, 60)  # type: ignore[arg-type]
    assert np.array_equal(counted.matrices, PriceLaw.fit("own", PRICES, HOURS, 3, 60).matrices)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"states": 0}, "states=0: must be at least 1"),
        ({"states": 2.5}, r"states=2\.5: must be a whole number"),
        ({"hours": HOURS - 1}, "hours with -1: must be whole hours from 0 to 23"),
        ({"hours": HOURS + 0.5}, r"hours with 0\.5: must be whole hours"),
        ({"hours": HOURS[:-5]}, r"prices \(2400,\), 0 not finite, and hours \(2395,\)"),
        ({"prices": np.where(HOURS == 5, np.nan, PRICES)}, "100 not finite"),
        ({"prices": PRICES[:0], "hours": HOURS[:0]}, "3 states from 0 steps in hour 0"),
        ({"prices": ["dear"] * 2400}, "prices: must be an array of numbers"),
    ],
)
def test_what_no_law_is_counted_from(change: dict[str, Any], told: str) -> None:
    keywords: dict[str, Any] = {"name": "own", "prices": PRICES, "hours": HOURS, "states": 3, "step_minutes": 60}
    refused(lambda: PriceLaw.fit(**keywords | change), told)


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"days": 1.5}, r"days=1\.5: must be a whole number"),
        ({"days": "3"}, "days='3': must be a whole number"),
        ({"days": 0}, "days=0: must be at least 1"),
        ({"seed": -1}, "seed=-1: must be at least 0"),
        ({"seed": "a"}, "seed='a': must be a whole number"),
        ({"start": "some day"}, "start='some day': must be a day"),
        ({"start": None}, "start=None: must be a day"),
        ({"start": "2024-01-01T00:00Z"}, "must be a day of Etc/GMT"),
    ],
)
def test_what_no_days_are_drawn_of(keywords: dict[str, Any], told: str) -> None:
    refused(lambda: PriceLaw("own", 60, LEVELS, EVEN).draw(**keywords), told)


@pytest.mark.parametrize("name", [3, [1], None, "markov-nyc"])
def test_a_law_that_does_not_ship(name: Any) -> None:
    refused(lambda: price_law(name), "no such law")
