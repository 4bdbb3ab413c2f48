"""Exports of Europe's markets: ENTSO-E's transparency platform, SMARD and Energy-Charts.

One rule: units and clocks are those that the headers state.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from energy_gym.data.exports.answers import Answers
from energy_gym.data.exports.export import Export, Found, currency_of
from energy_gym.data.exports.tables import moments, numbers, selected, table

if TYPE_CHECKING:
    import pandas as pd

_SQUARE = re.compile(r"\[([^\]]+)\]")
_UNIT = re.compile(r"[\[(]([^\])]+)[\])]")
# Central European time has one clock, whatever its cities are called.
_CLOCKS = {"CET/CEST": "Europe/Brussels", "UTC": "UTC", "WET/WEST": "Europe/Lisbon", "EET/EEST": "Europe/Helsinki"}
_SIGNS = {"€": "EUR", "£": "GBP"}
# What titles say a series is, in the order in which they are looked for.
_NAMES = (
    (r"day-ahead total load forecast|prognostizierte.*netzlast|forecasted.*grid load", "forecast_load"),
    (r"actual total load|netzlast|grid load|^last$|^load$", "load"),
    (r"intraday price", None),
    (r"day[- ]ahead price|day ahead auktion|day ahead auction|^price$", "price"),
    (r"solar|photovolta", "pv"),
)


def _name(title: str) -> str | None:
    """Return what a title says a series is.

    Example:
        >>> _name("Day-ahead Price [EUR/MWh]"), _name("Actual Total Load [MW] - BZN|DE-LU"), _name("Biomass [MW]")
        ('price', 'load', None)
    """
    words = title.lower()
    return next((name for pattern, name in _NAMES if re.search(pattern, words)), None)


def _unit(title: str) -> str | None:
    """Return the unit that stands in brackets, in square ones where there are such; currencies by their code."""
    found = _SQUARE.search(title) or _UNIT.search(title)
    if found is None:
        return None
    unit = found[1].split(",")[0].replace(" ", "")
    for sign, code in _SIGNS.items():
        unit = unit.replace(sign, code)
    return unit


def _export(format: str, zone: str | None, series: list[Found]) -> Export:
    currency = next((one for one in (currency_of(item.unit) for item in series) if one), None)
    return Export(format, tuple(series), zone, currency)


def is_entsoe(head: str) -> bool:
    """Return whether a file begins as those of ENTSO-E's transparency platform do."""
    return re.match(r'"?(?:MTU|Time) \([A-Z/]+\)"?,', head) is not None


def read_entsoe(text: str, answers: Answers) -> Export:
    """Read an export of ENTSO-E's platform; its stamps say on which clock they are, not whose market it is."""
    rows = table(text)
    time = str(rows.columns[0])
    clock = _CLOCKS.get(_UNIT.search(time)[1] if _UNIT.search(time) else "")  # type: ignore[index]
    if clock is None:
        raise ValueError(f"the clock of {time!r} is not known")
    for title in ("Area", "Sequence"):
        rows = selected(rows, title, answers)
    begun = rows[time].str.split(" - ").str[0].str.replace(r" \(\w+\)$", "", regex=True).str.replace("/", ".")
    form = "%d.%m.%Y %H:%M:%S" if begun.iloc[0].count(":") == 2 else "%d.%m.%Y %H:%M"
    stamps = moments(begun, clock, form)
    titles = [str(title) for title in rows if _unit(str(title)) not in (None, *_CLOCKS)]
    return _export("ENTSO-E", None, [_series(rows, title, stamps) for title in titles])


def _series(rows: pd.DataFrame, title: str, stamps: pd.DatetimeIndex, decimal: str = ".") -> Found:
    values = numbers(rows[title], decimal).set_axis(stamps)
    name = _name(title)
    return Found(title, values, name, _unit(title), None if name in ("price", "forecast_load") else "after")


def is_smard(head: str) -> bool:
    """Return whether a file begins as those of SMARD do."""
    # Others begin with the same two titles: the resolution at the end of a title is SMARD's own.
    own = r'"?(?:Datum von;Datum bis;.*(?:Originala|Berechnete A)uflösung|Start date;End date;.*resolutions)'
    return re.match(own, head) is not None


def read_smard(text: str, answers: Answers) -> Export:
    """Read an export of SMARD, the German regulator's platform: local German time, decimals by the page's language."""
    rows = table(text, ";")
    german = "Datum von" in rows
    stamps = moments(rows[rows.columns[0]], "Europe/Berlin", "%d.%m.%Y %H:%M" if german else "%b %d, %Y %I:%M %p")
    titles = [str(title) for title in rows.columns[2:]]
    found = [_series(rows, title, stamps, "," if german else ".") for title in titles]
    # The market's own column is titled by the bidding zone alone: its unit says that it is a price.
    prices = [item for item in found if currency_of(item.unit) and item.title.startswith(("Deutschland", "Germany"))]
    named = [Found(item.title, item.values, "price", item.unit) if item in prices[:1] else item for item in found]
    return _export("SMARD", "Europe/Berlin", named)


def is_energy_charts(head: str) -> bool:
    """Return whether a file begins as those of Energy-Charts do, from its page or its interface."""
    titled = re.match(r'"?(?:Datum|Date|Time) \((?:GMT|UTC|MT|MEZ|CET)[^)]*\)"?,[^\n]*\n"?"?,', head) is not None
    return titled or (head.startswith("{") and '"unix_seconds"' in head)


def read_energy_charts(text: str, answers: Answers) -> Export:
    """Read a table of Energy-Charts, whose second line holds the units, or an answer of its interface for prices."""
    import pandas as pd

    if text.startswith("{"):
        told = json.loads(text)
        stamps = pd.DatetimeIndex(pd.to_datetime(told["unix_seconds"], unit="s", utc=True))
        values = pd.Series(told["price"], stamps, dtype="float64")
        return _export("Energy-Charts", None, [Found("price", values, "price", told["unit"].replace(" ", ""))])
    rows = table(text)
    units, rows = rows.iloc[0], rows.iloc[1:]
    stamps = moments(rows[rows.columns[0]], None)
    found = []
    for title in map(str, rows.columns[1:]):
        name = _name(title)
        known = None if name == "price" else "after"
        found.append(Found(title, numbers(rows[title]).set_axis(stamps), name, _unit(units[title]), known))
    return _export("Energy-Charts", None, found)
