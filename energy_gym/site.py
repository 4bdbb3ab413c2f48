"""A decision unit of a scenario: entities that share contracts, and who settles what they draw and give.

One rule: one party settles a unit; a meter has one contract for its energy and one connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from energy_gym.contracts import Contract, DemandCharge, EnergyContract, EnergyValue
from energy_gym.contracts.base import keeps_ledger
from energy_gym.entities import Entity, Grid
from energy_gym.errors import ConfigurationError

METERED = ("meter", "producer", "nobody")
"""Who, settling a unit's contracts, reads a meter that has exactly one contract for its energy."""


class Site(NamedTuple):
    """A decision unit: entities that share contracts, and the contracts that settle what they draw and give."""

    name: str
    entities: Mapping[str, Entity]
    contracts: Mapping[str, Contract]

    @property
    def settled_by(self) -> str:
        """Who settles its contracts: ``"meter"``, ``"producer"``, ``"fleet"`` or ``"nobody"``; see `Contract`."""
        return next(
            (item.settled_by for item in self.contracts.values() if item.settled_by != Contract.settled_by),
            Contract.settled_by,
        )

    @property
    def energy(self) -> EnergyContract:
        """The contract that prices every kWh that crosses the meter; of a fleet, what says what energy is worth to it.

        Raises:
            ConfigurationError: There is none, as where nobody meters.
        """
        for contract in self.contracts.values():
            if isinstance(contract, EnergyContract):
                return contract
        if self.settled_by == EnergyValue.settled_by:
            return EnergyValue()
        raise ConfigurationError(f"unit {self.name!r}", "has no contract for its energy", "add a spot or a tariff")

    @property
    def demand(self) -> tuple[DemandCharge, ...]:
        """The charges on what it draws at most."""
        return tuple(contract for contract in self.contracts.values() if isinstance(contract, DemandCharge))

    @property
    def grid(self) -> Grid:
        """The connection; one without limits where the scenario names none."""
        found = [entity for entity in self.entities.values() if isinstance(entity, Grid)]
        return found[0] if found else Grid()


def check_settling(site: Site) -> None:
    """Raise where the contracts of a unit cannot be settled together.

    Raises:
        ConfigurationError: Several parties settle them, a ledger is kept that nobody reads, or the meter does not have
            exactly one contract for its energy and one connection.
    """
    _check_settlers(site)
    _check_ledgers(site)
    if site.settled_by in METERED:
        _check_meter(site)


def _check_settlers(site: Site) -> None:
    """Raise where the contracts of a unit are settled by different parties."""
    first: dict[str, str] = {}
    for name, contract in site.contracts.items():
        if contract.settled_by != Contract.settled_by:
            first.setdefault(contract.settled_by, name)
    if len(first) > 1:
        (one, other), (name, beside) = list(first)[:2], list(first.values())[:2]
        found = f"contracts.{beside} (kind {site.contracts[beside].kind!r})"
        rule = f"is settled by the {other}, while {name!r} of the same parties is settled by the {one}"
        raise ConfigurationError(found, rule, "give them different parties, or leave one out")


def _check_ledgers(site: Site) -> None:
    """Raise where a contract keeps a ledger that nobody would read."""
    for name, contract in site.contracts.items():
        if contract.settled_by != "meter" and keeps_ledger(contract):
            found = f"contracts.{name} (kind {contract.kind!r})"
            rule = f"keeps a ledger of what crosses the meter, and says that it is settled by {contract.settled_by!r}"
            raise ConfigurationError(found, rule, 'let its class say settled_by = "meter"')


def _check_meter(site: Site) -> None:
    """Raise where contracts that share a meter cannot be settled at it."""
    energy = [name for name, contract in site.contracts.items() if isinstance(contract, EnergyContract)]
    grids = [name for name, entity in site.entities.items() if isinstance(entity, Grid)]
    if len(energy) != 1:
        raise ConfigurationError(
            f"contracts.{site.name}: {len(energy)} contracts for the energy of one meter",
            "each meter has exactly one",
            "merge them, or give them different parties",
        )
    if len(grids) > 1:
        raise ConfigurationError(f"entities.{grids[1]}", f"is a second connection beside {grids[0]!r}", "keep one")
    for name, contract in site.contracts.items():
        lawful = isinstance(contract, EnergyContract | DemandCharge) or keeps_ledger(contract)
        if contract.settled_by == "meter" and not lawful:
            found = f"contracts.{name} (kind {contract.kind!r})"
            rule = "says that the meter settles it, and has no law that a meter knows"
            raise ConfigurationError(found, rule, "let it keep a ledger, or derive it from EnergyContract")
