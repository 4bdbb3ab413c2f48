"""The night after: what a day's plans, commands and meters came to beside the best on what really happened.

One rule: the parts of a day's regret (forecast, control, execution) add up to it, all by the laws of the suite from the
state that the day began with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from energy_gym.agents.mpc import MPC
from energy_gym.errors import EnergyGymError
from energy_gym.serve.hindsight import Day, days_before, kept_days, told_day
from energy_gym.serve.plan import OPTIMAL
from energy_gym.serve.safety import log

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.serve.site import LiveSite

# How far back days are looked for that were not reviewed, as after a long outage.
BACK_DAYS = 14


@dataclass(frozen=True)
class DayReview:
    """A local day in hindsight; money in the site's currency, positive is earned.

    Args:
        day: ISO date, local.
        actual: What was earned: by the energy that the battery really held at each interval.
        commanded: What the commands would have earned, had they been carried out to the letter.
        planned: What a plan made anew at each interval on what was believed then would have earned.
        best: What the best commands would have earned, from the same start: proven where ``exact``.
        idle: What leaving the battery alone would have earned.
        exact: Whether ``best`` is proven.
        measured: Share of the intervals of which the meter was read.
        fallbacks: Intervals whose command was not the agent's own on good forecasts.
        agent: Who decided.
    """

    day: str
    actual: float
    commanded: float
    planned: float
    best: float
    idle: float
    exact: bool
    measured: float
    fallbacks: int
    agent: str

    @property
    def regret(self) -> float:
        """What was missed: the sum of the three parts."""
        return self.best - self.actual

    @property
    def forecast(self) -> float:
        """What was missed because it was not known what would come."""
        return self.best - self.planned

    @property
    def control(self) -> float:
        """What was missed because the commands were not the best on what was believed; below zero where better."""
        return self.planned - self.commanded

    @property
    def execution(self) -> float:
        """What was missed because the battery did not do what it was told."""
        return self.commanded - self.actual

    @property
    def score(self) -> float | None:
        """0 for leaving the battery alone, 1 for the best; None where nothing was to be earned."""
        possible = self.best - self.idle
        return (self.actual - self.idle) / possible if possible > 0.0 else None

    def told(self) -> dict[str, Any]:
        """Return all of it, as it is kept and shown."""
        parts = {name: getattr(self, name) for name in ("regret", "forecast", "control", "execution", "score")}
        return {**{name: value for name, value in vars(self).items() if name != "day"}, **parts}


def reviewed_day(day: Day) -> DayReview:
    """Return the review of a day.

    Raises:
        WindowError: It was not solved.
    """
    solution = day.solution()
    return DayReview(
        day=day.name,
        actual=day.played(day.executed()),
        commanded=day.played(day.commanded()),
        planned=day.decided(MPC(day.env)),
        best=solution.value,
        idle=day.idle(),
        exact=solution.exact,
        measured=float(day.kept["measured"].mean()),
        fallbacks=sum(plan.status != OPTIMAL for plan in day.plans),
        agent=day.agent,
    )


def review_days(site: LiveSite, now: pd.Timestamp) -> list[str]:
    """Review the local days that are over and have not been, keep what they came to, and return their ISO dates.

    A day on which the service did not run throughout is kept with the reason in place of figures.
    """
    records = site.commander.records
    today = now.tz_convert(site.history.zone).strftime("%Y-%m-%d")
    first = days_before(today, BACK_DAYS)
    known = {row["day"] for row in records.days(site.site.id, first)}
    found = []
    for name in kept_days(site, first, today):
        if name not in known:
            records.keep_day(site.site.id, name, _told(site, name))
            found.append(name)
    return found


def _told(site: LiveSite, name: str) -> dict[str, Any]:
    try:
        told = reviewed_day(told_day(site, name)).told()
    except EnergyGymError as error:
        log.warning("day not reviewed", site=site.site.id, day=name, error=str(error))
        return {"error": f"{error.value}: {error.rule}"}
    money = {part: round(told[part], 2) for part in ("actual", "regret", "forecast", "control", "execution")}
    log.info("day", site=site.site.id, day=name, **money)
    return told
