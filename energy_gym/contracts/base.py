"""What every contract offers to a scenario, and the list of known kinds.

One rule: a contract settles the sum of what its parties draw and give; parties that share a contract share a meter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from energy_gym.contracts.ledger import Ledger
from energy_gym.errors import ConfigurationError
from energy_gym.trees import enrol

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Values = Mapping[str, Floats]
C = TypeVar("C", bound="type[Contract]")


class Contract:
    """Base of all contracts.

    ``parties`` names the entities whose energy it settles; empty means all of the scenario. ``settled_by`` says who
    turns it into money: the ``"meter"`` of a site, a ``"producer"`` that bids, a ``"fleet"`` that sells reserves, or
    ``"nobody"``. An environment refuses a contract that nobody in it settles. At a meter a contract has prices (see
    `EnergyContract`), a ledger, or both.
    """

    __slots__ = ()
    kind: ClassVar[str]
    settled_by: ClassVar[str] = "nobody"
    parties: tuple[str, ...]

    def ledger(self, times: pd.DatetimeIndex, zone: str, hours: float) -> Ledger | None:
        """Return what it carries from step to step and what that costs, over a series of steps.

        Args:
            times: Starts of the steps (UTC), shape (T,): of all data, not of one episode.
            zone: Time zone of the data.
            hours: Length of a step [h].

        Returns:
            Its ledger; None where it keeps none, as a contract that is settled by its prices alone.
        """
        return None

    def check_unit(self, name: str, entities: Mapping[str, Any], contracts: Mapping[str, Contract]) -> None:
        """Raise where it cannot be settled for a decision unit; every contract is asked when a scenario is made.

        Args:
            name: Its name; errors start with ``contracts.NAME``.
            entities: Entities of the unit by name, in the order of the scenario.
            contracts: Contracts of the unit by name, itself among them.

        Raises:
            ConfigurationError: It cannot.
        """


class EnergyContract(Contract):
    """A contract that prices every kWh that crosses the meter; each unit has exactly one."""

    __slots__ = ()
    settled_by: ClassVar[str] = "meter"
    carbon: str

    def columns(self) -> tuple[str, ...]:
        """Return the columns of the data that it needs."""
        return ()

    def price_columns(self) -> tuple[str | None, str | None]:
        """Return the columns that hold the prices of import and export; None for a price that no column holds."""
        return None, None

    def varying(self) -> tuple[bool, bool]:
        """Return whether import and export have a price of their own that changes from step to step."""
        return True, False

    def prices(self, values: Values, times: pd.DatetimeIndex, zone: str) -> tuple[Floats, Floats]:
        """Return the prices of import and export [currency/MWh] by step, each of shape (steps,)."""
        raise ConfigurationError(f"contract {self.kind!r}", "has no prices", "define prices() on its class")


CONTRACTS: dict[str, type[Any]] = {}


def register(contract: C) -> C:
    """Make a kind of contract known to YAML files; use it as a class decorator.

    Raises:
        ConfigurationError: The class names no kind, or one that another class has taken.
    """
    enrol(CONTRACTS, contract)
    return contract


def keeps_ledger(contract: Contract) -> bool:
    """Return whether the class of a contract has a law of its own for its ledger."""
    return type(contract).ledger is not Contract.ledger


def party_names(contract: str, value: Any) -> tuple[str, ...]:
    """Return the names of parties as a tuple, or raise ConfigurationError."""
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple) else (None,)
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
        raise ConfigurationError(f"{contract} parties={value!r}", "must name entities, each once", "list their names")
    return names
