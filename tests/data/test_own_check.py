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
from energy_gym.errors import (
    DataError,
    EnergyGymError,
    IrregularIndexError,
    MissingColumnError,
    NaiveIndexError,
    RawFileError,
)

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
        assert (refused.exit_code, "such as --zone Europe/Berlin" in " ".join(refused.output.split())) == (1, True)


@pytest.mark.parametrize("text", ["", "a\n1\n", "time,price_per_mwh\nsoon,1\n", "time,price\n2024-01-01T00:00Z,1\n"])
def test_files_that_are_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    for arguments in ([str(path), "--zone", "UTC"], [str(path), "--time", "when"], [str(tmp_path / "none.csv")]):
        result = CliRunner().invoke(app, ["data", "check", *arguments])
        assert result.exit_code == 1
        assert isinstance(result.exception, SystemExit), result.exception


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
    with pytest.raises(MissingColumnError, match=r"rename those whose unit you know\. Known names: price_per_mwh"):
        check_frame(data[["load_kw"]].rename(columns={"load_kw": "Consumo"}))
    with pytest.raises(IrregularIndexError, match="divide a day"):
        check_frame(data.set_axis(pd.date_range("2024-01-01", periods=len(data), freq="7min", tz="UTC"), axis=0))


def test_the_embedded_set_passes_as_a_frame_too() -> None:
    assert check_frame(energy_gym.load("ercot-2021-2022").frame, "America/Chicago").passed


@pytest.mark.parametrize(
    ("name", "factor"), [("price_per_kwh", 1e-3), ("price_ct_per_kwh", 0.1), ("price_per_mwh", 1.0)]
)
def test_prices_are_checked_in_whatever_unit_their_name_says(name: str, factor: float) -> None:
    data = (frame(0)[["price_per_mwh"]] * factor).rename(columns={"price_per_mwh": name})
    report = check_frame(data.drop(data.index[7:9]), "Europe/Berlin")
    assert [(finding.column, finding.kind) for finding in report.failures] == [("price_per_mwh", "gap")]
    assert not report.notes


@pytest.mark.parametrize("name", ["load_kwh", "load_wh", "pv_mw", "load_w"])
def test_energies_and_powers_are_checked_as_powers(name: str) -> None:
    data = frame(0)[["load_kw"]].rename(columns={"load_kw": name})
    data.iloc[40] = np.nan
    found = check_frame(data, "Europe/Berlin").failures
    assert [(finding.column, finding.kind) for finding in found] == [(f"{name.partition('_')[0]}_kw", "nan")]


def test_a_column_in_two_units_is_not_checked() -> None:
    data = frame(0).assign(load_mw=0.001)
    with pytest.raises(DataError, match="'load_mw': is converted to 'load_kw', which is there as well"):
        check_frame(data)


def test_a_price_of_a_kwh_that_is_called_one_of_a_mwh_is_asked_about() -> None:
    report = check_frame(frame(0) / 1e3, "Europe/Berlin")
    assert report.passed
    assert any("is that the price of a kWh? Then call it price_per_kwh" in note for note in report.notes)


@pytest.mark.parametrize(
    ("zone", "told"), [(None, "such as --zone Europe/Berlin, or zone= in Python"), ("Europe/Berln", "did you mean")]
)
def test_a_missing_or_wrong_zone_is_the_whole_message(zone: str | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    frame(0).tz_localize(None).rename_axis("time").to_csv(path)
    with pytest.raises(EnergyGymError, match=told) as caught:
        read_frame(path, zone)
    assert "must hold time stamps" not in str(caught.value)


def test_decimal_commas_are_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    frame(0).rename_axis("time").to_csv(path, sep=";", decimal=",")
    refused = CliRunner().invoke(app, ["data", "check", str(path)])
    assert refused.exit_code == 1
    assert "write decimals with a point" in " ".join(refused.output.split())
    assert isinstance(refused.exception, SystemExit)
