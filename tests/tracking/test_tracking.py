"""Runs told to MLflow and Weights & Biases: kept, registered, loaded again to the same digit, and played again."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from energy_gym.cli.app import app as cli
from energy_gym.errors import ConfigurationError, MissingExtraError, UnknownIdError, install_command
from energy_gym.leaderboard.board import run_suite
from energy_gym.leaderboard.results import read_results
from energy_gym.leaderboard.stress_board import run_stress
from energy_gym.leaderboard.suites import Suite, Task
from energy_gym.paths import recipe
from energy_gym.recipes import run as run_recipe
from energy_gym.replaying import replayed
from energy_gym.sweeps import Experiment, run_sweep
from energy_gym.tracking import Tracked, open_tracker
from energy_gym.tracking.protocol import Model

KEYWORDS = {"dataset": "ercot-2021-2022", "split": "test", "episode_steps": 48}
TASK = Task("days", "energy_gym/Arbitrage-v1", KEYWORDS)
LEARNER = "dqn"


class Listening:
    """A tracker that keeps what it is told in a list."""

    def __init__(self) -> None:
        self.runs: list[Tracked] = []

    def log(self, run: Tracked) -> str:
        self.runs.append(run)
        return str(len(self.runs))


class Broken:
    def log(self, run: Tracked) -> str:
        raise OSError("no space left")


def suite(*agents: str) -> Suite:
    return Suite("tiny", "Tiny", "Two days.", agents, (TASK,), {LEARNER: 100}, 1)


def played(folder: Path, tracker: object, *agents: str) -> object:
    return run_suite(suite(*agents), folder, workers=1, tracker=tracker)


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Return a tracker that keeps its runs in a folder, which is quicker than a database."""
    pytest.importorskip("mlflow", reason="the extra track is not installed")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "runs").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return open_tracker("mlflow")


def runs(tracker: object, experiment: str) -> dict[str, object]:
    client = tracker._client
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    return {run.info.run_name: run for run in found}


def test_a_leaderboard_is_tracked_its_agent_registered_loaded_and_scored_to_the_same_digit(mlflow, tmp_path) -> None:
    pytest.importorskip("stable_baselines3")
    frame = played(tmp_path / "board", mlflow, "threshold", LEARNER).set_index("agent")
    kept = runs(mlflow, "leaderboard/tiny")
    assert set(kept) == {"days threshold seed 0", f"days {LEARNER} seed 0", "board"}
    run = kept[f"days {LEARNER} seed 0"]
    assert run.data.metrics["score"] == frame.loc[LEARNER, "score"]
    assert {"task": "days", "agent": LEARNER, "sha256.data": TASK.hashes["data"]}.items() <= run.data.params.items()
    splits = {item.tags[0].value: item.dataset for item in run.inputs.dataset_inputs}
    assert set(splits) == {"train", "validation", "test"}
    assert len({its.digest for its in splits.values()}) == 3
    curve = read_results(tmp_path / "board").curves
    told = mlflow._client.get_metric_history(run.info.run_id, "score")
    assert len(told) == 1 + (curve["figure"] == "score").sum()
    files = {item.path for item in mlflow._client.list_artifacts(kept["board"].info.run_id)}
    assert {"LEADERBOARD.md", "results.json"} <= files
    for agent in ("threshold", LEARNER):
        folder = mlflow.fetch(f"tiny.days.{agent}", "champion", tmp_path / agent)
        again = run_suite(suite(str(folder)), tmp_path / f"again-{agent}", workers=1)
        assert again["score"].item() == frame.loc[agent, "score"]
        assert (folder / "README.md").is_file(), "a registered agent has its card"
    record = mlflow.record(run.info.run_id)
    assert replayed(record).same
    (tmp_path / "record.json").write_text(json.dumps({**record, "figures": {**record["figures"], "score": 0.25}}))
    said = CliRunner().invoke(cli, ["tracked", "replay", str(tmp_path / "record.json")])
    assert said.exit_code == 1
    assert f"1 of {len(record['figures'])} figures differ" in said.output


