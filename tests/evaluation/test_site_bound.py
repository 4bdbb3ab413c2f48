"""What can be attained at a site whose load is not known: the dual bound under its law, and on the path that came."""

from __future__ import annotations

from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Scenario, attainable
from energy_gym.agents import make_agent
from energy_gym.agents.sdp.agent import SDP
from energy_gym.agents.sdp.backward import Now
from energy_gym.agents.sdp.net_noise import Noise
from energy_gym.agents.sdp.site import SitePlanner
from energy_gym.contracts import DemandCharge, DemandWindow, Tariff
from energy_gym.entities import Consumer, Grid
from energy_gym.errors import ConfigurationError
from energy_gym.evaluation.site_path import Passed, SitePath

EVEN = Battery(8.0, 2.0, 2.0, 1.0, 1.0, soc_min=0.0, soc_max=1.0)
STEPS = 6


def site(steps: int = 24 * 7, **keywords: Any) -> Any:
    """Return a site whose load strays from its usual course and comes back, reset."""
    hours = pd.date_range("2024-01-01", periods=24 * 90, freq="h", tz="UTC")
    random, error, errors = np.random.default_rng(7), 0.0, []
    for shock in random.standard_normal(len(hours)):
        error = 0.8 * error + 0.5 * shock
        errors.append(error)
    hour = hours.hour.to_numpy()
    load = np.maximum(2.0 + np.sin((hour - 9) * np.pi / 12.0) + errors, 0.1)
    sun = 3.0 * np.clip(np.sin((hour - 6) * np.pi / 12.0), 0.0, None)
    price = np.where((hour >= 17) & (hour < 21), 400.0, 150.0)
    chosen = {
        "data": pd.DataFrame({"load_kw": load, "pv_kw": sun, "price_per_mwh": price}, hours),
        "splits": {"train": ("2024-01-01", "2024-02-20"), "test": ("2024-02-20", "2024-03-29")},
        "split": "test",
        "published": {"price_per_mwh": "always"},
        "zone": "UTC",
        "battery": EVEN,
        "episode_steps": steps,
        **keywords,
    }
    env = gym.make("energy_gym/HomeSolar-v1", **chosen)
    env.reset(options={"start": "2024-02-21T00:00Z"})
    return env


@pytest.mark.parametrize("control", ["power", "meter"])
def test_under_its_own_law_the_mean_over_all_paths_is_the_value_of_the_best_policy(control: str) -> None:
    """Discrete wishes from energies on the grid: nothing is read off between levels."""
    env = site(STEPS, actions="discrete-5", control="power").unwrapped
    if control == "meter":
        # Powers at the meter do not fall on levels: the mean then is at or above, by what lies between them.
        env = site(STEPS, control="meter").unwrapped
    agent = SDP(env, noise=Noise("ar1", 2)).fit()
    planner: Any = agent.ready()
    planner.look({"energy_kwh": env.energy_kwh})
    steps = [planner._sweep.now(at) for at in range(STEPS)]
    matrices = [planner._sweep.matrix(at) for at in range(STEPS)]
    begun = planner.law.chain.seen([0.0, 0.0])
    path = SitePath.of(env, agent)
    total, seen, weight = 0.0, 0.0, 0.0
    for states in product(range(2), repeat=STEPS):
        chance, before, told = 1.0, begun, list[Passed]()
        for at, state in enumerate(states):
            chances, one = before @ matrices[at], np.eye(2)[state]
            came = Now(steps[at].signal, steps[at].net_kwh[state : state + 1], None, False)
            told.append(path.steps[at]._replace(planned=steps[at], came=came, chances=chances, seen=one))
            chance, before = chance * float(chances[state]), one
        best = SitePath(env, told, path.earned, path.grid).best([1.0, 0.0])[0]
        bound, foresight = chance * path.grid.read(best, np.array(env.energy_kwh))
        total, seen = total + float(bound), seen + float(foresight)
        weight += chance
    assert weight == pytest.approx(1.0)
    flow, ends = path.grid.tried(steps[0])
    worth = np.stack([path.grid.read(row[None], ends[:, at])[0] for at, row in enumerate(path.steps[0].worth)], axis=1)
    optimum = np.tensordot(flow + worth, begun @ matrices[0], axes=(1, 0)).max(axis=0)
    value = float(path.grid.read(optimum[None], np.array(env.energy_kwh))[0])
    assert total >= value - 1e-9
    if control == "power":
        assert total == pytest.approx(value, abs=1e-9)
        assert total < seen


@pytest.mark.parametrize("control", ["power", "meter"])
def test_it_lies_between_what_sdp_earns_and_foresight(control: str) -> None:
    env = site(control=control)
    foresight = energy_gym.solve(env, continuous=True).bound
    bounds = [attainable(env, penalty=share) for share in (0.0, 0.5, 1.0)]
    assert bounds[0].bound == pytest.approx(foresight, abs=1e-9)
    assert foresight + 1e-9 >= bounds[1].bound >= bounds[2].bound >= bounds[2].value
    assert bounds[1].bound + 1e-9 >= attainable(env).bound >= bounds[2].bound
    assert control == "meter" or foresight > bounds[1].bound > bounds[2].bound
    assert bounds[2].law == "sdp"
    assert len(bounds[2].daily) == 7
    assert sum(bounds[2].daily.values()) == pytest.approx(bounds[2].bound)
    assert bounds[2].low <= bounds[2].bound <= bounds[2].high < bounds[2].low + 0.01 * abs(foresight)
    assert not bounds[2].known


@pytest.mark.parametrize("control", ["power", "meter"])
def test_no_controller_lies_above_it(control: str) -> None:
    env, start = site(24 * 14, control=control), {"start": "2024-02-21T00:00Z"}
    within = attainable(env)
    for name in ("sdp", "mpc", "rollout", "self-consumption"):
        agent = make_agent(name, env)
        found = energy_gym.evaluate(
            agent.fit() if hasattr(agent, "fit") else agent, env, options=start, attainable=within
        )
        assert found.attainable_low <= 1.0, name
        assert found.attainable_share <= 1.0 + 1e-9, name
        assert found.attainable_share >= found.score - 1e-9


def test_sites_that_cannot_be_told_are_refused() -> None:
    entities = {"grid": Grid(), "battery": EVEN, "load": Consumer()}
    charge = DemandCharge((DemandWindow("day", 12.0, hours=((8.0, 16.0),)),))
    scenario = Scenario("site", entities, {"tariff": Tariff(), "demand": charge})
    made = site().unwrapped.keywords
    kept = {key: made[key] for key in ("data", "splits", "split", "published", "zone")}
    env = gym.make("energy_gym/Scenario-v1", scenario=scenario, episode_steps=24, **kept)
    env.reset(seed=0)
    with pytest.raises(ConfigurationError, match=r"running maxima.*energy_gym\.solve"):
        attainable(env)


def test_the_environment_stays_as_it_is() -> None:
    env = site(48)
    env.step(np.array([0.5]))
    before = env.unwrapped.steps_left, env.unwrapped.states
    found = attainable(env)
    assert (env.unwrapped.steps_left, env.unwrapped.states) == before
    assert isinstance(SDP(env).fit().ready(), SitePlanner)
    assert found.bound >= found.value
