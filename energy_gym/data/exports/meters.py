"""Exports of what is measured at a house, and of what a roof would give: Home Assistant, Octopus, PVGIS.

One rule: a sensor's unit does not stand in its history, so it is asked for.
"""

from __future__ import annotations

import re

from energy_gym.data.exports.answers import Answers
from energy_gym.data.exports.export import Export, Found
from energy_gym.data.exports.tables import moments, numbers, table

_CONSUMED = re.compile(r"consumption\s*(?:\(([^)]+)\))?", re.IGNORECASE)
_ENERGY = {"kwh": "kWh", "wh": "Wh", "mwh": "MWh"}
_LONGITUDE = re.compile(r"Longitude \(decimal degrees\):\s*([-\d.]+)")
# PVGIS explains its columns below the table; these are its definitions.
_PVGIS = {"P": ("pv", "W"), "G(i)": (None, "W/m2"), "T2m": (None, "degC"), "WS10m": (None, "m/s")}


def is_home_assistant(head: str) -> bool:
    """Return whether a file begins as histories of Home Assistant do."""
    return head.replace('"', "").startswith("entity_id,state,last_changed")


def read_home_assistant(text: str, answers: Answers) -> Export:
    """Read a history of Home Assistant: states of entities as they changed, in UTC, without a unit."""
    rows = table(text)
    found = []
    for entity, own in rows.groupby("entity_id", sort=True):
        stamps = moments(own["last_changed"], None)
        found.append(Found(str(entity), numbers(own["state"]).set_axis(stamps).sort_index(), None, None, "after"))
    return Export("Home Assistant", tuple(found), steady=False)


def is_octopus(head: str) -> bool:
    """Return whether a file begins as consumption files of Octopus do."""
    titles = [title.strip() for title in head.partition("\n")[0].replace('"', "").split(",")]
    return {"Start", "End"} <= set(titles) and any(_CONSUMED.fullmatch(title) for title in titles)


def read_octopus(text: str, answers: Answers) -> Export:
    """Read a consumption file of Octopus: energy of each half hour, with offsets, but without the zone of the house."""
    rows = table(text)
    title = next(str(title) for title in rows if _CONSUMED.fullmatch(title))
    written = _CONSUMED.fullmatch(title)
    unit = written[1] if written else None
    stamps = moments(rows["Start"], None)
    values = numbers(rows[title]).set_axis(stamps)
    named = None if unit is None else _ENERGY.get(unit.lower(), unit)
    return Export("Octopus", (Found(title, values, "load", named, "after"),))


def is_pvgis(head: str) -> bool:
    """Return whether a file begins as hourly files of PVGIS do."""
    return head.startswith("Latitude (decimal degrees):") and "Radiation database" in head


def read_pvgis(text: str, answers: Answers) -> Export:
    """Read an hourly file of PVGIS: a head on the place, a table in UTC, an explanation of its columns below.

    A stamp lies within its hour (at the minute of the satellite's picture): the hour is what counts.
    """
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("time,"))
    last = next((n for n in range(first + 1, len(lines)) if not re.match(r"\d{8}:\d{4},", lines[n])), len(lines))
    rows = table("\n".join(lines[first:last]))
    stamps = moments(rows["time"], "UTC", "%Y%m%d:%H%M").floor("h")
    found = []
    for title, (name, unit) in _PVGIS.items():
        if title in rows:
            found.append(Found(title, numbers(rows[title]).set_axis(stamps), name, unit, "after"))
    longitude = _LONGITUDE.search(text)
    return Export("PVGIS", tuple(found), longitude_deg=float(longitude[1]) if longitude else None)
