"""Where scenarios come from: courses of past errors of a site's load and generation, or paths of a forecast.

One rule: nothing is read that was not known at the step; where nothing was learnt, the forecast is the one scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from energy_gym.agents.expecting import expected_units
from energy_gym.agents.net_load import Correction, NetLoad
from energy_gym.agents.site_rules import metered_kw
from energy_gym.agents.stochastic.paths import Paths
from energy_gym.arrays import Floats
from energy_gym.envs.env import EnergyEnv
from energy_gym.forecast.probabilistic import Scenarios
from energy_gym.forecast.probabilistic.protocol import checked
from energy_gym.units import Unit


class Futures(Protocol):
    """What the coming steps may bring to a site."""

    count: int

    def units(self, info: Mapping[str, Any], size: int) -> list[Unit]:
        """Return the site over the next ``size`` steps in each scenario; it is asked at every step of an episode."""


@dataclass
class Courses:
    """What is expected of load less generation, corrected by what the meter has shown, and courses of past errors.

    Args:
        env: The environment.
        correction: What was learnt of the forecast.
        paths: What was learnt of how that errs.
    """

    env: EnergyEnv
    correction: Correction
    paths: Paths
    _energy: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._net, self.count = NetLoad(self.env, self.correction), self.paths.scenarios

    def units(self, info: Mapping[str, Any], size: int) -> list[Unit]:
        """See `Futures.units`."""
        before, self._energy = self._energy, float(info["energy_kwh"])
        measured = None if before is None else metered_kw(self.env, info, before)
        net_kw = self._net.expected_kw(self.env.outlook(), measured)[:size]
        missed = self.paths.missed_kw[self._net.slots[self.env.steps_left[0]]][:, :size]
        unit = expected_units(self.env, len(net_kw))[0]
        return [replace(unit, fixed_kwh=(net_kw + row) * unit.hours) for row in missed]


@dataclass
class Told:
    """Paths of a probabilistic forecast, of prices too.

    Args:
        env: The environment.
        forecast: What is asked for paths; None: the environment's own forecast is the one path.
        count: Number of paths.
    """

    env: EnergyEnv
    forecast: Scenarios | None
    count: int

    def units(self, info: Mapping[str, Any], size: int) -> list[Unit]:
        """See `Futures.units`."""
        outlook = self.env.outlook()
        if self.forecast is None:
            return expected_units(self.env, size)
        step = self.env.setup.feed.first + self.env.steps_left[0]
        asked = self.forecast.scenarios(step, self.count, size)
        paths = checked(asked, type(self.forecast).__name__, tuple(outlook), self.count, size)
        if all(np.ptp(rows, axis=0).max() == 0.0 for rows in paths.values()):
            first = {name: rows[0] for name, rows in paths.items()}
            return expected_units(self.env, size, first) * self.count
        each = ({name: rows[place] for name, rows in paths.items()} for place in range(self.count))
        return [expected_units(self.env, size, outlook)[0] for outlook in each]


def stacked(units: list[Unit], series: str) -> Floats:
    """Return a series of units, shape (S, T)."""
    return np.stack([np.asarray(getattr(unit, series)) for unit in units])
