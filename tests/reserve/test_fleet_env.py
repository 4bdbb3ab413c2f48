"""The fleet's environment: money by hand, dispatch, batch against singles, chance, look-ahead, checkers, refusals."""

from __future__ import annotations

import pickle
import warnings
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
import yaml
from gymnasium.utils.env_checker import check_env

import energy_gym
from energy_gym import Battery, EnergyGymError, Scenario
from energy_gym.agents import make_agent
from energy_gym.contracts import Spot
from energy_gym.entities import FadingBattery, PumpedHydro
from energy_gym.errors import ActionError, ConfigurationError, MissingColumnError, UnknownIdError
from energy_gym.objective import Clock
from energy_gym.reserve import (
    ActivationSeries,
    EnergyValue,
    Fleet,
    FullActivation,
    RandomActivation,
    Reserve,
    Trade,
)
from energy_gym.reserve.presets import PRESETS

ID = "energy_gym/FleetReserve-v1"
PARTS = ("energy_cost", "penalty", "wear", "demand_charge")


def prices(steps: int = 72, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-03-01", periods=steps, freq="h", tz="Europe/Copenhagen")
    columns = {
        "up_per_mw_h": random.uniform(0.0, 60.0, steps),
        "down_per_mw_h": random.uniform(0.0, 40.0, steps),
        "price_per_mwh": random.normal(50.0, 40.0, steps),
        "carbon_g_per_kwh": random.uniform(50.0, 500.0, steps),
        "called_share": random.uniform(0.0, 1.0, steps) * (random.random(steps) < 0.4),
    }
    return pd.DataFrame(columns, index)


def two_assets(**up: Any) -> Scenario:
    """Return two assets that sell one reserve each way and trade; the second may not sell upward reserve fully."""
    return Fleet(
        batteries={
            "a": Battery(1000.0, 500.0, 500.0, 0.9, 0.8, soc_min=0.1, soc_max=0.9, wear_per_kwh=0.01),
            "b": Battery(300.0, 200.0, 250.0, 0.95, 0.95, soc_min=0.0, soc_max=1.0, soc_initial=0.2),
        },
        markets=(
            Reserve("up", "up_per_mw_h", "up", (500.0, 100.0), **up),
            Reserve("down", "down_per_mw_h", "down", (400.0, 200.0), duration_hours=0.5),
            Trade("spot", "price_per_mwh", (500.0, 200.0)),
        ),
    )


def make(**keywords: Any) -> Any:
    usual: dict[str, Any] = {"data": prices(), "published": "after", "fleet": two_assets(), "episode_steps": 24}
    return gym.make(ID, **(usual | keywords))


def test_holding_by_hand() -> None:
    """400 kWh above the limit give 320 kW for an hour; the second asset offers 100 kW and holds 57 kW (60 x 0.95)."""
    env = make()
    env.reset(options={"start": "2024-03-01T05:00Z"})
    price = prices()["up_per_mw_h"].loc["2024-03-01T05:00Z"]
    info = env.step([1.0, 0.0, 0.0])[4]
    assert info["held_kw.up.a"] == pytest.approx(320.0)
    assert info["held_kw.up.b"] == pytest.approx(57.0)
    assert info["availability"] == pytest.approx(0.377 * price)
    assert info["cost"] == pytest.approx(600.0 - 377.0)
    assert info["grid_kw"] == 0.0


def test_a_trade_by_hand() -> None:
    env = make(fleet=two_assets(), terminal="free")
    env.reset(options={"start": "2024-03-01T05:00Z"})
    price = prices()["price_per_mwh"].loc["2024-03-01T05:00Z"]
    _, reward, _, _, info = env.step([0.0, 0.0, -0.5])
    assert info["delivered_kwh.spot.sell"] == pytest.approx(250.0 + 57.0)
    assert reward == pytest.approx(0.307 * price - 0.01 * 250.0)
    assert info["energy_kwh.a"] == pytest.approx(500.0 - 250.0 / 0.8)
    assert info["energy_kwh.b"] == pytest.approx(0.0, abs=1e-9)


def test_a_call_that_outlasts_the_energy_is_fined() -> None:
    """Held for a quarter of an hour, called for a whole one: 320 kWh are there, 500 are asked, 100 / MWh the fine."""
    fleet = two_assets(duration_hours=0.25, activation=FullActivation(), penalty_per_mwh=100.0, penalty_factor=2.0)
    env = make(fleet=fleet)
    env.reset(options={"start": "2024-03-01T05:00Z"})
    price = prices()["up_per_mw_h"].loc["2024-03-01T05:00Z"]
    info = env.step([1.0, 0.0, 0.0])[4]
    assert info["called_kwh.up"] == pytest.approx(600.0)
    assert info["delivered_kwh.up"] == pytest.approx(320.0 + 57.0)
    assert info["penalty"] == pytest.approx(0.223 * (100.0 + 2.0 * price))


def test_no_asset_serves_both_directions_and_limits_hold() -> None:
    env = make(dispatch="direct", episode_steps=60)
    random = np.random.default_rng(1)
    env.reset(seed=0)
    for _ in range(60):
        info = env.step(random.uniform(-1.0, 1.0, 6))[4]
        for asset, size in (("a", 1000.0), ("b", 300.0)):
            up = info[f"held_kw.up.{asset}"] + info[f"held_kw.spot.sell.{asset}"]
            down = info[f"held_kw.down.{asset}"] + info[f"held_kw.spot.buy.{asset}"]
            assert min(up, down) == 0.0
            assert -1e-9 <= info[f"energy_kwh.{asset}"] <= size + 1e-9


@pytest.mark.parametrize("dispatch", ["proportional", "optimal", "direct"])
@pytest.mark.parametrize("objective", ["cost", "carbon", "joint"])
def test_parts_add_up_and_an_independent_settlement_agrees(dispatch: str, objective: str) -> None:
    data = prices()
    fleet = two_assets(activation=ActivationSeries("called_share"), energy_price="price_per_mwh")
    env = make(dispatch=dispatch, fleet=fleet, objective=objective, episode_steps=12)
    random = np.random.default_rng(5)
    env.reset(seed=3)
    weights, rows, total = env.unwrapped.setup.weights, [], 0.0
    for _ in range(12):
        when = env.unwrapped.time
        _, reward, _, over, info = env.step(random.uniform(-1.0, 1.0, env.action_space.shape[0]))
        money = sum(info[part] for part in PARTS)
        assert reward == pytest.approx(-(weights.money * money + weights.carbon * info["carbon_kg"]), abs=1e-9)
        rows.append({"time": when, **info})
        total += reward
    table = pd.DataFrame(rows).set_index("time").join(data)
    held = {leg: table[[f"held_kw.{leg}.a", f"held_kw.{leg}.b"]].sum(axis=1) for leg in ("up", "down")}
    earned = (held["up"] * table["up_per_mw_h"] + held["down"] * table["down_per_mw_h"]) / 1000.0
    np.testing.assert_allclose(table["called_kwh.up"], held["up"] * table["called_share"], atol=1e-9)
    sold = table["delivered_kwh.up"] + table["delivered_kwh.spot.sell"] - table["delivered_kwh.spot.buy"]
    earned = earned + sold * table["price_per_mwh"] / 1000.0
    kwh = -sold
    worn = sum(discharged_by(table, asset) * wear for asset, wear in (("a", 0.01), ("b", 0.0)))
    end = table["energy_kwh.a"].iloc[-1] + table["energy_kwh.b"].iloc[-1] - 560.0
    money = earned.sum() - np.sum(worn) + end * data["price_per_mwh"].mean() / 1000.0
    kg = (kwh * table["carbon_g_per_kwh"]).sum() / 1000.0 - end * data["carbon_g_per_kwh"].mean() / 1000.0
    assert over
    assert total == pytest.approx(weights.money * money - weights.carbon * kg, abs=1e-6)


def discharged_by(table: pd.DataFrame, asset: str) -> Any:
    return table[f"held_kw.up.{asset}"] * table["called_share"] + table[f"held_kw.spot.sell.{asset}"]


@pytest.mark.parametrize("dispatch", ["proportional", "optimal", "direct"])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_batch_is_its_singles_bit_for_bit(dispatch: str, size: int) -> None:
    process = RandomActivation(0.3, 2.0)
    fleet = two_assets(duration_hours=0.5, activation=process, penalty_per_mwh=50.0, minimum_kw=30.0, tick_kw=10.0)
    keywords = {"data": prices(), "fleet": fleet, "episode_steps": 9, "dispatch": dispatch}
    batch = energy_gym.make_vec(ID, num_envs=size, autoreset="disabled", **keywords)
    singles = [gym.make(ID, **keywords) for _ in range(size)]
    seen, _ = batch.reset(seed=4)
    for index, env in enumerate(singles):
        assert env.reset(seed=4 + index)[0].tobytes() == seen[index].tobytes()
    random = np.random.default_rng(2)
    for _ in range(9):
        actions = random.uniform(-1.2, 1.2, batch.action_space.shape).astype(np.float32)
        seen, rewards, _, done, infos = batch.step(actions)
        for index, env in enumerate(singles):
            one, reward, _, over, info = env.step(actions[index])
            assert one.tobytes() == seen[index].tobytes()
            assert (reward, over) == (rewards[index], done[index])
            assert {name: infos[name][index] for name in info} == info


def test_floats_and_tensors_agree_bit_for_bit() -> None:
    torch = pytest.importorskip("torch")
    from energy_gym.backends import tensors
    from energy_gym.reserve.step import FleetStep

    fleet = two_assets(duration_hours=0.5, activation=RandomActivation(0.3, 2.0), penalty_per_mwh=50.0, tick_kw=10.0)
    env = make(fleet=fleet).unwrapped
    env.reset(seed=1)
    step = FleetStep(env.setup.unit, tensors())
    random = np.random.default_rng(3)
    states = tuple(torch.tensor([state], dtype=torch.float64) for state in env.states)
    for t in range(env.window[0], env.window[1]):
        action = random.uniform(-1.0, 1.0, 3)
        signal = env.setup.signals[t]
        wide = [[torch.tensor([part], dtype=torch.float64) for part in group] for group in signal[:3]]
        wishes = tuple(torch.tensor([wish], dtype=torch.float64) for wish in action)
        states = step(states, wishes, (*wide, torch.tensor([signal[3]], dtype=torch.float64)))[0]
        env.step(action)
        assert [float(state) for state in states] == list(env.states)


def test_batches_start_anew_like_singles() -> None:
    keywords = {"data": prices(), "fleet": two_assets(activation=RandomActivation(0.3, 2.0)), "episode_steps": 5}
    for mode in ("next_step", "same_step"):
        batch = energy_gym.make_vec(ID, num_envs=3, autoreset=mode, **keywords)
        batch.reset(seed=0)
        kept = []
        for _ in range(13):
            info = batch.step(np.full((3, 3), 0.4))[4]
            kept.append((info, {name: np.array(value) for name, value in info.items() if name.startswith("held")}))
        for info, copies in kept:
            for name, value in copies.items():
                np.testing.assert_array_equal(info[name], value)


def test_calls_are_data_and_their_seed_picks_others() -> None:
    fleet = two_assets(activation=RandomActivation(0.3, 2.0))
    one, two, other = (make(fleet=fleet, activation_seed=seed).unwrapped.setup.unit.shares for seed in (0, 0, 1))
    assert one.tobytes() == two.tobytes() != other.tobytes()
    env = make(fleet=fleet)
    env.reset(seed=0)
    names = [slot.name for slot in env.unwrapped.layout]
    for _ in range(10):
        t = env.unwrapped.steps_left[0]
        seen = env.step([0.0, 0.0, 0.0])[0]
        assert seen[names.index("called(up)")] == np.float32(env.unwrapped.setup.unit.shares[0, t])


@pytest.mark.parametrize("moment", [0, 1, 7, 12, 13, 23])
@pytest.mark.parametrize("agent", ["greedy", "mpc"])
def test_nothing_that_is_not_yet_known_shows(moment: int, agent: str) -> None:
    """Energy is published at 13:00 the day before, reserve prices at its end, calls and carbon after their hour."""
    data = prices(96)
    fleet = two_assets(activation=ActivationSeries("called_share"), energy_price="price_per_mwh")
    start = data.index[24]
    now = start + pd.Timedelta(hours=moment)
    changed = data.copy()
    random = np.random.default_rng(9)
    midnight = data.index.normalize()
    releases = {
        "price_per_mwh": midnight - pd.Timedelta(hours=11),
        "up_per_mw_h": midnight,
        "down_per_mw_h": midnight,
        "called_share": data.index + pd.Timedelta(hours=1),
        "carbon_g_per_kwh": data.index + pd.Timedelta(hours=1),
    }
    for column, release in releases.items():
        hidden = np.asarray(release > now)
        changed.loc[hidden, column] = random.uniform(0.0, 1.0, int(hidden.sum()))
    trails = []
    for frame in (data, changed):
        keywords = {"data": frame, "reference": data, "objective": "joint", "horizon": 6, "terminal": "free"}
        env = make(**keywords, fleet=fleet, episode_steps=30)
        player = make_agent(agent, env)
        seen, info = env.reset(options={"start": start, "steps": 30})
        trail = [seen.tobytes(), info]
        for _ in range(moment):
            action = player.act(seen, info)
            seen, reward, _, _, info = env.step(action)
            trail += [np.asarray(action).tobytes(), seen.tobytes(), reward, info]
        trails.append([*trail, np.asarray(player.act(seen, info)).tobytes()])
    assert trails[0] == trails[1]


def test_the_smallest_bid_and_the_tick() -> None:
    env = make(fleet=two_assets(minimum_kw=150.0, tick_kw=50.0), dispatch="direct")
    env.reset(options={"start": "2024-03-01T05:00Z"})
    held = [f"held_kw.up.{asset}" for asset in "ab"]
    low = env.step([0.28, 0.0, 0.0, 0.0, 0.0, 0.0])[4]
    assert [low[name] for name in held] == [0.0, 0.0]
    high = env.step([0.35, 0.0, 0.0, 0.0, 0.0, 0.0])[4]
    assert [high[name] for name in held] == pytest.approx([150.0, 0.0])


def test_optimal_dispatch_serves_what_shares_cannot() -> None:
    """A bid of 420 kW: offered in equal shares, the second asset cannot follow; dispatched, the first takes more."""
    fleet = Fleet(
        batteries={"full": Battery(1000, 500, 500, 1, 1, 0, 1, 1.0), "low": Battery(1000, 500, 500, 1, 1, 0, 1, 0.02)},
        markets=(Reserve("up", "up_per_mw_h", "up", (500.0, 500.0)),),
    )
    held = {}
    for dispatch in ("proportional", "optimal"):
        env = make(fleet=fleet, dispatch=dispatch)
        env.reset(seed=0)
        info = env.step([0.42])[4]
        held[dispatch] = (info["held_kw.up.full"], info["held_kw.up.low"])
    assert held["proportional"] == pytest.approx((210.0, 20.0))
    assert sum(held["optimal"]) == pytest.approx(420.0, abs=1e-5)


def silent(run: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run()


@pytest.mark.parametrize("actions", ["continuous", "discrete-3"])
@pytest.mark.parametrize("objective", ["cost", "joint"])
def test_checkers(actions: str, objective: str) -> None:
    said = dict.fromkeys(("up_per_mw_h", "down_per_mw_h", "price_per_mwh"), "day-ahead 13:00")
    env = make(actions=actions, objective=objective, published=said)
    silent(lambda: check_env(env.unwrapped))
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    silent(lambda: checker.check_env(env.unwrapped, warn=True))


def test_the_default_needs_no_network_and_has_a_page() -> None:
    from energy_gym.scenarios.fleet_reserve import FleetReserveEnv, FleetReserveVectorEnv

    env = gym.make(ID)
    silent(lambda: check_env(env.unwrapped))
    assert env.action_space.shape == (5,)
    assert len(env.unwrapped.layout) == env.observation_space.shape[0]
    assert "Synthetic" in env.unwrapped.setup.feed.title
    for part in ("Decision", "Observation", "Reward", "Episode", "Keywords", "Versions"):
        assert part in (FleetReserveEnv.__doc__ or "")
    assert FleetReserveVectorEnv.__doc__


def test_pictures() -> None:
    pytest.importorskip("matplotlib")
    env = make(render_mode="rgb_array", episode_steps=4)
    env.reset(seed=0)
    env.step([0.5, 0.0, 0.0])
    assert env.render().shape == (720, 960, 3)


def test_a_copy_goes_on_the_same_and_a_seed_repeats() -> None:
    env = make(fleet=two_assets(activation=RandomActivation(0.3, 2.0)), episode_steps=12).unwrapped
    first = env.reset(seed=7)[0].tobytes()
    env.step([0.5, 0.0, 0.0])
    twin = pickle.loads(pickle.dumps(env))
    for _ in range(5):
        one, two = env.step([0.3, 0.0, -0.2]), twin.step([0.3, 0.0, -0.2])
        assert one[0].tobytes() == two[0].tobytes() and one[1:] == two[1:]
    assert env.reset(seed=7)[0].tobytes() == first


@pytest.mark.parametrize("dataset", ["dk2-2021", "nem-nsw1"])
def test_real_markets(dataset: str, real_data: Any) -> None:
    env = gym.make(ID, dataset=dataset, split="test", episode_steps=12)
    silent(lambda: check_env(env.unwrapped))
    env.reset(seed=0)
    unit = env.unwrapped.setup.unit
    raw = energy_gym.load(dataset).frame
    first = env.unwrapped.window[0] + env.unwrapped.setup.feed.first
    for place, leg in enumerate(unit.legs):
        assert unit.held_prices[place, env.unwrapped.window[0]] == pytest.approx(
            raw[leg.product.price].iloc[first] * leg.product.price_share
        )


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"fleet": "dk3"}, UnknownIdError, "did you mean 'dk2'"),
        ({"fleet": None}, ConfigurationError, "pass fleet="),
        ({"dispatch": "optimum"}, UnknownIdError, "did you mean 'optimal'"),
        ({"data": prices().drop(columns="down_per_mw_h")}, MissingColumnError, "market 'down'"),
        ({"data": prices().drop(columns="carbon_g_per_kwh"), "objective": "carbon"}, MissingColumnError, "carbon"),
        (
            {"data": prices() * 2, "fleet": two_assets(activation=ActivationSeries("called_share"))},
            EnergyGymError,
            "up",
        ),
        ({"data": prices() * np.nan}, EnergyGymError, "NaN|finite"),
        ({"episode_steps": 1000}, EnergyGymError, "hold 72 steps"),
        ({"activation": 1}, UnknownIdError, "did you mean 'activation_seed'"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        make(**change)


def test_actions_that_cannot_be_are_refused() -> None:
    env = make()
    env.reset(seed=0)
    before = env.unwrapped.states
    for action in ([0.0, 0.0], [0.0, np.nan, 0.0], "up", [[0.0, 0.0, 0.0, 0.0]], [0.0, np.inf, 0.0]):
        with pytest.raises(ActionError):
            env.step(action)
    assert env.unwrapped.states == before
    batch = energy_gym.make_vec(ID, 2, data=prices(), fleet=two_assets())
    batch.reset(seed=0)
    with pytest.raises(ActionError):
        batch.step(np.zeros((2, 4)))
    with pytest.raises(ConfigurationError, match="has its own"):
        energy_gym.make_vec(ID, 2, data=prices(), fleet=two_assets(), battery=Battery())


def test_fleets_that_cannot_be_are_refused() -> None:
    market, value = Reserve("up", "up_per_mw_h", "up", (5.0,)), EnergyValue("other_per_mwh")
    one: dict[str, Any] = {"batteries": {"a": Battery()}}
    for fleet, words in (
        ({"batteries": {}, "markets": (market,)}, "batteries"),
        ({**one, "markets": {}}, "markets=.*one or more"),
        ({**one, "markets": ()}, "markets=.*one or more"),
        ({**one, "markets": (market, market)}, r"markets\[1\].name='up'.*is taken"),
        ({**one, "markets": {"": market}}, "contracts"),
        ({**one, "markets": {"down": market}}, "contracts.down.name='up'"),
        ({"batteries": {"a": Battery(), "b": Battery()}, "markets": (market,)}, "contracts.up.*1 assets.*has 2"),
        ({"batteries": {"up": Battery()}, "markets": (market,)}, "contracts.up: is the name of an entity too"),
        (
            {"batteries": {"a": PumpedHydro()}, "markets": (market,)},
            "contracts.up.*'a'.*pumped_hydro.*batteries",
        ),
        (
            {"batteries": {"a": FadingBattery()}, "markets": (market,)},
            "contracts.up.*'a'.*fading_battery.*batteries.*wear_per_kwh",
        ),
        ({**one, "markets": {"up": market, "spot": Spot()}}, "contracts.spot.*settled by the meter.*'up'"),
        ({**one, "markets": {"w": value, "v": value, "up": market}}, "contracts.v: is a second value of energy"),
        ({**one, "markets": {"w": value}}, "contracts.w: .*no market"),
        ({**one, "markets": (replace(market, name="energy_value"),), "carbon": "c"}, "markets.energy_value: is taken"),
        ({**one, "markets": (replace(market, parties=("b",)),)}, "contracts.up.parties: entity 'b'"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            Fleet(**fleet)
    with pytest.raises(ConfigurationError, match="some asset"):
        Trade("spot", "price_per_mwh", (0.0,))


def test_yaml_there_and_back(tmp_path: Any) -> None:
    for made in (preset() for preset in PRESETS.values()):
        assert Scenario.from_yaml(made.to_yaml()) == made
    path = tmp_path / "fleet.yaml"
    path.write_text(two_assets(activation=RandomActivation(0.3)).to_yaml(), encoding="utf-8")
    assert make(fleet=str(path)).unwrapped.scenario == two_assets(activation=RandomActivation(0.3))
    for text, words in (
        ("fleet: 1", "scenario.fleet: is not a known key"),
        ("contracts: [{kind: reserve}]", "contracts=.*must be a mapping"),
        ("contracts: {up: {kind: sale}}", "contracts.up: kind 'sale': no such kind"),
        ("contracts: {up: {kind: reserve, activation: {kind: often}}}", "contracts.up.activation: kind 'often'"),
        ("contracts: {up: {kind: trade}, up: {kind: trade}}", "up: line 1: is a name that occurs twice"),
        ("entities: {a: {kind: battery, capacity_kw: 5}}", "entities.a.capacity_kw"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            Scenario.from_yaml(text)


def test_a_file_that_says_batteries_and_markets_is_a_fleet_too() -> None:
    text = """
    batteries:
      a: {capacity_kwh: 100.0, charge_kw: 50.0, discharge_kw: 50.0}
    markets:
    - {kind: reserve, name: up, price: up_per_mw_h, direction: up, prequalified_kw: [50.0], activation: {kind: full}}
    - {kind: trade, name: spot, price: price_per_mwh, prequalified_kw: [50.0]}
    energy_price: worth_per_mwh
    carbon: carbon_g_per_kwh
    clock: {horizon: 12}
    """
    sold = Reserve("up", "up_per_mw_h", "up", (50.0,), activation=FullActivation())
    worth, clock = "worth_per_mwh", Clock(horizon=12)
    batteries, trade = {"a": Battery(100.0, 50.0, 50.0)}, Trade("spot", "price_per_mwh", (50.0,))
    made = Fleet(batteries=batteries, markets=(sold, trade), energy_price=worth, clock=clock)
    assert Scenario.from_yaml(text) == made
    assert Scenario.from_yaml(text.replace("worth_per", "price_per")).contracts == {"up": sold, "spot": trade}
    for wrong, words in (
        ("markets: {}", "markets=.*must be a list"),
        ("markets: [{kind: trade}]", r"markets\[0\].name=None"),
        ("markets: [{name: up}, {name: up}]", r"markets\[1\].name='up'.*is taken"),
        ("batteries: {a: {capacity_kw: 5}}", "entities.a.capacity_kw"),
        ("{batteries: {a: {}}, entities: {}}", "fleet.entities: is not a known key"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            Scenario.from_yaml(wrong)


def test_a_name_is_left_out_of_a_file_where_it_is_the_key() -> None:
    text = two_assets().to_yaml()
    assert list(yaml.safe_load(text)["contracts"]["up"])[:2] == ["kind", "price"]
    with pytest.raises(ConfigurationError, match=r"contracts\.up\.name='down'"):
        Scenario.from_yaml(text.replace("  up:\n", "  up:\n    name: down\n"))


def test_powers_follow_the_order_of_the_parties() -> None:
    """Named in another order, each asset keeps its own power, and the fleet plays the same steps."""
    usual = two_assets(activation=RandomActivation(0.3, 2.0))
    turned: dict[str, Any] = {
        name: replace(item, parties=("b", "a"), prequalified_kw=item.prequalified_kw[::-1])
        for name, item in usual.contracts.items()
    }
    envs = [make(fleet=fleet) for fleet in (usual, Fleet(batteries=usual.entities, markets=turned))]
    seen = [env.reset(seed=1)[0].tobytes() for env in envs]
    assert seen[0] == seen[1]
    random = np.random.default_rng(0)
    for _ in range(24):
        action = random.uniform(-1.0, 1.0, 3)
        one, other = (env.step(action) for env in envs)
        assert one[0].tobytes() == other[0].tobytes() and one[1:] == other[1:]


def test_what_energy_is_worth_is_a_contract_of_its_own() -> None:
    data = prices().rename(columns={"price_per_mwh": "worth_per_mwh"})
    markets = {name: item for name, item in two_assets().contracts.items() if name != "spot"}
    fleet = Fleet(batteries=two_assets().entities, markets=markets, energy_price="worth_per_mwh")
    assert list(fleet.contracts) == ["up", "down", "energy_value"]
    assert Scenario.from_yaml(fleet.to_yaml()) == fleet
    mean = data["worth_per_mwh"].mean()
    assert make(data=data, fleet=fleet).unwrapped.setup.closings[0].left == pytest.approx(mean)
    with pytest.raises(MissingColumnError, match="EnergyValue"):
        make(data=data.drop(columns="worth_per_mwh"), fleet=fleet)


def test_one_fleet_is_played_and_nothing_beside_it() -> None:
    apart = [Reserve(f"up_{name}", "up_per_mw_h", "up", (5.0,), parties=(name,)) for name in ("a", "b")]
    with pytest.raises(ConfigurationError, match=r"contracts.up_b: is of another fleet than 'up_a'"):
        make(fleet=Fleet(batteries={"a": Battery(), "b": Battery()}, markets=apart))
    with pytest.raises(ConfigurationError, match=r"contracts.spot.*is settled at the meter"):
        make(fleet=Scenario())
    with pytest.raises(ConfigurationError, match=r"contracts.up.*settled by a fleet.*FleetReserve-v1"):
        gym.make("energy_gym/Arbitrage-v1", scenario=two_assets())


@pytest.mark.parametrize("keyword", ["fleet", "scenario"])
def test_both_keywords_take_an_object_a_name_and_a_file(keyword: str, tmp_path: Any) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(two_assets().to_yaml(), encoding="utf-8")
    for given in (two_assets(), str(path), path):
        assert gym.make(ID, data=prices(), **{keyword: given}).unwrapped.scenario == two_assets()
    assert gym.make(ID, **{keyword: "delivered"}).unwrapped.scenario == PRESETS["delivered"]()
