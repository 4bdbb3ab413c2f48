"""Producers as environments, one at a time and as a batch.

One rule: steps, windows, seeds and figures are those of `EnergyEnv`; what bids mean is for the gates to say.
"""

from __future__ import annotations

from typing import Any, Self

from energy_gym.arrays import Flags, Floats
from energy_gym.bidding.batch_gates import ProducerBatchGates
from energy_gym.bidding.gates import ProducerGates
from energy_gym.bidding.making import make_bidding
from energy_gym.bidding.setup import BiddingSetup
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import call_checked
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.errors import ConfigurationError


class ProducerEnv(EnergyEnv):
    """A producer as a Gymnasium environment; keywords as in `energy_gym.bidding.making.make_bidding`."""

    setup: BiddingSetup
    _gates: ProducerGates

    @classmethod
    def batch_class(cls) -> type[EnergyVectorEnv]:
        """See `EnergyEnv.batch_class`."""
        return ProducerVectorEnv

    def _make_setup(self, **keywords: Any) -> BiddingSetup:
        return call_checked(make_bidding, keywords)

    def __copy__(self) -> Self:
        """Return an environment that plays on by itself: what is bid in it is not bid here."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._gates = self._gates.copy()
        return twin

    @property
    def due(self) -> Flags:
        """Which entries of the coming action count, shape (controls,)."""
        return self._gates.due

    def offered(self) -> dict[str, Floats]:
        """Return what is offered in each market for the running and the coming steps [kW], positive buys.

        Each has shape (steps that the market reaches ahead,); of bids with limit prices, the volumes.
        """
        books = self.setup.timetable.books
        return {book.market.name: part.copy() for book, part in zip(books, self._gates.ahead(), strict=True)}

    def _traded(self, info: dict[str, Any]) -> dict[str, float]:
        """See `EnergyEnv._traded`: what each market took of what was bid for the step."""
        return self._gates.taken(self._t - 1)


class ProducerVectorEnv(EnergyVectorEnv):
    """Many producers' episodes at once; keywords as for `ProducerEnv`, and ``num_envs`` and ``autoreset``."""

    setup: BiddingSetup
    _gates: ProducerBatchGates

    def _make_setup(self, **keywords: Any) -> BiddingSetup:
        if "battery" in keywords:
            raise ConfigurationError("battery= for a producer", "it has a storage", "pass storage=")
        return call_checked(make_bidding, keywords)

    @property
    def due(self) -> Flags:
        """Which entries of the coming actions count, shape (num_envs, controls)."""
        return self._gates.due(self._t)

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of an action."""
        return self.setup.entries
