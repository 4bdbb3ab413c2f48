"""Expert data on disk: bit for bit what was recorded, whole or not at all, and refused where damaged or foreign."""

from __future__ import annotations

import json
import re
import sys
import warnings
from dataclasses import fields
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery
from energy_gym.agents.records import minari_store
from energy_gym.agents.records.experts import record_expert
from energy_gym.agents.records.keywords import made_keywords
from energy_gym.agents.records.minari_folder import describe_trajectories, list_trajectories
from energy_gym.agents.records.minari_store import (
    default_name,
    read_trajectories,
    usual_name,
    write_trajectories,
)
from energy_gym.agents.records.trajectories import Trajectories
from energy_gym.errors import ConfigurationError, MissingExtraError, StorageError, UnknownIdError, install_command
from energy_gym.scenarios.registration import MARKETS, SCENARIOS

ID = "energy_gym/Arbitrage-v1"
NAME = "energy-gym/arbitrage-ercot-2021-2022/oracle-v1"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("minari", reason="Minari is not installed")
    pytest.importorskip("h5py", reason="h5py is not installed")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def expert() -> Trajectories:
    return record_expert(gym.make(ID, episode_steps=30), episodes=3, seed=1)


def same(one: Trajectories, other: Trajectories) -> bool:
    for mine, theirs in zip(one.episodes, other.episodes, strict=True):
        for field in fields(mine):
            left, right = getattr(mine, field.name), getattr(theirs, field.name)
            if isinstance(left, np.ndarray):
                assert (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes())
            else:
                assert left == right and type(left) is type(right)
        assert mine.return_ == theirs.return_
    rest = [name for name in (field.name for field in fields(one)) if name != "episodes"]
    return all(getattr(one, name) == getattr(other, name) for name in rest)


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize("actions", ["continuous", "discrete-3"])
@pytest.mark.parametrize("noise", [0.0, 0.25])
def test_read_back_bit_for_bit(root: Path, actions: str, noise: float) -> None:
    env = gym.make(ID, actions=actions, episode_steps=40, split="test")
    data = record_expert(env, episodes=2, noise=noise)
    name = write_trajectories(data)
    assert same(read_trajectories(name, env), data)
    assert not [path for path in files(root) if ".energy-gym" in path]


@pytest.mark.parametrize(
    ("keywords", "recording", "name"),
    [
        ({}, {}, NAME),
        ({}, {"noise": 0.1}, NAME.replace("-v1", "-noise10-v1")),
        ({}, {"noise": 0.025}, NAME.replace("-v1", "-noise2p5-v1")),
        ({"actions": "discrete-3"}, {"policy": "mpc"}, NAME.replace("oracle-v1", "mpc-discrete3-v1")),
        ({"dataset": "synthetic"}, {}, "energy-gym/arbitrage-synthetic/oracle-v1"),
    ],
)
def test_usual_names(root: Path, keywords: dict[str, Any], recording: dict[str, Any], name: str) -> None:
    data = record_expert(gym.make(ID, episode_steps=24, **keywords), **recording)
    assert default_name(data) == name
    assert write_trajectories(data) == name
    assert list_trajectories() == (name,)


def test_minari_reads_it_too(root: Path, expert: Trajectories) -> None:
    import minari

    dataset = minari.load_dataset(write_trajectories(expert))
    assert (dataset.total_episodes, dataset.total_steps) == (3, 90)
    assert dataset.env_spec.id == ID and dataset.env_spec.kwargs == {"episode_steps": 30}
    assert list(minari.list_local_datasets()) == [NAME]
    env = dataset.recover_environment()
    for number, episode in enumerate(dataset.iterate_episodes()):
        observation, _ = env.reset(seed=expert.episodes[number].seed)
        assert observation.tobytes() == episode.observations[0].tobytes()
        assert episode.infos["expert_action"].tobytes() == expert.episodes[number].advice.tobytes()
        assert not episode.terminations.any()
        assert episode.truncations.tolist() == [False] * 29 + [True]
        assert [env.step(action)[1] for action in episode.actions] == episode.rewards.tolist()


def test_metadata_hold_what_was_recorded(root: Path, expert: Trajectories) -> None:
    card = describe_trajectories(write_trajectories(expert))
    assert (card["id"], card["policy"], card["noise"], card["levels"]) == (ID, "oracle", 0.0, None)
    assert card["layout"] == [list(slot) for slot in expert.layout]
    assert [each["seed"] for each in card["episodes"]] == [1, 2, 3]
    assert [each["return"] for each in card["episodes"]] == [episode.return_ for episode in expert.episodes]
    assert [each["oracle_value"] for each in card["episodes"]] == [each.oracle_value for each in expert.episodes]


