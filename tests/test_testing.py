"""The contract test finds what is wrong: each fault planted in an entity is named, with the step and the figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Scenario
from energy_gym.contracts import Spot, Tariff
from energy_gym.entities import ENTITIES, Consumer, Entity, Flexible, Solar
from energy_gym.entities import battery as laws_of_battery
from energy_gym.envs.compat import MODERN
from energy_gym.errors import BrokenPromiseError, MissingColumnError, NonPositiveError
from energy_gym.testing import Report, check_scenario

BATTERY = Battery()


@pytest.fixture
def data() -> pd.DataFrame:
    random = np.random.default_rng(4)
    index = pd.date_range("2024-05-30", periods=96, freq="h", tz="UTC")
    columns = {"price_per_mwh": random.normal(50.0, 60.0, 96), "load_kw": random.uniform(0.5, 3.0, 96)}
    return pd.DataFrame(columns, index)


@dataclass(frozen=True)
class Twisted(Entity):
    """A battery of which one law is twisted by the test."""

    kind: ClassVar[str] = "twisted"
    twist: ClassVar[Callable[[Flexible], Flexible]]
    capacity_kwh: float = 10.0

    def flexible(self, name: str, hours: float, values: Any) -> Flexible:
        return type(self).twist(replace(BATTERY, capacity_kwh=self.capacity_kwh).flexible(name, hours, values))


@pytest.fixture
def twisted(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(ENTITIES, "twisted", Twisted)

    def scenario(twist: Callable[[Flexible], Flexible]) -> Scenario:
        monkeypatch.setattr(Twisted, "twist", staticmethod(twist), raising=False)
        return Scenario("twisted", {"twisted": Twisted()}, {"spot": Spot()})

    return scenario


def with_laws(**changes: Any) -> Callable[[Flexible], Flexible]:
    return lambda flexible: replace(flexible, laws=flexible.laws._replace(**changes))


def test_a_good_scenario_is_reported_on(data: pd.DataFrame, tmp_path: Path, twisted: Any) -> None:
    report = check_scenario(twisted(lambda flexible: flexible), data, episodes=2, steps=12)
    assert isinstance(report, Report)
    assert (report.controls, report.states, report.episodes, report.steps) == (1, 1, 2, 12)
    assert report.exact and report.best_random <= 1e-6
    assert report.returns["mpc"] <= report.oracle + 1e-6
    assert "holds: Gymnasium's checker finds nothing" in str(report)
    path = tmp_path / "site.yaml"
    path.write_text("entities: {battery: {capacity_kwh: 20}}\ncontracts: {supply: {kind: tariff, sell: 20}}\n")
    assert check_scenario(str(path), data, episodes=1, steps=12, torch=False).backends == ("floats", "NumPy")


def test_on_a_data_set() -> None:
    report = check_scenario(Scenario.arbitrage(), dataset="ercot-2021-2022", episodes=1, steps=24)
    assert report.scenario == "arbitrage" and report.exact


def test_laws_that_differ_between_numbers_are_named(data: pd.DataFrame, twisted: Any) -> None:
    def settle(energy: Any, wish: Any, cell: Any, xp: Any, signal: Any = None) -> Any:
        drawn, given, refused = laws_of_battery.settle(energy, wish, cell, xp)
        return (drawn if isinstance(wish, float) else drawn * (1.0 + 1e-15)), given, refused

    with pytest.raises(BrokenPromiseError, match=r"floats and NumPy.*(state|grid_kwh).* at step \d+ is .* and "):
        check_scenario(twisted(with_laws(settle=settle)), data, episodes=1, steps=12)


def test_a_plan_space_that_is_too_small_is_named(data: pd.DataFrame, twisted: Any) -> None:
    def constrain(model: Any, cell: Any, start: float, signal: Any = None) -> Any:
        return laws_of_battery.constrain(model, cell._replace(charge_kwh=0.4 * cell.charge_kwh), start)

    with pytest.raises(BrokenPromiseError, match="bound"):
        check_scenario(twisted(with_laws(constrain=constrain)), data, episodes=1, steps=12)


def test_a_plan_space_that_is_too_large_is_named(data: pd.DataFrame, twisted: Any) -> None:
    def constrain(model: Any, cell: Any, start: float, signal: Any = None) -> Any:
        return laws_of_battery.constrain(model, cell._replace(energy_max=3.0 * cell.energy_max), start)

    with pytest.raises(BrokenPromiseError, match="what its plan earns"):
        check_scenario(twisted(with_laws(constrain=constrain)), data, episodes=1, steps=12)


def test_hidden_state_is_named(data: pd.DataFrame, twisted: Any) -> None:
    calls = []

    def cost(drawn: Any, given: Any, cell: Any) -> Any:
        calls.append(1)
        return 0.0 * drawn + 1e-3 * len(calls)

    def costly(flexible: Flexible) -> Flexible:
        return with_laws(cost=cost)(replace(flexible, costs=True))

    # Gymnasium's own checker says it first where it compares rewards, which it does since 1.0.
    with pytest.raises(BrokenPromiseError, match="rewards are not equivalent" if MODERN else "at step"):
        check_scenario(twisted(costly), data, episodes=1, steps=12, torch=False)


def test_what_yaml_loses_is_named(data: pd.DataFrame, twisted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = twisted(lambda flexible: flexible)
    scenario = replace(scenario, entities={"twisted": Twisted(capacity_kwh=20.0)})
    monkeypatch.setattr(Twisted, "to_tree", lambda self: {}, raising=False)
    with pytest.raises(BrokenPromiseError, match=r"entities: .* is read back as"):
        check_scenario(scenario, data)


def test_a_look_into_the_future_is_named(data: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    def fixed_kw(self: Consumer, values: Any) -> Any:
        return np.roll(values[self.column], -1)

    monkeypatch.setattr(Consumer, "fixed_kw", fixed_kw)
    scenario = Scenario("seer", {"battery": Battery(), "load": Consumer()}, {"supply": Tariff(sell=0.0)})
    with pytest.raises(BrokenPromiseError, match=r"the future after step \d+ changed: reward at step \d+"):
        check_scenario(scenario, data, episodes=1, steps=12)


def test_parts_that_do_not_add_up_are_named(data: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    from energy_gym.envs import env

    right = env.reward
    monkeypatch.setattr(env, "reward", lambda *parts: 1.001 * right(*parts))
    with pytest.raises(BrokenPromiseError, match="reward and its parts in info: reward at step"):
        check_scenario(Scenario.arbitrage(), data, episodes=1, steps=12)


def test_an_observation_outside_its_space_is_named(data: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    from energy_gym.envs import env

    monkeypatch.setattr(env, "observer", lambda rows, states: lambda t, now: rows[t] + np.float32(now[0]))
    with pytest.raises(BrokenPromiseError):
        check_scenario(Scenario.arbitrage(), data, episodes=1, steps=12)


def test_what_cannot_be_checked_is_refused(data: pd.DataFrame) -> None:
    with pytest.raises(NonPositiveError):
        check_scenario(Scenario.arbitrage(), data, episodes=0)
    with pytest.raises(MissingColumnError):
        check_scenario(Scenario("home", {"battery": Battery(), "pv": Solar()}, {"s": Spot()}), data)
