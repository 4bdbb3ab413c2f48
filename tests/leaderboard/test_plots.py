"""Pictures and the page: what they show is what the results hold, and nothing is fetched to show it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from energy_gym.cli import app as cli
from energy_gym.errors import install_command
from energy_gym.leaderboard import plots, run_suite
from energy_gym.leaderboard.board import PLOTS, write_plots
from energy_gym.leaderboard.charts import parts_chart, regret_chart, score_chart, unit_of
from energy_gym.leaderboard.page import charts_of
from energy_gym.leaderboard.plots import colours, cumulative, learning
from energy_gym.leaderboard.results import Results, read_results
from energy_gym.leaderboard.suites import Suite
from energy_gym.leaderboard.summary import decomposition, overall

LEARNER = """
from energy_gym.agents.simple import Uniform

class Learner(Uniform):
    learns = True
    kinds = ("discrete",)
    preferred_actions = "discrete-3"

    def fit(self, source=None, *, budget=None, seed=None, callback=None):
        for step in range(0, budget + 1, budget // 4):
            callback(step, {"score": step / budget * (0.5 + 0.1 * seed), "loss": 1.0})
        return self

class Broken(Learner):
    def fit(self, *_, **__):
        raise ValueError("no gradient")

class Plain:
    def __init__(self, env):
        self.env = env

    def reset(self):
        pass

    def act(self, observation, info):
        return self.env.action_space.sample() * 0.0

def plain(env, seed):
    return Plain(env)

plain.stochastic = False
"""
TINY = """
title: Tiny <two>
description: Two days.
agents: [idle, mpc]
tasks:
  - {name: a, id: energy_gym/Arbitrage-v1, keywords: {episode_steps: 24}}
  - {name: b, id: energy_gym/Arbitrage-v1, keywords: {episode_steps: 96, dataset: synthetic, objective: joint}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results with an agent that learns."""
    place = tmp_path_factory.mktemp("plots")
    (place / "agents_of_plots.py").write_text(LEARNER, encoding="utf-8")
    (place / "tiny.yaml").write_text(TINY, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        agents = ["idle", "mpc", "agents_of_plots:Learner", "agents_of_plots:plain"]
        budgets = {"agents_of_plots:Learner": 400}
        run_suite(Suite.read(place / "tiny.yaml"), place / "out", agents=agents, seeds=2, budgets=budgets, workers=1)
    return place


@pytest.fixture
def results(folder: Path) -> Results:
    return read_results(folder / "out")


def test_what_a_learning_agent_tells_is_kept(results: Results) -> None:
    rows = results.frame[results.frame["agent"] == "agents_of_plots:Learner"]
    assert (rows["budget"].tolist(), set(rows["actions"])) == ([400] * 4, {"discrete-3"})
    curves = results.curves
    assert set(curves["figure"]) == {"score", "loss"}
    table = learning(curves)
    last = table[(table["steps"] == 400) & (table["task"] == "a")].iloc[0]
    assert (last["min"], last["mean"], last["max"]) == pytest.approx((0.5, 0.55, 0.6))


def test_a_function_can_be_an_agent(results: Results) -> None:
    rows = results.frame[results.frame["agent"] == "agents_of_plots:plain"]
    assert rows["seed"].tolist() == [0, 0]
    assert rows["score"].tolist() == pytest.approx([0.0, 0.0], abs=1e-9)


def test_regret_added_up_ends_at_the_regret(results: Results) -> None:
    ends = cumulative(results.daily).groupby(["task", "agent"])["regret"].last()
    frame = results.frame
    lost = (frame["oracle_value"] - frame["return"]).groupby([frame["task"], frame["agent"]]).mean()
    assert ends.to_dict() == pytest.approx(lost.to_dict(), abs=1e-9)


def test_every_plot_is_written_and_alone(folder: Path) -> None:
    for name in PLOTS[:3]:
        assert (folder / "out" / name).read_bytes().startswith(b"\x89PNG")
    text = (folder / "out" / "leaderboard.html").read_text("utf-8")
    assert "<h1>Leaderboard: Tiny &lt;two&gt;</h1>" in text
    assert "<th>ms/decision</th>" in text and "<h3>Where regret comes from</h3>" in text
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", text)


def shades(results: Results) -> dict[str, str]:
    return colours(list(overall(results.frame).index))


def test_the_scores_of_a_task_are_those_of_its_agents_best_first(results: Results) -> None:
    agents = ["mpc", "idle", "agents_of_plots:Learner", "agents_of_plots:plain"]
    for task in ("a", "b"):
        (bars,) = score_chart(results, task, shades(results)).data
        rows = results.frame[results.frame["task"] == task].groupby("agent")["score"].mean()
        assert list(bars.x) == pytest.approx(sorted(rows.loc[agents], reverse=True), abs=1e-9)
        for colour, name in zip(bars.marker.color, bars.y, strict=True):
            assert [shade for agent, shade in shades(results).items() if agent.endswith(name.lstrip("…"))] == [colour]


def test_each_task_has_charts_of_its_own_days_and_money(results: Results) -> None:
    """One axis for all tasks spans all their years, and adds up several currencies."""
    for task in ("a", "b"):
        chart, unit = regret_chart(results, task, shades(results)), unit_of(results, task)
        days = set(results.daily.loc[results.daily["task"] == task, "day"])
        assert {day for line in chart.data for day in line.x} == days
        assert chart.layout.yaxis.title.text == f"regret so far [{unit}]"
    assert unit_of(results, "a") != unit_of(results, "b")
    learners = {task: [title for title, _ in charts_of(results, task)] for task in ("a", "b")}
    assert learners["a"] == learners["b"]
    assert len(learners["a"]) == 4


def test_no_title_stands_within_a_chart(results: Results) -> None:
    """What Plotly writes over a chart meets the next chart on a narrow screen; headings wrap."""
    for _, chart in charts_of(results, "a"):
        assert (chart.layout.title.text, len(chart.layout.annotations)) == (None, 0)


def test_the_parts_of_the_regret_add_up_by_task_and_by_day(results: Results) -> None:
    table = decomposition(results.frame)
    assert len(table) == 8 and set(table["task"]) == {"a", "b"}
    assert (table["forecast"] + table["controller"]).tolist() == pytest.approx(table["regret"].tolist(), abs=1e-9)
    daily = results.daily
    assert (daily["forecast"] + daily["controller"]).tolist() == pytest.approx(daily["regret"].tolist(), abs=1e-9)
    ends = daily.groupby(["task", "agent", "seed"])["forecast"].sum().groupby(["task", "agent"]).mean()
    for _, row in table.iterrows():
        assert ends[row["task"], row["agent"]] == pytest.approx(row["forecast"], abs=1e-6)


def test_the_page_stacks_the_parts(results: Results) -> None:
    table = decomposition(results.frame)
    for task, rows in table.groupby("task", sort=False):
        bars = parts_chart(results, str(task), shades(results)).data
        assert [(bar.name, len(bar.x)) for bar in bars] == [("forecast", 4), ("controller", 4)]
        shown = [one + other for one, other in zip(bars[0].x, bars[1].x, strict=True)]
        assert shown == pytest.approx(rows["regret"].tolist())


def test_without_mpc_nothing_is_known_of_the_parts(results: Results, tmp_path: Path) -> None:
    results.records = [record for record in results.records if record["agent"] != "mpc"]
    assert all(parts_chart(results, task, shades(results)) is None for task in ("a", "b"))
    assert results.daily["forecast"].isna().all()
    assert "regret_parts.png" not in write_plots(tmp_path, results)
    assert "Where regret comes from" not in (tmp_path / "leaderboard.html").read_text("utf-8")


def test_without_curves_an_old_picture_goes(results: Results, tmp_path: Path) -> None:
    (tmp_path / "learning_curves.png").write_bytes(b"old")
    results.records = [{**record, "curve": []} for record in results.records]
    assert write_plots(tmp_path, results) == ["regret_per_day.png", "regret_parts.png", "leaderboard.html"]
    assert not (tmp_path / "learning_curves.png").exists()


@pytest.mark.parametrize("seed", range(6))
def test_agents_that_played_only_some_tasks(seed: int, results: Results, tmp_path: Path) -> None:
    """The best agent of the folder played one task, another agent the other one, or whatever the draw leaves."""
    random = np.random.default_rng(seed)
    best = results.frame["agent"].iloc[0]
    kept = [row for row in results.records if random.random() < 0.6 and (row["agent"], row["task"]) != (best, "b")]
    results.records = [*kept, next(row for row in results.records if (row["agent"], row["task"]) == (best, "a"))]
    results.rank()
    assert {"regret_per_day.png", "leaderboard.html"} <= set(write_plots(tmp_path, results))


def test_a_picture_that_fails_costs_neither_the_tables_nor_the_other_pictures(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> bool:
        raise IndexError("no such day")

    monkeypatch.setattr(plots, "write_regret", fails)
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    with pytest.warns(RuntimeWarning, match=r"regret_per_day.png could not be drawn: IndexError: no such day"):
        result = command(tmp_path, monkeypatch)
    assert result.exit_code == 0
    assert "Over all tasks" in result.stdout
    assert (tmp_path / "out" / "leaderboard.html").is_file()
    assert not (tmp_path / "out" / "regret_per_day.png").exists()


def test_without_the_extra_there_are_no_plots(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    assert write_plots(tmp_path, results) == []
    assert list(tmp_path.iterdir()) == []


def command(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> Any:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    return CliRunner().invoke(cli.app, ["leaderboard", "tiny.yaml", "--out", "out", "--workers", "1", *words])


def test_a_failing_agent_is_told_and_the_others_stay(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("--agent", "agents_of_plots:Broken", "--budget", "agents_of_plots:Broken=8", "--seeds", "1")
    monkeypatch.syspath_prepend(str(folder))
    result = command(folder, monkeypatch, *words)
    assert result.exit_code == 1
    assert "failed: agents_of_plots:Broken on a, seed 0: ValueError: no gradient (agents_of_plots.py" in result.stdout
    results = read_results(folder / "out")
    assert [(row["task"], row["agent"], row["missing"]) for row in results.failed] == [
        (task, "agents_of_plots:Broken", False) for task in ("a", "b")
    ]
    assert results.frame["agent"].nunique() == 4
    assert "ValueError: no gradient" in (folder / "out" / "LEADERBOARD.md").read_text("utf-8")


def test_one_line_says_how_to_get_plots(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    result = command(tmp_path, monkeypatch)
    assert result.exit_code == 0
    assert f"No plots: matplotlib: is not installed; run: {install_command('plot')}" in result.stdout


def test_old_results_of_a_task_are_read_back_exactly(folder: Path, results: Results) -> None:
    kept = pd.read_parquet(folder / "out" / "daily.parquet")
    assert set(results.daily["key"]) == set(kept["key"])
