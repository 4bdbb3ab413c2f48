"""Where newer months of a format can be asked for: open interfaces, without a key; and why the others have none.

One rule: an interface is only the address of a month; what it answers is read by its format's own reader.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energy_gym.errors import ConfigurationError, UnknownIdError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Interface:
    """An open interface.

    Args:
        name: Its name.
        format: The format that it answers in, as `energy_gym.data.exports.formats` calls it.
        base: Where it lies.
        path: The rest of a month's address, from the area, the month's first day and its last.
        areas: What an area is called there, with examples.
    """

    name: str
    format: str
    base: str
    path: Callable[[str, pd.Timestamp, pd.Timestamp], str]
    areas: str


INTERFACES = {
    "energy-charts": Interface(
        "energy-charts",
        "Energy-Charts",
        "https://api.energy-charts.info",
        lambda area, first, last: f"/price?bzn={area}&start={first:%Y-%m-%d}&end={last:%Y-%m-%d}",
        "a bidding zone, such as DE-LU, FR or DK2",
    ),
    "aemo": Interface(
        "aemo",
        "NEMOSIS",
        "https://aemo.com.au/aemo/data/nem/priceanddemand",
        lambda area, first, _: f"/PRICE_AND_DEMAND_{first:%Y%m}_{area}.csv",
        "a region: NSW1, QLD1, SA1, TAS1 or VIC1",
    ),
}
# Why the other formats cannot be asked for.
CLOSED = {
    "ENTSO-E": "its interface asks for a token of one's own",
    "SMARD": "it describes no interface",
    "gridstatus": "its interface asks for a key of one's own",
    "Home Assistant": "it is a home's own",
    "Octopus": "its interface asks for the key of an account",
    "PVGIS": "it is a finished set of years",
}


def interface(name: str | None, format: str) -> Interface:
    """Return an interface by its name, or the one of a format.

    Raises:
        UnknownIdError: No such interface.
        ConfigurationError: The format has none.

    Example:
        >>> interface(None, "NEMOSIS").name
        'aemo'
        >>> interface(None, "Octopus")
        Traceback (most recent call last):
        energy_gym.errors.ConfigurationError: Octopus: cannot be asked for newer months: its interface asks for ...
    """
    if name is not None:
        if name not in INTERFACES:
            raise UnknownIdError.of("interface", name, INTERFACES)
        return INTERFACES[name]
    found = next((one for one in INTERFACES.values() if one.format == format), None)
    if found is None:
        why = CLOSED.get(format, "it is of no format that is known")
        rule = f"cannot be asked for newer months: {why}"
        raise ConfigurationError(format, rule, "export them by hand, and add them under an id of their own")
    return found
