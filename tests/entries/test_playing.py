"""An entry is played in a process of its own as it would be played here, and what looks ahead is found."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from outside_entries import FOLLOWER, SUITE, entry

import energy_gym
from energy_gym.agents import make_agent
from energy_gym.entries import Entry, Limits, check, submit
from energy_gym.entries.playing import play_entry
from energy_gym.entries.process import EntryProcess
from energy_gym.entries.series import held_back, on, reordered
from energy_gym.entries.signed import read_signed, signed
from energy_gym.errors import EntryError, ForesightError, ResultsError
from energy_gym.leaderboard.suites import Task

ID = "energy_gym/Arbitrage-v1"
# A player that prints, warns, and knows the answers by heart: the days as they are, in a file of its own.
MEMORY = """
import json
from pathlib import Path

class Memory:
    def __init__(self, env, seed):
        self.answers = json.loads(Path("answers.json").read_text())

    def reset(self):
        self.rest = iter(self.answers)

    def act(self, observation, info):
        return [next(self.rest)]
"""
READER = """
import energy_gym.data

class Reader:
    def __init__(self, env, seed):
        self.feed = env.unwrapped.setup.feed
        try:
            self.prices = energy_gym.data.load("ercot-2021-2022").frame
        except Exception:
            self.prices = None

    def reset(self):
        pass

    def act(self, observation, info):
        return [0.0]
"""
# Tries every way around the interpreter, and says what it got.
BURGLAR = """
import ctypes
import gc
import os
import subprocess
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from energy_gym.paths import resource

PATH = str(resource("datasets") / "ercot-2021-2022.parquet")

def unguarded():
    for item in gc.get_objects():
        if type(item).__name__ == "Guard":
            item.closed = ()
    return Path(PATH).read_bytes()

def linked(name):
    os.link(PATH, name)
    return Path(name).read_bytes()

def renamed_in(folder):
    place = os.open(folder, os.O_RDONLY)
    return os.read(os.open("ercot-2021-2022.parquet", os.O_RDONLY, dir_fd=place), 9)

WAYS = {
    "pandas": lambda: pd.read_parquet(PATH),
    "pyarrow": lambda: pq.read_table(PATH),
    "map": lambda: pa.memory_map(PATH),
    "link": lambda: linked("prices.bin"),
    "link by a plain name": lambda: linked("prices.py"),
    "folder": lambda: renamed_in(os.path.dirname(PATH)),
    "process": lambda: subprocess.run(["cat", PATH], capture_output=True).stdout,
    "library": lambda: ctypes.CDLL(None).open(PATH.encode(), 0) + 1,
    "unguarded": unguarded,
    "memory of who asks": lambda: open(f"/proc/{os.getppid()}/mem", "rb"),
}

class Burglar:
    def __init__(self, env, seed):
        for name, way in WAYS.items():
            try:
                got = way()
            except OSError:
                got = None
            told = "nothing" if got is None or (not isinstance(got, pd.DataFrame) and not got) else "something"
            print(f"{name}: {told}")

    def reset(self):
        pass

    def act(self, observation, info):
        return [0.0]
"""
# Looks at the series in its environment, where the environment that it would be in elsewhere holds what is to come.
INSIDER = """
class Insider:
    def __init__(self, env, seed):
        self.env = env.unwrapped

    def reset(self):
        pass

    def act(self, observation, info):
        setup = self.env.setup
        now = setup.feed.first + self.env.steps_left[0]
        prices = setup.feed.values["price_per_mwh"][now : now + 72]
        return [1.0 if prices[0] < prices.mean() else -1.0]
