"""Producers, drawn: markets with their gates and sizes, all penalties, bids with and without limit prices, supply."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from drawn_dice import ZONES, Dice
from drawn_entities import a_consumer, a_generator, a_plant_that_burns, a_store, a_vehicle, decides
from drawn_sites import a_grid

from energy_gym.contracts import Contract, Supply, Trading
from energy_gym.contracts.banded import Banded, DeviationBand, PiecewiseLinear
from energy_gym.contracts.clearing import LinearImpact, PriceTaker
from energy_gym.contracts.deviation import DualPrice, LinearPenalty, SinglePrice
from energy_gym.contracts.market import Ahead, Limits, LocalDay, Market
from energy_gym.contracts.supply import MATCHING
from energy_gym.contracts.trading import BIDS
from energy_gym.entities import Entity, Solar, Wind

PRICES = ("price_per_mwh", "second_per_mwh")
DEVIATIONS = ("imbalance_per_mwh", "balancing_up_per_mwh", "balancing_down_per_mwh")


def some_limits(dice: Dice, size: float) -> Limits:
    """Return sizes that a bid of ``size`` can reach."""
    tick = dice.one(0.0, 0.0, 0.5, 1.0, 0.25)
    unit = tick or dice.one(0.3, 1.0)
    least = unit * dice.one(0, 0, 1, 2)
    most = dice.one(1e6, unit * math.floor(max(size, least, unit) / unit + 1), max(least, unit))
    low = dice.one(-500.0, dice.within(-80.0, 0.0))
    return Limits(least, most, tick, low, dice.one(4000.0, dice.within(50.0, 200.0)))


def a_market(dice: Dice, place: int, size: float) -> Market:
    """Return a market whose gates fall due within hours: day ahead shortly before midnight, or some slots ahead."""
    slot = dice.one(*(slot for slot in (5, 15, 30, 60) if slot >= dice.minutes))
    limits = some_limits(dice, size)
    zone = dice.own_zone() or dice.zone
    price, window = PRICES[place % 2], dice.one(0, 0, 120)
    if dice.chance(0.3):
        deadline = f"{dice.one(0, 30)} {dice.whole(20, 23)} * * *"
        return Market(f"m{place}", price, deadline, zone, LocalDay(dice.one(1, 1, 2)), slot, window, limits)
    # Every two hours of a clock that is put back is twice within one.
    rhythms = (15, 30, 60, 120) if zone in ("UTC", "Asia/Kolkata") else (15, 30, 60)
    every = dice.one(*(minutes for minutes in rhythms if minutes >= max(slot, dice.minutes)))
    slots = dice.whole(1, every // slot)
    early = dice.one(0, 0, 5, 10) if every >= 60 else 0  # a gate that closes between two steps
    minute = (60 - early) % 60
    cron = f"*/{every} * * * *" if every < 60 else f"{minute} {'*' if every == 60 else '*/2'} * * *"
    return Market(f"m{place}", price, cron, zone, Ahead(early + slot * dice.whole(0, 3), slots), slot, window, limits)


def a_deviation(dice: Dice) -> Any:
    """Return a penalty of one of the kinds, convex or not."""
    kind = dice.whole(0, 4)
    if kind == 0:
        return LinearPenalty(dice.within(0.0, 200.0), dice.one(0.0, dice.within(0.0, 80.0)))
    if kind == 1:
        return SinglePrice(dice.one(*DEVIATIONS))
    if kind == 2:
        up, down = DEVIATIONS[1:]
        return DualPrice(*dice.one((up, down), (up, down), (down, up)))
    if kind == 3:
        ends = sorted(dice.within(0.05, 0.8) for _ in range(dice.whole(0, 2)))
        bands = [DeviationBand(end, dice.within(0.5, 1.6), dice.within(0.3, 1.3)) for end in (*ends, math.inf)]
        return Banded(dice.within(2.0, 8.0), dice.one(80.0, *DEVIATIONS), tuple(bands))
    kinks = sorted(dice.one(0.0, dice.within(-4.0, 4.0)) for _ in range(dice.whole(0, 3)))
    kinks = sorted(set(kinks))
    slopes = [dice.within(-200.0, 200.0) for _ in range(len(kinks) + 1)]
    return PiecewiseLinear(tuple(kinks), tuple(sorted(slopes) if dice.chance(0.5) else slopes))


def a_trading(dice: Dice, most_markets: int, parties: tuple[str, ...]) -> Trading:
    sell, buy = dice.within(2.0, 10.0), dice.within(2.0, 8.0)
    return Trading(
        tuple(a_market(dice, place, min(sell, buy)) for place in range(dice.one(1, 1, most_markets))),
        a_deviation(dice),
        sell,
        buy,
        dice.one(*BIDS),
        dice.one(PriceTaker(), PriceTaker(), PriceTaker(), LinearImpact(dice.within(200.0, 8000.0))),
        dice.column("carbon"),
        parties,
    )


def a_supply_contract(dice: Dice) -> Supply:
    least = dice.one(0.0, dice.within(0.0, 2.0))
    return Supply(
        price_per_mwh=dice.within(0.0, 120.0),
        min_kw=least,
        max_kw=dice.one(least, dice.within(least, 6.0), dice.within(least, 6.0)),
        shortfall_per_mwh=dice.one(0.0, 300.0, dice.within(0.0, 300.0)),
        surplus_per_mwh=dice.one(None, 0.0, dice.within(0.0, 100.0)),
        matching=dice.one(*MATCHING),
        zone=dice.one(None, *ZONES),
    )


def a_producer(dice: Dice, most_markets: int = 2, stores: int | None = None) -> tuple[dict[str, Entity], Any]:
    """Return entities and contracts of a producer."""
    entities: dict[str, Entity] = {}
    for index in range(dice.one(0, 1, 1, 1, 1, 2) if stores is None else stores):
        entities[f"store{index}"] = a_store(dice, calendar=False)
    for index in range(dice.one(0, 1, 1, 2)):
        entities[f"pv{index}"] = a_generator(dice, Solar)
    if dice.chance(0.6):
        entities["wind"] = a_generator(dice, Wind)
    entities |= {"more": dice.one(a_vehicle, a_plant_that_burns)(dice)} if dice.chance(0.2) else {}
    entities["consumer"] = a_consumer(dice, dice.one(0.0, 0.0, 0.0, dice.within(0.1, 1.0)))
    if not any(decides(item) for item in entities.values()):
        entities["store0"] = a_store(dice, calendar=False)
    supply = a_supply_contract(dice)
    if dice.chance(0.6):
        entities["grid"] = a_grid(dice, entities, supply.min_kw)
    parties = dice.one((), tuple(entities))
    contracts: dict[str, Contract] = {
        "trading": a_trading(dice, most_markets, parties),
        "supply": replace(supply, parties=parties),
    }
    return entities, contracts
