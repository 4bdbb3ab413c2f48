"""Problems, drawn: a scenario of any kind, series that fit it, keywords of ``gym.make``, and a moment to start from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
from drawn_beginnings import a_beginning
from drawn_dice import COLUMNS, MINUTES, MOMENTS, ZONES, Dice
from drawn_entities import MOST_LOAD_KW, MOST_MADE_KW, a_battery, a_plant, decides, stays, weather
from drawn_fleets import CALLED, HELD, a_fleet
from drawn_producers import DEVIATIONS, a_producer
from drawn_sites import a_site

from energy_gym import Battery, Objective, Scenario
from energy_gym.contracts.trading import BIDS
from energy_gym.entities import PumpedHydro, StorageTarget
from energy_gym.envs.setup import CONTROLS
from energy_gym.errors import ConfigurationError
from energy_gym.objective import OBJECTIVES, TERMINALS, Clock
from energy_gym.reserve.dispatch import DISPATCHES

KINDS = ("meter", "meter", "meter", "producer", "producer", "fleet", "fleet", "mixed")
IDS = {"producer": "energy_gym/Bidding-v1", "fleet": "energy_gym/FleetReserve-v1"}
COMPOSED = "energy_gym/Scenario-v1"
SPAN_HOURS = 54  # a gate of the evening that commits the day after tomorrow delivers into so many
ALWAYS = ("price_per_mwh", "carbon_g_per_kwh", "load_kw")
REFUSED = ("always to be met", "at a hard target")
"""What is said of hard targets that cannot surely be met."""
FORECASTS = ("published", "perfect", "yesterday", "mean", "noise")


@dataclass(frozen=True)
class Problem:
    """What is to be solved.

    Args:
        seed: What it was drawn with.
        kind: ``"meter"``, ``"producer"``, ``"fleet"`` or ``"mixed"``.
        id: Id of the environment.
        keywords: Those of ``gym.make``.
        options: Those of ``reset``; None where the episode is the one that the keywords give.
        played: Steps that are played before it is solved.
        steps: Steps that are left then.
        levels: Levels of a control; 0 where power is continuous.
        begins: Options of ``reset`` that say where storage begins, if not as the scenario says.
    """

    seed: int
    kind: str
    id: str
    keywords: dict[str, Any] = field(repr=False)
    options: dict[str, Any] | None
    played: int
    steps: int
    levels: int
    begins: dict[str, Any] = field(default_factory=dict)

    @property
    def scenario(self) -> Scenario:
        scenario: Scenario = self.keywords.get("scenario") or self.keywords["fleet"]
        return scenario


def series(dice: Dice, start: pd.Timestamp, steps: int) -> pd.DataFrame:
    """Return prices of both signs, calls, carbon, sun, wind and loads."""
    random, index = dice.random, pd.date_range(start, periods=steps, freq=f"{dice.minutes}min")
    sunny = np.clip(np.sin((index.hour.to_numpy() - 6) * np.pi / 12.0), dice.one(0.0, 0.2), None)
    dear = dice.one(30.0, 30.0, 80.0)
    columns = {name: random.normal(dear, 80.0, steps) for name in COLUMNS["price"]}
    columns["sell_per_mwh"] = random.normal(20.0, 70.0, steps)
    columns |= {name: random.normal(dear, 60.0, steps) for name in DEVIATIONS}
    columns |= {name: random.uniform(0.0, 700.0, steps) for name in COLUMNS["carbon"]}
    columns |= {name: sunny * random.uniform(0.0, MOST_MADE_KW, steps) for name in COLUMNS["solar"]}
    columns |= {
        name: random.uniform(0.0, MOST_MADE_KW, steps) * (random.random(steps) < 0.8) for name in COLUMNS["wind"]
    }
    columns |= {name: random.uniform(0.0, MOST_LOAD_KW, steps) for name in COLUMNS["load"]}
    columns |= {name: random.uniform(-5.0, 60.0, steps) for name in HELD}
    columns |= {name: random.uniform(0.0, 1.0, steps) * (random.random(steps) < 0.5) for name in CALLED}
    columns |= {name: 1.0 * (random.random(steps) < 0.2) for name in ("peak_share", "other_peak_share")}
    columns |= {name: random.uniform(0.0, MOST_LOAD_KW, steps) for name in ("limit_kw", "other_limit_kw")}
    columns |= weather(random, np.minimum(sunny, 1.0))
    for prefix in ("ev", "van"):
        columns |= stays(random, prefix, steps, dice.minutes / 60.0)
    whole = dice.chance(0.2)  # ties: many plans are worth the same
    return pd.DataFrame(
        {name: np.round(part, -1) if whole and "per_mwh" in name else part for name, part in columns.items()}, index
    )


def a_kind(dice: Dice, kind: str, levels: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return entities and contracts of a scenario; few controls where levels are tried out."""
    if kind == "producer":
        return a_producer(dice, 1 if levels else 2, 1 if levels and dice.chance(0.8) else None)
    entities: dict[str, Any] = {}
    contracts: dict[str, Any] = {}
    parts = []
    if kind in ("meter", "mixed"):
        sites = 1 if levels or kind == "mixed" else dice.one(1, 1, 1, 2, 3)
        stores = 1 if levels and dice.chance(0.6) else None
        parts += [a_site(dice, number, stores=stores, alone=sites == 1 and kind == "meter") for number in range(sites)]
    if kind in ("fleet", "mixed"):
        few = 1 if levels or kind == "mixed" else 3
        parts.append(a_fleet(dice, 0, kind == "fleet", 3 if kind == "fleet" and not levels else 2, few))
    for more in parts:
        entities, contracts = entities | more[0], contracts | more[1]
    return entities, contracts


