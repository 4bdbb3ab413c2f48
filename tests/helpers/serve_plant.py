"""The commercial site as the tests of the service play it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd

from energy_gym.agents.base import Agent

HOURS = 6
QUICK = {"mpc_horizon_hours": HOURS, "request_attempts": 1, "request_timeout_seconds": 10.0}
MADRID = "Europe/Madrid"
SITE = """
entities:
  grid: {export_kw: 0}
  battery: {capacity_kwh: 100, charge_kw: 50, discharge_kw: 50}
  pv: {kind: solar, curtailment: limit}
  load: {kind: consumer}
contracts:
  supply:
    kind: tariff
    buy:
      bands:
        - {name: night, price_per_mwh: 100, hours: [0, 4]}
        - {name: day, price_per_mwh: 300, hours: [4, 24]}
clock: {step_minutes: 60, horizon: 24}
"""
NOON = pd.Timestamp("2024-01-01T12:00Z")


class Charges(Agent):
    """Charges at a tenth of rated power, whatever happens."""

    name = "charges"

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        return self.power(0.1)


def charges(env: Any, seed: int) -> Charges:
    """Return one that charges."""
    return Charges(env, seed)


class Weighs(Agent):
    """Stands for a learner: its power, or its level, weighs every slot of the observation."""

    name = "weighs"

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        weights = np.random.default_rng(1).normal(size=len(observation))
        return self.power(float(np.tanh(weights @ observation)))


def commercial(**keywords: Any) -> Any:
    """Return the commercial site, looking a few hours ahead."""
    told = {"split": "test", "horizon": 4 * HOURS, "disable_env_checker": True, **keywords}
    return gym.make("energy_gym/Commercial-v1", **told).unwrapped


def cycles(plant: Any, served: Any, count: int) -> list[Any]:
    """Return the plans of some intervals."""
    plans = []
    for _ in range(count):
        plans.append(served.cycle("site"))
        plant.advance()
    assert None not in plans, served.errors
    return plans


class Seen:
    """A callback that remembers what it heard."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    def planned(self, plan: Any) -> None:
        """See `Callback.planned`."""
        self.heard.append(("planned", plan.power_kw))

    def commanded(self, plan: Any, confirmed_kw: float | None) -> None:
        """See `Callback`."""
        self.heard.append(("commanded", confirmed_kw))

    def passed(self, site: str, time: Any, values: Mapping[str, Any]) -> None:
        """See `Callback.passed`."""
        self.heard.append(("passed", values["grid_kw"]))


def flat_price(now: Any) -> Any:
    """Return a price that is always the same, as a function of a site's own tells it."""
    return pd.Series(40.0, pd.date_range(now, periods=96, freq="15min"))
