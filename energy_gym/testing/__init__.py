"""The contract test of a scenario: ours, and those of others."""

from energy_gym.testing.check import check_scenario
from energy_gym.testing.report import Report

__all__ = ["Report", "check_scenario"]