def controls_of(entities: dict[str, Any], contracts: dict[str, Any]) -> int:
    """Return roughly how many decisions a step has: what levels are tried out over."""
    own = sum(decides(item) for name, item in entities.items() if not name.startswith("asset"))
    return own + sum(name.startswith(("sold", "trade", "spot")) for name in contracts)


def a_length(dice: Dice, kind: str, levels: int, controls: int) -> int:
    """Return the steps to be solved: as many as can be tried out, or a few hours, or, seldom, a day and more."""
    if levels and kind == "producer":
        return dice.whole(2, 3)
    if levels:
        return max(1, {3: 6, 5: 4, 7: 3}[levels] // max(controls, 1))
    if dice.chance(0.04) and kind != "fleet":
        return 30
    return dice.whole(4, 6) if kind in ("fleet", "mixed") else dice.whole(6, 10)


def an_objective(dice: Dice, kind: str) -> Objective:
    price = dice.one(0.0, 100.0, dice.within(10.0, 300.0))
    refused = dice.one(0.0, 0.0, dice.within(0.0, 2.0)) if kind == "meter" else 0.0
    aim, terminal = dice.one("cost", *OBJECTIVES), dice.one(*TERMINALS)
    weights = dice.one(1.0, 1.0, dice.within(0.1, 2.0)), dice.one(1.0, 1.0, 0.0, dice.within(0.0, 4.0))
    return Objective(aim, price, terminal, refused, *weights)


def a_problem(seed: int, discrete: float = 0.15) -> Problem:
    """Draw a problem; about that share of them has discrete levels."""
    random = np.random.default_rng(seed)
    zone = str(random.choice(ZONES))
    dice = Dice(random, int(random.choice(MINUTES)), zone)
    kind = dice.one(*KINDS)
    levels = dice.one(3, 3, 5, 7) if dice.chance(discrete) else 0
    entities, contracts = a_kind(dice, kind, levels)
    controls = controls_of(entities, contracts)
    if levels and kind != "producer" and controls > 2:
        levels = 3 if controls <= 4 else 0
    steps, played = a_length(dice, kind, levels, controls), dice.one(0, 0, 1, 2)
    before, after = dice.one(0, 12), dice.whole(1, 4)
    start = pd.Timestamp(dice.one(*MOMENTS[zone]), tz=zone) + pd.Timedelta(minutes=60 * dice.whole(0, 4))
    start -= before * pd.Timedelta(minutes=dice.minutes)
    least = SPAN_HOURS * 60 // dice.minutes if kind == "producer" else 0
    data = series(dice, start, max(before + played + steps + after, least))
    clock = Clock(dice.one(None, dice.minutes), dice.one(None, 3), dice.one(None, played + steps))
    scenario = Scenario(f"drawn {seed}", entities, contracts, clock, an_objective(dice, kind))
    text = scenario.to_yaml()
    used = [name for name in data if name in ALWAYS or name in text or f"prefix: {name.split('_')[0]}\n" in text]
    data = data[used]
    keywords, options = _keywords(dice, kind, data, scenario, (before, played + steps))
    if levels:
        keywords["actions"] = f"discrete-{levels}"
    name = COMPOSED if kind not in IDS or dice.chance(0.5) else IDS[kind]
    if name == IDS["fleet"] and dice.chance(0.5):
        keywords["fleet"] = keywords.pop("scenario")
    if dice.chance(0.4):
        keywords["history"] = dice.whole(0, min(before or played + steps, 4))
    drawn = Problem(seed, kind, name, keywords, options, played, steps, levels)
    if (keywords.get("terminal") or scenario.objective.terminal) == "cyclic" and not brings_back(drawn):
        keywords["terminal"] = "buyback"
    if any(isinstance(item, StorageTarget) and item.hard for item in entities.values()) and not holds_targets(drawn):
        keywords["scenario"] = softened(dice, scenario)
    if dice.chance(0.15):
        keywords |= {"lookahead": "compact", "horizon": dice.whole(10, 14)}
    return drawn if kind == "producer" else replace(drawn, begins=a_beginning(seed, scenario, keywords))


def _keywords(
    dice: Dice, kind: str, data: pd.DataFrame, scenario: Scenario, window: tuple[int, int]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return keywords, and options of ``reset``, that give the window of so many steps after so many others."""
    before, steps = window
    keywords: dict[str, Any] = {"data": data, "scenario": scenario, "horizon": dice.one(1, 2, 5)}
    keywords |= _said(dice, data, before) | _aimed(dice, kind) | _replaced(dice, kind, scenario)
    if kind in ("fleet", "mixed"):
        keywords["dispatch"] = dice.one("direct", "direct", "proportional", *DISPATCHES)
        keywords["activation_seed"] = dice.whole(0, 9)
    step, begin = data.index[1] - data.index[0], data.index[before]
    if dice.chance(0.1):
        keywords |= {"data": data.set_axis(data.index + step, axis=0), "stamps": "end"}
    way = dice.whole(0, 3)
    if way == 0:
        return keywords | {"episode_steps": None, "period": (begin, begin + steps * step)}, None
    if way == 1:
        return keywords | {"episode_steps": steps}, None
    keywords["episode_steps"] = dice.one("default", None, "week", 2)
    return keywords, {"start": begin, "steps": steps}


def _said(dice: Dice, data: pd.DataFrame, before: int) -> dict[str, Any]:
    """Return what is said of the frame, and which part of it is played."""
    said: dict[str, Any] = {"forecast": dice.one(*FORECASTS)}
    if dice.chance(0.5):
        said["published"] = dice.one("day-ahead 13:00", "at-start", {"price_per_mwh": "always", "load_kw": "after"})
    if dice.chance(0.3) or (dice.zone == "UTC" and said.get("published") == "day-ahead 13:00"):
        said["zone"] = str(dice.zone)
    if dice.chance(0.2):
        said["reference"] = data
    if before and dice.chance(0.4):
        edge, end = data.index[before], data.index[-1] + (data.index[1] - data.index[0])
        said |= {"splits": {"train": (data.index[0], edge), "test": (edge, end)}, "split": "test"}
    return said


def _aimed(dice: Dice, kind: str) -> dict[str, Any]:
    """Return keywords in place of parts of the objective."""
    refused = dice.one(None, None, dice.within(0.0, 2.0)) if kind == "meter" else dice.one(None, 0.0)
    return {
        name: value
        for name, value in (
            ("objective", dice.one(None, None, *OBJECTIVES)),
            ("carbon_price", dice.one(None, dice.within(0.0, 200.0))),
            ("terminal", dice.one(None, None, *TERMINALS)),
            ("refused_per_kwh", refused),
            ("price_weight", dice.one(None, None, dice.within(0.1, 2.0))),
            ("wear_weight", dice.one(None, None, 0.0, dice.within(0.0, 4.0))),
        )
        if value is not None
    }


def _replaced(dice: Dice, kind: str, scenario: Scenario) -> dict[str, Any]:
    """Return keywords in place of parts of the scenario."""
    entities = scenario.entities.values()
    batteries = [item for item in entities if isinstance(item, Battery)]
    found: dict[str, Any] = {}
    if kind in ("meter", "mixed") and followed(scenario) and dice.chance(0.6):
        found["control"] = dice.one(*CONTROLS)
    if kind == "meter" and len(batteries) == 1 and dice.chance(0.2):
        aimed = any(isinstance(item, StorageTarget) for item in entities)
        found["battery"] = replace(a_battery(dice), soc_max=1.0) if aimed else a_battery(dice)
    if kind == "producer" and len([item for item in entities if isinstance(item, Battery | PumpedHydro)]) == 1:
        found |= {"storage": dice.one(a_battery(dice), a_plant(dice))} if dice.chance(0.2) else {}
    if kind == "producer" and dice.chance(0.2):
        found["bids"] = dice.one(*BIDS)
    return found


def followed(scenario: Scenario) -> bool:
    """Return whether a battery stands at a meter that shows anything else."""
    for site in scenario.sites():
        if site.settled_by != "meter":
            continue
        items = list(site.entities.values())
        follows = any(isinstance(item, Battery | PumpedHydro) for item in items)
        if follows and (sum(map(decides, items)) > 1 or any(item.columns() for item in items)):
            return True
    return False


def holds_targets(problem: Problem) -> bool:
    """Return whether all hard targets of a problem can surely be met."""
    try:
        gym.make(problem.id, disable_env_checker=True, **problem.keywords)
    except ConfigurationError as error:
        if any(words in str(error) for words in REFUSED):
            return False
        raise
    return True


def softened(dice: Dice, scenario: Scenario) -> Scenario:
    """Return a scenario whose targets are all soft."""
    entities = {
        name: replace(item, missed_price_per_kwh=dice.one(0.0, dice.within(0.0, 1.0)))
        if isinstance(item, StorageTarget)
        else item
        for name, item in scenario.entities.items()
    }
    return replace(scenario, entities=entities)


def brings_back(problem: Problem) -> bool:
    """Return whether all storage of a problem can surely be brought back to where it started."""
    if problem.kind != "meter":
        return False
    try:
        gym.make(problem.id, disable_env_checker=True, **problem.keywords)
    except ConfigurationError as error:
        if any(words in str(error) for words in ("terminal='cyclic'", *REFUSED)):
            return False
        raise
    return True
