"""The site of a producer: its generators, storage and consumer, whose energy the meter prices at nothing.

One rule: energy that crosses the meter is worth what contracts say of it, never a price of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.contracts.supply import SupplyTerms
from energy_gym.entities import Consumer
from energy_gym.units import Unit


def demand_kwh(entities: Mapping[str, Any], values: Mapping[str, Floats], hours: float) -> Floats:
    """Return the demand of the consumer by step [kWh], shape (T,).

    Args:
        entities: The entities of the site, one consumer among them.
        values: Columns of the data, each of shape (T,).
        hours: Length of a step [h].
    """
    consumer = next(item for item in entities.values() if isinstance(item, Consumer))
    fixed: Floats = consumer.fixed_kw(values) * hours
    return fixed


def at_no_price(unit: Unit, demand: Floats, terms: SupplyTerms) -> Unit:
    """Return a unit whose consumer takes what its contract says, and whose energy is worth what contracts say of it."""
    nothing = np.zeros(len(unit))
    return replace(unit, buy=nothing, sell=nothing, fixed_kwh=unit.fixed_kwh - demand + terms.base_kwh)