def test_what_a_run_was_made_with_is_named_where_it_has_changed(tmp_path) -> None:
    heard = Listening()
    played(tmp_path, heard, "idle")
    record = json.loads(json.dumps(heard.runs[0].record, default=str))
    for name in ("data", "scenario"):
        with pytest.raises(ConfigurationError, match=f"the {name} of task 'days': is not what the run was made with"):
            replayed({**record, "hashes": {**record["hashes"], name: "0" * 64}})
    with pytest.raises(ConfigurationError, match="kind 'night': cannot be played again"):
        replayed({**record, "kind": "night"})
    with pytest.raises(ConfigurationError, match="lacks 'figures'"):
        replayed({name: value for name, value in record.items() if name != "figures"})
    (tmp_path / "no.json").write_text("[")
    with pytest.raises(ConfigurationError, match="is no record of a run"):
        replayed(tmp_path / "no.json")


def test_what_is_there_already_is_not_told_again_and_a_tracker_that_fails_loses_no_result(tmp_path) -> None:
    with pytest.warns(RuntimeWarning, match=r"is not tracked .*no space left"):
        frame = played(tmp_path, Broken(), "idle")
    assert frame["agent"].tolist() == ["idle"]
    heard = Listening()
    played(tmp_path, heard, "idle")
    assert [run.name for run in heard.runs] == ["board"]


