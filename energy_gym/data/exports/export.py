"""What an export holds once it is read: series on their true moments, and what its own headers say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energy_gym.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

# What values are multiplied by to be in the suite's unit, and the ending of its name. Energies are those of a step,
# and are divided by its length.
UNITS: dict[str, tuple[float, str]] = {
    "W": (1e-3, "_kw"),
    "kW": (1.0, "_kw"),
    "MW": (1e3, "_kw"),
    "GW": (1e6, "_kw"),
    "gCO2/kWh": (1.0, "_g_per_kwh"),
    "kgCO2/MWh": (1.0, "_g_per_kwh"),
    "W/m2": (1.0, "_w_per_m2"),
    "m/s": (1.0, "_m_per_s"),
    "degC": (1.0, "_deg_c"),
}
ENERGIES = {"Wh": 1e-3, "kWh": 1.0, "MWh": 1e3, "GWh": 1e6}
# Prices are written CURRENCY/MWh, CURRENCY/kWh, or in hundredths of it.
PRICES = {"/MWh": 1.0, "/kWh": 1e3}
HUNDREDTHS = ("ct/kWh", "p/kWh")


@dataclass(frozen=True)
class Found:
    """A series of an export.

    Args:
        title: What the file calls it.
        values: Its values on the starts of their steps, in UTC, as they were published: gaps and repeats are there.
        name: What the suite calls it, without its unit: ``"price"``, ``"load"``, ``"pv"``; None where the file does not
            say what it is.
        unit: The unit that the file, or the format's own definition, gives it; None where neither does.
        published: When its values become known, where the format says so.
    """

    title: str
    values: pd.Series
    name: str | None = None
    unit: str | None = None
    published: str | None = None


@dataclass(frozen=True)
class Export:
    """A file that was recognised and read.

    Args:
        format: Name of the format.
        series: What it holds.
        zone: Zone whose local days the market or the place follows, where the format says so.
        currency: Currency of its prices, where the file says so.
        longitude_deg: Longitude of the place, east positive, where the file says so.
        steady: Whether its values are those of steps; else they are changes of a state, as they happened.
    """

    format: str
    series: tuple[Found, ...]
    zone: str | None = None
    currency: str | None = None
    longitude_deg: float | None = None
    steady: bool = True


def conversion(title: str, unit: str, hours: float | None) -> tuple[float, str]:
    """Return what values are multiplied by, and the ending of the name that they then have.

    Args:
        title: The column, for the error.
        unit: Its unit as it is written.
        hours: Length of a step [h]; None where values are no energies of a step.

    Raises:
        ConfigurationError: The unit is not known, or is an energy where there are no steps.

    Example:
        >>> conversion("Consumption", "kWh", 0.5), conversion("Price", "ct/kWh", 1.0), conversion("LMP", "USD/MWh", 1.0)
        ((2.0, '_kw'), (10.0, '_per_mwh'), (1.0, '_per_mwh'))
    """
    if unit in UNITS:
        return UNITS[unit]
    if unit in ENERGIES and hours is not None:
        return ENERGIES[unit] / hours, "_kw"
    if unit in HUNDREDTHS:
        return 10.0, "_per_mwh"
    for ending, factor in PRICES.items():
        if unit.endswith(ending) and unit.removesuffix(ending).isalpha() and len(unit.removesuffix(ending)) == 3:
            return factor, "_per_mwh"
    if unit in ENERGIES:
        rule = "cannot be converted: it is an energy, and these are states that changed at any moment"
        raise ConfigurationError(f"{title}: unit {unit!r}", rule, "export a series of its power")
    known = ", ".join((*UNITS, *ENERGIES, *HUNDREDTHS, "EUR/MWh", "EUR/kWh"))
    raise ConfigurationError(
        f"{title}: unit {unit!r}", f"cannot be converted; known: {known}", f'say --unit "{title}=..."'
    )


def currency_of(unit: str | None) -> str | None:
    """Return the currency that a unit of a price names, None where it names none.

    Example:
        >>> currency_of("EUR/MWh"), currency_of("kW"), currency_of("p/kWh")
        ('EUR', None, None)
    """
    if unit is None:
        return None
    word, slash, _ = unit.partition("/")
    return word if slash and len(word) == 3 and word.isupper() else None
