"""The recipes run, end with a table that compares, and are the commands of the command line."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import gymnasium as gym
import pytest

from energy_gym.cli.recipes import RECIPES
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.recipes import learner, prepared, rules
from energy_gym.recipes import run as recipe_run

ROOT = Path(__file__).resolve().parents[1]
TINY = {
    "train": ["--agent", "dqn", "--steps", "300", "--beside", "idle,threshold"],
    "finetune": ["--steps", "300", "--batches", "20", "--months", "1"],
    "offline": ["--steps", "300", "--batches", "20", "--months", "1"],
    "pretrain": ["--before", "300", "--steps", "300"],
    "transfer": ["--before", "300", "--steps", "300"],
    "synthetic": ["--steps", "300"],
}
NEEDS = {"finetune": "imitation", "offline": "d3rlpy"}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    command = [sys.executable, "-W", "error", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


def test_every_file_is_a_command_and_every_command_a_file() -> None:
    assert {path.stem for path in (ROOT / "agents").glob("*.py")} == set(RECIPES)
    assert set(TINY) == set(RECIPES)


@pytest.mark.parametrize("name", sorted(TINY))
def test_it_ends_with_a_table(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not imported here, where libraries would print what the recipe keeps quiet.
    for library in ("stable_baselines3", NEEDS.get(name, "stable_baselines3")):
        if find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    monkeypatch.setenv("COLUMNS", "80")
    words = [*TINY[name], "--seeds", "1", "--save", str(tmp_path)]
    with pytest.raises(SystemExit) as end:
        recipe_run(runpy.run_path(str(ROOT / "agents" / f"{name}.py"))["main"], words)
    told = capsys.readouterr()
    assert (end.value.code, told.err) == (0, "")
    assert "score" in told.out
    assert "regret" in told.out
    assert max(len(line) for line in told.out.splitlines()) <= 80
    assert list(tmp_path.glob("*/agent.yaml"))


def test_a_file_runs_by_itself_without_a_warning() -> None:
    pytest.importorskip("stable_baselines3")
    result = run(str(ROOT / "agents" / "train.py"), *TINY["train"], "--seeds", "1")
    assert (result.returncode, result.stderr) == (0, "")
    assert "score" in result.stdout


def test_the_command_line_passes_words_on() -> None:
    result = run("-c", "from energy_gym.cli import main; main()", "pretrain", "--help")
    assert result.returncode == 0
    assert "energy-gym pretrain" in result.stdout
    assert "--before" in result.stdout


def test_an_agent_may_be_named_first() -> None:
    result = run(
        "-c", "from energy_gym.cli import main; main()", "train", "l2o", "--tensorboard", "logs", "--seeds", "1"
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert "l2o' writes no such logs" in result.stderr


def test_a_mistake_is_one_line() -> None:
    result = run(str(ROOT / "agents" / "train.py"), "--agent", "mpc")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "error: agent 'mpc': does not learn; choose one of bc, cql, dqn, l2o, ppo, sac\n"


@pytest.mark.parametrize(("names", "said"), [("idle,ppo", "'ppo': learns"), ("idel", "did you mean 'idle'")])
def test_only_what_needs_no_training_stands_beside(names: str, said: str) -> None:
    with pytest.raises((ConfigurationError, UnknownIdError), match=said):
        rules(names)


def test_only_what_learns_is_prepared() -> None:
    assert prepared("sac", None).actions == prepared("l2o", None).actions == "continuous"
    assert prepared("bc", "discrete-5").actions == "discrete-5"
    with pytest.raises(ConfigurationError, match="does not learn"):
        prepared("idle", None)


def test_a_device_that_an_agent_does_not_learn_on_is_refused() -> None:
    env = gym.make("energy_gym/HomeSolar-v1", split="test", episode_steps=24)
    assert learner("l2o", env, 0, device="auto").learns
    with pytest.raises(ConfigurationError, match=r"device='cuda': agent 'l2o' learns on the CPU alone; leave it out"):
        learner("l2o", env, 0, device="cuda")


@pytest.mark.parametrize(
    "first",
    [
        "from energy_gym.agents.records.readers import import_d3rlpy; import_d3rlpy()",
        "from energy_gym.agents.records.readers import import_imitation; import_imitation()",
        "import energy_gym.agents.sb3_vec",
    ],
)
def test_whichever_library_comes_first_the_old_gym_prints_no_banner(first: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", first], env=environment, capture_output=True, text=True, check=False)
    if "MissingExtraError" in result.stderr or "No module named" in result.stderr:
        pytest.skip("not installed")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
