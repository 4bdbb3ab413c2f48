"""Exports become data sets by their own headers; what these do not say is asked for, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import energy_gym
from energy_gym.cli import app as cli
from energy_gym.data.exports import FORMATS, Answers, add, read_export
from energy_gym.data.loading import forget
from energy_gym.errors import ConfigurationError, EnergyGymError, RawFileError, WindowError

DAYS = 8
BERLIN = pd.date_range("2024-10-24", periods=24 * DAYS + 1, freq="h", tz="Europe/Berlin")


def lines(head: str, rows: Iterable[str], tail: str = "") -> str:
    return "\n".join([head, *rows, tail]).rstrip("\n") + "\n"


def value(step: int) -> float:
    """A value that tells its step: no two in a day are alike."""
    return round(50.0 + 20.0 * float(np.sin(step / 24.0 * 2.0 * np.pi)) + 0.01 * step, 2)


def entsoe() -> str:
    """The hour that autumn repeats stands there twice."""
    ends = BERLIN + pd.Timedelta(hours=1)
    spans = [f"{a:%d.%m.%Y %H:%M} - {b:%d.%m.%Y %H:%M}" for a, b in zip(BERLIN, ends, strict=True)]
    rows = [f'"{span}","{value(i)}","EUR","x"' for i, span in enumerate(spans)]
    return lines('"MTU (CET/CEST)","Day-ahead Price [EUR/MWh]","Currency","BZN|DE-LU"', rows)


def entsoe_new() -> str:
    rows = [
        f'"{t:%d/%m/%Y %H:%M:%S} - x","BZN|DE-LU","{value(i)}","",""' for i, t in enumerate(BERLIN.tz_convert("UTC"))
    ]
    head = '"MTU (UTC)","Area","Day-ahead Price (EUR/MWh)","Intraday Period (UTC)","Intraday Price (EUR/MWh)"'
    return lines(head, rows)


def smard() -> str:
    price, load = "Deutschland/Luxemburg [€/MWh] Originalauflösungen", "Gesamt (Netzlast) [MWh] Originalauflösungen"
    rows = []
    for i, t in enumerate(BERLIN):
        written = f"{value(i):.2f}".replace(".", ",")
        rows.append(f"{t:%d.%m.%Y %H:%M};{t + pd.Timedelta(hours=1):%d.%m.%Y %H:%M};{written};1.0{written}")
    return lines(f"Datum von;Datum bis;{price};{load}", rows)


def energy_charts() -> str:
    rows = [f"{t.isoformat()},{value(i)},{value(i) + 1000}" for i, t in enumerate(BERLIN)]
    head = 'Datum (MEZ),Day Ahead Auktion (DE-LU),Last\n,"Preis (EUR/MWh, EUR/tCO2)",Leistung (MW)'
    return lines(head, rows)


def energy_charts_json() -> str:
    seconds = [int(t.timestamp()) for t in BERLIN]
    prices = [value(i) for i in range(len(BERLIN))]
    return f'{{"license_info":"x","unix_seconds":{seconds},"price":{prices},"unit":"EUR / MWh","deprecated":false}}'


def gridstatus() -> str:
    hours = BERLIN.tz_convert("America/Chicago")
    rows = [
        f"{t},{t},{t + pd.Timedelta(hours=1)},DAY_AHEAD_HOURLY,{hub},Hub,{value(i) + more}"
        for i, t in enumerate(hours)
        for hub, more in (("HB_HOUSTON", 0.0), ("HB_NORTH", 5.0))
    ]
    return lines("Time,Interval Start,Interval End,Market,Location,Location Type,LMP", rows)


def nemosis() -> str:
    """A stamp ends its half hour."""
    times = pd.date_range("2024-03-01 00:30", periods=48 * DAYS, freq="30min")
    return lines("SETTLEMENTDATE,REGIONID,RRP", [f"{t:%Y/%m/%d %H:%M:%S},SA1,{value(i)}" for i, t in enumerate(times)])


def home_assistant() -> str:
    """A sensor in W that changes every twenty minutes, and is away for an hour."""
    times = pd.date_range("2024-03-01", periods=72 * DAYS, freq="20min", tz="UTC")
    rows = [
        f"sensor.grid,{'unavailable' if 30 <= i < 33 else value(i)},{t:%Y-%m-%dT%H:%M:%S.000Z}"
        for i, t in enumerate(times)
    ]
    return lines("entity_id,state,last_changed", rows)


def octopus() -> str:
    times = pd.date_range("2024-03-28", periods=48 * DAYS, freq="30min", tz="Europe/London")
    rows = [
        f"{value(i) / 100:.4f}, {t.isoformat()}, {(t + pd.Timedelta(minutes=30)).isoformat()}"
        for i, t in enumerate(times)
    ]
    return lines("Consumption (kwh), Start, End", rows)


def pvgis() -> str:
    times = pd.date_range("2020-06-01", periods=24 * DAYS, freq="h")
    head = "Latitude (decimal degrees):\t52.5\nLongitude (decimal degrees):\t13.4\nRadiation database:\tPVGIS-SARAH3\n"
    rows = [f"{t:%Y%m%d:%H}10,{max(0, 12 - abs(t.hour - 11)) * 100.0},0.0,30.0,15.0,2.0,0.0" for t in times]
    return lines(f"{head}\ntime,P,G(i),H_sun,T2m,WS10m,Int", rows, "\nP: PV system power (W)\n")


PRICE = "Day-ahead Price [EUR/MWh]"
# Of each format: its file, what must be said, the columns of the card, and the first value with its moment.
CASES: dict[str, tuple[Callable[[], str], dict[str, str], tuple[str, ...], float, str]] = {
    "ENTSO-E": (
        entsoe,
        {"zone": "Europe/Berlin", f"published[{PRICE}]": "day-ahead 13:00"},
        ("price_per_mwh",),
        50.0,
        "2024-10-23T22:00Z",
    ),
    "SMARD": (
        smard,
        {"published[Deutschland/Luxemburg [€/MWh] Originalauflösungen]": "day-ahead 13:00"},
        ("price_per_mwh", "load_kw"),
        50.0,
        "2024-10-23T22:00Z",
    ),
    "Energy-Charts": (
        energy_charts,
        {"zone": "Europe/Berlin", "published[Day Ahead Auktion (DE-LU)]": "day-ahead 13:00"},
        ("price_per_mwh", "load_kw"),
        50.0,
        "2024-10-23T22:00Z",
    ),
    "gridstatus": (
        gridstatus,
        {
            "zone": "America/Chicago",
            "currency": "USD",
            "select[location]": "HB_NORTH",
            "published[lmp]": "day-ahead 13:30",
        },
        ("price_per_mwh",),
        value(7) + 5.0,
        "2024-10-24T05:00Z",
    ),
    "NEMOSIS": (nemosis, {"published[RRP]": "at-start"}, ("price_per_mwh",), 50.0, "2024-02-29T14:00Z"),
    "Home Assistant": (
        home_assistant,
        {"zone": "Etc/UTC", "step": "60", "unit[sensor.grid]": "W", "column[sensor.grid]": "load_kw"},
        ("load_kw",),
        sum(value(i) for i in range(3)) / 3e3,
        "2024-03-01T00:00Z",
    ),
    "Octopus": (octopus, {"zone": "Europe/London"}, ("load_kw",), 1.0, "2024-03-28T00:00Z"),
    "PVGIS": (pvgis, {"zone": "Europe/Berlin"}, ("pv_kw",), 0.1, "2020-06-01T22:00Z"),
}
# More files of the same formats.
MORE = {
    "ENTSO-E": (
        entsoe_new,
        {"zone": "Europe/Berlin", "published[Day-ahead Price (EUR/MWh)]": "day-ahead 13:00"},
    ),
    "Energy-Charts": (energy_charts_json, {"zone": "Europe/Berlin", "published[price]": "day-ahead 13:00"}),
}


def written(tmp_path: Path, make: Callable[[], str]) -> Path:
    path = tmp_path / "My File.csv"
    path.write_text(make(), encoding="utf-8")
    return path


@pytest.fixture
def _cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENERGY_GYM_CARDS", str(tmp_path / "cards"))
    forget()


def test_every_format_has_its_case() -> None:
    assert [one.name for one in FORMATS] == ["ENTSO-E", "SMARD", "Energy-Charts", *list(CASES)[3:]]


@pytest.mark.usefixtures("_cards")
@pytest.mark.parametrize("name", CASES)
def test_an_export_becomes_a_data_set_on_its_true_moments(name: str, tmp_path: Path) -> None:
    make, said, columns, first, moment = CASES[name]
    added = add(written(tmp_path, make), tmp_path / "cards", answers=Answers(said))
    assert (added.format, added.id, tuple(added.columns)) == (name, "my-file", columns)
    data = energy_gym.load("my-file")
    start = pd.Timestamp(moment)
    assert data.frame.index[0] == start
    assert data.frame[columns[0]].iloc[0] == pytest.approx(first)
    assert set(data.card.splits) == {"train", "validation", "test"}
    assert "clock" not in {finding.kind for finding in added.report.failures}


@pytest.mark.usefixtures("_cards")
@pytest.mark.parametrize("name", MORE)
def test_another_file_of_a_format_holds_the_same(name: str, tmp_path: Path) -> None:
    make, said = MORE[name]
    add(written(tmp_path, make), tmp_path / "cards", id="other", answers=Answers(said))
    frame = energy_gym.load("other").frame
    assert (frame.index[0], frame["price_per_mwh"].iloc[0]) == (pd.Timestamp("2024-10-23T22:00Z"), 50.0)


@pytest.mark.parametrize(("name", "lacking"), [(name, option) for name, case in CASES.items() for option in case[1]])
def test_what_nobody_says_is_refused_with_the_options_name(name: str, lacking: str, tmp_path: Path) -> None:
    make, said, *_ = CASES[name]
    rest = {option: answer for option, answer in said.items() if option != lacking}
    option = lacking.partition("[")[0]
    with pytest.raises(ConfigurationError, match=f"--{option}"):
        add(written(tmp_path, make), tmp_path / "cards", answers=Answers(rest))
    assert not list(tmp_path.glob("cards/*"))


def test_what_nobody_says_is_asked_for_once_where_someone_can_answer(tmp_path: Path) -> None:
    asked: list[str] = []
    replies = {"zone": "Europe/Berlin", "published": "day-ahead 13:00"}

    def ask(option: str, question: str) -> str:
        asked.append(option)
        return replies[option]

    add(written(tmp_path, entsoe), tmp_path / "cards", answers=Answers({}, ask))
    assert asked == ["zone", "published"]


@pytest.mark.parametrize(
    ("make", "said", "rule"),
    [
        (smard, {"zone": "Europe/London"}, "on the clock of Europe/Berlin"),
        (octopus, {"zone": "Europe/Londn"}, "Londn"),
        (octopus, {"zone": "Europe/London", "unit[Consumption (kwh)]": "Wh"}, "which says kWh"),
        (nemosis, {"currency": "USD", "published[RRP]": "at-start"}, "AUD"),
        (nemosis, {"published[RRP]": "dayahead"}, "must be"),
        (home_assistant, CASES["Home Assistant"][1] | {"unit[sensor.grid]": "kWh"}, "cannot be converted"),
        (home_assistant, CASES["Home Assistant"][1] | {"unit[sensor.grid]": "EUR/MWh"}, "ends in _per_mwh"),
        (home_assistant, CASES["Home Assistant"][1] | {"step": "hour"}, "number of minutes"),
        (home_assistant, CASES["Home Assistant"][1] | {"step": "7"}, "divide a day"),
        (gridstatus, CASES["gridstatus"][1] | {"select[location]": "HB_WEST"}, "must be one of HB_HOUSTON, HB_NORTH"),
    ],
)
def test_an_answer_that_cannot_be_is_refused(
    make: Callable[[], str], said: dict[str, str], rule: str, tmp_path: Path
) -> None:
    with pytest.raises(EnergyGymError, match=rule):
        add(written(tmp_path, make), tmp_path / "cards", answers=Answers(said))


def test_a_unit_that_the_header_lacks_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "meter.csv"
    path.write_text(octopus().replace(" (kwh)", ""), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="--unit"):
        add(path, tmp_path / "cards", answers=Answers({"zone": "Europe/London"}))
    path.write_text(octopus().replace("(kwh)", "(m³)"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"'m³'.*cannot be converted"):
        add(path, tmp_path / "cards", answers=Answers({"zone": "Europe/London"}))


@pytest.mark.usefixtures("_cards")
def test_an_hour_without_the_sensor_is_a_gap_and_no_zero(tmp_path: Path) -> None:
    said = CASES["Home Assistant"][1]
    added = add(written(tmp_path, home_assistant), tmp_path / "cards", answers=Answers(said))
    assert {finding.kind for finding in added.report.findings} & {"nan", "gap"}
    data = energy_gym.load(added.id)
    assert data.filled["load_kw"].sum() == 1
    assert (data.frame["load_kw"] > 0.02).all()


@pytest.mark.usefixtures("_cards")
def test_a_row_that_stands_twice_is_told_and_the_later_one_counts(tmp_path: Path) -> None:
    path = tmp_path / "meter.csv"
    first, *rest = octopus().splitlines()
    again = "9.0," + rest[3].partition(",")[2]
    path.write_text("\n".join([first, *rest, again]), encoding="utf-8")
    added = add(path, tmp_path / "cards", answers=Answers({"zone": "Europe/London"}))
    assert added.repeated == 1
    assert energy_gym.load("meter").frame["load_kw"].iloc[3] == 18.0


def test_a_file_of_no_known_format_is_refused_and_so_is_one_that_breaks_off(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("time,price_per_mwh\n2024-01-01T00:00Z,3\n", encoding="utf-8")
    with pytest.raises(RawFileError, match="no known export: ENTSO-E, SMARD"):
        read_export(path)
    path.write_text(
        "Datum von;Datum bis;Energiemenge in kWh\n01.01.2025 00:00;01.01.2025 00:15;0,1\n", encoding="utf-8"
    )
    with pytest.raises(RawFileError, match="no known export"):
        read_export(path)
    path.write_text("\n".join(smard().splitlines()[:3]) + "\n31.31.2024 00:00;x;1,0;1,0\n", encoding="utf-8")
    with pytest.raises(RawFileError, match="begins like an export of SMARD"):
        read_export(path)
    path.write_text("\n".join(octopus().splitlines()[:60]), encoding="utf-8")
    with pytest.raises(WindowError, match="5 whole local days"):
        add(path, tmp_path / "cards", answers=Answers({"zone": "Europe/London"}))


@pytest.mark.usefixtures("_cards")
def test_the_command_adds_a_file_that_an_environment_then_plays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    path = written(tmp_path, entsoe)
    words = ["data", "add", str(path), "--id", "de", "--zone", "Europe/Berlin"]
    refused = CliRunner().invoke(cli.app, words)
    assert refused.exit_code == 1
    result = CliRunner().invoke(cli.app, [*words, "--published", f"{PRICE}=day-ahead 12:45"])
    assert result.exit_code == 0, result.output
    assert "price_per_mwh: Day-ahead Price" in result.output
    env = gym.make("energy_gym/Arbitrage-v1", dataset="de", split="test", episode_steps=12)
    env.reset(seed=0)
    assert env.unwrapped.setup.feed.published["price_per_mwh"] == "day-ahead 12:45"
    again = CliRunner().invoke(cli.app, [*words, "--published", f"{PRICE}=day-ahead 12:45"])
    assert again.exit_code == 1
