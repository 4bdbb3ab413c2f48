"""What is one's own enters a leaderboard, the command line and the recipes: data, battery, scenario, a saved agent."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import gymnasium as gym
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner, Result

import energy_gym
from energy_gym import Battery
from energy_gym.agents import make_agent
from energy_gym.cli import app as cli
from energy_gym.errors import ConfigurationError, DownloadError, UnknownIdError
from energy_gym.leaderboard import suites
from energy_gym.leaderboard.board import forget, run_suite
from energy_gym.leaderboard.results import read_results
from energy_gym.leaderboard.suites import Suite, Task, at_hand
from energy_gym.recipes import run as recipe_run

ID = "energy_gym/Arbitrage-v1"
ROOT = Path(__file__).resolve().parents[2]
BROKEN = """
def make(env, seed):
    raise RuntimeError("broken")
"""
MINE = """
class Make:
    stochastic = False
    def __init__(self, env, seed):
        self.env = env
    def act(self, observation, info):
        return [0.0]
    def reset(self):
        pass
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a suite of one's own data and battery, and two agents."""
    energy_gym.synthetic(seed=3, steps=24 * 40).to_csv(tmp_path / "prices.csv", index_label="time")
    keywords = {"data": "prices.csv", "battery": {"capacity_kwh": 33.0}, "episode_steps": 12, "zone": "UTC"}
    tasks = [
        {"name": name, "id": ID, "keywords": {**keywords, "split": split}}
        for name, split in (("a", "train"), ("b", "test"))
    ]
    tree = {"title": "Mine", "description": "Own.", "agents": ["idle", "mpc"], "tasks": tasks}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    (tmp_path / "own_agents.py").write_text(MINE + BROKEN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.app, list(words), catch_exceptions=True)


def agents_in(folder: Path) -> set[str]:
    return {row["agent"] for row in json.loads((folder / "results.json").read_text("utf-8"))["runs"]}


def test_a_suite_of_ones_own_data_and_battery(mine: Path) -> None:
    suite = Suite.read(mine / "mine.yaml")
    env: Any = suite.tasks[0].make().unwrapped
    assert env.scenario.battery.capacity_kwh == 33.0
    frame = pd.read_csv(mine / "prices.csv")
    assert env.setup.price[:5].tolist() == pytest.approx(frame["price_per_mwh"][:5].tolist())
    assert set(run_suite(suite, mine / "out", workers=1)["agent"]) == {"idle", "mpc"}


def test_one_more_agent_is_one_more(mine: Path) -> None:
    result = run("leaderboard", "mine.yaml", "--agent", "own_agents:Make", "--out", "out", "--workers", "1")
    assert result.exit_code == 0, result.output
    assert agents_in(mine / "out") == {"idle", "mpc", "own_agents:Make"}
    run("leaderboard", "mine.yaml", "--agents", "idle", "--out", "few", "--workers", "1")
    assert agents_in(mine / "few") == {"idle"}


def test_a_broken_agent_is_told_once_and_can_be_forgotten(mine: Path) -> None:
    words = ("--out", "out", "--workers", "1")
    assert run("leaderboard", "mine.yaml", "--agents", "own_agents:make", *words).exit_code == 1
    again = run("leaderboard", "mine.yaml", "--agents", "idle", *words)
    assert again.exit_code == 0, again.output
    assert "broken" in again.output
    gone = run("forget", "own_agents:make", "out")
    # A function that does not say is played with all seeds.
    assert (gone.exit_code, gone.stdout) == (0, "10 runs of own_agents:make taken out of out\n")
    assert "broken" not in run("leaderboard", "mine.yaml", "--agents", "idle", *words).output
    assert forget(mine / "out", "idle") == 2
    assert not read_results(mine / "out").records
    with pytest.raises(UnknownIdError):
        forget(mine / "out", "idle")


