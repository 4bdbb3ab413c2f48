"""Price files of the Indian Energy Exchange that a user brings; its one rule: rows are put on real time, no more.

The exchange's portal exports a period as a table; it has no open interface, and its terms are not known to us, so
nothing of it ships with the package or is fetched.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from energy_gym.data.validation import validate_frame
from energy_gym.errors import RawFileError

ZONE = "Asia/Kolkata"
PRICE_CAP_PER_MWH = 10_000.0
"""Since April 2023 [Rs/MWh]."""
KW_PER_MW = 1000.0
_TITLES = {
    "price_per_mwh": ("MCP", 1.0),
    "purchase_bids_kw": ("Purchase Bid", KW_PER_MW),
    "sell_bids_kw": ("Sell Bid", KW_PER_MW),
    "cleared_kw": ("MCV", KW_PER_MW),
}


def read(path: str | Path, *, date_format: str = "%m-%d-%Y %H:%M") -> pd.DataFrame:
    r"""Read an export of a day-ahead or real-time market, as ``data=`` of an environment takes it.

    Args:
        path: The CSV file, with the columns ``TimeStamp``, ``MCP (Rs/MWh)``, ``Purchase Bid (MW)``, ``Sell Bid (MW)``
            and ``MCV (MW)``; signs behind a title do not matter.
        date_format: How the stamps are written, in India's local time; a stamp starts its quarter hour.

    Returns:
        Shape (steps, 4), regular, on India's clock: ``price_per_mwh`` [Rs/MWh], ``purchase_bids_kw``, ``sell_bids_kw``
        and ``cleared_kw`` [kW]; ``attrs`` holds title and currency.

    Raises:
        RawFileError: The file is not there, lacks a column, or its stamps are not written so.
        DataError: Steps are missing or repeat, or a value is not a number.

    Example:
        >>> import tempfile
        >>> rows = "TimeStamp,Purchase Bid (MW),Sell Bid (MW),MCV (MW),MCP (Rs/MWh) *\n"
        >>> rows += "01-13-2024 00:00,7598.4,19087.5,5785.7,2850.4\n01-13-2024 00:15,7581.4,19491.1,5885.5,2733.1\n"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "dam.csv")
        ...     _ = file.write_text(rows)
        ...     frame = read(file)
        >>> frame.index[0].isoformat(), float(frame["price_per_mwh"].iloc[0])
        ('2024-01-13T00:00:00+05:30', 2850.4)
    """
    table = _table(Path(path))
    index = _stamps(Path(path), table, date_format)
    titles = {name: _column(Path(path), table, title) for name, (title, _) in _TITLES.items()}
    frame = pd.DataFrame({name: table[title] for name, title in titles.items()}).set_axis(index, axis=0)
    local = validate_frame(frame).tz_convert(ZONE) * [factor for _, factor in _TITLES.values()]
    local.attrs = {"title": f"IEX {Path(path).stem}", "currency": "INR"}
    return local


def _table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise RawFileError(str(path), f"must be a CSV file ({error})", "export it from the portal again") from error


def _stamps(path: Path, table: pd.DataFrame, date_format: str) -> pd.DatetimeIndex:
    stamps = table[_column(path, table, "TimeStamp")].astype(str)
    try:
        return pd.DatetimeIndex(pd.to_datetime(stamps, format=date_format)).tz_localize(ZONE)
    except ValueError as error:
        remedy = 'pass date_format=, such as "%d-%m-%Y %H:%M"'
        raise RawFileError(f"{path.name}: {error}", f"stamps must be written as {date_format}", remedy) from error


def _column(path: Path, table: pd.DataFrame, title: str) -> str:
    for name in table.columns:
        if str(name).strip().startswith(title):
            return str(name)
    found = f"{path.name} with columns {', '.join(map(str, table.columns))}"
    raise RawFileError(found, f"needs a column that starts with {title!r}", "export the whole table from the portal")
