"""Scenario files and series that cannot be used: the error names the place in the file, the rule and the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
import yaml

from energy_gym import Scenario
from energy_gym.errors import ConfigurationError, DataError, EnergyGymError, MissingColumnError, UnknownIdError
from energy_gym.scenarios.registration import SCENARIOS

ID = "energy_gym/Scenario-v1" if "energy_gym/Scenario-v1" in SCENARIOS else "energy_gym/Arbitrage-v1"

BANDS = "contracts: {supply: {kind: tariff, buy: {bands: [%s]}}}"
DAY = "{name: day, price_per_mwh: 300, hours: [6, 22]}"
SITE = """
entities:
  battery: {}
  load: {kind: consumer}
  pv: {kind: solar}
"""


def series(**columns: Any) -> pd.DataFrame:
    hours = pd.date_range("2024-05-30", periods=48, freq="h", tz="Europe/Berlin")
    usual = {"price_per_mwh": 50.0, "load_kw": 2.0, "pv_kw": 1.0}
    return pd.DataFrame({**usual, **columns}, index=hours)


def refused(folder: Path, text: str, data: pd.DataFrame | None = None) -> EnergyGymError:
    """Write a scenario to a file, make an environment of it, and return the error."""
    path = folder / "site.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EnergyGymError) as caught:
        gym.make(ID, scenario=str(path), data=series() if data is None else data)
    error = caught.value
    assert error.value and error.rule and error.remedy
    return error


FAULTS = {
    "a hole": (
        BANDS % (DAY + ", {name: night, price_per_mwh: 200, hours: [23, 6]}"),
        "contracts.supply.buy",
        "leave a hole in January, Monday, 22:00 to 23:00",
    ),
    "an overlap": (
        BANDS % (DAY + ", {name: night, price_per_mwh: 200, hours: [21, 6]}"),
        "contracts.supply.buy",
        "'day' and 'night' overlap in January, Monday, 21:00 to 22:00",
    ),
    "a hole on Sundays": (
        BANDS % "{name: week, price_per_mwh: 300, days: [0, 1, 2, 3, 4, 5]}",
        "contracts.supply.buy",
        "Sunday",
    ),
    "two bands of one name": (BANDS % f"{DAY}, {DAY}", "contracts.supply.buy.bands[1].name='day'", "is taken"),
    "an unknown key of a band": (
        BANDS % "{name: day, price_per_mhw: 300}",
        "contracts.supply.buy.bands[0].price_per_mhw",
        "did you mean 'price_per_mwh'",
    ),
    "an hour that is none": (
        BANDS % "{name: day, price_per_mwh: 300, hours: [6, 25]}",
        "contracts.supply.buy.bands[0].hours",
        "",
    ),
    "both ways to sell": (
        "contracts: {supply: {kind: tariff, sell: 20, feed_in_ratio: 0.3}}",
        "contracts.supply.feed_in_ratio=0.3",
        "excludes a price for sales",
    ),
    "a percentage": ("contracts: {supply: {kind: tariff, feed_in_ratio: 30}}", "contracts.supply.feed_in_ratio", "0.3"),
    "an unknown key of the file": ("entitys: {battery: {}}", "scenario.entitys", "did you mean 'entities'"),
    "an unknown key of an entity": (
        "entities: {battery: {capacity_kw: 5}}",
        "entities.battery.capacity_kw",
        "did you mean 'capacity_kwh'",
    ),
    "an unknown key of the clock": ("clock: {step_minute: 5}", "clock.step_minute", "did you mean 'step_minutes'"),
    "an unknown kind of entity": (
        "entities: {roof: {kind: solr}}",
        "entities.roof: kind 'solr'",
        "did you mean 'solar'",
    ),
    "an unknown kind of contract": (
        "contracts: {supply: {kind: tarif}}",
        "contracts.supply: kind 'tarif'",
        "did you mean 'tariff'",
    ),
    "an unknown party": (
        SITE + "contracts: {spot: {parties: [battery, laod, pv]}}",
        "contracts.spot.parties: entity 'laod'",
        "did you mean 'load'",
    ),
    "a party named twice": (
        SITE + "contracts: {spot: {parties: [battery, battery]}}",
        "contracts.spot",
        "each once",
    ),
    "a party that is a contract": (
        SITE + "contracts: {a: {kind: spot, parties: [b]}, b: {kind: spot, parties: [a]}}",
        "contracts.a.parties: entity 'b'",
        "no such",
    ),
    "an entity without a contract": (
        SITE + "contracts: {spot: {parties: [battery, pv]}}",
        "entities.load",
        "is no party to any contract",
    ),
    "contracts of one meter with other parties": (
        SITE
        + "contracts: {spot: {}, demand: {kind: demand_charge, parties: [load], windows: [{name: a, rate_per_kw: 1}]}}",
        "contracts.demand.parties",
        "leaves out battery, pv",
    ),
    "two prices of one meter": (
        SITE + "contracts: {spot: {}, supply: {kind: tariff}}",
        "contracts.spot",
        "exactly one",
    ),
    "a charge without a price": (
        "contracts: {demand: {kind: demand_charge, windows: [{name: a, rate_per_kw: 1}]}}",
        "contracts.demand",
        "exactly one",
    ),
    "a negative charge": (
        "contracts: {spot: {}, demand: {kind: demand_charge, windows: [{name: a, rate_per_kw: -1}]}}",
        "contracts.demand.windows[0].rate_per_kw=-1",
        "must not be negative",
    ),
    "two connections": (
        "entities: {battery: {}, one: {kind: grid}, two: {kind: grid}}",
        "entities.two",
        "second connection",
    ),
    "a name that occurs twice": (
        "entities:\n  battery: {}\n  battery: {capacity_kwh: 5}\n",
        "battery: line 3",
        "occurs twice",
    ),
    "one name for an entity and a contract": (
        "entities: {spot: {kind: battery}}\ncontracts: {spot: {}}",
        "contracts.spot",
        "name of an entity",
    ),
    "no entities": ("entities: {}", "entities", "must not be empty"),
    "nothing to decide": (
        "name: idle\nentities: {load: {kind: consumer}}",
        "scenario 'idle'",
        "nothing to decide",
    ),
    "an unknown curtailment": (
        "entities: {battery: {}, pv: {kind: solar, curtailment: limits}}",
        "entities.pv",
        "did you mean 'limit'",
    ),
    "more than all of a load": (
        "entities: {load: {kind: consumer, shiftable: 1.5}}",
        "entities.load",
        "share in [0, 1]",
    ),
    "no YAML": ("entities: {battery: [}", "scenario", "no valid YAML"),
    "a step the data do not have": ("clock: {step_minutes: 15}", "clock.step_minutes=15", "steps of 60 min"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_place_in_the_file_is_named(fault: str, tmp_path: Path) -> None:
    text, place, hint = FAULTS[fault]
    error = refused(tmp_path, text)
    assert isinstance(error, ConfigurationError)
    assert error.value.startswith(place), str(error)
    assert hint in str(error), str(error)


def test_a_unit_without_anything_to_decide_beside_one_with_a_battery_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    contracts = "contracts: {a: {kind: spot, parties: [battery]}, b: {kind: spot, parties: [load, pv]}}"
    path.write_text(SITE + contracts, encoding="utf-8")
    env = gym.make(ID, scenario=str(path), data=series())
    env.reset(seed=0)
    *_, info = env.step(np.zeros(1))
    assert info["grid_kw"] == 1.0


def test_series_that_break_a_rule(tmp_path: Path) -> None:
    pv = np.ones(48)
    pv[5] = -0.5
    error = refused(tmp_path, SITE, series(pv_kw=pv))
    assert isinstance(error, DataError)
    assert "pv_kw" in str(error) and "negative" in str(error) and "2024-05-30T03:00" in str(error)


def test_a_load_shorter_than_the_tariff(tmp_path: Path) -> None:
    load = np.full(48, 2.0)
    load[40:] = np.nan
    error = refused(tmp_path, SITE, series(load_kw=load))
    assert isinstance(error, DataError)
    assert "load_kw" in str(error) and "2024-05-31" in str(error)


def test_a_series_that_is_not_there(tmp_path: Path) -> None:
    error = refused(tmp_path, SITE, series().drop(columns="load_kw").assign(load=1.0))
    assert isinstance(error, MissingColumnError)
    assert "load_kw" in error.value and "entity 'load'" in error.rule and "rename 'load' if it is in kW" in error.remedy
    error = refused(tmp_path, SITE, series().drop(columns="pv_kw"))
    assert isinstance(error, MissingColumnError)
    assert "pv_kw" in error.value and "zeros where there is none" in error.remedy and "rename" not in error.remedy
    error = refused(tmp_path, "contracts: {supply: {kind: tariff, sell: feed_in_per_mwh}}")
    assert isinstance(error, MissingColumnError) and "feed_in_per_mwh" in error.value


def test_a_load_that_does_not_fit_through_the_connection(tmp_path: Path) -> None:
    text = "entities: {battery: {}, load: {kind: consumer}, grid: {import_kw: 1}}\ncontracts: {spot: {}}"
    error = refused(tmp_path, text)
    assert isinstance(error, DataError)
    assert "spot: 1.000 kW above the import limit at 2024-05-29T22:00" in error.value
    text = "entities: {battery: {}, pv: {kind: solar}, grid: {export_kw: 0}}\ncontracts: {spot: {}}"
    assert "1.000 kW above the export limit" in refused(tmp_path, text).value


def test_bands_that_end_within_a_step(tmp_path: Path) -> None:
    bands = "{name: day, price_per_mwh: 300, hours: [6.5, 22]}, {name: night, price_per_mwh: 200, hours: [22, 6.5]}"
    error = refused(tmp_path, BANDS % bands)
    assert isinstance(error, ConfigurationError) and "06:30" in str(error)


WHOLE = """
name: all
entities:
  battery: {capacity_kwh: 12, soc_min: 0.1}
  load: {kind: consumer, column: load_kw, scale: 1.5, shiftable: 0.2, catch_up_kw: 3, debt_kwh: 2}
  pv: {kind: solar, column: pv_kw, scale: 2, curtailment: limit}
  grid: {import_kw: 50, export_kw: 10}