def test_what_fails_is_told_with_its_reason(tmp_path, monkeypatch) -> None:
    (tmp_path / "failing_agent.py").write_text(
        "class Fails:\n    stochastic = False\n    def __init__(self, env, seed): pass\n"
        "    def reset(self): pass\n    def act(self, observation, info): raise ValueError('no idea')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    heard = Listening()
    played(tmp_path / "out", heard, "failing_agent:Fails")
    assert heard.runs[0].error is not None
    assert "no idea" in heard.runs[0].error
    assert heard.runs[0].model is None


def test_the_best_is_the_champion_and_the_last_the_candidate(mlflow, tmp_path) -> None:
    def told(score: float, task: str = "one") -> Tracked:
        files = {"agent.yaml": repr(score).encode()}
        return Tracked("experiment", str(score), model=Model("agent", files, 3, 1, False, score, task))

    expected = {0.5: 0.5, 0.2: 0.5, 0.7: 0.7}
    for score, best in expected.items():
        mlflow.log(told(score))
        held = {
            alias: mlflow.fetch("agent", alias, tmp_path / f"{score}-{alias}") for alias in ("champion", "candidate")
        }
        assert {alias: float((path / "agent.yaml").read_text()) for alias, path in held.items()} == {
            "champion": best,
            "candidate": score,
        }
    mlflow.log(told(0.1, task="another"))
    assert (mlflow.fetch("agent", "champion", tmp_path / "other") / "agent.yaml").read_text() == "0.1"
    for asked in (("nobody", "champion"), ("agent", "of-the-heart")):
        with pytest.raises(ConfigurationError, match=r"tracking at file:.*cannot be used"):
            mlflow.fetch(*asked, tmp_path / "none")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        mlflow.record("0" * 32)


def test_a_recipe_is_tracked_in_a_database_and_its_model_answers_observations(tmp_path, monkeypatch) -> None:
    pyfunc = pytest.importorskip("mlflow.pyfunc", reason="the extra track is not installed")
    pytest.importorskip("stable_baselines3")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    words = ["dqn", "--steps", "100", "--beside", "idle", "--seeds", "1", "--track", "mlflow"]
    with pytest.raises(SystemExit) as end:
        run_recipe(runpy.run_path(str(recipe("train")))["main"], words, "energy-gym train")
    assert end.value.code == 0
    assert (tmp_path / "mlflow.db").is_file()
    tracker = open_tracker("mlflow")
    kept = runs(tracker, "recipe/train")
    assert len(kept) == 2
    run = next(run for name, run in kept.items() if "dqn, seed 0" in name)
    assert replayed(tracker.record(run.info.run_id)).same
    model = pyfunc.load_model(str(Path(run.info.artifact_uri) / "model"))
    slots = model.metadata.signature.inputs.inputs[0].shape[1]
    assert model.predict(np.zeros((3, slots), dtype=np.float32)).shape == (3,)


def test_a_recipe_on_data_that_have_changed_is_refused_before_it_trains(tmp_path, monkeypatch) -> None:
    hours = pd.date_range("2024-01-01", periods=24 * 60, freq="h", tz="UTC", name="time")
    frame = pd.DataFrame({"price_per_mwh": 50.0 + 20.0 * np.sin(hours.hour / 4.0)}, hours)
    frame.to_csv(tmp_path / "mine.csv")
    heard = Listening()
    monkeypatch.setattr("energy_gym.recipes.comparison.open_tracker", lambda _: heard)
    words = ["bc", "--steps", "20", "--beside", "idle", "--seeds", "1", "--data", str(tmp_path / "mine.csv")]
    with pytest.raises(SystemExit):
        run_recipe(runpy.run_path(str(recipe("train")))["main"], [*words, "--track", "mlflow"], "energy-gym train")
    record = json.loads(json.dumps(heard.runs[-1].record, default=str))
    assert replayed(record).same
    frame.iloc[-1] += 1.0
    frame.to_csv(tmp_path / "mine.csv")
    with pytest.raises(ConfigurationError, match=r"the test data of .*: is not what the run was made with"):
        replayed(record)


def test_stress_is_tracked_and_played_again(tmp_path) -> None:
    heard = Listening()
    frame = run_stress(suite("threshold"), tmp_path, workers=1, tracker=heard)
    *runs, board = heard.runs
    assert [(run.experiment, run.parameters["stress"]) for run in runs] == [
        ("stress/tiny", name) for name in frame["stress"]
    ]
    told = {run.parameters["stress"]: run for run in runs}
    for row in frame[frame["error"] == ""].itertuples():
        assert (told[row.stress].figures["score"], told[row.stress].figures["distance"]) == (row.score, row.distance)
    assert all(told[row.stress].error == row.error for row in frame[frame["error"] != ""].itertuples())
    assert set(board.files) == {"stress.json", "STRESS.md"}
    record = json.loads(json.dumps(told["worn-battery"].record, default=str))
    assert replayed(record).same
    with pytest.raises(ConfigurationError, match="the data of task 'days': is not what"):
        replayed({**record, "hashes": {**record["hashes"], "data": "0" * 64}})


def test_a_sweep_is_tracked_point_by_point(tmp_path) -> None:
    tree = {"task": {"episode_steps": 24}, "sweep": {"scenario.entities.battery.capacity_kwh": [5, 10]}}
    heard = Listening()
    frame = run_sweep(Experiment.from_tree("size", tree), tmp_path, workers=1, tracker=heard)
    *points, whole = heard.runs
    assert [run.figures["score"] for run in points] == frame["score"].tolist()
    assert [run.parameters["scenario.entities.battery.capacity_kwh"] for run in points] == [5, 10]
    assert {"sweep.parquet", "sweep.json"} <= set(whole.files)
    assert yaml.safe_load(points[0].files["scenario.yaml"])["entities"]["battery"]["capacity_kwh"] == 5
    assert replayed(json.loads(json.dumps(points[1].record, default=str))).same


def test_weights_and_biases_keeps_the_same_offline(tmp_path, monkeypatch) -> None:
    pytest.importorskip("wandb", reason="the extra wandb is not installed")
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_MODE", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    tracker = open_tracker("wandb")
    heard = Listening()
    played(tmp_path / "board", heard, "threshold")
    record = tracker.record(tracker.log(heard.runs[0]))
    assert replayed(record).same
    with pytest.raises(ConfigurationError, match=r"model 'x': .*WANDB_MODE is not online"):
        tracker.fetch("x", "champion", tmp_path / "x")


def test_a_missing_library_is_told_with_the_line_that_installs_it(monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    for tracker, extra in {"mlflow": "track", "wandb": "wandb"}.items():
        with pytest.raises(MissingExtraError) as raised:
            open_tracker(tracker)
        assert str(raised.value) == f"{tracker}: is not installed; run: {install_command(extra)}"
    with pytest.raises(UnknownIdError, match="did you mean 'mlflow'"):
        open_tracker("mlfow")


def test_nothing_of_a_tracker_is_imported_unless_it_is_asked_for(tmp_path) -> None:
    stated = {"title": "Tiny", "description": "", "agents": ["idle"], "seeds": 1}
    task = {"name": "days", "id": TASK.id, "keywords": KEYWORDS}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({**stated, "tasks": [task]}))
    words = ["leaderboard", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "out"), "--workers", "1"]
    code = (
        "import sys\nfrom energy_gym.cli.app import app\n"
        f"app({words!r}, standalone_mode=False)\n"
        "print('imported:', *({'mlflow', 'wandb'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=200)
    assert done.stdout.splitlines()[-1].strip() == "imported:"
