"""What goes wrong is one line that starts with ``error:``, whatever goes wrong; what was done is not lost."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import typer

import energy_gym
from energy_gym.cli import app as cli
from energy_gym.errors import DataNotice, EnergyGymError
from energy_gym.leaderboard.suites import Suite
from energy_gym.recipes import run as recipe_run
from energy_gym.screen import resumable, run_app, short_notices


def ended(failure: BaseException) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    def fail() -> None:
        raise failure

    return app


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        (EnergyGymError("x=2", "must be\nbelow 1", "pass less"), 1, "x=2: must be below 1; pass less"),
        (OSError(errno.ENOSPC, "No space left on device", "out/results.json"), 1, "No space left on device"),
        (MemoryError("Unable to allocate 37 TiB"), 1, "Unable to allocate 37 TiB"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_it_is_one_line_and_a_code(
    failure: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        run_app(ended(failure), [])
    told = capsys.readouterr()
    assert (end.value.code, told.out) == (code, "")
    assert said in told.err
    assert len(told.err.splitlines()) <= 1
    assert told.err == "" or told.err.startswith("error: ")


def test_a_fault_of_the_package_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run_app(ended(ZeroDivisionError()), [])


@pytest.mark.parametrize(
    "words", [("solv",), ("solve",), ("solve", "energy_gym/Arbitrage-v1", "--step", "3"), ("leaderboard", "quick", "x")]
)
def test_a_wrong_word_is_one_line_and_names_the_help(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        run_app(cli.app, words, "energy-gym")
    told = capsys.readouterr().err
    assert end.value.code == 2
    assert told.startswith("error: ")
    assert told.rstrip().endswith("--help")
    assert len(told.splitlines()) == 1


def test_a_recipe_answers_alike(capsys: pytest.CaptureFixture[str]) -> None:
    def main(steps: int = 3) -> None:
        """Do nothing."""

    with pytest.raises(SystemExit) as end:
        recipe_run(main, ["--stps", "3"], "energy-gym train")
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("error: No such option: --stps")


def test_an_interruption_says_that_the_same_command_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), resumable("runs"):
        raise KeyboardInterrupt
    assert capsys.readouterr().err == "stopped: the same command goes on from the runs that are done\n"


@pytest.mark.parametrize("words", [("--version",), ("-h",), ("solve", "-h"), ("data", "-h"), ("train", "-h")])
def test_it_is_a_module_too_and_helps_by_one_letter(words: tuple[str, ...]) -> None:
    home = str(Path(energy_gym.__file__).resolve().parents[1])
    environment = {**os.environ, "PYTHONPATH": home, "COLUMNS": "80"}
    result = subprocess.run(
        [sys.executable, "-m", "energy_gym", *words], capture_output=True, text=True, env=environment, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip()


@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_files_nested_beyond_all_measure_are_refused(pair: str, tmp_path: Path) -> None:
    deep = "a: " * (pair == "{}") + (pair[0] + ("b: " if pair == "{}" else "")) * 3000 + "1" + pair[1] * 3000
    path = tmp_path / "deep.yaml"
    path.write_text(deep, encoding="utf-8")
    readers: list[Any] = [lambda: energy_gym.Scenario.from_yaml(path.read_text("utf-8")), lambda: Suite.read(path)]
    for read in readers:
        with pytest.raises(EnergyGymError, match="is no valid YAML"):
            read()


def test_a_notice_about_data_is_told_once_and_names_no_code(capsys) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with short_notices():
            for _ in range(2):
                warnings.warn("Nobody said when 'price' is published.", DataNotice, stacklevel=1)
    assert capsys.readouterr().err == "note: Nobody said when 'price' is published.\n"
