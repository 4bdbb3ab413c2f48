"""What a day came to beside the best that it could have: the regret of a site, known the day after.

One rule: a day is judged by the laws and the oracle of the suite, on what the meter has shown of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import WindowError
from energy_gym.oracle.solve import solve
from energy_gym.scenarios.composed import ScenarioEnv
from energy_gym.serve.plan import resting
from energy_gym.serve.usual import History

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Review:
    """A stretch of time in hindsight; money in the site's currency, positive is earned.

    Args:
        since: Its first moment [UTC].
        until: The moment after its last [UTC].
        earned: What the commands earned, energy left at the end valued at the usual price.
        best: What the best commands would have earned from the same start: proven where ``exact``.
        idle: What leaving the battery alone would have earned.
        exact: Whether ``best`` is proven.
        measured: Share of the intervals of which the meter was read; the others are as they were believed.
    """

    since: pd.Timestamp
    until: pd.Timestamp
    earned: float
    best: float
    idle: float
    exact: bool
    measured: float

    @property
    def regret(self) -> float:
        """What was missed."""
        return self.best - self.earned

    @property
    def score(self) -> float:
        """0 for leaving the battery alone, 1 for the best; NaN where nothing was to be earned."""
        possible = self.best - self.idle
        return (self.earned - self.idle) / possible if possible > 0.0 else float("nan")


def reviewed(site: EnergyEnv, history: History, kept: pd.DataFrame, columns: Sequence[str]) -> Review:
    """Return what intervals that were kept came to, beside the best that was possible from the same start.

    Args:
        site: The site as an environment: its scenario, and the figures by which energy left is valued.
        history: What is usual there.
        kept: The intervals as the service keeps them, one after the other without a gap.
        columns: The series of the site.

    Raises:
        WindowError: Fewer than two intervals, or a gap between them.
    """
    if len(kept) < 2 or len(set(np.diff(kept.index.as_unit("ns").asi8))) > 1:
        rule = "must be two or more, one after the other"
        raise WindowError(f"{len(kept)} intervals", rule, "choose a time in which the service ran throughout")
    env = _hindsight(site, history, kept[list(columns)])
    states = kept["states"].iloc[0]
    solution = solve(env.begun(states))
    earned, idle = (_played(env.begun(states), shares) for shares in (kept["share"], resting(env, len(kept))))
    step = kept.index[1] - kept.index[0]
    span = kept.index[0], kept.index[-1] + step
    return Review(*span, earned, solution.value, idle, solution.exact, float(kept["measured"].mean()))


class _Hindsight(ScenarioEnv):
    """A stretch of time that is over, begun with the states of then."""

    def begun(self, states: Sequence[float]) -> _Hindsight:
        """Stand at its start."""
        self.reset(seed=0)
        self._states = tuple(map(float, states))
        return self


def _hindsight(site: EnergyEnv, history: History, frame: pd.DataFrame) -> _Hindsight:
    frame = frame.astype(float)
    frame.attrs = {"currency": history.currency, "title": "what the meter has shown"}
    told: dict[str, Any] = {"zone": history.zone, "reference": site.setup.feed.statistics, "split": "all"}
    told |= {"control": site.setup.control}
    told |= {"published": dict.fromkeys(map(str, frame.columns), "after"), "forecast": "perfect", "horizon": 1}
    return _Hindsight(scenario=site.scenario, data=frame, episode_steps=None, **told)


def _played(env: ScenarioEnv, shares: Any) -> float:
    return float(sum(env.step(env.setup.action(share))[1] for share in shares))
