"""Contracts with ledgers drawn at random, for whatever site they are to settle: each function draws one kind.

One rule: what is drawn is accepted by the site it is drawn for; `KINDS` lists all that may stand beside any supply.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from drawn_dice import Dice

from energy_gym import Battery, Objective, Scenario
from energy_gym.contracts import (
    CoincidentPeakCharge,
    Contract,
    DemandCharge,
    DemandWindow,
    PowerLimit,
    PurchaseAgreement,
    RatchetCharge,
    Spot,
    Tariff,
    TieredTariff,
    TransmissionCharge,
)
from energy_gym.contracts.agreement import DIRECTIONS
from energy_gym.contracts.periods import PERIODS
from energy_gym.entities import Consumer, Entity, Grid, Solar

Random = np.random.Generator
Parties = tuple[str, ...]


def a_ratchet(dice: Dice, parties: Parties) -> Contract:
    months = dice.one(0, 1, 2, 11, 12)
    begin = float(dice.whole(0, 17))
    return RatchetCharge(
        dice.one(dice.within(0.0, 0.6), tuple(dice.random.uniform(0.0, 0.6, 12).tolist())),
        share=dice.one(0.0, 0.35, 1.0, dice.within(0.0, 1.0)),
        months=months,
        hours=dice.one(((0.0, 24.0),), ((begin, begin + 6.0),), ((begin + 6.0, begin),)),
        days=dice.one("all", "weekday", "weekend", (0, 4, 6)),
        so_far_kw=dice.one(0.0, dice.within(0.0, 6.0)),
        earlier_kw=tuple(dice.random.uniform(0.0, 9.0, dice.whole(0, months)).tolist()),
        zone=dice.own_zone(),
        parties=parties,
    )


def tiers(dice: Dice, parties: Parties) -> Contract:
    """Return tiers of a period's consumption, rising, falling or both."""
    count = dice.whole(1, 3)
    prices = sorted(dice.within(0.0, 400.0) for _ in range(count))
    return TieredTariff(
        tuple(dice.one(prices, prices[::-1], dice.random.permutation(prices).tolist())),
        tuple(sorted(dice.within(0.5, 30.0) for _ in range(count - 1))),
        dice.one(0.0, dice.within(-50.0, 350.0)),
        period=dice.one(*PERIODS),
        so_far_kwh=dice.one(0.0, dice.within(0.0, 20.0)),
        zone=dice.own_zone(),
        carbon=dice.column("carbon"),
        parties=parties,
    )


def a_coincidence(dice: Dice, parties: Parties) -> Contract:
    """Return a charge at hours of the evening before and the morning after the moments that series lie around."""
    named = dice.minutes > 60 or dice.chance(0.5)
    days = ("2024-03-30", "2024-03-31", "2024-04-01", "2024-10-26", "2024-06-14", "2024-12-31", "2024-08-31")
    times = tuple(f"{day} {hour}:00" for day in days for hour in (11, 22, 23))
    return CoincidentPeakCharge(
        dice.one(0.0, dice.within(0.0, 2.0), dice.within(0.0, 2.0)),
        () if named else times,
        dice.one("peak_share", "other_peak_share") if named else None,
        None if named and dice.minutes > 60 else dice.one(None, 60.0),
        dice.zone if dice.chance(0.3) else None,
        parties,
    )


def an_agreement(dice: Dice, parties: Parties) -> Contract:
    least = dice.one(0.0, dice.within(0.0, 40.0))
    return PurchaseAgreement(
        dice.one(*DIRECTIONS),
        dice.one(dice.within(20.0, 300.0), dice.column("price")),
        dice.one(0.0, dice.within(-50.0, 200.0), dice.column("price")),
        least,
        dice.one(None, least + dice.within(1.0, 30.0)),
        dice.one(dice.within(0.0, 300.0), 150.0) if least else dice.one(None, 50.0),
        dice.one(0.0, dice.within(0.0, 300.0)),
        dice.one(*PERIODS),
        dice.one(0.0, dice.within(0.0, 20.0)),
        dice.own_zone(),
        dice.column("carbon"),
        parties,
    )


def a_limit(dice: Dice, parties: Parties) -> Contract:
    begin = float(dice.whole(0, 17))
    least = dice.one("limit_kw", "other_limit_kw", dice.within(0.0, 6.0))
    return PowerLimit(
        dice.one(0.0, dice.within(0.0, 900.0), dice.within(0.0, 900.0)),
        *dice.one((least, None), (None, least), (least, dice.within(0.0, 4.0)), (0.0, least), ("limit_kw", "limit_kw")),
        hours=dice.one(((0.0, 24.0),), ((begin, begin + 6.0),), ((begin + 6.0, begin),)),
        months=dice.one(tuple(range(1, 13)), (3, 4, 6, 8, 10, 12)),
        days=dice.one("all", "weekday", "weekend", (0, 4, 6)),
        zone=dice.own_zone(),
        parties=parties,
    )


def a_transmission(dice: Dice, parties: Parties) -> Contract:
    rates = dice.one((dice.within(0.1, 90.0), 0.0), (0.0, dice.within(0.1, 90.0)), (dice.within(0.1, 90.0), 5.0))
    return TransmissionCharge(*rates, parties=parties)


