"""Every id, and a site with all kinds of controls: a batch does bit for bit what single environments do."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.backends import scalars, tensors
from energy_gym.contracts import DemandCharge, Spot, Tariff
from energy_gym.contracts.demand import DemandWindow
from energy_gym.dynamics import compose
from energy_gym.entities import Consumer, Grid, Solar
from energy_gym.errors import EpisodeLengthError, ResetNeededError, WindowError
from energy_gym.scenarios.registration import MARKETS, SCENARIOS

COUNT = 4
EVERYTHING = "everything"
MODERN = hasattr(gym.vector, "AutoresetMode")
FINAL = "final_obs" if MODERN else "final_observation"
PARTS = ("energy_cost", "wear", "penalty", "demand_charge")
DataOf = Callable[[str], pd.DataFrame]


def everything() -> Scenario:
    """Return two meters: a store on a spot market; a limited site with a battery, cut PV, load put off, and peaks."""
    yard = ("grid", "cell", "roof", "works")
    windows = (DemandWindow("day", 8.0, hours=(8, 20)), DemandWindow("always", 3.0))
    return Scenario(
        name=EVERYTHING,
        entities={
            "store": Battery(wear_per_kwh=0.01, self_discharge_per_day=0.05),
            "grid": Grid(import_kw=9.0, export_kw=1.0),
            "cell": Battery(capacity_kwh=6.0, charge_kw=2.0, discharge_kw=3.0),
            "roof": Solar(curtailment="action"),
            "works": Consumer(shiftable=0.3, catch_up_kw=2.0, debt_kwh=4.0),
        },
        contracts={
            "market": Spot(parties=("store",)),
            "supply": Tariff(buy="price_per_mwh", sell=20.0, parties=yard),
            "peaks": DemandCharge(windows, period="day", parties=yard),
        },
    )


@pytest.fixture(params=[*sorted(set(SCENARIOS) - set(MARKETS)), EVERYTHING])
def keywords(request: pytest.FixtureRequest, data_of: DataOf) -> dict[str, Any]:
    if request.param == EVERYTHING:
        return {"id": "energy_gym/Scenario-v1", "scenario": everything(), "data": data_of("energy_gym/Scenario-v1")}
    return {"id": request.param, "data": data_of(request.param)}


def batteries(keywords: dict[str, Any]) -> list[Battery] | None:
    """Return batteries that differ, about as large as the id's own; None where a scenario has several."""
    env: Any = gym.make(**keywords, episode_steps=2).unwrapped
    if env.setup.controls > 1:
        return None
    own = env.scenario.battery
    return [
        Battery(own.capacity_kwh / (1 + i), own.charge_kw * (0.5 + i), own.discharge_kw, 0.9, 1.0 - 0.04 * i, 0.05 * i)
        for i in range(COUNT)
    ]


def batch_and_singles(keywords: dict[str, Any], **more: Any) -> tuple[Any, list[Any]]:
    own, more = batteries(keywords), {"reference": keywords["data"], **more}
    shared = {name: value for name, value in {**keywords, **more}.items() if name not in ("id", "autoreset")}
    given = {} if own is None else {"battery": own}
    batch = energy_gym.make_vec(keywords["id"], COUNT, autoreset=more.get("autoreset"), **shared, **given)
    each = [{} if own is None else {"battery": battery} for battery in own or [None] * COUNT]
    return batch, [gym.make(keywords["id"], **shared, **one).unwrapped for one in each]


def wishes_for(batch: Any, random: np.random.Generator) -> Any:
    """Return actions of all environments; powers also beyond what is rated."""
    space = batch.single_action_space
    if isinstance(space, gym.spaces.Box):
        return random.uniform(-1.3, 1.3, (COUNT, *space.shape)).astype(np.float32)
    return np.stack([random.integers(0, 5, space.shape) for _ in range(COUNT)])


def same(batch_info: dict[str, Any], index: int, info: dict[str, Any]) -> None:
    for name, value in info.items():
        assert batch_info[f"_{name}"][index], name
        assert batch_info[name][index] == value, name


