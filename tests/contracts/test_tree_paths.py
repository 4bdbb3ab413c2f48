"""Plain trees into dataclasses: every error starts with the path of the value."""

from __future__ import annotations

from typing import Any

import pytest

from energy_gym.contracts.tariff import Band
from energy_gym.entities import Battery
from energy_gym.errors import ConfigurationError, NonPositiveError
from energy_gym.trees import build, check_keys, listed, mapping, number, text


def test_the_path_joins_the_field() -> None:
    with pytest.raises(ConfigurationError, match=r"^supply\.buy\.bands\[2\]\.price_per_mwh='x'"):
        build(Band, {"name": "a", "price_per_mwh": "x"}, "supply.buy.bands[2]")


def test_the_class_of_the_error_stays() -> None:
    with pytest.raises(NonPositiveError, match=r"^entities\.battery: battery capacity_kwh=-1"):
        build(Battery, {"capacity_kwh": -1.0}, "entities.battery")


def test_absent_keys_take_their_defaults() -> None:
    assert build(Battery, {}, "entities.battery") == Battery()


@pytest.mark.parametrize(
    ("tree", "start"),
    [
        ({"price_per_mwh": 5}, "buy.name: is missing"),
        ({"name": "a", "price_per_mwh": 5, "hour": [1, 2]}, "buy.hour: is not a known key; did you mean 'hours'"),
        ({"name": "a", "price_per_mwh": 5, 7: 1}, "buy.7: is not a known key"),
        ([], "buy=[]: must be a mapping"),
        ({"name": "", "price_per_mwh": 5}, "buy.name=''"),
    ],
)
def test_bad_trees_name_their_path(tree: Any, start: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build(Band, tree, "buy")
    assert str(caught.value).startswith(start)


def test_mappings_and_keys() -> None:
    assert mapping({"a": 1}, "x") == {"a": 1}
    check_keys({"a": 1}, ("a", "b"), "x")
    with pytest.raises(ConfigurationError, match=r"^x\.zz: is not a known key; Known: a, b"):
        check_keys({"zz": 1}, ("a", "b"), "x")


@pytest.mark.parametrize("value", [True, "5", None, float("nan"), float("inf"), [1.0], 10**400])
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="rate="):
        number("rate", value, "currency/kW")


def test_texts_and_lists() -> None:
    assert text("name", "a") == "a"
    for bad in ("", None, 5):
        with pytest.raises(ConfigurationError, match="name="):
            text("name", bad)
    twice = [Band("a", 1.0), Band("b", 1.0), Band("a", 2.0)]
    assert listed("bands", twice[:2], Band) == tuple(twice[:2])
    with pytest.raises(ConfigurationError, match=r"bands\[2\]\.name='a': is taken"):
        listed("bands", twice, Band)
    for bad in ([], "a", None, [1], {"a": 1}):
        with pytest.raises(ConfigurationError, match="bands="):
            listed("bands", bad, Band)