"""


def task() -> Task:
    return Task("week", ID, {"dataset": "ercot-2021-2022", "split": "test", "episode_steps": 168})


@pytest.fixture(scope="module")
def submitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = entry(tmp_path_factory.mktemp("entries") / "follower", code='print("hello")\n' + FOLLOWER)
    submit(home)
    return home


def confines() -> bool:
    """Return whether this system keeps a process from reading folders."""
    script = "from energy_gym.entries.confined import confine; raise SystemExit(not confine([]))"
    return subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_an_entry_earns_what_its_agent_earns_here(submitted: Path) -> None:
    (row,) = read_signed(submitted / "results" / "week.json")["tasks"]
    env = task().make()
    namespace: dict[str, Any] = {}
    exec(FOLLOWER, namespace)
    expected = energy_gym.evaluate(namespace["Follower"](env, 0), env, seed=0)
    assert row["figures"]["return"] == expected.return_
    assert row["figures"]["score"] == expected.score
    assert row["hashes"] == task().hashes
    # What is printed goes into the log, and three plays have one each.
    assert (submitted / "results" / "week.log").read_text("utf-8").count("hello") == 3


def test_a_figure_that_is_not_found_again_is_told(submitted: Path, tmp_path: Path) -> None:
    home = shutil.copytree(submitted, tmp_path / "follower")
    path = home / "results" / "week.json"
    kept = read_signed(path)
    assert check(home) == kept
    kept["tasks"][0]["figures"]["return"] += 1e-9
    path.write_text(json.dumps(signed(kept)), encoding="utf-8")
    with pytest.raises(ResultsError, match="follower on task 'week': return: is not found again"):
        check(home)


def test_what_is_changed_in_an_entry_is_another_entry(submitted: Path, tmp_path: Path) -> None:
    home = shutil.copytree(submitted, tmp_path / "follower")
    (home / "player.py").write_text(FOLLOWER + "\n", encoding="utf-8")
    with pytest.raises(ResultsError, match="were played with contents"):
        check(home)


def test_what_knows_the_held_out_days_by_heart_is_caught(tmp_path: Path) -> None:
    home = entry(tmp_path / "memory", code=MEMORY)
    env = task().make()
    env.reset(seed=0)
    best = energy_gym.solve(env)
    (home / "answers.json").write_text(json.dumps([float(action[0]) for action in best.actions]), encoding="utf-8")
    with pytest.raises(ForesightError, match=r"scores 0\.\d+ on the days it was shown, and .* 1\.000 on days it was"):
        submit(home)
    assert not (home / "results" / "week.json").exists()


def test_what_opens_the_data_set_is_caught_though_it_hides_it(tmp_path: Path) -> None:
    home = entry(tmp_path / "reader", code=READER)
    with pytest.raises(ForesightError, match=r"opens .*: an entry gets no series but what it observes"):
        submit(home)


@pytest.mark.skipif(not confines(), reason="this system does not keep a process from reading folders")
def test_no_way_around_the_interpreter_leads_to_the_data_set(tmp_path: Path) -> None:
    home = entry(tmp_path / "burglar", code=BURGLAR)
    played = play_entry(Entry.read(home), task(), Limits(), tmp_path / "log")
    assert played.play.result.score == 0.0
    said = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert len(said) == 3 * 10
    assert [line for line in said if not line.endswith(": nothing")] == []


@pytest.mark.skipif(not confines(), reason="this system does not keep a process from reading folders")
def test_what_opens_the_data_set_around_the_interpreter_is_told(tmp_path: Path) -> None:
    code = READER.replace('energy_gym.data.load("ercot-2021-2022").frame', "frame()").replace("Exception", "KeyError")
    frame = "import pandas as pd\nfrom energy_gym.paths import resource\n"
    frame += "def frame():\n    return pd.read_parquet(resource('datasets') / 'ercot-2021-2022.parquet')\n"
    home = entry(tmp_path / "reader", code=frame + code)
    with pytest.raises(
        ForesightError, match=r"opens a file of a data set: an entry gets no series but what it observes"
    ):
        play_entry(Entry.read(home), task(), Limits(), tmp_path / "log")


def test_what_looks_into_its_environment_sees_nothing_that_is_to_come(tmp_path: Path) -> None:
    home = entry(tmp_path / "insider", code=INSIDER)
    namespace: dict[str, Any] = {}
    exec(INSIDER, namespace)
    env = task().make()
    clairvoyant = energy_gym.evaluate(namespace["Insider"](env, 0), env, seed=0).score
    played = play_entry(Entry.read(home), task(), Limits(), tmp_path / "log")
    assert clairvoyant > 0.4
    assert played.play.result.score < clairvoyant / 2.0


@pytest.mark.parametrize(
    ("id", "keywords"),
    [
        (ID, {"dataset": "ercot-2021-2022"}),
        ("energy_gym/Microgrid-v1", {}),
        ("energy_gym/HomeSolar-v1", {"home": 3}),
        ("energy_gym/Bidding-v1", {"dataset": "synthetic-dk2"}),
        ("energy_gym/FleetReserve-v1", {}),
    ],
)
def test_what_a_process_is_given_is_the_same_whatever_comes(id: str, keywords: dict[str, Any]) -> None:
    env: Any = gym.make(id, split="test", episode_steps=168, **keywords).unwrapped
    env.reset(seed=0)
    other: Any = gym.make(id, **on(env, reordered(env, 3)[0])).unwrapped
    other.reset(seed=0)
    assert not np.array_equal(hidden(env), hidden(other))
    given = [held_back(env), held_back_of(env, other)]
    assert pickle.dumps(on(env, given[0])) == pickle.dumps(on(env, given[1]))


def hidden(env: Any) -> Any:
    feed = env.setup.feed
    columns = [name for name in feed.values if feed.published[name] != "always"]
    return np.concatenate([feed.values[name][feed.first : feed.stop] for name in columns])


def held_back_of(env: Any, other: Any) -> Any:
    """Return what is held back of the series of another environment, which has no part to learn from of its own."""
    from energy_gym.entries import series

    feeds = {split: series.raw_feed(env, split) for split in ("train", "validation")}
    original = series.raw_feed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(series, "raw_feed", lambda which, split: feeds.get(split) or original(other, split))
        return held_back(env)


@pytest.mark.parametrize(
    ("agent", "id", "keywords"),
    [
        ("threshold", ID, {}),
        ("mpc", "energy_gym/HomeSolar-v1", {"home": 3, "control": "meter"}),
        ("bid-forecast", "energy_gym/Bidding-v1", {"dataset": "synthetic-dk2"}),
    ],
)
def test_agents_play_there_as_they_play_here(agent: str, id: str, keywords: dict[str, Any], tmp_path: Path) -> None:
    env: Any = gym.make(id, split="test", episode_steps=48, **keywords)
    env.reset(seed=0)
    base, limits = env.unwrapped, Limits()
    given = on(base, held_back(base))
    (tmp_path / "entry").mkdir()
    log = tmp_path / "log"
    with EntryProcess(tmp_path / "entry", agent, base, id=id, keywords=given, limits=limits, log=log) as process:
        there = energy_gym.evaluate(process, env, seed=0)
    here = energy_gym.evaluate(make_agent(agent, env).fit(), env, seed=0)
    assert there.return_ == here.return_
    assert there.kpis == pytest.approx(here.kpis, rel=0, abs=0, nan_ok=True)


def test_a_frame_of_ones_own_is_held_back_too(tmp_path: Path) -> None:
    frame = energy_gym.synthetic(seed=3, steps=24 * 60)
    frame.to_csv(tmp_path / "prices.csv", index_label="time")
    keywords = "{data: prices.csv, zone: UTC, published: 'day-ahead 12:00', split: test, episode_steps: 168}"
    begin = SUITE.index("{dataset")
    home = entry(tmp_path / "own", suite=SUITE[:begin] + keywords + "\n", agent="mpc")
    frame.to_csv(home / "prices.csv", index_label="time")
    (row,) = submit(home)["tasks"]
    assert row["figures"]["score"] > 0.9
    assert row["checks"]["unseen_score"] < row["checks"]["reordered_score"]


def test_what_is_not_held_out_is_refused(tmp_path: Path) -> None:
    for words, rule in (("split: train", "must be played on what is held out"), ("split: test", "too short")):
        suite = SUITE.replace("split: test", words).replace("168", "48")
        with pytest.raises(EntryError, match=rule):
            submit(entry(tmp_path / "own", suite=suite))


def test_days_change_places_and_none_is_lost() -> None:
    env: Any = gym.make(ID, split="test", episode_steps=24 * 30).unwrapped
    env.reset(seed=0)
    data, parting = reordered(env, 5)
    feed, first = env.setup.feed, env.setup.feed.first + env.window[0]
    days = [series[first : first + 24 * 30].reshape(30, 24) for series in (feed.values["price_per_mwh"],)]
    moved = data.series.values["price_per_mwh"][first : first + 24 * 30].reshape(30, 24)
    common = parting // 24
    assert common == 3
    assert np.array_equal(days[0][:common], moved[:common])
    assert not (days[0][common:] == moved[common:]).all(axis=1).any()
    order = [pd.DataFrame(rows).sort_values(list(range(24))).to_numpy() for rows in (days[0], moved)]
    assert np.array_equal(*order)


def test_a_saved_agent_plays_there_as_here(tmp_path: Path) -> None:
    home = entry(tmp_path / "saved", agent="trained")
    env = task().make()
    saved = make_agent("threshold", env).fit()
    saved.save(home / "trained")
    found = play_entry(Entry.read(home), task(), Limits(), tmp_path / "log")
    assert found.play.result.return_ == energy_gym.evaluate(saved, env, seed=0).return_


def test_a_frame_without_a_validation_part() -> None:
    frame = energy_gym.synthetic(seed=3, steps=24 * 60)
    start = frame.index[0].tz_convert("UTC")
    day = pd.Timedelta(days=1)
    splits = {"train": (start, start + 30 * day), "test": (start + 30 * day, start + 50 * day)}
    told = {"zone": "UTC", "published": "after", "splits": splits}
    env: Any = gym.make(ID, data=frame, split="test", episode_steps=168, **told).unwrapped
    env.reset(seed=0)
    assert set(held_back(env).windows) == {"train", "test"}