@pytest.mark.parametrize("objective", ["cost", "joint"])
@pytest.mark.parametrize("actions", ["continuous", "discrete-5"])
@pytest.mark.parametrize("terminal", [None, "settle", "buyback", "cyclic"])
def test_batch_equals_singles(keywords: dict[str, Any], objective: str, actions: str, terminal: str | None) -> None:
    more = {"objective": objective, "actions": actions, "terminal": terminal, "episode_steps": 40, "horizon": 4}
    batch, alone = batch_and_singles(keywords, autoreset="disabled", **more)
    random = np.random.default_rng(3)
    for episode in range(4):
        seed = 11 if episode == 0 else None
        observations, infos = batch.reset(seed=seed)
        for i, env in enumerate(alone):
            observation, info = env.reset(seed=None if seed is None else seed + i)
            assert observation.tobytes() == observations[i].tobytes()
            same(infos, i, info)
        for _ in range(40):
            wishes = wishes_for(batch, random)
            observations, gains, terminated, truncated, infos = batch.step(wishes)
            for i, env in enumerate(alone):
                observation, gain, end, over, info = env.step(wishes[i])
                assert observation.tobytes() == observations[i].tobytes()
                assert env.observation_space.contains(observation)
                assert (gain, end, over) == (gains[i], terminated[i], truncated[i])
                same(infos, i, info)
                money, carbon, _ = env.setup.weights
                spent = money * sum(info[name] for name in PARTS) + carbon * info["carbon_kg"]
                assert gain == pytest.approx(-spent, abs=1e-9)
        assert truncated.all()


def test_different_batteries_share_the_scaling_of_the_first(keywords: dict[str, Any]) -> None:
    batch, alone = batch_and_singles(keywords, reference=None, episode_steps=6, horizon=3, autoreset="disabled")
    assert batch.unwrapped.layout == alone[0].layout
    observations, _ = batch.reset(seed=4)
    for i, env in enumerate(alone):
        offset, scale = (np.array([getattr(slot, part) for slot in env.layout]) for part in ("offset", "scale"))
        first = [(slot.offset, slot.scale) for slot in batch.unwrapped.layout]
        seen = offset + scale * env.reset(seed=4 + i)[0]
        decoded = np.array([at + by * value for (at, by), value in zip(first, observations[i], strict=True)])
        np.testing.assert_allclose(decoded, seen, rtol=1e-4, atol=1e-4)
    gains = batch.step(np.ones((COUNT, *batch.single_action_space.shape)))[1]
    assert gains.tolist() == [env.step(np.ones(env.action_space.shape))[1] for env in alone]


