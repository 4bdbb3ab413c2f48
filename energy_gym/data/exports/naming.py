"""What each series of an export becomes on the card: its name, its unit, when it is known; and whose days it follows.

One rule: what the file says holds; an answer that contradicts it is refused, and what nobody says is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energy_gym.conversions import MINUTES_PER_DAY
from energy_gym.data.columns import NO_CURRENCY, PRICES
from energy_gym.data.exports.answers import Answers
from energy_gym.data.exports.export import Export, Found, conversion, currency_of
from energy_gym.data.exports.tables import averaged, step_minutes
from energy_gym.data.publishing import RULES, is_rule, nearest
from energy_gym.data.zones import checked_zone
from energy_gym.errors import ConfigurationError, IrregularIndexError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Named:
    """A column of the card to be.

    Args:
        name: Its name, unit included.
        title: What the file calls it.
        unit: Its unit in the file.
        published: When it becomes known.
        values: Its values in the suite's unit.
    """

    name: str
    title: str
    unit: str
    published: str
    values: pd.Series


def zone_of(export: Export, known: Answers) -> str:
    """Return the zone of the market or place.

    Raises:
        ConfigurationError: Another one was said than the format's own, or none.
    """
    said = known.known("zone")
    if export.zone is None:
        return checked_zone(known.get("zone", "whose local days does it follow (a zone such as Europe/Berlin)?"))
    if said not in (None, export.zone):
        rule = f"contradicts the export: {export.format} is on the clock of {export.zone}"
        raise ConfigurationError(f"--zone {said}", rule, "leave it out, or check the file")
    return export.zone


def by_step(export: Export, known: Answers) -> tuple[int, tuple[Found, ...]]:
    """Return the step [min], and series by the step; states that changed at any moment are averaged over steps.

    Raises:
        IrregularIndexError: The step does not divide a day.
        ConfigurationError: The step of such states was not said, or is no number.
    """
    if export.steady:
        step = min((step_minutes(item.values.index) for item in export.series), default=0.0)
    else:
        step = _number(known.get("step", "how long shall a step be [min]?"))
    if step < 1.0 or step != int(step) or MINUTES_PER_DAY % int(step):
        raise IrregularIndexError(f"a step of {step:g} min", "must be whole minutes and divide a day", "resample it")
    if export.steady:
        return int(step), export.series
    return int(step), tuple(
        Found(item.title, averaged(item.values, int(step)), item.name, item.unit, item.published)
        for item in export.series
    )


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError as error:
        raise ConfigurationError(f"--step {word}", "must be a number of minutes", "say --step 15") from error


def is_named(item: Found, known: Answers) -> bool:
    """Return whether file or user say what a series is."""
    return (known.known("column", item.title) or item.name) is not None


def named(item: Found, hours: float | None, known: Answers) -> Named:
    """Return the column that a series becomes.

    Args:
        item: The series.
        hours: Length of a step [h]; None where values are states, so that none can be the energy of a step.
        known: What the user says.

    Raises:
        ConfigurationError: Unit, name or rule were not said, contradict the file, or are not known.
    """
    said = known.known("unit", item.title)
    if item.unit is not None and said not in (None, item.unit):
        rule = f"contradicts the export, which says {item.unit}"
        raise ConfigurationError(f"{item.title}: --unit {said}", rule, "leave it out, or check the file")
    unit = item.unit or known.get("unit", "which unit are its values in, such as W, kWh or EUR/MWh?", item.title)
    factor, ending = conversion(item.title, unit, hours)
    return Named(_name(item, unit, ending, known), item.title, unit, _rule(item, known), item.values * factor)


def _name(item: Found, unit: str, ending: str, known: Answers) -> str:
    said = known.known("column", item.title)
    if said is None:
        return f"{item.name}{ending}"
    if not said.endswith(ending):
        rule = f"is called {said!r}, and the name of values in {unit} ends in {ending}"
        raise ConfigurationError(item.title, rule, f'say --column "{item.title}=load{ending}", or another --unit')
    return said


def _rule(item: Found, known: Answers) -> str:
    said = known.known("published", item.title) or item.published
    rule = said or known.get("published", f"when is it known ({RULES})?", item.title)
    if not is_rule(rule):
        raise ConfigurationError(f"{item.title}: --published {rule!r}", f"must be {RULES}", nearest(rule))
    return rule


def currency(columns: tuple[Named, ...], known: Answers) -> str:
    """Return the currency of the card: that of its prices, and of nothing else.

    Raises:
        ConfigurationError: Prices name another one than was said, several, or none and none was said.
    """
    if not any(column.name.endswith(PRICES) for column in columns):
        return NO_CURRENCY
    found = {currency_of(column.unit) for column in columns} - {None}
    said = known.known("currency")
    if len(found | ({said} - {None})) > 1:
        listed = ", ".join(sorted(str(one) for one in found))
        raise ConfigurationError(f"--currency {said}", f"contradicts the export's {listed}", "leave it out")
    return str(next(iter(found), None) or known.get("currency", "which currency are its prices in (ISO code)?"))
