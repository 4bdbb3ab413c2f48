"""Price files of the Indian Energy Exchange that a user brings; its one rule: rows are put on real time, no more.

The exchange's portal exports a period as a table; it has no open interface, and its terms are not known to us, so
nothing of it ships with the package or is fetched.
"""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd

from energy_gym.conversions import KW_PER_MW
from energy_gym.data.validation import validate_frame
from energy_gym.errors import ConfigurationError, RawFileError

ZONE = "Asia/Kolkata"
PRICE_CAP_PER_MWH = 10_000.0
"""Since April 2023 [Rs/MWh]."""
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


def with_real_time(day_ahead: pd.DataFrame, *, seed: int = 0, spread: float = 0.2, hours: float = 3.0) -> pd.DataFrame:
    """Add a synthetic real-time price to a day-ahead frame, and label the frame as synthetic.

    The ratio of the two prices is a log-normal process of mean 1 that forgets (autoregressive of order one); the result
    is cut to the exchange's price range. It is made up: use it to exercise a market, not to judge it.

    Args:
        day_ahead: What ``read`` returns, shape (steps, 4).
        seed: Seed of the process.
        spread: Standard deviation of the ratio's logarithm.
        hours: Time after which a deviation has decayed to 1/e [h].

    Returns:
        A copy with the further column ``real_time_per_mwh`` [Rs/MWh].

    Raises:
        ConfigurationError: ``spread`` is negative, or ``hours`` is not positive.

    Example:
        >>> index = pd.date_range("2024-01-01", periods=96, freq="15min", tz=ZONE)
        >>> frame = with_real_time(pd.DataFrame({"price_per_mwh": 3000.0}, index))
        >>> frame.attrs["synthetic"], bool((frame["real_time_per_mwh"] > 0.0).all())
        (True, True)
    """
    if spread < 0.0 or hours <= 0.0:
        found = f"spread={spread}, hours={hours}"
        raise ConfigurationError(found, "must satisfy spread >= 0 and hours > 0", "pass 0.2 and 3.0, say")
    step_hours = (day_ahead.index[1] - day_ahead.index[0]) / pd.Timedelta(hours=1)
    keep = math.exp(-step_hours / hours)
    shocks = spread * np.random.default_rng(seed).standard_normal(len(day_ahead))
    shocks[1:] *= math.sqrt(1.0 - keep * keep)
    deviation = np.array(list(itertools.accumulate(shocks, lambda before, shock: keep * before + shock)))
    ratio = np.exp(deviation - spread * spread / 2.0)
    frame = day_ahead.copy()
    frame["real_time_per_mwh"] = (day_ahead["price_per_mwh"] * ratio).clip(0.0, PRICE_CAP_PER_MWH)
    title = f"{day_ahead.attrs.get('title', 'day-ahead price')} with a synthetic real-time price"
    frame.attrs = {**day_ahead.attrs, "title": title, "synthetic": True}
    return frame


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
