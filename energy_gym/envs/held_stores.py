"""What a site's storage is held to: targets, what no episode could meet of them, and the way back into its limits.

One rule: whether a hard target can be met follows from the entities' own figures, the calendar and what the connection
surely leaves; where it cannot, the environment is refused, with what would be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.entities import Battery, Entity, Flexible, PumpedHydro, Reach, StorageTarget
from energy_gym.entities.held import Aim, Held, held, trajectory
from energy_gym.entities.led import led
from energy_gym.entities.returning import Band, holds, levels
from energy_gym.envs.brought_back import sure_reaches, unsure
from energy_gym.errors import ConfigurationError, StateOfChargeError, UnknownIdError
from energy_gym.units import Unit

if TYPE_CHECKING:
    from energy_gym.data.feed import Feed
    from energy_gym.site import Site

TOLERANCE_KWH = 1e-9
SOFT = "or give it a missed_price_per_kwh"


def led_back(unit: Unit, site: Site, feed: Feed) -> Unit:
    """Return a unit whose storage is led back to its limits where it starts outside them.

    Raises:
        ConfigurationError: It is to end outside them.
    """
    stores = {name: store for name, item in site.entities.items() if (store := battery_of(item)) is not None}
    outside = {name: store for name, store in stores.items() if store.starts_outside}
    if not outside:
        return unit
    sure = sure_reaches(unit, site, feed)

    def changed(item: Flexible) -> Flexible:
        if item.name not in outside or item.reach is None:
            return item
        store = outside[item.name]
        if item.own is not None:
            rule = f"starts outside its limits [{store.soc_min}, {store.soc_max}], and would have to end there"
            raise ConfigurationError(f"entities.{item.name}: terminal='cyclic'", rule, 'pass terminal="buyback"')
        limits = store.soc_min * store.capacity_kwh, store.soc_max * store.capacity_kwh
        # What is counted by the day or the year may be used up: nothing is given for sure.
        reach = sure[item.name] if item.budgets is None else sure[item.name]._replace(give_kwh=0.0)
        return led(item, reach, limits, feed.stop - feed.first)

    return replace(unit, flexibles=tuple(changed(item) for item in unit.flexibles))


def with_targets(unit: Unit, site: Site, feed: Feed) -> Unit:
    """Return a unit whose storage is held to the targets of its site.

    Raises:
        UnknownIdError: A target of an entity that is not there.
        StateOfChargeError: A target above what its store may hold.
        ConfigurationError: A target of what stores nothing, or a hard one that cannot be met for sure.
    """
    targets = {name: item for name, item in site.entities.items() if isinstance(item, StorageTarget)}
    if not targets:
        return unit
    for name, target in targets.items():
        _check_store(name, target, site.entities)
    sure = sure_reaches(unit, site, feed)
    own = {
        item.name: [name for name, target in targets.items() if target.store == item.name] for item in unit.flexibles
    }

    def changed(item: Flexible) -> Flexible:
        mine = {name: targets[name] for name in own[item.name]}
        firm = [name for name, target in mine.items() if target.hard]
        if firm:
            _check_hard(item, firm[0], sure.get(item.name))
        aims = [_aim(name, target, site.entities, feed) for name, target in mine.items()]
        found = held(item, sure.get(item.name), aims) if mine else item
        if firm:
            _check_kept(found, firm[0])
        return found

    return replace(unit, flexibles=tuple(changed(item) for item in unit.flexibles))


def check_starts(units: Sequence[Unit], steps: int, whole: bool) -> None:
    """Raise where no episode could meet its hard targets from where its storage begins.

    Args:
        units: The units over the split.
        steps: Steps of an episode.
        whole: Whether an episode is the whole split.

    Raises:
        ConfigurationError: There is such a target; the message says what is missing at least.
    """
    for unit in units:
        for item in unit.flexibles:
            if isinstance(item.cell, Held) and item.cell.hard:
                short = _least_missed(item, steps, 1 if whole else len(unit) - steps + 1)
                if short > TOLERANCE_KWH:
                    power = item.cell.reach.draw_kwh / unit.hours
                    found = f"entities.{item.name}: {short:.3f} kWh short at a hard target of it"
                    rule = (
                        f"cannot be met from {float(item.initial):.3f} kWh with the {power:.3f} kW that it surely has"
                    )
                    raise ConfigurationError(found, rule, f"let it begin fuller or charge faster, ask for less, {SOFT}")


def refuse_targets(entities: Mapping[str, Entity], who: str, why: str) -> None:
    """Raise where storage has targets, or a way back into its limits, that who plays it does not hold it to.

    Raises:
        ConfigurationError: There is a target, or a store that starts outside its limits.
    """
    for name, item in entities.items():
        store = battery_of(item)
        if store is not None and store.starts_outside:
            found = f"entities.{name} of {who}: starts at {store.soc_initial} of its capacity"
            limits = f"[{store.soc_min}, {store.soc_max}]"
            raise ConfigurationError(found, f"which is outside its limits {limits}, and {why}", "start within them")
        if isinstance(item, StorageTarget):
            raise ConfigurationError(f"entities.{name} (kind {item.kind!r}) of {who}", why, "leave it out")


def _check_store(name: str, target: StorageTarget, entities: Mapping[str, Entity]) -> None:
    if target.store not in entities:
        raise UnknownIdError.of(f"entities.{name}.store: entity", target.store, entities)
    store = battery_of(entities[target.store])
    if store is None:
        found = f"entities.{name}.store={target.store!r}"
        remedy = "name one; a vehicle says what it needs in a column of its own"
        raise ConfigurationError(found, "is neither a battery nor a pumped-storage plant", remedy)
    short = (target.soc - store.soc_max) * store.capacity_kwh
    if short > TOLERANCE_KWH:
        found, rule = f"entities.{name}.soc={target.soc}", f"is {short:.3f} kWh above the soc_max of {target.store!r}"
        raise StateOfChargeError(found, rule, f"ask for {store.soc_max} or less, or raise soc_max")


def battery_of(entity: Entity) -> Battery | None:
    """Return what stores energy as a battery; None for what does not."""
    if isinstance(entity, PumpedHydro):
        return entity.battery()
    return entity if isinstance(entity, Battery) else None


def _aim(name: str, target: StorageTarget, entities: Mapping[str, Entity], feed: Feed) -> Aim:
    store = battery_of(entities[target.store])
    asked = 0.0 if store is None else target.soc * store.capacity_kwh
    return Aim(feed.values[f"{name}.due"][feed.first : feed.stop] * asked, target.missed_price_per_kwh)


def _check_hard(item: Flexible, name: str, reach: Reach | None) -> None:
    if reach is None:
        rule = f"is always to be met, and {unsure(item)}"
        raise ConfigurationError(f"entities.{name}", rule, SOFT.removeprefix("or "))
    if reach.fade_per_kwh > 0.0:
        rule = f"is always to be met, and the capacity of {item.name!r} fades with what it does"
        raise ConfigurationError(f"entities.{name}", rule, SOFT.removeprefix("or "))
    if isinstance(item.cell, Band):
        _check_both(item, name, reach)
    if reach.draw_kwh == 0.0:
        rule = "is always to be met: at the extremes of the data the connection leaves no room to charge for it"
        raise ConfigurationError(f"entities.{name}", rule, f"raise import_kw, {SOFT}")


def _check_both(item: Flexible, name: str, reach: Reach) -> None:
    """Raise where a store that ends where it began cannot also be held to a hard target."""
    found = f"entities.{name}: terminal='cyclic'"
    if item.budgets is not None:
        rule = f"is always to be met, and the cycles that {item.name!r} is held to may not let it give that back"
        raise ConfigurationError(found, rule, f'pass terminal="buyback", {SOFT}')
    if not holds(reach, reach.top):
        rule = f"is always to be met, and {reach.draw_kwh:.4g} kWh a step do not keep {item.name!r} full"
        raise ConfigurationError(found, rule, f'raise its charging power, pass terminal="buyback", {SOFT}')


def _check_kept(item: Flexible, name: str) -> None:
    """Raise where not even a full store could meet its targets, since it loses more than it surely charges."""
    band, due = item.cell.told(item.signal)[1][:2]
    full = np.minimum(band, item.cell.reach.top)
    short = float((band - full).max(initial=0.0))
    if short > TOLERANCE_KWH:
        missed = due - trajectory(item.cell.reach.top, full, item.cell.reach)
        found = f"entities.{name}: {max(float(missed.max()), short):.3f} kWh short"
        rule = f"is always to be met, and {item.cell.reach.draw_kwh:.4g} kWh a step do not make good what is lost"
        raise ConfigurationError(found, rule, f"raise its charging power or import_kw, {SOFT}")


def _least_missed(item: Flexible, steps: int, starts: int) -> float:
    """Return the least, over all starts of an episode, of the most that a hard target then misses [kWh]."""
    band, due = item.cell.told(item.signal)[1][:2]
    level = np.full(starts, float(item.initial))
    missed, most = np.zeros(starts), np.full(steps, np.inf)
    if item.cell.returns:
        most = levels(item.cell.figures, float(steps), steps)[1]
    for (step, needed), top in zip(_windows((band, due), steps, starts), most, strict=True):
        level = trajectory(level, step[None], item.cell.reach)[0]
        missed = np.maximum(missed, needed - np.minimum(level, top))
    return float(missed.min())


def _windows(series: tuple[Floats, Floats], steps: int, starts: int) -> Iterator[tuple[Floats, Floats]]:
    """Yield, step by step, what two series say for episodes of all starts at once."""
    for step in range(steps):
        yield series[0][step : step + starts], series[1][step : step + starts]
