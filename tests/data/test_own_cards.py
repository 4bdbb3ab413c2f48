"""Cards of third parties: a folder of cards joins the catalogue, and one that is not exact is refused with its rule."""

from __future__ import annotations

import hashlib
import http.server
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
import yaml
from local_server import served
from typer.testing import CliRunner

import energy_gym
from energy_gym.cli.app import app
from energy_gym.data import card, card_ids, check, load
from energy_gym.data.feed import open_feed
from energy_gym.data.fetching import fetch_file
from energy_gym.data.loading import forget, read_raw
from energy_gym.errors import CardError, ChecksumError, DownloadError, EnergyGymError, RawFileError, UnknownIdError
from energy_gym.leaderboard.suites import Task

ID, DAYS = "valley", 60


def table(seed: int = 0, days: int = DAYS) -> pd.DataFrame:
    random, steps = np.random.default_rng(seed), 24 * days
    stamps = pd.date_range("2023-12-31T23:00Z", periods=steps, freq="h")
    shape = 60.0 + 25.0 * np.sin(np.arange(steps) * (2.0 * np.pi / 24.0))
    return pd.DataFrame(
        {"HourUTC": stamps, "Spot": shape + random.normal(0.0, 9.0, steps), "MW": random.uniform(0.0, 0.02, steps)}
    )


def content(body: bytes, name: str = "valley.csv") -> dict[str, Any]:
    columns = {
        "price_per_mwh": {"unit": "EUR/MWh", "title": "Price", "published": "day-ahead 13:00", "fill": "none"},
        "load_kw": {"unit": "kW", "title": "Load", "published": "after", "fill": "none"},
    }
    days = [pd.Timestamp("2024-01-01") + pd.Timedelta(days=day) for day in (0, 36, 48, DAYS)]
    splits = {name: [days[at].date(), days[at + 1].date()] for at, name in enumerate(("train", "validation", "test"))}
    return {
        **dict.fromkeys(("title", "description", "publication", "licence", "attribution", "source"), "mine"),
        "zone": "Europe/Berlin",
        "currency": "EUR",
        "resolution_minutes": 60,
        "reader": "table",
        "table": {
            "time": "HourUTC",
            "columns": {"price_per_mwh": "Spot", "load_kw": "MW"},
            "factors": {"load_kw": 1000},
        },
        "span": [days[0].date(), days[3].date()],
        "splits": splits,
        "columns": columns,
        "defects": [],
        "files": {name: hashlib.sha256(body).hexdigest()},
        "statistics": {name: {"mean": 1.0, "offset": 1.0, "scale": 1.0} for name in columns},
    }


