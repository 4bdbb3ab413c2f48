"""The makers of paths by name, and one call that makes and fits one to a feed or an environment.

One rule: a maker is made when it is asked for; what needs an extra is imported only then.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from energy_gym.data.feed import Feed
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.forecast.fitted import training_split
from energy_gym.forecast.probabilistic.protocol import Scenarios

MAKERS = {
    "analog": "energy_gym.forecast.probabilistic.analog:Analog",
    "markov": "energy_gym.forecast.probabilistic.markov:Markov",
    "residual": "energy_gym.forecast.probabilistic.residual:Residual",
}


def scenario_ids() -> tuple[str, ...]:
    """Return the names of the makers of paths.

    Example:
        >>> "residual" in scenario_ids()
        True
    """
    return tuple(sorted(MAKERS))


def make_scenarios(
    maker: str, source: Any, *, columns: Sequence[str] = (), train: Any = None, seed: int = 0, **settings: Any
) -> Scenarios:
    """Return a maker of paths by name, fitted and ready to be asked about a feed or an environment.

    Args:
        maker: A name; see `scenario_ids`.
        source: The feed, or the environment: then its columns, and its own forecast for a maker that takes one.
        columns: The columns that have paths, in place of the source's.
        train: The feed or the environment whose split is learnt from. None: the training split of a data set; of a
            user's frame, what lies before the split that is played.
        seed: Seed of what is drawn.
        settings: Settings of the maker.

    Raises:
        UnknownIdError: No maker is called so.
        ConfigurationError: It has no such setting, or there is nothing to learn from.
        DataError: There is too little to learn from.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Microgrid-v1", split="test", horizon=4)
        >>> paths = make_scenarios("residual", env, seed=1).scenarios(env.unwrapped.setup.feed.first, 10, 4)
        >>> {column: values.shape for column, values in paths.items()}["load_kw"]
        (10, 4)
    """
    kind = _kind(maker)
    names = [item.name for item in fields(kind) if item.init] if is_dataclass(kind) else []
    for name in settings:
        if name not in names:
            raise UnknownIdError.of(f"setting of {maker!r}", name, names)
    feed, tape = _feed(source), _tape(source)
    if tape is not None and "forecast" in names:
        settings = {"forecast": tape.forecast, **settings}
    its = tuple(columns) or (tape.columns if tape is not None else ())
    made: Any = kind(seed=seed, **settings)
    fitted: Scenarios = made.fit(_training(feed, train), its).on(feed)
    return fitted


def _kind(maker: str) -> Any:
    if maker not in MAKERS:
        raise UnknownIdError.of("scenarios", maker, MAKERS)
    module, _, name = MAKERS[maker].partition(":")
    return getattr(importlib.import_module(module), name)


def _tape(source: Any) -> Any:
    """Return the look-ahead of an environment, None for a feed."""
    return None if isinstance(source, Feed) else source.unwrapped.setup.tape


def _feed(source: Any) -> Feed:
    if isinstance(source, Feed):
        return source
    if not hasattr(getattr(source, "unwrapped", None), "setup"):
        raise ConfigurationError(f"{source!r}", "must be a feed or an environment of the suite", "pass one of them")
    feed: Feed = source.unwrapped.setup.feed
    return feed


def _training(feed: Feed, train: Any) -> Feed:
    """Return the feed whose window is learnt from."""
    if train is not None:
        return _feed(train)
    split = training_split(feed)
    if split is not None:
        return replace(feed, first=split[0], stop=split[1])
    if feed.first == 0:
        remedy = "play a later split, or pass train= with the data to learn from"
        raise ConfigurationError(feed.title, "has nothing before the split to learn from", remedy)
    return replace(feed, first=0, stop=feed.first)
