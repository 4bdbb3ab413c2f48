"""Every command that plays an environment, on every id: it works, or refuses in one line that says why."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

import energy_gym
from energy_gym.agents.learner import Learner
from energy_gym.agents.registry import agent_class
from energy_gym.cli import app as cli
from energy_gym.errors import EnergyGymError
from energy_gym.evaluation import trials
from energy_gym.recipes import comparison
from energy_gym.reserve.presets import PRESETS
from energy_gym.scenarios.registration import SCENARIOS

IDS = sorted(SCENARIOS)
STEPS = 4
# Data that an id which is no usual market can go on with.
OWN = {"energy_gym/Bidding-v1": "synthetic-dk2", "energy_gym/Commercial-v1": "commercial"}
# Commands that are held by a test of this file, and those that take no environment (entries and the service have
# tests of their own).
PLAYED = {"solve", "recommend", "leaderboard", "sweep", "experts", "fleet", "forecasts"}
APART = {
    "list",
    "merge",
    "forget",
    "plot",
    "data",
    "submit",
    "board",
    "serve",
    "run",
    "dashboard",
    "card",
    "doctor",
    "tracked",
}
RECIPES = {"train", "finetune", "offline", "pretrain", "transfer", "synthetic"}


@pytest.fixture(autouse=True)
def _screen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


def run(*words: str) -> Result:
    """Run a command; anything but an error of the package is raised."""
    result = CliRunner().invoke(cli.app, list(words))
    error = result.exception
    if error is not None and not isinstance(error, EnergyGymError | SystemExit):
        raise error
    return result


def refused(result: Result) -> bool:
    """Return whether a command refused, in one line with a value, a rule and a remedy."""
    if not isinstance(result.exception, EnergyGymError):
        return False
    assert all(" ".join(part.split()) for part in result.exception.args)
    return True


def start_of(name: str, seed: int, **keywords: Any) -> str:
    """Return a first step drawn from the test split."""
    env: Any = gym.make(name, split="test", episode_steps=None, **keywords).unwrapped
    return str(env.setup.time(int(np.random.default_rng(seed).integers(env.setup.steps - STEPS))).isoformat())


def test_every_command_is_here_or_takes_no_environment() -> None:
    commands = set(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]
    assert commands == PLAYED | APART | RECIPES


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize(
    ("more", "keywords"),
    [
        ((), {}),
        (("--actions", "discrete-3"), {"actions": "discrete-3"}),
        (("--objective", "carbon"), {"objective": "carbon"}),
        (("--objective", "joint", "--terminal", "free"), {"objective": "joint", "terminal": "free"}),
    ],
)
def test_solve(name: str, more: tuple[str, ...], keywords: dict[str, str], tmp_path: Path) -> None:
    seed = sum(map(ord, name + "".join(more)))
    table = tmp_path / "plan.csv"
    words = ("solve", name, *more, "--start", start_of(name, seed), "--steps", str(STEPS), "--time-limit", "2")
    result = run(*words, "--table", str(table))
    if refused(result):
        with pytest.raises(EnergyGymError):
            gym.make(name, **keywords)
        return
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv(table)) == STEPS
    plan = pd.read_csv(table)
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in result.stdout.splitlines()]
    found = {row[0]: row[1] for row in cells if len(row) == 2}
    assert float(found["value"].split()[0]) == pytest.approx(plan["reward"].sum(), abs=1e-5)
    money = [value for key, value in found.items() if key in cli.MONEY.values()]
    carbon = float(found["carbon"].split()[0]) if "carbon" in found else 0.0
    env: Any = gym.make(name, **keywords).unwrapped
    weights = env.setup.weights
    spent = weights.money * sum(float(value.split()[0]) for value in money) + weights.carbon * carbon
    assert -spent == pytest.approx(plan["reward"].sum(), abs=2e-3), "the figures on the screen add up to the value"


def test_weights_of_the_objective_are_options_too() -> None:
    words = ("solve", "energy_gym/Arbitrage-v1", "--steps", "24")
    values = [
        float(run(*words, *more).stdout.split("value")[1].split()[1]) for more in ((), ("--price-weight", "0.25"))
    ]
    assert values[1] == pytest.approx(0.25 * values[0], abs=1e-5)


@pytest.mark.parametrize(
    "command",
    [
        ("solve", "energy_gym/HomeSolar-v1"),
        ("recommend", "energy_gym/HomeSolar-v1"),
        ("experts", "make", "energy_gym/HomeSolar-v1"),
        ("train", "dqn", "--id", "energy_gym/HomeSolar-v1"),
        ("fleet",),
    ],
)
@pytest.mark.parametrize("option", ["--price-weight", "--wear-weight", "--carbon-price", "--refused-per-kwh"])
def test_commands_hand_weights_to_what_they_make(command: tuple[str, ...], option: str) -> None:
    """What the environment refuses has reached it."""
    if command == ("fleet",) and option in ("--carbon-price", "--refused-per-kwh"):
        return  # a fleet is asked for money, and for bids
    result = run(*command, option, "-1")
    words = f"{result.exception} {result.stderr}"
    assert result.exit_code == 1
    assert f"{option.strip('-').replace('-', '_')}=-1" in words


@pytest.mark.parametrize("command", [("solve",), ("recommend",), ("experts", "make"), ("train", "dqn", "--id")])
@pytest.mark.parametrize("objective", [(), ("--objective", "cost"), ("--objective", "carbon")])
def test_a_carbon_price_that_nothing_counts_is_refused(command: tuple[str, ...], objective: tuple[str, ...]) -> None:
    result = run(*command, "energy_gym/HomeSolar-v1", "--carbon-price", "50", *objective)
    assert result.exit_code == 1
    assert re.search(r"carbon_price=50.*counts in objective 'joint' alone", f"{result.exception} {result.stderr}")


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("more", [(), ("--actions", "discrete-3"), ("--objective", "carbon")])
def test_recommend(name: str, more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    env: Any = gym.make(name).unwrapped
    monkeypatch.setattr(trials, "WEEK_HOURS", STEPS * env.setup.feed.step_hours)
    result = run("recommend", name, "--weeks", "2", "--candidate", "idle", "--candidate", "uniform", *more)
    if not refused(result):
        assert "Recommended: " in result.stdout
        assert "left out" not in result.stdout


@pytest.mark.parametrize("name", IDS)
def test_experts(name: str) -> None:
    out = "own/every-v0"
    result = run("experts", "make", name, "--steps", str(STEPS), "--episodes", "2", "--seed", "3", "--out", out)
    if not refused(result):
        assert result.exit_code == 0, result.output
        told = run("experts", "describe", out).stdout
        assert name in told
        assert f"{2 * STEPS} in 2 episodes" in told


@pytest.mark.parametrize("name", IDS)
def test_sweep_plays_the_id_that_it_names(name: str, tmp_path: Path) -> None:
    pytest.importorskip("hydra")
    (tmp_path / "tiny.yaml").write_text("sweep: {agent.name: [idle, oracle]}", encoding="utf-8")
    words = (str(tmp_path / "tiny.yaml"), f"task.id={name}", f"task.episode_steps={STEPS}", "task.split=test")
    result = run("sweep", *words, "--out", str(tmp_path / "out"), "--workers", "1")
    env: Any = gym.make(name, split="test", episode_steps=STEPS).unwrapped
    assert refused(result) == (env.decision != "power"), result.output
    if refused(result):
        assert name in str(result.exception)
        return
    assert result.exit_code == 0, result.output
    rows = pd.read_parquet(tmp_path / "out" / "sweep.parquet")
    env.reset(seed=0)
    best = energy_gym.solve(env, continuous=True)
    assert set(rows["task.id"]) == {name}
    assert rows["oracle_value"].to_numpy() == pytest.approx(best.value, abs=1e-6)


def test_a_study_plays_a_file_of_ones_own_that_lies_beside_it(tmp_path: Path) -> None:
    pytest.importorskip("hydra")
    prices = energy_gym.synthetic(seed=5, steps=24 * 40)
    prices.to_csv(tmp_path / "mine.csv")
    tree = "task: {id: energy_gym/Microgrid-v1, data: mine.csv, split: test, episode_steps: 24}\n"
    (tmp_path / "mine.yaml").write_text(tree + "sweep: {scenario.entities.battery.capacity_kwh: [5, 10]}", "utf-8")
    result = run("sweep", str(tmp_path / "mine.yaml"), "--out", str(tmp_path / "out"), "--workers", "1")
    assert result.exit_code == 0, result.output
    rows = pd.read_parquet(tmp_path / "out" / "sweep.parquet")
    home: Any = gym.make("energy_gym/Microgrid-v1", data=prices, split="test", episode_steps=24).unwrapped
    for size, value in zip((5, 10), rows["oracle_value"], strict=True):
        scenario = home.scenario.with_battery(replace(home.scenario.battery, capacity_kwh=float(size)))
        env = gym.make("energy_gym/Microgrid-v1", data=prices, scenario=scenario, split="test", episode_steps=24)
        env.reset(seed=0)
        assert value == pytest.approx(energy_gym.solve(env, continuous=True).value, abs=1e-6)


@pytest.mark.parametrize("name", IDS)
def test_leaderboard(name: str, tmp_path: Path) -> None:
    task = {"name": "few steps", "id": name, "keywords": {"split": "test", "episode_steps": STEPS}}
    tree = {"title": "Tiny", "description": "One task.", "agents": ["idle", "uniform", "mpc"], "tasks": [task]}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    result = run("leaderboard", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "out"), "--workers", "1")
    assert result.exit_code == 0, result.output
    runs = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))["runs"]
    assert {row["agent"] for row in runs} >= {"idle", "uniform"}


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Keep each recipe from training and playing; return the environments that it would have learnt from."""
    found: list[Any] = []

    def fit(self: Any, source: Any = None, **_: Any) -> Any:
        found.append((self.env if source is None else source).unwrapped)
        return self

    monkeypatch.setattr(Learner, "fit", fit)
    monkeypatch.setattr(Learner, "adopt", lambda self, other: [])
    monkeypatch.setattr(agent_class("dqn"), "follow", lambda self, data: self)
    monkeypatch.setattr(comparison, "solve", lambda env, **_: None)
    monkeypatch.setattr(comparison, "evaluate", lambda *_, **__: SimpleNamespace(score=1.0, regret=0.0, return_=0.0))
    return found


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_a_recipe_learns_on_the_id_that_it_names(name: str, recipe: str, learnt: list[Any]) -> None:
    pytest.importorskip("stable_baselines3")
    pytest.importorskip("d3rlpy")
    then = ["--then", OWN.get(name, "synthetic")] if recipe == "pretrain" else []
    few = ["--months", "1"] if recipe in ("finetune", "offline") else []
    result = run(recipe, "--id", name, "--seeds", "1", *then, *few)
    if name == "energy_gym/FleetReserve-v1" and recipe in ("pretrain", "synthetic"):
        assert result.exit_code == result.stderr.count("\n") == 1, "what the recipes train chooses one of a few actions"
        return
    if (name, recipe) == ("energy_gym/Commercial-v1", "synthetic"):
        assert "the data have steps of 60 min" in result.stderr
        return
    assert result.exit_code == 0, result.output
    assert "score" in result.stdout
    assert {type(env) for env in learnt} == {type(gym.make(name).unwrapped)}


