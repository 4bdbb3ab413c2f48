"""Fleets of batteries in reserve markets: what is sold, how it is dispatched to assets, and the proven optimum.

``Fleet(batteries={...}, markets=(...))`` composes a `energy_gym.Scenario` of batteries and named reserve contracts.
"""

from energy_gym.contracts.activation import (
    ActivationSeries,
    ExpectedActivation,
    FullActivation,
    NoActivation,
    RandomActivation,
)
from energy_gym.contracts.emptied import EmptyAt
from energy_gym.contracts.fleet import EnergyValue
from energy_gym.contracts.reserve import Reserve
from energy_gym.contracts.trade import Trade
from energy_gym.scenario import Scenario

Fleet = Scenario.fleet

__all__ = [
    "ActivationSeries",
    "EmptyAt",
    "EnergyValue",
    "ExpectedActivation",
    "Fleet",
    "FullActivation",
    "NoActivation",
    "RandomActivation",
    "Reserve",
    "Trade",
]