def test_objects_are_kept_as_far_as_they_can_be(root: Path, series: pd.DataFrame) -> None:
    env = gym.make(ID, battery=Battery(capacity_kwh=50.0), dataset="synthetic", episode_steps=24)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        back = read_trajectories(write_trajectories(record_expert(env)))
    assert gym.make(ID, **made_keywords(back.keywords)).unwrapped.scenario == env.unwrapped.scenario
    own = record_expert(gym.make(ID, data=series, episode_steps=24))
    name = write_trajectories(own)
    assert name == "energy-gym/arbitrage-data/oracle-v1"
    assert read_trajectories(name).keywords["data"] == {"not kept": "a DataFrame of shape (240, 2)"}


def test_an_existing_name_is_refused_unless_forced(root: Path, expert: Trajectories) -> None:
    write_trajectories(expert, "mine/first-v0")
    other = record_expert(gym.make(ID, episode_steps=24))
    with pytest.raises(ConfigurationError, match="exists already"):
        write_trajectories(other, "mine/first-v0")
    assert same(read_trajectories("mine/first-v0"), expert)
    write_trajectories(other, "mine/first-v0", force=True)
    assert same(read_trajectories("mine/first-v0"), other)
    assert list_trajectories() == ("mine/first-v0",)


@pytest.mark.parametrize("name", ["", "mine", "../mine-v0", "/mine-v0", "a b-v0", "mine-v0/", "mine-vx"])
def test_names_that_minari_does_not_take_are_refused(root: Path, expert: Trajectories, name: str) -> None:
    with pytest.raises(ConfigurationError, match="data set name"):
        write_trajectories(expert, name)
    with pytest.raises(ConfigurationError, match="data set name"):
        read_trajectories(name)


@pytest.mark.parametrize("failure", [OSError("disk full"), RuntimeError("broken"), KeyboardInterrupt()])
@pytest.mark.parametrize("force", [False, True])
def test_a_failed_write_changes_nothing(
    root: Path, expert: Trajectories, monkeypatch: pytest.MonkeyPatch, failure: BaseException, force: bool
) -> None:
    import minari

    if force:
        write_trajectories(expert)
    before = files(root)
    make = minari.create_dataset_from_buffers

    def fail(*words: Any, **keywords: Any) -> None:
        make(*words, **keywords)
        raise failure

    monkeypatch.setattr(minari, "create_dataset_from_buffers", fail)
    expected = KeyboardInterrupt if isinstance(failure, KeyboardInterrupt) else StorageError
    with pytest.raises(expected):
        write_trajectories(expert, NAME, force=force)
    assert files(root) == before
    assert not list(root.glob(".*"))
    if force:
        assert same(read_trajectories(NAME), expert)


def test_a_failed_move_puts_the_old_one_back(root: Path, expert: Trajectories, monkeypatch: pytest.MonkeyPatch) -> None:
    write_trajectories(expert)
    replace = Path.replace

    def fail(own: Path, target: Any) -> Path:
        if own.name == "oracle-v1" and ".energy-gym" in str(own):
            raise OSError("no")
        return replace(own, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StorageError, match="cannot be written"):
        write_trajectories(record_expert(gym.make(ID, episode_steps=24)), NAME, force=True)
    assert same(read_trajectories(NAME), expert)


def test_a_missing_name_is_told_with_what_there_is(root: Path, expert: Trajectories) -> None:
    write_trajectories(expert)
    with pytest.raises(UnknownIdError, match="did you mean 'energy-gym/arbitrage-ercot-2021-2022/oracle-v1'"):
        read_trajectories(NAME.replace("oracle", "orcale"))


@pytest.mark.parametrize("left", [0.0, 0.1, 0.5, 0.95])
def test_a_truncated_file_is_refused(root: Path, expert: Trajectories, left: float) -> None:
    path = root / write_trajectories(expert) / "data" / "main_data.hdf5"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(left * len(whole))])
    with pytest.raises(StorageError, match="is damaged"):
        read_trajectories(NAME)


@pytest.mark.parametrize("array", ["observations", "actions", "rewards", "infos/expert_action"])
def test_a_changed_number_is_refused(root: Path, expert: Trajectories, array: str) -> None:
    import h5py

    with h5py.File(root / write_trajectories(expert) / "data" / "main_data.hdf5", "a") as file:
        file[f"episode_1/{array}"][5] += np.float32(0.125)
    with pytest.raises(StorageError, match="episode 1 is not what was written"):
        read_trajectories(NAME)


