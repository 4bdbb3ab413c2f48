"""A user's frame is taken as it is or refused with its own error; every error names value, rule and remedy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from energy_gym.data import validate_frame
from energy_gym.errors import (
    DataError,
    DuplicateStampError,
    EnergyGymError,
    IrregularIndexError,
    MissingColumnError,
    NaiveIndexError,
    NonFiniteError,
)


def good(rows: int = 6, zone: str = "Europe/Berlin") -> pd.DataFrame:
    index = pd.date_range("2024-03-30 22:00", periods=rows, freq="h", tz=zone)
    return pd.DataFrame({"price_per_mwh": np.arange(rows), "note": np.ones(rows, dtype=bool)}, index=index)


def stated(caught: pytest.ExceptionInfo[EnergyGymError]) -> str:
    assert caught.value.value
    assert caught.value.rule
    assert caught.value.remedy
    return str(caught.value)


def test_good_frame_becomes_float_utc_copy() -> None:
    frame = good()
    clean = validate_frame(frame)
    assert str(clean.index.dtype) == "datetime64[ns, UTC]"
    assert clean.index.name == "time"
    assert set(clean.dtypes) == {np.dtype("float64")}
    assert clean.index[0] == pd.Timestamp("2024-03-30T21:00Z")
    clean.iloc[0, 0] = 99.0
    assert frame.iloc[0, 0] == 0


def test_regular_in_real_time_across_the_clock_change() -> None:
    frame = good(48)
    assert len(set(frame.index.hour[:24])) == 23
    assert len(validate_frame(frame)) == 48


def test_irregular_wall_clock_is_refused() -> None:
    wall = pd.date_range("2024-03-30", periods=4, freq="D", tz="Europe/Berlin")
    with pytest.raises(IrregularIndexError) as caught:
        validate_frame(pd.DataFrame({"price_per_mwh": range(4)}, index=wall))
    assert "equal steps of real time" in stated(caught)


@pytest.mark.parametrize("index", [range(6), pd.date_range("2024-01-01", periods=6, freq="h")])
def test_naive_index(index: object) -> None:
    with pytest.raises(NaiveIndexError) as caught:
        validate_frame(good().set_axis(pd.Index(index), axis=0))
    assert "tz_localize" in stated(caught)


def test_duplicates_name_the_stamp() -> None:
    frame = good()
    with pytest.raises(DuplicateStampError) as caught:
        validate_frame(pd.concat([frame, frame.iloc[[2]]]).sort_index())
    assert "2024-03-30T23:00:00+00:00" in stated(caught)


def test_gap() -> None:
    with pytest.raises(IrregularIndexError) as caught:
        validate_frame(good().drop(index=good().index[3]))
    assert "2024-03-30T23:00:00+00:00 is followed by 2024-03-31T01:00:00+00:00" in stated(caught)


def test_unsorted() -> None:
    with pytest.raises(IrregularIndexError, match="sort"):
        validate_frame(good().iloc[::-1])


def test_missing_stamp() -> None:
    index = good().index.to_series().reset_index(drop=True)
    index[2] = pd.NaT
    with pytest.raises(IrregularIndexError, match="NaT"):
        validate_frame(good().set_axis(pd.DatetimeIndex(index), axis=0))


@pytest.mark.parametrize("rows", [0, 1])
def test_too_short(rows: int) -> None:
    with pytest.raises(IrregularIndexError, match="at least two"):
        validate_frame(good(rows))


def test_missing_column_suggests_the_nearest() -> None:
    with pytest.raises(MissingColumnError) as caught:
        validate_frame(good().rename(columns={"price_per_mwh": "price_mwh"}))
    message = stated(caught)
    assert "rename 'price_mwh'?" in message
    assert "carbon_g_per_kwh" in message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_names_column_stamp_and_count(bad: float) -> None:
    frame = good().astype(float)
    frame.iloc[[2, 4], 0] = bad
    with pytest.raises(NonFiniteError) as caught:
        validate_frame(frame)
    message = stated(caught)
    assert "'price_per_mwh': 2 NaN or infinite" in message
    assert "2024-03-30T23:00:00+00:00" in message


def test_non_finite_in_a_nullable_column() -> None:
    frame = good().assign(price_per_mwh=pd.array([1, 2, None, 4, 5, 6], dtype="Int64"))
    with pytest.raises(NonFiniteError):
        validate_frame(frame)


@pytest.mark.parametrize("values", [list("abcdef"), [1j] * 6, pd.date_range("2024", periods=6)])
def test_not_numbers(values: object) -> None:
    with pytest.raises(DataError, match="real numbers"):
        validate_frame(good().assign(price_per_mwh=values))


def test_repeated_column() -> None:
    frame = good()
    with pytest.raises(DataError, match="occurs twice"):
        validate_frame(pd.concat([frame, frame], axis=1))


def test_not_a_frame() -> None:
    with pytest.raises(DataError, match="DataFrame"):
        validate_frame([1, 2, 3])


@pytest.mark.parametrize("at", [3, 40])
@pytest.mark.parametrize("parts", [2, 4])
def test_a_step_that_changes_for_good_is_repeated_not_ramped(at: int, parts: int) -> None:
    long = pd.date_range("2025-09-01", periods=at, freq="h", tz="UTC")
    short = pd.date_range(long[-1] + pd.Timedelta(hours=1), periods=60, freq=f"{60 // parts}min")
    frame = pd.DataFrame({"price_per_mwh": np.arange(at + 60.0)}, long.append(short))
    with pytest.raises(IrregularIndexError, match=r"the step changes .* repeat each longer value") as caught:
        validate_frame(frame)
    assert "interpolate" not in str(caught.value)
    mended = validate_frame(frame.resample(pd.Timedelta(minutes=60 // parts)).ffill())
    assert mended["price_per_mwh"].iloc[: parts * (at - 1)].tolist() == np.repeat(np.arange(at - 1.0), parts).tolist()


@pytest.mark.parametrize("text", [True, False])
def test_offsets_that_differ_are_told_how_to_become_one_index(text: bool) -> None:
    local = pd.date_range("2024-03-30", periods=60, freq="h", tz="Europe/Berlin")
    stamps = [stamp.isoformat() for stamp in local]
    index = pd.Index(stamps if text else [pd.Timestamp(stamp).to_pydatetime() for stamp in stamps], dtype=object)
    frame = pd.DataFrame({"price_per_mwh": 1.0}, index)
    with pytest.raises(NaiveIndexError, match=r"pd\.to_datetime\(frame\.index, utc=True\)") as caught:
        validate_frame(frame)
    assert "tz_localize" not in caught.value.remedy
    frame.index = pd.to_datetime(frame.index, utc=True)
    assert validate_frame(frame).index.equals(local.tz_convert("UTC").rename("time"))


def test_stamps_in_arrow_are_stamps() -> None:
    index = pd.date_range("2024-03-30", periods=6, freq="h", tz="UTC")
    arrow = pd.Index(pd.array(index, dtype="timestamp[ns, tz=UTC][pyarrow]"))
    assert validate_frame(pd.DataFrame({"price_per_mwh": 1.0}, arrow)).index.equals(index.rename("time"))
