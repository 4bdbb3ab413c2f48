"""What `attainable` tells: what could be earned without seeing the future, from below and from above.

One rule: what is proven of a law is never said to be proven of a series that a law was fitted to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from energy_gym.envs.env import EnergyEnv
from energy_gym.evaluation.blocks import ERRORS, blocks_of
from energy_gym.evaluation.statistics import Estimate
from energy_gym.oracle.law import LawSolution, solve_law
from energy_gym.oracle.running import law_of


@dataclass(frozen=True)
class Attainable:
    """What could be attained from the environment's current state to the end of its episode [reward units].

    Args:
        value: From below: what the best policy known earns; on average where the law is known, else on the path itself.
        bound: From above: the dual bound.
        low: Lower end of the bound's 95 % interval.
        high: Upper end.
        paths: Number of paths it is the mean of; 1 for the path that came.
        seed: Seed of the paths; None for the path that came.
        law: Name of the law, or of the agent whose law was fitted.
        penalty: Share of the penalty that was taken off.
        daily: What each local day (ISO date) of the path that came adds to the bound; empty where paths were drawn.
        seconds: Wall time.
    """

    value: float
    bound: float
    low: float
    high: float
    paths: int
    seed: int | None
    law: str
    penalty: float
    daily: Mapping[str, float] = field(default_factory=dict, repr=False)
    seconds: float = 0.0

    @property
    def known(self) -> bool:
        """Whether paths were drawn from the law of the prices, so that the bound holds on average for every agent."""
        return not self.daily

    def solution(self, env: EnergyEnv) -> LawSolution | None:
        """Return the optimum under the law in an environment that was reset; None for a frame not of that law."""
        if not self.known or env.setup.feed.law != self.law:
            return None
        return solve_law(env, law_of(env, "law"), continuous=True)

    def share(
        self,
        earned: float,
        idle: float,
        daily: Mapping[str, float] | None = None,
        idle_daily: Mapping[str, float] | None = None,
    ) -> Estimate:
        """Return which share of the bound was earned, with its 95 % interval.

        Args:
            earned: What was earned.
            idle: What doing nothing earns.
            daily: What was earned by local day, where the bound is of the path that came: then the interval is that of
                a ratio over weeks (over days, of less than eight weeks), since what a week held it held for both. Else
                it follows from that of the bound.
            idle_daily: What doing nothing earns by local day; by default as much each day.

        Example:
            >>> Attainable(4.0, 5.0, 4.0, 8.0, 100, 0, "law", 1.0).share(4.0, 0.0)
            Estimate(value=0.8, low=0.5, high=1.0)
        """
        value, low, high = (_share(earned - idle, bound - idle) for bound in (self.bound, self.high, self.low))
        if self.daily and daily is not None and set(daily) == set(self.daily) and len(daily) > 1:
            still = dict.fromkeys(daily, idle / len(daily)) if idle_daily is None else idle_daily
            possible, gained, rest = (blocks_of([part[day] for day in daily]) for part in (self.daily, daily, still))
            missed = gained - rest - value * (possible - rest)
            error = ERRORS * float(missed.std(ddof=1)) * math.sqrt(len(missed)) / (self.bound - idle)
            low, high = value - error, value + error
        return Estimate(value, min(low, high), max(low, high))

    def __str__(self) -> str:
        told = f"{self.value:.4f} attained, at most {self.bound:.4f} [{self.low:.4f}, {self.high:.4f}]"
        source = f"{self.paths} paths, seed {self.seed}" if self.known else "the path that came; proven for none"
        return f"{told} under law {self.law!r} ({source})"


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else math.nan
