"""EMSx: files in the published format, written here; each figure lands on its step, in its unit, and nowhere else."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from local_server import served
from typer.testing import CliRunner

from energy_gym.cli.data import app
from energy_gym.data import card, check, emsx, fetching, load, zenodo
from energy_gym.data.emsx_card import template
from energy_gym.data.feed import open_feed
from energy_gym.data.loading import forget, read_raw
from energy_gym.data.readers.emsx import read_rows
from energy_gym.entities import Battery
from energy_gym.errors import ChecksumError, DownloadError, EnergyGymError, RawFileError, UnknownIdError
from energy_gym.forecast import get_forecast

DAYS, STEPS = 9, 9 * 96
BEGIN = "2014-07-27 00:00"
SUFFIX = "+02:00"


def energies(name: str, row: int, step: int | None = None) -> float:
    """A different number [kWh] for every place in the file; ``step`` None is the actual value."""
    base = {"load": 1000.0, "pv": 0.0}[name]
    return base + (row % 600) + (0.0 if step is None else 0.25 + step / 256)


def lines(begin: str = BEGIN, days: int = DAYS, suffix: str = SUFFIX, separator: str = ",") -> list[str]:
    stamps = pd.date_range(begin, periods=96 * days, freq="15min")
    titles = ["timestamp", "site_id", "period_id", "actual_consumption", "actual_pv"]
    titles += [f"{part}_{step:02d}" for part in ("load", "pv") for step in range(96)]
    written = [separator.join(titles)]
    for row, stamp in enumerate(stamps):
        week = 1 + (stamp - pd.Timestamp("2014-07-21")).days // 7
        ahead = [energies(part, row, step) for part in ("load", "pv") for step in range(96)]
        cells = [f"{stamp:%Y-%m-%dT%H:%M:%S}{suffix}", 7, week, energies("load", row), energies("pv", row), *ahead]
        written.append(separator.join(map(str, cells)))
    return written


def packed(written: list[str]) -> bytes:
    return gzip.compress("\n".join([*written, ""]).encode(), compresslevel=1, mtime=0)


def tariff() -> bytes:
    """The tariff as the card tells it, in the published format: its hash is that of the published file."""
    day = [
        f"{hour:02d}:{minute:02d}:00,{0.17 if 7 <= hour < 23 else 0.13},0.07"
        for hour in range(24)
        for minute in range(0, 60, 15)
    ]
    return "\n".join(["timestamp,buy,sell", *day * 7, ""]).encode()


def record(files: dict[str, bytes]) -> bytes:
    stated = [{"key": key, "checksum": f"md5:{hashlib.md5(body).hexdigest()}"} for key, body in files.items()]
    return json.dumps({"id": 5510400, "files": stated}).encode()


@pytest.fixture(scope="module")
def series() -> bytes:
    written = lines()
    order = np.random.default_rng(0).permutation(np.arange(1, len(written)))
    return packed([written[0], *(written[at] for at in order)])


@pytest.fixture
def mirror(series: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "mirror"
    (folder / "emsx").mkdir(parents=True)
    (folder / "emsx" / "edf_prices.csv").write_bytes(tariff())
    put(folder, series)
    monkeypatch.setenv("ENERGY_GYM_DATA", str(folder))
    monkeypatch.setenv("ENERGY_GYM_CACHE", str(tmp_path / "cache"))
    forget()
    yield folder
    forget()


def put(folder: Path, series: bytes) -> None:
    (folder / "emsx" / "7.csv.gz").write_bytes(series)
    (folder / "emsx" / "5510400.json").write_bytes(record({"7.csv.gz": series}))


def test_the_tariff_on_the_card_is_the_published_file() -> None:
    assert hashlib.sha256(tariff()).hexdigest() == template(1)["files"]["edf_prices.csv"]["sha256"]


@pytest.mark.parametrize(("separator", "suffix"), [(",", "+02:00"), (";", "+0200"), (",", "Z"), (",", ".0"), (",", "")])
def test_rows_of_either_layout(separator: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "7.csv.gz"
    path.write_bytes(packed(lines(days=1, suffix=suffix, separator=separator)))
    rows = read_rows(path)
    ahead_h = 2 if suffix.startswith("+") else 0
    assert rows.index[0] == pd.Timestamp(BEGIN, tz="UTC") - pd.Timedelta(hours=ahead_h)
    assert rows["offset"].unique().tolist() == [pd.Timedelta(hours=ahead_h)]
    assert rows["actual_consumption"].tolist() == [energies("load", row) for row in range(96)]
    assert rows["pv_95"].tolist() == [energies("pv", row, 95) for row in range(96)]


def test_actual_values_belong_to_the_step_that_ends_at_their_stamp(mirror: Path) -> None:
    frame = load("emsx-7").frame
    first = pd.Timestamp(BEGIN, tz="Etc/GMT-2")
    for row in (1, 2, 100, STEPS - 1):
        begins = first + (row - 1) * pd.Timedelta(minutes=15)
        assert frame.loc[begins, "load_kw"] == 4 * energies("load", row)
        assert frame.loc[begins, "pv_kw"] == 4 * energies("pv", row)


def test_forecasts_begin_at_the_stamp_of_their_row(mirror: Path) -> None:
    dataset = load("emsx-7")
    assert {name: rows.shape for name, rows in dataset.issued.items()} == dict.fromkeys(
        ("load_kw", "pv_kw"), (STEPS, 96)
    )
    for name, part in (("load_kw", "load"), ("pv_kw", "pv")):
        for row in (0, 1, 100, STEPS - 1):
            expected = [4 * energies(part, row, step) for step in range(96)]
            assert dataset.issued[name][row].tolist() == expected


def test_the_published_forecast_is_the_row_issued_then(mirror: Path) -> None:
    feed = open_feed("emsx-7", None, "test")
    rows = get_forecast("published").rows(feed, "load_kw", feed.first, feed.first + 2, 100)
    assert rows[1, :96].tolist() == [4 * energies("load", feed.first + 1, step) for step in range(96)]
    beyond = [feed.values["load_kw"][feed.first + 1 + step - 192] for step in range(96, 100)]
    assert rows[1, 96:].tolist() == beyond


def test_prices_follow_the_clock_of_the_stamps(mirror: Path) -> None:
    frame = load("emsx-7").frame.tz_convert("Etc/GMT-2")
    assert frame["sell_per_mwh"].unique().tolist() == [70.0]
    dear = frame.index[frame["buy_per_mwh"] == 170.0]
    assert sorted(set(dear.hour)) == list(range(7, 23))
    assert set(frame["buy_per_mwh"]) == {130.0, 170.0}
    assert len(dear) == DAYS * 64


def test_the_card_is_that_of_the_series(mirror: Path) -> None:
    dataset = load("emsx-7")
    its = dataset.card
    assert its == card("emsx-7")
    assert (its.zone, its.currency, its.kind, its.steps) == ("Etc/GMT-2", "EUR", "fetched", STEPS)
    assert its.span[0] == pd.Timestamp(BEGIN, tz="Etc/GMT-2")
    lengths = [len(range(*dataset.bounds(name))) // 96 for name in ("train", "validation", "test")]
    assert lengths == [5, 2, 2]
    train = dataset.frame.iloc[: 5 * 96]
    assert its.columns["load_kw"].statistics.mean == pytest.approx(train["load_kw"].mean(), rel=1e-5)
    assert its.columns["pv_kw"].statistics.offset == pytest.approx(train["pv_kw"].median(), rel=1e-5)
    assert its.columns["buy_per_mwh"].statistics.scale == 20.0
    assert its.columns["buy_per_mwh"].published == "always"
    assert [file.path for file in its.files] == ["edf_prices.csv", "7.csv.gz"]
    assert its.files[1].url == "https://zenodo.org/api/records/5510400/files/7.csv.gz/content"


def test_only_the_step_after_the_last_row_is_filled_and_the_check_knows(mirror: Path) -> None:
    filled = load("emsx-7").filled
    assert filled["load_kw"].to_numpy().nonzero()[0].tolist() == [STEPS - 1]
    assert not filled[["buy_per_mwh", "sell_per_mwh"]].to_numpy().any()
    report = check(read_raw("emsx-7"), card("emsx-7"))
    assert [(found.kind, found.severity) for found in report.findings] == [("gap", "known")] * 2


def test_a_gap_is_filled_marked_and_reported(mirror: Path, series: bytes) -> None:
    written = lines()
    put(mirror, packed([*written[:200], *written[210:]]))
    forget()
    dataset = load("emsx-7")
    assert dataset.filled["load_kw"].sum() == 11
    assert np.isnan(dataset.issued["load_kw"]).all(axis=1).nonzero()[0].tolist() == list(range(199, 209))
    assert not check(read_raw("emsx-7"), card("emsx-7")).passed


def test_stamps_that_change_their_offset(mirror: Path) -> None:
    summer = lines(days=4)
    winter = lines("2014-07-31 00:00", 4, "+01:00")[1:]
    put(mirror, packed(summer + winter))
    forget()
    dataset = load("emsx-7")
    assert dataset.card.zone == "UTC"
    dear = dataset.frame["buy_per_mwh"] == 170.0
    assert dear["2014-07-28"].to_numpy().nonzero()[0].tolist() == list(range(5 * 4, 21 * 4))
    assert dear["2014-08-01"].to_numpy().nonzero()[0].tolist() == list(range(6 * 4, 22 * 4))


def test_weeks_are_read_off_the_file(mirror: Path) -> None:
    start, stop = emsx.week(7, 2)
    assert start == pd.Timestamp("2014-07-28", tz="Etc/GMT-2")
    assert stop - start == pd.Timedelta(days=7)
    with pytest.raises(UnknownIdError, match="weeks 1 to 3"):
        emsx.week(7, 9)


def test_second_load_reads_no_series(mirror: Path) -> None:
    before = load("emsx-7")
    (mirror / "emsx" / "7.csv.gz").unlink()
    forget()
    after = load("emsx-7")
    pd.testing.assert_frame_equal(after.frame, before.frame)
    assert all(np.array_equal(after.issued[name], before.issued[name]) for name in before.issued)


def test_damaged_cache_is_rebuilt(mirror: Path, tmp_path: Path) -> None:
    before = load("emsx-7")
    for kept in [*(tmp_path / "cache" / "frames").iterdir(), *(tmp_path / "cache" / "emsx").iterdir()]:
        kept.write_bytes(kept.read_bytes()[:-40])
    forget()
    after = load("emsx-7")
    assert after.card == before.card
    assert np.array_equal(after.issued["pv_kw"], before.issued["pv_kw"])


def test_forecasts_are_shared_and_read_only(mirror: Path) -> None:
    first, second = load("emsx-7"), load("emsx-7")
    assert np.shares_memory(first.issued["load_kw"], second.issued["load_kw"])
    with pytest.raises(ValueError, match="read-only"):
        second.issued["load_kw"][0, 0] = 0.0


def without(title: str) -> Callable[[list[str]], list[str]]:
    return lambda written: [written[0].replace(title, "other"), *written[1:]]


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (without("actual_pv"), "actual_pv"),
        (lambda written: written[:1], "no rows"),
        (lambda written: written[: 2 * 96], "too few for three splits"),
        (lambda written: [written[0], written[1].replace("2014-07-27", "yesterday")], "yesterday"),
    ],
)
def test_files_of_another_layout(mirror: Path, spoil: Callable[[list[str]], list[str]], part: str) -> None:
    put(mirror, packed(spoil(lines(days=3))))
    with pytest.raises(RawFileError, match=part):
        load("emsx-7")


def test_missing_forecast_columns(mirror: Path) -> None:
    put(mirror, packed(without("load_41")(lines(days=3))))
    with pytest.raises(RawFileError, match="load_41"):
        load("emsx-7")


@pytest.mark.parametrize("dataset_id", ["emsx-0", "emsx-71", "emsx-07", "emsx-x", "emsx-"])
def test_unknown_sites(dataset_id: str) -> None:
    with pytest.raises(UnknownIdError, match="sites 1 to 70"):
        load(dataset_id)


@pytest.mark.parametrize("site", [0, 71, "7", 7.0, True])
def test_unknown_site_numbers_fetch_nothing(site: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("a file was asked for")

    monkeypatch.delenv("ENERGY_GYM_DATA", raising=False)
    monkeypatch.setenv("ENERGY_GYM_CACHE", str(tmp_path))
    monkeypatch.setattr(fetching, "download", asked)
    monkeypatch.setattr(zenodo, "download", asked)
    monkeypatch.setattr(zenodo, "_stated", asked)
    for ask in (emsx.battery, emsx.test_weeks, lambda number: emsx.week(number, 1)):
        with pytest.raises(UnknownIdError, match="sites 1 to 70"):
            ask(site)  # type: ignore[arg-type]


def test_batteries_and_test_weeks_are_the_published_ones(real_data: Path) -> None:
    sizes = pd.read_csv(real_data / "emsx" / "metadata.csv").set_index("site_id")
    weeks = pd.read_csv(real_data / "emsx" / "test_periods.csv").set_index("site_id")
    for site in emsx.SITES:
        battery, row = Battery(**emsx.battery(site)), sizes.loc[site]
        assert battery.capacity_kwh == row["capacity"]
        assert battery.charge_kw == battery.discharge_kw == row["power"]
        assert (battery.efficiency_charge, battery.efficiency_discharge) == (0.95, 0.95)
        assert (battery.soc_min, battery.soc_max, battery.soc_initial) == (0.0, 1.0, 0.0)
        assert len(emsx.test_weeks(site)) == weeks.loc[site, "n_test_periods"]
        assert list(emsx.test_weeks(site)) == sorted(set(emsx.test_weeks(site)))
    assert emsx.battery(1)["capacity_kwh"] == 300.0
    assert emsx.test_weeks(8) == (3, 4, 5, 8, 10, 11, 12, 15, 17, 18, 20, 21, 27, 28, 29, 35, 38, 39, 44)
    assert sum(len(emsx.test_weeks(site)) for site in emsx.SITES) == 2474


class Server:
    """A record on this very machine: what it answers to each path, and how often it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        self.asked: list[str] = []

    def offer(self, files: dict[str, bytes], stated: dict[str, bytes] | None = None) -> None:
        self.answers = {f"/records/5510400/files/{key}/content": body for key, body in files.items()}
        self.answers["/records/5510400"] = record(stated or files)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    offered = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            offered.asked.append(self.path)
            body = offered.answers.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    monkeypatch.delenv("ENERGY_GYM_DATA", raising=False)
    monkeypatch.setenv("ENERGY_GYM_CACHE", str(tmp_path / "cache"))
    with served(Handler) as address:
        monkeypatch.setattr(zenodo, "API", f"{address}/records")
        forget()
        yield offered
        forget()


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Where downloads go; the tariff is there already."""
    folder = tmp_path / "cache" / "raw" / "emsx"
    folder.mkdir(parents=True)
    (folder / "edf_prices.csv").write_bytes(tariff())
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_site_is_downloaded_once(server: Server, raw: Path, series: bytes) -> None:
    server.offer({"7.csv.gz": series})
    assert len(load("emsx-7").frame) == STEPS
    assert server.asked == ["/records/5510400", "/records/5510400/files/7.csv.gz/content"]
    assert names(raw) == ["5510400.json", "7.csv.gz", "edf_prices.csv"]
    server.answers = {}
    forget()
    load("emsx-7")
    assert zenodo.fetch("5510400", "emsx", "7.csv.gz").read_bytes() == series
    assert len(server.asked) == 2


def test_wrong_md5_is_a_clear_error_and_leaves_nothing(server: Server, raw: Path, series: bytes) -> None:
    server.offer({"7.csv.gz": series[:-100]}, {"7.csv.gz": series})
    with pytest.raises(ChecksumError) as caught:
        zenodo.fetch("5510400", "emsx", "7.csv.gz", retries=0)
    message = str(caught.value)
    assert "/records/5510400/files/7.csv.gz/content" in message
    assert hashlib.md5(series).hexdigest() in message
    assert hashlib.md5(series[:-100]).hexdigest() in message
    assert names(raw) == ["5510400.json", "edf_prices.csv"]


def test_a_damaged_download_is_fetched_again(server: Server, raw: Path, series: bytes) -> None:
    server.offer({"7.csv.gz": series})
    (raw / "7.csv.gz").write_bytes(series[:50])
    assert len(load("emsx-7").frame) == STEPS
    assert (raw / "7.csv.gz").read_bytes() == series


def test_a_failed_download_leaves_what_was_there(server: Server, raw: Path, series: bytes) -> None:
    server.answers = {"/records/5510400": record({"7.csv.gz": series})}
    (raw / "7.csv.gz").write_bytes(series[:50])
    with pytest.raises(DownloadError) as caught:
        zenodo.fetch("5510400", "emsx", "7.csv.gz", retries=0)
    assert "404" in str(caught.value)
    assert "ENERGY_GYM_DATA" in caught.value.remedy
    assert (raw / "7.csv.gz").read_bytes() == series[:50]


@pytest.mark.parametrize(
    "answer", [None, b"<html>busy</html>", b"[]", b'{"files": 3}', b'{"files": [{"key": "7.csv.gz"}]}', b"\xff\xfe"]
)
def test_a_record_that_is_none_is_not_kept(server: Server, raw: Path, answer: bytes | None) -> None:
    server.answers = {} if answer is None else {"/records/5510400": answer}
    with pytest.raises(DownloadError) as caught:
        load("emsx-7")
    assert "/records/5510400" in caught.value.value
    assert names(raw) == ["edf_prices.csv"]


@pytest.mark.parametrize("checksum", ["sha1:aa", "md5:12", "", "md5"])
def test_a_record_without_the_md5(server: Server, raw: Path, checksum: str) -> None:
    server.answers = {"/records/5510400": json.dumps({"files": [{"key": "7.csv.gz", "checksum": checksum}]}).encode()}
    with pytest.raises(DownloadError, match=r"must state the md5 of 7\.csv\.gz"):
        load("emsx-7")


def test_a_file_that_the_record_does_not_have(server: Server, raw: Path, series: bytes) -> None:
    server.offer({"7.csv.gz": series})
    with pytest.raises(DownloadError, match=r"must state the md5 of 8\.csv\.gz; it states no such file"):
        load("emsx-8")


def test_a_mirror_is_verified_and_never_asks_the_network(
    mirror: Path, series: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zenodo, "API", "http://127.0.0.1:9/records")
    (mirror / "emsx" / "7.csv.gz").write_bytes(series[:-1] + b"\1")
    with pytest.raises(ChecksumError, match=hashlib.md5(series).hexdigest()):
        load("emsx-7")
    (mirror / "emsx" / "7.csv.gz").unlink()
    with pytest.raises(DownloadError, match="found none"):
        load("emsx-7")
    (mirror / "emsx" / "5510400.json").unlink()
    with pytest.raises(DownloadError) as caught:
        load("emsx-7")
    assert "save http://127.0.0.1:9/records/5510400 there" in caught.value.remedy


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    result = CliRunner().invoke(app, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit | EnergyGymError)
    # A path is never broken, and pytest's own folders make long ones.
    wide = [line for line in result.stdout.splitlines() if len(line.rstrip()) > 80 and "mirror" not in line]
    assert not wide
    return result.exit_code, result.stdout, result.stderr


def test_screens_of_a_site_that_is_here(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = run(monkeypatch, "fetch", "emsx-7")
    assert code == 0
    assert "2 raw files verified, 864 steps ready" in out
    for command, part in (("describe", "Etc/GMT-2"), ("verify", "0 files have the wrong hash"), ("check", "passed")):
        code, out, _ = run(monkeypatch, command, "emsx-7")
        assert code == 0, out
        assert part in out


def test_damage_of_a_site_that_is_here(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load("emsx-7")
    with (mirror / "emsx" / "7.csv.gz").open("ab") as stream:
        stream.write(b"x")
    code, out, _ = run(monkeypatch, "verify", "emsx-7")
    assert code == 1
    assert "1 files have the wrong hash" in out
    assert "emsx-7" in run(monkeypatch, "verify")[1]


@pytest.mark.parametrize("command", ["describe", "verify"])
def test_a_look_downloads_nothing(
    server: Server, raw: Path, series: bytes, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.offer({"7.csv.gz": series})
    code, out, err = run(monkeypatch, command, "emsx-7")
    assert code == 1
    assert "industrial site 7 of 70" in out
    assert "energy-gym data fetch emsx-7" in err
    assert server.asked == []


def test_looking_a_card_up_fetches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENERGY_GYM_DATA", raising=False)
    monkeypatch.setenv("ENERGY_GYM_CACHE", str(tmp_path))
    asked: list[object] = []
    monkeypatch.setattr(fetching, "download", lambda *told, **_: asked.append(told))
    monkeypatch.setattr(zenodo, "download", lambda *told, **_: asked.append(told))
    with pytest.raises(DownloadError, match="energy-gym data fetch emsx-7"):
        card("emsx-7")
    assert not asked
    assert not list(tmp_path.iterdir())
