"""Forecasts judged side by side: how far each is off, and what model predictive control earns with it.

One rule: what is judged is one column on one split; mpc plays for money where the column is a price, for carbon where
it is a carbon intensity, with the same battery and look-ahead for every forecast.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from energy_gym.data.feed import CARBON, PRICE, Feed, open_feed
from energy_gym.errors import EnergyGymError, MissingExtraError
from energy_gym.evaluation.episode import evaluate
from energy_gym.forecast import Forecast, forecast_ids, get_forecast
from energy_gym.forecast.accuracy import Accuracy, accuracy
from energy_gym.oracle import Solution, solve

ID = "energy_gym/Arbitrage-v1"
OBJECTIVES = {PRICE: "cost", CARBON: "carbon"}
MARKETS_WITH_FORECASTS = ("epf-de", "epf-np")
MODELS = {"published-epf": ("dnn", "lear")}


@dataclass(frozen=True)
class Judged:
    """A forecast of one column: its errors, and the score and return of mpc with it under the column's objective."""

    column: str
    forecast: str
    accuracy: Accuracy
    score: float
    earned: float
    unit: str


def judged(
    dataset: str,
    split: str = "validation",
    names: tuple[str, ...] = (),
    horizon: int = 24,
    published: bool = True,
    steps: int | None = None,
    refused: Callable[[str, str, EnergyGymError], None] | None = None,
) -> Iterator[Judged]:
    """Judge forecasts on a split of a data set, by error and by what mpc earns.

    Args:
        dataset: Id of a data set.
        split: Which split.
        names: Which forecasts; all that fit the data set where none is named.
        horizon: Steps looked ahead.
        published: False takes every value as unknown until its interval is over, as the EnCortex paper does.
        steps: Steps that mpc plays, from the start of the split; None plays all.
        refused: Told column, forecast and reason where one does not suit the data, in place of an error.

    Raises:
        UnknownIdError: An unknown data set, split or forecast.
        MissingExtraError: A forecast that was named needs an extra that is not installed.
    """
    feed = open_feed(dataset, None, split)
    chosen = names or fitting(dataset, split, published)
    for column in judged_columns(feed):
        for told, forecast in (pair for name in chosen for pair in made(name, published)):
            try:
                yield judge(dataset, split, column, told, forecast, horizon, published, steps)
            except EnergyGymError as error:
                if refused is None:
                    raise
                refused(column, told, error)


def judged_columns(feed: Feed) -> tuple[str, ...]:
    """Return the columns of a feed whose forecasts are judged."""
    return tuple(name for name in OBJECTIVES if name in feed.values)


def judge(
    dataset: str,
    split: str,
    column: str,
    told: str,
    forecast: Forecast,
    horizon: int = 24,
    published: bool = True,
    steps: int | None = None,
) -> Judged:
    """Judge one forecast of one column.

    Args:
        dataset: Id of a data set.
        split: Which split.
        column: Price or carbon intensity.
        told: What the forecast is called.
        forecast: The forecast.
        horizon: Steps looked ahead.
        published: False counts every value as unknown until its interval is over.
        steps: Steps that mpc plays; None plays the split.

    Example:
        >>> from energy_gym.forecast import Perfect
        >>> found = judge("ercot-2021-2022", "test", "price_per_mwh", "perfect", Perfect(), steps=48)
        >>> found.accuracy.mae, 0.9 < found.score <= 1.0 + 1e-9
        (0.0, True)
    """
    from energy_gym.agents import make_agent

    found = accuracy(forecast, open_feed(dataset, None, split), column, horizon, published)
    env = _env(dataset, split, column, forecast=forecast, horizon=horizon)
    best = _optimum(dataset, split, column, steps)
    result = evaluate(make_agent("mpc", env), env, options=_options(env, steps), oracle=best)
    return Judged(column, told, found, result.score, result.return_, env.unwrapped.setup.reward_unit)


def fitting(dataset: str, split: str, published: bool) -> tuple[str, ...]:
    """Return the forecasts that can be had: those installed, and the benchmark's own on its markets."""
    found = []
    for name in forecast_ids():
        own = dataset in MARKETS_WITH_FORECASTS and split == "test"
        if name == "noise" or (name == "published-epf" and not own) or (name == "published" and not published):
            continue
        check = getattr(get_forecast(name), "check_installed", None)
        try:
            if check is not None:
                check()
        except MissingExtraError:
            continue
        found.append(name)
    return tuple(found)


def made(name: str, published: bool = True) -> list[tuple[str, Forecast]]:
    """Return the forecasts of a name, by what tables call them; ``published`` is for those that know of publication.

    Example:
        >>> [told for told, _ in made("published-epf")]
        ['published-epf (dnn)', 'published-epf (lear)']
    """
    settings = {} if published else {"use_published": False}
    kind: Any = type(get_forecast(name))
    if name in MODELS:
        return [(f"{name} ({model})", kind(model, **settings)) for model in MODELS[name]]
    fields = getattr(kind, "__dataclass_fields__", {})
    return [(name, kind(**settings) if "use_published" in fields else kind())]


def _env(dataset: str, split: str, column: str, **keywords: Any) -> Any:
    import gymnasium as gym

    task: dict[str, Any] = {"objective": OBJECTIVES[column], "episode_steps": None, **keywords}
    return gym.make(ID, disable_env_checker=True, dataset=dataset, split=split, **task)


def _options(env: Any, steps: int | None) -> dict[str, Any]:
    return {"start": env.unwrapped.setup.time(0)} | ({} if steps is None else {"steps": steps})


@functools.lru_cache(maxsize=4)
def _optimum(dataset: str, split: str, column: str, steps: int | None) -> Solution:
    """Return the optimum that all forecasts of a column are measured against."""
    env = _env(dataset, split, column, forecast="perfect")
    env.reset(options=_options(env, steps))
    return solve(env, continuous=True)
