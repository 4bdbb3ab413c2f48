"""What could be attained in a task, and which share of it each agent earned: the second yardstick of a leaderboard.

One rule: it is shown only where it can be told, and never without its interval.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from energy_gym.leaderboard.runs import WITHIN

if TYPE_CHECKING:
    import pandas as pd

COLUMN = "of attainable"


def attained(frame: pd.DataFrame, task: str) -> pd.DataFrame | None:
    """Return the share of what could be attained that each agent earned in a task, None where nobody can say.

    Columns: ``share``, ``low`` and ``high``, means over seeds, by agent.

    Example:
        >>> import pandas as pd
        >>> share = dict(zip(WITHIN, [9.0, 0.0, 0.0, 0.1]))
        >>> attained(pd.DataFrame([{"task": "day", "agent": "idle", **share}]), "day").loc["idle"].tolist()
        [0.0, 0.0, 0.1]
    """
    _, *names = WITHIN
    rows = frame[frame["task"] == task].reindex(columns=["agent", *names])
    if rows[names[0]].isna().all():
        return None
    found = rows.groupby("agent")[names].mean()
    return found.rename(columns=lambda name: name.removeprefix("attainable_"))


def attainable_line(frame: pd.DataFrame, task: str) -> str:
    """Return what could be attained at most in a task; nothing where nobody can say."""
    first = frame[frame["task"] == task].iloc[0]
    bound = float(first.get(WITHIN[0], math.nan))
    if math.isnan(bound):
        return ""
    told = f"at most {bound:.4f} {first['unit']}, on average under the law of what is not known"
    return f" Without seeing the future {told}."


LEGEND = (
    f"{COLUMN[0].upper()}{COLUMN[1:]}: 0 is doing nothing, 1 the dual bound on what an agent that cannot see the "
    "future earns on average, with a 95 % interval. Where prices were drawn from a law it is exact or nearly so; where "
    "a law was fitted to past prices or loads it is an estimate, proven for no series (docs/uncertainty.md)."
)