class Cards:
    """A folder of cards; ``put`` writes a card with its file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, told: dict[str, Any] | None = None, body: bytes | None = None, name: str = ID) -> None:
        written = table().to_csv(index=False).encode() if body is None else body
        (self.folder / "valley.csv").write_bytes(written)
        text = yaml.safe_dump(content(written) if told is None else told, sort_keys=False)
        (self.folder / f"{name}.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cards]:
    (tmp_path / "cards").mkdir()
    monkeypatch.setenv("ENERGY_GYM_CARDS", str(tmp_path / "cards"))
    monkeypatch.setenv("ENERGY_GYM_CACHE", str(tmp_path / "cache"))
    forget()
    yield Cards(tmp_path / "cards")
    forget()


@pytest.mark.parametrize("seed", range(3))
def test_the_series_are_those_of_the_file(seed: int, cards: Cards) -> None:
    own = table(seed)
    cards.put(body=own.to_csv(index=False).encode())
    frame = load(ID).frame
    assert frame["price_per_mwh"].to_numpy() == pytest.approx(own["Spot"].to_numpy(), abs=1e-9)
    assert frame["load_kw"].to_numpy() == pytest.approx(1000.0 * own["MW"].to_numpy(), abs=1e-9)
    assert frame.index[0] == pd.Timestamp("2023-12-31T23:00Z")
    assert load(ID).bounds("test") == (48 * 24, DAYS * 24)
    assert (card(ID).kind, card(ID).offline) == ("own", True)
    assert check(read_raw(ID), card(ID)).passed


LAYOUTS: dict[str, tuple[dict[str, Any], Any]] = {
    "parquet": ({}, None),
    "stamps that end their step": ({"stamps": "end"}, lambda it: it.assign(HourUTC=it["HourUTC"] + pd.Timedelta("1h"))),
    "stamps without an offset": ({"zone": "UTC"}, lambda it: it.assign(HourUTC=it["HourUTC"].dt.tz_localize(None))),
    "local stamps": (
        {"zone": "Europe/Berlin"},
        lambda it: it.assign(HourUTC=it["HourUTC"].dt.tz_convert("Europe/Berlin").dt.tz_localize(None)),
    ),
    "semicolons": ({"separator": ";", "decimal": ","}, lambda it: it),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_tables(layout: str, cards: Cards, tmp_path: Path) -> None:
    told, turned = LAYOUTS[layout]
    if turned is None:
        table().to_parquet(cards.folder / "valley.parquet")
        body = (cards.folder / "valley.parquet").read_bytes()
        cards.put(content(body, "valley.parquet"))
    else:
        body = turned(table()).to_csv(index=False, sep=told.get("separator", ","), decimal=told.get("decimal", "."))
        its = content(body.encode())
        cards.put({**its, "table": {**its["table"], **told}}, body.encode())
    assert load(ID).frame["price_per_mwh"].to_numpy() == pytest.approx(table()["Spot"].to_numpy(), abs=1e-9)


def test_an_environment_a_suite_and_the_command_line_find_it(cards: Cards) -> None:
    cards.put()
    assert ID in card_ids()
    env = gym.make("energy_gym/Arbitrage-v1", dataset=ID, split="test", episode_steps=48)
    env.reset(seed=0)
    solution = energy_gym.solve(env)
    assert sum(float(env.step(action)[1]) for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)
    assert Task("own", "energy_gym/Arbitrage-v1", {"dataset": ID}).hashes["data"]
    for command in (["list"], ["describe", ID], ["fetch", ID], ["verify", ID], ["check", ID], ["verify"]):
        result = CliRunner().invoke(app, ["data", *command])
        assert result.exit_code == 0, (command, result.output)
    assert ID in CliRunner().invoke(app, ["data", "list"]).stdout.split()


def test_statistics_for_a_card_are_printed(cards: Cards) -> None:
    body = table().to_csv(index=False).encode()
    cards.put({key: value for key, value in content(body).items() if key != "statistics"}, body)
    with pytest.raises(CardError, match=r"'statistics' is missing.*energy-gym data statistics FILE"):
        card(ID)
    result = CliRunner().invoke(app, ["data", "statistics", str(cards.folder / f"{ID}.yaml")])
    assert result.exit_code == 0, result.output
    cards.put({**content(body), **yaml.safe_load(result.stdout)}, body)
    train = table()["Spot"].iloc[: 36 * 24]
    assert card(ID).columns["price_per_mwh"].statistics.mean == pytest.approx(train.mean(), rel=1e-5)
    assert open_feed(ID, None, "test").statistics["price_per_mwh"].offset == pytest.approx(train.median(), rel=1e-5)


def without_unit(told: dict[str, Any]) -> None:
    told["columns"]["load_kw"].pop("unit")


def nameless_unit(told: dict[str, Any]) -> None:
    for part in ("columns", "statistics"):
        told[part]["load"] = told[part].pop("load_kw")


def other_unit(told: dict[str, Any]) -> None:
    told["columns"]["load_kw"]["unit"] = "MW"


def unknown_reader(told: dict[str, Any]) -> None:
    told["reader"] = "tabel"


def no_files(told: dict[str, Any]) -> None:
    told.pop("files")


def outside(told: dict[str, Any]) -> None:
    told["files"] = {"../valley.csv": "0" * 64}


def unknown_layout(told: dict[str, Any]) -> None:
    told["table"]["tiem"] = "HourUTC"


def unknown_stamps(told: dict[str, Any]) -> None:
    told["table"]["stamps"] = "middle"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_unit, r"columns.load_kw.*'unit' is missing"),
        (nameless_unit, r"'load'.*must end in its unit: _per_mwh"),
        (other_unit, r"load_kw.unit='MW'.*must be 'kW'"),
        (unknown_reader, r"reader='tabel'.*did you mean 'table'\?"),
        (no_files, "'files' is missing"),
        (outside, "must be a path below the base URL"),
        (unknown_layout, r"did you mean 'time'\?"),
        (unknown_stamps, "must be 'start' or 'end'"),
    ],
)
def test_a_card_that_is_not_exact(spoil: Any, said: str, cards: Cards) -> None:
    told = content(table().to_csv(index=False).encode())
    spoil(told)
    cards.put(told)
    with pytest.raises(CardError, match=said) as caught:
        gym.make("energy_gym/Arbitrage-v1", dataset=ID)
    assert str(caught.value).startswith(f"{ID}.yaml: ")
    result = CliRunner().invoke(app, ["data", "describe", ID])
    assert result.exit_code == 1
    assert "Traceback" not in result.output


def test_a_file_with_another_hash(cards: Cards) -> None:
    cards.put()
    load(ID)
    file = cards.folder / "valley.csv"
    file.write_bytes(file.read_bytes().replace(b"2024-01-05", b"2024-01-06", 1))
    with pytest.raises(ChecksumError, match="new hash on the card"):
        load(ID)
    assert CliRunner().invoke(app, ["data", "verify", ID]).exit_code == 1
    file.unlink()
    with pytest.raises(DownloadError, match="put it beside its card"):
        load(ID)


def test_an_id_that_exists_twice(cards: Cards) -> None:
    cards.put(name="ercot")
    for look in (card_ids, lambda: card("synthetic"), lambda: load("ercot-2021-2022")):
        with pytest.raises(CardError, match=r"'ercot' of .*has the id of .*ercot.yaml"):
            look()
    (cards.folder / "ercot.yaml").unlink()
    cards.put()
    (cards.folder / f"{ID}.yml").write_text((cards.folder / f"{ID}.yaml").read_text(encoding="utf-8"))
    with pytest.raises(CardError, match=f"{ID!r} of"):
        card_ids()


def test_an_id_of_emsx_is_taken(cards: Cards) -> None:
    cards.put(name="emsx-7")
    with pytest.raises(CardError, match="the sites of EMSx"):
        card_ids()


def test_a_folder_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ENERGY_GYM_CARDS", str(tmp_path / "none"))
    with pytest.raises(CardError, match="must name a folder of cards"):
        card_ids()


@pytest.mark.parametrize("text", ["{", "[1, 2]", "\0", "- a: 1"])
def test_a_file_that_is_no_card(text: str, cards: Cards) -> None:
    (cards.folder / "bad.yaml").write_text(text)
    with pytest.raises(CardError, match=r"bad\.yaml"):
        card("bad")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"time": "Hour"}, "no column 'Hour' of time stamps"),
        ({"columns": {"price_per_mwh": "Price"}}, "no column 'Price' for 'price_per_mwh'"),
    ],
)
def test_a_table_that_is_laid_out_otherwise(told: dict[str, Any], said: str, cards: Cards) -> None:
    its = content(table().to_csv(index=False).encode())
    cards.put({**its, "table": {**its["table"], **told}})
    with pytest.raises(RawFileError, match=said):
        load(ID)


def test_stamps_that_leave_their_moment_open(cards: Cards) -> None:
    own = table()
    body = own.assign(HourUTC=own["HourUTC"].dt.tz_localize(None)).to_csv(index=False).encode()
    cards.put(content(body), body)
    with pytest.raises(RawFileError, match="carry no offset"):
        load(ID)


def test_a_card_that_was_changed_is_read_again(cards: Cards) -> None:
    cards.put()
    first = load(ID).frame
    body = table(5).to_csv(index=False).encode()
    cards.put(content(body), body)
    assert not load(ID).frame.equals(first)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "valley.csv").write_bytes(table().to_csv(index=False).encode())

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *told: Any, **named: Any) -> None:
            super().__init__(*told, directory=str(tmp_path / "served"), **named)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    monkeypatch.delenv("ENERGY_GYM_DATA", raising=False)
    with served(Handler) as address:
        yield f"{address}/"


@pytest.mark.parametrize("way", ["base_url", "url"])
def test_a_file_with_a_url_is_fetched_once(way: str, cards: Cards, server: str, tmp_path: Path) -> None:
    told = content(table().to_csv(index=False).encode())
    if way == "base_url":
        told["base_url"] = server
    else:
        told["files"] = {"valley.csv": {"sha256": told["files"]["valley.csv"], "url": f"{server}valley.csv"}}
    cards.put(told)
    (cards.folder / "valley.csv").unlink()
    assert card(ID).kind == "fetched"
    assert load(ID).frame["price_per_mwh"].to_numpy() == pytest.approx(table()["Spot"].to_numpy(), abs=1e-9)
    (tmp_path / "served" / "valley.csv").unlink()
    forget()
    assert len(load(ID).frame) == 24 * DAYS
    assert (tmp_path / "cache" / "raw" / ID / "valley.csv").is_file()


def test_a_url_with_another_hash(cards: Cards, server: str, tmp_path: Path) -> None:
    told = content(b"something else")
    told["base_url"] = server
    cards.put(told)
    with pytest.raises(ChecksumError):
        fetch_file(card(ID), card(ID).files[0], retries=0)
    assert not (tmp_path / "cache" / "raw").exists()


def test_unknown_ids_are_answered_with_own_cards_too(cards: Cards) -> None:
    cards.put()
    with pytest.raises(UnknownIdError, match=f"did you mean {ID!r}"):
        load("vally")
    with pytest.raises(EnergyGymError):
        gym.make("energy_gym/Arbitrage-v1", dataset="vally")
