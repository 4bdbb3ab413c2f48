"""The data commands: readable at 80 columns, exit code 1 on a failure, one line for an error."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from energy_gym.cli.data import app
from energy_gym.data import card, card_ids
from energy_gym.data.loading import forget


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")


def run(*words: str) -> Result:
    result = CliRunner().invoke(app, list(words))
    assert "Traceback" not in result.output
    return result


def narrow(result: Result) -> bool:
    return all(len(line.rstrip()) <= 80 for line in result.stdout.splitlines())


def test_list_names_every_set() -> None:
    result = run("list")
    assert result.exit_code == 0
    assert all(dataset_id in result.stdout.split() for dataset_id in card_ids())
    assert "emsx-1 .. emsx-70" in result.stdout
    assert narrow(result)


@pytest.mark.parametrize("dataset_id", card_ids())
def test_describe_shows_the_card(dataset_id: str) -> None:
    result = run("describe", dataset_id)
    assert result.exit_code == 0
    assert all(name in result.stdout for name in card(dataset_id).columns)
    assert card(dataset_id).zone in result.stdout
    assert narrow(result)


@pytest.mark.parametrize("command", ["describe", "fetch", "verify", "check"])
def test_unknown_id_is_one_line_on_stderr(command: str) -> None:
    result = run(command, "nysio")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "did you mean 'nyiso'?" in result.stderr


def test_check_passes_and_says_what_is_filled(real_data: Path) -> None:
    result = run("check", "de-lu", "--months")
    assert result.exit_code == 0
    assert "de-lu: passed" in result.stdout
    assert "known price_per_mwh gap: 72 steps missing" in result.stdout
    assert "marked so by load(): 80" in " ".join(result.stdout.split())
    assert "2024-12" in result.stdout
    assert narrow(result)


def test_check_fails_on_the_broken_set(real_data: Path) -> None:
    result = run("check", "encortex-uk")
    assert result.exit_code == 1
    assert "failure price_per_mwh phase" in result.stdout
    assert "encortex-uk: failed" in result.stdout
    assert narrow(result)


def test_check_of_embedded_sets_needs_nothing() -> None:
    for dataset_id in ("ercot-2021-2022", "california-homes-2016", "commercial", "synthetic"):
        assert run("check", dataset_id).exit_code == 0


def test_verify_and_fetch(real_data: Path) -> None:
    result = run("verify")
    assert result.exit_code == 0
    assert "0 files have the wrong hash, 0 are not here" in result.stdout
    assert narrow(result)
    result = run("fetch", "nyiso")
    assert result.exit_code == 0
    assert "8 raw files verified, 35064 steps ready" in result.stdout


def test_verify_finds_damage(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(real_data / "encortex", tmp_path / "encortex")
    monkeypatch.setenv("ENERGY_GYM_DATA", str(tmp_path))
    files = card("encortex-caiso").files
    with (tmp_path / files[0].mirrored).open("ab") as stream:
        stream.write(b"\n")
    assert run("verify").exit_code == 1
    result = run("verify", "encortex-caiso")
    assert result.exit_code == 1
    assert "1 files have the wrong hash, 0 are not here" in result.stdout
    (tmp_path / files[0].mirrored).unlink()
    assert run("verify", "encortex-caiso").exit_code == 1
    assert run("verify", "encortex-uk").exit_code == 0
    assert run("verify").exit_code == 0


def test_fetch_without_the_file_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENERGY_GYM_DATA", str(tmp_path))
    monkeypatch.setenv("ENERGY_GYM_CACHE", str(tmp_path / "cache"))
    forget()
    result = run("fetch", "ercot")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "complete the mirror" in result.stderr
