"""A scenario as a graph: every member stands in it once, and what joins them is what the scenario says."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("pydantic", reason="the extra serve is not installed")

from energy_gym.contracts import Reserve, demand, tariff
from energy_gym.dashboard.graph import graph_of
from energy_gym.entities import Battery, Consumer, Grid, Solar
from energy_gym.scenario import Scenario


def office():
    return Scenario(
        name="office",
        entities={"grid": Grid(export_kw=0.0), "battery": Battery(), "pv": Solar(), "load": Consumer()},
        contracts={"tariff": tariff.costa_rica(), "demand": demand.costa_rica()},
    )


def test_a_site_is_one_unit_with_its_members_and_their_figures():
    graph = graph_of(office())
    (unit,) = graph.units
    assert [node.name for node in unit.entities] == ["grid", "battery", "pv", "load"]
    assert [node.name for node in unit.contracts] == ["tariff", "demand"]
    assert unit.contracts[0].parties == ["grid", "battery", "pv", "load"]
    figures = {node.name: node.figures for node in (*unit.entities, *unit.contracts)}
    assert figures["battery"]["capacity_kwh"] == Battery().capacity_kwh
    assert [row["name"] for row in figures["demand"]["windows"]] == ["peak", "valley", "night"]
    assert "import_kw" not in figures["grid"]
    assert unit.settled_by == "settled at the meter"


def test_a_fleet_is_a_unit_that_says_who_settles_it():
    batteries = {"north": Battery(), "south": Battery()}
    fleet = Scenario.fleet(batteries=batteries, markets=(Reserve("up", "up_per_mw_h", "up", (5.0, 5.0)),))
    (unit,) = graph_of(fleet).units
    assert unit.settled_by == "settled by the fleet"
    assert {node.name for node in unit.entities} == set(batteries)


def test_it_can_be_sent_and_read_back():
    graph = graph_of(office())
    told = json.loads(graph.model_dump_json())
    assert Scenario.from_yaml(told["yaml"]) == office()
    assert told["objective"]["kind"] == "cost"