def test_a_recipe_learns_on_two_files_of_ones_own(tmp_path: Path, learnt: list[Any]) -> None:
    pytest.importorskip("stable_baselines3")
    for place, seed in enumerate((1, 2)):
        energy_gym.synthetic(seed=seed, steps=24 * 60).to_csv(tmp_path / f"{place}.csv")
    first, then = (str(tmp_path / f"{place}.csv") for place in (0, 1))
    site = ("--id", "energy_gym/Microgrid-v1")
    assert run("pretrain", *site, "--first", first, "--then", then, "--seeds", "1").exit_code == 0
    assert run("synthetic", *site, "--data", then, "--seeds", "1").exit_code == 0
    assert {env.setup.feed.own for env in learnt[:4]} == {True}
    assert [env.setup.feed.own for env in learnt[-2:]] == [True, False]


def test_an_agent_that_hands_no_layers_on_is_refused() -> None:
    for recipe in ("pretrain", "synthetic"):
        result = run(recipe, "--agent", "l2o")
        assert result.exit_code == 1
        assert "hands no layers on; choose one of" in result.stderr


def test_a_second_market_is_named_where_the_id_has_no_usual_one() -> None:
    result = run("pretrain", "--id", "energy_gym/Microgrid-v1")
    assert result.exit_code == 1
    assert "pass --then" in result.stderr


