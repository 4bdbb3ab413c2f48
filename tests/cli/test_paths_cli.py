"""What ``energy-gym forecasts DATASET --probabilistic`` prints, writes and draws."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from energy_gym.cli.app import app
from energy_gym.errors import ConfigurationError

pytest.importorskip("scoringrules")


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["forecasts", *words, "--probabilistic"], env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    return result.output


def test_sites_too_are_judged_written_and_drawn(tmp_path: Path) -> None:
    fan, table = tmp_path / "fan.png", tmp_path / "paths.csv"
    told = run("commercial", "--forecast", "residual", "--horizon", "4", "--fan", str(fan), "--csv", str(table))
    assert "Paths of commercial, validation, 4 steps ahead" in told
    assert "load_kw" in told
    assert "pv_kw" in told
    assert fan.read_bytes().startswith(b"\x89PNG")
    rows = pd.read_csv(table)
    assert rows["column"].tolist() == ["load_kw", "pv_kw"]
    assert (rows["crps"] < rows["mae"]).all()
    assert rows.filter(like="pit_").sum(axis=1).to_numpy() == pytest.approx(1.0)


def test_a_maker_that_does_not_suit_is_left_out_with_the_reason() -> None:
    told = run("ercot-2021-2022", "--forecast", "residual", "--forecast", "residuals", "--column", "price_per_mwh")
    assert "price_per_mwh" in told
    assert "left out: residuals: scenarios 'residuals': no such scenarios; did you mean 'residual'?" in told


def test_a_column_that_is_not_there_is_told() -> None:
    words = ["forecasts", "commercial", "--probabilistic", "--forecast", "residual", "--column", "wind_kw"]
    result = CliRunner().invoke(app, words, env={"COLUMNS": "120"})
    assert result.exit_code == 1
    assert "wind_kw" in result.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--column", "price_per_mwh"], "--column without --probabilistic: is for paths"),
        (["--fan", "fan.png"], "--fan without --probabilistic: is for paths"),
        (["--no-published", "--probabilistic"], "--no-published with --probabilistic: says how mpc plays"),
        (["--steps", "24", "--probabilistic"], "--steps with --probabilistic: says how mpc plays"),
    ],
)
def test_an_option_that_would_have_no_effect_is_refused(words: list[str], told: str) -> None:
    result = CliRunner().invoke(app, ["forecasts", "ercot-2021-2022", *words])
    assert result.exit_code == 1
    assert isinstance(result.exception, ConfigurationError)
    assert str(result.exception).startswith(told)
