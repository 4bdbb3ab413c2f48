"""Nothing is left undrawn: every public field, keyword and kind in more ways than one, and their meetings.

One rule: what there is to draw is read from the package, so that a new field that nobody draws fails here.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn_meetings import MEETINGS, names_of, parts_of
from drawn_problems import Problem, a_problem

from energy_gym import Scenario
from energy_gym.bidding.making import make_bidding
from energy_gym.contracts import CONTRACTS, TimeOfUse
from energy_gym.contracts.activation import ACTIVATIONS
from energy_gym.contracts.agreement import DIRECTIONS as AGREED
from energy_gym.contracts.calendar import HOLIDAYS
from energy_gym.contracts.demand import PERIODS
from energy_gym.contracts.market import Market
from energy_gym.contracts.periods import PERIODS as BILLED
from energy_gym.contracts.reserve import DIRECTIONS
from energy_gym.contracts.supply import MATCHING
from energy_gym.contracts.trading import BIDS, DEVIATIONS, IMPACTS
from energy_gym.conversions import DAYS
from energy_gym.entities import ENTITIES
from energy_gym.entities.solar import CURTAILMENTS
from energy_gym.envs.setup import make_setup
from energy_gym.objective import OBJECTIVES, TERMINALS, Clock, Objective
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
    ("StorageTarget", "days"): tuple(DAYS),
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
