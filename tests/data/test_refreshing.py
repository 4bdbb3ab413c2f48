"""Newer months from an open interface, served by this machine: what was there stays, and what cannot be is told."""

from __future__ import annotations

import http.server
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import gymnasium as gym
import pandas as pd
import pytest
from local_server import served
from typer.testing import CliRunner

import energy_gym
from energy_gym.cli.app import app as cli
from energy_gym.data.exports import Answers, add, refresh
from energy_gym.data.exports.formats import FORMATS
from energy_gym.data.exports.interfaces import CLOSED, INTERFACES
from energy_gym.data.loading import forget
from energy_gym.errors import ConfigurationError, DownloadError, IrregularIndexError, MissingColumnError, UnknownIdError

BERLIN, BRISBANE = "Europe/Berlin", "Australia/Brisbane"
LAST = pd.Timestamp("2024-05-08", tz=BERLIN)
SAID = {"zone": BERLIN, "published[price]": "day-ahead 13:00"}


def told(first: str, stop: str, step: str = "h") -> str:
    times = pd.date_range(first, stop, freq=step, tz=BERLIN, inclusive="left")
    prices = [round(10.0 + t.hour + t.day / 100, 2) for t in times]
    seconds = [int(t.timestamp()) for t in times]
    return json.dumps({"unix_seconds": seconds, "price": prices, "unit": "EUR / MWh", "deprecated": False})


