"""The scripts that train with other libraries run on every kind of decision that each takes, and end with a score."""

from __future__ import annotations

import runpy
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "trainers"
# By script: what it imports, arguments that make it short, and the ids it is tried on beside the first. Names of the
# library as a user installs it where that is another.
SCRIPTS: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "sb3_ppo": ("stable_baselines3", {"steps": 256, "envs": 2}, ("Microgrid", "Bidding", "FleetReserve")),
    "cleanrl_dqn": ("torch", {"steps": 512, "envs": 8}, ("Microgrid", "Bidding")),
    "d3rlpy_cql": ("d3rlpy", {"steps": 10, "weeks": 1}, ("Microgrid",)),
    "rllib_ppo": ("ray.rllib", {"steps": 256}, ("Microgrid",)),
    "torchrl_dqn": ("torchrl.envs", {"steps": 256}, ("Microgrid",)),
    "tianshou_dqn": ("tianshou.data", {"steps": 320, "envs": 2}, ("Microgrid",)),
}
CASES = [(script, name) for script, (_, _, more) in SCRIPTS.items() for name in ("Arbitrage", *more)]

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="not a checkout")


def test_every_script_is_run() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(SCRIPTS)


@pytest.mark.parametrize(("script", "name"), CASES)
def test_a_script_trains_and_is_scored(script: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module, short, _ = SCRIPTS[script]
    with warnings.catch_warnings():
        # What other libraries warn of is their own business.
        warnings.simplefilter("ignore")
        pytest.importorskip(module, reason=f"{module} is not installed", exc_type=ImportError)
        assert f"energy_gym/{name}-v1" in gym.registry
        main = runpy.run_path(str(FOLDER / f"{script}.py"))["main"]
        score = main(f"energy_gym/{name}-v1", episode_steps=24, **short)
    assert score <= 1.0
    assert f"energy_gym/{name}-v1: score {score:.3f}" in capsys.readouterr().out
