"""Sites with a meter, drawn: entities, connections, prices of all kinds, and charges on demand."""

from __future__ import annotations

from itertools import product
from typing import Any

from drawn_contracts import KINDS, SUPPLIES
from drawn_dice import Dice
from drawn_entities import (
    MOST_LOAD_KW,
    a_consumer,
    a_generator,
    a_plant_that_burns,
    a_store,
    a_target,
    a_vehicle,
    decides,
    most_made_kw,
    started_anywhere,
)

from energy_gym.contracts import Band, Contract, DemandCharge, DemandWindow, Spot, Tariff, TimeOfUse
from energy_gym.contracts.demand import PERIODS
from energy_gym.entities import BackupGenerator, Consumer, Entity, Grid, Solar, Wind
from energy_gym.entities.schedule import PowerWindow
from energy_gym.entities.solar import Source

SUMMER = (4, 5, 6, 7, 8, 9)
WINTER = (1, 2, 3, 10, 11, 12)
HOLIDAYS = ("04-01", "2024-06-15", "12-31", "2024-03-10", "2024-10-27")


def a_grid(dice: Dice, entities: dict[str, Entity], loads: float | None = None) -> Grid:
    """Return a connection that what cannot be decided fits through.

    What a producer supplies beside its loads comes with them; a site may leave load unserved at a price.
    """
    lost = dice.one(None, None, None, dice.within(0.0, 4000.0)) if loads is None else None
    loads = (loads or 0.0) + sum(MOST_LOAD_KW * item.scale for item in entities.values() if isinstance(item, Consumer))
    made = sum(
        most_made_kw(item) for item in entities.values() if isinstance(item, Source) and item.curtailment == "none"
    )
    export_kw = made + dice.one(0.0, dice.within(0.0, 4.0)) if dice.chance(0.8) else None
    if lost is not None:
        return Grid(loads * dice.one(0.0, dice.within(0.2, 1.0)), export_kw, lost)
    return Grid(loads + dice.one(0.0, dice.within(0.1, 4.0)) if dice.chance(0.7) else None, export_kw)


def a_fuse(dice: Dice, grid: Grid) -> Grid:
    """Return a connection that not all load may fit through, or that of an island; at times as it was."""
    if grid.import_kw is None or dice.chance(0.75):
        return grid
    fuse_kw, price = dice.one(0.0, dice.within(0.0, grid.import_kw)), dice.one(0.0, dice.within(0.0, 200.0), 5000.0)
    return Grid(fuse_kw, grid.export_kw, price)


def by_time(dice: Dice, grid: Grid, entities: dict[str, Entity]) -> Grid:
    """Return a connection whose limits change with time, as far as all that must fit still does; at times as it was."""
    if dice.chance(0.6):
        return grid
    sheds = grid.value_of_lost_load_per_mwh is not None
    import_kw: Any = grid.import_kw
    export_kw: Any = grid.export_kw
    if import_kw is not None:
        import_kw = dice.one("limit_kw", some_windows(dice, 0.0)) if sheds else some_windows(dice, import_kw)
    makes = any(isinstance(item, Source) and item.curtailment == "none" for item in entities.values())
    if export_kw is not None:
        export_kw = some_windows(dice, export_kw) if makes else dice.one("other_limit_kw", some_windows(dice, 0.0))
    return Grid(import_kw, export_kw, grid.value_of_lost_load_per_mwh)


def with_backup(dice: Dice, number: int, grid: Grid) -> dict[str, Entity]:
    """Return a connection, and perhaps a generator for what it lacks; at times no more is lacking than that makes."""
    found: dict[str, Entity] = {f"grid{number}": grid}
    if grid.import_kw is None or dice.chance(0.6):
        return found
    rated = dice.within(0.5, 8.0)
    if isinstance(grid.import_kw, float) and grid.value_of_lost_load_per_mwh is None:
        found[f"grid{number}"] = Grid(max(grid.import_kw - dice.one(0.0, 0.9) * rated, 0.0), grid.export_kw)
    fuel, carbon = dice.one(0.0, 0.4, dice.within(0.0, 3.0)), dice.one(0.0, 700.0)
    found[f"genset{number}"] = BackupGenerator(rated, fuel, carbon)
    return found


def some_windows(dice: Dice, least_kw: float) -> tuple[PowerWindow, ...]:
    spans: tuple[Any, ...] = (((0.0, 24.0),), ((16.0, 20.0),), ((22.0, 6.0), (12.0, 14.0)))
    dates: tuple[Any, ...] = ((), (), (("2024-01-01", "2024-06-15"),))
    count = dice.one(1, 1, 2)
    return tuple(
        PowerWindow(least_kw + dice.within(0.0, 4.0), dice.one(*spans), dice.one(*dates)) for _ in range(count)
    )


