"""A local day that is over, as an environment: what the meter showed, what was believed and what was done.

One rule: nothing of it is guessed; a day of which an interval is missing is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from energy_gym.agents.base import Agent
from energy_gym.arrays import Floats
from energy_gym.errors import WindowError
from energy_gym.oracle.solution import Solution
from energy_gym.oracle.solve import solve
from energy_gym.serve.diary import Diary
from energy_gym.serve.live import LiveEnv
from energy_gym.serve.metered import metered
from energy_gym.serve.midnights import midnight
from energy_gym.serve.plan import Plan, battery_power_kw, resting, share_of, wish_of

if TYPE_CHECKING:
    from energy_gym.serve.site import LiveSite


@dataclass(frozen=True)
class Day:
    """A local day that is over.

    Args:
        name: ISO date.
        env: The site over the day, with what was believed at each interval as its forecast.
        kept: The intervals as the service kept them.
        end_kwh: What was stored at the end.
        plans: Its plans.
        agent: Who decided.
    """

    name: str
    env: LiveEnv
    kept: pd.DataFrame
    end_kwh: float
    plans: tuple[Plan, ...]
    agent: str

    def begin(self) -> LiveEnv:
        """Return the site at the start of the day."""
        self.env.reset(seed=0)
        self.env.stand(0, tuple(self.kept["states"].iloc[0]))
        return self.env

    def solution(self, continuous: bool = True) -> Solution:
        """Return the best that could have been done on what really happened.

        Args:
            continuous: By any power; else by the agent's own actions, which may be fewer.
        """
        return solve(self.begin(), continuous=continuous)

    def played(self, shares: Sequence[float] | Floats) -> float:
        """Return what shares of rated power come to [reward units]."""
        env = self.begin()
        return float(sum(env.passed(float(share))[1] for share in shares))

    def idle(self) -> float:
        """Return what leaving the battery alone comes to [reward units]."""
        return self.played(resting(self.env, len(self.kept)))

    def decided(self, agent: Agent) -> float:
        """Return what an agent comes to that sees at each interval what was believed then [reward units]."""
        env, total = self.begin(), 0.0
        info: Mapping[str, Any] = dict.fromkeys(env.info_units, 0.0) | {"energy_kwh": env.energy_kwh}
        agent.reset()
        for _ in range(len(self.kept)):
            share = wish_of(env, agent.act(env.observed(), info))
            _, gain, _, _, info = env.passed(share)
            total += gain
        return total

    def commanded(self) -> Floats:
        """Return the shares of rated power that were commanded; what was confirmed where no plan was made."""
        env, powers = self.begin(), {plan.time: plan.power_kw for plan in self.plans}
        if metered(env):  # what was commanded is a power at the meter
            return self.kept["share"].to_numpy(dtype=np.float64)
        sent = zip(self.kept.index, self.kept["power_kw"], strict=True)
        return np.array([share_of(env, powers.get(moment, power)) for moment, power in sent])

    def executed(self) -> Floats:
        """Return the shares of rated power that the battery really went with, by what it held at each interval."""
        env = self.begin()
        held = [*(states[0] for states in self.kept["states"]), self.end_kwh]
        powers = [battery_power_kw(env, before, after) for before, after in pairwise(held)]
        return np.array([share_of(env, power, step) for step, power in enumerate(powers)])


def told_day(site: LiveSite, name: str) -> Day:
    """Return a local day of a site.

    Args:
        site: The site.
        name: ISO date, local.

    Raises:
        WindowError: The service did not run throughout.
    """
    since, until = bounds(site, name)
    steps = round((until - since) / site.step)
    kept = site.store.intervals(site.site.id, since, until + site.step)
    held = kept.iloc[steps:]
    kept = kept.iloc[:steps]
    if len(kept) < steps or kept.index[0] != since or kept.index[-1] != until - site.step:
        rule = f"has {len(kept)} of its {steps} intervals"
        raise WindowError(f"{site.site.id} on {name}", rule, "review days on which the service ran throughout")
    env = _environment(site, kept)
    end = float(held["states"].iloc[0][0]) if len(held) else _end_kwh(env, kept)
    plans = tuple(site.store.plans(site.site.id, since, until))
    return Day(name, env, kept, end, plans, site.site.agent)


def _end_kwh(env: LiveEnv, kept: pd.DataFrame) -> float:
    """Return what the last interval led to by the laws, where nobody has read it."""
    env.stand(0, tuple(kept["states"].iloc[0]))
    for share in kept["share"]:
        env.passed(float(share))
    return float(env.energy_kwh)


def bounds(site: LiveSite, name: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first moment of a local day, and the first of the next [UTC]: 23, 24 or 25 hours."""
    day, zone = pd.Timestamp(name), site.history.zone
    return midnight(day, zone), midnight(day + pd.Timedelta(days=1), zone)


def days_before(name: str, count: float) -> str:
    """Return the local day so many days before another one (ISO dates)."""
    return (pd.Timestamp(name) - pd.Timedelta(days=count)).strftime("%Y-%m-%d")


def kept_days(site: LiveSite, since: str, until: str) -> list[str]:
    """Return the local days of which intervals are kept (ISO dates, half open)."""
    if since >= until:
        return []
    kept = site.store.intervals(site.site.id, bounds(site, since)[0], bounds(site, until)[0])
    return sorted(set(kept.index.tz_convert(site.history.zone).strftime("%Y-%m-%d")))


def days_of(site: LiveSite, since: str, until: str) -> list[Day]:
    """Return the local days of a period (ISO dates, half open) on which the service ran throughout."""
    found = []
    for name in kept_days(site, since, until):
        try:
            found.append(told_day(site, name))
        except WindowError:
            continue
    return found


def _environment(site: LiveSite, kept: pd.DataFrame) -> LiveEnv:
    """Return a site over intervals that are over, with what was believed at each."""
    horizon = site.settings.horizon
    times = pd.date_range(kept.index[0], periods=len(kept), freq=site.step)
    diary = Diary(times, site.columns, horizon)
    believed = site.store.believed(site.site.id, times[0], times[-1] + site.step)
    for step, moment in enumerate(times):
        row = kept.loc[moment]
        seen = {name: float(row[name]) for name in site.columns if name in kept and np.isfinite(row[name])}
        rows = believed.get(moment)
        if rows is None:
            ahead = pd.date_range(moment, periods=horizon, freq=site.step)
            rows = {name: site.history.usual(name, ahead) for name in site.columns}
        diary.believe(step, rows)
        diary.measure(step, seen)
    return LiveEnv(site.scenario, diary, site.history, reference=site.env.setup.feed.statistics, **site.view)
