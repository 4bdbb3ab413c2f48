"""What the name of a column says: its unit, and how a user's column in that unit is read.

One rule: a column's name ends in its unit; the longest ending that is listed here counts.
"""

from __future__ import annotations

from typing import NamedTuple


class ColumnUnit(NamedTuple):
    """A unit that names of columns end in, and how the columns of a user's frame in it are read.

    ``symbol`` is the unit as it is written, with ``{currency}`` in place of a currency. The scaling is fixed, not the
    frame's own: its later rows must not show in early observations.
    """

    suffix: str
    symbol: str
    offset: float
    scale: float
    published: str


UNITS = (
    ColumnUnit("_per_mwh", "{currency}/MWh", 50.0, 50.0, "day-ahead 13:00"),
    ColumnUnit("_per_mw_h", "{currency}/MW/h", 20.0, 20.0, "day-ahead 24:00"),
    ColumnUnit("_share", "1", 0.5, 0.5, "after"),
    ColumnUnit("_g_per_kwh", "gCO2/kWh", 300.0, 200.0, "after"),
    ColumnUnit("_kw", "kW", 0.0, 5.0, "after"),
)
# The last is the rate of a demand charge, which the package adds to a feed itself: no frame holds it.
SYMBOLS = {unit.suffix: unit.symbol for unit in UNITS} | {"_per_kw": "{currency}/kW"}


def unit_of(column: object) -> ColumnUnit | None:
    """Return the unit that a column's name ends in, None if it ends in none that the suite knows.

    Example:
        >>> unit_of("forecast_pv_kw").published, unit_of("temperature_c")
        ('after', None)
    """
    return next((unit for unit in UNITS if str(column).endswith(unit.suffix)), None)


def symbol_of(column: str, currency: str) -> str:
    """Return the unit of a column as it is written; a price per MWh where its name says nothing.

    Example:
        >>> symbol_of("load_kw", "EUR"), symbol_of("buy_per_mwh", "EUR"), symbol_of("demand_rate_per_kw", "EUR")
        ('kW', 'EUR/MWh', 'EUR/kW')
    """
    endings = sorted((ending for ending in SYMBOLS if column.endswith(ending)), key=len)
    return SYMBOLS[endings[-1] if endings else "_per_mwh"].format(currency=currency)
