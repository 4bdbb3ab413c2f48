"""How load less generation misses what was expected of it: a finite chain of errors with its own matrix for each hour.

An error is told in standard deviations of its time of day. What a state stands for is set by `Noise`:

    none    nothing is remembered: every error comes as often after any other
    ar1     an autoregression over ranks of the errors, as of tossed coins, of which each hour keeps its own part as it
            lies (Rouwenhorst's chain): levels come as often as they have come, and carry on as they have
    ar2     error = a1 error before + a2 the one before that + what is left, which comes as it has come before
    markov  a chain counted between equal shares of the errors

One rule: whatever the kind, it ends as states, matrices and what has just been seen as weights of states.

Source:
    Le Franc, Carpentier, Chancelier and De Lara, EMSx, Energy Systems 14, 2023 (arXiv 2001.00450), section 4.3: net
    demand as an autoregressive state of dynamic programming, by time of day. For ``ar1``: Kopecky and Suen, Finite
    state Markov-chain approximations to highly persistent processes, Review of Economic Dynamics 13(3), 2010.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from energy_gym.arrays import Floats, Ints
from energy_gym.data.price_law import HOURS, LEAST_SAMPLES, check_rows
from energy_gym.data.validation import check_whole
from energy_gym.errors import ConfigurationError, DataError, UnknownIdError

# Kinds of noise, and how many errors before each remembers.
REMEMBERED = {"none": 0, "ar1": 1, "ar2": 2, "markov": 1}
# Levels of the error before the last, and outcomes of what an autoregression leaves.
EARLIER, OUTCOMES = 5, 100
# The outermost levels lie where so small a share is beyond: a maximum of a month is set by its rarest errors.
TAIL = 0.001
# Errors below this share of the mean size of what is expected are none.
EXACT = 1e-6
# Days after which what was seen last counts no more.
SETTLED = 3


@dataclass(frozen=True)
class Noise:
    """What is remembered of the errors of load less generation.

    Args:
        kind: ``"none"``, ``"ar1"``, ``"ar2"`` or ``"markov"``.
        levels: Levels of the error.

    Raises:
        UnknownIdError: No such kind.
        ConfigurationError: Fewer than 2 levels, or more than 41.

    Example:
        >>> Noise("ar2", levels=7).states
        35
    """

    kind: str = "ar1"
    levels: int = 9

    def __post_init__(self) -> None:
        if self.kind not in REMEMBERED:
            raise UnknownIdError.of("noise", self.kind, REMEMBERED)
        check_whole("levels", self.levels)
        if not 2 <= self.levels <= 41:
            raise ConfigurationError(f"levels={self.levels}", "must be 2 to 41", "pass 9")

    @property
    def states(self) -> int:
        """Number of states."""
        return self.levels * (EARLIER if self.kind == "ar2" else 1)

    @property
    def samples(self) -> int:
        """Errors of an hour, with those of the hours beside it, that it takes at least."""
        return LEAST_SAMPLES * (self.states if self.kind == "markov" else 1 + REMEMBERED[self.kind])


class NetChain(NamedTuple):
    """A chain of errors of load less generation.

    Args:
        levels: Levels of the error, rising, shape (n,) [standard deviations of the time of day].
        earlier: Levels of the error before it, rising; of shape (1,) where that is not remembered.
        edges: Where errors are cut into levels, shape (n - 1,); empty where they lie between levels.
        spread_kw: Standard deviation by step of the day, shape (day,) [kW].
        matrices: Chance of each state of a step in each hour after each state before, shape (24, states, states).
    """

    levels: Floats
    earlier: Floats
    edges: Floats
    spread_kw: Floats
    matrices: Floats

    @property
    def states(self) -> int:
        """Number of states."""
        return len(self.levels) * len(self.earlier)

    @property
    def errors(self) -> Floats:
        """The error of each state, shape (states,) [standard deviations]."""
        return np.repeat(self.levels, len(self.earlier))

    def usual(self) -> Floats:
        """Return how often each state is met, shape (states,): where nothing has been seen for some days."""
        chances = np.full(self.states, 1.0 / self.states)
        for hour in np.arange(SETTLED * len(self.spread_kw)) * HOURS // len(self.spread_kw) % HOURS:
            chances = chances @ self.matrices[hour]
        return chances / chances.sum()

    @classmethod
    def sure(cls, day: int) -> Self:
        """Return the chain of what is never missed: one state."""
        one = np.zeros(1)
        return cls(one, one, np.zeros(0), np.ones(day), np.ones((HOURS, 1, 1)))

    @classmethod
    def fit(cls, missed_kw: Floats, places: Ints, day: int, noise: Noise) -> Self:
        """Return the chain of a series of errors that follow one another.

        Args:
            missed_kw: What was missed, shape (T,) [kW].
            places: Step of the local day of each, shape (T,).
            day: Steps of a day.
            noise: What is remembered.

        Raises:
            DataError: An hour has too few of them for so many states.
        """
        hours = places * HOURS // day
        _check_samples(hours, noise)
        spread = _spread(missed_kw, places, day)
        errors = missed_kw / spread[places]
        if noise.kind == "markov":
            return cls(*_counted(errors, hours, spread, noise.levels))
        return cls(*(_regressed if noise.kind == "ar2" else _ranked)(errors, hours, spread, noise))

    def seen(self, latest: Sequence[float]) -> Floats:
        """Return how much each state counts after errors, the latest first, shape (states,); they add up to one."""
        if len(self.edges):
            return np.eye(self.states)[int(self.edges.searchsorted(latest[0]))]
        return np.outer(between(self.levels, latest[0]), between(self.earlier, latest[1])).ravel()

    def check(self) -> Self:
        """Return it, or raise DataError where a matrix is no law."""
        check_rows(self.matrices)
        return self

    @classmethod
    def of(cls, arrays: Mapping[str, Any]) -> Self:
        """Return the chain of a file."""
        return cls(*(arrays[name] for name in cls._fields)).check()


def between(levels: Floats, value: Any) -> Floats:
    """Return the shares of levels that add up to a value, or to the nearest level beyond them: shape (..., n).

    Example:
        >>> between(np.array([0.0, 2.0, 4.0]), 1.5).tolist()
        [0.25, 0.75, 0.0]
    """
    place = np.interp(value, levels, np.arange(len(levels)))
    return np.maximum(1.0 - np.abs(np.asarray(place)[..., None] - np.arange(len(levels))), 0.0)


def _check_samples(hours: Ints, noise: Noise) -> None:
    """Raise where an hour and those beside it have too few errors."""
    counts = np.bincount(hours, minlength=HOURS)
    counts = counts + np.roll(counts, 1) + np.roll(counts, -1)
    if counts.min() < noise.samples:
        found = f"noise {noise.kind!r} of {noise.states} states from {int(counts.min())} steps in and beside an hour"
        rule = f"needs {noise.samples}"
        raise DataError(found, rule, "give a longer training split, or a noise with fewer states, such as 'none'")


def _spread(missed_kw: Floats, places: Ints, day: int) -> Floats:
    """Return the standard deviation by step of the day, with the steps up to an hour beside it, shape (day,)."""
    seen = np.bincount(places, minlength=day)
    total = np.bincount(places, missed_kw**2, day)
    near = range(-max(day // HOURS, 1), max(day // HOURS, 1) + 1)
    shares = sum(np.roll(total, by) for by in near) / np.maximum(sum(np.roll(seen, by) for by in near), 1)
    least = EXACT * max(float(np.sqrt((missed_kw**2).mean())), EXACT)
    return np.asarray(np.sqrt(np.maximum(shares, least**2)))


def _levels(errors: Floats, count: int) -> tuple[Floats, Floats]:
    """Return levels of errors, the means of equal shares, and where the shares are cut."""
    edges = np.quantile(errors, np.linspace(0.0, 1.0, count + 1)[1:-1])
    binned = np.searchsorted(edges, errors)
    means = np.array([errors[binned == one].mean() if (binned == one).any() else np.nan for one in range(count)])
    return np.where(np.isnan(means), np.quantile(errors, (np.arange(count) + 0.5) / count), means), edges


def _spread_out(errors: Floats, count: int) -> Floats:
    """Return rising levels: the tails, and between them means of equal shares."""
    tails, inner = np.quantile(errors, (TAIL, 1.0 - TAIL)), max(count - 2, 0)
    found = np.sort(np.concatenate([tails, _levels(errors, inner)[0] if inner else np.zeros(0)]))
    return np.asarray(found + EXACT * np.arange(count))


def _outcomes(left: Floats) -> Floats:
    """Return equally likely outcomes of what is left: the means of shares of it, from the least to the most."""
    parts = np.array_split(np.sort(left), min(OUTCOMES, len(left)))
    return np.array([part.mean() for part in parts])


def _ranked(errors: Floats, hours: Ints, spread: Floats, noise: Noise) -> tuple[Floats, ...]:
    """Return what a chain of ranks is made of: each hour keeps errors by the correlation of one with the next."""
    count = noise.levels
    cuts = np.cumsum(_tossed(count - 1, 0.5))[:-1]
    parts = np.split(np.sort(errors), np.round(cuts * len(errors)).astype(int))
    levels = np.array([part.mean() if len(part) else np.nan for part in parts])
    levels = np.where(np.isnan(levels), np.quantile(errors, np.r_[0.0, cuts]), levels) + EXACT * np.arange(count)
    kept = np.zeros(HOURS)
    for hour in range(HOURS) if noise.kind == "ar1" else ():
        near = np.isin(hours[1:], [(hour + by) % HOURS for by in (-1, 0, 1)])
        before, after = errors[:-1][near], errors[1:][near]
        kept[hour] = before @ after / max(float(np.sqrt((before @ before) * (after @ after))), EXACT)
    return levels, np.zeros(1), np.zeros(0), spread, np.array([_kept(count, share) for share in kept])


def _tossed(coins: int, chance: float) -> Floats:
    """Return how likely each number of heads is.

    Example:
        >>> _tossed(2, 0.5).tolist()
        [0.25, 0.5, 0.25]
    """
    found = np.ones(1)
    for _ in range(coins):
        found = np.convolve(found, [1.0 - chance, chance])
    return found


def _kept(count: int, kept: float) -> Floats:
    """Return the chain of the heads of coins that are left as they lie but for a part that is tossed again."""
    same = (1.0 + kept) / 2.0
    return np.array([np.convolve(_tossed(up, same), _tossed(count - 1 - up, 1.0 - same)) for up in range(count)])


def _regressed(errors: Floats, hours: Ints, spread: Floats, noise: Noise) -> tuple[Floats, ...]:
    """Return what a chain of an autoregression by hour over two errors is made of."""
    levels, earlier = _spread_out(errors, noise.levels), _spread_out(errors, EARLIER)
    before = np.stack([np.repeat(levels, len(earlier)), np.tile(earlier, len(levels))])
    lagged = np.stack([errors[2 - by : len(errors) - by] for by in (1, 2)])
    after, stays = errors[2:], between(earlier, before[0])
    matrices = []
    for hour in range(HOURS):
        near = np.isin(hours[2:], [(hour + by) % HOURS for by in (-1, 0, 1)])
        weights = np.linalg.lstsq(lagged[:, near].T, after[near], rcond=None)[0]
        left = _outcomes(after[near] - weights @ lagged[:, near])
        coming = between(levels, (weights @ before)[:, None] + left).mean(axis=1)
        matrices.append((coming[:, :, None] * stays[:, None, :]).reshape(len(stays), -1))
    return levels, earlier, np.zeros(0), spread, np.array(matrices)


def _counted(errors: Floats, hours: Ints, spread: Floats, count: int) -> tuple[Floats, ...]:
    """Return what a chain is made of that is counted between equal shares of errors, by hour and those beside it."""
    levels, edges = _levels(errors, count)
    binned = np.searchsorted(edges, errors)
    seen = np.zeros((HOURS, count, count))
    np.add.at(seen, (hours[1:], binned[:-1], binned[1:]), 1.0)
    usual = seen.sum(axis=0) + np.eye(count)
    total = seen + 0.5 * (np.roll(seen, 1, axis=0) + np.roll(seen, -1, axis=0))
    total += usual / usual.sum(axis=1, keepdims=True)
    return levels, np.zeros(1), edges, spread, np.asarray(total / total.sum(axis=2, keepdims=True))