@pytest.mark.parametrize("lost", ["episode_2", "episode_0/rewards", "episode_0/infos"])
def test_a_missing_array_is_refused(root: Path, expert: Trajectories, lost: str) -> None:
    import h5py

    with h5py.File(root / write_trajectories(expert) / "data" / "main_data.hdf5", "a") as file:
        del file[lost]
    with pytest.raises(StorageError, match="is damaged"):
        read_trajectories(NAME)


@pytest.mark.parametrize("text", ["", "[]", '{"energy_gym": 3}', '{"energy_gym": {"format": 99}}'])
def test_damaged_metadata_are_refused(root: Path, expert: Trajectories, text: str) -> None:
    path = root / write_trajectories(expert) / "data" / "metadata.json"
    path.write_text(text)
    with pytest.raises(StorageError, match="is damaged"):
        read_trajectories(NAME)


def test_metadata_that_lack_a_part_are_refused(root: Path, expert: Trajectories) -> None:
    path = root / write_trajectories(expert) / "data" / "metadata.json"
    tree = json.loads(path.read_text())
    del tree["energy_gym"]["layout"]
    path.write_text(json.dumps(tree))
    with pytest.raises(StorageError, match="is damaged"):
        read_trajectories(NAME)


def test_sets_of_others_are_refused_and_left_alone(root: Path, expert: Trajectories) -> None:
    import minari
    from minari.data_collector import EpisodeBuffer

    space = gym.spaces.Box(-1.0, 1.0, (2,))
    buffer = EpisodeBuffer(
        observations=np.zeros((3, 2), dtype=np.float32),
        actions=np.zeros((2, 2), dtype=np.float32),
        rewards=[0.0, 0.0],
        terminations=[False, True],
        truncations=[False, False],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minari.create_dataset_from_buffers("other/set-v0", [buffer], observation_space=space, action_space=space)
    assert list_trajectories() == ()
    with pytest.raises(StorageError, match="was not written by energy_gym"):
        read_trajectories("other/set-v0")
    with pytest.raises(ConfigurationError, match="none of energy_gym's"):
        write_trajectories(expert, "other/set-v0", force=True)
    assert len(minari.load_dataset("other/set-v0")) == 1


def test_data_of_another_environment_are_refused(root: Path, expert: Trajectories) -> None:
    name = write_trajectories(expert)
    with pytest.raises(ConfigurationError, match="only in the data"):
        read_trajectories(name, gym.make(ID, horizon=12))
    with pytest.raises(ConfigurationError, match="actions are continuous"):
        read_trajectories(name, gym.make(ID, actions="discrete-3"))


@pytest.mark.parametrize("package", ["minari", "h5py"])
def test_without_minari_the_extra_is_named(
    tmp_path: Path, expert: Trajectories, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, package, None)
    for ask in (lambda: write_trajectories(expert), lambda: read_trajectories(NAME), list_trajectories):
        with pytest.raises(MissingExtraError, match=re.escape(install_command("offline"))):
            ask()
    assert not list(tmp_path.iterdir())


def test_the_module_loads_without_minari() -> None:
    assert "minari" not in vars(minari_store)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
@pytest.mark.parametrize("actions", ["continuous", "discrete-3"])
def test_every_id_is_stored_with_the_spaces_it_was_played_in(name: str, actions: str, root: Path) -> None:
    import minari

    env: Any = gym.make(name, actions=actions, episode_steps=4)
    recorded = record_expert(env, policy="uniform", episode_steps=4, seed=len(name))
    written = write_trajectories(recorded, "every/id-v0", force=True)
    stored = minari.load_dataset(written)
    assert stored.action_space == env.action_space
    assert stored.observation_space.shape == env.observation_space.shape
    for episode in stored.iterate_episodes():
        assert all(stored.action_space.contains(action) for action in episode.actions)
    # A set that Minari has loaded is read, and learnt from, as one that is named.
    assert read_trajectories(stored, env).episodes[0].actions.tolist() == recorded.episodes[0].actions.tolist()


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_the_usual_name_says_the_data_that_are_played(name: str) -> None:
    from energy_gym.data import card_ids

    env: Any = gym.make(name, episode_steps=4)
    usual = usual_name(env, "oracle", 0.0)
    dataset = usual.split("/")[1].removeprefix(name.split("/")[1].lower().removesuffix("-v1") + "-")
    assert dataset in card_ids()
    if name not in MARKETS:
        named = gym.make(name, dataset=dataset, episode_steps=4).unwrapped
        assert named.setup.feed.title == env.unwrapped.setup.feed.title  # type: ignore[attr-defined]  # one of ours