contracts:
  supply:
    kind: tariff
    buy:
      zone: Europe/Berlin
      holidays: ["12-25"]
      bands:
        - {name: day, price_per_mwh: 300, hours: [[6, 22]], days: all}
        - {name: night, price_per_mwh: 200, hours: [[22, 6]], holidays: as-days}
    feed_in_ratio: 0.3
    carbon: carbon_g_per_kwh
    parties: [battery, load, pv, grid]
  demand:
    kind: demand_charge
    period: month
    windows: [{name: peak, rate_per_kw: 5, hours: [[10, 17]]}]
    parties: [battery, load, pv, grid]
clock: {step_minutes: 60, horizon: 4, episode_steps: 24}
objective: {kind: joint, carbon_price: 50, terminal: cyclic}
"""
JUNK = (None, True, -1, 10**400, float("nan"), "", "x", [], [None], {"x": 1}, {1: 2})


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


@pytest.mark.parametrize("place", list(places(yaml.safe_load(WHOLE))), ids=lambda place: ".".join(map(str, place)))
def test_junk_anywhere_is_refused_in_our_own_words_or_taken(place: tuple[Any, ...]) -> None:
    for junk in JUNK:
        tree = yaml.safe_load(WHOLE)
        *above, last = place
        part = tree
        for key in above:
            part = part[key]
        part[last] = junk
        scenario = taken(yaml.safe_dump(tree))
        assert scenario is None or Scenario.from_yaml(scenario.to_yaml()) == scenario, junk


def taken(text: str) -> Scenario | None:
    """Return the scenario of a text, None where it is refused in our own words; any other error is one."""
    try:
        return Scenario.from_yaml(text)
    except EnergyGymError:
        return None


@pytest.mark.parametrize(
    "text", ["? [a, b]\n: 1", "a: &a [*a]", "entities: {? {a: 1} : 2}", "<<: 5", "1", "!!set {a}", "{}: 1"]
)
def test_odd_yaml_is_refused_in_our_own_words(text: str) -> None:
    with pytest.raises(ConfigurationError):
        Scenario.from_yaml(text)


def test_no_such_file() -> None:
    with pytest.raises(ConfigurationError, match=r"no/such\.yaml"):
        gym.make(ID, scenario="no/such.yaml", data=series())
    with pytest.raises(UnknownIdError):
        gym.make(ID, scenario=None, data=series(), objective="money")
