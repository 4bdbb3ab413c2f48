"""Checks of a user's own series: what is put in is found, in the right number, and clean series pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import energy_gym
from energy_gym.cli.app import app
from energy_gym.data.own_check import check_frame, read_frame
from energy_gym.errors import DataError, IrregularIndexError, MissingColumnError, NaiveIndexError, RawFileError

NAMES = ("price_per_mwh", "carbon_g_per_kwh", "load_kw")


def frame(seed: int, days: int = 80, minutes: int = 60) -> pd.DataFrame:
    random, steps = np.random.default_rng(seed), days * 1440 // minutes
    index = pd.date_range("2024-02-01", periods=steps, freq=f"{minutes}min", tz="Europe/Berlin")
    wave = np.sin((index.hour + index.minute / 60.0 - 8.0) * np.pi / 12.0)
    level = {"price_per_mwh": 80.0, "carbon_g_per_kwh": 350.0, "load_kw": 40.0}
    return pd.DataFrame(
        {name: mean * (1.0 + 0.3 * wave + 0.02 * random.standard_normal(steps)) for name, mean in level.items()}, index
    )


def found(data: pd.DataFrame) -> set[tuple[str, str, int]]:
    return {(finding.column, finding.kind, finding.steps) for finding in check_frame(data).failures}


@pytest.mark.parametrize("seed", range(4))
def test_clean_series_pass(seed: int) -> None:
    assert found(frame(seed, minutes=int(np.random.default_rng(seed).choice([15, 30, 60])))) == set()


@pytest.mark.parametrize("seed", range(8))
def test_what_is_wrong_is_found(seed: int) -> None:
    random = np.random.default_rng(seed)
    data, name = frame(seed), str(random.choice(NAMES))
    place, count = int(random.integers(100, 1500)), int(random.integers(9, 40))
    zeros = random.choice(np.arange(100, 1500), 5, replace=False)
    frozen, false, holes = data.copy(), data.copy(), data.copy()
    frozen.iloc[place : place + count, frozen.columns.get_loc(name)] = 7.25
    assert found(frozen) == {(name, "frozen", count)}
    false.iloc[zeros, false.columns.get_loc(name)] = 0.0
    assert found(false) == {(name, "false-zero", 5)}
    holes.iloc[zeros, holes.columns.get_loc(name)] = np.nan
    assert found(holes) == {(name, "nan", 5)}
    assert found(data.drop(data.index[place : place + count])) == {(each, "gap", count) for each in NAMES}
    assert found(pd.concat([data, data.iloc[[place]]])) == {(each, "duplicate", 1) for each in NAMES}


@pytest.mark.parametrize("hours", [2, 3, -4])
def test_a_clock_that_shifts_is_found(hours: int) -> None:
    data = frame(1)
    half = len(data) // 2
    moved = pd.concat([data.iloc[:half], data.shift(hours).bfill().ffill().iloc[half:]])
    assert {kind for _, kind, _ in found(moved[["price_per_mwh", "carbon_g_per_kwh"]])} == {"phase"}


def test_prices_about_zero_and_nights_of_pv_are_no_false_zeros() -> None:
    random = np.random.default_rng(0)
    data = frame(2)[["price_per_mwh"]]
    data["price_per_mwh"] = (data["price_per_mwh"] - 70.0).round(1)
    data["pv_kw"] = np.clip(np.sin((data.index.hour - 6.0) * np.pi / 12.0), 0.0, None) * random.uniform(1, 5, len(data))
    data.iloc[50:53, 0] = 0.0
    assert found(data) == set()


def test_pv_is_held_against_the_sun() -> None:
    hours = pd.date_range("2024-05-01", periods=24 * 60, freq="h", tz="UTC")
    sun = np.clip(np.sin((hours.hour + 0.5 - 6.0) * np.pi / 12.0), 0.0, None)
    data = pd.DataFrame({"pv_kw": sun * (1.0 + 0.01 * np.random.default_rng(1).standard_normal(len(sun)))}, hours)
    assert check_frame(data, longitude=0.0).passed
    assert [finding.kind for finding in check_frame(data, longitude=75.0).failures] == ["phase"]


@pytest.mark.parametrize("kind", ["csv", "semicolon", "parquet", "naive"])
def test_files_on_the_command_line(kind: str, tmp_path: Path) -> None:
    data = frame(3)
    spoilt = data.drop(data.index[100:110]).assign(note="dull")
    path = tmp_path / ("mine.parquet" if kind == "parquet" else "mine.csv")
    if kind == "parquet":
        spoilt.to_parquet(path)
    else:
        stamped = spoilt.tz_localize(None) if kind == "naive" else spoilt
        stamped.rename_axis("Timestamp").to_csv(path, sep=";" if kind == "semicolon" else ",")
    zone = ["--zone", "Europe/Berlin"] if kind == "naive" else []
    result = CliRunner().invoke(app, ["data", "check", str(path), *zone])
    assert result.exit_code == 1
    assert "price_per_mwh gap: 10 steps missing in 1 place(s)" in " ".join(result.output.split())
    assert "left out, for their names end in no unit: note" in " ".join(result.output.split())
    assert "mine: failed (findings: 3)" in result.output
    if kind == "naive":
        refused = CliRunner().invoke(app, ["data", "check", str(path)])
        assert (refused.exit_code, "say --zone" in refused.output) == (1, True)


@pytest.mark.parametrize("text", ["", "a\n1\n", "time,price_per_mwh\nsoon,1\n", "time,price\n2024-01-01T00:00Z,1\n"])
def test_files_that_are_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    for arguments in ([str(path), "--zone", "UTC"], [str(path), "--time", "when"], [str(tmp_path / "none.csv")]):
        result = CliRunner().invoke(app, ["data", "check", *arguments])
        assert result.exit_code == 1
        assert isinstance(result.exception, SystemExit), result.exception


def test_a_column_in_another_unit_is_checked_under_the_name_that_it_is_played_by(tmp_path: Path) -> None:
    data = frame(3)
    path = tmp_path / "mine.csv"
    data.drop(data.index[100:110]).rename(columns={"price_per_mwh": "price_per_kwh"}).to_csv(path, index_label="time")
    told = " ".join(CliRunner().invoke(app, ["data", "check", str(path)]).output.split())
    assert "price_per_mwh gap: 10 steps missing in 1 place(s)" in told
    assert "price_per_kwh is told as price_per_mwh" in told
    with pytest.raises(DataError, match="one thing in two units"):
        check_frame(data.assign(price_per_kwh=1.0))


@pytest.mark.parametrize("style", ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M"])
def test_the_day_of_a_date_is_the_number_that_no_month_has(style: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    hours = pd.date_range("2024-02-01", "2024-04-05", freq="h", tz="Europe/Madrid", inclusive="left")
    pd.DataFrame({"time": hours.strftime(style), "price_per_mwh": 50.0}).to_csv(path, index=False)
    assert list(read_frame(path, "Europe/Madrid").index) == list(hours)
    first_days = hours[: 12 * 24]
    pd.DataFrame({"time": first_days.strftime(style), "price_per_mwh": 50.0}).to_csv(path, index=False)
    with pytest.raises(RawFileError, match="leaves open which is the day"):
        read_frame(path, "Europe/Madrid")


def test_frames_that_are_none() -> None:
    data = frame(0)
    with pytest.raises(NaiveIndexError):
        check_frame(data.tz_localize(None))
    with pytest.raises(MissingColumnError, match="must end in a unit"):
        check_frame(data.rename(columns=str.upper))
    with pytest.raises(IrregularIndexError, match="divide a day"):
        check_frame(data.set_axis(pd.date_range("2024-01-01", periods=len(data), freq="7min", tz="UTC"), axis=0))


def test_the_embedded_set_passes_as_a_frame_too() -> None:
    assert check_frame(energy_gym.load("ercot-2021-2022").frame, "America/Chicago").passed