KINDS = (a_ratchet, a_coincidence, a_limit, a_transmission)
SUPPLIES = (tiers, an_agreement)
WHOLE: dict[str, Any] = {"hours": ((0.0, 24.0),), "zone": None}
"""What fits steps of whole days."""


def with_contracts(random: Random, scenario: Scenario, minutes: int = 60) -> Scenario:
    """Return a scenario with one to three contracts more at each meter, and another supply now and then."""
    contracts, dice = dict(scenario.contracts), Dice(random, minutes, "UTC" if minutes > 60 else "Europe/Berlin")
    for number, site in enumerate(scenario.sites()):
        parties = tuple(site.entities)
        if random.random() < 0.4:
            supply = next(name for name, item in site.contracts.items() if item is site.energy)
            contracts[supply] = SUPPLIES[random.integers(len(SUPPLIES))](dice, parties)
        for index in range(int(random.integers(1, 4))):
            contracts[f"more{number}{index}"] = KINDS[random.integers(len(KINDS))](dice, parties)
    contracts = {name: replace(item, parties=_parties(scenario, name, item)) for name, item in contracts.items()}
    return replace(scenario, contracts=contracts)


def _parties(scenario: Scenario, name: str, contract: Any) -> Parties:
    return contract.parties or tuple(scenario.entities)


def a_site(seed: int) -> Scenario:
    """Return a small site of one meter: one control or two, a load, sun, limits now and then, and any prices."""
    random = np.random.default_rng(seed)
    entities: dict[str, Entity] = {"battery": _a_battery(random)}
    if random.random() < 0.5:
        entities["pv"] = Solar(scale=float(random.uniform(0.3, 2.0)), curtailment=str(random.choice(["none", "limit"])))
    if random.random() < 0.7:
        shiftable = float(random.choice([0.0, 0.5]))
        entities["load"] = Consumer(scale=float(random.uniform(0.3, 2.0)), shiftable=shiftable)
    if random.random() < 0.5:
        entities["grid"] = Grid(8.0 + float(random.uniform(0.1, 4.0)), 10.0)
    supplies = (
        Spot(),
        Tariff(feed_in_ratio=float(random.uniform(0.0, 1.0))),
        Tariff(float(random.uniform(-50.0, 200.0)), float(random.uniform(-150.0, 250.0))),
    )
    contracts: dict[str, Contract] = {"supply": supplies[random.integers(3)]}
    if random.random() < 0.3:
        contracts["demand"] = DemandCharge((DemandWindow("any", float(random.uniform(0.0, 0.5))),))
    terminal = str(random.choice(["settle", "cyclic", "free"]))
    kind = str(random.choice(["cost", "cost", "carbon", "joint"]))
    return Scenario(f"contracts {seed}", entities, contracts, objective=Objective(kind, 100.0, terminal))


def _a_battery(random: Random) -> Battery:
    return Battery(
        capacity_kwh=float(random.uniform(1.0, 12.0)),
        charge_kw=float(random.uniform(0.5, 8.0)),
        discharge_kw=float(random.uniform(0.5, 8.0)),
        efficiency_charge=float(random.choice([1.0, random.uniform(0.6, 1.0)])),
        soc_initial=float(random.uniform(0.1, 0.8)),
        wear_per_kwh=float(random.choice([0.0, 0.0, 0.03])),
    )


def a_frame(seed: int, steps: int, minutes: int = 60) -> pd.DataFrame:
    """Return steps around the moment at which the first quarter of 2024 ends, in local time."""
    random = np.random.default_rng(1000 + seed)
    width = pd.Timedelta(minutes=minutes)
    zone = "Europe/Berlin" if minutes <= 60 else "UTC"  # where clocks are changed, days have no one length
    index = pd.date_range(pd.Timestamp("2024-04-01", tz=zone) - steps // 2 * width, periods=steps, freq=width)
    columns = {
        "price_per_mwh": random.normal(30.0, 80.0, steps),
        "second_per_mwh": random.normal(30.0, 80.0, steps),
        "peak_share": (random.random(steps) < 0.2) * 1.0,
        "other_peak_share": random.random(steps) * (random.random(steps) < 0.3),
        "carbon_g_per_kwh": random.uniform(0.0, 700.0, steps),
        "other_g_per_kwh": random.uniform(0.0, 700.0, steps),
        "limit_kw": random.uniform(0.0, 5.0, steps),
        "other_limit_kw": random.uniform(-2.0, 4.0, steps),
        "pv_kw": random.uniform(0.0, 5.0, steps) * (random.random(steps) < 0.6),
        "load_kw": random.uniform(0.0, 4.0, steps),
    }
    return pd.DataFrame(columns, index)


def a_problem(seed: int, minutes: int = 60) -> Scenario:
    """Return a site with contracts more; where steps are whole days, all hours count."""
    drawn = with_contracts(np.random.default_rng(50_000 + seed), a_site(seed), minutes)
    if minutes <= 60:
        return drawn
    whole: dict[str, Any] = {
        name: replace(item, **{key: value for key, value in WHOLE.items() if hasattr(item, key)})  # type: ignore[type-var]
        for name, item in drawn.contracts.items()
    }
    return replace(drawn, contracts=whole)
