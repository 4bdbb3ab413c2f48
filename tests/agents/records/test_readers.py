"""Trajectories in other libraries: the same numbers, timeouts and no terminals, advice to clone, and no banner."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import energy_gym
from energy_gym.agents.records.experts import record_expert
from energy_gym.agents.records.readers import to_d3rlpy, to_imitation
from energy_gym.agents.records.trajectories import Trajectories
from energy_gym.errors import DataError, MissingExtraError, install_command

ID = "energy_gym/Arbitrage-v1"
KINDS = ("continuous", "discrete-5")


def recorded(actions: str, noise: float = 0.3) -> Trajectories:
    return record_expert(gym.make(ID, actions=actions, episode_steps=30), noise=noise, episodes=3)


@pytest.fixture
def d3rlpy() -> Any:
    pytest.importorskip("d3rlpy", reason="d3rlpy is not installed")
    from energy_gym.agents.records.readers import import_d3rlpy

    return import_d3rlpy()


@pytest.fixture
def imitation() -> Any:
    pytest.importorskip("imitation.data.types", reason="imitation is not installed")


@pytest.mark.parametrize("actions", KINDS)
def test_d3rlpy_has_the_same_numbers(d3rlpy: Any, actions: str) -> None:
    data = recorded(actions)
    dataset = to_d3rlpy(data)
    assert isinstance(dataset, d3rlpy.dataset.MDPDataset)
    assert len(dataset.episodes) == 3
    assert dataset.transition_count == len(data) - 3
    for mine, theirs in zip(data.episodes, dataset.episodes, strict=True):
        assert not theirs.terminated
        assert theirs.observations.tobytes() == mine.observations[:-1].tobytes()
        assert theirs.actions.tobytes() == mine.actions.tobytes()
        assert theirs.rewards.ravel().tolist() == mine.rewards.tolist()
    info = dataset.dataset_info
    kind = d3rlpy.constants.ActionSpace.CONTINUOUS if actions == "continuous" else d3rlpy.constants.ActionSpace.DISCRETE
    assert (info.action_space, info.action_size) == (kind, 1 if actions == "continuous" else 5)


def test_d3rlpy_knows_levels_that_were_never_played(d3rlpy: Any) -> None:
    data = record_expert(gym.make(ID, actions="discrete-7", episode_steps=24), window=1)
    assert set(data.actions.tolist()) != set(range(7))
    assert to_d3rlpy(data).dataset_info.action_size == 7


def test_d3rlpy_learns_from_it(d3rlpy: Any) -> None:
    config = d3rlpy.algos.DiscreteCQLConfig(batch_size=16)
    learner = config.create(device="cpu:0")
    adapter = d3rlpy.logging.NoopAdapterFactory()
    dataset = to_d3rlpy(recorded("discrete-5"))
    learner.fit(dataset, n_steps=2, n_steps_per_epoch=2, logger_adapter=adapter, show_progress=False)
    assert learner.predict(dataset.episodes[0].observations[:4]).shape == (4,)


def test_features_and_rewards_of_the_callers_own(d3rlpy: Any, imitation: Any) -> None:
    data = recorded("continuous")
    features = np.repeat(np.arange(len(data.rows), dtype=np.float64)[:, None], 2, axis=1)
    dataset = to_d3rlpy(data, observations=features, rewards=data.rewards * 10.0)
    assert [episode.observations[0, 0] for episode in dataset.episodes] == [0.0, 31.0, 62.0]
    assert dataset.episodes[0].observations.dtype == np.float32
    assert dataset.episodes[2].rewards.ravel().tolist() == (data.episodes[2].rewards * 10.0).tolist()
    transitions = to_imitation(data, observations=features)
    assert (transitions.next_obs - transitions.obs == 1.0).all()
    assert data.rewards.flags.writeable and data.rows.flags.writeable


@pytest.mark.parametrize("actions", KINDS)
def test_imitation_gets_the_advice(imitation: Any, actions: str) -> None:
    data = recorded(actions)
    transitions = to_imitation(data)
    assert transitions.obs.tobytes() == data.observations.tobytes()
    assert transitions.next_obs.tobytes() == data.next_observations.tobytes()
    assert transitions.acts.tobytes() == data.advice.tobytes() != data.actions.tobytes()
    assert transitions.dones.tolist() == data.timeouts.tolist()
    assert to_imitation(data, played=True).acts.tobytes() == data.actions.tobytes()
    data.advice.setflags(write=True)  # handing over froze nothing of ours


@pytest.mark.parametrize("rows", [90, 92])
def test_rows_that_do_not_fit_are_refused(rows: int) -> None:
    data = recorded("continuous")
    for hand_over in (to_d3rlpy, to_imitation):
        with pytest.raises(DataError, match=r"must be \(93, features\)"):
            hand_over(data, observations=np.zeros((rows, 4)))
    with pytest.raises(DataError, match="rewards of shape"):
        to_d3rlpy(data, rewards=np.zeros(rows - 1))


@pytest.mark.parametrize(("hand_over", "package"), [(to_d3rlpy, "d3rlpy"), (to_imitation, "imitation")])
def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch, hand_over: Any, package: str) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    extra = "offline" if package == "d3rlpy" else "imitation"
    with pytest.raises(MissingExtraError, match=rf"{package}: .*{re.escape(install_command(extra))}"):
        hand_over(recorded("discrete-5"))


@pytest.mark.parametrize(("reader", "package"), [("import_d3rlpy", "d3rlpy"), ("import_imitation", "imitation")])
def test_no_banner_and_no_warning(reader: str, package: str) -> None:
    pytest.importorskip(package, reason=f"{package} is not installed")
    code = f"from energy_gym.agents.records.readers import {reader}; {reader}()"
    home = str(Path(energy_gym.__file__).parents[1])
    words = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(
        words, capture_output=True, text=True, timeout=120, check=False, env={"PYTHONPATH": home, "PATH": ""}
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
