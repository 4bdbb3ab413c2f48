"""Peak shaving: keep the import of each demand window below a target, and recharge below it while energy is not dear.

One rule: a target is a share of the highest power that its window has shown in the last week or is forecast to show in
the coming day; the shares are chosen on the training split alone, by playing candidates.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from energy_gym.agents.site_rules import SiteRule, dearness, net_kw, returns
from energy_gym.arrays import Floats
from energy_gym.conversions import HOURS_PER_DAY
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ResetNeededError

MOST_CANDIDATES = 128
HEADROOMS = (0.05, 0.2, 0.4)
MOST_LEVELS = 12
LOWEST_SHARE = 0.4
WEEK = 7


class _Moment(NamedTuple):
    """What is known of a step: where its price stands in the day, and of each demand window (K,) ...

    ... the highest power of its last week or coming day [kW], whether it is open now, and whether its billing period
    begins now, so that what was seen before is no longer paid.
    """

    dearness: float
    highest_kw: list[float]
    open: list[bool]
    begins: list[bool]


class PeakShaving(SiteRule):
    """Discharges what the load draws beyond the targets of the demand windows; recharges below them.

    A maximum that the period has already seen is paid: charging may go up to it, but for a share of it kept as
    ``headroom`` for what the forecast misses; the load may go up to it too, unless ``deep`` keeps it down to the target
    all the same. Where energy is at its dearest of the coming day, nothing but PV surplus is recharged.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Commercial-v1", split="test", episode_steps=96)
        >>> agent = PeakShaving(env)
        >>> agent.shares = (0.6, 0.8, 0.9)  # of peak, valley and night; `fit` chooses them
        >>> observation, info = env.reset(seed=0)
        >>> agent.act(observation, info).shape
        (1,)
    """

    name: ClassVar[str] = "peak-shaving"
    shares: tuple[float, ...] | None = None
    deep: bool = False
    headroom: float = HEADROOMS[0]

    def __init__(self, env: Any, seed: int = 0) -> None:
        super().__init__(env, seed)
        if not self.env.setup.units[0].registers or self.env.setup.weights.money == 0.0:
            raise self.refused("needs a demand charge that the objective counts")
        self.reset()

    def reset(self) -> None:
        """See `Agent.reset`."""
        super().reset()
        unit = self.env.setup.units[0]
        self._week, self._seen = np.zeros((WEEK * _day(self.env), unit.registers)), 0

    def remember(self, measured_kw: float) -> None:
        """See `SiteRule.remember`."""
        active = self.env.setup.units[0].active[:, self.env.steps_left[0] - 1]
        self._week[self._seen % len(self._week)] = measured_kw * active
        self._seen += 1

    def meter_kw(self, net: float) -> float:
        """See `SiteRule.meter_kw`.

        Raises:
            ResetNeededError: The shares are not known.
        """
        if self.shares is None:
            raise ResetNeededError("peak-shaving agent", "has no targets yet", "call fit() first")
        step, ahead = self.env.steps_left[0], self.env.outlook()
        rows = {name: row[None] for name, row in ahead.items()}
        (moment,) = self._moments(self.env, rows, step, self._week.max(axis=0)[None])
        return float(
            self._targets(moment, net, self.shares, self.deep, self.headroom, self.env.states[1 : 1 + len(self.shares)])
        )

    def _moments(self, env: EnergyEnv, ahead: Mapping[str, Floats], first: int, shown: Floats) -> Iterator[_Moment]:
        """Yield what is known of the steps from ``first`` on.

        Their look-ahead rows are given, each (steps, horizon), and what each window has shown in the last week [kW],
        (steps, windows).
        """
        unit, count = env.setup.units[0], len(shown)
        day = min(_day(env), env.setup.tape.horizon)
        forecast = net_kw(self.site, {name: rows[:, :day] for name, rows in ahead.items()}) + np.zeros((count, day))
        places = np.broadcast_to(dearness(env, ahead), (count,)).tolist()
        for row, step in enumerate(range(first, first + count)):
            coming = unit.active[:, step : step + day]
            highest = np.maximum(shown[row], (forecast[row, : coming.shape[1]] * coming).max(axis=1))
            yield _Moment(
                places[row], highest.tolist(), (coming[:, 0] > 0.0).tolist(), (unit.fresh[:, step] > 0.0).tolist()
            )

    def _targets(self, moment: _Moment, net: float, shares: Any, deep: Any, headroom: Any, peaks: Any) -> Any:
        """Return the power aimed at, at the meter [kW], for arrays of candidates, or for one."""
        aim: Any = np.inf
        paid: Any = np.inf
        for counts, begins, highest, share, peak in zip(
            moment.open, moment.begins, moment.highest_kw, shares, peaks, strict=True
        ):
            if counts:
                target = share * highest
                aim = np.minimum(aim, target)
                paid = np.minimum(paid, target if begins else np.maximum(target, peak))
        cap = np.where(deep, aim, paid)
        held = max(net, 0.0)
        spare = held if moment.dearness >= 1.0 else np.maximum((1.0 - headroom) * paid, held)
        return np.where(net > cap, cap, spare)

    def choose(self, train: EnergyEnv, net: Floats) -> None:
        """See `SiteRule.choose`."""
        unit = train.setup.units[0]
        windows = unit.registers
        levels = min(MOST_LEVELS, max(2, int(MOST_CANDIDATES ** (1.0 / windows) + 1e-9)))
        each = np.linspace(LOWEST_SHARE, 1.0, levels).tolist()
        grid = list(itertools.product(*[each] * windows, (False, True), HEADROOMS))
        *shares, deep, headroom = (np.array(column) for column in zip(*grid, strict=True))
        ahead = {name: rows[:-1] for name, rows in train.setup.tape.ahead.items()}
        drawn = unit.fixed_kwh[:, None] / unit.hours * unit.active.T
        before = np.concatenate([np.zeros((WEEK * _day(train), windows)), drawn])[:-1]
        shown = np.lib.stride_tricks.sliding_window_view(before, WEEK * _day(train), axis=0).max(axis=-1)
        moments, expected = list(self._moments(train, ahead, 0, shown)), net.tolist()

        def wishes(step: int, batch: Any) -> Any:
            peaks, net = batch.states[1 : 1 + windows], expected[step]
            return self.wish(self._targets(moments[step], net, shares, deep, headroom, peaks), net)

        *best, self.deep, self.headroom = grid[int(np.argmax(returns(train, len(grid), len(net), wishes)))]
        self.shares = tuple(best)

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        shares = None if self.shares is None else list(self.shares)
        return {**super().parameters(), "shares": shares, "deep": self.deep, "headroom": self.headroom}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        shares = parameters["shares"]
        self.shares = None if shares is None else tuple(float(share) for share in shares)
        self.deep, self.headroom = bool(parameters["deep"]), float(parameters["headroom"])


def _day(env: EnergyEnv) -> int:
    """Return the number of steps of a day."""
    return max(round(HOURS_PER_DAY / env.setup.feed.step_hours), 1)
