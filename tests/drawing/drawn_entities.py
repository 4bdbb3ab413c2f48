"""Entities, drawn: stores of all kinds, loads, what makes energy, and what may be cut."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
from drawn_dice import Dice

from energy_gym import Battery
from energy_gym.entities import (
    AgeingBattery,
    Consumer,
    ElectricVehicle,
    Entity,
    FadingBattery,
    LimitedBattery,
    Nuclear,
    PumpedHydro,
    RunOfRiver,
    Solar,
    SolarArray,
    StorageTarget,
    ThermalUnit,
    Wind,
    WindTurbine,
)
from energy_gym.entities.solar import CURTAILMENTS, Source
from energy_gym.entities.thermal import Plant

MOST_LOAD_KW, MOST_MADE_KW = 4.0, 5.0
MOST_INFLOW_M3_PER_S = 1.0
LEAST_CAPACITY_KWH = 8.0  # of a vehicle: what it brings, and what it needs, is less
Points = tuple[tuple[float, float], ...]


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


def a_taper(dice: Dice, falling: bool) -> Points:
    """Return what a state of charge allows of rated power: nothing said, or less towards full (or towards empty)."""
    bend, share = dice.within(0.3, 0.8), dice.within(0.1, 0.9)
    return dice.one((), ((bend, 1.0), (1.0, share)) if falling else ((0.0, share), (bend, 1.0)))


def some_efficiencies(dice: Dice) -> Points:
    return dice.one((), ((0.5, dice.within(0.7, 1.0)), (1.0, dice.within(0.7, 1.0))))


def a_limited_battery(dice: Dice) -> LimitedBattery:
    like = a_battery(dice)
    return LimitedBattery(
        *(getattr(like, item.name) for item in fields(Battery)),
        cycles_per_day=dice.one(None, dice.within(0.1, 1.5)),
        cycles_per_year=dice.one(None, None, dice.within(0.1, 1.5)),
        day_begins=dice.one(0.0, 0.0, 4.0, float(dice.whole(1, 23))),
        charge_taper=a_taper(dice, True),
        discharge_taper=a_taper(dice, False),
        charge_efficiency=some_efficiencies(dice),
        discharge_efficiency=some_efficiencies(dice),
        fade_per_kwh=dice.one(0.0, 0.0, dice.within(0.0, 0.1)),
        fade_per_year=dice.one(0.0, 0.0, dice.within(0.0, 0.5)),
    )


def a_vehicle(dice: Dice) -> ElectricVehicle:
    return ElectricVehicle(
        capacity_kwh=dice.within(LEAST_CAPACITY_KWH, 14.0),
        charge_kw=dice.within(1.0, 12.0),
        discharge_kw=dice.one(0.0, dice.within(1.0, 9.0)),
        efficiency_charge=dice.one(1.0, dice.within(0.7, 1.0)),
        efficiency_discharge=dice.one(1.0, dice.within(0.7, 1.0)),
        reserve=dice.one(0.0, dice.within(0.0, 0.5)),
        shortfall_price_per_kwh=dice.one(0.0, dice.within(0.0, 1.5)),
        prefix=dice.one("ev", "ev", "van"),
    )


def started_anywhere(dice: Dice, store: Entity) -> Entity:
    """Return a store, which now and then starts anywhere between empty and full, outside its limits too."""
    if not dice.chance(0.2):
        return store
    start = dice.one(0.0, 1.0, dice.within(0.0, 1.0))
    return replace(store, **{"soc_initial" if isinstance(store, Battery) else "level_initial": start})  # type: ignore[arg-type]


def a_target(dice: Dice, name: str, store: Battery | PumpedHydro) -> StorageTarget:
    """Return a target of a store, of those that it may hold."""
    most = store.soc_max if isinstance(store, Battery) else store.level_max
    return StorageTarget(
        store=name,
        soc=dice.one(most, dice.within(0.05, most)),
        at=dice.one("24:00", "24:00", f"{dice.whole(0, 23):02d}:00", float(dice.whole(0, 5)), 22.0),
        days=dice.one("all", "all", "weekday", "weekend", (0, 2, 5, 6)),
        missed_price_per_kwh=dice.one(None, None, 0.0, dice.within(0.0, 1.0)),
    )


def a_plant_that_burns(dice: Dice) -> Plant:
    rated, least = dice.within(2.0, 8.0), dice.one(0.0, 0.5)
    low, ramp = least * rated, dice.one(None, dice.within(1.0, 3.0) * rated * 60.0 / dice.minutes)
    figures = (rated, low, ramp, dice.one(0.0, dice.within(0.0, 0.2)), dice.one(0.0, 450.0))
    running = dice.within(low, rated)
    if dice.chance(0.3):
        return Nuclear(*figures, running)
    return ThermalUnit(*figures, dice.one(0.0, running), dice.one(0.0, dice.within(0.0, 0.5)) if low else 0.0)


def an_ageing_battery(dice: Dice) -> AgeingBattery:
    return a_battery(
        dice,
        AgeingBattery,
        replacement_per_kwh=dice.one(300.0, dice.within(0.0, 2000.0)),
        stress_factor=dice.one(5.24e-4, dice.within(0.0, 2e-3)),
        stress_exponent=dice.one(1.0, 2.03, dice.within(1.0, 3.0)),
        segments=dice.one(1, 3, 10, dice.whole(2, 6)),
    )


def a_store(dice: Dice, calendar: bool = True) -> Entity:
    """Return a store of one of the kinds, many of them plain batteries; of those that count by a calendar if it may."""
    kind = dice.one("battery", "battery", "fading", "plant", "ageing", *(("limited",) if calendar else ()))
    if kind == "ageing":
        return an_ageing_battery(dice)
    if kind == "fading":
        return a_battery(dice, FadingBattery, fade_per_kwh=dice.one(0.0, 1e-4, dice.within(0.0, 0.2)))
    if kind == "limited":
        return a_limited_battery(dice)
    return a_plant(dice) if kind == "plant" else a_battery(dice)


def a_consumer(dice: Dice, shiftable: float | None = None) -> Consumer:
    return Consumer(
        column=dice.column("load"),
        scale=dice.within(0.3, 2.0),
        shiftable=dice.one(0.0, 0.0, dice.within(0.1, 1.0)) if shiftable is None else shiftable,
        catch_up_kw=dice.within(0.5, 5.0),
        debt_kwh=dice.within(0.5, 6.0),
    )


def a_generator(dice: Dice, kind: type[Solar] | type[Wind]) -> Source:
    """Return one whose power is a column of the data, or is worked out from the weather."""
    curtailment = dice.one(*CURTAILMENTS)
    if dice.chance(0.3):
        return an_array(dice, curtailment) if kind is Solar else dice.one(a_turbine, a_mill)(dice, curtailment)
    return kind(dice.column("solar" if kind is Solar else "wind"), dice.within(0.3, 2.0), curtailment)


def an_array(dice: Dice, curtailment: str) -> SolarArray:
    return SolarArray(
        dice.within(1.0, 6.0),
        dice.one("poa_w_per_m2", "flat_w_per_m2"),
        dice.one(None, "air_deg_c"),
        dice.one(0.0, dice.within(0.0, 0.3)),
        -dice.within(0.0, 0.006),
        dice.within(40.0, 50.0),
        dice.one(None, dice.within(1.0, 5.0)),
        curtailment,
    )


def a_turbine(dice: Dice, curtailment: str) -> WindTurbine:
    curve = ((2.0, 0.0), (dice.within(5.0, 9.0), 0.6), (12.0, 1.0), (25.0, 1.0))
    heights = dice.one(10.0, 100.0), dice.within(50.0, 150.0)
    speed = dice.one("wind_m_per_s", "gust_m_per_s")
    return WindTurbine(
        dice.within(1.0, 8.0), speed, dice.one(None, curve), *heights, dice.within(0.0, 0.3), curtailment
    )


def a_mill(dice: Dice, curtailment: str) -> RunOfRiver:
    capacity, efficiency = dice.one(None, dice.within(1.0, 4.0)), dice.within(0.6, 1.0)
    if dice.chance(0.5):
        return RunOfRiver("river_kw", None, efficiency, 0.0, capacity, curtailment)
    head, left = dice.within(0.1, 0.5), dice.one(0.0, dice.within(0.0, 0.3))
    return RunOfRiver("inflow_m3_per_s", head, efficiency, left, capacity, curtailment)


def most_made_kw(item: Source) -> float:
    """Return the most that a generator can make of the weather that is drawn."""
    if isinstance(item, Solar | Wind):
        return MOST_MADE_KW * item.scale
    return 1.3 * item.capacity_kw if isinstance(item, SolarArray) else item.capacity_kw or MOST_MADE_KW


def decides(item: Entity) -> bool:
    """Return whether an entity takes decisions."""
    stores = isinstance(item, Battery | PumpedHydro | ElectricVehicle | Plant)
    return stores or getattr(item, "shiftable", 0.0) > 0.0 or getattr(item, "curtailment", "") == "action"


def weather(random: np.random.Generator, sunny: Any) -> dict[str, Any]:
    """Return columns of the weather, from how much sun there is by step, in [0, 1]."""
    steps = len(sunny)
    return {
        "poa_w_per_m2": sunny * random.uniform(0.0, 1000.0, steps),
        "flat_w_per_m2": sunny * random.uniform(0.0, 1000.0, steps),
        "air_deg_c": random.uniform(-10.0, 35.0, steps),
        "wind_m_per_s": random.uniform(0.0, 28.0, steps),
        "gust_m_per_s": random.uniform(0.0, 16.0, steps),
        "river_kw": random.uniform(0.0, MOST_MADE_KW, steps),
        "inflow_m3_per_s": random.uniform(0.0, MOST_INFLOW_M3_PER_S, steps),
    }


def stays(random: np.random.Generator, prefix: str, steps: int, hours: float) -> dict[str, Any]:
    """Return when a vehicle is there, what it brings, and what it needs when it leaves."""
    left, arrival, need = (np.zeros(steps) for _ in range(3))
    step = int(random.integers(0, 4))
    while step < steps:
        end = min(step + int(random.integers(1, 9)), steps)
        left[step:end] = np.arange(end - step, 0, -1) * hours
        arrival[step] = random.uniform(0.0, 0.6 * LEAST_CAPACITY_KWH)
        need[step:end] = random.uniform(0.0, LEAST_CAPACITY_KWH)
        step = end + int(random.integers(0, 5))
    return {f"{prefix}_hours_left": left, f"{prefix}_arrival_kwh": arrival, f"{prefix}_need_kwh": need}
