"""The rules for sites: what they do by hand, that they read nothing that is not known, and where they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.agents import make_agent
from energy_gym.agents.registry import agent_class
from energy_gym.contracts import Band, DemandCharge, Tariff, TimeOfUse
from energy_gym.contracts.demand import DemandWindow
from energy_gym.entities import Consumer, Grid, Solar
from energy_gym.errors import ConfigurationError, ResetNeededError, UnsuitableAgentError

RULES = ("self-consumption", "tariff-clock", "peak-shaving")
CELL = Battery(capacity_kwh=10.0, charge_kw=3.0, discharge_kw=4.0, soc_min=0.0, soc_max=1.0)
TABLE = TimeOfUse(
    (Band("night", 100.0, hours=(22, 6)), Band("day", 200.0, hours=(6, 17)), Band("eve", 400.0, hours=(17, 22)))
)


def site(*, demand: bool = True, **entities: Any) -> Scenario:
    """Return a site under a table with three bands, and a charge on the evening's highest power."""
    parts = {"grid": Grid(), "cell": CELL, "pv": Solar(), "load": Consumer(), **entities}
    charges = {"peaks": DemandCharge((DemandWindow("eve", 10.0, hours=(17, 22)),), period="day")} if demand else {}
    return Scenario(
        "site",
        {name: entity for name, entity in parts.items() if entity is not None},
        {"supply": Tariff(buy=TABLE, sell=50.0), **charges},
    )


def days(count: int = 6, jitter: float = 0.0) -> pd.DataFrame:
    """Return days of 1 kW of load, 6 kW from 18 to 20 h, and PV of 4 kW from 10 to 14 h."""
    index = pd.date_range("2024-03-04", periods=24 * count, freq="h", tz="UTC")
    hour = index.hour.to_numpy()
    load = np.where((hour >= 18) & (hour < 20), 6.0, 1.0)
    load = load + jitter * np.random.default_rng(0).uniform(0.0, 1.0, len(index))
    return pd.DataFrame({"load_kw": load, "pv_kw": np.where((hour >= 10) & (hour < 14), 4.0, 0.0)}, index=index)


def make(scenario: Scenario | None = None, data: pd.DataFrame | None = None, **keywords: Any) -> Any:
    chosen = {"episode_steps": None, "horizon": 24, **keywords}
    frame = days() if data is None else data
    return gym.make("energy_gym/Scenario-v1", scenario=scenario or site(), data=frame, **chosen)


def play(agent: Any, env: Any, **reset: Any) -> pd.DataFrame:
    """Return hour, share, net load, meter and reward of an episode, a row a step."""
    base = env.unwrapped
    net = base.setup.units[0].fixed_kwh / base.setup.feed.step_hours
    observation, info = env.reset(**reset)
    agent.reset()
    rows, over = [], False
    while not over:
        t, hour = base.steps_left[0], base.time.hour
        action = agent.act(observation, info)
        observation, reward, _, over, info = env.step(action)
        rows.append((hour, float(np.ravel(action)[0]), net[t], info["grid_kw"], info["energy_kwh"], reward))
    return pd.DataFrame(rows, columns=["hour", "share", "net", "grid", "energy", "reward"])


def test_self_consumption_follows_the_meter() -> None:
    env = make(forecast="perfect")
    played = play(make_agent("self-consumption", env), env)
    expected = np.where(played["net"] < 0.0, -played["net"] / 3.0, -played["net"] / 4.0)
    np.testing.assert_allclose(played["share"], np.clip(expected, -1.0, 1.0))
    assert (played["grid"] >= np.minimum(played["net"], 0.0) - 1e-9).all()
    assert (played["grid"] <= np.maximum(played["net"], 0.0) + 1e-9).all()


def test_the_last_meter_reading_corrects_the_forecast() -> None:
    data = days(jitter=0.0)
    data.iloc[60:, 0] += 0.5
    env = make(data=data, forecast="yesterday")
    agent = make_agent("self-consumption", env)
    observation, info = env.reset(options={"start": data.index[59], "steps": 4})
    agent.persistence = 0.8
    for step, missed in enumerate((0.0, 0.0, 0.5, 0.5)):
        forecast = env.unwrapped.outlook()["load_kw"][0] - env.unwrapped.outlook()["pv_kw"][0]
        net = forecast + 0.8 * missed
        share = agent.act(observation, info).item()
        assert share == pytest.approx(np.clip(-net / (3.0 if net < 0.0 else 4.0), -1.0, 1.0)), step
        observation, _, _, _, info = env.step([share])


def test_the_clock_charges_in_the_cheapest_band_and_discharges_in_the_dearest() -> None:
    env = make(forecast="perfect")
    agent = make_agent("tariff-clock", env).fit()
    played = play(agent, env)
    night, evening = (played["hour"] < 6) | (played["hour"] >= 22), (played["hour"] >= 17) & (played["hour"] < 22)
    agent.cheap, agent.dear, agent.fill, agent.export = 0.0, 1.0, 1.0, False
    played = play(agent, env)
    begun = played["energy"].shift(1, fill_value=5.0)
    np.testing.assert_array_equal(played["share"][night], np.where(begun[night] < 10.0, 1.0, 0.0))
    np.testing.assert_allclose(played["share"][evening], np.clip(-played["net"][evening] / 4.0, -1.0, 0.0))
    between = ~night & ~evening
    np.testing.assert_allclose(played["share"][between], np.clip(-played["net"][between] / 3.0, 0.0, 1.0))
    agent.export = True
    assert (play(agent, env)["share"][evening] == -1.0).all()


