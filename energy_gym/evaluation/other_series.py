"""An environment over other series than its own: the feed it was laid out on, and the keywords that put another there.

One rule: all that is not a series stays as it was: scenario, splits, scaling, what is known when.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from energy_gym.data.feed import Feed, Prepared, open_feed
from energy_gym.data.own_frame import Told
from energy_gym.envs.env import EnergyEnv

TOLD = ("published", "zone", "splits", "stamps")


def raw_feed(env: EnergyEnv, split: str) -> Feed:
    """Return the feed that an environment was laid out on, for one of its splits.

    Columns that the environment drew to complete it, such as the load of a site, are in it.

    Raises:
        UnknownIdError: The data have no such split.
    """
    asked, laid = env.keywords, env.setup.feed
    if laid.own:
        said = {name: asked[name] for name in TOLD if asked.get(name) is not None}
        feed = open_feed(None, asked["data"], split, asked.get("reference"), Told(**said))
    elif laid.dataset is None:  # drawn for the environment, as the prices of a fleet are
        return env.variant(split=split).setup.feed
    else:
        feed = open_feed(laid.dataset, None, split)
    drawn = [name for name in laid.values if name not in feed.values and laid.published[name] != "always"]
    if not drawn:
        return feed
    return replace(
        feed,
        values={**feed.values, **{name: laid.values[name] for name in drawn}},
        published={**feed.published, **{name: laid.published[name] for name in drawn}},
        statistics={**feed.statistics, **{name: laid.statistics[name] for name in drawn}},
    )


def on(env: EnergyEnv, data: Prepared) -> dict[str, Any]:
    """Return the keywords of an environment with other series in place of its own."""
    given = {name: value for name, value in env.keywords.items() if name not in ("reference", *TOLD)}
    if env.decision == "fleet" and env.keywords.get("scenario") is None:
        given.setdefault("fleet", env.scenario)
    return {**given, ("data" if env.setup.feed.own else "dataset"): data}
