"""Ageing by the depth of cycles: figures by hand, a year held to rainflow counting, and every promise of the suite."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.backends import scalars
from energy_gym.contracts import DemandCharge, DemandWindow, Spot, Tariff
from energy_gym.entities import AgeingBattery, Consumer
from energy_gym.entities.ageing import age, next_state, settle
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.testing import check_scenario

IDEAL: dict[str, Any] = {"efficiency_charge": 1.0, "efficiency_discharge": 1.0, "soc_min": 0.0, "soc_max": 1.0}
YEAR = 8760


def frame(steps: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-01-01", periods=steps, freq="h", tz="UTC")
    columns = {"price_per_mwh": random.normal(80.0, 60.0, steps), "load_kw": random.uniform(0.0, 4.0, steps)}
    return pd.DataFrame(columns, index)


def made(battery: Battery, data: pd.DataFrame, **keywords: Any) -> EnergyEnv:
    scenario = Scenario.arbitrage(battery, Spot(), Objective(terminal="settle"))
    env = EnergyEnv(scenario=scenario, data=data, episode_steps=None, horizon=1, **keywords)
    env.reset(seed=0)
    return env


def played(battery: AgeingBattery, wishes: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the state of charge at each end of a step, and what ageing came to."""
    cell = battery.flexible("b", 1.0, {}).cell
    state = (battery.energy_initial_kwh, *(memory.initial for memory in battery.flexible("b", 1.0, {}).memory))
    levels, spent = [state[0]], 0.0
    for wish in wishes.tolist():
        drawn, given, _ = settle(state, wish, cell, scalars)
        after = next_state(state, drawn, given, cell)
        spent, state = spent + age(state, after, cell, scalars), after
        assert sum(state[1:]) == pytest.approx(state[0], abs=1e-9)
        levels.append(state[0])
    return np.array(levels) / battery.capacity_kwh, spent


def counted(battery: AgeingBattery, levels: np.ndarray) -> tuple[float, float]:
    """Return what the curve says of cycles counted by rainflow: a half that is left over counted whole where it
    discharges, or half whatever it does [currency].
    """
    rainflow = pytest.importorskip("rainflow")
    discharging, halves = 0.0, 0.0
    for depth, _, count, begin, end in rainflow.extract_cycles(levels):
        cost = battery.cycle_cost(depth)
        whole = count == 1.0 or levels[end] < levels[begin]
        discharging, halves = discharging + cost * whole, halves + cost * count
    return discharging, halves


def test_cycles_by_hand() -> None:
    """Of 10 kWh in two segments: 5 kWh out of the first, then 3 of the second; stored again, the first fills up."""
    battery = AgeingBattery(**IDEAL, capacity_kwh=10.0, discharge_kw=8.0, charge_kw=4.0, soc_initial=1.0, segments=2)
    env = made(battery, frame(3))
    *_, info = env.step([-1.0])
    first, second = battery.prices
    assert info["wear"] == pytest.approx(5.0 * first + 3.0 * second)
    assert env.states == pytest.approx((2.0, 0.0, 2.0))
    *_, info = env.step([1.0])
    assert info["wear"] == 0.0
    assert env.states == pytest.approx((6.0, 4.0, 2.0))
    assert [slot.name for slot in env.layout[:3]] == ["state_of_charge", "segment_1", "segment_2"]


def test_deep_cycles_cost_more_than_the_shallow_ones_they_are_made_of() -> None:
    battery = AgeingBattery(**IDEAL, discharge_kw=10.0, charge_kw=10.0, soc_initial=1.0)
    _, deep = played(battery, np.array([-1.0]))
    _, shallow = played(battery, np.array([-0.1, 0.1] * 10))
    assert deep == pytest.approx(battery.cycle_cost(1.0))
    assert shallow == pytest.approx(10.0 * battery.cycle_cost(0.1))
    assert deep > 10.0 * shallow


@pytest.mark.parametrize("seed", range(3))
def test_a_year_on_the_grid_of_segments_is_what_rainflow_counts(seed: int) -> None:
    """Where every depth is a number of segments, the two agree to the last digits."""
    battery = AgeingBattery(**IDEAL, charge_kw=5.0, discharge_kw=5.0, segments=20)
    moves = np.random.default_rng(seed).integers(-10, 11, YEAR) / 10.0
    levels, spent = played(battery, moves)
    levels = np.round(levels * 20.0) / 20.0
    discharging, halves = counted(battery, levels)
    assert spent == pytest.approx(discharging, rel=1e-9)
    assert spent == pytest.approx(halves, rel=2e-3)


