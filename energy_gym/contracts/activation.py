"""Activation: how often, how long and how much of a reserve is called; one rule: a share of the power for each step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energy_gym.errors import ConfigurationError

Shares = npt.NDArray[np.float64]


def require_number(name: str, value: object, low: float, high: float = math.inf) -> None:
    """Raise unless a value is a finite number within limits.

    Raises:
        ConfigurationError: It is not.
    """
    good = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    if not good or value == math.inf:
        rule = f"must be a number of at least {low:g}" + (f" and at most {high:g}" if high < math.inf else "")
        raise ConfigurationError(f"{name}={value!r}", rule, f"correct {name}")


def require_column(name: str, value: object) -> None:
    """Raise unless a value is a name.

    Raises:
        ConfigurationError: It is not.
    """
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{name}={value!r}", "must name a column", "pass its name")


@dataclass(frozen=True, slots=True)
class NoActivation:
    """The reserve is never called.

    Example:
        >>> NoActivation().shares(np.random.default_rng(0), 2, 1.0).tolist()
        [0.0, 0.0]
    """

    def shares(self, rng: np.random.Generator, steps: int, step_hours: float) -> Shares:
        """Return zeros, shape (steps,)."""
        return np.zeros(steps)


@dataclass(frozen=True, slots=True)
class FullActivation:
    """The reserve is delivered in full at every step it is sold: the reading of a fleet that trades energy.

    Example:
        >>> FullActivation().shares(np.random.default_rng(0), 2, 1.0).tolist()
        [1.0, 1.0]
    """

    def shares(self, rng: np.random.Generator, steps: int, step_hours: float) -> Shares:
        """Return ones, shape (steps,)."""
        return np.ones(steps)


@dataclass(frozen=True, slots=True)
class ExpectedActivation:
    """The reserve is called for the same share of its power in every step: its expected delivery.

    A signal that goes up and down within a step, as regulation does, is told by what it comes to over the step.

    Args:
        share: Share of the power that is called, in [0, 1].

    Raises:
        ConfigurationError: The share lies outside.

    Source:
        Expected delivery (``k_ru``, ``k_rd``) of frequency regulation in EPRI's StorageVET.

    Example:
        >>> ExpectedActivation(0.3).shares(np.random.default_rng(0), 2, 1.0).tolist()
        [0.3, 0.3]
    """

    share: float = 0.2

    def __post_init__(self) -> None:
        require_number("share", self.share, 0.0, 1.0)

    def shares(self, rng: np.random.Generator, steps: int, step_hours: float) -> Shares:
        """Return the share, shape (steps,)."""
        return np.full(steps, float(self.share))


@dataclass(frozen=True, slots=True)
class RandomActivation:
    """The reserve is called now and then: a two-state chain, with the same share of power throughout a call.

    Args:
        probability: Share of steps in which it is called, in the long run; in [0, 1).
        mean_hours: Mean length of a call [h].
        lowest: Smallest share of the power that a call asks for; shares are uniform up to ``highest``.
        highest: Largest share; at most 1.

    Raises:
        ConfigurationError: A figure is outside its range, or the shares are not ordered.

    Source:
        A two-state Markov chain; the long-run share and the mean length of calls fix its two probabilities.

    Example:
        >>> shares = RandomActivation(0.2, mean_hours=2.0).shares(np.random.default_rng(0), 100_000, 1.0)
        >>> round(float((shares > 0).mean()), 1)
        0.2
    """

    probability: float = 0.1
    mean_hours: float = 1.0
    lowest: float = 0.2
    highest: float = 1.0

    def __post_init__(self) -> None:
        require_number("probability", self.probability, 0.0, 1.0)
        require_number("lowest", self.lowest, 0.0, 1.0)
        require_number("highest", self.highest, self.lowest, 1.0)
        require_number("mean_hours", self.mean_hours, 0.0)
        if self.probability == 1.0 or self.mean_hours == 0.0:
            found = f"probability={self.probability}, mean_hours={self.mean_hours}"
            raise ConfigurationError(
                found, "a call ends, and lasts", "use FullActivation() for a reserve always called"
            )

    def shares(self, rng: np.random.Generator, steps: int, step_hours: float) -> Shares:
        """Draw the share of the power that is called, shape (steps,), 0 where none is.

        Args:
            rng: Source of chance; the same state gives the same shares.
            steps: How many steps.
            step_hours: Length of a step [h]; calls last at least one step.

        Raises:
            ConfigurationError: Calls this long and rest this short cannot make up the probability.
        """
        stay = max(0.0, 1.0 - step_hours / self.mean_hours)
        begin = (1.0 - stay) * self.probability / (1.0 - self.probability)
        if begin > 1.0:
            found = f"probability={self.probability}, mean_hours={self.mean_hours}, steps of {step_hours} h"
            raise ConfigurationError(found, "rest would be shorter than a step", "pass longer calls")
        chances, sizes = rng.random(steps), self.lowest + (self.highest - self.lowest) * rng.random(steps)
        return _chain(chances, sizes, self.probability, stay, begin)


def _chain(chances: Shares, sizes: Shares, initial: float, stay: float, begin: float) -> Shares:
    """Run the two-state chain; a call keeps the size it began with."""
    shares = np.zeros(len(sizes))
    size, called = 0.0, False
    for step, chance in enumerate(chances):
        before = called
        called = bool(chance < (initial if step == 0 else stay if before else begin))
        size = sizes[step] if called and not before else size
        shares[step] = size if called else 0.0
    return shares


@dataclass(frozen=True, slots=True)
class ActivationSeries:
    """The reserve is called as a column of the data says.

    Args:
        column: Column with the share of the power that is called, from 0 to 1.

    Raises:
        ConfigurationError: The column is not named.

    Example:
        >>> ActivationSeries("afrr_up_share").checked(np.array([0.0, 0.5])).tolist()
        [0.0, 0.5]
    """

    column: str

    def __post_init__(self) -> None:
        require_column("column", self.column)

    def checked(self, values: Shares) -> Shares:
        """Return the column's values, or say why they are no shares.

        Raises:
            ConfigurationError: A value lies outside 0 and 1.
        """
        outside = ~((values >= 0.0) & (values <= 1.0))
        if outside.any():
            at = int(np.flatnonzero(outside)[0])
            found = f"column {self.column!r}: {values[at]} at step {at}"
            raise ConfigurationError(found, "shares lie within 0 and 1", "divide by the power reserved")
        return values


Activation = NoActivation | FullActivation | ExpectedActivation | RandomActivation | ActivationSeries
ACTIVATIONS: dict[str, type[Activation]] = {
    "none": NoActivation,
    "full": FullActivation,
    "expected": ExpectedActivation,
    "random": RandomActivation,
    "series": ActivationSeries,
}
"""Ways to be called by the kind that a file names."""
