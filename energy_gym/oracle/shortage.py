"""Load that is missing at a unit's meter, in a solver's model: a backup generator makes it, or it is not served.

One rule: what a step does not do is ruled out, however much it would pay.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.contracts.spot import energy_cost
from energy_gym.modelling import Model, positive_part
from energy_gym.scenario import Weights
from energy_gym.units import Unit

TOLERANCE_KWH = 1e-7


def served(
    model: Model, unit: Unit, metered: tuple[Any, Floats], drawn: list[Any], weights: Weights
) -> tuple[Any, Any, Any]:
    """State what of the load is missing at the meter; return the energy there, what the missing costs, and its carbon.

    It is made by a backup generator, or not served.

    Args:
        model: The model.
        unit: The unit over the window.
        metered: Energy at the meter with all load, and the most that can go out, shape (T,) [kWh].
        drawn: What each controlled entity draws.
        weights: What money and carbon count.

    One binary a step (1: some is not served) rules out what the step does not do: leaving load unserved while more can
    be imported, or while anything is drawn by decision.
    """
    net, most_out = metered
    most = np.minimum(np.maximum(unit.fixed_kwh - unit.import_kwh, 0.0), unit.most_lacking_kwh)
    short = model.variable(0.0, most)
    net, could = net - short, most > 0.0
    limit = np.broadcast_to(unit.import_kwh, most.shape)
    slack = limit + np.maximum(most_out, 0.0)
    draws = [
        (one, np.broadcast_to(item.draw_kwh, most.shape))
        for one, item in zip(drawn, unit.flexibles, strict=True)
        if not isinstance(one, float | int)
    ]

    def rows(lost: Any, at: Any) -> list[tuple[Any, Any]]:
        lost, at = lost[could[at]], at[could[at]]
        full = (limit[at] - slack[at] * (1.0 - lost), net[at])
        none = [(one[at], rated[at] * (1.0 - lost)) for one, rated in draws]
        return [(short[at], most[at] * lost), full, *none]

    def broken(value: Any) -> Any:
        tolerance = TOLERANCE_KWH * model.scale
        needless = value(net) < limit - tolerance
        for one, _ in draws:
            needless = needless | (value(one) > tolerance)
        return could & (value(short) > tolerance) & needless

    if could.any():
        model.choose(rows, broken)
    return net, *_rescued(model, unit, short, most, weights)


def _rescued(model: Model, unit: Unit, short: Any, most: Floats, weights: Weights) -> tuple[Any, Any]:
    """State what a backup generator makes of what is missing; return what all of it costs [currency], and carbon [kg].

    A binary rules out that it makes less than it can, where losing load would be the cheaper.
    """
    backup, lost = unit.backup, energy_cost(1.0, unit.lost_load_per_mwh or 0.0)
    if backup is None:
        return short * lost, 0.0
    beyond: Any = 0.0
    if unit.sheds:
        saved = weights.money * (backup.fuel_per_kwh - lost) + weights.carbon * backup.carbon_kg_per_kwh
        rest, rated = most - backup.most_kwh, backup.most_kwh
        beyond = positive_part(model, short - rated, rest, rated, exact=saved > 0.0)
    made = short - beyond
    return beyond * lost + made * backup.fuel_per_kwh, made * backup.carbon_kg_per_kwh
