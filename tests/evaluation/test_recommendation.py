"""``recommend``: candidates on the same weeks of the validation split, ranked within a limit, compared week by week."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Scenario, cli
from energy_gym.agents import Agent, make_agent
from energy_gym.errors import ConfigurationError, MissingExtraError, NonPositiveError, UnknownIdError, install_command
from energy_gym.evaluation.recommendation import Recommendation

ID = "energy_gym/Arbitrage-v1"
SAFE = ("idle", "threshold", "mpc")


class Lacking(Agent):
    name = "lacking"

    def __init__(self, env: Any, seed: int = 0) -> None:
        raise MissingExtraError.of("torch", "sb3")

    def act(self, observation: Any, info: Any) -> Any:
        raise NotImplementedError


@pytest.fixture(scope="module")
def found() -> Recommendation:
    return energy_gym.recommend(ID, candidates=[*SAFE, "dqn", "peak-shaving", "mcp"], weeks=3, forecast="yesterday")


def test_every_week_is_that_of_a_plain_evaluation(found: Recommendation) -> None:
    env: Any = gym.make(ID, split="validation", forecast="yesterday", episode_steps=None)
    setup = env.unwrapped.setup
    agent = make_agent("mpc", env)
    firsts = [0, round((setup.steps - 168) / 2), setup.steps - 168]
    played = [energy_gym.evaluate(agent, env, options={"start": setup.time(first), "steps": 168}) for first in firsts]
    trial = next(trial for trial in found.trials if trial.name == "mpc")
    assert trial.returns.tolist() == pytest.approx([result.return_ for result in played], abs=1e-9)
    best = sum(result.oracle_value for result in played)
    assert trial.score == pytest.approx(trial.returns.sum() / best, abs=1e-9)
    assert trial.spent == pytest.approx(np.mean([result.parts["energy_cost"] for result in played]), abs=1e-9)


def test_the_best_and_its_margin(found: Recommendation) -> None:
    best, following = found.best, found.runner_up
    assert best is not None and following is not None and found.margin is not None
    assert (best.name, following.name, [trial.name for trial in found.trials][2]) == ("mpc", "threshold", "idle")
    apart = best.returns - following.returns
    assert found.margin.value == pytest.approx(apart.mean())
    assert apart.min() <= found.margin.low <= found.margin.value <= found.margin.high <= apart.max()
    assert found.certain == (found.margin.low > 0.0)
    assert found.table["name"].tolist() == [trial.name for trial in found.trials]
    assert (found.table["median_ms"] <= found.table["slow_ms"]).all() and found.weeks == 3


def test_what_could_not_play_is_told(found: Recommendation) -> None:
    assert set(found.left_out) == {"dqn", "peak-shaving", "mcp"}
    assert "has to be trained first" in found.left_out["dqn"]
    assert "demand charge" in found.left_out["peak-shaving"]
    assert "did you mean 'mpc'" in found.left_out["mcp"]


def test_a_missing_library_is_told() -> None:
    sys.modules["lacking_agent"] = sys.modules[__name__]
    found = energy_gym.recommend(ID, candidates=["idle", "lacking_agent:Lacking"], weeks=1)
    assert found.left_out == {"lacking_agent:Lacking": f"torch: is not installed; run: {install_command('sb3')}"}
    assert (found.margin, found.certain, found.weeks) == (None, False, 1)


def test_a_limit_that_nobody_keeps_leaves_none() -> None:
    found = energy_gym.recommend(ID, candidates=SAFE, latency_ms=1e-6, weeks=4)
    assert (found.best, found.runner_up, found.margin) == (None, None, None)
    assert [len(trial.returns) for trial in found.trials] == [1, 1, 1]
    assert not found.table["in_time"].any()


def test_annealing_keeps_to_the_limit_it_is_given(series: pd.DataFrame) -> None:
    found = energy_gym.recommend(ID, data=series, candidates=["annealing"], latency_ms=1e-3, weeks=1, horizon=2)
    assert found.trials[0].median_ms < 30.0
    assert found.split == "all of the data given"


def test_trained_agents_come_from_their_folders(tmp_path: Path) -> None:
    for name, horizon in (("fits", 24), ("other", 5)):
        env = gym.make(ID, actions="discrete-3", horizon=horizon)
        make_agent("threshold", env).fit().save(tmp_path / name)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "agent.yaml").write_text("agent: [", encoding="utf-8")
    folders = [tmp_path / name for name in ("fits", "other", "broken")]
    found = energy_gym.recommend(ID, candidates=["idle"], trained=folders, weeks=1)
    actions = {trial.name: trial.actions for trial in found.trials}
    assert actions == {"idle": "continuous", str(folders[0]): "discrete-3"}
    assert "slots" in found.left_out[str(folders[1])]
    assert "cannot be read" in found.left_out[str(folders[2])]


def test_a_scenario_of_ones_own(series: pd.DataFrame, tmp_path: Path) -> None:
    scenario = Scenario().with_battery(Battery(capacity_kwh=8.0, wear_per_kwh=0.01))
    (tmp_path / "own.yaml").write_text(scenario.to_yaml(), encoding="utf-8")
    found = [
        energy_gym.recommend(named, data=series, published="always", candidates=["idle", "mpc"], weeks=1)
        for named in (scenario, tmp_path / "own.yaml", str(tmp_path / "own.yaml"))
    ]
    assert [one.best.name for one in found if one.best is not None] == ["mpc"] * 3
    assert len({one.trials[0].spent for one in found}) == 1


def test_the_usual_candidates_are_all_that_do_not_learn(series: pd.DataFrame) -> None:
    found = energy_gym.recommend(ID, data=series, weeks=1, latency_ms=1e-6, horizon=2)
    names = {trial.name for trial in found.trials} | set(found.left_out)
    assert {"annealing", "idle", "mpc", "threshold", "tariff-clock", "self-consumption", "peak-shaving"} <= names
    assert not names & {"dqn", "bc", "uniform"}


@pytest.mark.parametrize(
    ("named", "error"),
    [
        ({"split": "test"}, ConfigurationError),
        ({"episode_steps": 24}, ConfigurationError),
        ({"capacity": 3.0}, ConfigurationError),
        ({"weeks": 0}, NonPositiveError),
        ({"latency_ms": -1.0}, NonPositiveError),
        ({"latency_ms": float("nan")}, NonPositiveError),
        ({"dataset": "ercott"}, UnknownIdError),
    ],
)
def test_bad_input(named: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        energy_gym.recommend(ID, candidates=["idle"], **named)


def test_unknown_and_foreign_ids() -> None:
    with pytest.raises(UnknownIdError, match="did you mean"):
        energy_gym.recommend("energy_gym/Arbitrag-v0")
    with pytest.raises(ConfigurationError):
        energy_gym.recommend("CartPole-v1")


def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "argv", ["energy-gym", "recommend", *words])
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = int(end.code or 0)
    return code, *capsys.readouterr()


def test_the_screen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("--weeks", "2", "--candidate", "mpc", "--candidate", "idle", "--candidate", "cql", "--latency-ms", "5000")
    code, out, err = command(capsys, monkeypatch, ID, *words)
    assert code == 0 and "mpc done" in err
    assert "limit 5000 ms" in out and "left out: cql: has to be trained first" in out
    assert "Recommended: mpc (score " in out and "margin over idle: " in out and "USD a week" in out
    table, _, _ = out.partition("left out")
    assert all(len(line.rstrip()) <= 80 for line in table.splitlines())


def test_the_screen_without_a_candidate_in_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = command(capsys, monkeypatch, ID, "--latency-ms", "0.000001", "--candidate", "mpc")
    assert code == 1
    assert "Recommended: none. No candidate decides within 1e-06 ms." in out and "1 of 8 weeks" in out
    code, _, err = command(capsys, monkeypatch, "energy_gym/Arbitrag-v0")
    assert code == 1 and "did you mean" in err and "Traceback" not in err
