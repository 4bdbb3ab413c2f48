"""The step of a single environment, written out: the bits of the laws that it was written from, and who is called."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from energy_gym import Battery
from energy_gym.backends import Table, scalars
from energy_gym.contracts import DemandCharge, DemandWindow, Tariff
from energy_gym.contracts.clearing import trading_of
from energy_gym.entities import Consumer, Flexible, LimitedBattery, Solar, ThermalUnit
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.straight import advance_of
from energy_gym.machine.straight import straight
from energy_gym.reserve.presets import delivered
from energy_gym.scenario import Scenario
from energy_gym.tracing import Trace, Untraceable

CASES: dict[str, dict[str, Any]] = {
    "arbitrage": {"id": "energy_gym/Arbitrage-v1"},
    "arbitrage, joint": {
        "id": "energy_gym/Arbitrage-v1",
        "dataset": "synthetic",
        "objective": "joint",
        "terminal": "cyclic",
    },
    "microgrid": {"id": "energy_gym/Microgrid-v1"},
    "microgrid, meter": {"id": "energy_gym/Microgrid-v1", "control": "meter"},
    "home, brought back": {"id": "energy_gym/HomeSolar-v1", "terminal": "cyclic"},
    "commercial": {"id": "energy_gym/Commercial-v1"},
    "producer": {"id": "energy_gym/Bidding-v1"},
    "producer, intraday": {"id": "energy_gym/Bidding-v1", "preset": "eu-intraday"},
    "fleet": {"id": "energy_gym/FleetReserve-v1"},
    "fleet, by asset": {"id": "energy_gym/FleetReserve-v1", "dispatch": "direct"},
    "fleet, delivered": {"id": "energy_gym/FleetReserve-v1", "fleet": delivered(3)},
    "many": {
        "id": "energy_gym/Scenario-v1",
        "dataset": "california-homes-2016",
        "scenario": Scenario(
            "many",
            {
                "tank": LimitedBattery(),
                "pv": Solar(curtailment="action"),
                "load": Consumer(shiftable=0.5),
                "boiler": ThermalUnit(),
            },
            {
                "supply": Tariff(feed_in_ratio=0.3, parties=("tank", "pv", "load", "boiler")),
                "peak": DemandCharge((DemandWindow("any", 0.4),), parties=("tank", "pv", "load", "boiler")),
            },
        ),
    },
}


def told_of(info: dict[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(value).tolist() for name, value in info.items()}


@pytest.mark.parametrize("case", CASES)
def test_the_bits_of_the_laws_that_are_called(case: str) -> None:
    one, other = (gym.make(**{"episode_steps": 60, **CASES[case]}).unwrapped for _ in range(2))
    assert isinstance(one, EnergyEnv)
    assert isinstance(other, EnergyEnv)
    other.step_through(other.setup.units)
    assert advance_of(one.setup).__code__.co_filename == "<laws>"
    one.action_space.seed(3)
    for seed in range(2):
        begun = [env.reset(seed=seed)[0] for env in (one, other)]
        assert begun[0].tobytes() == begun[1].tobytes()
        for _ in range(60):
            action = one.action_space.sample()
            steps = [env.step(action) for env in (one, other)]
            bits = [(seen.tobytes(), gain, ended, told_of(info)) for seen, gain, *ended, info in steps]
            assert bits[0] == bits[1]
            assert one.states == other.states


def test_every_operation_does_as_it_does_on_floats() -> None:
    table = Table([1.0, 2.0, 4.0])

    def law(xp: Any, a: Any, b: Any, place: Any) -> tuple[Any, ...]:
        return (
            a + b, a - b, a * b, a / b, -a, 2.0 - a, 3.0 / b, a * 1.0, 1.0 * (a * 1.0) + b, xp.positive(a),
            xp.lesser(a, b), xp.lesser(a, 0.1), xp.lesser(a, float("inf")), xp.bounded(xp.positive(a), b),
            xp.looked_up(table, place), trading_of(xp).kept(a, b), trading_of(xp).whole(a * 9.0), abs(a),
            (a > b) * (a <= 0.5) + (a >= b) * 1.0 + (a < 0.0) * 2.0, 7.0, -0.1,
        )  # fmt: skip

    trace = Trace(1)
    a, b, place = (trace.given(name) for name in ("a", "b", "place"))
    trace.line("fdiv", a, 0.0)  # nobody needs it
    played = straight(trace, ((a,), (b, (place,)), ()), law(trace, a, b, place))
    random = np.random.default_rng(0)
    for one, other, at in zip(*random.normal(size=(2, 50)).tolist(), random.integers(-2, 5, 50).tolist(), strict=True):
        assert played((one,), (other, (float(at),)), ()) == law(scalars, one, other, float(at))
    assert str(played((-0.0,), (1.0, (0.0,)), ())[7]) == "-0.0"


def test_an_array_is_no_float() -> None:
    trace = Trace(1)
    given = trace.given("a")
    with pytest.raises(Untraceable, match="an array"):
        straight(trace, ((given,),), (given + np.ones(1),))


@pytest.mark.parametrize(
    "asks",
    [
        lambda number: number == 0.0,
        lambda number: number != 0.0,
        lambda number: number**2,
        lambda number: 2.0**number,
        lambda number: number % 2.0,
        lambda number: number // 2.0,
        round,
        len,
        list,
    ],
)
def test_what_a_symbol_cannot_tell_is_never_answered(asks: Any) -> None:
    with pytest.raises(Untraceable):
        asks(Trace(1).given("number"))


CALLED: list[float] = []


@dataclass(frozen=True)
class Counted(Battery):
    """A battery of a user, whose law says when it is called, and with what."""

    kind = "counted"

    def flexible(self, name: str, hours: float, values: Any) -> Flexible:
        made = super().flexible(name, hours, values)
        usual = made.laws.settle

        def settle(state: Any, wish: Any, *more: Any) -> Any:
            CALLED.append(wish)
            return usual(state, wish, *more)

        return replace(made, laws=made.laws._replace(settle=settle))


def test_laws_of_others_are_called_at_each_step() -> None:
    env = gym.make("energy_gym/Arbitrage-v1", battery=Counted()).unwrapped
    own = gym.make("energy_gym/Arbitrage-v1").unwrapped
    seen = [one.reset(seed=0)[0] for one in (env, own)]
    CALLED.clear()
    for wish in (0.5, -1.0, 0.25):
        steps = [one.step(np.array([wish])) for one in (env, own)]
        assert steps[0][1:] == steps[1][1:]
    assert CALLED == [0.5, -1.0, 0.25]
    assert seen[0].tobytes() == seen[1].tobytes()