def _hours(dice: Dice) -> list[tuple[tuple[float, float], ...]]:
    """Return spans that cover the day once: all of it, or a part and the rest, over midnight or not."""
    if dice.chance(0.2):
        return [((0.0, 24.0),)]
    begin, end = sorted(dice.random.choice(24, 2, replace=False).tolist())
    rest = ((float(end), 24.0), (0.0, float(begin))) if begin else ((float(end), 24.0),)
    return [((float(begin), float(end)),), rest]


def a_table(dice: Dice, low: float, high: float) -> TimeOfUse:
    """Return prices by hours, and perhaps by months, weekdays and holidays."""
    months = dice.one((tuple(range(1, 13)),), (SUMMER, WINTER))
    days = dice.one(("all",), ("weekday", "weekend"), ((0, 1, 2, 5), (3, 4, 6)))
    special = dice.chance(0.3)
    usual = "never" if special else "as-days"
    parts = [(*part, usual) for part in product(_hours(dice), months, days)]
    parts += [(((0.0, 24.0),), tuple(range(1, 13)), "all", "only")] if special else []
    bands = [Band(f"b{place}", dice.within(low, high), *part) for place, part in enumerate(parts)]
    return TimeOfUse(tuple(bands), dice.own_zone(), HOLIDAYS if special or dice.chance(0.2) else ())


def a_price(dice: Dice, low: float, high: float) -> Any:
    kind = dice.whole(0, 3)
    if kind == 0:
        return dice.within(low, high)
    return a_table(dice, low, high) if kind == 1 else dice.one("sell_per_mwh", dice.column("price"))


def a_supply(dice: Dice, parties: tuple[str, ...]) -> Contract:
    """Return prices of energy: spot, tiers, an agreement, or a tariff with any prices of imports and exports."""
    kind, carbon = dice.whole(0, 6), dice.column("carbon")
    if kind == 0:
        return Spot(dice.column("price"), carbon, parties)
    if kind == 1:
        return dice.one(*SUPPLIES)(dice, parties)
    buy = a_price(dice, -50.0, 300.0)
    if kind == 2:
        return Tariff(buy, None, dice.within(0.0, 1.0), carbon, parties)
    sell = dice.one(None, a_price(dice, -150.0, 250.0), a_price(dice, 50.0, 250.0))
    return Tariff(buy, sell, None, carbon, parties)


def a_window(dice: Dice, name: str) -> DemandWindow:
    return DemandWindow(
        name,
        dice.one(0.0, dice.within(0.0, 0.6), dice.within(0.0, 0.6)),
        dice.one(*_hours(dice), ((0.0, 24.0),)),
        dice.one(tuple(range(1, 13)), SUMMER, WINTER),
        dice.one("all", "weekday", "weekend", (0, 4, 6)),
        dice.one("as-days", "as-days", "only", "never"),
    )


def a_demand(dice: Dice, parties: tuple[str, ...]) -> DemandCharge:
    windows = tuple(a_window(dice, name) for name in ("early", "late", "any")[: dice.whole(1, 3)])
    holidays = HOLIDAYS if dice.chance(0.5) else ()
    period = dice.one(*PERIODS)
    return DemandCharge(windows, period, dice.own_zone(), holidays, parties)


def a_site(
    dice: Dice, number: int, demand: bool = True, stores: int | None = None, alone: bool = False
) -> tuple[dict[str, Entity], dict[str, Contract]]:
    """Return entities and contracts of one meter, their names ending in its number.

    Where it is ``alone`` in its scenario, contracts need not say whose they are.
    """
    entities: dict[str, Entity] = {}
    for index in range(dice.one(0, 1, 1, 1, 2) if stores is None else stores):
        entities[f"store{number}{index}"] = started_anywhere(dice, a_store(dice))
    for index, name in enumerate(list(entities) if dice.chance(0.3) else ()):
        for more in range(dice.one(1, 1, 2)):
            entities[f"aim{number}{index}{more}"] = a_target(dice, name, entities[name])
    for index in range(dice.one(0, 0, 1, 1, 2)):
        entities[f"pv{number}{index}"] = a_generator(dice, Solar)
    if dice.chance(0.3):
        entities[f"wind{number}"] = a_generator(dice, Wind)
    if dice.chance(0.7):
        entities[f"load{number}"] = a_consumer(dice)
    entities |= {f"more{number}": dice.one(a_vehicle, a_plant_that_burns)(dice)} if dice.chance(0.25) else {}
    if not any(decides(item) for item in entities.values()):
        entities[f"store{number}0"] = a_store(dice)
    if dice.chance(0.6):
        entities |= with_backup(dice, number, by_time(dice, a_fuse(dice, a_grid(dice, entities)), entities))
    parties = () if alone and dice.chance(0.4) else tuple(entities)
    contracts: dict[str, Contract] = {f"supply{number}": a_supply(dice, parties)}
    for index in range(dice.one(0, 0, 1, 2) if demand else 0):
        contracts[f"demand{number}{index}"] = a_demand(dice, parties)
    for index in range(dice.one(0, 0, 0, 1, 2) if demand else 0):
        contracts[f"more{number}{index}"] = dice.one(*KINDS)(dice, parties)
    return entities, contracts
