"""Fleets, drawn: batteries that serve one way or both, reserves of all kinds of calls, trades, values of energy."""

from __future__ import annotations

from typing import Any

from drawn_dice import Dice

from energy_gym import Battery
from energy_gym.contracts import Contract, EmptyAt, EnergyValue, Reserve, Trade
from energy_gym.contracts.activation import (
    ActivationSeries,
    ExpectedActivation,
    FullActivation,
    NoActivation,
    RandomActivation,
)
from energy_gym.contracts.reserve import DIRECTIONS

HELD = ("a_per_mw_h", "b_per_mw_h", "c_per_mw_h")
CALLED = ("called_share", "other_share")


def an_asset(dice: Dice) -> Battery:
    low, high = dice.one(0.0, 0.2), dice.one(0.9, 1.0)
    return Battery(
        capacity_kwh=dice.within(100.0, 400.0),
        charge_kw=dice.within(40.0, 200.0),
        discharge_kw=dice.within(40.0, 200.0),
        efficiency_charge=dice.one(1.0, dice.within(0.7, 1.0)),
        efficiency_discharge=dice.one(1.0, dice.within(0.7, 1.0)),
        soc_min=low,
        soc_max=high,
        soc_initial=dice.one(low, high, dice.within(low, high)),
        self_discharge_per_day=dice.one(0.0, dice.within(0.0, 0.8)),
        wear_per_kwh=dice.one(0.0, 0.02, dice.within(0.0, 0.1)),
    )


def powers(dice: Dice, count: int, least: float = 0.0) -> tuple[float, ...]:
    """Return powers of which some are 0: the asset may not sell that; together they reach the smallest bid."""
    found = dice.random.uniform(20.0, 150.0, count) * (dice.random.random(count) < 0.7)
    if found.sum() <= least:
        found[dice.whole(0, count - 1)] = least + 50.0
    return tuple(found.tolist())


def a_call(dice: Dice) -> Any:
    lowest = dice.within(0.0, 1.0)
    chain = RandomActivation(dice.within(0.05, 0.6), dice.within(1.5, 4.0), lowest, dice.within(lowest, 1.0))
    steady = ExpectedActivation(dice.one(0.0, 0.3, dice.within(0.0, 1.0)))
    return dice.one(FullActivation(), NoActivation(), steady, chain, ActivationSeries(dice.one(*CALLED)))


def a_reserve(dice: Dice, name: str, place: int, parties: tuple[str, ...], count: int) -> Reserve:
    tick, least = dice.one(0.0, 0.0, 20.0, 12.5), dice.one(0, 0, 1, 3)
    smallest = least * (tick or 15.0)
    return Reserve(
        name,
        HELD[place],
        dice.one(*DIRECTIONS),
        powers(dice, count, max(tick, smallest)),
        duration_hours=dice.one(0.25, 0.5, 1.0, 1.5, dice.within(0.1, 2.0)),
        minimum_kw=smallest,
        tick_kw=tick,
        activation=a_call(dice),
        energy_price=dice.one(None, "price_per_mwh", "second_per_mwh"),
        penalty_per_mwh=dice.one(0.0, 150.0, dice.within(0.0, 400.0)),
        penalty_factor=dice.one(0.0, 1.0, dice.within(0.0, 3.0)),
        price_share=dice.one(1.0, 0.5, dice.within(0.0, 1.0)),
        both_ways=dice.chance(0.4),
        parties=parties,
    )


def a_fleet(
    dice: Dice, number: int = 0, alone: bool = True, most_assets: int = 3, most_markets: int = 3
) -> tuple[dict[str, Battery], dict[str, Contract]]:
    """Return assets and contracts of one fleet, their names ending in its number."""
    assets = {f"asset{number}{index}": an_asset(dice) for index in range(dice.whole(1, most_assets))}
    names = tuple(assets)
    if alone and dice.chance(0.5):
        parties: tuple[str, ...] = ()
    else:
        parties = tuple(dice.random.permutation(list(names)).tolist())
    markets = [
        a_reserve(dice, f"sold{number}{place}", place, parties, len(names))
        for place in range(dice.whole(1, most_markets))
    ]
    contracts: dict[str, Contract] = {market.name: market for market in markets}
    if dice.chance(0.6):
        name = f"{dice.one('trade', 'spot')}{number}"
        contracts[name] = Trade(name, dice.column("price"), powers(dice, len(names)), parties)
    if dice.chance(0.4):
        contracts[f"value{number}"] = EnergyValue(dice.column("price"), dice.column("carbon"), parties)
    if dice.chance(0.3):
        zone = dice.one(None, dice.zone)
        contracts[f"emptied{number}"] = EmptyAt(
            dice.one(0.0, 900.0, dice.within(0.0, 300.0)), dice.one(0.0, 6.0, float(dice.whole(0, 23))), zone, parties
        )
    return assets, contracts
