"""Readings in other libraries' conventions: they play the one step, and what they add up to is what it says."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence

from energy_gym import Scenario
from energy_gym.conventions.costs import CONSTRAINTS, Costs, SixValues
from energy_gym.conventions.objectives import Objectives
from energy_gym.errors import ActionError, ConfigurationError, MissingExtraError, UnknownIdError

STREET = """
name: street
entities:
  a_battery: {kind: battery, capacity_kwh: 8, charge_kw: 3, discharge_kw: 3}
  b_battery: {kind: battery, capacity_kwh: 5, charge_kw: 2, discharge_kw: 2, wear_per_kwh: 0.01}
  c_battery: {kind: battery, capacity_kwh: 5, charge_kw: 2, discharge_kw: 2}
  a_grid: {kind: grid, import_kw: 20}
  b_grid: {kind: grid, export_kw: 1}
  a_load: {kind: consumer, column: home_01_load_kw}
  b_load: {kind: consumer, column: home_02_load_kw}
contracts:
  a: {kind: tariff, buy: price_per_mwh, feed_in_ratio: 0.3, parties: [a_battery, a_grid, a_load]}
  b: {kind: tariff, buy: price_per_mwh, feed_in_ratio: 0.3, parties: [b_battery, b_grid, b_load, c_battery]}
"""
CASES: list[tuple[str, dict[str, Any]]] = [
    ("energy_gym/Arbitrage-v1", {}),
    ("energy_gym/Bidding-v1", {}),
    ("energy_gym/Commercial-v1", {}),
    ("energy_gym/Commercial-v1", {"control": "meter"}),
    ("energy_gym/FleetReserve-v1", {}),
    ("energy_gym/FleetReserve-v1", {"dispatch": "direct"}),
    ("energy_gym/HomeSolar-v1", {"actions": "discrete-3"}),
    ("energy_gym/HomeSolar-v1", {"terminal": "cyclic"}),
]


def street(**keywords: Any) -> Any:
    """Return two homes, the second with two batteries."""
    scenario, steps = Scenario.from_yaml(STREET), {"episode_steps": 24}
    return gym.make(
        "energy_gym/Scenario-v1", scenario=scenario, dataset="california-homes-2016", **{**steps, **keywords}
    )


def quiet(name: str, **keywords: Any) -> Any:
    """Return an environment that takes actions beyond its space without a warning."""
    return gym.make(name, disable_env_checker=True, **keywords)


def beyond(space: Any, random: np.random.Generator) -> Any:
    """Draw an action, of continuous ones some beyond what can be asked."""
    if isinstance(space, gym.spaces.Box):
        return random.uniform(-1.5, 1.5, space.shape)
    return int(random.integers(space.n))


@pytest.mark.parametrize(("name", "keywords"), CASES)
def test_costs_by_constraint_add_up_and_change_nothing(name: str, keywords: dict[str, Any]) -> None:
    plain, told, random = quiet(name, **keywords), Costs(quiet(name, **keywords)), np.random.default_rng(1)
    first, _ = plain.reset(seed=5)
    observation, info = told.reset(seed=5)
    assert (first == observation).all() and info["costs"] == dict.fromkeys(CONSTRAINTS, 0.0)
    for _ in range(60):
        action = beyond(plain.action_space, random)
        one, two = plain.step(action), told.step(action)
        costs = two[4].pop("costs")
        assert (one[0] == two[0]).all() and one[1:4] == two[1:4] and data_equivalence(one[4], two[4])
        assert min(costs.values()) >= 0.0
        assert sum(costs.values()) == pytest.approx(one[4]["cost"], rel=1e-9, abs=1e-9)
        if one[3]:
            plain.reset(seed=6), told.reset(seed=6)


def test_each_constraint_is_named_where_it_binds() -> None:
    arbitrage = Costs(quiet("energy_gym/Arbitrage-v1"))
    arbitrage.reset(seed=0)
    costs = arbitrage.step([1.5])[4]["costs"]
    assert costs["power"] == pytest.approx(2.5) and costs["energy"] > 0.0 == costs["connection"]
    site = Costs(quiet("energy_gym/Commercial-v1"))
    site.reset(seed=0)
    costs = site.step([-1.0])[4]["costs"]
    assert costs["connection"] > 0.0 == costs["power"]
    fleet = Costs(quiet("energy_gym/FleetReserve-v1"))
    fleet.reset(seed=0)
    costs = fleet.step(np.ones(5))[4]["costs"]
    assert costs["commitment"] > 0.0 == costs["energy"] == costs["connection"]


def test_costs_go_through_pickling() -> None:
    env = Costs(quiet("energy_gym/Arbitrage-v1"))
    env.reset(seed=0)
    again = pickle.loads(pickle.dumps(env))
    assert again.step([1.5])[4]["costs"] == env.step([1.5])[4]["costs"]


def test_a_step_of_six_values() -> None:
    whole, one = SixValues(quiet("energy_gym/Arbitrage-v1")), SixValues(quiet("energy_gym/Arbitrage-v1"), "power")
    for env, cost in ((whole, 3.2894736842105265), (one, 2.5)):
        env.reset(seed=0)
        observation, gain, found, terminated, truncated, info = env.step([1.5])
        assert found == pytest.approx(cost) and env.observation_space.contains(observation)
        assert not terminated and not truncated and isinstance(gain, float) and info["cost"] >= found
    with pytest.raises(ConfigurationError, match="commitment"):
        SixValues(quiet("energy_gym/Arbitrage-v1"), "heat")
    with pytest.raises(ConfigurationError, match=r"gym\.make"):
        Costs(gym.make("CartPole-v1"))


class Weighted(gym.RewardWrapper):
    """One number out of the vector, for checkers that know no other."""

    def reward(self, reward: Any) -> float:
        return float(self.env.weights @ reward)


@pytest.mark.parametrize("objective", ["cost", "carbon", "joint"])
@pytest.mark.parametrize("name", ["energy_gym/Microgrid-v1", "energy_gym/FleetReserve-v1"])
def test_the_vector_of_rewards_adds_up(name: str, objective: str) -> None:
    keywords = {"carbon_price": 80.0} if objective == "joint" else {}
    env = Objectives(gym.make(name, objective=objective, episode_steps=24, **keywords))
    env.reset(seed=2)
    over, sums = False, np.zeros(3)
    while not over:
        _, vector, _, over, info = env.step(env.action_space.sample())
        assert env.reward_space.contains(vector) and len(vector) == env.reward_dim
        assert env.weights @ vector == pytest.approx(info["reward"], abs=1e-6)
        sums += vector
    assert sums[0] != 0.0
    assert pickle.loads(pickle.dumps(env)).reset(seed=2)[0].shape == env.observation_space.shape


def test_gymnasium_finds_nothing_in_it() -> None:
    # As a number for its checker, which knows no vector; some versions advise what would not fit energy.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_env(Weighted(Objectives(quiet("energy_gym/Microgrid-v1"))), skip_render_check=True)


def mo_gymnasium() -> Any:
    """Return MO-Gymnasium's wrappers, which its versions keep in different places."""
    with warnings.catch_warnings():
        # Its games warn of what their own libraries will change.
        warnings.simplefilter("ignore")
        library = pytest.importorskip("mo_gymnasium", reason="MO-Gymnasium is not installed: extra multi-objective")
        return getattr(library, "wrappers", library)


