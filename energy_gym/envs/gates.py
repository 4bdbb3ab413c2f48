"""What stands between an action and the step where bids count at gate closures: for one episode, and for a batch.

One rule: an environment asks its gates what a step is played with, and knows nothing of markets itself. Where every
wish is settled in its own step there are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Flags, Floats, Ints

if TYPE_CHECKING:
    from energy_gym.machine import Laid

Observations = npt.NDArray[np.float32]


class Gates(Protocol):
    """The bids of one episode: what was committed so far, and what the coming action may commit."""

    def restart(self, first: int, stop: int) -> None:
        """Start an episode over the steps ``first`` to ``stop``, with nothing committed."""

    def copy(self) -> Any:
        """Return the same, to be played on without changing this one."""

    def take(self, action: Any) -> tuple[Any, float, Any]:
        """Take the action of the coming step, and move on to the one after it.

        Returns:
            The wishes that the composed step is played with, the energy that cutting them refuses [kWh], and what the
            step is told.

        Raises:
            ActionError: The action is not of the action space, or an entry that counts is not finite.
        """

    def show(self, observation: Observations) -> None:
        """Write what is committed into an observation, shape (slots,)."""

    def tell(self, info: dict[str, Any], owed: float, fined: float) -> None:
        """Add the figures of the step that was played to ``info``: the first of `Kind.figures`.

        Args:
            info: The figures so far; what is added to penalties at an episode's end is in none of the parts yet.
            owed: Cost of closing the episode [currency]; 0 within it.
            fined: Penalty of closing it [currency].
        """

    def announce(self) -> dict[str, Any]:
        """Return what ``info`` says of the coming action: the last of `Kind.figures`."""


class BatchGates(Protocol):
    """The same for ``num_envs`` episodes at once."""

    def compile(self, compiled: bool) -> None:
        """Let machine code work out what is not a part of the composed step, or arrays; the bits are the same."""

    def place(self, which: Ints) -> None:
        """Let the environments named start with nothing committed."""

    def take(self, steps: Ints, actions: Any, waiting: Flags | None) -> tuple[tuple[Any, ...], Any, tuple[Floats, ...]]:
        """See `Gates.take`; arrays with a value for each environment.

        Args:
            steps: The step of each environment, shape (num_envs,).
            actions: Their actions.
            waiting: Which environments wait for a reset, so that their action does not count.

        Returns:
            Wishes, the energy refused, and what was committed for the running step: in the order in which the
            `energy_gym.units.GIVEN` stand in the unit's series.
        """

    def signals(self, steps: Ints, committed: tuple[Floats, ...]) -> Any:
        """Return what the composed step is told, with what was committed for it."""

    def laid(self) -> Sequence[Laid]:
        """Return what is committed as it is observed: columns of arrays that are kept, and where they are shown."""

    def tell(self, figures: dict[str, Any], done: Flags, closed: tuple[Any, Any] | None, waiting: Flags | None) -> None:
        """See `Gates.tell`: ``closed`` is what closing costs and its penalty, None where no episode ends."""

    def announce(self, steps: Ints) -> dict[str, Floats | Flags]:
        """See `Gates.announce`."""
