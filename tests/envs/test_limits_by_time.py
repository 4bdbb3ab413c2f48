"""Limits of the connection by a column or by windows: kept at every step, seen beforehand, known to the oracle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.contracts import Tariff
from energy_gym.entities import Consumer, Grid, PowerWindow, Solar
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.errors import ConfigurationError, DataError
from energy_gym.scenarios.bidding import BiddingEnv
from energy_gym.testing import check_scenario

IDEAL: dict[str, Any] = {"efficiency_charge": 1.0, "efficiency_discharge": 1.0, "soc_min": 0.0, "soc_max": 1.0}
EVENING = PowerWindow(2.0, hours=((17, 20),))


def frame(**columns: Any) -> pd.DataFrame:
    steps = len(next(iter(columns.values())))
    return pd.DataFrame(columns, pd.date_range("2024-02-01 14:00", periods=steps, freq="h", tz="Europe/Berlin"))


def a_site(grid: Grid, data: pd.DataFrame, **keywords: Any) -> EnergyEnv:
    entities = {"battery": Battery(**IDEAL), "load": Consumer(), "pv": Solar(curtailment="limit"), "grid": grid}
    objective = Objective(terminal="free")
    scenario = Scenario("dimmed", entities, {"supply": Tariff("price_per_mwh", 40.0)}, objective=objective)
    settings: dict[str, Any] = {"horizon": 2, "episode_steps": None} | keywords
    env = EnergyEnv(scenario=scenario, data=data, **settings)
    env.reset(seed=0)
    return env


def drawn(steps: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    price, load = random.normal(90.0, 90.0, steps), random.uniform(0.0, 2.0, steps)
    order, pv = random.choice([0.0, 1.0, 9.0], steps), random.uniform(0.0, 3.0, steps)
    return frame(price_per_mwh=price, load_kw=load, pv_kw=pv, order_kw=order)


def test_what_fits_by_hand() -> None:
    """At 14 and 15 nothing limits, from 17 on 2 kW; no export while the order says 0."""
    zeros = [0.0] * 5
    data = frame(price_per_mwh=zeros, load_kw=[1.0] * 5, pv_kw=[0.0, 0.0, 9.0, 0.0, 0.0], order_kw=[5, 5, 0, 0, 5.0])
    env = a_site(Grid((EVENING,), "order_kw"), data)
    powers, refused, cut = [], [], []
    for wish in (0.4, 0.0, 0.2, 0.6, -1.0):
        *_, info = env.step([wish])
        powers.append(info["grid_kw"])
        refused.append(info["cost"])
        cut.append(info["curtailed_kw"])
    assert powers == pytest.approx([3.0, 1.0, 0.0, 2.0, -4.0])
    assert refused == pytest.approx([0.0, 0.0, 0.0, 2.0, 0.0])
    assert cut[2] == pytest.approx(7.0)


@pytest.mark.parametrize("control", ["power", "meter"])
@pytest.mark.parametrize("seed", range(3))
def test_no_step_breaks_them_and_the_oracle_keeps_its_word(seed: int, control: str) -> None:
    data = drawn(24, seed)
    env = a_site(Grid((EVENING, PowerWindow(3.0)), "order_kw"), data, control=control)
    solution = solve(env)
    assert solution.exact
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)
    clock = data.index.hour.to_numpy()
    most = np.where((clock >= 17) & (clock < 20), 2.0, 3.0)
    random, best = np.random.default_rng(seed), -np.inf
    for _ in range(20):
        env.reset(seed=0)
        infos = [env.step(random.uniform(-1.0, 1.0, 1)) for _ in range(24)]
        net = np.array([info["grid_kw"] for *_, info in infos])
        assert (net <= most + 1e-9).all()
        assert (-net <= data["order_kw"].to_numpy() + 1e-9).all()
        best = max(best, sum(gain for _, gain, *_ in infos))
    assert best <= solution.bound + 1e-6


def test_an_outage_is_an_island_for_its_hours() -> None:
    data = drawn(24, 4)
    env = a_site(Grid("order_kw", "order_kw", 3000.0), data)
    solution = solve(env)
    assert solution.exact
    net = solution.table["grid_kwh"].to_numpy()
    assert (np.abs(net)[data["order_kw"].to_numpy() == 0.0] < 1e-9).all()
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)


def test_every_promise_holds() -> None:
    entities = {"cell": Battery(), "roof": Solar(curtailment="action"), "house": Consumer(shiftable=0.2)}
    entities["grid"] = Grid("order_kw", [{"kw": 1.0, "hours": [[22, 6]], "dates": [["2024-02-01", "2024-02-02"]]}], 900)
    scenario = Scenario("ordered", entities, {"supply": Tariff("price_per_mwh", 20.0)})
    assert check_scenario(scenario, drawn(60), episodes=1, steps=8, seed=1).exact


def test_they_are_seen_beforehand_and_a_batch_does_the_same() -> None:
    data, grid = drawn(12), Grid((EVENING,), "order_kw")
    env = a_site(grid, data, published="always")
    names = [slot.name for slot in env.layout]
    assert {"order_kw[+1]", "grid.import_limit0_share[+1]"} <= set(names)
    batch = EnergyVectorEnv(
        2, scenario=env.scenario, data=data, horizon=2, episode_steps=None, published="always", autoreset="disabled"
    )
    seen, _ = batch.reset(seed=0)
    for _ in range(12):
        alone, gain, *_ = env.step([-0.7])
        seen, gains, *_ = batch.step(np.full((2, 1), -0.7))
        assert gains.tolist() == [gain] * 2
        assert seen[1].tobytes() == alone.tobytes()


def test_what_must_flow_and_does_not_fit_is_refused_with_its_time() -> None:
    data = frame(price_per_mwh=[0.0] * 6, load_kw=[3.0] * 6, pv_kw=[0.0] * 6)
    with pytest.raises(DataError, match=r"1\.000 kW above the import limit at 2024-02-01T16"):
        a_site(Grid((EVENING,)), data)
    with pytest.raises(DataError, match=r"order_kw=-1\.0"):
        a_site(Grid(export_kw="order_kw"), data.assign(order_kw=-1.0))


@pytest.mark.parametrize(
    ("windows", "match"),
    [
        ([], "list of windows"),
        ([5.0], "list of windows"),
        ([{"kw": -1}], r"import_kw\[0\].*must not be negative"),
        (
            {"column": "order_kw"},
            r"must be a number, the name of a column, or a list of windows; write import_kw: order_kw",
        ),
        ([{"kw": 1, "hour": [[1, 2]]}], "did you mean 'hours'"),
        ([{"kw": 1, "hours": [[3, 3]]}], "two hours of a day"),
        ([{"kw": 1, "hours": 3}], "list of pairs"),
        ([{"kw": 1, "dates": [["2024-03-02", "2024-03-01"]]}], "earlier date first"),
        ([{"kw": 1, "dates": [["soon", "later"]]}], "no pair of dates"),
        ([{}], "is missing"),
    ],
)
def test_windows_that_are_none_are_refused(windows: Any, match: str) -> None:
    with pytest.raises(ConfigurationError, match=match):
        Grid(import_kw=windows)


def test_an_hour_inside_a_step_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"17\.5 o'clock: lies inside a step of 60 min"):
        a_site(Grid((PowerWindow(5.0, hours=((17.5, 20),)),)), drawn(12))


def test_a_producer_refuses_them() -> None:
    scenario = BiddingEnv(episode_steps=48).scenario
    parties = {"parties": (*scenario.entities, "grid")}
    contracts = {name: replace(item, **parties) if item.parties else item for name, item in scenario.contracts.items()}
    changed = Scenario("by time", {**scenario.entities, "grid": Grid((PowerWindow(9e9),))}, contracts)
    with pytest.raises(ConfigurationError, match="change with time"):
        BiddingEnv(scenario=changed)


def test_read_back_from_yaml_it_is_the_same() -> None:
    grid = Grid((EVENING, PowerWindow(1.0, dates=(("2024-01-01", "2024-01-02"),))), "order_kw")
    scenario = Scenario("s", {"battery": Battery(), "grid": grid}, {"supply": Tariff(100.0)})
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario
