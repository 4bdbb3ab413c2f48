"""Figures over tasks and seeds: against hand calculation, brute force, and a distribution whose mean is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from energy_gym.errors import ConfigurationError
from energy_gym.evaluation.statistics import (
    Estimate,
    counted,
    estimate,
    interquartile_mean,
    mean,
    optimality_gap,
    probability_of_improvement,
)

NAN = float("nan")
TWO = {"a": [0.0, 0.2, 0.4, 0.6], "b": [0.5, 0.7, 0.9, 1.3]}


def test_by_hand() -> None:
    assert estimate(mean, TWO).value == pytest.approx(4.6 / 8)
    assert estimate(interquartile_mean, TWO).value == pytest.approx((0.4 + 0.5 + 0.6 + 0.7) / 4)
    assert estimate(optimality_gap, TWO).value == pytest.approx((1.0 + 0.8 + 0.6 + 0.4 + 0.5 + 0.3 + 0.1 + 0.0) / 8)


@pytest.mark.parametrize("statistic", [mean, interquartile_mean, optimality_gap])
def test_a_batch_of_matrices_is_each_of_them(statistic: object) -> None:
    assert callable(statistic)
    batch = np.random.default_rng(0).normal(size=(7, 3, 5))
    assert statistic(batch).tolist() == pytest.approx([float(statistic(one)) for one in batch])


def test_every_task_weighs_the_same_whatever_its_seeds() -> None:
    ragged = {"a": [0.2], "b": [0.4, 0.6], "c": [0.9, 0.8, 0.7]}
    even = {"a": [0.2] * 6, "b": [0.4, 0.6] * 3, "c": [0.9, 0.8, 0.7] * 2}
    for statistic in (mean, interquartile_mean, optimality_gap):
        assert estimate(statistic, ragged).value == pytest.approx(estimate(statistic, even).value)
    assert estimate(mean, ragged).value == pytest.approx((0.2 + 0.5 + 0.8) / 3)


@pytest.mark.parametrize("statistic", [mean, interquartile_mean, optimality_gap])
def test_interval_against_every_possible_draw(statistic: object) -> None:
    """All 27 x 4 ways to draw the seeds of two tasks again, each as likely as the next."""
    assert callable(statistic)
    a, b = (0.1, 0.5, 0.6), (0.2, 0.9)
    every = [
        float(statistic(np.array([np.repeat(x, 2), np.repeat(y, 3)])))
        for x in itertools.product(a, repeat=3)
        for y in itertools.product(b, repeat=2)
    ]
    found = estimate(statistic, {"a": a, "b": b}, resamples=40_000, level=0.8)
    low, high = np.quantile(every, [0.1, 0.9])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.03)


def test_probability_against_every_pair() -> None:
    x, y = {"a": [1.0, 2.0, 2.0], "b": [0.0, 5.0]}, {"a": [2.0, 0.5], "b": [0.0]}
    by_task = []
    for task in ("a", "b"):
        pairs = list(itertools.product(x[task], y[task]))
        by_task.append(sum((one > other) + 0.5 * (one == other) for one, other in pairs) / len(pairs))
    found = probability_of_improvement(x, y)
    assert found.value == pytest.approx(sum(by_task) / 2)
    assert found.low <= found.value <= found.high
    assert probability_of_improvement(y, x).value == pytest.approx(1.0 - found.value)


def test_probability_interval_against_every_possible_draw() -> None:
    x, y = (0.1, 0.5, 0.6), (0.2, 0.55)
    every = [
        sum((one > other) + 0.5 * (one == other) for one in xs for other in ys) / 6
        for xs in itertools.product(x, repeat=3)
        for ys in itertools.product(y, repeat=2)
    ]
    found = probability_of_improvement({"a": x}, {"a": y}, resamples=40_000, level=0.6)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(every, [0.2, 0.8])), abs=1e-9)


def test_interval_holds_the_true_mean_about_as_often_as_it_says() -> None:
    """Percentile intervals are a little narrow for few seeds; these are 40 a task."""
    rng = np.random.default_rng(1)
    held = 0
    for trial in range(400):
        scores = {"a": rng.normal(0.3, 0.2, 40), "b": rng.exponential(0.5, 40)}
        found = estimate(mean, scores, seed=trial, resamples=400)
        held += found.low <= (0.3 + 0.5) / 2 <= found.high
    assert 0.92 <= held / 400 <= 0.97


def test_the_same_seed_draws_the_same() -> None:
    assert estimate(mean, TWO, seed=3) == estimate(mean, TWO, seed=3)
    assert estimate(mean, TWO, seed=3) != estimate(mean, TWO, seed=4)
    assert probability_of_improvement(TWO, TWO, seed=3) == probability_of_improvement(TWO, TWO, seed=3)


def test_one_seed_a_task_has_no_width() -> None:
    found = estimate(mean, {"a": [0.25], "b": [0.75]})
    assert found == Estimate(0.5, 0.5, 0.5)


def test_a_task_without_scores_does_not_count() -> None:
    scores = {**TWO, "c": [NAN, 0.5], "d": []}
    assert list(counted(scores)) == ["a", "b"]
    assert estimate(mean, scores) == estimate(mean, TWO)
    assert probability_of_improvement(scores, {"b": [0.0], "c": [1.0]}).value == 1.0


def test_nothing_to_compare_is_no_figure() -> None:
    for found in (estimate(mean, {"a": [NAN]}), probability_of_improvement({"a": [1.0]}, {"b": [1.0]})):
        assert all(math.isnan(value) for value in (found.value, found.low, found.high))


@pytest.mark.parametrize(("named", "says"), [({"resamples": 0}, "resamples=0"), ({"level": 1.0}, "level=1.0")])
def test_wrong_settings(named: dict[str, float], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        estimate(mean, TWO, **named)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=says):
        probability_of_improvement(TWO, TWO, **named)  # type: ignore[arg-type]
