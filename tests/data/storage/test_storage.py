"""One contract for every storage backend: what is read is what was written, and a fault raises the same error."""

from __future__ import annotations

import builtins
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from energy_gym.data.storage import DataBackend, FrameBackend, SqlBackend, open_backend
from energy_gym.data.synthetic import generate
from energy_gym.data.validation import validate_frame
from energy_gym.errors import (
    DuplicateStampError,
    IrregularIndexError,
    MissingColumnError,
    MissingExtraError,
    NaiveIndexError,
    NonFiniteError,
    StorageError,
    install_command,
)

Target = Callable[[Path], str | Path | None]
TARGETS: dict[str, Target] = {
    "memory": lambda folder: None,
    "parquet": lambda folder: folder / "tables",
    "sqlite": lambda folder: f"sqlite:///{folder / 'tables.db'}",
}
LASTING = [name for name in TARGETS if name != "memory"]


@pytest.fixture(params=TARGETS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DataBackend]:
    with open_backend(TARGETS[request.param](tmp_path)) as opened:
        yield opened


def hours(count: int, start: str = "2024-01-01", zone: str = "UTC") -> pd.DatetimeIndex:
    return pd.date_range(start, periods=count, freq="h", tz=zone, name="time", unit="ns")


def site(count: int = 48, start: str = "2024-01-01") -> pd.DataFrame:
    rng = np.random.default_rng(7)
    values = {"price_per_mwh": rng.normal(80.0, 40.0, count), "load_kw": rng.random(count)}
    return pd.DataFrame(values, index=hours(count, start))


def assert_same(read: pd.DataFrame, written: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(read, written, check_exact=True, check_freq=False)
    assert str(read.index.tz) == "UTC" and read.index.name == "time" and read.index.unit == "ns"
    assert all(dtype == np.float64 for dtype in read.dtypes)


def test_read_returns_what_was_written(backend: DataBackend) -> None:
    backend.write("site", site())
    assert_same(backend.read("site"), site())
    assert backend.names() == ("site",)


def test_any_zone_comes_back_as_the_same_instants_in_utc(backend: DataBackend) -> None:
    autumn = pd.DataFrame({"load_kw": np.arange(30.0)}, index=hours(30, "2024-10-27", "Europe/Berlin"))
    backend.write("site", autumn)
    read = backend.read("site")
    assert list(read.index) == list(autumn.index)
    assert str(read.index[0]) == "2024-10-26 22:00:00+00:00"
    assert_same(read, autumn.tz_convert("UTC"))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.integers(1, 10_000_000), max_size=8),
    values=st.lists(st.floats(allow_infinity=False, allow_nan=True), min_size=9, max_size=9),
    name=st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True),
    columns=st.lists(st.from_regex(r"[A-Za-z_][A-Za-z0-9_ .-]{0,20}", fullmatch=True), min_size=1, max_size=3),
)
def test_every_float_and_name_survives_the_round_trip(
    backend: DataBackend, steps: list[int], values: list[float], name: str, columns: list[str]
) -> None:
    columns = list({column.lower(): column for column in columns if column.lower() != "time"}.values()) or ["x"]
    start = pd.Timestamp("1969-12-31T23:59:58Z")
    index = pd.DatetimeIndex([start + pd.Timedelta(seconds=sum(steps[:k])) for k in range(len(steps) + 1)])
    index = index.as_unit("ns").rename("time")
    frame = pd.DataFrame({column: np.roll(values, k)[: len(index)] for k, column in enumerate(columns)}, index=index)
    backend.write(name, frame)
    assert_same(backend.read(name), frame + 0.0)
    backend.delete(name)
    assert backend.names() == ()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.integers(-5, 60), last=st.integers(-5, 60))
def test_a_window_is_half_open(backend: DataBackend, first: int, last: int) -> None:
    if "site" not in backend.names():
        backend.write("site", site())
    origin = pd.Timestamp("2024-01-01T00:00Z")
    start, stop = origin + pd.Timedelta(hours=first), origin + pd.Timedelta(hours=last)
    whole = site()
    expected = whole[(whole.index >= start) & (whole.index < stop)]
    assert_same(backend.read("site", start, stop), expected)
    assert_same(backend.read("site", start=start), whole[whole.index >= start])
    assert_same(backend.read("site", stop=stop), whole[whole.index < stop])


