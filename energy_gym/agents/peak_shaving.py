"""Peak shaving: keep the import of each demand window below a target, and recharge below it while energy is not dear.

One rule: the targets are chosen on the training split alone, by playing candidates; in play only what the meter has
already shown can raise them.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from energy_gym.agents.site_rules import Floats, SiteRule, dearness, returns
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ResetNeededError

MOST_CANDIDATES = 512
MOST_LEVELS = 12
LOWEST_SHARE = 0.3


class PeakShaving(SiteRule):
    """Discharges what the load draws beyond a target for each demand window; recharges below the target.

    A maximum that the period has already seen is paid, so charging may go up to it; where energy is at its dearest of
    the coming day, discharging goes down to the target all the same, and nothing is recharged but PV surplus.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Commercial-v0", split="test", episode_steps=96)
        >>> agent = PeakShaving(env)
        >>> agent.targets_kw = (150.0, 250.0, 250.0)  # peak, valley, night; `fit` chooses them
        >>> observation, info = env.reset(seed=0)
        >>> agent.act(observation, info).shape
        (1,)
    """

    name: ClassVar[str] = "peak-shaving"
    targets_kw: tuple[float, ...] | None = None

    def __init__(self, env: Any, seed: int = 0) -> None:
        super().__init__(env, seed)
        unit = self.env.setup.units[0]
        if not unit.registers or self.env.setup.weights.money == 0.0:
            raise self.refused("needs a demand charge that the objective counts")
        self._active = [tuple(column) for column in (unit.active > 0.0).T.tolist()]

    def battery_kw(self, net: float) -> float:
        """See `SiteRule.battery_kw`.

        Raises:
            ResetNeededError: The targets are not known.
        """
        if self.targets_kw is None:
            raise ResetNeededError("peak-shaving agent", "has no targets yet", "call fit() first")
        step = self.env.steps_left[0]
        peaks = (
            self.env.states[1 : 1 + len(self.targets_kw)]
            if not self._begins(self.env, step)
            else (0.0,) * len(self.targets_kw)
        )
        place = float(dearness(self.env, self.env.outlook()))
        return float(self._powers(place, net, self._active[step], self.targets_kw, peaks))

    @staticmethod
    def _begins(env: Any, step: int) -> bool:
        """Return whether a billing period begins with a step, so that what was seen before is no longer paid."""
        return bool(env.setup.units[0].fresh[:, step].any())

    def _powers(self, place: float, net: float, active: tuple[bool, ...], targets: Any, peaks: Any) -> Any:
        """Return the power asked of the battery [kW] for arrays of candidates, or for one."""
        aim: Any = np.inf
        paid: Any = np.inf
        for counts, target, peak in zip(active, targets, peaks, strict=True):
            if counts:
                aim, paid = np.minimum(aim, target), np.minimum(paid, np.maximum(target, peak))
        if place >= 1.0:
            return np.where(net > aim, aim - net, max(-net, 0.0))
        return np.maximum(np.minimum(paid - net, self.battery.charge_kw), -self.battery.discharge_kw)

    def choose(self, train: EnergyEnv, net: Floats) -> None:
        """See `SiteRule.choose`."""
        unit = train.setup.units[0]
        levels = min(MOST_LEVELS, max(2, int(MOST_CANDIDATES ** (1.0 / unit.registers) + 1e-9)))
        highest = [float(np.max(net[row > 0.0], initial=0.0)) for row in unit.active]
        shares = np.linspace(LOWEST_SHARE, 1.0, levels)
        grid = list(itertools.product(*[(shares * peak).tolist() for peak in highest]))
        targets = tuple(np.array(column) for column in zip(*grid, strict=True))
        active = [tuple(column) for column in (unit.active > 0.0).T.tolist()]
        places = np.broadcast_to(
            dearness(train, {name: rows[:-1] for name, rows in train.setup.tape.ahead.items()}), (len(net),)
        ).tolist()
        expected = net.tolist()

        def wishes(step: int, batch: Any) -> Any:
            peaks = batch.states[1 : 1 + len(targets)] if not self._begins(train, step) else (0.0,) * len(targets)
            return self.share(self._powers(places[step], expected[step], active[step], targets, peaks))

        self.targets_kw = grid[int(np.argmax(returns(train, len(grid), len(net), wishes)))]

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        targets = None if self.targets_kw is None else list(self.targets_kw)
        return {**super().parameters(), "targets_kw": targets}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        targets = parameters["targets_kw"]
        self.targets_kw = None if targets is None else tuple(float(target) for target in targets)