class Market(http.server.BaseHTTPRequestHandler):
    """Answers as Energy-Charts does, up to a last moment, and as AEMO does; ``asked`` keeps what was asked for."""

    asked: list[str]
    step = "h"
    fails = 0

    def do_GET(self) -> None:  # the name is the library's
        self.asked.append(self.path)
        if type(self).fails:
            type(self).fails -= 1
            self.send_error(503)
            return
        parts = urlsplit(self.path)
        known = parts.path == "/price" and "bzn" in parse_qs(parts.query)
        body = self._prices(parse_qs(parts.query)) if known else self._aemo(parts.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def _prices(self, words: dict[str, list[str]]) -> str:
        stop = pd.Timestamp(words["end"][0], tz=BERLIN) + pd.DateOffset(days=1)
        return told(words["start"][0], str(min(stop, LAST + pd.Timedelta(hours=6)).tz_localize(None)), self.step)

    def _aemo(self, path: str) -> str | None:
        if not path.endswith("_SA1.csv"):
            return None
        month = pd.Timestamp(path[len("/PRICE_AND_DEMAND_") :][:6] + "01")
        times = pd.date_range(month, month + pd.DateOffset(months=1), freq="30min")[1:]
        rows = [f"SA1,{t:%Y/%m/%d %H:%M:%S},1500.0,{t.hour}.5,TRADE" for t in times]
        return "\n".join(["REGION,SETTLEMENTDATE,TOTALDEMAND,RRP,PERIODTYPE", *rows]) + "\n"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def market() -> Iterator[str]:
    Market.asked, Market.step, Market.fails = [], "h", 0
    with served(Market) as address:
        yield address


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ENERGY_GYM_CARDS", str(tmp_path / "cards"))
    monkeypatch.setenv("ENERGY_GYM_CACHE", str(tmp_path / "cache"))
    forget()
    return tmp_path / "cards"


def made(cards: Path, text: str, said: dict[str, str], id: str = "mine") -> None:
    export = cards.parent / "export.csv"
    export.write_text(text, encoding="utf-8")
    add(export, cards, id=id, answers=Answers(said))


def test_newer_months_become_the_split_later_and_the_others_stay(cards: Path, market: str) -> None:
    made(cards, told("2024-04-10", "2024-04-20"), SAID)
    before = energy_gym.load("mine")
    with pytest.raises(ConfigurationError, match=r"area of 'mine': was not said: a bidding zone.*--area"):
        refresh("mine", url=market)
    found = refresh("mine", area="DE-LU", url=market, until=pd.Timestamp("2024-06-01").date())
    assert (found.days, found.last, found.interface) == (18, "2024-05-07", "energy-charts")
    assert Market.asked == [
        "/price?bzn=DE-LU&start=2024-04-20&end=2024-04-30",
        "/price?bzn=DE-LU&start=2024-05-01&end=2024-05-31",
    ]
    after = energy_gym.load("mine")
    pd.testing.assert_frame_equal(after.frame[: len(before.frame)], before.frame, check_freq=False)
    assert after.frame.loc[pd.Timestamp("2024-05-07T21:00Z"), "price_per_mwh"] == 33.07
    assert {name: its for name, its in after.card.splits.items() if name != "later"} == before.card.splits
    assert after.card.splits["later"] == (before.card.span[1], LAST.tz_convert("UTC"))
    assert after.card.columns == before.card.columns, "what scales observations is that of the training split"
    env = gym.make("energy_gym/Arbitrage-v1", dataset="mine", split="later", episode_steps=24)
    env.reset(seed=0)
    again = refresh("mine", until=pd.Timestamp("2024-05-08").date())
    assert (again.days, again.last) == (0, "2024-05-07"), "area and address are known"


def test_a_region_is_asked_for_month_by_month_in_the_columns_of_the_card(cards: Path, market: str) -> None:
    times = pd.date_range("2024-01-20 00:30", periods=48 * 12, freq="30min")
    rows = [f"{t:%Y/%m/%d %H:%M:%S},SA1,{t.hour}.5" for t in times]
    made(cards, "\n".join(["SETTLEMENTDATE,REGIONID,RRP", *rows]), {"published[RRP]": "after"})
    found = refresh("mine", area="SA1", url=market, until=pd.Timestamp("2024-03-01").date())
    assert (found.days, found.last) == (29, "2024-02-29")
    frame = energy_gym.load("mine").frame
    assert frame.loc[pd.Timestamp("2024-02-29 23:30", tz=BRISBANE), "price_per_mwh"] == 0.5, "a stamp ends its step"
    with pytest.raises(DownloadError, match=r"PRICE_AND_DEMAND_202403_NSW9.csv: gave no usable answer"):
        refresh("mine", area="NSW9", until=pd.Timestamp("2024-04-01").date())


def test_what_answers_another_way_changes_nothing(cards: Path, market: str) -> None:
    made(cards, told("2024-04-10", "2024-04-20"), SAID)
    kept = {path.name: path.read_bytes() for path in cards.iterdir()}
    asked = {"area": "DE-LU", "url": market, "until": pd.Timestamp("2024-05-01").date()}
    Market.step = "15min"
    with pytest.raises(IrregularIndexError, match="has steps of 15 min from 2024-04-20 on, the data set 60"):
        refresh("mine", **asked)
    Market.step, Market.fails = "h", 9
    with pytest.raises(DownloadError, match="gave no usable answer"):
        refresh("mine", **asked)
    assert {path.name: path.read_bytes() for path in cards.iterdir()} == kept
    Market.fails = 2
    assert refresh("mine", **asked).days == 11, "a server that is out for a moment is asked again"


def test_a_column_that_the_interface_lacks_is_named(cards: Path, market: str) -> None:
    rows = [
        f"{t.isoformat()},{20.0 + t.hour},{t.hour}"
        for t in pd.date_range("2024-04-10", periods=240, freq="h", tz=BERLIN)
    ]
    text = "\n".join(["Date (GMT+2),Day Ahead Auction (DE-LU),Load", ",Price (EUR/MWh),Power (MW)", *rows])
    said = {"zone": BERLIN, "published[Day Ahead Auction (DE-LU)]": "day-ahead 13:00"}
    made(cards, text, said)
    with pytest.raises(MissingColumnError, match="lacks load_kw of 'mine'"):
        refresh("mine", area="DE-LU", url=market, until=pd.Timestamp("2024-05-01").date())


def test_every_format_has_an_interface_or_a_reason(cards: Path) -> None:
    formats = {one.name for one in FORMATS}
    assert {one.format for one in INTERFACES.values()} | set(CLOSED) == formats
    home = {"zone": "Europe/London", "column[Consumption (kwh)]": "load_kw"}
    times = pd.date_range("2024-03-28", periods=480, freq="30min", tz="Europe/London")
    rows = [f"1.0, {t.isoformat()}, {(t + pd.Timedelta(minutes=30)).isoformat()}" for t in times]
    made(cards, "\n".join(["Consumption (kwh), Start, End", *rows]), home, "home")
    with pytest.raises(ConfigurationError, match=r"Octopus: cannot be asked for newer months: .*key of an account"):
        refresh("home")
    with pytest.raises(UnknownIdError, match="did you mean 'aemo'"):
        refresh("home", source="amo")
    with pytest.raises(ConfigurationError, match="data set 'ercot-2021-2022': is pinned"):
        refresh("ercot-2021-2022")


def test_the_command_says_how_much_is_new(cards: Path, market: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made(cards, told("2024-04-10", "2024-04-20"), SAID)
    words = ["data", "refresh", "mine", "--area", "DE-LU", "--url", market, "--until"]
    done = CliRunner().invoke(cli, [*words, "2024-04-25"])
    assert (done.exit_code, done.output) == (0, "mine: 5 days more, up to 2024-04-24, from energy-charts\n")
    wrong = CliRunner().invoke(cli, [*words, "soon"])
    assert (wrong.exit_code, wrong.output.strip()) == (1, "--until soon: is no day; write 2024-07-01")
