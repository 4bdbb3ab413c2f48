"""What a recipe trains on and plays; one rule: it trains on the training split, and is played on another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym

from energy_gym.envs.keywords import check_count
from energy_gym.envs.written import from_words
from energy_gym.errors import ConfigurationError
from energy_gym.objective import check_carbon_price
from energy_gym.paths import holds_frame
from energy_gym.recipes.options import ID, MARKET


def task_keywords(id: str, dataset: str | None, data: str | None, scenario: str | None, **more: Any) -> dict[str, Any]:
    """Return the keywords of the environment that a recipe is asked for, and how its data are called.

    Raises:
        ConfigurationError: Both a data set and a file; or a carbon price for an objective that does not count it.

    Example:
        >>> task_keywords(ID, None, None, None, actions="discrete-3")
        {'dataset': 'ercot-2021-2022', 'actions': 'discrete-3'}
    """
    if dataset is not None and data is not None:
        raise ConfigurationError(f"dataset={dataset!r} and data={data!r}", "exclude each other", "pass one of them")
    check_carbon_price(more.get("carbon_price"), more.get("objective"), own=scenario is not None)
    usual = MARKET if id == ID and data is None and scenario is None else None
    given = {"dataset": dataset or usual, "data": data, "scenario": scenario}
    return {**{name: value for name, value in given.items() if value is not None}, **more}


def market(words: str | None) -> dict[str, Any]:
    """Return the keywords of a data set's name, or of a file's path.

    Example:
        >>> market("nyiso"), market("mine.csv"), market(None)
        ({'dataset': 'nyiso'}, {'data': 'mine.csv'}, {})
    """
    if words is None:
        return {}
    return {"data" if holds_frame(words) else "dataset": words}


def elsewhere(env: Any, words: str | None) -> Any:
    """Return an environment like this one on other data: a data set, a file, or what its id has by default.

    Example:
        >>> elsewhere(gym.make(ID, split="test"), "synthetic").setup.feed.currency
        'EUR'
    """
    return env.unwrapped.variant(**{"dataset": None, "data": None, **from_words(market(words))})


def told_data(id: str, keywords: Mapping[str, Any]) -> str:
    """Return how a title calls what is trained on.

    Example:
        >>> told_data(ID, {"dataset": "nyiso"}), told_data("energy_gym/Bidding-v1", {})
        ('nyiso', 'Bidding-v1')
    """
    return str(keywords.get("dataset") or keywords.get("data") or keywords.get("scenario") or id.rpartition("/")[2])


def training_part(env: Any, months: int | None, episode_steps: Any) -> Any:
    """Return the training split of an environment's data, or its first months.

    Args:
        env: The environment that is played in the end.
        months: How many; None: all.
        episode_steps: Keyword of the environment that is returned.

    Raises:
        NonPositiveError: Fewer than one month.
        WindowError: More months than the split has.

    Example:
        >>> training_part(gym.make(ID, split="test"), 1, None).setup.steps
        744
    """
    whole = env.unwrapped.variant(split="train", episode_steps=episode_steps)
    if months is None:
        return whole
    import pandas as pd

    start = whole.setup.time(0).tz_convert(whole.setup.feed.zone)
    stop = start + pd.DateOffset(months=check_count("months", months))
    return whole.variant(period=(str(start), str(stop)))


def played_env(id: str, keywords: Mapping[str, Any]) -> Any:
    """Return the environment that is played in the end: unless the keywords say otherwise, its whole test split."""
    given = {"split": "test", "episode_steps": None, **keywords}
    return gym.make(id, disable_env_checker=True, **from_words(given))