def test_bounds_without_a_zone_are_utc_and_others_are_converted(backend: DataBackend) -> None:
    backend.write("site", site())
    naive = backend.read("site", start="2024-01-01T05:00", stop="2024-01-01T07:00")
    berlin = backend.read("site", start="2024-01-01T06:00+01:00", stop=pd.Timestamp("2024-01-01T08:00+01:00"))
    assert list(naive.index.hour) == [5, 6]
    assert_same(berlin, naive)


def test_columns_come_in_the_order_asked_for(backend: DataBackend) -> None:
    backend.write("site", site())
    assert_same(backend.read("site", columns=["load_kw", "price_per_mwh"]), site()[["load_kw", "price_per_mwh"]])
    assert_same(backend.read("site", columns=["load_kw"]), site()[["load_kw"]])


def test_write_replaces_rows_and_columns(backend: DataBackend) -> None:
    backend.write("site", site())
    other = site(5, "2030-01-01").rename(columns={"load_kw": "pv_kw"})
    backend.write("site", other)
    assert_same(backend.read("site"), other)


def test_an_empty_table_can_be_written_read_and_appended_to(backend: DataBackend) -> None:
    backend.write("site", site(0))
    assert_same(backend.read("site"), site(0))
    backend.append("site", site(3))
    backend.append("site", site(0))
    assert_same(backend.read("site"), site(3))


def test_append_adds_later_rows_in_any_column_order(backend: DataBackend) -> None:
    backend.write("site", site().iloc[:20])
    backend.append("site", site().iloc[20:, ::-1])
    assert_same(backend.read("site"), site())


@pytest.mark.parametrize("start", ["2024-01-02T23:00", "2024-01-01", "2023-01-01"])
def test_append_refuses_rows_that_do_not_come_after_the_last(backend: DataBackend, start: str) -> None:
    backend.write("site", site())
    with pytest.raises(StorageError, match="already reaches 2024-01-02T23:00:00"):
        backend.append("site", site(2, start))
    assert_same(backend.read("site"), site())


def test_append_refuses_other_columns(backend: DataBackend) -> None:
    backend.write("site", site())
    with pytest.raises(StorageError, match="has price_per_mwh, load_kw"):
        backend.append("site", site(2, "2025-01-01")[["load_kw"]])


def test_delete_removes_one_table(backend: DataBackend) -> None:
    backend.write("site", site())
    backend.write("other", site(3))
    backend.delete("site")
    assert backend.names() == ("other",)
    assert_same(backend.read("other"), site(3))


def test_attributes_travel_with_the_table_and_synthetic_stays_synthetic(backend: DataBackend) -> None:
    frame = generate(seed=3, steps=24)
    backend.write("site", frame)
    backend.append("site", generate(seed=3, start="2020-01-02", steps=24))
    read = backend.read("site", columns=["price_per_mwh"])
    assert read.attrs == frame.attrs and read.attrs["synthetic"] is True
    backend.delete("site")
    backend.write("site", site())
    assert backend.read("site").attrs == {}


def test_what_is_read_is_what_an_environment_takes(backend: DataBackend) -> None:
    backend.write("site", generate(steps=48))
    clean = validate_frame(backend.read("site"), columns=("price_per_mwh", "carbon_g_per_kwh", "forecast_pv_kw"))
    np.testing.assert_array_equal(clean.to_numpy(), generate(steps=48).to_numpy())


def test_the_stored_table_is_nobody_elses(backend: DataBackend) -> None:
    frame = site()
    backend.write("site", frame)
    frame.iloc[:, 0] = -1.0
    read = backend.read("site")
    read.iloc[:, 1] = -1.0
    assert_same(backend.read("site"), site())


