"""Build datasets/california-homes-2016.parquet from the CityLearn 2022 homes inside a published wheel.

Usage:
    pip download --no-deps CityLearn==2.1.2
    python datasets/build_california.py CityLearn-2.1.2-py3-none-any.whl

Prints the hashes that belong on the card.

The clock. The files carry no dates, only month, hour (1..24) and day type (1 = Monday). Row 1 is month 7, hour 24, day
type 7; the next is month 8, hour 1, day type 1. An hour label is the START of its interval on the wall clock, so row 1
covers 00:00 to 01:00 of Monday, 1 August 2016:

- On 5 November 2016 the sun rises at 7:08 there, and the homes produce in the row labelled 7 and not in the one
  labelled 6; on 12 March 2017 it rises at 7:02 and again label 7 is the first. Were the label the end of its interval,
  both rows would lie in the dark.
- The centre of the production jumps by one hour exactly on 6 November 2016 and on 12 March 2017: the rows follow the
  wall clock, daylight saving included, though the column for daylight saving is 0 throughout.

So the row of the hour that does not exist (12 March 2017, 02:00) is dropped, and the row of the hour that repeats
(6 November 2016, 01:00) stands for both real hours, marked as a stand-in. 8760 rows give 8760 real hours.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from energy_gym.data.raw import STAND_IN, from_wall_clock

ZONE = "America/Los_Angeles"
FOLDER = "citylearn/data/citylearn_challenge_2022_phase_all/"
HOMES = range(1, 18)
TARGET = Path(__file__).with_name("california-homes-2016.parquet")
LOAD, PV = "Equipment Electric Power [kWh]", "Solar Generation [W/kW]"
DIGITS = 4  # 0.1 W, finer than any meter


class Wheel:
    """Members of the wheel; the hash of each one read is printed."""

    def __init__(self, path: Path) -> None:
        """Open the archive."""
        self._archive = zipfile.ZipFile(path)

    def read(self, name: str) -> bytes:
        """Return the bytes of a member of the homes' folder."""
        content = self._archive.read(FOLDER + name)
        print(hashlib.sha256(content).hexdigest(), FOLDER + name)
        return content

    def table(self, name: str) -> pd.DataFrame:
        """Return a CSV member of the homes' folder."""
        return pd.read_csv(io.BytesIO(self.read(name)))


def homes(wheel: Wheel) -> pd.DataFrame:
    """Return load and PV of each home [kW]; PV is given in W per kW of the nominal power in the schema."""
    schema = json.loads(wheel.read("schema.json"))["buildings"]
    columns = {}
    for home in HOMES:
        table = wheel.table(f"Building_{home}.csv")
        if home == 1:
            check_clock(table)
        nominal_kw = schema[f"Building_{home}"]["pv"]["attributes"]["nominal_power"]
        columns[f"home_{home:02d}_load_kw"] = table[LOAD].clip(lower=0.0).round(DIGITS)
        columns[f"home_{home:02d}_pv_kw"] = (table[PV] * nominal_kw / 1000).round(DIGITS)
    return pd.DataFrame(columns)


def check_clock(table: pd.DataFrame) -> None:
    """Refuse a file whose months, hours and day types are not those of the wall clock from 1 August 2016."""
    wall = pd.date_range("2016-08-01", periods=len(table), freq="h")
    # Hour 24 carries the month and the day type of the day before it.
    day = (wall - pd.Timedelta(hours=1)).normalize()
    expected = [day.month, np.where(wall.hour == 0, 24, wall.hour), day.day_of_week + 1]
    for title, values in zip(("Month", "Hour", "Day Type"), expected, strict=True):
        if not np.array_equal(table[title].to_numpy(), np.asarray(values)):
            raise SystemExit(f"{title} does not follow the wall clock from 1 August 2016")


def main(wheel: Path) -> None:
    """Read the homes, put them on real time and write the Parquet file."""
    source = Wheel(wheel)
    table = homes(source)
    names = {kind: [name for name in table if name.endswith(kind)] for kind in ("load_kw", "pv_kw")}
    total = {kind: table[columns].sum(axis=1).round(DIGITS) for kind, columns in names.items()}
    price = source.table("pricing.csv")["Electricity Pricing [$/kWh]"] * 1000
    carbon = source.table("carbon_intensity.csv")["kg_CO2/kWh"] * 1000
    table = pd.DataFrame({"price_per_mwh": price.round(2), "carbon_g_per_kwh": carbon.round(3), **total}).join(table)
    wall = pd.date_range("2016-08-01", periods=len(table), freq="h")
    moved = {name: from_wall_clock(table[name], wall, ZONE) for name in table}
    frame = pd.DataFrame({name: series for name, (series, _, _) in moved.items()})
    frame[STAND_IN] = frame.index.isin(moved["load_kw"][1])
    frame.rename_axis("time").to_parquet(TARGET, compression="zstd")
    print(hashlib.sha256(TARGET.read_bytes()).hexdigest(), TARGET.name, frame.shape)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
