"""Sites with a meter, drawn: entities, connections, prices of all kinds, and charges on demand."""

from __future__ import annotations

from dataclasses import fields
from itertools import product
from typing import Any

from drawn_dice import Dice

from energy_gym import Battery
from energy_gym.contracts import CONTRACTS, Band, Contract, DemandCharge, DemandWindow, Spot, Tariff, TimeOfUse
from energy_gym.contracts.demand import PERIODS
from energy_gym.entities import Consumer, Entity, FadingBattery, Grid, PumpedHydro, Solar, Wind
from energy_gym.entities.solar import CURTAILMENTS

MOST_LOAD_KW, MOST_MADE_KW = 4.0, 5.0
SUMMER = (4, 5, 6, 7, 8, 9)
WINTER = (1, 2, 3, 10, 11, 12)
HOLIDAYS = ("04-01", "2024-06-15", "12-31", "2024-03-10", "2024-10-27")


def a_battery(dice: Dice, kind: type[Battery] = Battery, **more: float) -> Battery:
    low = dice.one(0.0, dice.within(0.0, 0.3))
    return kind(
        capacity_kwh=dice.within(1.0, 12.0),
        charge_kw=dice.within(0.5, 12.0),
        discharge_kw=dice.within(0.5, 12.0),
        efficiency_charge=dice.one(1.0, dice.within(0.6, 1.0)),
        efficiency_discharge=dice.one(1.0, dice.within(0.6, 1.0)),
        soc_min=low,
        soc_max=dice.one(1.0, dice.within(0.6, 1.0)),
        soc_initial=dice.one(low, dice.within(low, 0.6)),
        self_discharge_per_day=dice.one(0.0, 0.0, dice.within(0.0, 0.9)),
        wear_per_kwh=dice.one(0.0, 0.0, 0.03, dice.within(0.0, 0.3)),
        **more,
    )


def a_plant(dice: Dice) -> PumpedHydro:
    like = a_battery(dice)
    values = (getattr(like, item.name) for item in fields(Battery))
    return PumpedHydro(**dict(zip((item.name for item in fields(PumpedHydro)), values, strict=True)))


def a_store(dice: Dice) -> Entity:
    """Return a store of one of the kinds, half of them plain batteries."""
    kind = dice.one("battery", "battery", "fading", "plant")
    if kind == "fading":
        return a_battery(dice, FadingBattery, fade_per_kwh=dice.one(0.0, 1e-4, dice.within(0.0, 0.2)))
    return a_plant(dice) if kind == "plant" else a_battery(dice)


def a_consumer(dice: Dice, shiftable: float | None = None) -> Consumer:
    return Consumer(
        column=dice.column("load"),
        scale=dice.within(0.3, 2.0),
        shiftable=dice.one(0.0, 0.0, dice.within(0.1, 1.0)) if shiftable is None else shiftable,
        catch_up_kw=dice.within(0.5, 5.0),
        debt_kwh=dice.within(0.5, 6.0),
    )


def a_generator(dice: Dice, kind: type[Solar] | type[Wind]) -> Solar | Wind:
    column = dice.column("solar" if kind is Solar else "wind")
    return kind(column, dice.within(0.3, 2.0), dice.one(*CURTAILMENTS))


def a_grid(dice: Dice, entities: dict[str, Entity], loads: float = 0.0) -> Grid:
    """Return a connection that what cannot be decided fits through."""
    loads += sum(MOST_LOAD_KW * item.scale for item in entities.values() if isinstance(item, Consumer))
    made = sum(
        MOST_MADE_KW * item.scale
        for item in entities.values()
        if isinstance(item, Solar | Wind) and item.curtailment == "none"
    )
    return Grid(
        loads + dice.one(0.0, dice.within(0.1, 4.0)) if dice.chance(0.7) else None,
        made + dice.one(0.0, dice.within(0.0, 4.0)) if dice.chance(0.8) else None,
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


def tiers(dice: Dice, parties: tuple[str, ...]) -> Contract:
    """Return tiers of the month's consumption, rising, falling or both; the guide's contract with a ledger."""
    count = dice.whole(1, 3)
    prices = sorted(dice.within(0.0, 400.0) for _ in range(count))
    ordered = dice.one(prices, prices[::-1], dice.random.permutation(prices).tolist())
    limits = sorted(dice.within(0.5, 30.0) for _ in range(count - 1))
    kind = CONTRACTS["tiered_tariff"]
    return kind(tuple(ordered), tuple(limits), dice.within(-50.0, 350.0), dice.column("carbon"), parties)


def a_price(dice: Dice, low: float, high: float) -> Any:
    kind = dice.whole(0, 3)
    if kind == 0:
        return dice.within(low, high)
    return a_table(dice, low, high) if kind == 1 else dice.one("sell_per_mwh", dice.column("price"))


def a_supply(dice: Dice, parties: tuple[str, ...]) -> Contract:
    """Return prices of energy: spot, tiers, or a tariff with any price of import beside any of exports."""
    kind, carbon = dice.whole(0, 6), dice.column("carbon")
    if kind == 0:
        return Spot(dice.column("price"), carbon, parties)
    if kind == 1:
        return tiers(dice, parties)
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
        entities[f"store{number}{index}"] = a_store(dice)
    for index in range(dice.one(0, 0, 1, 1, 2)):
        entities[f"pv{number}{index}"] = a_generator(dice, Solar)
    if dice.chance(0.3):
        entities[f"wind{number}"] = a_generator(dice, Wind)
    if dice.chance(0.7):
        entities[f"load{number}"] = a_consumer(dice)
    if not any(decides(item) for item in entities.values()):
        entities[f"store{number}0"] = a_store(dice)
    if dice.chance(0.6):
        entities[f"grid{number}"] = a_grid(dice, entities)
    parties = () if alone and dice.chance(0.4) else tuple(entities)
    contracts: dict[str, Contract] = {f"supply{number}": a_supply(dice, parties)}
    for index in range(dice.one(0, 0, 1, 2) if demand else 0):
        contracts[f"demand{number}{index}"] = a_demand(dice, parties)
    return entities, contracts


def decides(item: Entity) -> bool:
    """Return whether an entity takes decisions."""
    stores = isinstance(item, Battery | PumpedHydro)
    return stores or getattr(item, "shiftable", 0.0) > 0.0 or getattr(item, "curtailment", "") == "action"