@pytest.mark.parametrize(("segments", "within"), [(5, 0.10), (10, 0.03), (100, 0.001)])
def test_a_year_of_any_depths_lies_above_what_rainflow_counts_and_near_it(segments: int, within: float) -> None:
    battery = AgeingBattery(charge_kw=3.0, discharge_kw=3.0, segments=segments)
    drawn = np.random.default_rng(1).normal(0.0, 0.5, YEAR)
    levels, spent = played(battery, np.clip(drawn, -1.0, 1.0))
    discharging, _ = counted(battery, levels)
    assert discharging * (1.0 - 1e-9) <= spent <= discharging * (1.0 + within)


def test_segments_fill_and_empty_in_the_order_that_costs_least() -> None:
    """The oracle's model lets them in any order, and promises no more than the step's order earns."""
    for seed in range(4):
        battery = AgeingBattery(self_discharge_per_day=0.1, wear_per_kwh=0.01, replacement_per_kwh=600.0, segments=4)
        env = made(battery, frame(36, seed))
        solution = solve(env)
        assert solution.exact
        assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)


def test_one_segment_of_a_straight_line_is_wear_of_throughput() -> None:
    data = frame(48)
    straight = AgeingBattery(stress_exponent=1.0, stress_factor=1e-4, segments=1)
    plain = Battery(wear_per_kwh=300.0 * 1e-4 / 0.95)
    assert solve(made(straight, data)).value == pytest.approx(solve(made(plain, data)).value, abs=1e-6)


def test_a_dear_battery_is_cycled_less_deep() -> None:
    data, depths = frame(72, 5), []
    for price in (0.0, 300.0, 3000.0):
        solution = solve(made(AgeingBattery(replacement_per_kwh=price, segments=5), data))
        energy = solution.table["energy_kwh"].to_numpy()
        depths.append(float(np.ptp(energy)))
        assert solution.table["wear"].sum() >= 0.0
    assert depths[0] >= depths[1] >= depths[2]
    assert depths[0] > depths[2]


@pytest.mark.parametrize("seed", range(2))
def test_no_sequence_on_a_grid_of_powers_beats_the_oracle(seed: int) -> None:
    env = made(AgeingBattery(segments=3, charge_kw=3.0, discharge_kw=3.0), frame(5, seed))
    solution, best = solve(env), -np.inf
    for number in range(5**5):
        env.reset(seed=0)
        wishes = [(number // 5**place % 5 - 2) / 2.0 for place in range(5)]
        best = max(best, sum(env.step([wish])[1] for wish in wishes))
    assert best <= solution.value + 1e-9
    assert solution.exact


def test_every_promise_holds_beside_another_battery() -> None:
    entities = {
        "cell": AgeingBattery(segments=3, self_discharge_per_day=0.05),
        "store": Battery(wear_per_kwh=0.02),
        "house": Consumer(),
    }
    contracts: dict[str, Any] = {
        "supply": Tariff("price_per_mwh", 20.0),
        "peaks": DemandCharge((DemandWindow("any", 0.5),), period="day"),
    }
    scenario = Scenario("ageing", entities, contracts, objective=Objective(wear_weight=1.5))
    assert check_scenario(scenario, frame(60), episodes=1, steps=8, seed=1).exact


def test_prices_rise_and_add_up_to_the_deepest_cycle() -> None:
    battery = AgeingBattery(segments=7)
    assert all(one < other for one, other in pairwise(battery.prices))
    assert sum(battery.prices) * 10.0 / 7.0 == pytest.approx(battery.cycle_cost(1.0))


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"segments": 0}, "whole number from 1 to 200"),
        ({"segments": 2.5}, "whole number from 1 to 200"),
        ({"segments": True}, "whole number from 1 to 200"),
        ({"stress_exponent": 0.9}, r"stress_exponent=0\.9.*pass 1\.0"),
        ({"stress_factor": -1.0}, "stress_factor"),
        ({"replacement_per_kwh": float("nan")}, "replacement_per_kwh"),
    ],
)
def test_what_is_no_battery_is_refused(fields: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigurationError, match=match):
        AgeingBattery(**fields)


def test_what_cannot_surely_be_brought_back_is_refused() -> None:
    leaky = AgeingBattery(self_discharge_per_day=0.99, charge_kw=0.1)
    scenario = Scenario.arbitrage(leaky, objective=Objective(terminal="cyclic"))
    with pytest.raises(ConfigurationError, match=r"terminal='cyclic': loses .* kWh in a step.*buyback"):
        EnergyEnv(scenario=scenario, data=frame(48))


def test_read_back_from_yaml_it_is_the_same() -> None:
    scenario = Scenario.arbitrage(AgeingBattery(segments=4, stress_factor=1e-3))
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario
