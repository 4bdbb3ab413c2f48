"""Forecasts that know what they do not know: paths of what may come, drawn from what was known at a step.

One rule: a path holds what is known wherever it is known; elsewhere paths differ as far as the past says they may.
"""

from energy_gym.forecast.probabilistic.protocol import Scenarios
from energy_gym.forecast.probabilistic.registry import make_scenarios, scenario_ids

__all__ = ["Scenarios", "make_scenarios", "scenario_ids"]