def test_wrappers_of_mo_gymnasium_work() -> None:
    wrappers = mo_gymnasium()

    def made() -> Any:
        return Objectives(quiet("energy_gym/Microgrid-v1", episode_steps=24))

    weighted = wrappers.LinearReward(made(), weight=np.array([1.0, 0.08, 1.0]))
    vectors = [wrappers.MONormalizeReward(made(), 0), wrappers.MOClipReward(made(), 1, -1.0, 1.0)]
    weighted.reset(seed=0)
    _, gain, _, _, info = weighted.step(np.array([1.0]))
    assert gain == pytest.approx(info["vector_reward"] @ np.array([1.0, 0.08, 1.0]))
    for env in vectors:
        env.reset(seed=0)
        assert env.step(np.array([1.0]))[1].shape == (3,)
    recorded = wrappers.MORecordEpisodeStatistics(made(), gamma=0.99)
    recorded.reset(seed=0)
    over = False
    while not over:
        *_, over, info = recorded.step(np.array([-1.0]))
    assert np.shape(info["episode"]["r"]) == (3,)


def parallel(env: Any, each: str = "asset") -> Any:
    """Return agents of an environment; skips where PettingZoo is not installed."""
    pytest.importorskip("pettingzoo", reason="PettingZoo is not installed: extra multi-agent")
    from energy_gym.conventions.parallel import ParallelEnergy

    return ParallelEnergy(env, each)


def checks() -> tuple[Any, Any]:
    """Return PettingZoo's own tests of the interface and of seeds."""
    with warnings.catch_warnings():
        # Its own games warn of how they are to be made in later versions.
        warnings.simplefilter("ignore")
        tests = pytest.importorskip("pettingzoo.test", reason="PettingZoo is not installed: extra multi-agent")
    return tests.parallel_api_test, tests.parallel_seed_test


