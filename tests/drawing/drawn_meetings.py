"""What can meet in a drawn problem, by name: parts that have shown faults where they stood together.

One rule: a meeting is read from what was drawn, without making the environment.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd
from drawn_dice import MINUTES
from drawn_problems import Problem

from energy_gym import Battery
from energy_gym.contracts import DemandCharge, EnergyContract, Reserve, Tariff, TimeOfUse, Trade, Trading
from energy_gym.contracts.base import keeps_ledger
from energy_gym.contracts.market import Market
from energy_gym.entities import ElectricVehicle, FadingBattery, Grid, StorageTarget
from energy_gym.entities.solar import Source
from energy_gym.entities.thermal import Plant
from energy_gym.reserve.dispatch import DISPATCHES


def parts_of(value: Any) -> Iterator[Any]:
    """Yield whatever has fields, from a scenario inwards."""
    fields = names_of(type(value))
    if fields is not None:
        yield value
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else ()
    for item in inner if fields is None else [getattr(value, name) for name in fields]:
        yield from parts_of(item)


def names_of(kind: type) -> list[str] | None:
    """Return the fields that a user may give; None for what has none."""
    if dataclasses.is_dataclass(kind):
        return [item.name for item in dataclasses.fields(kind) if item.init]
    return list(kind._fields) if hasattr(kind, "_fields") else None


def window_of(problem: Problem) -> pd.DatetimeIndex:
    """Return the local times of the steps that are surely played, where options say them; else of the frame."""
    data = problem.keywords["data"]
    if problem.options is None:
        return data.index[:0]
    start, steps = problem.options["start"], problem.options["steps"]
    return pd.date_range(start, periods=steps + 1, freq=data.index[1] - data.index[0])


def of(problem: Problem, kind: type) -> list[Any]:
    return [item for item in parts_of(problem.scenario) if isinstance(item, kind)]


def exports_dearer(problem: Problem) -> bool:
    data = problem.keywords["data"]
    values = {name: data[name].to_numpy() for name in data}
    contracts = [item for item in of(problem, EnergyContract) if item.settled_by == "meter"]
    prices = [item.prices(values, data.index.tz_convert("UTC"), str(data.index.tz)) for item in contracts]
    return any(bool((sell > buy).any()) for buy, sell in prices)


def cut_by_action(problem: Problem) -> int:
    """Return how many generators behind one limit are cut by action."""
    if not any(grid.export_kw is not None for grid in of(problem, Grid)):
        return 0
    return max(
        sum(getattr(item, "curtailment", "") == "action" for item in site.entities.values())
        for site in problem.scenario.sites()
    )


def one_way(problem: Problem) -> bool:
    sold = of(problem, Reserve)
    ways = {item.direction for item in sold}
    return bool(sold) and len(ways) == 1 and not of(problem, Trade)


def convex(problem: Problem) -> set[bool]:
    return {bool(item.deviation.convex) for item in of(problem, Trading)}


MEETINGS: dict[str, Callable[[Problem], bool]] = {
    **{f"steps of {minutes} min": lambda p, m=minutes: step_minutes(p) == m for minutes in MINUTES},
    "an hour that comes twice": lambda p: shift_of(p) < 0,
    "an hour that is left out": lambda p: shift_of(p) > 0,
    "several days": lambda p: len(set(window_of(p).date)) > 1,
    "more than a day": lambda p: p.steps * step_minutes(p) > 1440,
    "a month's end": lambda p: len(set(window_of(p).month)) > 1,
    "a start within the frame": lambda p: len(window_of(p)) > 0 and window_of(p)[0] > p.keywords["data"].index[1],
    "steps played before": lambda p: p.played > 0,
    "a start outside the limits": lambda p: any(item.starts_outside for item in of(p, Battery)),
    "a target that is always met": lambda p: any(item.hard for item in of(p, StorageTarget)),
    "a target at a price": lambda p: any(item.missed_price_per_kwh for item in of(p, StorageTarget)),
    "a target behind a limit": lambda p: bool(of(p, StorageTarget)) and any(g.import_kw for g in of(p, Grid)),
    "prices below zero": lambda p: bool((p.keywords["data"]["price_per_mwh"] < 0.0).any()),
    "exports dearer than imports": exports_dearer,
    "net metering": lambda p: any(item.feed_in_ratio for item in of(p, Tariff)),
    "time of use": lambda p: bool(of(p, TimeOfUse)),
    "a ledger": lambda p: any(keeps_ledger(item) for item in p.scenario.contracts.values()),
    "a demand charge on levels": lambda p: bool(of(p, DemandCharge)) and p.levels > 0,
    "demand charges on power": lambda p: len(of(p, DemandCharge)) > 1 and not p.levels,
    "two generators cut by action at one limit": lambda p: cut_by_action(p) > 1,
    "limits by time where load is shed": lambda p: any(
        not isinstance(item.import_kw, float | None) and item.value_of_lost_load_per_mwh is not None
        for item in of(p, Grid)
    ),
    "a load that can be shifted": lambda p: any(getattr(i, "shiftable", 0.0) for i in p.scenario.entities.values()),
    "fading": lambda p: any(item.fade_per_kwh > 0.01 for item in of(p, FadingBattery)),
    "leaks and wear at once": lambda p: any(i.self_discharge_per_day and i.wear_per_kwh for i in of(p, Battery)),
    "several sites": lambda p: p.kind == "meter" and len(p.scenario.sites()) > 1,
    "a site beside a fleet": lambda p: p.kind == "mixed",
    "a producer behind limits": lambda p: p.kind == "producer" and bool(of(p, Grid)),
    "a producer that cuts": lambda p: p.kind == "producer" and any(i.curtailment != "none" for i in of(p, Source)),
    "a producer with several stores": lambda p: p.kind == "producer" and len(of(p, Battery)) > 1,
    "several markets": lambda p: any(len(item.markets) > 1 for item in of(p, Trading)),
    "a penalty that is not convex": lambda p: False in convex(p),
    "limit prices beside a moved price": lambda p: any(moved(i) and i.priced for i in of(p, Trading)),
    "volumes alone beside a moved price": lambda p: any(moved(i) and not i.priced for i in of(p, Trading)),
    "slots of several steps": lambda p: any(item.slot_minutes > step_minutes(p) for item in of(p, Market)),
    "choices of a producer": lambda p: p.kind == "producer" and p.levels > 0,
    "bids of a fleet in levels": lambda p: p.kind == "fleet" and p.levels > 0,
    "assets that serve one way": one_way,
    "a reserve shorter than a step": lambda p: any(60 * i.duration_hours < step_minutes(p) for i in of(p, Reserve)),
    "a reserve longer than a step": lambda p: any(60 * i.duration_hours > step_minutes(p) for i in of(p, Reserve)),
    "a smallest bid above its tick": lambda p: any(i.minimum_kw > i.tick_kw > 0.0 for i in of(p, Reserve)),
    **{f"dispatch {name}": lambda p, n=name: p.keywords.get("dispatch") == n for name in DISPATCHES},
    **{f"{count} levels": lambda p, c=count: p.levels == c for count in (3, 5, 7)},
    "every kind by its own id": lambda p: p.id != "energy_gym/Scenario-v1",
    "producers by Scenario-v1": lambda p: p.kind == "producer" and p.id == "energy_gym/Scenario-v1",
    "a producer that burns fuel": lambda p: p.kind == "producer" and bool(of(p, Plant)),
    "storage begun elsewhere": lambda p: bool(p.begins.get("soc_initial")),
    "a vehicle that gives back": lambda p: any(item.discharge_kw for item in of(p, ElectricVehicle)),
    "power at the meter": lambda p: p.keywords.get("control") == "meter",
    "fleets by Scenario-v1": lambda p: p.kind == "fleet" and p.id == "energy_gym/Scenario-v1",
}


def step_minutes(problem: Problem) -> float:
    index = problem.keywords["data"].index
    return float((index[1] - index[0]).total_seconds() / 60.0)


def shift_of(problem: Problem) -> float:
    """Return by how much the clock is put forward within the window [s]."""
    times = window_of(problem)
    return 0.0 if not len(times) else (times[-1].utcoffset() - times[0].utcoffset()).total_seconds()


def moved(trading: Trading) -> bool:
    return type(trading.impact).__name__ == "LinearImpact"
