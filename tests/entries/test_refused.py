"""What is wrong with an entry is told on one line: what was found, which rule it breaks, what can be done."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from outside_entries import FOLLOWER, entry
from typer.testing import CliRunner

from energy_gym.cli import app as cli
from energy_gym.entries import Entry, Limits
from energy_gym.entries.playing import play_entry
from energy_gym.errors import EnergyGymError, EntryError, ForesightError, UnknownIdError
from energy_gym.leaderboard.suites import Task

START = "class Player:\n    def __init__(self, env, seed):\n        self.step = 0\n    def reset(self):\n        pass\n"
ACT = "    def act(self, observation, info):\n        self.step += 1\n"
DOES = {
    "never answers": ("while True: pass", r"at decision 1: gave no answer within 3 s; .*--decision"),
    "eats memory": ("self.much = bytearray(2**33)", r"at decision 1: took more than 2048 MB .*--memory"),
    "raises in the middle": (
        "if self.step == 3: raise ValueError('no price')\n        return [0.0]",
        r"at decision 3: raised ValueError: no price \(player.py, line 8\); correct it",
    ),
    "ends": ("import os; os._exit(3)", r"at decision 1: ended without an answer \(exit code 3\)"),
    "is killed": ("import os; os.kill(os.getpid(), 9)", r"ended without an answer \(signal 9\)"),
    "no number": ("return [float('nan')]", r"at decision 1: action=.*nan.*: must be finite"),
    "wrong shape": ("return [0.0, 0.0]", r"at decision 1: action=.*: must be one number"),
    "words": ("return 'charge'", r"raised action='charge': must be numbers"),
    "a connection": (
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        r"at decision 1: opens a connection: an entry is played without a network",
    ),
    "its own episode": ("self.env.step([0.0])", r"raised AttributeError"),
}


def week() -> Task:
    return Task(
        "week", "energy_gym/Arbitrage-v1", {"dataset": "ercot-2021-2022", "split": "test", "episode_steps": 168}
    )


@pytest.mark.parametrize("what", DOES)
def test_an_entry_that_does_wrong(what: str, tmp_path: Path) -> None:
    does, told = DOES[what]
    home = entry(tmp_path / "wrong", code=START + ACT + f"        {does}\n")
    kind = ForesightError if what == "a connection" else EntryError
    limits = Limits(decision_s=3.0, memory_mb=2048)
    with pytest.raises(kind, match=told) as caught:
        play_entry(Entry.read(home), week(), limits, tmp_path / "log")
    assert len(str(caught.value).splitlines()) == 1


def test_time_in_all_is_bounded_and_loading_counts(tmp_path: Path) -> None:
    home = entry(tmp_path / "slow", code="import time\ntime.sleep(60)\n" + FOLLOWER)
    with pytest.raises(EntryError, match=r"while it was loaded: gave no answer within 8 s in all; .*--total"):
        play_entry(Entry.read(home), week(), Limits(total_s=8.0), tmp_path / "log")


def test_an_answer_that_changes_from_play_to_play(tmp_path: Path) -> None:
    code = START.replace("self.step = 0", "self.step = 0; import random; self.draw = random.Random()")
    home = entry(
        tmp_path / "restless",
        code=code + "    def act(self, observation, info):\n        return [self.draw.random()]\n",
    )
    with pytest.raises(EntryError, match=r"decision 1: .* the second time: must answer alike"):
        play_entry(Entry.read(home), week(), Limits(), tmp_path / "log")


def test_an_environment_there_cannot_be_stepped(tmp_path: Path) -> None:
    from energy_gym.entries.series import held_back, on
    from energy_gym.entries.served import serve

    env: Any = gym.make("energy_gym/Arbitrage-v1", split="test", episode_steps=168).unwrapped
    served: Any = serve("energy_gym/Arbitrage-v1", on(env, held_back(env))).unwrapped
    for call in (served.reset, lambda: served.step([0.0]), lambda: served.variant(split="test"), served.variant):
        with pytest.raises(EntryError, match="is refused while an entry is played"):
            call()
    learnt: Any = served.variant(split="train")
    assert learnt.reset(seed=0)[0].shape == served.observation_space.shape


FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "no licence of its data": ({"data_licence": None}, "'data_licence': is missing: the licence of the data"),
    "no licence": ({"licence": ""}, "'licence': is missing"),
    "an unknown field": (
        {"data_license": "MIT"},
        "'data_license': is no field of an entry; did you mean 'data_licence'",
    ),
    "a long name": ({"name": "x" * 61}, "name of 61 characters: must have at most 60"),
    "an agent that is not there": ({"agent": "trained/dqn"}, "agent 'trained/dqn': is no saved agent"),
    "an agent from elsewhere": ({"agent": "../other"}, "must lie in a folder within the entry"),
    "a mapping": ({"description": {"a": 1}}, "must be one line of text"),
}


@pytest.mark.parametrize("what", FIELDS)
def test_a_field_that_is_wrong(what: str, tmp_path: Path) -> None:
    fields, told = FIELDS[what]
    with pytest.raises(EntryError, match=re.escape(told)):
        Entry.read(entry(tmp_path / "wrong", **fields))


def test_an_unknown_suite_or_task(tmp_path: Path) -> None:
    with pytest.raises(UnknownIdError, match="suite 'qick': no such suite; did you mean 'quick'"):
        Entry.read(entry_of(tmp_path, "qick")).chosen()
    with pytest.raises(UnknownIdError, match="month"):
        Entry.read(entry(tmp_path / "task", tasks=["month"])).chosen()


def entry_of(folder: Path, suite: str) -> Path:
    home = entry(folder / "wrong")
    path = home / "agent.yaml"
    path.write_text(path.read_text("utf-8").replace("week.yaml", suite), encoding="utf-8")
    return home


def test_folders_that_are_no_entry(tmp_path: Path) -> None:
    with pytest.raises(EntryError, match=r"is not there: an entry is a folder with an agent\.yaml"):
        Entry.read(tmp_path)
    for text, told in (("- a\n", "must hold fields"), ("a: [", "is no valid YAML")):
        (tmp_path / "agent.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(EntryError, match=told):
            Entry.read(tmp_path)


def test_a_link_is_no_part_of_an_entry(tmp_path: Path) -> None:
    home = entry(tmp_path / "linked")
    (home / "data").symlink_to("/etc")
    with pytest.raises(EntryError, match="is a link or no plain file"):
        _ = Entry.read(home).sha256


def test_a_module_that_is_not_there(tmp_path: Path) -> None:
    home = entry(tmp_path / "wrong", agent="absent:Player")
    with pytest.raises(EntryError, match=r"while it was loaded: raised agent 'absent:Player': cannot be imported"):
        play_entry(Entry.read(home), week(), Limits(), tmp_path / "log")


def test_limits_above_zero() -> None:
    with pytest.raises(EntryError, match=r"memory_mb=0: must be above 0"):
        Limits(memory_mb=0)


def test_the_command_says_it_on_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.app, ["submit", str(entry(tmp_path / "wrong", data_licence=None))])
    assert isinstance(result.exception, EnergyGymError)
    assert len(str(result.exception).splitlines()) == 1