def test_a_saved_agent_plays_the_tasks_it_was_saved_for(mine: Path) -> None:
    suite = Suite.read(mine / "mine.yaml")
    saved = make_agent("threshold", suite.tasks[0].make()).fit()
    saved.save(mine / "saved")
    other = Task("other", ID, {"horizon": 3, "episode_steps": 12})
    both = Suite("both", "Both", "Two.", ("idle",), (suite.tasks[0], other))
    frame = run_suite(both, mine / "out", agents=["saved"], workers=1)
    own = suite.tasks[0].make()
    expected = energy_gym.evaluate(make_agent_loaded(mine / "saved", own), own, seed=0).return_
    assert frame["return"].tolist() == [expected]
    (misfit,) = read_results(mine / "out").misfits
    assert (misfit["task"], misfit["agent"]) == ("other", "saved")
    assert "slots" in misfit["why"]


def make_agent_loaded(folder: Path, env: Any) -> Any:
    from energy_gym.agents import load_agent

    return load_agent(folder, env)


def test_some_tasks_and_those_that_can_be_had(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("leaderboard", "mine.yaml", "--tasks", "b", "--out", "out", "--workers", "1")
    assert result.exit_code == 0, result.output
    assert {row["task"] for row in json.loads((mine / "out" / "results.json").read_text("utf-8"))["runs"]} == {"b"}
    assert "did you mean" in str(run("leaderboard", "mine.yaml", "--tasks", "bb", "--out", "out").exception)
    suite = Suite.read(mine / "mine.yaml")
    made = suites.Task.make

    def offline(task: Task) -> Any:
        if task.name == "a":
            raise DownloadError("https://example.org", "cannot be had", "check the connection")
        return made(task)

    monkeypatch.setattr(suites.Task, "make", offline)
    kept, lines = at_hand(suite)
    assert [task.name for task in kept.tasks] == ["b"]
    assert lines == ["a: https://example.org: cannot be had; check the connection"]
    skipping = run("leaderboard", "mine.yaml", "--out", "rest", "--workers", "1")
    assert "skipped: a: " in skipping.stdout
    assert skipping.exit_code == 0
    with pytest.raises(DownloadError):
        at_hand(Suite.read(mine / "mine.yaml").only(["a"]))


def test_the_command_line_takes_a_file(mine: Path) -> None:
    start = "2023-02-01T00:00Z"
    result = run("solve", ID, "--data", "prices.csv", "--zone", "UTC", "--split", "all", "--steps", "12")
    assert result.exit_code == 0, (result.output, result.exception, start)
    best = run("recommend", ID, "--data", "prices.csv", "--zone", "UTC", "--weeks", "1", "--candidate", "idle")
    assert best.exit_code == 0, best.output
    wrong = run("solve", ID, "--data", "prics.csv")
    assert "prics.csv" in str(wrong.exception)


@pytest.mark.parametrize("name", ["train", "transfer"])
def test_recipes_take_ones_own(name: str, mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("stable_baselines3")
    energy_gym.Scenario.arbitrage(battery=Battery(capacity_kwh=21.0)).to_yaml()
    (mine / "site.yaml").write_text(
        energy_gym.Scenario.arbitrage(battery=Battery(capacity_kwh=21.0)).to_yaml(), "utf-8"
    )
    main = runpy.run_path(str(ROOT / "agents" / f"{name}.py"))["main"]
    few = {"train": ("--steps", "200", "--beside", "idle"), "transfer": ("--steps", "200", "--before", "200")}[name]
    own = ("--id", "energy_gym/Scenario-v1", "--data", "prices.csv", "--scenario", "site.yaml")
    with pytest.raises(SystemExit) as end:
        recipe_run(main, [*few, *own, "--seeds", "1", "--save", "kept"])
    told = capsys.readouterr()
    assert end.value.code == 0, told
    assert "prices.csv" in told.out
    saved = next(path for path in (mine / "kept").glob("*/agent.yaml") if "dqn" in path.read_text("utf-8"))
    assert "capacity_kwh: 21.0" in saved.read_text("utf-8")
    if name == "train":
        with pytest.raises(SystemExit) as end:
            recipe_run(main, [*few, *own, "--seeds", "1", "--load", str(saved.parent)])
        assert end.value.code == 0, capsys.readouterr()


def test_a_data_set_and_a_file_exclude_each_other() -> None:
    from energy_gym.recipes import task_keywords

    with pytest.raises(ConfigurationError, match="exclude each other"):
        task_keywords(ID, "nyiso", "mine.csv", None)
    assert gym.spec(ID)
