"""A site's own history as something to learn from, and an agent that learnt from it put to the test before it is used.

One rule: an agent is replaced only by one that earned more on the last weeks, of which it has seen nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy_gym.agents.base import Agent
from energy_gym.agents.records.keywords import environment_id, plain_keywords
from energy_gym.agents.records.trajectories import Episode, Trajectories
from energy_gym.agents.registry import is_saved, load_agent
from energy_gym.arrays import Floats
from energy_gym.errors import ConfigurationError, WindowError
from energy_gym.serve.hindsight import Day, days_before, days_of

if TYPE_CHECKING:
    from energy_gym.serve.live import LiveEnv
    from energy_gym.serve.site import LiveSite

POLICY = "oracle"


@dataclass(frozen=True)
class Renewal:
    """Two agents on the last weeks; money in the site's currency, positive is earned.

    Args:
        days: Local days that were played.
        present: What the present agent would have earned.
        candidate: What the one that learnt from the site's history would have earned.
        replaced: Whether it took the present one's place.
    """

    days: int
    present: float
    candidate: float
    replaced: bool


def recorded(site: LiveSite, days: Sequence[Day]) -> Trajectories:
    """Return days that are over as trajectories: what was seen and done, and what the oracle would have done.

    Raises:
        WindowError: There are no days.
    """
    if not days:
        raise WindowError("0 days", "hold nothing to learn from", "choose days on which the service ran throughout")
    env = site.history.environment(site.scenario, site.settings.horizon, **site.view)
    episodes = tuple(_episode(day) for day in days)
    told = environment_id(env), plain_keywords(env), env.setup.layout, env.setup.levels
    return Trajectories(episodes, *told, POLICY, 0.0)


def _episode(day: Day) -> Episode:
    solution, shares = day.solution(continuous=False), day.executed()
    env = day.begin()
    seen, rewards = [env.observed()], []
    for share in shares:
        observation, gain, _, _, _ = env.passed(float(share))
        seen.append(observation)
        rewards.append(gain)
    return Episode(
        observations=np.array(seen, dtype=np.float32),
        actions=_actions(env, shares),
        advice=_actions(env, solution.plan.wishes[:, 0]),
        rewards=np.array(rewards, dtype=np.float64),
        seed=0,
        start=day.kept.index[0].isoformat(),
        oracle_value=solution.value,
        oracle_bound=solution.bound,
        idle_value=day.idle(),
        physical_value=solution.value if env.setup.levels is None else day.solution().value,
    )


def _actions(env: LiveEnv, shares: Floats) -> npt.NDArray[Any]:
    """Return the actions that are shares of rated power, or the nearest levels."""
    levels = env.setup.levels
    if levels is None:
        return shares.astype(np.float32)[:, None]
    return np.abs(shares[:, None] - np.array(levels)).argmin(axis=1).astype(np.int64)


def earned(days: Sequence[Day], folder: str) -> Floats:
    """Return what a saved agent would have earned on days that are over, each from where it began [reward units]."""
    return np.array([day.decided(load_agent(folder, day.env)) for day in days])


def renewed(site: LiveSite, today: str, weeks: int = 4, **fitting: Any) -> Renewal:
    """Let a copy of a site's saved agent learn from the site's history, and use it if it is better on the last weeks.

    The agent that is replaced is kept beside it, in a folder that ends in ``-before-`` and the day.

    Args:
        site: The site; its agent is the folder of a saved one.
        today: ISO date, local, of the first day that is not looked at.
        weeks: How many weeks before it are held out for the comparison.
        fitting: Keywords of the agent's ``fit``, such as ``budget``.

    Raises:
        ConfigurationError: The site's agent is not a saved one.
        WindowError: There are too few days, to learn from or to compare on.
    """
    folder = site.site.agent
    if not is_saved(folder):
        raise ConfigurationError(f"agent={folder!r}", "is not the folder of a saved agent", "save one, and name it")
    days = days_of(site, "1970-01-01", today)
    split = days_before(today, 7 * weeks)
    held = [day for day in days if day.name >= split]
    learnt = recorded(site, [day for day in days if day.name < split])
    if not held:
        raise WindowError("0 days of the last weeks", "are too few to compare on", "let the service run")
    with TemporaryDirectory() as kept:
        candidate = _fitted(site, folder, learnt, fitting)
        candidate.save(kept)
        present, better = float(earned(held, folder).sum()), float(earned(held, kept).sum())
        if better > present:
            _replace(Path(folder), Path(kept), today)
    return Renewal(len(held), present, better, better > present)


def _fitted(site: LiveSite, folder: str, learnt: Trajectories, fitting: Mapping[str, Any]) -> Agent:
    env = site.history.environment(site.scenario, site.settings.horizon, **site.view)
    return load_agent(folder, env).fit(learnt, **fitting)


def _replace(folder: Path, candidate: Path, today: str) -> None:
    before = folder.with_name(f"{folder.name}-before-{today}")
    shutil.rmtree(before, ignore_errors=True)
    folder.rename(before)
    shutil.copytree(candidate, folder)