@pytest.mark.parametrize("call", ["read", "delete", "append"])
def test_unknown_tables_are_named_with_the_known_ones(backend: DataBackend, call: str) -> None:
    backend.write("site", site())
    arguments = (site(2, "2030-01-01"),) if call == "append" else ()
    with pytest.raises(StorageError, match=r"table 'sites'.*there are: site"):
        getattr(backend, call)("sites", *arguments)


@pytest.mark.parametrize(
    "name", ["", "Site", "1site", "a/b", "../site", "site;drop", 'a"b', "a b", "x" * 49, ".hidden", "_site", None]
)
def test_names_that_a_file_or_a_database_cannot_hold_are_refused(backend: DataBackend, name: str) -> None:
    with pytest.raises(StorageError, match="table name has at most 48"):
        backend.write(name, site())
    with pytest.raises(StorageError, match="table name has at most 48"):
        backend.read(name)


@pytest.mark.parametrize("column", ["", 'a"b', "a;b", "x" * 64, "a\nb", "time", "Time"])
def test_column_names_a_database_cannot_hold_are_refused(backend: DataBackend, column: str) -> None:
    with pytest.raises(StorageError, match="rename the column"):
        backend.write("site", pd.DataFrame({column: [1.0]}, index=hours(1)))


def bad_frames() -> dict[str, tuple[object, type[Exception]]]:
    good = site(3)
    return {
        "naive": (good.tz_localize(None), NaiveIndexError),
        "numbered": (good.reset_index(drop=True), NaiveIndexError),
        "repeated": (pd.concat([good, good.iloc[-1:]]), DuplicateStampError),
        "unsorted": (good.iloc[::-1], IrregularIndexError),
        "subsecond": (good.shift(freq="1ms"), IrregularIndexError),
        "missing stamp": (good.set_axis(hours(3).where([True, False, True]), axis=0), IrregularIndexError),
        "infinite": (good * np.inf, NonFiniteError),
        "text": (good.astype(object).replace(good.iloc[0, 0], "high"), StorageError),
        "no columns": (good[[]], StorageError),
        "same but for case": (good.set_axis(["Load", "load"], axis=1), StorageError),
        "odd attributes": (good.pipe(with_attributes), StorageError),
        "no frame": (good["load_kw"], StorageError),
    }


def with_attributes(frame: pd.DataFrame) -> pd.DataFrame:
    marked = frame.copy()
    marked.attrs["model"] = object()
    return marked


@pytest.mark.parametrize("fault", bad_frames())
def test_bad_frames_are_refused_and_the_table_stays(backend: DataBackend, fault: str) -> None:
    frame, error = bad_frames()[fault]
    backend.write("site", site())
    for call in (backend.write, backend.append):
        with pytest.raises(error) as caught:
            call("site", frame)
        assert caught.value.value and caught.value.rule and caught.value.remedy
    assert_same(backend.read("site"), site())


def test_windows_and_columns_that_do_not_exist_are_refused(backend: DataBackend) -> None:
    backend.write("site", site())
    with pytest.raises(MissingColumnError, match="known: price_per_mwh, load_kw"):
        backend.read("site", columns=["carbon"])
    with pytest.raises(StorageError, match="start='yesterdayish'"):
        backend.read("site", start="yesterdayish")
    with pytest.raises(StorageError, match="stop='NaT'"):
        backend.read("site", stop="NaT")
    with pytest.raises(StorageError, match="at least one column"):
        backend.read("site", columns=[])


@pytest.mark.parametrize("kind", LASTING)
def test_tables_outlive_the_backend(kind: str, tmp_path: Path) -> None:
    for name in ("site", "de-lu"):
        with open_backend(TARGETS[kind](tmp_path)) as backend:
            backend.write(name, site())
    with open_backend(TARGETS[kind](tmp_path)) as backend:
        assert backend.names() == ("de-lu", "site")
        assert_same(backend.read("de-lu"), site())


