"""What the name of a column says: its unit, and how a user's column in another unit is converted.

One rule: a column's name ends in its unit; the longest ending that is listed here counts, and none is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from energy_gym.errors import DataError


class ColumnUnit(NamedTuple):
    """A unit that names of columns end in.

    ``symbol`` is the unit as it is written, with ``{currency}`` in place of a currency. ``offset`` is what is expected
    of a user's column before anything of it is known, and ``scale`` how much more of one that never changes is observed
    as 1; they are fixed, so that a frame's later rows do not show in early observations.
    """

    suffix: str
    symbol: str
    offset: float
    scale: float


UNITS = (
    ColumnUnit("_per_mwh", "{currency}/MWh", 50.0, 50.0),
    ColumnUnit("_per_mw_h", "{currency}/MW/h", 20.0, 20.0),
    ColumnUnit("_share", "1", 0.5, 0.5),
    ColumnUnit("_g_per_kwh", "gCO2/kWh", 300.0, 200.0),
    ColumnUnit("_kw", "kW", 0.0, 5.0),
    ColumnUnit("_hours_left", "h", 0.0, 12.0),
    ColumnUnit("_arrival_kwh", "kWh", 0.0, 50.0),
    ColumnUnit("_need_kwh", "kWh", 0.0, 50.0),
    ColumnUnit("_w_per_m2", "W/m2", 0.0, 400.0),
    ColumnUnit("_m_per_s", "m/s", 6.0, 5.0),
    ColumnUnit("_m3_per_s", "m3/s", 0.0, 10.0),
    ColumnUnit("_deg_c", "degrees Celsius", 10.0, 10.0),
)
PRICES = ("_per_mwh", "_per_mw_h")
NO_CURRENCY = "XXX"
"""Of a card without prices: the code that ISO 4217 keeps for "no currency"."""
# The last is the rate of a demand charge, which the package adds to a feed itself: no frame holds it.
SYMBOLS = {unit.suffix: unit.symbol for unit in UNITS} | {"_per_kw": "{currency}/kW"}


CANONICAL_COLUMNS = {
    "price_per_mwh": "market price [currency/MWh]",
    "carbon_g_per_kwh": "direct carbon intensity of the grid [gCO2/kWh]",
    "carbon_lca_g_per_kwh": "life-cycle carbon intensity of the grid [gCO2/kWh]",
    "load_kw": "consumption, positive [kW]",
    "pv_kw": "photovoltaic production, positive [kW]",
    "wind_kw": "wind production, positive [kW]",
}
"""Names that the suite gives a meaning of their own."""


class Conversion(NamedTuple):
    """How values are converted whose column's name ends in another unit than the suite's.

    ``per_hour`` marks energies of a step, which are divided by its length [h].
    """

    suffix: str
    to: str
    factor: float
    per_hour: bool = False


_POWERS = (Conversion("_w", "_kw", 1e-3), Conversion("_mw", "_kw", 1e3), Conversion("_gw", "_kw", 1e6))
# Energies of a step are known as such only where the name says of what: other names may be contents of a store.
_ENERGIES = tuple(
    Conversion(f"{what}_{unit}", f"{what}_kw", factor, per_hour=True)
    for what in ("load", "pv", "wind")
    for unit, factor in (("wh", 1e-3), ("kwh", 1.0), ("mwh", 1e3), ("gwh", 1e6))
)
_PRICES = (
    *(Conversion(f"_{cent}_per_kwh", "_per_mwh", 10.0) for cent in ("ct", "cent", "cents", "eurocent", "pence")),
    Conversion("_per_kwh", "_per_mwh", 1e3),
    Conversion("_per_gwh", "_per_mwh", 1e-3),
    Conversion("_per_kw_h", "_per_mw_h", 1e3),
)
_CARBON = tuple(
    Conversion(suffix, "_g_per_kwh", factor)
    for suffix, factor in (
        ("_kg_per_kwh", 1e3),
        ("_g_per_mwh", 1e-3),
        ("_kg_per_mwh", 1.0),
        ("_t_per_mwh", 1e3),
        ("_lb_per_mwh", 0.45359237),
    )
)
CONVERSIONS = (*_POWERS, *_ENERGIES, *_PRICES, *_CARBON)
# Words that name a unit at the end of a name: where one of them stands, a column is not merely called otherwise.
_FOREIGN = {"w", "mw", "gw", "wh", "kwh", "mwh", "gwh", "j", "kj", "mj", "gj", "tj", "va", "kva", "mva", "btu", "mmbtu"}
_FOREIGN |= {"therm", "kg", "g", "t", "lb", "ct", "cent", "cents", "pence", "eurocent", "percent", "pct"}


def unit_of(column: object) -> ColumnUnit | None:
    """Return the unit that a column's name ends in, None if it ends in none that the suite knows.

    Example:
        >>> unit_of("forecast_pv_kw").symbol, unit_of("temperature_c"), unit_of("carbon_kg_per_kwh")
        ('kW', None, None)
    """
    name = str(column)
    if name.endswith("_per_kw") or conversion_of(name) is not None:
        return None
    return next((unit for unit in UNITS if name.endswith(unit.suffix)), None)


def conversion_of(column: object) -> Conversion | None:
    """Return how a column is converted that is in another unit than the suite's, None where its name says no such.

    Example:
        >>> conversion_of("price_ct_per_kwh").factor, conversion_of("load_mwh").per_hour, conversion_of("price_per_mwh")
        (10.0, True, None)
    """
    name = str(column)
    ours = max((len(unit.suffix) for unit in UNITS if name.endswith(unit.suffix)), default=0)
    fitting = [item for item in CONVERSIONS if name.endswith(item.suffix) and len(item.suffix) > ours]
    return max(fitting, key=lambda item: len(item.suffix), default=None)


def is_readable(column: object) -> bool:
    """Return whether a column's name ends in a unit of the suite, or in one that is converted to it.

    Example:
        >>> is_readable("load_kw"), is_readable("price_per_kwh"), is_readable("load")
        (True, True, False)
    """
    return unit_of(column) is not None or conversion_of(column) is not None


def canonical_names(columns: Iterable[object]) -> dict[str, str]:
    """Return the name in the suite's units of each column, under the name it has.

    Raises:
        DataError: Two columns say the same thing in two units.

    Example:
        >>> canonical_names(["load_kwh", "price_per_mwh"])
        {'load_kwh': 'load_kw', 'price_per_mwh': 'price_per_mwh'}
    """
    names = [str(name) for name in columns]
    found: dict[str, str] = {}
    for name in names:
        other = conversion_of(name)
        to = name if other is None else name.removesuffix(other.suffix) + other.to
        if other is not None and (to in names or to in found.values()):
            rule = f"is converted to {to!r}, which is there as well"
            raise DataError(f"column {name!r}", rule, "drop one of the two")
        found[name] = to
    return found


def says_other_unit(column: object, wanted: str) -> bool:
    """Return whether a column's name ends in a unit that is not the one of a wanted name.

    Example:
        >>> says_other_unit("load_kva", "load_kw"), says_other_unit("price", "price_per_mwh")
        (True, False)
        >>> says_other_unit("price_mwh", "price_per_mwh")
        False
    """
    last, ours = (str(name).lower().rsplit("_", 1)[-1] for name in (column, wanted))
    return last in _FOREIGN and last != ours


def symbol_of(column: str, currency: str) -> str:
    """Return the unit of a column as it is written; a price per MWh where its name says nothing.

    Example:
        >>> symbol_of("load_kw", "EUR"), symbol_of("buy_per_mwh", "EUR"), symbol_of("demand_rate_per_kw", "EUR")
        ('kW', 'EUR/MWh', 'EUR/kW')
    """
    endings = sorted((ending for ending in SYMBOLS if column.endswith(ending)), key=len)
    return SYMBOLS[endings[-1] if endings else "_per_mwh"].format(currency=currency)
