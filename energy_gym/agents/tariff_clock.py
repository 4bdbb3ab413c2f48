"""The tariff clock: charge in the cheapest band of the day, discharge in the dearest, store the sun in between.

One rule: what is cheap and what is dear comes from the tariff's own prices of the coming day; how near to the lowest
and highest price counts, how full to charge from the grid, and whether discharging for export pays, is chosen on the
training split.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from energy_gym.agents.site_rules import SiteRule, dearness, returns
from energy_gym.arrays import Floats
from energy_gym.contracts import Tariff
from energy_gym.envs.env import EnergyEnv

CHEAP = (0.0, 0.1, 0.25, 0.5)
DEAR = (0.5, 0.75, 1.0)
FILLS = (0.0, 0.5, 1.0)


class TariffClock(SiteRule):
    """Charges where the price is cheap, discharges where it is dear, and stores PV surplus in between.

    A price is cheap (dear) where it stands at most (at least) so far between the lowest and the highest of the coming
    day. Charging runs at full power up to the state of charge ``fill``, which leaves room for the sun; discharging
    covers the load, or runs at full power where ``export`` says that selling pays too.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Microgrid-v1", split="test", episode_steps=24)
        >>> agent = TariffClock(env).fit()
        >>> 0.0 <= agent.cheap < agent.dear <= 1.0
        True
    """

    name: ClassVar[str] = "tariff-clock"
    cheap: float = 0.0
    dear: float = 1.0
    fill: float = 1.0
    export: bool = False

    def __init__(self, env: Any, seed: int = 0) -> None:
        super().__init__(env, seed)
        if not isinstance(self.site.energy, Tariff):
            raise self.refused("needs a tariff")
        if not any(self.site.energy.varying()) or self.env.setup.weights.money == 0.0:
            raise self.refused("needs a price that changes and that the objective counts")

    def meter_kw(self, net: float) -> float:
        """See `SiteRule.meter_kw`."""
        place = float(dearness(self.env, self.env.outlook()))
        return float(self._targets(place, net, self.env.states[0], self.cheap, self.dear, self.fill, self.export))

    def _targets(self, place: float, net: float, energy: Any, cheap: Any, dear: Any, fill: Any, export: Any) -> Any:
        """Return the power aimed at, at the meter [kW], for arrays of candidates, or for one."""
        lacks = np.less(energy, fill * self.battery.capacity_kwh)
        giving = np.where(export, -np.inf, min(net, 0.0))
        other = np.where(np.greater_equal(place, dear) & (place > 0.0), giving, max(net, 0.0))
        return np.where(np.less_equal(place, cheap) & (place < 1.0) & lacks, np.inf, other)

    def choose(self, train: EnergyEnv, net: Floats) -> None:
        """See `SiteRule.choose`."""
        places = dearness(train, {name: rows[:-1] for name, rows in train.setup.tape.ahead.items()})
        grid = list(itertools.product(CHEAP, DEAR, FILLS, (False, True)))
        grid = [item for item in grid if item[0] < item[1]]
        columns = tuple(np.array(column) for column in zip(*grid, strict=True))
        steps = list(zip(places.tolist(), net.tolist(), strict=True))

        def wishes(step: int, batch: Any) -> Any:
            return self.wish(self._targets(*steps[step], batch.states[0], *columns), steps[step][1])

        best = int(np.argmax(returns(train, len(grid), len(steps), wishes)))
        self.cheap, self.dear, self.fill, self.export = grid[best]

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        figures = {name: getattr(self, name) for name in ("cheap", "dear", "fill", "export")}
        return {**super().parameters(), **figures}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self.cheap, self.dear, self.fill = (float(parameters[name]) for name in ("cheap", "dear", "fill"))
        self.export = bool(parameters["export"])