def test_torch_gives_the_same_bits(keywords: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    setup = gym.make(**keywords, objective="joint", episode_steps=96).unwrapped.setup  # type: ignore[attr-defined]
    wishes = np.random.default_rng(5).uniform(-1.0, 1.0, (96, setup.controls))
    trails = []
    for xp, number in ((scalars, float), (tensors(), lambda value: torch.tensor(value, dtype=torch.float64))):
        advance, states, trail = compose(setup.units, xp), tuple(map(number, setup.initial)), []
        for wish, signals in zip(wishes, setup.signals, strict=False):
            states, *figures = advance(states, tuple(map(number, wish)), signals)
            trail.append([float(value) for value in (*states, *figures)])
        trails.append(np.array(trail))
    assert trails[0].tobytes() == trails[1].tobytes()


@pytest.mark.parametrize("mode", ["next_step", "same_step"])
def test_autoreset(keywords: dict[str, Any], mode: str) -> None:
    batch, alone = batch_and_singles(keywords, autoreset=mode, episode_steps=5, horizon=3)
    random = np.random.default_rng(0)
    observations, _ = batch.reset(seed=2)
    for i, env in enumerate(alone):
        assert env.reset(seed=2 + i)[0].tobytes() == observations[i].tobytes()
    waiting = False
    for _ in range(24):
        wishes = wishes_for(batch, random)
        seen, gains, _, truncated, info = batch.step(wishes)
        for i, env in enumerate(alone):
            if waiting:
                observation, figures, gain, over = *env.reset(), 0.0, False
            else:
                observation, gain, _, over, figures = env.step(wishes[i])
            if over and mode == "same_step":
                assert info[FINAL][i].tobytes() == observation.tobytes()
                observation, figures = env.reset()
            assert seen[i].tobytes() == observation.tobytes()
            assert (gains[i], truncated[i]) == (gain, over)
            same(info, i, figures)
        waiting = bool(truncated.all()) and mode == "next_step"


def test_a_pickled_batch_goes_on_the_same(keywords: dict[str, Any]) -> None:
    batch, _ = batch_and_singles(keywords, episode_steps=12)
    batch.reset(seed=1)
    random = np.random.default_rng(1)
    batch.step(wishes_for(batch, random))
    twin = pickle.loads(pickle.dumps(batch.unwrapped))
    for _ in range(20):
        wishes = wishes_for(batch, random)
        one, two = batch.step(wishes), twin.step(wishes)
        assert one[0].tobytes() == two[0].tobytes()
        np.testing.assert_array_equal(one[1], two[1])


def test_windows(keywords: dict[str, Any]) -> None:
    data = keywords["data"]
    env: Any = gym.make(**keywords, episode_steps=6).unwrapped
    idle = (env.action_space.low + env.action_space.high) / 2.0
    with pytest.raises(ResetNeededError):
        env.step(idle)
    for options, window in (({"start": data.index[17], "steps": 3}, (17, 20)), ({"start": data.index[-6]}, None)):
        env.reset(options=options)
        assert env.window == (window or (len(data) - 6, len(data)))
        over = [env.step(idle)[3] for _ in range(env.window[1] - env.window[0])]
        assert over == [False] * (len(over) - 1) + [True]
    with pytest.raises(EpisodeLengthError):
        env.reset(options={"start": data.index[-5]})
    with pytest.raises(WindowError):
        env.reset(options={"start": data.index[0] + pd.Timedelta("7min")})
    whole: Any = gym.make(**keywords, episode_steps=None).unwrapped
    whole.reset(seed=3)
    assert whole.window == (0, len(data))


def test_the_same_seed_gives_the_same_trajectory_also_later(keywords: dict[str, Any]) -> None:
    env: Any = gym.make(**keywords, episode_steps=9).unwrapped
    trails = []
    for seed in (5, None, 5, None, 6):
        trail: list[Any] = [env.reset(seed=seed)[0].tobytes()]
        random, over = np.random.default_rng(0), False
        while not over:
            observation, gain, _, over, info = env.step(random.uniform(-1.2, 1.2, env.action_space.shape))
            trail += [observation.tobytes(), gain, info]
        trails.append(trail)
    assert trails[0] == trails[2] != trails[1]
    assert trails[1] == trails[3]
    assert trails[4] != trails[0]


@pytest.mark.parametrize("actions", ["continuous", "discrete-5"])
@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_the_oracles_actions_are_members_of_the_space(name: str, actions: str) -> None:
    env = gym.make(name, actions=actions, episode_steps=48)
    env.reset(seed=3)
    solution = energy_gym.solve(env, time_limit=2.0)
    assert all(env.action_space.contains(action) for action in solution.actions)
    earned = sum(env.step(action)[1] for action in solution.actions)
    assert earned == pytest.approx(solution.value, rel=1e-9)


@pytest.mark.parametrize("name", ["energy_gym/HomeSolar-v1", "energy_gym/Microgrid-v1", "energy_gym/Scenario-v1"])
def test_a_scenario_alone_takes_the_data_of_the_homes(name: str) -> None:
    env: Any = gym.make(name, scenario=Scenario.arbitrage(), episode_steps=None).unwrapped
    assert env.setup.feed.title.startswith("Seventeen Californian homes")
    assert env.scenario == Scenario.arbitrage()
