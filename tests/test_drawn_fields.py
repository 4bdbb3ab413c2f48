"""Nothing is left undrawn: every public field, keyword and kind in more ways than one, and their meetings.

One rule: what there is to draw is read from the package, so that a new field that nobody draws fails here.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn_dice import MINUTES
from drawn_problems import Problem, a_problem

from energy_gym import Battery, Scenario
from energy_gym.bidding.making import make_bidding
from energy_gym.contracts import CONTRACTS, DemandCharge, EnergyContract, Reserve, Tariff, TimeOfUse, Trade, Trading
from energy_gym.contracts.activation import ACTIVATIONS
from energy_gym.contracts.agreement import DIRECTIONS as AGREED
from energy_gym.contracts.base import keeps_ledger
from energy_gym.contracts.calendar import DAYS, HOLIDAYS
from energy_gym.contracts.demand import PERIODS
from energy_gym.contracts.market import Market
from energy_gym.contracts.periods import PERIODS as BILLED
from energy_gym.contracts.reserve import DIRECTIONS
from energy_gym.contracts.supply import MATCHING
from energy_gym.contracts.trading import BIDS, DEVIATIONS, IMPACTS
from energy_gym.entities import ENTITIES, FadingBattery, Grid
from energy_gym.entities.solar import CURTAILMENTS, Source
from energy_gym.envs.setup import make_setup
from energy_gym.objective import OBJECTIVES, TERMINALS, Clock, Objective
from energy_gym.reserve.dispatch import DISPATCHES
from energy_gym.reserve.setup import make_fleet_setup
from energy_gym.scenarios.composition import make_mixed

COUNT = 600
Drawn = dict[tuple[str, str], list[Any]]
MAKERS = {"meter": make_setup, "producer": make_bidding, "fleet": make_fleet_setup, "mixed": make_mixed}
# Keywords that name what others have measured or composed: they have tests of their own.
NAMED = ("dataset", "preset")
WORDS = {
    "curtailment": CURTAILMENTS,
    "matching": MATCHING,
    "bids": BIDS,
    "terminal": TERMINALS,
}
"""Fields that hold one of a few words, every one of which must be drawn."""
WORDS_OF = {
    ("Objective", "kind"): OBJECTIVES,
    ("Reserve", "direction"): DIRECTIONS,
    ("DemandCharge", "period"): PERIODS,
    ("TieredTariff", "period"): BILLED,
    ("PurchaseAgreement", "period"): BILLED,
    ("PurchaseAgreement", "direction"): AGREED,
    ("RatchetCharge", "days"): tuple(DAYS),
    ("PowerLimit", "days"): tuple(DAYS),
    **{(kind, "days"): tuple(DAYS) for kind in ("Band", "DemandWindow")},
    **{(kind, "holidays"): HOLIDAYS for kind in ("Band", "DemandWindow")},
}
"""The same for fields whose names others have too."""


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    return [a_problem(seed) for seed in range(COUNT)]


@pytest.fixture(scope="module")
def drawn(problems: list[Problem]) -> Drawn:
    """Every value of every field that was drawn, by class and field."""
    found: Drawn = defaultdict(list)
    for problem in problems:
        for item in parts_of(problem.scenario):
            found[type(item).__name__, ""].append(item)
            for name in names_of(type(item)):
                found[type(item).__name__, name].append(getattr(item, name))
    return found


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


def kinds() -> set[type]:
    """Return all classes that a scenario may be made of: those of the registers, and of the hints of their fields."""
    registers = (ENTITIES, CONTRACTS, DEVIATIONS, IMPACTS, ACTIVATIONS)
    own = [kind for register in registers for kind in register.values() if kind.__module__.startswith("energy_gym.")]
    found: set[type] = set()
    waiting = [Scenario, *own]
    while waiting:
        kind = waiting.pop()
        if kind in found or names_of(kind) is None:
            continue
        found.add(kind)
        hints = typing.get_type_hints(kind)
        waiting += [inner for name in names_of(kind) or [] for inner in classes_in(hints[name])]
    bases = {kind for kind in found if kind.__subclasses__() and kind not in registers_of_all(registers)}
    return found - bases


def registers_of_all(registers: tuple[Mapping[str, type], ...]) -> set[type]:
    return {kind for register in registers for kind in register.values()} | {Scenario}


def classes_in(hint: Any) -> Iterator[type]:
    if isinstance(hint, type) and not typing.get_args(hint):
        yield hint
    for inner in typing.get_args(hint):
        yield from classes_in(inner)


def defaults_of(kind: type) -> dict[str, Any]:
    """Return the plain defaults of a class's fields."""
    if dataclasses.is_dataclass(kind):
        return {item.name: item.default for item in dataclasses.fields(kind)}
    return dict(kind._field_defaults)


