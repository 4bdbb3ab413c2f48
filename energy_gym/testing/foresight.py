"""No look-ahead: what nobody can know yet may be anything, and nothing seen or earned before it changes.

One rule: what counts as known is what the feed says is published, and nothing else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from energy_gym.envs.env import EnergyEnv
from energy_gym.forecast.publication import known_until
from energy_gym.scenarios.composed import ScenarioEnv
from energy_gym.testing.laws import random_wishes
from energy_gym.testing.report import compare

RULE = "nothing may be seen or earned that depends on what is not known yet"
REMEDY = "let row t of a series decide step t alone, and show series through the forecast only"


def check_foresight(keywords: dict[str, Any], data: pd.DataFrame, steps: int, random: np.random.Generator) -> None:
    """Change what is not known at a moment within an episode: nothing up to that moment may change.

    Args:
        keywords: Keywords of the environment, without data.
        data: The series; the same frame scales the observations before and after the change.
        steps: Steps of the episode.
        random: Source of chance.

    Raises:
        BrokenPromiseError: A reward or an observation changes.
    """
    env = ScenarioEnv(data=data, reference=data, **keywords)
    first = int(random.integers(0, len(data) - steps + 1))
    moment = int(random.integers(0, steps - 1)) if steps > 1 else 0
    options = {"start": data.index[first], "steps": steps}
    other = ScenarioEnv(data=_changed(env, data, first + moment, random), reference=data, **keywords)
    wishes = random_wishes(random, (moment, env.setup.controls))
    names = ("reward", *(slot.name for slot in env.layout))
    one, two = (_seen(each, options, wishes) for each in (env, other))
    compare(f"the future after step {moment} changed", names, one, two, RULE, REMEDY)


def _seen(env: EnergyEnv, options: dict[str, Any], wishes: Any) -> Any:
    """Return rewards and observations up to the step after the last wish."""
    observation, _ = env.reset(seed=0, options=options)
    rows = [[0.0, *observation.tolist()]]
    for wish in wishes:
        observation, gain, *_ = env.step(wish)
        rows.append([gain, *observation.tolist()])
    return np.array(rows)


def _changed(env: EnergyEnv, data: pd.DataFrame, now: int, random: np.random.Generator) -> pd.DataFrame:
    """Return the data with the rows not known at a step in another order; what was known stays where it was.

    Columns that become known together keep together, so that loads still fit through a connection.
    """
    feed, changed = env.setup.feed, data.copy()
    orders: dict[int, Any] = {}
    for column in data.columns:
        if column not in feed.published:
            continue
        known = int(known_until(feed.published[column], feed, now, now + 1)[0])
        order = orders.setdefault(known, known + random.permutation(max(len(data) - known, 0)))
        changed.loc[changed.index[known:], column] = data[column].to_numpy()[order]
    return changed
