"""Ledgers of metered contracts, seen from outside: a ramp charge told a column and a table, and tiers."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.agents.expecting import expected_units
from energy_gym.agents.peak_shaving import PeakShaving
from energy_gym.contracts import Carried, Contract, DemandCharge, DemandWindow, Ledger, Spot, Tariff, register
from energy_gym.contracts.base import CONTRACTS, party_names
from energy_gym.entities import Consumer, FadingBattery
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.rollout import Rollout
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.errors import ConfigurationError, MissingColumnError, UnknownIdError
from energy_gym.modelling import positive_part
from energy_gym.oracle.storage_steps import one_known
from energy_gym.testing import check_scenario


@register
@dataclass(frozen=True, slots=True)
class RampCharge(Contract):
    """A charge on each kWh that a step draws more or less than the one before, at twice its rate on Sundays."""

    kind: ClassVar[str] = "ramp_charge"
    settled_by: ClassVar[str] = "meter"
    rate: str = "ramp_per_mwh"
    part: str = "penalty"
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "parties", party_names(self.kind, self.parties))

    def ledger(self, times: pd.DatetimeIndex, zone: str, hours: float) -> Ledger | None:
        double = 1.0 + (times.tz_convert(zone).day_of_week.to_numpy() == 6)
        carried = Carried("last_kwh", "kWh", scale=20.0, initial=1.0, offset=-10.0, top=1.0)
        series = {"factor_share": double}
        return Ledger(_settle, _constrain, None, (carried,), series, (self.rate,), ("factor_share",), self.part)


def _settle(states: Any, net_kwh: Any, terms: Any, xp: Any, signals: Any) -> tuple[Any, Any]:
    (last,), (factor, rate) = states, signals
    change = xp.positive(net_kwh - last) + xp.positive(last - net_kwh)
    return (net_kwh,), change * factor * rate / 1000.0


def _constrain(model: Any, exchange: Any, terms: Any, start: Any, signals: Any) -> Any:
    factor, rate = signals
    last = model.previous(exchange.net_kwh, start[0])
    up = positive_part(model, exchange.net_kwh - last, np.inf, np.inf, exact=False)
    down = positive_part(model, last - exchange.net_kwh, np.inf, np.inf, exact=False)
    return (up + down) * (factor * rate / 1000.0)


@pytest.fixture
def data(site: pd.DataFrame) -> pd.DataFrame:
    return site.assign(ramp_per_mwh=np.random.default_rng(3).uniform(0.0, 60.0, len(site)))


def a_ramp(part: str = "penalty", **more: Any) -> Scenario:
    entities = {"battery": Battery(), "load": Consumer()}
    return Scenario("ramp", entities, {"spot": Spot(), "ramp": RampCharge(part=part), **more})


def test_a_contract_without_prices_told_a_column_and_a_table_keeps_every_promise(data: pd.DataFrame) -> None:
    report = check_scenario(a_ramp(), data, episodes=1, steps=24)
    assert report.exact
    assert report.states == 2


@pytest.mark.parametrize("part", ["penalty", "energy_cost", "demand_charge"])
def test_what_a_ledger_costs_is_the_part_it_names(part: str, data: pd.DataFrame) -> None:
    env = EnergyEnv(scenario=a_ramp(part), data=data, episode_steps=48)
    other = EnergyEnv(scenario=replace(a_ramp(), contracts={"spot": Spot()}), data=data, episode_steps=48)
    start, last = {"start": data.index[100]}, 1.0
    env.reset(options=start)
    other.reset(options=start)
    for step, wish in enumerate(np.random.default_rng(0).uniform(-1.0, 1.0, (47, 1)), 100):
        *_, info = env.step(wish)
        *_, plain = other.step(wish)
        factor = 2.0 if data.index[step].day_of_week == 6 else 1.0
        charge = abs(info["grid_kw"] - last) * factor * data["ramp_per_mwh"].iloc[step] / 1000.0
        last = info["grid_kw"]
        for name, value in plain.items():
            assert info[name] == pytest.approx(value + (charge if name == part else 0.0), abs=1e-12), name


def test_it_is_observed_with_what_it_is_told(data: pd.DataFrame) -> None:
    env = EnergyEnv(scenario=a_ramp(), data=data, episode_steps=48, horizon=4)
    observation, _ = env.reset(seed=0)
    names = [slot.name for slot in env.layout]
    assert names[:2] == ["state_of_charge", "last_kwh(ramp)"]
    assert env.layout[1][1:] == ("kWh", -10.0, 20.0)
    assert observation[1] == pytest.approx((1.0 + 10.0) / 20.0)
    assert {"ramp.factor_share[+3]", "ramp_per_mwh[+3]"} <= set(names)
    assert next(slot.unit for slot in env.layout if slot.name == "ramp.factor_share[+0]") == "1"


def test_where_money_does_not_count_neither_is_seen(data: pd.DataFrame) -> None:
    scenario = replace(a_ramp(), objective=Objective("carbon"))
    env = EnergyEnv(scenario=scenario, data=data, episode_steps=24, horizon=2)
    assert not [slot.name for slot in env.layout if "ramp" in slot.name and "last" not in slot.name]
    env.reset(seed=0)
    assert solve(env).exact


def test_a_plan_knows_the_table_and_the_forecast_of_the_column(data: pd.DataFrame) -> None:
    env = EnergyEnv(scenario=a_ramp(), data=data, episode_steps=48, forecast="yesterday", horizon=12)
    env.reset(seed=0)
    now, _ = env.steps_left
    (unit,), (actual,) = expected_units(env, 12), env.setup.units
    factor, rate = unit.accounts[0].signals
    assert factor.tolist() == actual.accounts[0].signals[0][now : now + 12].tolist()
    assert rate.tolist() == env.outlook()["ramp_per_mwh"][:12].tolist()
    assert rate.tolist() != actual.accounts[0].signals[1][now : now + 12].tolist()


def test_a_new_episode_begins_with_an_empty_ledger(data: pd.DataFrame) -> None:
    for autoreset in ("next_step", "same_step"):
        batch = EnergyVectorEnv(3, scenario=a_ramp(), data=data, episode_steps=4, autoreset=autoreset)
        batch.reset(seed=0)
        for _ in range(4 if autoreset == "same_step" else 5):
            assert not (batch.states[1] == 1.0).all() or batch._countdown == 4
            batch.step(np.full((3, 1), 0.3))
        assert batch.states[1].tolist() == [1.0, 1.0, 1.0]


def test_a_batch_with_a_battery_each_is_what_single_ones_are(data: pd.DataFrame, tiers: Any) -> None:
    sizes = [Battery(capacity_kwh=size) for size in (4.0, 9.0, 14.0)]
    supply = tiers((100.0, 300.0, 200.0), (20.0, 60.0), 50.0)
    scenario = Scenario("home", {"battery": Battery(), "load": Consumer()}, {"supply": supply, "ramp": RampCharge()})
    keywords: dict[str, Any] = {"scenario": scenario, "data": data, "reference": data, "episode_steps": 48}
    batch = EnergyVectorEnv(3, battery=sizes, autoreset="disabled", **keywords)
    envs = [EnergyEnv(**{**keywords, "battery": size}) for size in sizes]
    batch.reset(seed=5)
    for index, env in enumerate(envs):
        env.reset(seed=5 + index)
    for wishes in np.random.default_rng(1).uniform(-1.0, 1.0, (48, 3, 1)):
        _, gains, *_ = batch.step(wishes)
        assert gains.tolist() == [env.step(wish)[1] for env, wish in zip(envs, wishes, strict=True)]
    assert [tuple(state[i] for state in batch.states) for i in range(3)] == [env.states for env in envs]


def test_tiers_count_a_local_month_and_begin_anew(tiers: Any) -> None:
    hours = pd.date_range("2024-03-30 22:00", periods=72, freq="h", tz="Europe/Berlin")
    data = pd.DataFrame({"load_kw": np.full(72, 2.0)}, hours)
    scenario = Scenario(
        "home", {"battery": Battery(), "load": Consumer()}, {"supply": tiers((100.0, 300.0), (9.0,), 0.0)}
    )
    env = EnergyEnv(scenario=scenario, data=data, episode_steps=None)
    env.reset(seed=0)
    costs = [env.step(np.zeros(1))[-1]["energy_cost"] for _ in range(40)]
    first = int(np.flatnonzero(hours.month == 4)[0])
    assert costs[:6] == pytest.approx([0.2, 0.2, 0.2, 0.2, 0.4, 0.6])
    assert costs[first - 1 : first + 6] == pytest.approx([0.6, 0.2, 0.2, 0.2, 0.2, 0.4, 0.6])


def test_ledgers_stand_beside_maxima_and_memory(data: pd.DataFrame, tiers: Any) -> None:
    entities = {"battery": FadingBattery(), "load": Consumer()}
    charge = DemandCharge((DemandWindow("any", 0.5),))
    contracts = {"supply": tiers((100.0, 250.0), (15.0,), 20.0), "ramp": RampCharge(), "power": charge}
    scenario = Scenario("all", entities, contracts)
    assert check_scenario(scenario, data, episodes=1, steps=10).states == 5
    env = EnergyEnv(scenario=scenario, data=data, episode_steps=24, render_mode="rgb_array")
    assert [state.slot.name for state in env.setup.tape.states] == [
        "state_of_charge",
        "running_maximum_kw(any)",
        "capacity_left",
        "imported_kwh(supply)",
        "last_kwh(ramp)",
    ]
    env.reset(seed=0)
    env.step(np.ones(1))
    assert env.render().ndim == 3
    env.close()


def test_methods_that_know_no_ledger_are_not_chosen(data: pd.DataFrame) -> None:
    scenario = replace(a_ramp(), entities={"battery": Battery()})
    for actions, method in (("continuous", "MILP"), ("discrete-3", "rounded")):
        env = EnergyEnv(scenario=scenario, data=data, episode_steps=12, actions=actions)
        (unit,) = env.setup.units
        assert not unit.plain and not one_known(unit) and not env.setup.single_storage
        env.reset(seed=0)
        assert method in solve(env).status


def test_it_is_pickled_and_rolled_out(data: pd.DataFrame) -> None:
    torch = pytest.importorskip("torch")
    env = pickle.loads(pickle.dumps(EnergyEnv(scenario=a_ramp(), data=data, episode_steps=24)))
    env.reset(options={"start": data.index[5]})
    wishes = torch.linspace(-0.9, 0.9, 24, dtype=torch.float64)[None, :, None].requires_grad_()
    played = Rollout(env)(torch.tensor([5]), wishes)
    gains = [env.step(wish)[1] for wish in wishes[0].detach().numpy()]
    assert played.rewards[0].tolist() == gains
    played.returns.sum().backward()
    assert torch.isfinite(wishes.grad).all() and (wishes.grad != 0.0).any()


def test_peak_shaving_reads_its_maxima_beside_a_ledger(data: pd.DataFrame) -> None:
    env = EnergyEnv(scenario=a_ramp(power=DemandCharge((DemandWindow("any", 0.5),))), data=data, episode_steps=24)
    agent = PeakShaving(env)
    agent.shares = (0.8,)
    observation, info = env.reset(seed=0)
    for _ in range(6):
        observation, _, _, _, info = env.step(agent.act(observation, info))
    assert env.states[1] > 0.0


def test_a_column_that_is_not_there_is_named_with_the_contract(site: pd.DataFrame) -> None:
    with pytest.raises(MissingColumnError, match=r"ramp_per_mwh.*contract 'ramp'"):
        EnergyEnv(scenario=a_ramp(), data=site)


class Odd(RampCharge):
    """A ramp charge that offers another ledger than it should; never made known to scenarios."""

    __slots__ = ()
    offer: ClassVar[Any] = None

    def ledger(self, times: pd.DatetimeIndex, zone: str, hours: float) -> Ledger | None:
        return self.offer(times)


def _shifted(states: Any, net_kwh: Any, terms: Any, xp: Any, signals: Any) -> tuple[Any, Any]:
    return (net_kwh, net_kwh), 0.0


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        (lambda times: None, "settles nothing"),
        (lambda times: Ledger(_settle, _constrain, series={"factor": np.ones(3)}), "one a step"),
        (lambda times: Ledger(_settle, _constrain, series={"factor": np.full(len(times), np.nan)}), "finite"),
        (lambda times: Ledger(_shifted, _constrain, None, (Carried("last", "kWh", 1.0),)), "returns 2 figures"),
        (lambda times: Ledger(_settle, _constrain, None, (Carried("last", "kWh", 0.0),)), "scale above 0"),
        (lambda times: Ledger(_settle, _constrain, None, (Carried("last", "kWh", 1.0),) * 2), "name of its own"),
        (lambda times: Ledger(_settle, _constrain, part="wear"), "part of the reward"),
        (lambda times: Ledger(_settle, _constrain, seen=("rate",)), "series of the ledger"),
    ],
)
def test_a_ledger_that_cannot_be_kept_is_refused(offer: Any, words: str, data: pd.DataFrame) -> None:
    odd = type("Odder", (Odd,), {"__slots__": (), "offer": staticmethod(offer)})
    scenario = Scenario("odd", {"battery": Battery()}, {"spot": Spot(), "ramp": odd()})
    with pytest.raises(ConfigurationError, match=words):
        EnergyEnv(scenario=scenario, data=data)


def test_a_contract_that_the_meter_cannot_settle_is_refused() -> None:
    bare = type("Bare", (Contract,), {"kind": "bare", "settled_by": "meter", "parties": ()})
    with pytest.raises(ConfigurationError, match=r"no law that a meter knows.*let it keep a ledger"):
        Scenario("bare", {"battery": Battery()}, {"spot": Spot(), "bare": bare()})


def test_a_ledger_of_a_contract_that_the_meter_does_not_settle_is_refused() -> None:
    unread = type("Unread", (RampCharge,), {"__slots__": (), "settled_by": "nobody"})
    with pytest.raises(ConfigurationError, match=r"keeps a ledger.*settled by 'nobody'"):
        Scenario("unread", {"battery": Battery()}, {"spot": Spot(), "ramp": unread()})


def test_the_name_of_a_known_kind_is_not_taken_over() -> None:
    class Cheap(Tariff):
        __slots__ = ()

    with pytest.raises(ConfigurationError, match="kind 'tariff': is taken by Tariff"):
        register(Cheap)
    assert CONTRACTS["tariff"] is Tariff


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"limits_kwh": (300.0,)}, "one fewer than the prices"),
        ({"limits_kwh": (300.0, 300.0)}, "must rise"),
        ({"limits_kwh": (0.0, 300.0)}, "from above 0"),
        ({"prices_per_mwh": (210.0, -1.0, 390.0)}, "must not be negative"),
        ({"prices_per_mwh": 210.0}, "must be a list"),
        ({"prices_per_mwh": (210.0, "dear", 390.0)}, "must be a finite number"),
        ({"sell_per_mwh": float("nan")}, "must be a finite number"),
        ({"so_far_kwh": -1.0}, "so_far_kwh=-1.0: must not be negative"),
        ({"period": "monthly"}, "did you mean 'month'"),
        ({"zone": "Mars"}, "zone='Mars'"),
    ],
)
def test_tiers_that_make_no_sense_are_refused(given: dict[str, Any], words: str, tiers: Any) -> None:
    with pytest.raises(ConfigurationError, match=words):
        tiers(**given)


def test_an_unknown_part_is_an_unknown_id() -> None:
    with pytest.raises(UnknownIdError, match="penalty"):
        Ledger(_settle, _constrain, part="penalt")
