"""Results made elsewhere: taken over when they are of the same tasks, refused by name of what differs when not."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from energy_gym.errors import ResultsError
from energy_gym.leaderboard import run_suite
from energy_gym.leaderboard.merging import merge_results
from energy_gym.leaderboard.results import read_results
from energy_gym.leaderboard.suites import Suite, Task

TASKS = tuple(Task(name, "energy_gym/Arbitrage-v1", {"episode_steps": steps}) for name, steps in (("a", 24), ("b", 30)))
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module", autouse=True)
def _without_plots() -> Iterator[None]:
    """Play as without the extra ``plot``: pictures have tests of their own, and take half a second each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "plotly", None)
        yield


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders ``here`` (idle, mpc) and ``there`` (mpc, uniform) of one suite."""
    folder = tmp_path_factory.mktemp("merging")
    for name, agents in (("here", ("idle", "mpc")), ("there", ("mpc", "uniform"))):
        run_suite(Suite("tiny", "Tiny", "Two.", agents, TASKS), folder / name, seeds=2, workers=1)
    return folder


@pytest.fixture
def two(played: Path, tmp_path: Path) -> Path:
    shutil.copytree(played, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_rows_curves_and_days_are_added_once(two: Path) -> None:
    assert merge_results(two / "there", two / "here") == 4
    assert merge_results(two / "there" / "results.json", two / "here") == 0
    frame = pd.read_parquet(two / "here" / "results.parquet")
    assert frame.groupby("agent").size().to_dict() == {"idle": 2, "mpc": 2, "uniform": 4}
    daily = pd.read_parquet(two / "here" / "daily.parquet")
    assert daily.groupby("key")["regret"].sum().to_dict() == pytest.approx(
        dict(zip(frame["key"], frame["oracle_value"] - frame["return"], strict=True)), abs=1e-9
    )
    assert "| uniform |" in (two / "here" / "LEADERBOARD.md").read_text("utf-8")


def test_merged_runs_are_not_played_again_and_equal_those_played_here(two: Path, tmp_path: Path) -> None:
    merge_results(two / "there", two / "here")
    merged = read_results(two / "here").frame
    suite = Suite("tiny", "Tiny", "Two.", ("idle", "mpc", "uniform"), TASKS)
    pd.testing.assert_frame_equal(run_suite(suite, two / "here", seeds=2, workers=1), merged)


def _row(tree: dict[str, Any], agent: str = "uniform") -> dict[str, Any]:
    return next(row for row in tree["runs"] if row["agent"] == agent)


def version(tree: dict[str, Any]) -> None:
    tree["versions"]["energy-gym"] = "99.0"


def data(tree: dict[str, Any]) -> None:
    tree["tasks"][0]["hashes"].update(data="0" * 64, task="1" * 64)


def keywords(tree: dict[str, Any]) -> None:
    tree["tasks"][1]["hashes"].update(task="1" * 64)


def name(tree: dict[str, Any]) -> None:
    for row in [*tree["tasks"], *tree["runs"]]:
        for key in ("name", "task"):
            if row.get(key) == "b":
                row[key] = "c"


def oracle(tree: dict[str, Any]) -> None:
    tree["tasks"][0]["oracle"]["value"] += 0.01


def key(tree: dict[str, Any]) -> None:
    _row(tree)["agent"] = "wonder"


def score(tree: dict[str, Any]) -> None:
    _row(tree)["score"] = 0.99


def earned(tree: dict[str, Any]) -> None:
    _row(tree)["return"] = 1e6


def fields(tree: dict[str, Any]) -> None:
    del _row(tree)["return"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (version, "made with energy-gym 99.0"),
        (data, "task 'a': data of another hash"),
        (keywords, "task 'b': keywords of another hash"),
        (name, "task 'c'.*is not one of a, b"),
        (oracle, "task 'a': oracle"),
        (key, "its key is not the hash"),
        (score, "score 0.99"),
        (earned, "above the proven bound"),
        (fields, "is no results.json of this version"),
    ],
)
def test_what_differs_is_refused_and_changes_nothing(two: Path, change: Change, says: str) -> None:
    path = two / "there" / "results.json"
    tree = json.loads(path.read_text("utf-8"))
    change(tree)
    path.write_text(json.dumps(tree), encoding="utf-8")
    before = {file: file.read_bytes() for file in (two / "here").rglob("*") if file.is_file()}
    with pytest.raises(ResultsError, match=says):
        merge_results(two / "there", two / "here")
    assert {file: file.read_bytes() for file in (two / "here").rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_file_that_is_no_result(two: Path, content: str) -> None:
    (two / "there" / "results.json").write_text(content, encoding="utf-8")
    with pytest.raises(ResultsError, match=r"is no results\.json"):
        merge_results(two / "there", two / "here")
    with pytest.raises(ResultsError, match="holds no results"):
        merge_results(two / "here", two / "nowhere")
