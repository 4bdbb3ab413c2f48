"""From raw files to a data set; its one rule: what is loaded is regular, complete and marked where it was filled."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from energy_gym.data.card_files import parse_card, read_content
from energy_gym.data.cards import Card, Statistics
from energy_gym.data.catalogue import ready_card
from energy_gym.data.dataset import Dataset, Issued
from energy_gym.data.fetching import cache_folder, fetch_card, raw_location
from energy_gym.data.filling import fill_similar_day
from energy_gym.data.raw import VERSION, Raw, on_grid
from energy_gym.data.readers.table import parse
from energy_gym.errors import NonFiniteError
from energy_gym.files import write_atomically

_FILLED, _ISSUED = "filled:", "issued:"
_KEPT = 16
"""Data sets kept in memory; one with issued forecasts takes some 60 MB."""


def load(dataset_id: str) -> Dataset:
    """Return a data set: regular, in UTC, no NaN, filled steps marked. The frames are the caller's own copies.

    Issued forecasts, which may be large, are shared and read-only.

    Embedded and synthetic sets need no network. The raw files of the others are taken from the folder that
    ``ENERGY_GYM_DATA`` names, or downloaded once; the parsed frame is kept in the cache folder and in memory.

    Raises:
        UnknownIdError: There is no such data set.
        ChecksumError: A raw file does not have the hash on its card.
        DownloadError: A raw file could not be had.

    Example:
        >>> data = load("ercot-2021-2022")
        >>> first, stop = data.bounds("train")
        >>> stop - first
        8760
    """
    its_card = ready_card(dataset_id)
    kept = _kept(_Known(its_card, _key(its_card), _written(its_card)))
    return Dataset(kept.card, kept.frame, kept.filled.copy(deep=True), kept.issued)


def forget() -> None:
    """Drop the data sets kept in memory; the cache folder stays."""
    _kept.cache_clear()


def read_raw(dataset_id: str) -> Raw:
    """Return the series of a data set as published, before anything is dropped or filled.

    Raises:
        UnknownIdError: There is no such data set.
        ChecksumError: A raw file does not have the hash on its card.
        DownloadError: A raw file could not be had.
    """
    return _read(ready_card(dataset_id))


def _read(its_card: Card) -> Raw:
    return parse(its_card, fetch_card(its_card))


def training_figures(path: Path, own: bool = True) -> dict[str, Statistics]:
    """Return the figures of each column over the training split, six digits each, as a card needs to state them.

    Args:
        path: The card's file; the figures that it states are not looked at.
        own: Whether it does not ship with the package.

    Raises:
        CardError: The card breaks a rule.
        ChecksumError: A raw file does not have the hash on its card.
        DownloadError: A raw file could not be had.
    """
    content = read_content(path)
    placeholder = {name: {"mean": 0.0, "offset": 0.0, "scale": 1.0} for name in content.get("columns", ())}
    its_card = parse_card(path.stem, {**content, "statistics": placeholder}, path.parent if own else None)
    dataset = assemble(its_card, _read(its_card))
    first, stop = dataset.bounds("train")
    exact = {name: asdict(Statistics.of(series)) for name, series in dataset.frame.iloc[first:stop].items()}
    return {
        str(name): Statistics(**{key: float(f"{value:.6g}") for key, value in figures.items()})
        for name, figures in exact.items()
    }


def assemble(its_card: Card, raw: Raw) -> Dataset:
    """Cut raw series to the card's span, keep one row a step, fill what is missing as the card says, and mark it.

    Of two rows of the same stamp the later in file order counts.

    Raises:
        NonFiniteError: A step is missing in a column that the card does not allow to be filled.
        DataError: A step is missing at a local time that no day has.
    """
    columns, filled = {}, {}
    for name, column in its_card.columns.items():
        series = on_grid(its_card, raw.series[name])
        if column.fill == "none" and series.isna().any():
            found = (
                f"{its_card.id}.{name}: {int(series.isna().sum())} missing steps, the first at {series.isna().idxmax()}"
            )
            raise NonFiniteError(
                found, "the card says that nothing is missing", "report it, with the version installed"
            )
        columns[name], filled[name] = fill_similar_day(series, its_card.zone)
        if name in raw.stand_in:
            filled[name] = filled[name] | series.index.isin(raw.stand_in[name])
    issued = {name: _issued_on_grid(its_card, rows) for name, rows in raw.issued.items()}
    return Dataset(its_card, pd.DataFrame(columns), pd.DataFrame(filled), issued)


def _issued_on_grid(its_card: Card, rows: pd.DataFrame) -> Issued:
    return rows[~rows.index.duplicated(keep="last")].reindex(its_card.index).to_numpy(dtype=np.float32)


@dataclass(frozen=True)
class _Known:
    """A card, by the hash of all that it says, and by when the files beside it were written."""

    card: Card = field(compare=False)
    key: str
    written: tuple[int, ...]


def _written(its_card: Card) -> tuple[int, ...]:
    if its_card.home is None:
        return ()
    paths = [raw_location(its_card, file) for file in its_card.files if not file.url]
    return tuple(path.stat().st_mtime_ns for path in paths if path.is_file())


@functools.lru_cache(maxsize=_KEPT)
def _kept(known: _Known) -> Dataset:
    its_card = known.card
    if its_card.offline:
        return assemble(its_card, _read(its_card))
    path = cache_folder() / "frames" / f"{its_card.id}-{known.key}.parquet"
    kept = _read_cached(its_card, path)
    if kept is None:
        kept = assemble(its_card, _read(its_card))
        _write_cached(kept, path)
    return kept


def _key(its_card: Card) -> str:
    """The card's text form holds the hashes of its raw files, so one hash covers card, files and parser version."""
    return hashlib.sha256(f"{VERSION} {its_card!r}".encode()).hexdigest()[:16]


def _write_cached(dataset: Dataset, path: Path) -> None:
    parts = [dataset.frame, dataset.filled.add_prefix(_FILLED)]
    for name, rows in dataset.issued.items():
        names = [f"{_ISSUED}{name}:{step}" for step in range(rows.shape[1])]
        parts.append(pd.DataFrame(rows, dataset.frame.index, names))
    table = pd.concat(parts, axis=1)
    write_atomically(path, lambda part: table.to_parquet(part, write_page_checksum=True))


def _read_cached(its_card: Card, path: Path) -> Dataset | None:
    """Return what the cache holds, None where there is nothing or it is damaged (it is then rebuilt)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, page_checksum_verification=True).to_pandas()
        table = table.set_axis(its_card.index, axis=0)
        filled = table[[_FILLED + name for name in its_card.columns]].rename(columns=lambda name: name[len(_FILLED) :])
        return Dataset(its_card, table[list(its_card.columns)], filled, _issued_in(table))
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return None


def _issued_in(table: pd.DataFrame) -> dict[str, Issued]:
    names = dict.fromkeys(name.split(":")[1] for name in table if name.startswith(_ISSUED))
    return {
        name: table[[column for column in table if column.startswith(f"{_ISSUED}{name}:")]].to_numpy(dtype=np.float32)
        for name in names
    }
