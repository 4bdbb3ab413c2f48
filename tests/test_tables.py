"""The tables: means and orders, against figures worked out by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from energy_gym.suites import Suite, Task
from energy_gym.tables import by_task, fixed, markdown, overall

NAN = float("nan")


def run(task: str, agent: str, seed: int, score: float, regret: float) -> dict[str, object]:
    parts = {"energy_cost": -2.0, "carbon_kg": 0.5, "wear": 0.0}
    oracle = {"oracle_value": 10.0, "oracle_bound": 10.0, "idle": 0.0, "steps": 24}
    speed = {"steps_per_second": 1000.0, "seconds_per_decision": 0.002}
    run = {"task": task, "agent": agent, "seed": seed, "unit": "EUR", "score": score, "regret": regret}
    return {**run, "return": 10.0 - regret, **parts, **oracle, **speed}


@pytest.fixture
def frame() -> pd.DataFrame:
    rows = [
        run("z", "best", 0, 0.9, 1.0),
        run("z", "luck", 0, 0.6, 4.0),
        run("z", "luck", 1, 0.2, 8.0),
        run("a", "luck", 0, 0.95, 0.5),
        run("a", "luck", 1, 0.85, 1.5),
        run("a", "best", 0, 0.7, 3.0),
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def suite() -> Suite:
    tasks = tuple(Task(name, "energy_gym/Arbitrage-v0", {}) for name in ("z", "a"))
    return Suite("s", "Two | tasks", "By hand.", ("best", "luck"), tasks)


def test_overall_is_the_mean_over_tasks_of_the_mean_over_seeds(frame: pd.DataFrame) -> None:
    table = overall(frame)
    assert list(table.index) == ["best", "luck"]
    assert list(table.columns) == ["score", "z", "a", "ms/decision"]
    assert table.loc["best"].tolist() == pytest.approx([0.8, 0.9, 0.7, 2.0])
    assert table.loc["luck"].tolist() == pytest.approx([0.65, 0.4, 0.9, 2.0])


def test_overall_keeps_a_task_without_scores(frame: pd.DataFrame) -> None:
    frame.loc[frame["task"] == "z", "score"] = NAN
    table = overall(frame)
    assert list(table.columns) == ["score", "z", "a", "ms/decision"]
    assert table["score"].tolist() == pytest.approx([0.9, 0.7])


def test_by_task_gives_mean_and_spread_over_seeds(frame: pd.DataFrame) -> None:
    table = by_task(frame, "z")
    assert list(table.index) == ["best", "luck"]
    assert table.loc["luck", ["score", "spread", "seeds", "regret", "return"]].tolist() == pytest.approx(
        [0.4, 0.2, 2, 6.0, 4.0]
    )
    assert list(by_task(frame, "a").index) == ["luck", "best"]


def test_markdown_by_hand(frame: pd.DataFrame, suite: Suite) -> None:
    lines = markdown(suite, frame).splitlines()
    assert lines[0] == "# Leaderboard: Two | tasks"
    assert "| agent | score | z | a | ms/decision |" in lines
    assert "| best | 0.8000 | 0.9000 | 0.7000 | 2.000 |" in lines
    assert "| luck | 0.4000 ± 0.2000 | 2 | 6.0000 | 4.000 | -2.000 | 0.500 | 1,000 |" in lines
    assert lines.index("## z") < lines.index("## a")
    assert "Oracle 10.0000 EUR (proven optimal), idle 0.0000 EUR, 24 steps." in lines


def test_markdown_has_as_many_cells_in_every_row(frame: pd.DataFrame, suite: Suite) -> None:
    frame["agent"] = frame["agent"].replace("best", "odd|name")
    tables = [line for line in markdown(suite, frame).splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in tables[:4]} == {6}
    assert {line.replace("\\|", "").count("|") for line in tables[4:]} == {9}


def test_a_bracketed_oracle_shows_its_bound(frame: pd.DataFrame, suite: Suite) -> None:
    frame["oracle_bound"] = 10.5
    assert "Oracle 10.0000 EUR (bound 10.5000)" in markdown(suite, frame)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(-0.0, 2, "0.00"), (-0.004, 2, "0.00"), (-0.006, 2, "-0.01"), (1234.5678, 1, "1234.6"), (NAN, 3, "-")],
)
def test_figures(value: float, digits: int, text: str) -> None:
    assert fixed(value, digits) == text
