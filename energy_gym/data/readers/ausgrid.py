"""Reader of a home of the Ausgrid solar data; its one rule: half hours on the wall clock keep their energy."""

from __future__ import annotations

import pandas as pd

from energy_gym.data.cards import Card
from energy_gym.data.raw import Paths, Raw, from_wall_clock


def read_home(card: Card, paths: Paths) -> Raw:
    """Half hours on the wall clock: zeros where the clock skips an hour, two half hours in one where it repeats one."""
    (path,) = paths.values()
    table = pd.read_csv(path, index_col=0)
    wall = pd.DatetimeIndex(pd.to_datetime(table.index))
    series, shared = {}, {}
    for title, name in (("GC", "load_kw"), ("GG", "pv_kw")):
        values, shared[name], skipped = from_wall_clock(table[title].rename(name), wall, card.zone)
        series[name] = values.where(~values.index.isin(shared[name]), values / 2.0)
    note = f"{skipped} rows at half hours that the clock change skips were dropped"
    return Raw(series, shared, (note,))