def different(values: list[Any]) -> int:
    return len({repr(value) for value in values})


def test_every_class_and_every_field_is_drawn(drawn: Drawn) -> None:
    """In two ways at least; where nothing is a default, both nothing and something."""
    missing = []
    for kind in kinds():
        if not drawn[kind.__name__, ""]:
            missing.append(kind.__name__)
        for name in names_of(kind) or []:
            values, default = drawn[kind.__name__, name], defaults_of(kind).get(name, dataclasses.MISSING)
            empty = default in (None, 0.0, ()) and default is not False
            if different(values) < 2 or (empty and not any(value == default for value in values)):
                missing.append(f"{kind.__name__}.{name}")
    assert not missing


def test_every_word_is_drawn(drawn: Drawn) -> None:
    missing = []
    for (kind, name), values in drawn.items():
        words = WORDS_OF.get((kind, name), WORDS.get(name, ()))
        missing += [f"{kind}.{name}={word!r}" for word in words if word not in values]
    assert not missing


def test_every_keyword_is_drawn(problems: list[Problem]) -> None:
    missing = []
    for kind, maker in MAKERS.items():
        given = [problem.keywords for problem in problems if problem.kind == kind]
        known = [name for name in inspect.signature(maker).parameters if name not in NAMED]
        values = {name: [keywords.get(name, "not given") for keywords in given] for name in known}
        missing += [f"{kind}: {name}=" for name in known if different(values[name]) < 2]
    assert not missing


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
    "prices below zero": lambda p: bool((p.keywords["data"]["price_per_mwh"] < 0.0).any()),
    "exports dearer than imports": exports_dearer,
    "net metering": lambda p: any(item.feed_in_ratio for item in of(p, Tariff)),
    "time of use": lambda p: bool(of(p, TimeOfUse)),
    "a ledger": lambda p: any(keeps_ledger(item) for item in p.scenario.contracts.values()),
    "a demand charge on levels": lambda p: bool(of(p, DemandCharge)) and p.levels > 0,
    "demand charges on power": lambda p: len(of(p, DemandCharge)) > 1 and not p.levels,
    "two generators cut by action at one limit": lambda p: cut_by_action(p) > 1,
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
    "every kind by its own id": lambda p: p.id != "energy_gym/Scenario-v0",
    "producers by Scenario-v0": lambda p: p.kind == "producer" and p.id == "energy_gym/Scenario-v0",
    "fleets by Scenario-v0": lambda p: p.kind == "fleet" and p.id == "energy_gym/Scenario-v0",
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


def test_whatever_can_meet_meets(problems: list[Problem]) -> None:
    counts = {name: sum(bool(test(problem)) for problem in problems) for name, test in MEETINGS.items()}
    assert not [name for name, count in counts.items() if not count]


def test_a_tenth_of_the_problems_and_more_has_levels(problems: list[Problem]) -> None:
    by_levels = Counter(bool(problem.levels) for problem in problems)
    assert by_levels[True] >= 0.1 * COUNT
    assert np.isclose(sum(by_levels.values()), COUNT)


def test_the_same_seed_draws_the_same_problem() -> None:
    one, two = a_problem(7), a_problem(7)
    assert one.scenario == two.scenario
    pd.testing.assert_frame_equal(one.keywords["data"], two.keywords["data"])


def test_what_is_drawn_is_read_from_hints_as_well() -> None:
    assert {Clock, Objective, Market, TimeOfUse} <= kinds()
