"""Which steps an episode plays: the window that the options of ``reset`` ask for, checked against the split.

One rule: a start or a length that the split does not have is refused with the nearest that it has.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.envs.keywords import check_steps
from energy_gym.errors import WindowError

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.envs.setup import Setup

SOC_INITIAL = "soc_initial"
OPTIONS = ("start", "steps", SOC_INITIAL)
"""Options of ``reset``."""


def asked_window(setup: Setup, options: Mapping[str, Any], rng: np.random.Generator) -> tuple[int, int]:
    """Return first step and the step after the last of what options ask for; what they leave open is drawn.

    Raises:
        WindowError: An unknown option, or a start that is not a step of the split.
        EpisodeLengthError: A window that runs past the end of the split.
    """
    _check_known(options)
    asked = options.get("steps")
    if options.get("start") is None:
        sized = setup if asked is None else replace(setup, episode_steps=_fitting(setup, asked, 0), whole=False)
        return sized.draw(rng)
    first = _position(setup, options["start"])
    usual = setup.steps - first if setup.whole else setup.episode_steps
    return first, first + _fitting(setup, usual if asked is None else asked, first)


def _check_known(options: Mapping[str, Any]) -> None:
    for key in options:
        if key not in OPTIONS:
            near = difflib.get_close_matches(str(key), OPTIONS, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise WindowError(f"options[{key!r}]", "is not a known option", f"{hint}Known: {', '.join(OPTIONS)}")


def _position(setup: Setup, start: Any) -> int:
    """Return the step of the split that begins at a moment."""
    stamp = _stamp(start, setup.feed.zone)
    _require_no_half_step(setup, stamp)
    position = int(setup.feed.times.get_indexer([stamp])[0]) - setup.feed.first
    if not 0 <= position < setup.steps:
        raise WindowError(
            f"start={stamp.isoformat()}",
            f"must be a step of the split, {setup.time(0).isoformat()} to {setup.time(setup.steps - 1).isoformat()}",
            "choose a start in that range, or another split",
        )
    return position


def _stamp(start: Any, zone: str) -> pd.Timestamp:
    """Return a moment in UTC; one without an offset is local."""
    import pandas as pd

    try:
        stamp = pd.Timestamp(start)
        return (stamp.tz_localize(zone) if stamp.tz is None else stamp).tz_convert("UTC")
    except (ValueError, TypeError) as error:
        raise WindowError(f"start={start!r}", "is no time stamp", 'write "2022-03-01T00:00Z"') from error


def _require_no_half_step(setup: Setup, stamp: pd.Timestamp) -> None:
    """Raise where a moment within the split is no start of a step."""
    after = int(setup.feed.times.searchsorted(stamp)) - setup.feed.first
    if 0 < after < setup.steps and setup.time(after) != stamp:
        before, next_one = (setup.time(step).isoformat() for step in (after - 1, after))
        found, rule = f"start={stamp.isoformat()}", "lies within a step, and an episode begins with one"
        raise WindowError(found, rule, f"say {before} or {next_one}")


def _fitting(setup: Setup, steps: Any, first: int) -> int:
    return check_steps(steps, setup.steps - first, setup.time(first).isoformat())
