"""Paths from quantiles of boosted trees, joined to paths by a Gaussian copula.

One rule: how high a path lies at a step is told by a normal number; the quantiles turn it into a value, and its
correlation in time and from column to column is what training showed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from energy_gym.arrays import Flags, Floats
from energy_gym.data.feed import Feed
from energy_gym.forecast.probabilistic.maker import Maker
from energy_gym.forecast.probabilistic.quantile_trees import NORMAL, QuantileTrees
from energy_gym.forecast.publication import known_until

MOST_BLOCKS = 16
LEAST = 1e-6
BLOCK, KEPT = 48, 64


@dataclass(eq=False)
class Quantile(Maker):
    """Quantiles of LightGBM for each column, hour and lead, joined by a Gaussian copula.

    The trees see what `energy_gym.forecast.lightgbm.LightGBM` sees. Between quantiles and beyond the outermost, a value
    is a straight line in the normal number that chooses it. Along a path these numbers are correlated by how many steps
    they are apart, and from column to column, both as they were on the training window.

    Args:
        trees: Number of trees of each quantile.
        leaves: Leaves of a tree.
        learning_rate: Weight of each tree.
        samples: Pairs of row and lead learnt from at most.

    Raises:
        ConfigurationError: A setting that is no positive number.
        MissingExtraError: LightGBM is not installed.

    Source:
        Pinson et al., From probabilistic forecasts to statistical scenarios of short-term wind power production, Wind
        Energy 12 (2009): quantiles joined by a Gaussian copula.

    Example:
        >>> Quantile(trees=50).trees
        50
    """

    name: ClassVar[str] = "quantile"

    trees: int = 120
    leaves: int = 31
    learning_rate: float = 0.08
    samples: int = 40_000
    _made: dict[int, _Copula] = field(default_factory=dict, init=False, repr=False)
    _model: QuantileTrees = field(init=False, repr=False)
    _kept: dict[tuple[str, int, int], Floats] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        names = ("trees", "leaves", "learning_rate", "samples", "seed")
        self._model = QuantileTrees(**{name: getattr(self, name) for name in names})
        self._model.check_installed()

    def _learn(self) -> None:
        self._made, self._kept = {}, {}
        self._model.fit(self.trained)

    def _bind(self) -> None:
        super()._bind()
        self._kept = {}

    def _drawn(self, random: np.random.Generator, t: int, n: int, horizon: int) -> dict[str, Floats]:
        if horizon not in self._made:
            self._made[horizon] = _Copula.of(self._model, self.trained, self._columns, horizon)
        normal = self._made[horizon].drawn(random, n, horizon)
        return {
            column: valued(self._quantiles(column, t, horizon), normal[place])
            for place, column in enumerate(self._columns)
        }

    def _quantiles(self, column: str, t: int, horizon: int) -> Floats:
        """Return the quantiles of the coming steps, shape (horizon, levels)."""
        first = t // BLOCK * BLOCK
        key = (column, first, horizon)
        if key not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            stop = min(first + BLOCK, len(self.feed))
            self._kept[key] = self._model.quantiles(self.feed, column, first, stop, horizon)
        return np.asarray(self._kept[key][t - first])


@dataclass(frozen=True)
class _Copula:
    """How normal numbers hang together.

    Args:
        along: A root of the correlation along a path, for each column, shape (columns, horizon, horizon).
        across: A root of the correlation from column to column, shape (columns, columns).
    """

    along: Floats
    across: Floats

    @classmethod
    def of(cls, model: QuantileTrees, feed: Feed, columns: tuple[str, ...], horizon: int) -> _Copula:
        """Return what training shows, of steps that were not known."""
        first, stop = feed.first, feed.stop - horizon + 1
        blocks = np.linspace(first, stop, min(MOST_BLOCKS, (stop - first) // BLOCK) + 1).astype(np.int64)[:-1]
        seen = [[_seen(model, feed, column, int(begin), horizon) for begin in blocks] for column in columns]
        numbers = np.array([np.concatenate([found for found, _ in each]) for each in seen])
        unknown = np.array([np.concatenate([open_ for _, open_ in each]) for each in seen])
        along = np.array([_root(_in_time(*pair)) for pair in zip(numbers, unknown, strict=True)])
        return cls(along, _root(_across(numbers, unknown)))

    def drawn(self, random: np.random.Generator, n: int, horizon: int) -> Floats:
        """Return normal numbers, shape (columns, n, horizon)."""
        white = np.tensordot(self.across, random.standard_normal((len(self.across), n, horizon)), axes=1)
        return np.asarray(np.matmul(white, np.swapaxes(self.along, 1, 2)))


def _seen(model: QuantileTrees, feed: Feed, column: str, first: int, horizon: int) -> tuple[Floats, Flags]:
    """Return the normal numbers of what came in the rows of a block, and what was not known of it."""
    ahead = np.arange(first, first + BLOCK)[:, None] + np.arange(horizon)
    unknown = ahead >= known_until(feed.published[column], feed, first, first + BLOCK)[:, None]
    if not unknown.any():
        return np.zeros(ahead.shape), unknown
    lines = model.quantiles(feed, column, first, first + BLOCK, horizon)
    return np.where(unknown, numbered(lines, feed.values[column][ahead]), 0.0), unknown


def valued(lines: Floats, normal: Floats) -> Floats:
    """Return the values that normal numbers choose, shape (n, horizon).

    Args:
        lines: Quantiles of each step, shape (horizon, levels).
        normal: Normal numbers, shape (n, horizon).
    """
    place = np.clip(np.searchsorted(NORMAL, normal) - 1, 0, len(NORMAL) - 2)
    steps = np.arange(lines.shape[0])
    low, high = lines[steps, place], lines[steps, place + 1]
    share = (normal - NORMAL[place]) / (NORMAL[place + 1] - NORMAL[place])
    return np.asarray(low + share * (high - low))


def numbered(lines: Floats, values: Floats) -> Floats:
    """Return the normal numbers that choose values, within three of the middle; shape of the values.

    Args:
        lines: Quantiles, shape (..., levels).
        values: Shape (...).
    """
    place = np.clip((lines < values[..., None]).sum(axis=-1) - 1, 0, len(NORMAL) - 2)[..., None]
    low, high = (np.take_along_axis(lines, place + by, axis=-1)[..., 0] for by in (0, 1))
    width = high - low
    share = np.where(width > 0.0, (values - low) / np.where(width > 0.0, width, 1.0), 0.5)
    place = place[..., 0]
    return np.asarray(np.clip(NORMAL[place] + share * (NORMAL[place + 1] - NORMAL[place]), -3.0, 3.0))


def _in_time(numbers: Floats, unknown: Flags) -> Floats:
    """Return the correlation of the numbers of rows by how many steps they are apart, shape (horizon, horizon)."""
    horizon = numbers.shape[1]
    found = np.zeros(horizon)
    for apart in range(horizon):
        both = unknown[:, : horizon - apart] & unknown[:, apart:]
        products = (numbers[:, : horizon - apart] * numbers[:, apart:])[both]
        found[apart] = products.mean() if len(products) else 0.0
    found = found / found[0] if found[0] > 0.0 else np.eye(1, horizon)[0]
    steps = np.arange(horizon)
    return np.asarray(found[np.abs(steps[:, None] - steps)])


def _across(numbers: Floats, unknown: Flags) -> Floats:
    """Return the correlation of the numbers of columns at the same step, shape (columns, columns)."""
    count = np.einsum("irk,jrk->ij", unknown.astype(float), unknown.astype(float))
    found = np.einsum("irk,jrk->ij", numbers, numbers) / np.maximum(count, 1.0)
    spread = np.sqrt(np.maximum(np.diag(found), LEAST))
    return np.asarray(found / np.outer(spread, spread) * (1.0 - np.eye(len(found))) + np.eye(len(found)))


def _root(correlation: Floats) -> Floats:
    """Return a root of the nearest matrix that is a correlation."""
    values, vectors = np.linalg.eigh(correlation)
    nearest = (vectors * np.maximum(values, LEAST)) @ vectors.T
    spread = np.sqrt(np.diag(nearest))
    return np.asarray(np.linalg.cholesky(nearest / np.outer(spread, spread)))
