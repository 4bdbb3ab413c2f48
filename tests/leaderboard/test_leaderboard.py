"""The leaderboard: what it writes, that it resumes, and that two workers find what one finds."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import pandas as pd
import pytest

import energy_gym
from energy_gym.agents import make_agent
from energy_gym.errors import ConfigurationError, NonPositiveError, ResultsError, UnknownIdError
from energy_gym.leaderboard import board as board_module
from energy_gym.leaderboard import run_suite, runs
from energy_gym.leaderboard.suites import Suite

TINY = """
title: Tiny
description: Two short episodes.
agents: [idle, uniform, threshold, mpc]
tasks:
  - name: zebra
    id: energy_gym/Arbitrage-v1
    keywords: {dataset: synthetic, split: test, objective: joint, carbon_price: 60.0, episode_steps: 48}
  - name: ant
    id: energy_gym/Arbitrage-v1
    keywords: {split: test, episode_steps: 48, actions: discrete-3}
"""
TIMING = ["steps_per_second", "seconds_per_decision", "seconds"]
AGENT = """
from energy_gym.agents.base import Agent

class Filler(Agent):
    name = "filler"

    def act(self, observation, info):
        return self.power(SHARE)
"""


def tiny(folder: Path, text: str = TINY) -> Suite:
    path = folder / "tiny.yaml"
    path.write_text(text, encoding="utf-8")
    return Suite.read(path)


@pytest.fixture(scope="module", autouse=True)
def _without_plots() -> Iterator[None]:
    """Play as without the extra ``plot``: pictures have tests of their own, and take half a second each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "plotly", None)
        yield


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """Folder and rows of the tiny suite, played once; tests that change the folder copy it."""
    folder = tmp_path_factory.mktemp("board")
    return folder / "out", run_suite(tiny(folder), folder / "out", seeds=2, workers=1)


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("played although it was kept")

    monkeypatch.setattr(runs, "evaluate", refuse)
    monkeypatch.setattr(runs, "solve", refuse)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the agents that are played from now on."""
    played: list[str] = []
    genuine = runs.evaluate

    def count(agent: Any, *rest: Any, **named: Any) -> Any:
        played.append(agent.name)
        return genuine(agent, *rest, **named)

    monkeypatch.setattr(runs, "evaluate", count)
    return played


def test_a_row_per_task_agent_and_seed(board: tuple[Path, pd.DataFrame]) -> None:
    frame = board[1]
    found = sorted(zip(frame["task"], frame["agent"], frame["seed"], strict=True))
    agents = [("idle", 0), ("mpc", 0), ("threshold", 0), ("uniform", 0), ("uniform", 1)]
    assert found == [(task, *agent) for task in ("ant", "zebra") for agent in agents]


def test_sorted_by_task_of_the_suite_then_by_score(board: tuple[Path, pd.DataFrame]) -> None:
    frame = board[1]
    assert list(dict.fromkeys(frame["task"])) == ["zebra", "ant"]
    for _, rows in frame.groupby("task"):
        assert rows["score"].is_monotonic_decreasing


def test_figures_agree_with_each_other(board: tuple[Path, pd.DataFrame]) -> None:
    frame = board[1]
    assert (frame["score"] <= 1.0 + 1e-9).all()
    assert (frame["regret"] >= 0.0).all()
    pd.testing.assert_series_equal(frame["oracle_bound"] - frame["return"], frame["regret"], check_names=False)
    possible = frame["oracle_value"] - frame["idle"]
    pd.testing.assert_series_equal((frame["return"] - frame["idle"]) / possible, frame["score"], check_names=False)
    spent = frame["energy_cost"] + frame["wear"] + 60.0 / 1000.0 * frame["carbon_kg"]
    joint = frame["task"] == "zebra"
    pd.testing.assert_series_equal(-spent[joint], frame["return"][joint], check_names=False)
    assert (frame.loc[frame["agent"] == "idle", "score"] == 0.0).all()


@pytest.mark.parametrize(("name", "seed"), [("threshold", 0), ("uniform", 0), ("uniform", 1)])
def test_return_is_what_a_plain_loop_earns(board: tuple[Path, pd.DataFrame], name: str, seed: int) -> None:
    frame = board[1]
    env = gym.make("energy_gym/Arbitrage-v1", split="test", episode_steps=48, actions="discrete-3")
    agent = make_agent(name, env, seed).fit()
    observation, info = env.reset(seed=0)
    earned, over = 0.0, False
    while not over:
        observation, reward, _, over, info = env.step(agent.act(observation, info))
        earned += float(reward)
    row = frame[(frame["task"] == "ant") & (frame["agent"] == name) & (frame["seed"] == seed)].iloc[0]
    assert row["return"] == pytest.approx(earned, abs=1e-12)


def test_every_agent_and_seed_meets_the_same_episode(board: tuple[Path, pd.DataFrame]) -> None:
    for _, rows in board[1].groupby("task"):
        assert rows["oracle_value"].nunique() == 1
        assert rows["idle"].nunique() == 1
    uniform = board[1][board[1]["agent"] == "uniform"]
    assert uniform.groupby("task")["return"].nunique().tolist() == [2, 2]


def test_files_hold_the_same_rows(board: tuple[Path, pd.DataFrame]) -> None:
    folder, frame = board
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "results.parquet"), frame)
    document = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    runs = pd.DataFrame(document["runs"]).astype(frame.dtypes)  # a column without a number is all null
    pd.testing.assert_frame_equal(runs, frame)
    told = (folder / "LEADERBOARD.md").read_text(encoding="utf-8")
    assert "| agent | peak [kW] | load factor | ramping [kWh] | full cycles | life [years] |" in told
    text = (folder / "LEADERBOARD.md").read_text(encoding="utf-8")
    assert text.index("## zebra") < text.index("## ant")
    assert "regret [EUR]" in text
    assert "regret [USD]" in text


def test_json_says_versions_hashes_and_keywords(board: tuple[Path, pd.DataFrame]) -> None:
    document = json.loads((board[0] / "results.json").read_text(encoding="utf-8"))
    assert document["suite"] == "tiny"
    assert document["versions"]["energy-gym"] == energy_gym.__version__
    assert document["versions"]["gymnasium"] == gym.__version__
    assert [task["name"] for task in document["tasks"]] == ["zebra", "ant"]
    for task in document["tasks"]:
        assert sorted(task["hashes"]) == ["data", "scenario", "task"]
        assert all(len(text) == 64 for text in task["hashes"].values())
        assert task["oracle"]["bound"] >= task["oracle"]["value"]
    assert document["tasks"][0]["keywords"]["carbon_price"] == 60.0


def again(board: tuple[Path, pd.DataFrame], folder: Path, text: str = TINY, **named: Any) -> pd.DataFrame:
    """Play the suite once more, in a copy of the folder that was left by the first call."""
    if not (folder / "out").exists():
        shutil.copytree(board[0], folder / "out")
    return run_suite(tiny(folder, text), folder / "out", **{"seeds": 2, "workers": 1, **named})


@pytest.mark.usefixtures("forbidden")
def test_a_second_call_plays_nothing(board: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    pd.testing.assert_frame_equal(again(board, tmp_path), board[1])


@pytest.mark.usefixtures("forbidden")
def test_agents_that_were_played_before_stay(board: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    frame = again(board, tmp_path, agents=["mpc", "idle", "mpc"])
    pd.testing.assert_frame_equal(frame, board[1])
    pd.testing.assert_frame_equal(
        again(board, tmp_path, agents=["uniform"], seeds=1), frame[frame["seed"] == 0].reset_index(drop=True)
    )


@pytest.mark.usefixtures("forbidden")
def test_a_page_says_all_that_made_it(board: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    again(board, tmp_path, agents=["mpc"])
    again(board, tmp_path, agents=["mpc"])
    text = (tmp_path / "out" / "LEADERBOARD.md").read_text(encoding="utf-8")
    assert "Made with `energy-gym leaderboard tiny --seeds 2`, then `energy-gym leaderboard tiny --agents mpc" in text
    assert text.count("energy-gym leaderboard tiny") == 2
    run_suite(tiny(tmp_path, TINY).only(["ant"]), tmp_path / "out", seeds=2, workers=1)
    text = (tmp_path / "out" / "LEADERBOARD.md").read_text(encoding="utf-8")
    assert "Made with `energy-gym leaderboard tiny --tasks ant --seeds 2` (" in text


def test_what_was_played_of_another_task_goes(board: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    frame = again(board, tmp_path, TINY.replace("60.0", "61.0"), agents=["mpc"])
    assert frame.loc[frame["task"] == "zebra", "agent"].tolist() == ["mpc"]
    assert frame.loc[frame["task"] == "ant", "agent"].nunique() == 4


def kept_run(folder: Path, task: str, agent: str) -> Path:
    for path in (folder / "runs").glob("*.json"):
        row = json.loads(path.read_text(encoding="utf-8"))
        if (row["task"], row["agent"], row["seed"]) == (task, agent, 0):
            return path
    raise LookupError(f"{task} {agent}")


def without_timing(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=TIMING)


def test_a_deleted_run_alone_is_played_again(
    board: tuple[Path, pd.DataFrame], tmp_path: Path, counted: list[str]
) -> None:
    again(board, tmp_path)
    kept_run(tmp_path / "out", "zebra", "threshold").unlink()
    frame = again(board, tmp_path)
    assert counted == ["threshold"]
    pd.testing.assert_frame_equal(without_timing(frame), without_timing(board[1]))


@pytest.mark.parametrize("content", ["", '{"task": "ant"', "[]", "{}", '{"task": "ant", "score": 1.0}', "\udcff"])
def test_a_broken_run_counts_as_absent(
    board: tuple[Path, pd.DataFrame], tmp_path: Path, counted: list[str], content: str
) -> None:
    again(board, tmp_path)
    kept_run(tmp_path / "out", "ant", "idle").write_bytes(content.encode(errors="surrogateescape"))
    frame = again(board, tmp_path)
    assert counted == ["idle"]
    pd.testing.assert_frame_equal(without_timing(frame), without_timing(board[1]))


@pytest.mark.parametrize("content", ["{", "{}", '{"value": 1.0}'])
def test_a_broken_oracle_is_solved_again(board: tuple[Path, pd.DataFrame], tmp_path: Path, content: str) -> None:
    again(board, tmp_path)
    oracles = list((tmp_path / "out" / "oracles").glob("*.json"))
    assert len(oracles) == 2
    good = json.loads(oracles[0].read_text(encoding="utf-8"))
    oracles[0].write_text(content, encoding="utf-8")
    again(board, tmp_path)
    mended = json.loads(oracles[0].read_text(encoding="utf-8"))
    assert {**mended, "seconds": 0.0} == {**good, "seconds": 0.0}


def test_changed_keywords_are_another_task(
    board: tuple[Path, pd.DataFrame], tmp_path: Path, counted: list[str]
) -> None:
    frame = again(board, tmp_path, TINY.replace("60.0", "61.0"))
    assert sorted(counted) == ["idle", "mpc", "threshold", "uniform", "uniform"]
    assert set(frame["key"]) & set(board[1]["key"]) == set(board[1].loc[board[1]["task"] == "ant", "key"])


def test_another_version_plays_and_solves_again(
    board: tuple[Path, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: list[str]
) -> None:
    again(board, tmp_path)
    for module in (board_module, runs):
        monkeypatch.setattr(module, "__version__", "99.0")
    again(board, tmp_path, agents=["idle"])
    assert counted == ["idle"] * 2
    assert len(list((tmp_path / "out" / "oracles").glob("*.json"))) == 4


def test_two_workers_find_what_one_finds(board: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    frame = run_suite(tiny(tmp_path), tmp_path / "parallel", seeds=2, workers=2)
    pd.testing.assert_frame_equal(without_timing(frame), without_timing(board[1]), check_exact=True)


def test_progress_counts_up_to_all(board: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    run_suite(tiny(tmp_path), tmp_path / "out", agents=["idle"], workers=1, progress=lambda *call: calls.append(call))
    assert calls == [(stage, done, 2) for stage in ("oracles", "runs") for done in (0, 1, 2)]


def test_an_interrupted_call_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine, played = runs.evaluate, []

    def interrupt(agent: Any, *rest: Any, **named: Any) -> Any:
        played.append(agent.name)
        if len(played) == 2:
            raise KeyboardInterrupt
        return genuine(agent, *rest, **named)

    monkeypatch.setattr(runs, "evaluate", interrupt)
    named: dict[str, Any] = {"agents": ["idle", "uniform"], "workers": 1}
    with pytest.raises(KeyboardInterrupt):
        run_suite(tiny(tmp_path), tmp_path / "out", **named)
    frame = run_suite(tiny(tmp_path), tmp_path / "out", **named)
    assert len(frame) == 4
    assert played == ["idle", "uniform", "uniform", "idle", "uniform"]


def test_an_agent_from_elsewhere_is_played_again_when_its_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: list[str]
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    returns = []
    for share in ("1.0", "1.0", "-1.0"):
        (tmp_path / "elsewhere_agent.py").write_text(AGENT.replace("SHARE", f"{share:>5}"), encoding="utf-8")
        monkeypatch.delitem(sys.modules, "elsewhere_agent", raising=False)
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        frame = run_suite(tiny(tmp_path), tmp_path / "out", agents=["elsewhere_agent:Filler"], workers=1)
        returns.append(frame["return"].tolist())
    assert counted == ["filler"] * 4
    assert returns[0] == returns[1] != returns[2]


def test_no_score_where_nothing_can_be_earned(tmp_path: Path) -> None:
    empty = energy_gym.Scenario.arbitrage(battery=energy_gym.Battery(soc_min=0.1, soc_initial=0.1))
    (tmp_path / "empty.yaml").write_text(empty.to_yaml(), encoding="utf-8")
    window = f"keywords: {{scenario: {tmp_path / 'empty.yaml'}, split: test, terminal: free, episode_steps: 1}}"
    text = re.sub("keywords: {dataset: synthetic.*", lambda _: window, TINY)
    frame = run_suite(tiny(tmp_path, text), tmp_path / "out", agents=["idle", "mpc"], workers=1)
    assert frame.loc[frame["task"] == "zebra", "score"].map(math.isnan).tolist() == [True, True]
    document = (tmp_path / "out" / "results.json").read_text("utf-8")
    rows = json.loads(document, parse_constant=pytest.fail)["runs"]
    assert [row["score"] for row in rows if row["task"] == "zebra"] == [None, None]
    board = (tmp_path / "out" / "LEADERBOARD.md").read_text("utf-8")
    assert "| idle | - | 0.0000 |" in board


def test_what_cannot_be_run_leaves_no_folder(tmp_path: Path) -> None:
    suite, out = tiny(tmp_path), tmp_path / "out"
    with pytest.raises(UnknownIdError, match="did you mean 'mpc'"):
        run_suite(suite, out, agents=["mcp"])
    with pytest.raises(ConfigurationError, match="cannot be imported"):
        run_suite(suite, out, agents=["no_such_module:Agent"])
    with pytest.raises(ConfigurationError, match="is a class without act and reset"):
        run_suite(suite, out, agents=["json:JSONDecoder"])
    with pytest.raises(NonPositiveError, match="seeds=0"):
        run_suite(suite, out, seeds=0)
    with pytest.raises(NonPositiveError, match="workers=0"):
        run_suite(suite, out, workers=0)
    assert not out.exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    with pytest.raises(ResultsError, match="choose another folder"):
        run_suite(tiny(tmp_path), tmp_path / "out", workers=1)
