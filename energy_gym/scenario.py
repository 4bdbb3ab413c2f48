"""A scenario: entities joined by contracts, and the objective they are run for; read from and written to YAML.

One rule: a scenario is plain frozen data, validated when it is made; it holds no series and no state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from energy_gym.contracts import CONTRACTS, Contract, Spot
from energy_gym.contracts.fleet import FleetMarket, contracts_of, scenario_tree
from energy_gym.entities import ENTITIES, Battery, Entity
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.objective import Clock, Objective, Weights
from energy_gym.site import Site, check_settling
from energy_gym.trees import build, carries_name, check_keys, mapping, of_kind, to_tree, written
from energy_gym.yaml_files import parsed, read_file

__all__ = ["Clock", "Objective", "Scenario", "Weights"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Entities joined by contracts.

    Args:
        name: A short name, shown in tables and figures.
        entities: Entities by name, in the order of the controls of an action.
        contracts: Contracts by name; each settles the sum of what its ``parties`` draw and give. One that has a
            ``name`` of its own, as a reserve has, stands under it.
        clock: Steps, look-ahead and length of an episode.
        objective: What is maximised.

    Raises:
        ConfigurationError: An entity without a contract, contracts of one meter with different parties, a meter
            without exactly one contract for its energy, a contract under another name than its own, or nothing to
            decide.

    Example:
        >>> scenario = Scenario.arbitrage(Battery(capacity_kwh=20.0))
        >>> Scenario.from_yaml(scenario.to_yaml()) == scenario
        True
        >>> [site.name for site in scenario.sites()]
        ['spot']
    """

    name: str = "arbitrage"
    entities: Mapping[str, Entity] = field(default_factory=lambda: {"battery": Battery()})
    contracts: Mapping[str, Contract] = field(default_factory=lambda: {"spot": Spot()})
    clock: Clock = field(default_factory=Clock)
    objective: Objective = field(default_factory=Objective)

    def __post_init__(self) -> None:
        object.__setattr__(self, "entities", dict(self.entities))
        object.__setattr__(self, "contracts", dict(self.contracts))
        _check_members("entities", self.entities, Entity)
        _check_members("contracts", self.contracts, Contract)
        _check_names(self.contracts)
        both = set(self.entities) & set(self.contracts)
        if both:
            name = sorted(both)[0]
            raise ConfigurationError(f"contracts.{name}", "is the name of an entity too", "give each its own name")
        self.sites()

    @classmethod
    def arbitrage(
        cls, battery: Battery | None = None, spot: Spot | None = None, objective: Objective | None = None
    ) -> Scenario:
        """Return one battery on a spot market."""
        return cls(
            entities={"battery": battery or Battery()},
            contracts={"spot": spot or Spot()},
            objective=objective or Objective(),
        )

    @classmethod
    def fleet(
        cls,
        name: str = "fleet",
        batteries: Mapping[str, Battery] | None = None,
        markets: Sequence[FleetMarket] | Mapping[str, Contract] = (),
        energy_price: str = "price_per_mwh",
        carbon: str = "carbon_g_per_kwh",
        clock: Clock | None = None,
        objective: Objective | None = None,
    ) -> Scenario:
        """Return batteries that sell to reserve markets.

        Args:
            name: A short name, shown in tables and figures.
            batteries: The assets by name, in the order of every ``prequalified_kw``.
            markets: What they sell, in the order of the controls, as a list or by name; an asset serves them in this
                order.
            energy_price: Column of the price at which energy missing or left at the end of an episode is settled.
            carbon: Column of the carbon intensity.
            clock: Steps, look-ahead and length of an episode.
            objective: What is maximised.

        Raises:
            ConfigurationError: No assets or markets, or as for the class.

        Example:
            >>> from energy_gym.contracts import Reserve
            >>> sold = (Reserve("up", "up_per_mw_h", "up", (5.0,)),)
            >>> fleet = Scenario.fleet(batteries={"a": Battery()}, markets=sold)
            >>> Scenario.from_yaml(fleet.to_yaml()) == fleet
            True
        """
        for part, members in (("batteries", mapping(batteries or {}, "batteries")), ("markets", markets)):
            if members in ({}, (), []):
                raise ConfigurationError(f"{part}={members!r}", "a fleet needs one or more", "add one")
        contracts = contracts_of(markets, energy_price, carbon)
        return cls(name, batteries or {}, contracts, clock or Clock(), objective or Objective())

    @property
    def battery(self) -> Battery:
        """The first battery.

        Raises:
            ConfigurationError: There is none.
        """
        for entity in self.entities.values():
            if isinstance(entity, Battery):
                return entity
        raise ConfigurationError(f"scenario {self.name!r}", "has no battery", "add one to its entities")

    def with_battery(self, battery: Battery) -> Scenario:
        """Return the scenario with another battery in place of its only one.

        Raises:
            ConfigurationError: It has none, or several.
        """
        names = [name for name, entity in self.entities.items() if isinstance(entity, Battery)]
        if len(names) != 1:
            raise ConfigurationError(
                f"battery= for scenario {self.name!r}", f"which has {len(names)} batteries", "pass a whole scenario"
            )
        return replace(self, entities={**self.entities, names[0]: battery})

    def sites(self) -> tuple[Site, ...]:
        """Return the decision units: the connected components of the graph of entities and contracts.

        They are decided on independently; each is named after its first contract.
        """
        import networkx as nx

        graph = nx.Graph()
        graph.add_nodes_from(self.entities)
        for name, contract in self.contracts.items():
            graph.add_edges_from((name, party) for party in self._parties(name, contract))
        parts = [self._site(part) for part in nx.connected_components(graph)]
        order = list(self.entities)
        return tuple(sorted(parts, key=lambda site: order.index(next(iter(site.entities)))))

    def _parties(self, name: str, contract: Contract) -> tuple[str, ...]:
        for party in contract.parties:
            if party not in self.entities:
                raise UnknownIdError.of(f"contracts.{name}.parties: entity", party, self.entities)
        return contract.parties or tuple(self.entities)

    def _site(self, members: set[str]) -> Site:
        entities = {name: entity for name, entity in self.entities.items() if name in members}
        contracts = {name: contract for name, contract in self.contracts.items() if name in members}
        if not contracts:
            raise ConfigurationError(
                f"entities.{next(iter(entities))}", "is no party to any contract", "name it in a contract's parties"
            )
        for name, contract in contracts.items():
            missing = set(entities) - set(self._parties(name, contract))
            if missing:
                rule = f"shares parties with other contracts, but leaves out {', '.join(sorted(missing))}"
                raise ConfigurationError(
                    f"contracts.{name}.parties", rule, "contracts of one meter have one set of parties"
                )
        site = Site(next(iter(contracts)), entities, contracts)
        check_settling(site)
        for name, contract in contracts.items():
            contract.check_unit(name, entities, contracts)
        return site

    def to_yaml(self) -> str:
        """Return the scenario as YAML text."""
        tree = {
            "name": self.name,
            "entities": {name: written(name, item) for name, item in self.entities.items()},
            "contracts": {name: written(name, item) for name, item in self.contracts.items()},
            "clock": to_tree(self.clock),
            "objective": to_tree(self.objective),
        }
        return yaml.safe_dump(tree, sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str) -> Scenario:
        """Read a scenario from YAML text; absent parts take their defaults.

        An entity or a contract says its ``kind``; where it does not, its name is its kind. A fleet may be written as
        its ``batteries`` and a list of its ``markets``, each with its ``name``.

        Raises:
            ConfigurationError: Broken YAML, an unknown key or kind (the nearest is suggested), a name that occurs
                twice, or a bad value, with its path.
        """
        tree = mapping(parsed(text) or {}, "scenario")
        if "batteries" in tree or "markets" in tree:
            tree = scenario_tree(tree)
        check_keys(tree, ("name", "entities", "contracts", "clock", "objective"), "scenario")
        given: dict[str, Any] = {"name": str(tree.get("name", "arbitrage"))}
        for part, kinds in (("entities", ENTITIES), ("contracts", CONTRACTS)):
            if part in tree:
                members = mapping(tree[part], part)
                given[part] = {
                    name: of_kind(item, f"{part}.{name}", kinds, name, name)
                    for name, item in ((str(key), item) for key, item in members.items())
                }
        clock, objective = tree.get("clock", {}), tree.get("objective", {})
        return cls(**given, clock=build(Clock, clock, "clock"), objective=build(Objective, objective, "objective"))

    @classmethod
    def read(cls, source: Scenario | str | Path) -> Scenario:
        """Return the scenario itself, or read it from the YAML file at a path.

        Raises:
            ConfigurationError: There is no such file, or it is no text.
        """
        return read_file(cls, source, "scenario", "must be a Scenario or the path of a YAML file")


def _check_members(part: str, members: Mapping[str, Any], kind: type) -> None:
    if not members:
        raise ConfigurationError(f"{part}={{}}", "must not be empty", f"name at least one of the {part}")
    for name, item in members.items():
        if not isinstance(name, str) or not name or not isinstance(item, kind):
            raise ConfigurationError(f"{part}.{name}={item!r}", f"must be an object of {kind.__name__}", "pass one")


def _check_names(contracts: Mapping[str, Any]) -> None:
    """Raise where a contract that has a name of its own stands under another."""
    for key, contract in contracts.items():
        if carries_name(type(contract)) and contract.name != key:
            found = f"contracts.{key}.name={contract.name!r}"
            raise ConfigurationError(found, "is not the name it stands under", f"give it the name {key!r}")
