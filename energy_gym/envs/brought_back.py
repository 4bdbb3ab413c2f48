"""Storage of a site that ends each episode where it began: how far a step surely moves it, behind its connection.

One rule: what is sure follows from the entities' own figures, the limits of the connection and the extremes of the
data, each series by itself; so what is cut tells nothing of when a load or generation comes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from energy_gym.entities import Flexible, Reach
from energy_gym.entities.returning import holds, returning
from energy_gym.errors import ConfigurationError
from energy_gym.units import Unit

if TYPE_CHECKING:
    from energy_gym.data.feed import Feed
    from energy_gym.scenario import Scenario
    from energy_gym.site import Site

REMEDY = 'or pass terminal="buyback", which prices what is missing'


def brought_back(unit: Unit, site: Site, feed: Feed) -> Unit:
    """Return a unit whose storage ends each episode where it began.

    Raises:
        ConfigurationError: It cannot be brought back for sure.
    """
    sure = sure_reaches(unit, site, feed)

    def changed(item: Flexible) -> Flexible:
        if item.reach is None:
            _check_nothing_stored(item)
            return item
        _check_sure(item, sure[item.name])
        return returning(item, sure[item.name], feed.stop - feed.first)

    return replace(unit, flexibles=tuple(changed(item) for item in unit.flexibles))


def sure_reaches(unit: Unit, site: Site, feed: Feed) -> dict[str, Reach]:
    """Return how far a step surely moves each store of a unit that can say so: a share of it behind the connection."""
    reaches = {item.name: item.reach for item in unit.flexibles if item.reach is not None}
    into, out = room_kwh(unit, site, feed)
    drawn = _share(into, sum(reach.draw_kwh for reach in reaches.values()))
    given = _share(out, sum(reach.give_kwh for reach in reaches.values()))
    return {
        name: reach._replace(draw_kwh=reach.draw_kwh * drawn, give_kwh=reach.give_kwh * given)
        for name, reach in reaches.items()
    }


def room_kwh(unit: Unit, site: Site, feed: Feed) -> tuple[float, float]:
    """Return what the connection leaves for drawing and for giving in any step, whatever comes [kWh, >= 0].

    That is with every load at the largest of the data and all generation at its least, and the other way round.
    """
    most = least = 0.0
    for entity in site.entities.values():
        fixed, spare = entity.fixed_kw(feed.values), entity.curtailable_kw(feed.values)
        if fixed is not None:
            most += float(np.nanmax(fixed)) * unit.hours
            least += float(np.nanmin(fixed if spare is None else fixed + spare)) * unit.hours
    coming_in, going_out = float(np.min(unit.import_kwh)), float(np.min(unit.export_kwh))
    return max(coming_in - most, 0.0), max(going_out + least, 0.0)


def as_brought_back(unit: Unit, actual: Unit) -> Unit:
    """Return a unit that was laid out anew, over what is forecast, with storage that is brought back as it really is.

    What is forecast is cut to what leaves the room that storage surely has.
    """
    pairs = list(zip(unit.flexibles, actual.flexibles, strict=True))
    if all(real.own is None and one.initial == real.initial for one, real in pairs):
        return unit
    return replace(unit, flexibles=tuple(_as_it_is(one, real) for one, real in pairs))


def _as_it_is(one: Flexible, real: Flexible) -> Flexible:
    """Return what was laid out anew with the laws around it, and the start, that it really has."""
    if real.own is None:
        return replace(one, initial=real.initial)
    signal = real.cell.rewired(one.signal, real.signal)
    return replace(
        one, laws=real.laws, cell=real.cell, initial=real.initial, memory=real.memory, signal=signal, own=one
    )


def sure_kwh(unit: Unit) -> tuple[float, float]:
    """Return what all storage that is brought back can surely draw and give in a step [kWh]."""
    held = [item.cell.reach for item in unit.flexibles if item.own is not None and item.cell.reach is not None]
    return sum(reach.draw_kwh for reach in held), sum(reach.give_kwh for reach in held)


def refuse_cyclic(scenario: Scenario, who: str, why: str) -> None:
    """Raise where a scenario's storage is to be brought back by who cannot promise it.

    Raises:
        ConfigurationError: Its terminal is ``"cyclic"``.
    """
    if scenario.objective.terminal == "cyclic":
        raise ConfigurationError(f"terminal='cyclic' of {who}", why, 'pass terminal="settle" or terminal="buyback"')


def _share(room: float, most: float) -> float:
    """Return the share of all rated powers that surely fits into the room."""
    return min(1.0, room / most) if most > 0.0 else 1.0


def unsure(item: Flexible) -> str:
    """Return why nothing says how far a step surely moves what is stored."""
    if item.unsure is not None:
        return item.unsure
    return f"nothing says how far a step surely moves {item.name!r}: its Flexible has no reach"


def _check_nothing_stored(item: Flexible) -> None:
    if item.span is not None and (item.worth != 0.0 or item.unsure is not None):
        raise ConfigurationError(_found(item), f"cannot be promised: {unsure(item)}", REMEDY.removeprefix("or "))


def _check_sure(item: Flexible, sure: Reach) -> None:
    start = float(item.initial)
    if not holds(sure, start):
        lost, gained = start * (1.0 - sure.keep), sure.stored * sure.draw_kwh
        rule = f"loses {lost:.4g} kWh in a step where it starts, and surely stores no more than {gained:.4g} kWh in one"
        raise ConfigurationError(_found(item), rule, f"raise its charging power or import_kw, {REMEDY}")
    if sure.draw_kwh == 0.0 and sure.give_kwh == 0.0:
        rule = "could never be moved: at the extremes of the data the connection leaves no room to bring it back"
        raise ConfigurationError(_found(item), rule, f"raise import_kw or export_kw, {REMEDY}")


def _found(item: Flexible) -> str:
    return f"entities.{item.name}: terminal='cyclic'"
