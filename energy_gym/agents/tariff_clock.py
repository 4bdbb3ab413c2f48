"""The tariff clock: charge in the cheapest band of the day, discharge in the dearest, store the sun in between.

One rule: what is cheap and what is dear comes from the tariff's own prices of the coming day; how near to the lowest
and highest price counts, and whether discharging for export pays, is chosen on the training split.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from energy_gym.agents.site_rules import Floats, SiteRule, dearness, returns
from energy_gym.contracts import Tariff
from energy_gym.envs.env import EnergyEnv

CHEAP = (0.0, 0.1, 0.25, 0.5)
DEAR = (0.5, 0.75, 0.9, 1.0)


class TariffClock(SiteRule):
    """Charges at full power where the price is cheap, and discharges where it is dear; else it stores PV surplus.

    A price is cheap (dear) where it stands at most (at least) so far between the lowest and the highest of the coming
    day. Discharging covers the load, or runs at full power where ``export`` says that selling pays too.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Microgrid-v0", split="test", episode_steps=24)
        >>> agent = TariffClock(env).fit()
        >>> 0.0 <= agent.cheap < agent.dear <= 1.0
        True
    """

    name: ClassVar[str] = "tariff-clock"
    cheap: float = 0.0
    dear: float = 1.0
    export: bool = False

    def __init__(self, env: Any, seed: int = 0) -> None:
        super().__init__(env, seed)
        if not isinstance(self.site.energy, Tariff):
            raise self.refused("needs a tariff")
        if not any(self.site.energy.varying()) or self.env.setup.weights.money == 0.0:
            raise self.refused("needs a price that changes and that the objective counts")

    def battery_kw(self, net: float) -> float:
        """See `SiteRule.battery_kw`."""
        place = float(dearness(self.env, self.env.outlook()))
        return float(self._powers(place, net, self.cheap, self.dear, self.export))

    def _powers(self, place: float, net: float, cheap: Any, dear: Any, export: Any) -> Any:
        """Return the power asked of the battery [kW] for arrays of candidates, or for one."""
        surplus = max(-net, 0.0)
        giving = np.where(export, self.battery.discharge_kw, max(net, 0.0))
        other = np.where(np.greater_equal(place, dear) & (place > 0.0), -giving, surplus)
        return np.where(np.less_equal(place, cheap) & (place < 1.0), self.battery.charge_kw, other)

    def choose(self, train: EnergyEnv, net: Floats) -> None:
        """See `SiteRule.choose`."""
        places = dearness(train, {name: rows[:-1] for name, rows in train.setup.tape.ahead.items()})
        grid = list(itertools.product(CHEAP, DEAR, (False, True)))
        grid = [item for item in grid if item[0] < item[1]]
        cheap, dear, export = (np.array(column) for column in zip(*grid, strict=True))
        steps = list(zip(places.tolist(), net.tolist(), strict=True))
        earned = returns(
            train, len(grid), len(steps), lambda step, _: self.share(self._powers(*steps[step], cheap, dear, export))
        )
        self.cheap, self.dear, self.export = grid[int(np.argmax(earned))]

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        return {**super().parameters(), "cheap": self.cheap, "dear": self.dear, "export": self.export}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self.cheap, self.dear = float(parameters["cheap"]), float(parameters["dear"])
        self.export = bool(parameters["export"])