def test_a_failed_parquet_write_leaves_the_old_table_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(frame: pd.DataFrame, path: str) -> None:
        Path(path).write_bytes(b"PAR1 half")
        raise OSError("disk full")

    backend = FrameBackend(tmp_path)
    backend.write("site", site())
    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet", half)
        with pytest.raises(StorageError, match="disk full"):
            backend.write("site", site(5))
    assert_same(backend.read("site"), site())
    assert [path.name for path in tmp_path.iterdir()] == ["site.parquet"]


def test_a_failed_sql_write_is_undone_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SqlBackend(f"sqlite:///{tmp_path / 'tables.db'}") as backend:
        backend.write("site", site())
        with monkeypatch.context() as patch:
            patch.setattr("energy_gym.data.storage.sql.json.dumps", lambda value: "half\x00" * 2 + str(1 / 0))
            with pytest.raises(ZeroDivisionError):
                backend.write("site", site(5).rename(columns={"load_kw": "pv_kw"}))
        assert_same(backend.read("site"), site())


def test_a_corrupt_or_foreign_file_is_reported(tmp_path: Path) -> None:
    backend = FrameBackend(tmp_path)
    backend.write("site", site())
    path = tmp_path / "site.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StorageError, match="table 'site'"):
        backend.read("site")
    site().tz_localize(None).to_parquet(tmp_path / "naive.parquet")
    with pytest.raises(NaiveIndexError, match="table 'naive'"):
        backend.read("naive")


def test_a_file_is_no_folder_and_no_database(tmp_path: Path) -> None:
    path = tmp_path / "site.db"
    path.write_text("not a database, but long enough to be taken for one" * 40)
    with pytest.raises(StorageError, match=r"sqlite:///site\.db"):
        open_backend(path)
    with open_backend(f"sqlite:///{path}") as backend, pytest.raises(StorageError, match="not a database"):
        backend.names()


def test_an_unreachable_database_is_reported(tmp_path: Path) -> None:
    backend = open_backend(f"sqlite:///{tmp_path}/no/such/folder/x.db")
    with pytest.raises(StorageError, match="unable to open database file"):
        backend.names()


BAD_URLS = ["nosuch://x", "sqlite+nosuch:///x", "://", "postgresql+nosuch://me:secret@there/x", "sqlite://me:secret@/x"]


@pytest.mark.parametrize("url", BAD_URLS)
def test_urls_that_name_no_database_are_refused(url: str) -> None:
    with pytest.raises(StorageError, match="database URL") as caught:
        open_backend(url)
    assert "secret" not in str(caught.value)


def test_without_sqlalchemy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("sqlalchemy"):
            raise ImportError(name)
        return whole(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=re.escape(install_command("sql"))):
        open_backend("sqlite://")


def test_a_table_of_another_program_can_be_read(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE meter (time TIMESTAMP, load_kw FLOAT, pv_kw INTEGER)")
        rows = [("2024-01-01 01:00:00", 2.5, 1), ("2024-01-01 00:00:00", None, 0)]
        connection.executemany("INSERT INTO meter VALUES (?, ?, ?)", rows)
        connection.execute("CREATE TABLE settings (name TEXT, value TEXT)")
    connection.close()
    expected = pd.DataFrame({"load_kw": [np.nan, 2.5], "pv_kw": [0.0, 1.0]}, index=hours(2))
    with open_backend(f"sqlite:///{tmp_path / 'other.db'}") as backend:
        assert backend.names() == ("meter",)
        assert_same(backend.read("meter"), expected)
        assert_same(backend.read("meter", start="2024-01-01T01:00"), expected.iloc[1:])


def test_the_window_is_selected_by_the_database(tmp_path: Path) -> None:
    seen: list[str] = []

    def note(*call: object) -> None:
        seen.append(str(call[2]))

    with SqlBackend(f"sqlite:///{tmp_path / 'tables.db'}") as backend:
        backend.write("site", site())
        event.listen(Engine, "before_cursor_execute", note)
        try:
            backend.read("site", "2024-01-01", "2024-01-02", ["load_kw"])
        finally:
            event.remove(Engine, "before_cursor_execute", note)
    query = next(text for text in seen if "FROM site" in text)
    assert "site.time >= ?" in query and "site.time < ?" in query and "price_per_mwh" not in query
