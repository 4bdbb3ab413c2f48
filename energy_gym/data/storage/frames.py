"""Where time series are kept: in memory, in a folder of Parquet files, or in any SQL database, behind one interface.

One rule: both backends apply the same checks, hold the same values to the last bit and raise the same errors, so that
a program changes its storage by changing one string.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from energy_gym.data.storage.base import DataBackend, checked_table
from energy_gym.data.storage.sql import SqlBackend
from energy_gym.errors import StorageError
from energy_gym.files import write_atomically

__all__ = ["DataBackend", "FrameBackend", "SqlBackend", "open_backend"]


def open_backend(target: str | Path | None = None) -> DataBackend:
    """Open the storage that a string describes.

    Args:
        target: None keeps tables in memory; a URL (``"sqlite:///site.db"``, ``"postgresql://..."``) opens a database;
            anything else is a folder of Parquet files, made by the first write.

    Raises:
        StorageError: The target is a file, or the URL cannot be used.
        MissingExtraError: A URL is given and SQLAlchemy is not installed.

    Example:
        >>> open_backend(None).names()
        ()
        >>> print(open_backend("sqlite://"))
        database sqlite://
    """
    if isinstance(target, str) and "://" in target:
        return SqlBackend(target)
    return FrameBackend(target)


class FrameBackend(DataBackend):
    """Tables as pandas frames: in memory, or one Parquet file a table in a folder.

    A file is written beside its final name and moved into place, so that a reader finds the old table or the new one,
    never half of it. Appending rewrites the file.

    Args:
        folder: Folder of the files, made by the first write; None keeps the frames in memory.

    Raises:
        StorageError: ``folder`` is a file.

    Example:
        >>> import pandas as pd
        >>> backend = FrameBackend()
        >>> index = pd.date_range("2024-01-01", periods=2, freq="h", tz="Europe/Berlin")
        >>> backend.write("market", pd.DataFrame({"price_per_mwh": [30, -5]}, index=index))
        >>> backend.read("market", start="2024-01-01")["price_per_mwh"].tolist()
        [-5.0]
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        """Take the folder; nothing is written yet."""
        self._folder = None if folder is None else Path(folder).expanduser()
        self._frames: dict[str, pd.DataFrame] = {}
        if self._folder is not None and self._folder.exists() and not self._folder.is_dir():
            remedy = 'pass a folder, or for a database a URL such as "sqlite:///site.db"'
            raise StorageError(f"target {str(folder)!r}", "is a file, not a folder", remedy)

    def __str__(self) -> str:
        """Say where the tables are."""
        return "memory" if self._folder is None else f"folder {self._folder}"

    def names(self) -> tuple[str, ...]:
        """Return the names of the tables, sorted."""
        if self._folder is None:
            return tuple(sorted(self._frames))
        return tuple(sorted(path.stem for path in self._folder.glob("*.parquet") if not path.name.startswith(".")))

    def _load(self, name: str, columns: list[str] | None = None) -> pd.DataFrame:
        if self._folder is None:
            frame = self._frames[name]
            return frame if columns is None else frame[columns]
        return checked_table(pd.read_parquet(self._folder / f"{name}.parquet", columns=columns), name)

    def _columns(self, name: str) -> list[str]:
        if self._folder is None:
            return list(self._frames[name].columns)
        from pyarrow import parquet

        schema = parquet.read_schema(self._folder / f"{name}.parquet")
        index = (schema.pandas_metadata or {}).get("index_columns", [])
        return [column for column in schema.names if column not in index]

    def _last(self, name: str) -> pd.Timestamp | None:
        index = self._load(name, self._columns(name)[:1]).index
        return index[-1] if len(index) else None

    def _read(
        self, name: str, start: pd.Timestamp | None, stop: pd.Timestamp | None, columns: list[str]
    ) -> pd.DataFrame:
        frame = self._load(name, columns)
        first = 0 if start is None else frame.index.searchsorted(start)
        end = len(frame) if stop is None else frame.index.searchsorted(stop)
        return frame.iloc[first:end]

    def _write(self, name: str, frame: pd.DataFrame) -> None:
        if self._folder is None:
            self._frames[name] = frame
            return
        write_atomically(self._folder / f"{name}.parquet", frame.to_parquet)

    def _append(self, name: str, frame: pd.DataFrame) -> None:
        stored = self._load(name)
        longer = pd.concat([stored, frame])
        longer.attrs = stored.attrs
        self._write(name, longer)

    def _delete(self, name: str) -> None:
        if self._folder is None:
            del self._frames[name]
        else:
            (self._folder / f"{name}.parquet").unlink()