@pytest.mark.parametrize("each", ["asset", "meter"])
@pytest.mark.parametrize("keywords", [{}, {"actions": "discrete-3"}, {"control": "meter"}])
def test_pettingzoo_finds_nothing_in_it(each: str, keywords: dict[str, Any]) -> None:
    interface, seeds = checks()
    interface(parallel(street(**keywords), each), num_cycles=60)
    seeds(lambda: parallel(street(**keywords), each), num_cycles=30)


def test_pettingzoo_finds_nothing_in_a_fleet() -> None:
    interface, seeds = checks()

    def fleet() -> Any:
        return parallel(gym.make("energy_gym/FleetReserve-v1", dispatch="direct", episode_steps=24))

    assert fleet().possible_agents == ["asset1", "asset2", "asset3", "asset4"]
    interface(fleet(), num_cycles=60)
    seeds(fleet, num_cycles=30)


def test_rewards_of_meters_add_up_to_the_reward() -> None:
    agents, plain = parallel(street(), "meter"), street()
    seen, _ = agents.reset(seed=1)
    observation, _ = plain.reset(seed=1)
    assert agents.possible_agents == ["a", "b"] and (seen["a"] == observation).all()
    assert agents.action_space("a").shape == (1,) and agents.action_space("b").shape == (2,)
    random = np.random.default_rng(0)
    while agents.agents:
        actions = {name: random.uniform(-1.0, 1.0, agents.action_space(name).shape) for name in agents.agents}
        seen, rewards, _, _, infos = agents.step(actions)
        observation, gain, *_ = plain.step(np.concatenate([actions["a"], actions["b"]]))
        assert (seen["b"] == observation).all()
        assert sum(rewards.values()) == pytest.approx(gain, abs=1e-9) and infos["a"]["reward"] == gain


def test_a_producer_is_one_agent_that_bids() -> None:
    agents, plain = (
        parallel(gym.make("energy_gym/Bidding-v1", episode_steps=60), "meter"),
        quiet("energy_gym/Bidding-v1"),
    )
    agents.reset(seed=1)
    plain.reset(seed=1, options={"steps": 60, "start": agents.env.setup.time(agents.env.steps_left[0])})
    (name,) = agents.possible_agents
    assert agents.action_space(name) == plain.action_space
    random, traded = np.random.default_rng(0), 0.0
    while agents.agents:
        action = random.uniform(-1.0, 1.0, plain.action_space.shape)
        _, rewards, _, _, infos = agents.step({name: action})
        _, gain, _, _, info = plain.step(action)
        assert rewards[name] == infos[name]["reward"] == gain
        traded += abs(info["committed_kw"])
    assert traded > 0.0
    with pytest.raises(ConfigurationError, match=r'for all assets at once.*; pass each="meter"'):
        parallel(gym.make("energy_gym/Bidding-v1"))


def test_where_storage_begins_is_an_option_of_several_agents_too() -> None:
    agents, plain = parallel(street(), "meter"), street()
    for soc in (0.2, 0.8):
        seen, _ = agents.reset(seed=1, options={"soc_initial": soc})
        observation, _ = plain.reset(seed=1, options={"soc_initial": soc})
        assert (seen["a"] == observation).all()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_of_several_agents_earns_what_they_do(copied: Any) -> None:
    agents = parallel(street(), "meter")
    again = copied(agents)
    agents.reset(seed=1)
    again.reset(seed=1)
    random = np.random.default_rng(0)
    for _ in range(3):
        actions = {name: random.uniform(-1.0, 1.0, agents.action_space(name).shape) for name in agents.agents}
        assert agents.step(actions)[1] == again.step(actions)[1]


def test_what_makes_no_agents_is_refused() -> None:
    with pytest.raises(UnknownIdError, match="meter"):
        parallel(street(), "metre")
    with pytest.raises(ConfigurationError, match="direct"):
        parallel(gym.make("energy_gym/FleetReserve-v1"))
    with pytest.raises(ConfigurationError, match="continuous"):
        parallel(gym.make("energy_gym/FleetReserve-v1", dispatch="direct", actions="discrete-3"))
    with pytest.raises(ConfigurationError, match=r"TransformReward: changes rewards, and agents .* env\.unwrapped"):
        parallel(gym.wrappers.TransformReward(street(), lambda gain: 2.0 * gain))
    agents = parallel(street())
    agents.reset(seed=0)
    with pytest.raises(ActionError, match="b_battery"):
        agents.step({"a_battery": [0.0]})
    with pytest.raises(ActionError, match="1 numbers"):
        agents.step({"a_battery": [0.0, 1.0], "b_battery": [0.0], "c_battery": [0.0]})


def test_without_the_library_agents_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from energy_gym.conventions import parallel as module

    monkeypatch.setattr(module, "ParallelEnv", None)
    with pytest.raises(MissingExtraError, match="multi-agent"):
        module.ParallelEnergy(street())
