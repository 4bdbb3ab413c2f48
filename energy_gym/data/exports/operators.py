"""Tables that libraries make of what grid operators publish: gridstatus and NEMOSIS.

One rule: units that the tables do not state are those of the libraries' own definitions, and are named here.
"""

from __future__ import annotations

import re

from energy_gym.data.exports.answers import Answers
from energy_gym.data.exports.export import Export, Found
from energy_gym.data.exports.tables import moments, numbers, selected, step_minutes, table

# gridstatus: power in MW; prices per MWh in the operator's own currency, which no column names.
_POWERS = {"load": "load", "load_forecast": "forecast_load", "solar": "pv", "wind": "wind"}
_PRICES = ("lmp", "spp", "price")
_STARTS = ("interval_start_utc", "interval_start", "interval_start_local", "time")
_CHOSEN = ("market", "location", "location_type")
# AEMO's tables: a stamp ends its interval and is market time, which is that of Brisbane, all year.
_NEM_ZONE = "Australia/Brisbane"


def _plain(title: str) -> str:
    """Return a title as the hosted tables write it.

    Example:
        >>> _plain("Interval Start (UTC)"), _plain("Location Type")
        ('interval_start_utc', 'location_type')
    """
    return re.sub(r"\W+", "_", title.strip().lower()).strip("_")


def is_gridstatus(head: str) -> bool:
    """Return whether a file begins as tables of gridstatus do."""
    titles = {_plain(title) for title in head.partition("\n")[0].replace('"', "").split(",")}
    return bool(titles & set(_STARTS[:3])) and bool(titles & {*_PRICES, *_POWERS})


def read_gridstatus(text: str, answers: Answers) -> Export:
    """Read a table of gridstatus; whose currency and whose local days they are, it does not say."""
    rows = table(text).rename(columns=_plain)
    for title in _CHOSEN:
        rows = selected(rows, title, answers)
    start = next(title for title in _STARTS if title in rows)
    stamps = moments(rows[start], None)
    prices = [title for title in _PRICES if title in rows]
    powers = [title for title in _POWERS if title in rows]
    unit = f"{answers.get('currency', 'which currency are its prices in (ISO code)?')}/MWh" if prices else None
    found = [Found(title, numbers(rows[title]).set_axis(stamps), "price", unit) for title in prices[:1]]
    for title in powers:
        known = None if "forecast" in title else "after"
        found.append(Found(title, numbers(rows[title]).set_axis(stamps), _POWERS[title], "MW", known))
    return Export("gridstatus", tuple(found), None, unit.partition("/")[0] if unit else None)


def is_nemosis(head: str) -> bool:
    """Return whether a file begins as tables of NEMOSIS do."""
    titles = head.partition("\n")[0].replace('"', "").strip().split(",")
    return "SETTLEMENTDATE" in titles and bool({"RRP", "TOTALDEMAND"} & set(titles))


def read_nemosis(text: str, answers: Answers) -> Export:
    """Read a table of NEMOSIS: RRP in AUD/MWh, TOTALDEMAND in MW, as AEMO's data model defines them."""
    import pandas as pd

    rows = table(text)
    for title in ("REGIONID", "INTERVENTION"):
        rows = selected(rows, title, answers)
    written = rows["SETTLEMENTDATE"].str.replace("/", "-")
    ends = moments(written, _NEM_ZONE)
    stamps = ends - pd.Timedelta(minutes=step_minutes(ends))
    found = []
    if "RRP" in rows:
        found.append(Found("RRP", numbers(rows["RRP"]).set_axis(stamps), "price", "AUD/MWh"))
    if "TOTALDEMAND" in rows:
        found.append(Found("TOTALDEMAND", numbers(rows["TOTALDEMAND"]).set_axis(stamps), "load", "MW", "after"))
    return Export("NEMOSIS", tuple(found), _NEM_ZONE, "AUD")