@pytest.mark.parametrize("fleet", sorted(PRESETS))
def test_fleet(fleet: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    pytest.importorskip("plotly")
    if usual := {"dk2": "dk2-2021", "nem": "nem-nsw1"}.get(fleet):
        request.getfixturevalue("real_data")
    words = ("--dataset", usual) if usual else ()
    page = tmp_path / "fleet.html"
    result = run("fleet", "--fleet", fleet, *words, "--steps", str(STEPS), "--time-limit", "5", "--out", str(page))
    assert refused(result) or page.is_file(), result.output


@pytest.mark.parametrize("dataset", ["ercot-2021-2022", "california-homes-2016", "commercial", "synthetic", "no-such"])
def test_forecasts(dataset: str) -> None:
    result = run("forecasts", dataset, "--forecast", "yesterday", "--forecast", "mean", "--steps", str(STEPS))
    if not refused(result):
        assert (result.exit_code == 0) == ("yesterday" in result.stdout.partition("left out")[0])


def test_a_candidate_that_is_no_agent_is_told_as_such() -> None:
    result = run("recommend", "energy_gym/Arbitrage-v1", "--weeks", "1", "--candidate", "mcp")
    assert result.exit_code == 1
    assert "did you mean 'mpc'?" in " ".join(result.stdout.split())
    assert result.stdout.splitlines()[-1] == "Recommended: none. None could be played."