def test_peaks_are_kept_below_the_target() -> None:
    env = make(forecast="perfect")
    agent = make_agent("peak-shaving", env)
    agent.shares, agent.deep = (0.5,), False
    played = play(agent, env)
    evening = (played["hour"] >= 17) & (played["hour"] < 22)
    assert played["net"][evening].max() == 6.0
    assert played["grid"][evening].max() == pytest.approx(3.0)


def test_fitting_finds_figures_that_pay() -> None:
    env = make(data=days(20, jitter=0.4), forecast="yesterday")
    idle = play(make_agent("idle", env), env)["reward"].sum()
    earned = {}
    for name in RULES:
        agent = make_agent(name, env).fit()
        assert 0.0 <= agent.persistence <= 1.0
        earned[name] = play(agent, env)["reward"].sum()
    assert min(earned.values()) > idle
    assert min(earned["tariff-clock"], earned["peak-shaving"]) > earned["self-consumption"]


@pytest.mark.parametrize(
    ("name", "fields", "others"),
    [
        ("tariff-clock", ("cheap", "dear", "fill", "export"), [(0.0, 1.0, 0.5, False), (0.25, 0.5, 1.0, True)]),
        ("peak-shaving", ("shares", "deep", "headroom"), [((0.4,), True, 0.2), ((1.0,), False, 0.05)]),
    ],
)
def test_the_figures_chosen_are_the_best_of_their_grid(name: str, fields: Any, others: list[Any]) -> None:
    """Candidates are played all at once while fitting; the agent, playing alone, must find the same order."""
    env = make(data=days(8, jitter=0.4), forecast="yesterday")
    agent = make_agent(name, env).fit()
    best = play(agent, env)["reward"].sum()
    for other in others:
        for field, value in zip(fields, other, strict=True):
            setattr(agent, field, value)
        assert play(agent, env)["reward"].sum() <= best + 1e-9


@pytest.mark.parametrize("name", RULES)
def test_what_will_be_is_never_read(name: str) -> None:
    """Another future of load and PV changes nothing that is done before it comes."""
    one, other = days(8, jitter=0.3), days(8, jitter=0.3)
    other.iloc[100:, :] *= 3.0
    first, second = (make(data=frame, forecast="yesterday", reference=one) for frame in (one, other))
    agents = [make_agent(name, first).fit(), make_agent(name, second)]
    agents[1].restore(agents[0].parameters(), Path())
    trails = [play(agent, env)["share"] for agent, env in zip(agents, (first, second), strict=True)]
    np.testing.assert_array_equal(trails[0][:101], trails[1][:101])
    assert (trails[0][101:] != trails[1][101:]).any()


@pytest.mark.parametrize("name", ["self-consumption", "peak-shaving"])
def test_fitted_on_the_training_split_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from energy_gym.data.dataset import Dataset

    loaded = energy_gym.load("california-homes-2016")
    figures = []
    for factor in (1.0, 5.0):
        frame = loaded.frame.copy()
        frame.iloc[loaded.bounds("train")[1] :] *= factor
        changed = Dataset(loaded.card, frame, loaded.filled)
        monkeypatch.setattr(energy_gym.data, "load", lambda _, changed=changed: changed)
        env = gym.make("energy_gym/Microgrid-v1", scenario=site(), dataset="california-homes-2016", split="test")
        figures.append(make_agent(name, env).fit().parameters())
    assert figures[0] == figures[1]


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("actions", ["continuous", "discrete-3", "discrete-5"])
def test_saved_and_loaded_it_acts_the_same(name: str, actions: str, tmp_path: Path) -> None:
    env, twin = make(actions=actions), make(actions=actions)
    agent = make_agent(name, env).fit()
    agent.save(tmp_path)
    loaded = agent_class(name).load(tmp_path, twin)
    assert loaded.parameters() == agent.parameters()
    pd.testing.assert_frame_equal(play(loaded, twin), play(agent, env))


@pytest.mark.parametrize(
    ("name", "scenario", "why"),
    [
        ("self-consumption", site(pv=None), "generation and load"),
        ("self-consumption", site(load=None), "generation and load"),
        ("self-consumption", site(second=Battery()), "one battery"),
        ("tariff-clock", Scenario.arbitrage(), "needs a tariff"),
        ("tariff-clock", Scenario("flat", {"cell": CELL}, {"supply": Tariff(buy=200.0)}), "price that changes"),
        ("peak-shaving", site(demand=False), "demand charge"),
        ("peak-shaving", site(pv=Solar(curtailment="action")), "one battery"),
        ("peak-shaving", site(cell=None, load=Consumer(shiftable=0.5)), "one battery"),
    ],
)
def test_where_a_rule_makes_no_sense(name: str, scenario: Scenario, why: str) -> None:
    data = days().assign(price_per_mwh=100.0)
    env = gym.make("energy_gym/Scenario-v1", scenario=scenario, data=data)
    with pytest.raises(UnsuitableAgentError, match=why) as caught:
        make_agent(name, env)
    assert name in caught.value.value
    assert isinstance(caught.value, ConfigurationError)


def test_rules_about_money_refuse_an_objective_without_it() -> None:
    data = days().assign(carbon_g_per_kwh=300.0)
    env = make(data=data, objective="carbon")
    make_agent("self-consumption", env)
    for name in ("tariff-clock", "peak-shaving"):
        with pytest.raises(UnsuitableAgentError, match="objective counts"):
            make_agent(name, env)


def test_peak_shaving_asks_to_be_fitted() -> None:
    env = make()
    observation, info = env.reset(seed=0)
    with pytest.raises(ResetNeededError):
        make_agent("peak-shaving", env).act(observation, info)


def test_without_load_or_pv_the_clock_still_trades() -> None:
    env = make(site(demand=False, pv=None, load=None), data=days().assign(price_per_mwh=1.0))
    agent = make_agent("tariff-clock", env)
    agent.export = True
    assert play(agent, env)["reward"].sum() != 0.0
