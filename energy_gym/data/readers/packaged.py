"""Readers of what ships with the package; their one rule: the files are on UTC, and what stands in says so."""

from __future__ import annotations

import pandas as pd

from energy_gym.data.cards import Card
from energy_gym.data.commercial import profile
from energy_gym.data.raw import STAND_IN, Paths, Raw, in_utc
from energy_gym.data.synthetic_market import of_card


def read_embedded(card: Card, paths: Paths) -> Raw:
    """Series of a Parquet file, each under its own name."""
    table = pd.concat([pd.read_parquet(path) for path in paths.values()])
    series = {name: in_utc(table[name], table.index, name) for name in card.columns}
    if STAND_IN not in table:
        return Raw(series)
    moments = table.index[table[STAND_IN].to_numpy(dtype=bool)].as_unit("ns")
    return Raw(series, dict.fromkeys(card.columns, moments))


def read_commercial(card: Card, paths: Paths) -> Raw:
    """A commercial site, made from the embedded homes."""
    (path,) = paths.values()
    table = profile(pd.read_parquet(path), card.zone)
    return Raw({name: in_utc(table[name], table.index, name) for name in card.columns})


def read_synthetic(card: Card, _paths: Paths) -> Raw:
    """A market that is generated, from the seed on its card."""
    table = of_card(card)
    return Raw({name: in_utc(table[name], table.index, name) for name in card.columns})
