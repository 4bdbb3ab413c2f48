"""Fleets of batteries in reserve markets: what is sold, how it is dispatched to assets, and the proven optimum."""

from energy_gym.contracts.activation import ActivationSeries, FullActivation, NoActivation, RandomActivation
from energy_gym.contracts.reserve import Reserve
from energy_gym.reserve.fleet import Fleet
from energy_gym.reserve.trade import Trade

__all__ = ["ActivationSeries", "Fleet", "FullActivation", "NoActivation", "RandomActivation", "Reserve", "Trade"]
