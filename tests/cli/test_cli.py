"""The command line: every screen within 80 columns, every error one line on stderr and exit code 1."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import energy_gym
from energy_gym.agents import agent_ids
from energy_gym.cli import app as cli
from energy_gym.data import card_ids
from energy_gym.forecast import forecast_ids
from energy_gym.leaderboard.suites import suite_ids

ID = "energy_gym/Arbitrage-v1"
TINY = """
title: Tiny [two]
description: Two short episodes.
agents: [idle, uniform, threshold]
tasks:
  - name: zebra-with-a-name-that-is-longer-than-any-we-ship
    id: energy_gym/Arbitrage-v1
    keywords: {dataset: synthetic, split: test, objective: joint, episode_steps: 24}
  - name: ant
    id: energy_gym/Arbitrage-v1
    keywords: {split: test, episode_steps: 24}
"""
AGENT = """
from energy_gym.agents.base import Agent

class Charger(Agent):
    name = "charger"

    def act(self, observation, info):
        return self.power(1.0)
"""


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return str(path)


def run(*words: str) -> Result:
    result = CliRunner().invoke(cli.app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert all(len(line.rstrip()) <= 80 for line in result.stdout.splitlines()), result.stdout
    return result


def from_shell(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run as a console script would, in a process and a folder of its own."""
    home = str(Path(energy_gym.__file__).resolve().parents[1])
    paths = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-c", "import sys; sys.path.pop(0); from energy_gym.cli import main; main()", *words],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    """Return the message of a failed command: one line on stderr, nothing on stdout."""
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.startswith("error: ")
    return result.stderr


def figures(result: Result) -> dict[str, str]:
    """Return the rows of a two-column screen."""
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in result.stdout.splitlines()]
    return {row[0]: row[1] for row in cells if len(row) == 2 and row[0]}


def test_list_names_everything() -> None:
    words = run("list").stdout.replace(",", " ").split()
    for name in (ID, *agent_ids(), *suite_ids(), *forecast_ids(), *card_ids()):
        assert name in words


def test_version() -> None:
    assert run("--version").stdout == f"energy-gym {energy_gym.__version__}\n"


@pytest.mark.parametrize("command", [(), ("leaderboard",), ("merge",), ("solve",), ("list",), ("data",)])
def test_help_names_every_command_and_option(command: tuple[str, ...]) -> None:
    screen = run(*command, "--help").stdout
    expected = {
        (): ("leaderboard", "solve", "list", "data", "--version"),
        ("leaderboard",): ("--agents", "--agent", "--seeds", "--budget", "--workers", "--engine", "--address", "--out"),
        ("merge",): ("--into",),
        ("solve",): ("--dataset", "--split", "--start", "--steps", "--table", "--time-limit"),
        ("list",): (),
        ("data",): ("list", "describe", "fetch", "verify", "check"),
    }[command]
    assert all(word in screen for word in expected)
    assert "…" not in screen


def test_solve_prints_what_the_library_finds() -> None:
    found = figures(run("solve", ID, "--start", "2022-07-04T00:00Z", "--steps", "48"))
    env = gym.make(ID, split="test", episode_steps=None)
    env.reset(options={"start": "2022-07-04T00:00Z", "steps": 48})
    best = energy_gym.solve(env)
    assert found["window"] == "2022-07-04 00:00 UTC, 48 steps of 1 h"
    assert found["value"] == f"{best.value:.6f} USD"
    assert found["status"].startswith("optimal")
    assert float(found["imported"].split()[0]) == pytest.approx(best.table["grid_kwh"].clip(lower=0).sum(), abs=0.005)
    assert "carbon" not in found


def test_solve_shows_carbon_where_the_data_have_it() -> None:
    found = figures(run("solve", ID, "--dataset", "synthetic", "--objective", "carbon", "--steps", "24"))
    assert "synthetic" in found["data"].lower()
    assert found["value"].endswith("kg CO2")
    assert float(found["carbon"].split()[0]) == pytest.approx(-float(found["value"].split()[0]), abs=1e-3)


def test_solve_plays_the_scenario_as_it_is_written(tmp_path: Path) -> None:
    scenario = energy_gym.Scenario.arbitrage(
        battery=energy_gym.Battery(capacity_kwh=4.0), objective=energy_gym.Objective("carbon", terminal="free")
    )
    (tmp_path / "site.yaml").write_text(scenario.to_yaml(), encoding="utf-8")
    words = ("solve", ID, "--dataset", "synthetic", "--scenario", str(tmp_path / "site.yaml"), "--steps", "24")
    found = figures(run(*words))
    env = gym.make(ID, dataset="synthetic", scenario=scenario, split="test", episode_steps=None)
    env.reset(options={"start": env.unwrapped.setup.time(0), "steps": 24})  # type: ignore[attr-defined]
    assert found["value"] == f"{energy_gym.solve(env).value:.6f} kg CO2"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_solve_writes_the_plan(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"plan{suffix}"
    result = CliRunner().invoke(
        cli.app, ["solve", ID, "--steps", "24", "--actions", "discrete-3", "--table", str(path)], catch_exceptions=False
    )
    assert f"Plan written to {path}\n" in result.stdout
    plan = pd.read_csv(path, index_col=0) if suffix == ".csv" else pd.read_parquet(path)
    assert len(plan) == 24
    assert set(plan["action"]) <= {-1.0, 0.0, 1.0}
    assert f"{plan['reward'].sum():.6f} USD" == figures(result)["value"]


def test_leaderboard_ranks_and_writes(tiny: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli.app, ["leaderboard", tiny, "--out", str(tmp_path / "out"), "--workers", "1"], catch_exceptions=False
    )
    screen = result.stdout
    *board, last = screen.splitlines()
    assert all(len(line.rstrip()) <= 80 for line in board)
    files = "results.parquet, results.json, LEADERBOARD.md, regret_per_day.png, leaderboard.html"
    assert last == f"Written to {tmp_path / 'out'}{os.sep}: {files}"
    assert "Tiny [two]: score" in screen
    head = next(line for line in board if line.split()[:1] == ["task"])
    assert head.split() == ["task", "agent", "score", "regret", "return", "unit", "ms"]
    rows = board[board.index(head) + 2 : board.index(next(line for line in board if line.startswith("Over all")))]
    assert "".join(row[: head.index("agent")].strip() for row in rows) == (
        "zebra-with-a-name-that-is-longer-than-any-we-shipant"
    )
    frame = pd.read_parquet(tmp_path / "out" / "results.parquet")
    latency = frame[frame["task"] == "ant"].set_index("agent")["seconds_per_decision"]["threshold"]
    assert any("threshold" in row and row.split()[-1] == f"{latency * 1e3:.3f}" for row in rows)
    assert frame.groupby(["task", "agent"]).size().max() == 5
    for score in frame.loc[frame["agent"] == "threshold", "score"]:
        assert f"{score:.4f}" in screen


def test_leaderboard_takes_an_agent_from_the_working_folder(tiny: str, tmp_path: Path) -> None:
    (tmp_path / "my_agents.py").write_text(AGENT, encoding="utf-8")
    words = ("leaderboard", tiny, "--agents", "idle, my_agents:Charger", "--out", "out", "--workers", "1")
    result = from_shell(*words, folder=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    runs = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))["runs"]
    assert {row["agent"] for row in runs} == {"idle", "my_agents:Charger"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("solve", "energy_gym/Arbitrag-v0"), "did you mean 'energy_gym/Arbitrage-v1'?"),
        (("solve", ID, "--start", "[/red]"), "start='[/red]': is no time stamp"),
        (("solve", ID, "--steps", "24", "--table", "plan.xyz"), "must end in .csv or .parquet"),
        (
            ("leaderboard", "quik"),
            "suite 'quik': no such suite; did you mean 'quick'? Known: core, learn, markets, microgrids, quick, "
            "real-time",
        ),
        (("leaderboard", "quick", "--agents", "mcp", "--out", "out"), "did you mean 'mpc'?"),
    ],
)
def test_an_error_is_one_line_and_leaves_nothing(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    assert says in one_line(from_shell(*words, folder=tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("solve", ID, "--dataset", "nysio"), "did you mean 'nyiso'?"),
        (("solve", ID, "--split", "tset"), "did you mean 'test'?"),
        (("solve", ID, "--objective", "csot"), "did you mean 'cost'?"),
        (("solve", ID, "--objective", "carbon"), "carbon_g_per_kwh"),
        (("solve", ID, "--terminal", "fre"), "did you mean 'free'?"),
        (("solve", ID, "--actions", "discrete-4"), "discrete-4"),
        (("solve", ID, "--start", "2021-01-01T00:00Z"), "must be a step of the split"),
        (("solve", ID, "--steps", "0"), "steps=0"),
        (("solve", ID, "--steps", "999999"), "999999"),
        (("solve", ID, "--time-limit", "-1"), "time_limit=-1.0"),
        (("solve", ID, "--scenario", "nowhere.yaml"), "nowhere.yaml"),
        (("solve", ID, "--steps", "24", "--table", "nowhere/plan.csv"), "nowhere/plan.csv"),
        (("leaderboard", "nowhere.yaml"), "no such suite"),
        (("leaderboard", "quick", "--agents", "json:loads", "--out", "out"), "is no factory of agents"),
        (("leaderboard", "quick", "--budget", "mpc", "--out", "out"), "budget='mpc': must be NAME=STEPS"),
        (("leaderboard", "quick", "--engine", "spark", "--out", "out"), "Known: dask, local, ray"),
        (("leaderboard", "quick", "--address", "x:1", "--out", "out"), "goes with the engine ray or dask"),
        (("merge", "nowhere", "--into", "out"), "nowhere: holds no results"),
        (("leaderboard", "quick", "--seeds", "0", "--out", "out"), "seeds=0"),
        (("leaderboard", "quick", "--workers", "0", "--out", "out"), "workers=0"),
        (("data", "describe", "nysio"), "did you mean 'nyiso'?"),
    ],
)
def test_a_wrong_word_exits_with_one_line(
    words: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["energy-gym", *words])
    with pytest.raises(SystemExit) as left:
        cli.main()
    out, err = capsys.readouterr()
    assert (left.value.code, out) == (1, "")
    assert len(err.splitlines()) == 1, err
    assert says in err
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_option_is_a_mistake_of_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(cli.app, ["solve", ID, "--stepps", "3"], prog_name="energy-gym")
    assert result.exit_code == 2
    assert "energy-gym solve" in result.stderr
    assert "--steps" in result.stderr
