"""The expert commands: readable at 80 columns; a failure is one line, exit code 1, and nothing half written."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from energy_gym.agents.records.minari_store import read_trajectories
from energy_gym.cli import app as cli
from energy_gym.errors import install_command
from tests.agents.records.test_battery_log import played

ID = "energy_gym/Arbitrage-v1"
NAME = "energy-gym/arbitrage-ercot-2021-2022/oracle-noise10-discrete3-v1"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("minari", reason="Minari is not installed")
    pytest.importorskip("h5py", reason="h5py is not installed")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    return tmp_path


class Line:
    """The command line as a user has it: words in, exit code, stdout and stderr out."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setenv("TERM", "dumb")
        monkeypatch.setattr(cli, "console", cli.Console())
        self._capsys, self._patch = capsys, monkeypatch

    def __call__(self, *words: str) -> tuple[int, str, str]:
        self._patch.setattr(sys, "argv", ["energy-gym", "experts", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = self._capsys.readouterr()
        assert "Traceback" not in out + err
        assert all(len(line.rstrip()) <= 80 for line in out.splitlines())
        return code, out, err


@pytest.fixture
def line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Line:
    return Line(capsys, monkeypatch)


MAKE = ("make", ID, "--actions", "discrete-3", "--noise", "0.1", "--steps", "48", "--episodes", "2")


def test_make_list_describe(root: Path, line: Line) -> None:
    code, out, err = line(*MAKE)
    assert (code, err) == (0, "")
    for word in (NAME, "96 in 2 episodes", "return", "oracle value", "score", "seconds"):
        assert word in out
    data = read_trajectories(NAME)
    assert f"{sum(episode.return_ for episode in data.episodes):.4f}" in out
    assert data.keywords["split"] == "train" and data.noise == 0.1
    code, out, _ = line("list")
    assert code == 0 and "96" in out and NAME[:30] in out
    code, out, _ = line("describe", NAME)
    assert code == 0
    for episode in data.episodes:
        assert episode.start[:16] in out and f"{episode.return_:.4f}" in out
    assert "levels -1, 0, 1" in out and "10% random actions" in out


def test_the_name_and_the_window_are_the_users(root: Path, line: Line) -> None:
    assert line("make", ID, "--steps", "24", "--window", "0", "--out", "mine-v0", "--horizon", "12")[0] == 0
    episode = read_trajectories("mine-v0").episodes[0]
    assert episode.return_ == pytest.approx(episode.oracle_value, abs=1e-6)
    assert episode.observations.shape == (25, 19)


def test_a_taken_name_is_refused_before_playing(root: Path, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line(*MAKE)
    with monkeypatch.context() as patch:
        patch.setattr("energy_gym.agents.records.experts.record_expert", None)
        code, out, err = line(*MAKE)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1 and "--force" in err
    assert line(*MAKE, "--force")[0] == 0


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("make", "energy_gym/Arbitrag-v0"), "did you mean 'energy_gym/Arbitrage-v1'"),
        (("make", ID, "--dataset", "ercot-2021"), "did you mean 'ercot-2021-2022'"),
        (("make", ID, "--policy", "orcale"), "did you mean 'oracle'"),
        (("make", ID, "--noise", "2"), "noise=2.0"),
        (("make", ID, "--noise", "0.1", "--window", "0"), "window=None with noise=0.1"),
        (("make", ID, "--out", "no version"), "data set name"),
        (("make", ID, "--steps", "0"), "steps=0"),
        (("make", ID, "--episodes", "0"), "episodes=0"),
        (("make", ID, "--actions", "discrete-4"), "action space 'discrete-4'"),
        (("describe", "mine-v0"), "no such expert data set"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(root: Path, line: Line, words: tuple[str, ...], match: str) -> None:
    code, out, err = line(*words)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1 and match in err
    assert not list(root.rglob("*"))


def test_no_data_is_said(root: Path, line: Line) -> None:
    code, out, _ = line("list")
    assert code == 0 and "no expert data" in re.sub(r"\s+", " ", out)


def test_without_minari_the_extra_is_named(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "minari", None)
    for words in (MAKE, ("list",), ("describe", NAME)):
        code, _, err = line(*words)
        assert code == 1 and install_command("offline") in err


def test_the_log_of_a_battery_of_ones_own(root: Path, line: Line) -> None:
    path, frame = root / "battery.csv", played()[0]
    frame.to_csv(path, index_label="time")
    figures = {"capacity_kwh": 20, "charge_kw": 5, "discharge_kw": 4, "efficiency_charge": 0.9}
    figures |= {"efficiency_discharge": 0.95, "soc_min": 0.05, "soc_max": 0.95}
    words = (
        "log",
        str(path),
        "--zone",
        "UTC",
        "--battery",
        ",".join(f"{key}={value}" for key, value in figures.items()),
    )
    code, out, err = line(*words)
    assert (code, err) == (0, "")
    assert "energy-gym/arbitrage-data/log-v1" in out
    assert read_trajectories("energy-gym/arbitrage-data/log-v1").policy == "log"
    code, _, err = line(*words)
    assert code == 1
    assert "exists already" in err
    for wrong, said in (("big", "must be NAME=FIGURE"), ("capacity=20", "capacity")):
        code, _, err = line("log", str(path), "--zone", "UTC", "--battery", wrong)
        assert code == 1
        assert said in err
    frame.drop(columns="soc").to_csv(path, index_label="time")
    code, _, err = line("log", str(path), "--zone", "UTC")
    assert code == 1
    assert "no column 'soc'" in " ".join(err.split())
