"""What every forecaster that learns shares: where it may learn, where it may be asked, and the cache of its rows.

One rule: a forecaster learns on the training split (or on a period given to ``fit``), and rows of that period are
refused, unless the data set's card says that it is the training split.
"""

from __future__ import annotations

import contextlib
import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from energy_gym.data.feed import FORECAST_PREFIX, Feed
from energy_gym.errors import ConfigurationError, ResetNeededError, WindowError
from energy_gym.files import write_atomically
from energy_gym.forecast.publication import known_until
from energy_gym.forecast.rows import Perfect, steps_per_day

if TYPE_CHECKING:
    from energy_gym.data.cards import Card

Floats = npt.NDArray[np.float64]
VERSION = 1
"""Goes up whenever the same settings and data would give other rows; rows kept before are then not used."""
LEAST_DAYS = 21
CHUNK = 2048


@dataclass(eq=False)
class Fitted(ABC):
    """A forecaster that learns from the past of its own column, the calendar, and whatever else the feed knows.

    Where a value has been published by the time of the row, it is that value (unless ``use_published`` is False); what
    is left is predicted. By name, and in general where it was not fitted, it is fitted on the training split of the
    data set it is asked about; a user's frame has no splits, so there ``fit`` comes first.

    Args:
        use_published: False treats every value as known only after its interval, as the EnCortex paper does.
        seed: Seed of what is drawn while learning.
    """

    name: ClassVar[str]

    use_published: bool = True
    seed: int = 0
    _trained: Feed | None = field(default=None, init=False, repr=False)
    _models: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @abstractmethod
    def _learn(self, feed: Feed, column: str, horizon: int) -> Any:
        """Return a model of a column, learnt on the steps ``feed.first`` to ``feed.stop``, all the feed has."""

    @abstractmethod
    def _predict(self, model: Any, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        """Return predictions for the rows, shape (stop - first, horizon); those of known values are not used."""

    @abstractmethod
    def settings(self) -> str:
        """Return all that decides what is learnt, in words: settings and the library's version."""

    def others(self, feed: Feed, column: str) -> list[str]:
        """Return the columns that are read beside the one that is forecast."""
        return exogenous(feed, column)

    def check_installed(self) -> None:
        """Raise MissingExtraError where the library it learns with is not installed."""
        self.settings()

    def fit(self, feed: Feed) -> Self:
        """Learn from the window of a feed (``feed.first`` to ``feed.stop``), nothing after it.

        Models are made when a column is asked for.

        Raises:
            ConfigurationError: The window reaches past the training split of its data set, or is too short.
        """
        split = training_split(feed)
        if split is not None and feed.stop > split[1]:
            raise ConfigurationError(
                f"{self.name} fitted up to {feed.span(feed.stop, feed.stop + 1)[0]}",
                f"the training split of {feed.title} ends at {feed.times[split[1] - 1]}",
                'fit on split="train" or a part of it',
            )
        _check_history(feed)
        self._trained, self._models = _cut(feed), {}
        return self

    def rows(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        """See `Forecast.rows`.

        Raises:
            ResetNeededError: It was not fitted, and the feed is a user's frame.
            WindowError: The rows start within the period it was fitted on.
            ConfigurationError: The training period is too short for the horizon, or has steps of another length.
        MissingColumnError: It was fitted without the column, or with one that the feed does not have.
            MissingExtraError: The library it needs is not installed.
        """
        trained = self._training(feed, first)
        _check_history(trained, horizon)
        feed = self._like(trained, feed, column)
        key = self._key(trained, feed, column, (first, stop, horizon))
        path = _folder() / f"{self.name}-{key}.npy"
        with contextlib.suppress(OSError, ValueError):
            kept: Floats = np.load(path, allow_pickle=False)
            if kept.shape == (stop - first, horizon):
                return kept
        rows = self._made(trained, feed, column, first, stop, horizon)
        write_atomically(path, lambda part: np.save(part, rows))
        return rows

    def known(self, feed: Feed, column: str, first: int, stop: int) -> npt.NDArray[np.int64]:
        """Return for each row the first position that it does not know, shape (stop - first,)."""
        rule = feed.published[column] if self.use_published else "after"
        return np.minimum(known_until(rule, feed, first, stop), len(feed))

    def _made(self, trained: Feed, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        feed = replace(feed, statistics={**feed.statistics, **trained.statistics})
        place = f"{_digest(trained)} {column} {horizon}"
        if place not in self._models:
            self._models[place] = self._learn(trained, column, horizon)
        parts = [
            self._predict(self._models[place], feed, column, begin, min(begin + CHUNK, stop), horizon)
            for begin in range(first, stop, CHUNK)
        ]
        actual = Perfect().rows(feed, column, first, stop, horizon)
        ahead = np.arange(first, stop)[:, None] + np.arange(horizon)
        return np.where(ahead < self.known(feed, column, first, stop)[:, None], actual, np.concatenate(parts))

    def _training(self, feed: Feed, first: int) -> Feed:
        """Return what is learnt from, or raise where the rows may not be asked for."""
        split = training_split(feed)
        trained = self._trained
        if trained is None:
            if split is None:
                raise ResetNeededError(
                    f"forecast {self.name!r}", f"is not fitted; {feed.title} has no training split", "call fit() first"
                )
            return _cut(replace(feed, first=split[0], stop=split[1]))
        begin, end = feed.span(first, first + 1)[0], trained.times[-1]
        if begin <= end and (split is None or feed.title != trained.title):
            raise WindowError(
                f"{self.name} rows from {begin}", f"it was fitted up to {end}", "fit it on an earlier period"
            )
        return trained

    def _like(self, trained: Feed, feed: Feed, column: str) -> Feed:
        """Return a feed with the columns that were learnt from, or raise where it lacks one, or has other steps."""
        told = f"{self.name}, which was fitted with it"
        trained.require(column, f"{self.name}: it was fitted without it")
        for name in (column, *self.others(trained, column)):
            feed.require(name, told)
        if trained.step_hours != feed.step_hours:
            raise ConfigurationError(
                f"{self.name} on steps of {feed.step_hours:g} h",
                f"it was fitted on steps of {trained.step_hours:g} h",
                "fit it on data of the same resolution",
            )
        return replace(feed, values={name: feed.values[name] for name in feed.values if name in trained.values})

    def _key(self, trained: Feed, feed: Feed, column: str, window: tuple[int, int, int]) -> str:
        told = f"{VERSION} {self.settings()} {column} {window} {_digest(trained)} {_digest(feed)}"
        return hashlib.sha256(told.encode()).hexdigest()[:24]


def card_of(feed: Feed) -> Card | None:
    """Return the card of the data set that a feed shows, None for a user's frame."""
    from energy_gym.data import card

    if feed.dataset is None:
        return None
    its = card(feed.dataset)
    whole = its.title == feed.title and its.steps == len(feed) and its.span[0] == feed.times[0]
    return its if whole else None


def training_split(feed: Feed) -> tuple[int, int] | None:
    """Return the first step of the training split of a data set's feed and the step after its last; None for a frame.

    Example:
        >>> from energy_gym.data.feed import open_feed
        >>> training_split(open_feed("ercot-2021-2022", None, "test"))
        (0, 8760)
    """
    its = card_of(feed)
    if its is None:
        return None
    first, stop = feed.times.searchsorted(list(its.splits["train"]))
    return int(first), int(stop)


def exogenous(feed: Feed, column: str) -> list[str]:
    """Return the columns that may say something of a column: forecasts that were published, and what is known ahead."""
    after = [name for name, rule in feed.published.items() if name in feed.values and rule in ("after", "at-start")]
    own = FORECAST_PREFIX + column
    return [name for name in feed.values if name != column and (name == own or name not in after)]


def squeezed(feed: Feed, column: str) -> Floats:
    """Return a column about its median, in units of its scale, squeezed by asinh so that a storm does not decide."""
    figures = feed.statistics[column]
    return np.asarray(np.arcsinh((feed.values[column] - figures.offset) / figures.scale))


def stretched(values: npt.ArrayLike, feed: Feed, column: str) -> Floats:
    """Undo `squeezed`: return values in the unit of the column."""
    figures = feed.statistics[column]
    return np.asarray(np.sinh(values) * figures.scale + figures.offset, dtype=np.float64)


def _cut(feed: Feed) -> Feed:
    """Return the feed without what comes after its window."""
    stop = feed.stop
    values = {name: series[:stop] for name, series in feed.values.items()}
    return replace(feed, values=values, times=feed.times[:stop], filled=feed.filled[:stop])


def _check_history(feed: Feed, horizon: int = 0) -> None:
    days = (feed.stop - feed.first - horizon) / steps_per_day(feed)
    if days < LEAST_DAYS:
        raise ConfigurationError(
            f"{feed.stop - feed.first} steps to learn {horizon} ahead from",
            f"a forecaster needs at least {LEAST_DAYS} days more than it looks ahead",
            "give it a longer period, or a shorter horizon",
        )


def _digest(feed: Feed) -> str:
    """Return a hash of all that a forecaster can read in a feed."""
    digest = hashlib.sha256(f"{feed.zone} {feed.first} {len(feed)} {feed.times[0]}".encode())
    digest.update(f"{sorted(feed.published.items())} {sorted(feed.statistics.items())}".encode())
    for name in sorted(feed.values):
        digest.update(name.encode() + feed.values[name].tobytes())
    return digest.hexdigest()


def _folder() -> Any:
    from energy_gym.data.fetching import cache_folder

    return cache_folder() / "forecasts"
