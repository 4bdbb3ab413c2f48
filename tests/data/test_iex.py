"""Files of the Indian exchange that a user brings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from energy_gym.data import iex
from energy_gym.errors import (
    ConfigurationError,
    DataError,
    DuplicateStampError,
    IrregularIndexError,
    NonFiniteError,
    RawFileError,
)

HEAD = "TimeStamp,Purchase Bid (MW),Sell Bid (MW),MCV (MW),Final Scheduled Volume (MW),MCP (Rs/MWh) *"


def written(folder: Path, *rows: str, head: str = HEAD) -> Path:
    path = folder / "dam.csv"
    path.write_text("\n".join([head, *rows]), encoding="utf-8")
    return path


def test_the_file_at_hand_is_a_whole_year_on_indias_clock(real_data: Path) -> None:
    path = real_data / "iex/DAM__IND.csv"
    frame = iex.read(path)
    raw = pd.read_csv(path)
    assert (len(frame), str(frame.index.tz)) == (366 * 96, "Asia/Kolkata")
    assert frame.index[0].isoformat() == "2024-01-01T00:00:00+05:30"
    assert frame.index[-1].isoformat() == "2024-12-31T23:45:00+05:30"
    np.testing.assert_array_equal(frame["price_per_mwh"], raw["MCP (Rs/MWh) *"])
    np.testing.assert_allclose(frame["cleared_kw"], raw["MCV (MW)"] * 1000.0)
    assert (frame["price_per_mwh"] == iex.PRICE_CAP_PER_MWH).sum() == 5467
    assert frame.attrs == {"title": "IEX DAM__IND", "currency": "INR"}
    by_hour = frame["price_per_mwh"].groupby(frame.index.hour).mean()
    assert by_hour.idxmin() in range(10, 15) and by_hour.idxmax() in range(18, 22)


def test_the_frame_feeds_an_environment(tmp_path: Path) -> None:
    from energy_gym.data.feed import open_feed

    stamps = pd.date_range("2024-02-27", periods=192, freq="15min").strftime("%m-%d-%Y %H:%M")
    frame = iex.read(written(tmp_path, *(f"{stamp},1,2,3,3,{1000 + step}" for step, stamp in enumerate(stamps))))
    feed = open_feed(None, frame, "all")
    assert (feed.zone, feed.currency, feed.step_hours) == ("Asia/Kolkata", "INR", 0.25)
    assert feed.values["price_per_mwh"][5] == 1005.0


def test_files_that_are_not_such_exports_say_why(tmp_path: Path) -> None:
    with pytest.raises(RawFileError, match="CSV"):
        iex.read(tmp_path / "nothing.csv")
    with pytest.raises(RawFileError, match="'MCP'"):
        iex.read(written(tmp_path, "01-01-2024 00:00,1,2,3", head="TimeStamp,Purchase Bid (MW),Sell Bid (MW),MCV (MW)"))
    with pytest.raises(RawFileError, match="date_format="):
        iex.read(written(tmp_path, "31-01-2024 00:00,1,2,3,3,4", "31-01-2024 00:15,1,2,3,3,4"))


def test_another_way_to_write_dates_can_be_told(tmp_path: Path) -> None:
    path = written(tmp_path, "31-01-2024 00:00,1,2,3,3,4", "31-01-2024 00:15,1,2,3,3,5")
    frame = iex.read(path, date_format="%d-%m-%Y %H:%M")
    assert frame.index[1].isoformat() == "2024-01-31T00:15:00+05:30"


@pytest.mark.parametrize(
    ("stamps", "value", "error"),
    [
        (("01-01-2024 00:00", "01-01-2024 00:15", "01-01-2024 00:45"), "4", IrregularIndexError),
        (("01-01-2024 00:00", "01-01-2024 00:00", "01-01-2024 00:15"), "4", DuplicateStampError),
        (("01-01-2024 00:00", "01-01-2024 00:15", "01-01-2024 00:30"), "", NonFiniteError),
        (("01-01-2024 00:00", "01-01-2024 00:15", "01-01-2024 00:30"), "-", DataError),
    ],
)
def test_holes_are_errors(tmp_path: Path, stamps: tuple[str, ...], value: str, error: type[DataError]) -> None:
    with pytest.raises(error):
        iex.read(written(tmp_path, *(f"{stamp},1,2,3,3,{value}" for stamp in stamps)))


def test_the_real_time_price_is_made_up_and_says_so(real_data: Path) -> None:
    day_ahead = iex.read(real_data / "iex/DAM__IND.csv")
    frame, again, other = (iex.with_real_time(day_ahead, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(frame, again)
    assert not frame["real_time_per_mwh"].equals(other["real_time_per_mwh"])
    assert frame["real_time_per_mwh"].between(0.0, iex.PRICE_CAP_PER_MWH).all()
    below = frame["price_per_mwh"] < 4000.0
    ratio = (frame["real_time_per_mwh"] / frame["price_per_mwh"])[below]
    assert ratio.mean() == pytest.approx(1.0, abs=0.02)
    assert np.log(ratio).std() == pytest.approx(0.2, abs=0.02)
    assert frame.attrs["synthetic"] and "synthetic" in frame.attrs["title"]
    assert "synthetic" not in day_ahead.attrs and "real_time_per_mwh" not in day_ahead
    for options in ({"spread": -1.0}, {"hours": 0.0}):
        with pytest.raises(ConfigurationError):
            iex.with_real_time(day_ahead, **options)
