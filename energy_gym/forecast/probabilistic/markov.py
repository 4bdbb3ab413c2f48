"""Paths from a Markov chain over binned errors, a chain for each column with its own matrix for each hour of the day.

One rule: a chain starts from the state that was known at the step, and columns move together as they did in training.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np

from energy_gym.arrays import Floats, Ints
from energy_gym.data.feed import Feed
from energy_gym.data.price_law import HOURS, LEAST_SAMPLES
from energy_gym.errors import ConfigurationError, DataError
from energy_gym.forecast.error_chain import Bins, ErrorChain
from energy_gym.forecast.probabilistic.maker import AroundPoint
from energy_gym.forecast.probabilistic.residual import honest
from energy_gym.forecast.probabilistic.rows import BLOCK, made_rows
from energy_gym.forecast.registry import get_forecast
from energy_gym.forecast.rows import Forecast, steps_per_day

SLOW, MOST_NOW = 2, 12
MEMORIES = 8.0
"""Times the length of its memory over which a running mean of errors is worked out anew."""
DAYS_AHEAD = 2
"""Of a price that is published the day before, errors are those of what was expected two days before."""
MARGIN = 1e-9


class Chain(NamedTuple):
    """The chain of a column.

    Args:
        law: States and matrices.
        cumulated: Sums of the matrices along their rows, shape (24, states, states).
        errors: Errors in training, those of each hour and state together.
        begins: Where those of an hour and state begin, shape (24 * states + 1,).
        lead: Lead of the forecasts whose errors they are.
    """

    law: ErrorChain
    cumulated: Floats
    errors: Floats
    begins: Ints
    lead: int


@dataclass(eq=False)
class Markov(AroundPoint):
    """A Markov chain by hour over what a point forecast missed of each column.

    A state is the bin of the error now and the bin of a running mean of past errors. From state to state, columns move
    with normal numbers that are correlated as they were in training (a Gaussian copula); within a state, an error of
    that hour and state is drawn.

    Args:
        forecast: The point forecast, by name or as an object.
        bins: How errors become states. None: as many bins as the data support, two of the running mean.

    Source:
        Zheng, Jaworski and Xu, Arbitraging variable efficiency energy storage using analytical stochastic dynamic
        programming (arXiv 2108.06000), section III.

    Example:
        >>> from energy_gym.data.feed import open_feed
        >>> maker = Markov().fit(open_feed("commercial", None, "train"))
        >>> maker.scenarios(30000, 20, 96)["load_kw"].shape
        (20, 96)
    """

    name: ClassVar[str] = "markov"

    bins: Bins | None = None
    _chains: dict[str, Chain] = field(default_factory=dict, init=False, repr=False)
    _mixed: Floats = field(default_factory=lambda: np.zeros((0, 0)), init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.bins, Bins | None):
            raise ConfigurationError(
                f"bins={self.bins!r}", "must be Bins", "pass energy_gym.forecast.error_chain.Bins(now=8)"
            )

    def _learn(self) -> None:
        feed = self.trained
        super()._learn()
        forecast, first = honest(get_forecast(self.forecast), feed)
        open_ = [name for name in self._columns if feed.published[name] != "always"]
        leads = {name: lead_of(feed, name) for name in open_}
        first = max([first, *leads.values()])
        hours = _hours(feed, first, feed.stop)
        fitted = {name: _fitted(forecast, feed, name, first, leads[name], hours, self._bins(hours)) for name in open_}
        self._chains = {name: chain for name, (chain, _) in fitted.items()}
        moves = np.array([moved for _, moved in fitted.values()])
        self._mixed = np.asarray(np.linalg.cholesky(_correlation(moves))) if open_ else np.zeros((0, 0))

    def _bins(self, hours: Ints) -> Bins:
        """Return the bins that were asked for, or as many as there are samples for."""
        if self.bins is not None:
            return self.bins
        least = int(np.bincount(hours, minlength=HOURS)[np.unique(hours)].min())
        now = min(least // (LEAST_SAMPLES * SLOW), MOST_NOW)
        if now < 2:
            found = f"{least} steps in one of the hours"
            rule = f"a chain needs {LEAST_SAMPLES} by hour and state, which is {2 * SLOW * LEAST_SAMPLES} at least"
            raise DataError(found, rule, "give a longer training window, or fewer bins=")
        return Bins(now=now, tails=(), slow=SLOW)

    def _drawn(self, random: np.random.Generator, t: int, n: int, horizon: int) -> dict[str, Floats]:
        hours = _hours(self.feed, t, t + horizon)
        normal = random.standard_normal((horizon, n, len(self._chains))) @ self._mixed.T
        moves, within = _share(normal), random.random((horizon, n, len(self._chains)))
        paths = {}
        for column in self._columns:
            expected = self._rows.row(column, t, horizon)
            paths[column] = np.tile(expected, (n, 1))
            if column in self._chains:
                place = list(self._chains).index(column)
                begin = min(max(self._rows.known(column, t) - t, 0), horizon)
                chain, now = self._chains[column], slice(begin, horizon)
                start = self._start(chain, column, t + begin)
                errors = _walk(chain, start, hours[now], moves[now, :, place], within[now, :, place])
                paths[column][:, now] += errors * np.maximum(expected[now], chain.law.floor)
        return paths

    def _start(self, chain: Chain, column: str, t: int) -> int:
        """Return the state of the step before ``t``, the latest that is known."""
        law, lead = chain.law, chain.lead
        if t == 0:
            return law.state(0.0, 0.0, int(_hours(self.feed, 0, 1)[0]))
        first = max(t - round(MEMORIES / law.forgets), lead, 0)
        first = min(first, t - 1)
        expected = np.array([self._rows.row(column, max(s - lead, 0), lead + 1)[min(lead, s)] for s in range(first, t)])
        errors = law.errors(self.feed.values[column][first:t], expected)
        return law.state(float(errors[-1]), float(law.means(errors)[-1]), int(_hours(self.feed, t - 1, t)[0]))


def lead_of(feed: Feed, column: str) -> int:
    """Return the lead whose errors say what a forecast misses of a column: the first of which nothing is known."""
    leads = {"after": 0, "at-start": 1}
    return leads.get(feed.published[column], DAYS_AHEAD * steps_per_day(feed))


def _fitted(
    forecast: Forecast, feed: Feed, column: str, first: int, lead: int, hours: Ints, bins: Bins
) -> tuple[Chain, Floats]:
    """Return the chain of a column, and by which normal numbers it moved in training."""
    actual = feed.values[column][first : feed.stop]
    expected = _expected(forecast, feed, column, first, lead)
    law = ErrorChain.fit(actual, expected, hours, feed.step_hours, bins)
    errors = law.errors(actual, expected)
    states = law.states_of(errors, hours)
    order = np.argsort(hours * law.states + states, kind="stable")
    begins = np.searchsorted((hours * law.states + states)[order], np.arange(HOURS * law.states + 1))
    chain = Chain(law, np.cumsum(law.matrices, axis=2), errors[order], begins, lead)
    return chain, _moves(chain, states, hours)


def _expected(forecast: Forecast, feed: Feed, column: str, first: int, lead: int) -> Floats:
    """Return what had been expected of each step so many steps before, shape (feed.stop - first,)."""
    parts = [
        made_rows(forecast, feed, column, begin, min(begin + BLOCK, feed.stop - lead), lead + 1)[:, lead]
        for begin in range(first - lead, feed.stop - lead, BLOCK)
    ]
    return np.concatenate(parts)


def _moves(chain: Chain, states: Ints, hours: Ints) -> Floats:
    """Return the normal number by which each state was reached from the one before: the middle of what leads there."""
    from scipy.special import ndtri

    upper = chain.cumulated[hours[1:], states[:-1], states[1:]]
    lower = upper - chain.law.matrices[hours[1:], states[:-1], states[1:]]
    return np.asarray(ndtri(np.clip((lower + upper) / 2.0, MARGIN, 1.0 - MARGIN)))


def _correlation(moves: Floats) -> Floats:
    """Return how normal numbers of columns move together, a matrix that has a root; shape (columns, columns)."""
    if not len(moves):
        return np.zeros((0, 0))
    spread = moves.std(axis=1)
    scaled = (moves - moves.mean(axis=1, keepdims=True)) / np.where(spread > 0.0, spread, 1.0)[:, None]
    found = scaled @ scaled.T / moves.shape[1]
    np.fill_diagonal(found, 1.0)
    values, vectors = np.linalg.eigh(found)
    root = vectors * np.maximum(values, 1e-6)
    return np.asarray(root @ vectors.T)


def _walk(chain: Chain, start: int, hours: Ints, moves: Floats, within: Floats) -> Floats:
    """Return the errors of paths, shape (n, steps).

    Args:
        chain: The chain.
        start: State of the step before the first.
        hours: Hour of each step, shape (steps,).
        moves: Uniform numbers that choose the next state, shape (steps, n).
        within: Uniform numbers that choose an error of the state, shape (steps, n).
    """
    states = np.full(moves.shape[1], start)
    found = np.empty((moves.shape[1], len(hours)))
    for step, hour in enumerate(hours.tolist()):
        reached = (chain.cumulated[hour][states] < moves[step][:, None]).sum(axis=1)
        states = np.minimum(reached, chain.law.states - 1)
        cell = hour * chain.law.states + states
        begin, count = chain.begins[cell], chain.begins[cell + 1] - chain.begins[cell]
        drawn = chain.errors[np.minimum(begin + (within[step] * count).astype(np.int64), len(chain.errors) - 1)]
        found[:, step] = np.where(count > 0, drawn, chain.law.offsets[hour][states])
    return found


def _share(normal: Floats) -> Floats:
    from scipy.special import ndtr

    return np.asarray(ndtr(normal))


def _hours(feed: Feed, first: int, stop: int) -> Ints:
    return np.asarray(feed.span(first, stop).tz_convert(feed.zone).hour.to_numpy(), dtype=np.int64)
