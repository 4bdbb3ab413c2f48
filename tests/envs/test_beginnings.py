"""Storage may begin an episode elsewhere than it was made to: an option of ``reset``, of one environment or many."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.agents import make_agent
from energy_gym.contracts import Tariff
from energy_gym.entities import AgeingBattery, Consumer, LimitedBattery, PumpedHydro, StorageTarget
from energy_gym.envs.compiled import installed
from energy_gym.errors import ConfigurationError, StateOfChargeError, UnknownIdError, WindowError
from energy_gym.evaluation.episode import evaluate


def frame(steps: int = 72) -> pd.DataFrame:
    random = np.random.default_rng(3)
    index = pd.date_range("2024-03-04", periods=steps, freq="h", tz="Europe/Berlin")
    prices = {"buy_per_mwh": random.uniform(50.0, 300.0, steps), "sell_per_mwh": random.uniform(0.0, 90.0, steps)}
    return pd.DataFrame({**prices, "load_kw": random.uniform(0.0, 3.0, steps)}, index)


def site(terminal: str = "settle", **stores: Any) -> Scenario:
    """Return stores beside a load: a battery, one that ages by depth and is held to a target, and a plant."""
    chosen = stores or {
        "plain": Battery(),
        "aged": AgeingBattery(soc_min=0.0, segments=4),
        "lake": PumpedHydro(),
        "floor": StorageTarget("aged", 0.4, "06:00"),
    }
    entities = {**chosen, "load": Consumer()}
    supply = Tariff("buy_per_mwh", "sell_per_mwh")
    return Scenario("begun", entities, {"supply": supply}, objective=Objective(terminal=terminal))


def keywords(scenario: Scenario, **more: Any) -> dict[str, Any]:
    return {"scenario": scenario, "data": frame(), "split": "all", "published": "at-start", "episode_steps": 24, **more}


def made(scenario: Scenario, **more: Any) -> Any:
    return gym.make("energy_gym/Scenario-v1", disable_env_checker=True, **keywords(scenario, **more)).unwrapped


def batch(scenario: Scenario, num_envs: int, **more: Any) -> Any:
    return energy_gym.make_vec("energy_gym/Scenario-v1", num_envs=num_envs, **keywords(scenario, **more))


def test_an_episode_begins_with_what_was_asked_and_the_next_where_it_was_made_to() -> None:
    env = made(site())
    _, info = env.reset(seed=0, options={"soc_initial": {"plain": 0.2, "aged": 0.65}})
    capacity = PumpedHydro().battery().capacity_kwh
    assert info["energy_kwh"] == pytest.approx(2.0 + 6.5 + 0.5 * capacity)
    segments = [one for one, slot in zip(env.states[3:7], range(4), strict=True)]
    assert segments == pytest.approx([2.5, 2.5, 1.5, 0.0])
    _, info = env.reset()
    assert info["energy_kwh"] == pytest.approx(5.0 + 5.0 + 0.5 * capacity)
    assert env.setup.base is None


@pytest.mark.parametrize("terminal", ["settle", "buyback"])
def test_the_end_is_settled_against_where_it_began(terminal: str) -> None:
    """A battery that is left alone owes nothing, wherever it began."""
    env = made(site(terminal, battery=Battery()))
    costs = []
    for options in ({"soc_initial": 0.2}, {"soc_initial": 0.8}, {}):
        env.reset(seed=1, options={"start": "2024-03-04T00:00", **options})
        costs.append(sum(env.step([0.0])[1] for _ in range(24)))
    assert costs == pytest.approx([costs[2]] * 3)


@pytest.mark.parametrize("terminal", ["settle", "buyback", "free"])
@pytest.mark.parametrize("store", [Battery(), AgeingBattery(segments=3), LimitedBattery(cycles_per_day=1.0)])
def test_the_oracle_and_planners_know_where_it_began(terminal: str, store: Battery) -> None:
    env = made(site(terminal, battery=store), forecast="perfect", horizon=24)
    for soc in (0.15, 0.85):
        options = {"start": "2024-03-05T00:00", "soc_initial": soc}
        env.reset(seed=0, options=options)
        plan = solve(env)
        earned = sum(env.step(action)[1] for action in plan.actions)
        assert plan.exact
        assert earned == pytest.approx(plan.value, abs=1e-6)
        assert evaluate(make_agent("mpc", env), env, seed=0, options=options).score == pytest.approx(1.0, abs=1e-5)


ENGINES = ["numpy", *(["compiled"] if installed() else [])]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("autoreset", ["next_step", "same_step"])
@pytest.mark.parametrize("terminal", ["settle", "buyback"])
def test_a_batch_does_what_single_environments_do(engine: str, autoreset: str, terminal: str) -> None:
    """Bit for bit, each with its own start, and in the episode after it."""
    many = batch(site(terminal), 3, engine=engine, autoreset=autoreset)
    singles = [made(site(terminal)) for _ in range(3)]
    plain, aged = [0.2, 0.5, 0.9], [0.1, 0.45, 0.8]
    options = {"start": "2024-03-04T05:00", "soc_initial": {"plain": plain, "aged": np.array(aged)}}
    seen, _ = many.reset(seed=7, options=options)
    for index, env in enumerate(singles):
        own = {"start": options["start"], "soc_initial": {"plain": plain[index], "aged": aged[index]}}
        assert np.array_equal(env.reset(seed=7 + index, options=own)[0], seen[index])
    random = np.random.default_rng(0)
    for _ in range(23):
        step_alike(many, singles, random)
    ends = step_alike(many, singles, random)
    begun = [env.reset()[0] for env in singles]
    if autoreset == "next_step":
        ends, *_ = many.step(np.zeros((3, 3)))
    assert np.array_equal(ends, begun)
    assert [float(state[0]) for state in zip(*many.states, strict=True)] == [5.0] * 3
    for _ in range(23):
        step_alike(many, singles, random)


def step_alike(many: Any, singles: list[Any], random: np.random.Generator) -> Any:
    """Play a step of both, hold the batch to the others, and return what it sees."""
    wishes = random.uniform(-1.0, 1.0, (len(singles), 3))
    seen, rewards, _, truncated, info = many.step(wishes)
    for index, env in enumerate(singles):
        alone = env.step(wishes[index])
        assert rewards[index] == alone[1]
        assert truncated[index] == alone[3]
        if not alone[3]:
            assert np.array_equal(seen[index], alone[0])
            assert info["energy_kwh"][index] == alone[4]["energy_kwh"]
    return seen


def test_some_environments_of_a_batch_may_be_begun_elsewhere() -> None:
    many = batch(site(battery=Battery()), 4, autoreset="disabled")
    many.reset(seed=0, options={"soc_initial": 0.3})
    assert many.energy_kwh == pytest.approx([3.0] * 4)
    mask = np.array([True, False, True, False])
    many.reset(
        options={"soc_initial": [0.2, 0.0, 0.6, 7.0], "reset_mask": mask} | {"soc_initial": [0.2, 0.2, 0.6, 0.7]}
    )
    assert many.energy_kwh == pytest.approx([2.0, 3.0, 6.0, 3.0])
    many.reset(options={"reset_mask": mask})
    assert many.energy_kwh == pytest.approx([5.0, 3.0, 5.0, 3.0])
    copy = pickle.loads(pickle.dumps(many))
    copy.step(np.zeros((4, 1)))
    assert copy.energy_kwh == pytest.approx([5.0, 3.0, 5.0, 3.0])


def test_batteries_that_differ_begin_with_shares_of_their_own() -> None:
    sizes = [Battery(capacity_kwh=10.0), Battery(capacity_kwh=20.0)]
    many = batch(site(battery=Battery()), 2, battery=sizes)
    many.reset(seed=0, options={"soc_initial": 0.25})
    assert many.energy_kwh == pytest.approx([2.5, 5.0])


def test_fleets_take_it_too() -> None:
    env: Any = gym.make("energy_gym/FleetReserve-v1", episode_steps=24).unwrapped
    names = list(env.setup.stores)
    env.reset(seed=0, options={"soc_initial": {names[0]: 0.3}})
    store = env.setup.stores[names[0]]
    assert env.states[0] == pytest.approx(0.3 * store.capacity_kwh)
    plan = solve(env, time_limit=5.0)
    assert sum(env.step(action)[1] for action in plan.actions) == pytest.approx(plan.value, abs=1e-6)


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        (0.95, StateOfChargeError, r"soc_initial'\]=0\.95 of 'battery'.*outside the limits.*pass 0\.1 to 0\.9"),
        (float("nan"), StateOfChargeError, "outside the limits"),
        ("full", WindowError, "must be a number"),
        ([0.5, 0.5], WindowError, "must be one number"),
        ({"batery": 0.5}, UnknownIdError, "did you mean 'battery'"),
    ],
)
def test_what_cannot_be_is_refused(asked: Any, error: type[Exception], words: str) -> None:
    env = made(site(battery=Battery()))
    env.reset(seed=0)
    with pytest.raises(error, match=words):
        env.reset(options={"soc_initial": asked})
    assert env.step([0.0])[4]["energy_kwh"] == 5.0


def test_where_the_start_is_a_part_of_what_storage_is_held_to_it_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="brings storage back"):
        made(site("cyclic", battery=Battery())).reset(options={"soc_initial": 0.3})
    with pytest.raises(ConfigurationError, match="a producer"):
        gym.make("energy_gym/Bidding-v1").reset(options={"soc_initial": 0.3})
    with pytest.raises(WindowError, match="must be one number, or 3 of them"):
        batch(site(battery=Battery()), 3).reset(options={"soc_initial": {"battery": [0.2, 0.3]}})
