"""A scenario as what can be drawn: its decision units, who stands in them, and what joins them.

One rule: what is shown is what the scenario says; nothing is named that is not in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from energy_gym.contracts import Contract
from energy_gym.entities import Entity
from energy_gym.scenario import Scenario
from energy_gym.site import Site
from energy_gym.trees import to_tree, written

APART = ("kind", "name", "parties")
NOUNS = {"meter": "settled at the meter", "nobody": "settled by nobody"}


class Node(BaseModel):
    """An entity or a contract: its name, its kind, and its figures as they are written in YAML."""

    name: str
    kind: str
    figures: dict[str, Any]
    parties: list[str] = []


class UnitGraph(BaseModel):
    """A decision unit: entities, contracts (each with the entities it joins), and who settles it."""

    name: str
    settled_by: str
    entities: list[Node]
    contracts: list[Node]


class Graph(BaseModel):
    """A scenario as a graph, with its clock and its objective."""

    name: str
    units: list[UnitGraph]
    clock: dict[str, Any]
    objective: dict[str, Any]
    yaml: str


def graph_of(scenario: Scenario) -> Graph:
    """Return a scenario as a graph.

    Example:
        >>> unit = graph_of(Scenario.arbitrage()).units[0]
        >>> [node.name for node in unit.entities], unit.contracts[0].parties
        (['battery'], ['battery'])
    """
    return Graph(
        name=scenario.name,
        units=[_unit(site) for site in scenario.sites()],
        clock=_plain(to_tree(scenario.clock)),
        objective=_plain(to_tree(scenario.objective)),
        yaml=scenario.to_yaml(),
    )


def _unit(site: Site) -> UnitGraph:
    members = list(site.entities)
    return UnitGraph(
        name=site.name,
        settled_by=NOUNS.get(site.settled_by, f"settled by the {site.settled_by}"),
        entities=[_node(name, entity) for name, entity in site.entities.items()],
        contracts=[_node(name, item, list(item.parties) or members) for name, item in site.contracts.items()],
    )


def _node(name: str, item: Entity | Contract, parties: list[str] | None = None) -> Node:
    return Node(name=name, kind=item.kind, figures=_figures(name, item), parties=parties or [])


def _figures(name: str, item: Entity | Contract) -> dict[str, Any]:
    """Return what a member says of itself in YAML; what it leaves open is left out."""
    return {key: _plain(value) for key, value in written(name, item).items() if key not in APART and value is not None}


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
