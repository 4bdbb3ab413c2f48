"""Where storage of a drawn problem begins, where that is not where its scenario says."""

from __future__ import annotations

from typing import Any

import numpy as np
from drawn_dice import Dice

from energy_gym import Battery, Scenario
from energy_gym.entities import Entity, PumpedHydro


def a_beginning(seed: int, scenario: Scenario, keywords: dict[str, Any]) -> dict[str, Any]:
    """Return an option of ``reset`` with states of charge of some stores, or of all at once; as a rule none.

    It is drawn with a chance of its own, so that problems are the same with it and without.
    """
    dice = Dice(np.random.default_rng([seed, 2]), 60, "UTC")
    terminal = keywords.get("terminal") or scenario.objective.terminal
    limits = {name: found for name, item in scenario.entities.items() if (found := limits_of(item, keywords))}
    if terminal == "cyclic" or not limits or not dice.chance(0.25):
        return {}
    if dice.chance(0.3):
        low, high = max(low for low, _ in limits.values()), min(high for _, high in limits.values())
        return {"soc_initial": dice.within(low, high)} if low <= high else {}
    asked = {name: dice.one(low, high, dice.within(low, high)) for name, (low, high) in limits.items()}
    return {"soc_initial": {name: soc for name, soc in asked.items() if dice.chance(0.7)}}


def limits_of(item: Entity, keywords: dict[str, Any]) -> tuple[float, float] | None:
    """Return the least and the most state of charge of what stores energy."""
    if isinstance(item, PumpedHydro):
        return item.level_min, item.level_max
    if isinstance(item, Battery):
        played = keywords.get("battery", item)
        return played.soc_min, played.soc_max
    return None
