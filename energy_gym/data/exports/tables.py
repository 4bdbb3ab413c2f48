"""What the readers of exports share: tables, stamps on their true moments, rows of one place."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from energy_gym.data.exports.answers import Answers
from energy_gym.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

MISSING = ("-", "n/e", "N/A", "n/a", "", "unavailable", "unknown")


def table(text: str, separator: str = ",", **more: Any) -> pd.DataFrame:
    """Return the table of a CSV text, all of it as words; titles without the blanks around them."""
    import pandas as pd

    read = pd.read_csv(
        io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, skipinitialspace=True, **more
    )
    return read.rename(columns=lambda title: str(title).strip())


def numbers(written: pd.Series, decimal: str = ".") -> pd.Series:
    """Return words as numbers; what stands for a missing value is NaN, and any other word is refused.

    Raises:
        ValueError: A word is no number.
    """
    import pandas as pd

    words = written.str.strip()
    words = words.mask(words.isin(MISSING))
    if decimal == ",":
        words = words.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    else:
        words = words.str.replace(",", "", regex=False)
    return pd.to_numeric(words).astype("float64")


def moments(written: pd.Series, zone: str | None, form: str | None = None) -> pd.DatetimeIndex:
    """Return stamps in UTC.

    Args:
        written: The words.
        zone: Their clock; None where they carry an offset.
        form: How they are written, where it is no ISO 8601.

    Raises:
        ValueError: A stamp carries no offset and no clock is known, or is not written so.
    """
    import pandas as pd

    if zone is None:
        if not written.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$").all():
            raise ValueError(f"stamps such as {written.iloc[0]!r} carry no offset")
        return pd.DatetimeIndex(pd.to_datetime(written, utc=True, format=form or "ISO8601"))
    wall = pd.DatetimeIndex(pd.to_datetime(written, format=form or "ISO8601"))
    return wall.tz_localize(zone, ambiguous="infer").tz_convert("UTC")


def selected(rows: pd.DataFrame, title: str, answers: Answers) -> pd.DataFrame:
    """Return the rows of one value of a column; where there are several, the one that was said counts.

    Raises:
        ConfigurationError: There are several, and none or an unknown one was said.
    """
    if title not in rows:
        return rows
    values = sorted(rows[title].unique())
    said = answers.known("select", title)
    if len(values) == 1 and said is None:
        return rows
    listed = ", ".join(values[:12]) + (", ..." if len(values) > 12 else "")
    chosen = said if said is not None else answers.get("select", f"which of {listed}?", title)
    if chosen not in values:
        raise ConfigurationError(f"{title}={chosen!r}", f"must be one of {listed}", f'say --select "{title}=..."')
    return rows[rows[title] == chosen]


def step_minutes(index: pd.DatetimeIndex) -> float:
    """Return the usual distance of stamps [min]."""
    import numpy as np
    import pandas as pd

    steps = np.diff(np.unique(index.as_unit("ns").asi8))
    return float(np.median(steps)) / pd.Timedelta(minutes=1).value if len(steps) else 0.0


def averaged(values: pd.Series, minutes: int) -> pd.Series:
    """Return a state's mean over each whole step, each value counted for as long as it stood.

    A value that is missing makes its steps missing: nothing is made up for the time without a sensor.
    """
    import numpy as np
    import pandas as pd

    step, held = f"{minutes}min", values[~values.index.duplicated(keep="last")]
    first, last = held.index[0].ceil(step), held.index[-1].floor(step)
    every = held.index.union(pd.date_range(first, last, freq=step))
    # The value that stands from each moment on: the last one told, be it a missing one.
    standing = held.to_numpy()[held.index.searchsorted(every, side="right") - 1]
    seconds = np.diff(every.as_unit("ns").asi8) / 1e9
    inside = (every[:-1] >= first) & (every[:-1] < last)
    told = pd.DataFrame({"held": standing[:-1] * seconds, "gap": np.isnan(standing[:-1])}, every[:-1])[inside]
    steps = told.groupby(told.index.floor(step)).agg({"held": "sum", "gap": "any"})
    return (steps["held"] / (60.0 * minutes)).mask(steps["gap"])
