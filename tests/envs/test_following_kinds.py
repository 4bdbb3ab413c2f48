"""control="meter" with every kind of entity and contract of a site: all promises, and what the rule keeps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from drawn_contracts import a_coincidence, a_limit, a_ratchet, a_transmission, an_agreement, tiers
from drawn_dice import Dice
from drawn_entities import (
    a_battery,
    a_consumer,
    a_limited_battery,
    a_mill,
    a_plant,
    a_turbine,
    a_vehicle,
    an_ageing_battery,
    an_array,
)
from drawn_problems import series

from energy_gym import Scenario
from energy_gym.agents import make_agent
from energy_gym.backends import scalars
from energy_gym.contracts import CONTRACTS, Contract, DemandCharge, DemandWindow, Spot, Tariff
from energy_gym.entities import (
    ENTITIES,
    BackupGenerator,
    Consumer,
    Entity,
    FadingBattery,
    Grid,
    Nuclear,
    Solar,
    ThermalUnit,
    Wind,
)
from energy_gym.envs.env import EnergyEnv
from energy_gym.following import followers, following
from energy_gym.testing import check_scenario

TOLERANCE = 1e-9
STORES: dict[str, Callable[[Dice], Entity]] = {
    "battery": a_battery,
    "fading_battery": lambda dice: a_battery(dice, FadingBattery, fade_per_kwh=dice.within(0.0, 0.1)),
    "limited_battery": a_limited_battery,
    "pumped_hydro": a_plant,
    "ageing_battery": an_ageing_battery,
}
OTHERS: dict[str, Callable[[Dice], Entity]] = {
    "backup_generator": lambda dice: BackupGenerator(3.0, 0.4),
    "consumer": lambda dice: a_consumer(dice, 0.5),
    "electric_vehicle": a_vehicle,
    "grid": lambda dice: Grid(60.0, 60.0, value_of_lost_load_per_mwh=800.0),
    "nuclear": lambda dice: Nuclear(6.0, 2.0, 180.0 / dice.minutes, initial_kw=4.0),
    "run_of_river": lambda dice: a_mill(dice, "action"),
    "solar": lambda dice: Solar(curtailment="limit"),
    "solar_array": lambda dice: an_array(dice, "action"),
    "thermal_unit": lambda dice: ThermalUnit(6.0, 2.0, fuel_per_kwh=0.1, start_cost=0.2),
    "wind": lambda dice: Wind(curtailment="action"),
    "wind_turbine": lambda dice: a_turbine(dice, "limit"),
}
Made = Callable[[Dice, tuple[str, ...]], Contract]
PRICED: dict[str, Made] = {
    "spot": lambda dice, parties: Spot(),
    "tariff": lambda dice, parties: Tariff(sell="second_per_mwh"),
    "tiered_tariff": tiers,
    "purchase_agreement": an_agreement,
}
BESIDE: dict[str, Made] = {
    "demand_charge": lambda dice, parties: DemandCharge((DemandWindow("any", 0.4),), period="day"),
    "ratchet_charge": a_ratchet,
    "coincident_peak_charge": a_coincidence,
    "power_limit": a_limit,
    "transmission_charge": a_transmission,
}


def test_every_kind_of_a_site_is_here() -> None:
    own = {kind: item for kind, item in ENTITIES.items() if item.__module__.startswith("energy_gym.")}
    assert {*STORES, *OTHERS, "storage_target"} == set(own)  # a target names its store: tests/entities/test_targets.py
    metered = {kind for kind, item in CONTRACTS.items() if item.settled_by == "meter"}
    assert {kind for kind in metered if CONTRACTS[kind].__module__.startswith("energy_gym.")} == {*PRICED, *BESIDE}


def data_of(dice: Dice, steps: int) -> pd.DataFrame:
    return series(dice, pd.Timestamp("2024-03-31 20:00", tz=dice.zone), steps)


def site(dice: Dice, store: str, other: str, priced: str, beside: str) -> Scenario:
    entities = {"load": Consumer(), "pv": Solar(curtailment="limit"), store: STORES[store](dice)}
    entities |= {other: OTHERS[other](dice)}
    if other == "backup_generator":
        entities["grid"] = Grid(5.0, None)
    return Scenario("site", entities, {"supply": PRICED[priced](dice, ()), "beside": BESIDE[beside](dice, ())})


# Every kind at least once, the shorter lists gone through again.
MEETINGS = [
    (list(STORES)[place % 5], other, list(PRICED)[place % 4], list(BESIDE)[(place + place // 4) % 5])
    for place, other in enumerate(OTHERS)
]


@pytest.mark.parametrize("kinds", MEETINGS, ids="-".join)
def test_every_promise_holds(kinds: tuple[str, str, str, str]) -> None:
    dice = Dice(np.random.default_rng(7), 60, "Europe/Berlin")
    report = check_scenario(site(dice, *kinds), data_of(dice, 30), episodes=1, steps=8, control="meter")
    assert report.best_random <= 1e-6


@pytest.mark.parametrize("store", [name for name in STORES if name != "pumped_hydro"])
@pytest.mark.parametrize("seed", range(12))
def test_self_consumption_never_imports_while_it_stores_nor_exports_while_it_has_room(store: str, seed: int) -> None:
    dice = Dice(np.random.default_rng([seed, 5]), int(np.random.default_rng(seed).choice([15, 60])), "UTC")
    more: tuple[Entity, ...] = (Wind(), a_mill(dice, "none"), an_array(dice, "none"))
    entities = {"load": Consumer(), "pv": Solar(curtailment="limit"), "store": STORES[store](dice)}
    for place in range(seed % 3):
        entities[f"other{place}"] = more[(seed + place) % 3]
    scenario = Scenario("site", entities, {"supply": Tariff(feed_in_ratio=0.5)})
    env = EnergyEnv(scenario=scenario, data=data_of(dice, 96), episode_steps=None, control="meter", horizon=4)
    agent, unit = make_agent("self-consumption", env), env.setup.units[0]
    (place,) = followers(unit)
    turn, item, signals = following(unit, scalars), unit.flexibles[place], unit.signals()
    observation, info = env.reset(seed=seed)
    crossed = 0
    for signal in signals:
        action, states = agent.act(observation, info), env.states
        share = turn(states, tuple(float(wish) for wish in np.atleast_1d(action)), signal)[place]
        now = unit.nested(states)[place] if unit.remembers else states[place]
        told = signal[5][place] if len(signal) > 5 else None
        flows = [item.laws.settle(now, wish, item.cell, scalars, told) for wish in (share, 1.0, -1.0)]
        observation, _, _, _, info = env.step(action)
        meter = info["grid_kw"] * dice.minutes / 60.0
        (charged, given, _), (most, _, _), (_, least, _) = flows
        crossed += abs(meter) > TOLERANCE
        assert not (charged > TOLERANCE and meter > TOLERANCE)
        assert not (given > TOLERANCE and meter < -TOLERANCE)
        assert meter > -TOLERANCE or charged > most - TOLERANCE, "it exports and has room"
        assert meter < TOLERANCE or given > least - TOLERANCE, "it imports and has energy"
    assert crossed > 0
