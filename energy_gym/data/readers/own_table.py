"""Reader of a table that a card describes; its one rule: the card says which columns, which clock and which units.

It reads what stands in CSV or Parquet, so that a data set of one's own needs a card and no code.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from energy_gym.data.cards import Card
from energy_gym.data.layout import Layout
from energy_gym.data.raw import Paths, Raw, in_utc


def read_table(card: Card, paths: Paths) -> Raw:
    """Read the columns of a card from its tables, one below the other.

    Raises:
        ValueError: A table lacks a column or its stamps, or the stamps leave their moment open.
    """
    layout = card.layout or Layout()
    table = pd.concat([_read(path, layout) for path in paths.values()])
    stamps = _stamps(table, layout)
    if layout.stamps == "end":
        stamps = stamps - pd.Timedelta(minutes=card.resolution_minutes)
    series = {}
    for name in card.columns:
        title = layout.columns.get(name, name)
        if title not in table:
            raise ValueError(f"no column {title!r} for {name!r}; there are {', '.join(map(str, table.columns))}")
        series[name] = in_utc(table[title].astype("float64") * layout.factors.get(name, 1.0), stamps, name)
    return Raw(series)


def _read(path: Path, layout: Layout) -> pd.DataFrame:
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        return table.reset_index() if layout.time not in table else table
    return pd.read_csv(path, sep=layout.separator, decimal=layout.decimal, skipinitialspace=True)


def _stamps(table: pd.DataFrame, layout: Layout) -> pd.DatetimeIndex:
    if layout.time not in table:
        raise ValueError(f"no column {layout.time!r} of time stamps; there are {', '.join(map(str, table.columns))}")
    written = table[layout.time]
    if layout.zone is None:
        aware = pd.api.types.is_datetime64_any_dtype(written) or written.astype(str).str.contains(_OFFSET).all()
        if not aware or getattr(written.dt if hasattr(written, "dt") else None, "tz", "text") is None:
            raise ValueError(f"stamps such as {written.iloc[0]} carry no offset: the card's table: must say their zone")
        return pd.DatetimeIndex(pd.to_datetime(written, utc=True))
    wall = pd.DatetimeIndex(pd.to_datetime(written))
    return wall if wall.tz is not None else wall.tz_localize(layout.zone, ambiguous="infer")


_OFFSET = r"(?:Z|[+-]\d\d:?\d\d)$"
