"""What is kept of an entry's play: figures, hashes, and what its page shows.

One rule: whoever has the data and the package of the version that is named finds the same figures again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.conversions import HOURS_PER_DAY
from energy_gym.entries.playing import Played
from energy_gym.evaluation.episode import daily_rewards
from energy_gym.leaderboard.runs import FIGURES
from energy_gym.leaderboard.suites import Task
from energy_gym.oracle.solution import COLUMNS

WORST_DAYS = 3
# A heat map with more columns than this has one for a week.
MOST_COLUMNS = 130
DIGITS = 6
# Figures that another run of the same code may change.
TIMED = ("steps_per_second", "seconds_per_decision")


def row_of(task: Task, played: Played) -> dict[str, Any]:
    """Return all that is kept of a task."""
    result, setup = played.play.result, played.env.unwrapped.setup
    return {
        "task": task.name,
        "id": task.id,
        "keywords": {name: _word(value) for name, value in task.keywords.items()},
        "hashes": dict(task.hashes),
        "unit": setup.reward_unit,
        "zone": setup.feed.zone,
        "data": setup.feed.title,
        "figures": {"return": result.return_, **{name: getattr(result, name) for name in FIGURES}},
        "parts": dict(result.parts),
        "kpis": dict(result.kpis),
        "checks": {"reordered_score": played.reordered_score, "unseen_score": played.unseen_score},
        "days": {"earned": dict(result.daily_return), "best": daily_rewards(played.best)},
        "heat": _heat(played),
        "worst": _worst(played),
    }


def same_figures(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the names of figures in which two rows of a task differ, those of time apart."""
    names = [name for name in one["figures"] if name not in TIMED]
    found = [name for name in names if one["figures"][name] != other["figures"].get(name)]
    return found + [name for name in ("parts", "days", "checks", "hashes") if one[name] != other[name]]


def _word(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | dict | list | None) else str(value)


def _local(played: Played) -> Any:
    """Return the local times of the steps of the episode."""
    base = played.env.unwrapped
    first, stop = base.window
    begin = base.setup.feed.first
    return base.setup.feed.times[begin + first : begin + stop].tz_convert(base.setup.feed.zone)


def _lost(played: Played) -> Floats:
    """Return what the best plan earned more in each step."""
    lost: Floats = played.best.plan.steps[:, -1] - np.asarray(played.play.rewards)
    return lost


def _heat(played: Played) -> dict[str, Any]:
    """Return regret by hour of the day (rows) and local day, or week of 7 days where there are many (columns)."""
    times = _local(played)
    days = (times.tz_localize(None).normalize() - times.tz_localize(None)[0].normalize()).days.to_numpy()
    width = 1 if days[-1] < MOST_COLUMNS else 7
    places = days // width
    table = np.zeros((round(HOURS_PER_DAY), int(places[-1]) + 1))
    np.add.at(table, (times.hour.to_numpy(), places), _lost(played))
    return {"first": str(times[0].date()), "days": width, "rows": [_short(row) for row in table]}


def _worst(played: Played) -> list[dict[str, Any]]:
    """Return the steps of the days that lost most, the worst first."""
    days = np.array([str(day) for day in _local(played).date])
    names, places = np.unique(days, return_inverse=True)
    lost = np.bincount(places, weights=_lost(played))
    order = np.argsort(-lost, kind="stable")[:WORST_DAYS]
    return [_day(played, str(names[place]), days == names[place], float(lost[place])) for place in order]


def _day(played: Played, day: str, part: Any, lost: float) -> dict[str, Any]:
    plan, setup = played.best.plan, played.env.unwrapped.setup
    infos = played.play.infos
    first, stop = played.env.unwrapped.window
    hours = setup.feed.step_hours
    grid, energy = (plan.steps[:, COLUMNS.index(name)] for name in ("grid_kwh", "energy_kwh"))
    series = {
        "price": setup.price[first:stop],
        "grid_kw": [info["grid_kw"] for info in infos],
        "best_grid_kw": grid / hours,
        "energy_kwh": [info["energy_kwh"] for info in infos],
        "best_energy_kwh": energy,
    }
    shown = {name: _short(np.asarray(values, dtype=float)[part]) for name, values in series.items()}
    return {"day": day, "regret": lost, "step_hours": hours, **shown}


def _short(values: Sequence[float] | Floats) -> list[float]:
    """Return figures with six digits: enough for a picture."""
    return [float(f"{value:.{DIGITS}g}") for value in np.asarray(values, dtype=float)]
