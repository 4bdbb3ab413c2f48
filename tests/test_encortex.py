"""The paper's tables: plans against enumeration and a MILP solver, figures on the real data, the page against both."""

from __future__ import annotations

import importlib
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("encortex_daily", "encortex_tables", "encortex_ours")


@pytest.fixture(scope="module")
def parts() -> Iterator[dict[str, ModuleType]]:
    """The script's modules, which lie in a folder that is no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        yield {name.removeprefix("encortex_"): importlib.import_module(name) for name in PARTS}


def enumerated(gain: np.ndarray, series: np.ndarray) -> tuple[float, float]:
    """Try every sequence of flows, day by day, keeping all that are best; return the range of their scores."""
    reached = {(0, 0.0)}
    for worth, actual in zip(gain, series, strict=True):
        ends: set[tuple[int, float]] = set()
        for level, before in reached:
            best, found = -np.inf, []
            for flows in itertools.product((-1, 0, 1), repeat=len(worth)):
                stored = level - np.cumsum(flows)
                if (np.abs(stored) <= 1).all():
                    value = float(np.dot(flows, worth))
                    score = before + 3.33 * float(np.dot(flows, actual)) / 1000.0
                    found.append((value, int(stored[-1]), score))
                    best = max(best, value)
            ends |= {(end, round(score, 12)) for value, end, score in found if value >= best - 1e-9}
        reached = ends
    scores = [score for _, score in reached]
    return min(scores), max(scores)


@pytest.mark.parametrize("seed", range(12))
def test_the_range_over_equal_plans_is_that_of_enumeration(parts: dict[str, ModuleType], seed: int) -> None:
    random = np.random.default_rng(seed)
    gain = random.integers(-2, 3, (3, 5)).astype(float)
    series = random.normal(40.0, 30.0, (3, 5))
    outcome = parts["daily"].outcomes(gain, [series])[0]
    low, high = enumerated(gain, series)
    assert (outcome.low, outcome.high) == pytest.approx((low, high), abs=1e-9)
    assert low - 1e-9 <= outcome.value <= high + 1e-9


def optimum(gain: np.ndarray) -> float:
    """The paper's MILP as it states it: two binaries an hour, state of charge within its limits, from 0.5."""
    hours = len(gain)
    within = np.hstack([0.333 * np.tril(np.ones((hours, hours))), -0.333 * np.tril(np.ones((hours, hours)))])
    limits = LinearConstraint(within, 0.1 - 0.5, 1.0 - 0.5)
    one = LinearConstraint(np.hstack([np.eye(hours), np.eye(hours)]), 0.0, 1.0)
    found = milp(
        np.concatenate([gain, -gain]),  # charging first, as in the constraints
        integrality=np.ones(2 * hours),
        bounds=Bounds(0, 1),
        constraints=[limits, one],
        options={"mip_rel_gap": 0.0},
    )
    return -float(found.fun)


def test_a_plan_is_worth_what_a_solver_finds(parts: dict[str, ModuleType]) -> None:
    daily = parts["daily"]
    random = np.random.default_rng(4)
    for day in daily.scaled(random.normal(40.0, 20.0, (6, 24))):
        planned = daily.outcomes(day[None], [day[None] * 1000.0 / daily.POWER_KW])[0]
        assert planned.low == pytest.approx(planned.high, abs=1e-7)
        assert planned.value == pytest.approx(optimum(day), abs=1e-7)


def test_a_constant_day_scales_to_nothing_and_earns_what_any_plan_does(parts: dict[str, ModuleType]) -> None:
    daily = parts["daily"]
    flat = np.full((1, 24), 50.0)
    assert (daily.scaled(flat) == 0.0).all()
    outcome = daily.outcomes(daily.scaled(flat), [flat])[0]
    assert (outcome.low, outcome.high) == pytest.approx((-3.33 * 0.05, 3.33 * 0.05))


@pytest.mark.parametrize(
    ("paper", "low", "high", "verdict"),
    [
        ("88.1", 88.1988, 88.1988, "reproduced"),
        ("88.2", 88.1988, 88.1988, "reproduced"),
        ("88.1", 88.21, 88.21, "differs"),
        ("163.34", 162.7, 163.8, "in range"),
        ("163.34", 162.7, 163.3, "differs"),
        ("163.34", 163.4, 163.8, "differs"),
    ],
)
def test_a_verdict_follows_from_the_figures(
    parts: dict[str, ModuleType], paper: str, low: float, high: float, verdict: str
) -> None:
    line = parts["tables"].Line("2", "row", paper, parts["daily"].Outcome(low, low, high), "EUR")
    assert line.verdict == verdict
    assert line.difference == pytest.approx(low - float(paper))
    assert parts["tables"].Line("2", "row", paper, None, "EUR").verdict == "cannot be reproduced"


def test_the_papers_battery_refuses_whole_what_does_not_fit(parts: dict[str, ModuleType], series: pd.DataFrame) -> None:
    task: dict[str, Any] = parts["ours"].keywords("paper", "cost", "perfect")
    env = gym.make("energy_gym/Arbitrage-v1", data=series, episode_steps=None, **task)
    env.reset()
    random, stored, total, earned = np.random.default_rng(3), 0, 0.0, 0.0
    for price in series["price_per_mwh"]:
        wish = int(random.integers(-1, 2))
        flow = wish if abs(stored + wish) <= 1 else 0
        stored, total = stored + flow, total - flow * 3.33 * price / 1000.0
        _, reward, _, _, info = env.step(wish + 1)
        earned += float(reward)
        assert info["energy_kwh"] == pytest.approx(5.0 + 3.33 * stored)
    assert earned == pytest.approx(total)


@pytest.fixture(scope="module")
def page(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("encortex") / "page.md"
    command = [sys.executable, str(ROOT / "benchmarks" / "encortex.py"), "--exact", "--page", str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    return path.read_text(encoding="utf-8")


def table(text: str) -> list[list[str]]:
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows if len(row) == 9][2:]


def test_the_paper_reproduces_on_its_own_data(page: str) -> None:
    found = {(row[0], row[1]): float(row[4]) for row in reversed(table(page)) if row[4]}
    expected = {
        ("3", "MILP, accurate, cost"): 116.107,
        ("3", "MILP, accurate, carbon"): 227.273,
        ("3", "MILP, mean, cost"): 88.199,
        ("3", "MAE, mean, price"): 9.943,
        ("3", "MAE, mean, carbon"): 48.131,
        ("4", "MILP, accurate, joint, cost"): 74.898,
        ("4", "MILP, accurate, joint, carbon"): 164.752,
        ("4", "MILP, mean, joint, cost"): 46.272,
        ("4", "MILP, mean, joint, carbon"): 135.897,
    }
    assert {name: found[name] for name in expected} == expected


def test_every_row_has_a_verdict_and_what_is_not_reproduced_a_reason(page: str) -> None:
    rows = table(page)
    assert {row[0] for row in rows} == {"2", "3", "4"}
    for row in rows:
        assert row[7] in ("reproduced", "in range", "differs", "cannot be reproduced")
        assert row[8] or row[7] in ("reproduced", "in range")


def test_the_page_in_the_repository_is_what_the_script_writes(page: str) -> None:
    assert table((ROOT / "benchmarks" / "ENCORTEX.md").read_text(encoding="utf-8")) == table(page)
