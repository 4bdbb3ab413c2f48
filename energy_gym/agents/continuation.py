"""What is stored is worth where a plan ends before its episode does.

One rule: a value is known before the episode begins: a mean of the training split, nothing, or what was learnt.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from energy_gym.arrays import Floats
from energy_gym.closing import Closing
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, UnknownIdError

CONTINUATIONS = ("mean-price", "none", "sdp")


@runtime_checkable
class Continuation(Protocol):
    """A value of what is stored, such as one that dynamic programming has learnt."""

    def worth(self, step: int, energy_kwh: Floats) -> Floats:
        """Return what levels of stored energy are worth at the beginning of a step [reward units].

        Args:
            step: The step, counted from the start of the split.
            energy_kwh: The levels [kWh], shape (n,).
        """


def check_continuation(how: Any) -> None:
    """Raise where plans cannot be continued in a way.

    Raises:
        UnknownIdError: No such name.
        ConfigurationError: An object without ``worth``.

    Example:
        >>> check_continuation("mean-price")
        >>> check_continuation(3)
        Traceback (most recent call last):
        energy_gym.errors.ConfigurationError: continuation=3: must have a method worth(); ...
    """
    if isinstance(how, str) and how not in CONTINUATIONS:
        raise UnknownIdError.of("continuation", how, CONTINUATIONS)
    if not isinstance(how, str | Continuation):
        raise ConfigurationError(
            f"continuation={how!r}", "must have a method worth()", f"pass one of {', '.join(CONTINUATIONS)}"
        )


def closings_of(env: EnergyEnv, how: str | Continuation) -> tuple[Closing, ...]:
    """Return the prices at which a plan is closed that ends before its episode, by unit."""
    return tuple(Closing() for _ in env.setup.units) if how == "none" else env.setup.continuation
