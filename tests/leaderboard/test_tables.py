"""The tables: means and orders, against figures worked out by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from energy_gym.leaderboard.results import Results
from energy_gym.leaderboard.runs import ROW, WITHIN
from energy_gym.leaderboard.suites import Suite, Task
from energy_gym.leaderboard.summary import ahead, by_task, decomposition, improvement, overall, scores
from energy_gym.leaderboard.tables import fixed, markdown

NAN = float("nan")


def run(task: str, agent: str, seed: int, score: float, regret: float) -> dict[str, object]:
    parts = {"energy_cost": -2.0, "carbon_kg": 0.5, "wear": 0.0}
    oracle = {"oracle_value": 10.0, "oracle_bound": 10.0, "idle": 0.0, "steps": 24}
    speed = {"steps_per_second": 1000.0, "seconds_per_decision": 0.002}
    run = {"task": task, "agent": agent, "seed": seed, "unit": "EUR", "score": score, "regret": regret}
    run |= {"actions": "continuous", "seconds": 2.0}
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
    tasks = tuple(Task(name, "energy_gym/Arbitrage-v1", {}) for name in ("z", "a"))
    return Suite("s", "Two | tasks", "By hand.", ("best", "luck"), tasks)


def test_overall_over_tasks_and_seeds(frame: pd.DataFrame) -> None:
    table = overall(frame)
    assert list(table.index) == ["best", "luck"]
    assert table.loc["best", ["mean", "iqm", "gap", "seeds", "tasks"]].tolist() == pytest.approx([0.8, 0.8, 0.2, 1, 2])
    assert table.loc["luck", ["mean", "iqm", "gap", "seeds", "tasks"]].tolist() == pytest.approx(
        [0.65, (0.6 + 0.85) / 2, 0.35, 2, 2]
    )
    assert table["ms/decision"].tolist() == pytest.approx([2.0, 2.0])
    assert table.loc["luck", ["mean_low", "mean_high"]].tolist() == pytest.approx([(0.2 + 0.85) / 2, (0.6 + 0.95) / 2])
    assert (table.loc["best", "mean_low"], table.loc["best", "mean_high"]) == pytest.approx((0.8, 0.8))


def test_a_task_without_scores_does_not_count(frame: pd.DataFrame) -> None:
    frame.loc[frame["task"] == "z", "score"] = NAN
    table = overall(frame)
    assert table["tasks"].tolist() == [1, 1]
    assert table["mean"].to_dict() == pytest.approx({"luck": 0.9, "best": 0.7})
    assert list(scores(frame).columns) == ["z", "a"]


def test_scores_by_task(frame: pd.DataFrame) -> None:
    table = scores(frame)
    assert list(table.columns) == ["z", "a"]
    assert table.loc["luck"].tolist() == pytest.approx([0.4, 0.9])


def test_improvement_of_each_over_each(frame: pd.DataFrame) -> None:
    found = improvement(frame)
    assert list(found) == [("best", "luck"), ("luck", "best")]
    assert (found["best", "luck"].value, found["luck", "best"].value) == (0.5, 0.5)


def test_by_task_gives_mean_and_spread_over_seeds(frame: pd.DataFrame) -> None:
    table = by_task(frame, "z")
    assert list(table.index) == ["best", "luck"]
    assert table.loc["luck", ["score", "spread", "seeds", "regret", "return"]].tolist() == pytest.approx(
        [0.4, 0.2, 2, 6.0, 4.0]
    )
    assert list(by_task(frame, "a").index) == ["luck", "best"]


def test_regret_is_split_where_mpc_played(frame: pd.DataFrame, suite: Suite) -> None:
    assert decomposition(frame).empty
    mpc = [run("z", "mpc", 0, 0.8, 2.0)]
    frame = pd.concat([frame, pd.DataFrame(mpc)], ignore_index=True)
    table = decomposition(frame).set_index("agent")
    assert list(table.index) == ["best", "mpc", "luck"] and set(table["task"]) == {"z"}
    assert table["forecast"].tolist() == [2.0, 2.0, 2.0]
    assert table["controller"].to_dict() == pytest.approx({"best": -1.0, "mpc": 0.0, "luck": 4.0})
    lines = markdown(results(suite, frame)).splitlines()
    assert sum("| forecast | controller |" in line for line in lines) == 1
    assert any("| 1.0000 | 2.0000 | -1.0000 | 9.000 |" in line for line in lines)


def test_ahead_of_mpc_is_who_has_an_interval_wholly_above_it(frame: pd.DataFrame, suite: Suite) -> None:
    assert ahead(frame, "z") == {}
    mpc = pd.DataFrame([run("z", "mpc", 0, 0.3, 7.0), run("a", "mpc", 0, 0.84, 1.6)])
    frame = pd.concat([frame, mpc], ignore_index=True)
    assert {task: list(ahead(frame, task)) for task in ("z", "a")} == {"z": ["best"], "a": ["luck"]}
    lines = markdown(results(suite, frame)).splitlines()
    first = lines.index("| task | mpc | ahead |")
    assert lines[first + 2 : first + 4] == [
        "| z | 0.3000 | best 0.9000, 1 seed |",
        "| a | 0.8400 | luck 0.9000 [0.8500, 0.9500], 2 seeds |",
    ]


def test_nobody_is_ahead_of_a_planner_that_did_not_play(frame: pd.DataFrame, suite: Suite) -> None:
    assert "Ahead of mpc" not in markdown(results(suite, frame))


def test_latency_is_a_median_in_milliseconds(frame: pd.DataFrame) -> None:
    frame["seconds_per_decision"] = [0.001, 0.002, 0.004, 0.1, 0.003, 0.001]
    assert by_task(frame, "z")["ms/decision"].to_dict() == pytest.approx({"best": 1.0, "luck": 3.0})
    assert overall(frame)["ms/decision"].to_dict() == pytest.approx({"best": 1.0, "luck": 3.5})


def results(suite: Suite, frame: pd.DataFrame, **named: Any) -> Results:
    for name in ROW:
        if name not in frame:
            frame[name] = NAN if name in WITHIN else 0
    records = [{**row, "curve": [], "daily": {}} for row in frame.to_dict("records")]
    return Results(suite, [], records, command="energy-gym leaderboard s", wall_seconds=7.0, **named)


def test_what_is_attainable_is_a_column_where_it_can_be_told(frame: pd.DataFrame, suite: Suite) -> None:
    told = frame.assign(**dict.fromkeys(WITHIN, NAN))
    known = told["task"] == "z"
    told.loc[known, list(WITHIN)] = [8.0, 0.75, 0.5, 0.875]
    lines = markdown(results(suite, told)).splitlines()
    heads = [line for line in lines if line.startswith("| agent | actions | score |")]
    assert [" of attainable |" in head for head in heads] == [True, False]
    assert "| best | continuous | 0.9000 ± 0.0000 | 0.7500 [0.5000, 0.8750] | 1 |" in " ".join(lines)
    assert any("at most 8.0000 EUR, on average" in line for line in lines)
    assert any(line.startswith("Of attainable: 0 is doing nothing") for line in lines)
    assert not any("attainable" in line for line in markdown(results(suite, frame)).splitlines())


def test_markdown_by_hand(frame: pd.DataFrame, suite: Suite) -> None:
    lines = markdown(results(suite, frame)).splitlines()
    assert lines[0] == "# Leaderboard: Two | tasks"
    assert "| agent | mean score | IQM | optimality gap | seeds | tasks | ms/decision |" in lines
    assert "| best | 0.8000 | 0.8000 | 0.2000 | 1 | 2/2 | 2.000 |" in lines
    assert "| luck | 0.4000 | 0.9000 |" in lines
    assert "| best |  | 0.50 |" in " ".join(lines) or any(line.startswith("| best |  | 0.50") for line in lines)
    assert "| luck | continuous | 0.4000 ± 0.2000 | 2 | 6.0000 | 4.000 | -2.000 | 0.500 | 2.000 | 1,000 |" in lines
    assert lines.index("## z") < lines.index("## a")
    assert "Oracle 10.0000 EUR (proven optimal), idle 0.0000 EUR, 24 steps." in lines
    assert "The runs took 12 s of work in all, 7 s of wall time." in " ".join(lines)


def test_markdown_has_as_many_cells_in_every_row(frame: pd.DataFrame, suite: Suite) -> None:
    frame["agent"] = frame["agent"].replace("best", "odd|name")
    width = 0
    for line in markdown(results(suite, frame)).splitlines():
        cells = line.replace("\\|", "").count("|") if line.startswith("|") else 0
        assert not (width and cells) or cells == width, line
        width = cells


def test_more_tasks_than_agents_stand_below_each_other(frame: pd.DataFrame, suite: Suite) -> None:
    more = pd.concat([frame, frame[frame["task"] == "a"].assign(task="b")], ignore_index=True)
    lines = markdown(results(suite, more)).splitlines()
    assert "| task | best | luck |" in lines
    assert sum(line.startswith("| b |") for line in lines) == 1


def test_what_an_agent_leaves_out_is_told_once(frame: pd.DataFrame) -> None:
    tasks = tuple(Task(f"t{k}", "energy_gym/Arbitrage-v1", {}) for k in range(9))
    wide = Suite("n", "Nine", "By hand.", ("best", "luck"), tasks)
    left = [("few", k) for k in range(7)] + [("most", 0), ("none", 0)] + [("none", k) for k in range(1, 9)]
    misfits = [{"agent": agent, "task": f"t{k}", "why": "makes no sense"} for agent, k in left]
    lines = markdown(results(wide, frame.assign(task="t0"), misfits=misfits)).splitlines()
    assert "- few makes no sense: played only on t7, t8" in lines
    assert "- most makes no sense: not played on t0" in lines
    assert "- none makes no sense: not played on t0, t1, t2, ..., t8 (9 tasks)" in lines


def test_what_failed_is_told(frame: pd.DataFrame, suite: Suite) -> None:
    failed = [{"task": "z", "agent": "odd", "seed": 1, "error": "ValueError: no", "missing": False}]
    assert "| odd | z | 1 | ValueError: no |" in markdown(results(suite, frame, failed=failed)).splitlines()
    none = markdown(Results(suite, [], [], failed=failed))
    assert "| odd | z | 1 | ValueError: no |" in none
    assert "No run has a result." in none


def test_a_bracketed_oracle_shows_its_bound(frame: pd.DataFrame, suite: Suite) -> None:
    frame["oracle_bound"] = 10.5
    assert "Oracle 10.0000 EUR (bound 10.5000)" in markdown(results(suite, frame))


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(-0.0, 2, "0.00"), (-0.004, 2, "0.00"), (-0.006, 2, "-0.01"), (1234.5678, 1, "1234.6"), (NAN, 3, "-")],
)
def test_figures(value: float, digits: int, text: str) -> None:
    assert fixed(value, digits) == text
