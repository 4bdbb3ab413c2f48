"""What can be attained at a site whose load is not known: the dual bound under its law, and on the path that came."""

from __future__ import annotations

from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import RegularGridInterpolator

import energy_gym
from energy_gym import Battery, Scenario, attainable
from energy_gym.agents import make_agent
from energy_gym.agents.sdp.agent import SDP
from energy_gym.agents.sdp.backward import Now, Tried
from energy_gym.agents.sdp.net_noise import Noise
from energy_gym.agents.sdp.site import SitePlanner
from energy_gym.contracts import DemandCharge, DemandWindow, Tariff
from energy_gym.entities import Consumer, Grid
from energy_gym.errors import ConfigurationError, UnsuitableAgentError
from energy_gym.evaluation.site_path import Passed, SitePath
from energy_gym.oracle.statement import Goal

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


def told_of(planner: Any) -> tuple[list[Now], list[Any]]:
    """Return the steps of a plan, and the matrix of each."""
    return [planner._sweep.now(at) for at in range(STEPS)], [planner._sweep.matrix(at) for at in range(STEPS)]


def over_all_paths(path: SitePath, planner: Any) -> Any:
    """Return the mean of the bound over all that two states of the noise may bring, with the penalty and without."""
    steps, matrices = told_of(planner)
    total, weight = np.zeros(2), 0.0
    for states in product(range(2), repeat=STEPS):
        chance, before, told = 1.0, planner.law.chain.seen([0.0, 0.0]), list[Passed]()
        for at, state in enumerate(states):
            chances, one = before @ matrices[at], np.eye(2)[state]
            came = steps[at]._replace(net_kwh=steps[at].net_kwh[state : state + 1])
            told.append(path.steps[at]._replace(planned=steps[at], came=came, chances=chances, seen=one))
            chance, before = chance * float(chances[state]), one
        total += chance * SitePath(path.env, told, path.earned, path.grid).best([1.0, 0.0])[0]
        weight += chance
    assert weight == pytest.approx(1.0)
    return total


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
    steps, matrices = told_of(planner)
    begun = planner.law.chain.seen([0.0, 0.0])
    path = SitePath.of(env, agent)
    total, seen = over_all_paths(path, planner)
    mean = np.tensordot(path.grid.outcomes(path.steps[0].worth, steps[0], path.grid.fine), begun @ matrices[0], (1, 0))
    value = float(path.grid.at(mean.max(axis=0)[None], env.energy_kwh, 0.0)[0, 0])
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


def charged(windows: dict[str, tuple[float, float]], start: str, steps: int, **keywords: Any) -> Any:
    """Return the site with a charge on the demand of a month in each of some windows of the day, reset."""
    entities = {"grid": Grid(), "battery": EVEN, "load": Consumer()}
    opened = tuple(DemandWindow(name, 12.0, hours=(hours,)) for name, hours in windows.items())
    scenario = Scenario("site", entities, {"tariff": Tariff(), "demand": DemandCharge(opened)})
    made = site().unwrapped.keywords
    kept = {key: made[key] for key in ("data", "splits", "split", "published", "zone")}
    env = gym.make("energy_gym/Scenario-v1", scenario=scenario, episode_steps=steps, **{**kept, **keywords})
    env.reset(options={"start": start})
    return env


def best_of(env: Any, planner: Any, grid: Any) -> float:
    """Return the value of the best policy under the law, worked out over noise, energy and all maxima at once."""
    levels, unit = grid.levels, env.setup.units[0].window(env.steps_left[0], env.steps_left[0] + STEPS)
    axes = (levels.energy_kwh, *[levels.maximum_kw] * unit.registers)
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    end = grid.closing(Goal(env.setup.weights, env.setup.closings[0]), env.setup.flexibles[0].initial, 2)
    values: Any = np.broadcast_to(end.reshape(2, -1, *[1] * unit.registers), (2, *nodes.shape[:-1]))
    steps, matrices = told_of(planner)
    # What was seen before the first step lies between the states of the noise.
    matrices[0] = np.repeat(planner.law.chain.seen([0.0, 0.0])[None] @ matrices[0], 2, axis=0)
    for at in range(STEPS - 1, -1, -1):
        coming = [steps[at]._replace(net_kwh=steps[at].net_kwh[state : state + 1]) for state in range(2)]
        means = []
        for wish in grid.fine:
            each = []
            for now, value in zip(coming, values, strict=True):
                earned, where = led_to(grid.tried(now, np.array([wish])), nodes, now.register, unit.fresh[:, at])
                each.append(earned + RegularGridInterpolator(axes, value)(where))
            means.append(np.tensordot(matrices[at], each, axes=1))
        values = np.max(means, axis=0)
    return float(RegularGridInterpolator(axes, values[0])(np.array(env.states[: len(axes)]))[0])


def led_to(tried: Tried, nodes: Any, register: int | None, fresh: Any) -> tuple[Any, Any]:
    """Return what one wish earns from each node, and where it leads, before maxima begin anew that are not open."""
    where, spread = nodes.copy(), [nodes.shape[0], *[1] * (nodes.ndim - 2)]
    where[..., 0] = tried.energy_kwh[0, 0].reshape(spread)
    where[..., 1:] *= fresh == 0.0
    if register is None:
        return tried.earned[0, 0, :, 0].reshape(spread), where
    spread[1 + register] = nodes.shape[1 + register]
    where[..., 1 + register] = np.minimum(tried.peak_kw[0, 0], nodes[..., 1:].max()).reshape(spread)
    return tried.earned[0, 0].reshape(spread), where


WINDOWS = {
    "always": {"all": (0.0, 24.0)},
    "one": {"day": (8.0, 22.0)},
    "two": {"day": (8.0, 22.0), "night": (22.0, 8.0)},
}


@pytest.mark.parametrize("windows", sorted(WINDOWS))
@pytest.mark.parametrize("start", ["2024-02-21T19:00Z", "2024-02-29T21:00Z"])
def test_under_demand_charges_the_mean_over_all_paths_is_at_or_above_the_best_policy(windows: str, start: str) -> None:
    """With one maximum the planner's values are exact, and so the two are equal; a new month may begin on the way."""
    env = charged(WINDOWS[windows], start, STEPS, actions="discrete-5").unwrapped
    agent = SDP(env, noise=Noise("ar1", 2)).fit()
    planner: Any = agent.ready()
    planner.look({"energy_kwh": env.energy_kwh})
    path = SitePath.of(env, agent)
    assert path.registers == len(WINDOWS[windows])
    total, seen = over_all_paths(path, planner)
    value = best_of(env, planner, path.grid)
    assert value - 1e-9 <= total <= seen + 1e-9
    if windows == "always":
        assert total < seen
        assert total == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("control", ["power", "meter"])
def test_under_demand_charges_it_lies_between_every_controller_and_foresight(control: str) -> None:
    start = {"start": "2024-02-21T00:00Z"}
    env = charged(WINDOWS["two"], start["start"], 24 * 6, control=control)
    foresight = energy_gym.solve(env, continuous=True).bound
    assert attainable(env, penalty=0.0).bound == pytest.approx(foresight, abs=1e-9)
    within = attainable(env)
    assert within.penalty == 0.5
    assert within.value < within.bound < foresight
    assert sum(within.daily.values()) == pytest.approx(within.bound)
    for name in ("sdp", "mpc", "peak-shaving"):
        agent = make_agent(name, env)
        agent = agent.fit() if hasattr(agent, "fit") else agent
        found = energy_gym.evaluate(agent, env, options=start, attainable=within)
        assert found.attainable_share <= 1.0 + 1e-9, name


DRAWN = (
    *WINDOWS.values(),
    {"morning": (6.0, 10.0), "evening": (17.0, 21.0)},
    {"early": (0.0, 8.0), "day": (8.0, 16.0), "late": (16.0, 24.0)},
)


@pytest.mark.parametrize("seed", range(6))
def test_drawn_sites_under_demand_charges_are_bracketed(seed: int) -> None:
    """Windows, control, levels, the end and the moment are drawn; a month may begin on the way."""
    random = np.random.default_rng(seed)
    kept: dict[str, Any] = {"control": str(random.choice(["power", "meter"]))}
    if kept["control"] == "power" and random.random() < 0.5:
        kept["actions"] = f"discrete-{random.choice([3, 5])}"
    if random.random() < 0.5:
        kept["terminal"] = "free"
    start = pd.Timestamp("2024-02-22T00:00Z") + pd.Timedelta(hours=int(random.integers(240)))
    env = charged(DRAWN[seed % len(DRAWN)], start.isoformat(), int(random.integers(2, 49)), **kept)
    if seed % 2:
        env.action_space.seed(seed)
        env.step(env.action_space.sample())
    foresight = energy_gym.solve(env, continuous=True).bound
    assert attainable(env, penalty=0.0).bound == pytest.approx(foresight, abs=1e-6)
    found = attainable(env)
    assert found.value - 1e-9 <= found.bound <= foresight + 1e-9


def test_at_a_site_a_forecast_made_of_what_comes_is_part_of_what_is_known() -> None:
    env = site(48, forecast="perfect")
    assert attainable(env).bound == pytest.approx(energy_gym.solve(env, continuous=True).bound, abs=1e-6)


def test_doing_nothing_earns_nothing_of_it_for_sure() -> None:
    """What a day's bill is without a battery is so for all: it adds nothing to an interval, uneven as bills are."""
    env = charged(WINDOWS["two"], "2024-02-28T00:00Z", 96)
    within, start = attainable(env), {"start": "2024-02-28T00:00Z"}
    still = energy_gym.evaluate(lambda observation: [0.0], env, options=start, attainable=within)
    assert [still.attainable_low, still.attainable_share, still.attainable_high] == pytest.approx([0.0] * 3, abs=1e-9)
    planned = energy_gym.evaluate(make_agent("sdp", env).fit(), env, options=start, attainable=within)
    assert planned.attainable_low < planned.attainable_share < planned.attainable_high
    told = within.share(planned.return_, planned.idle, planned.daily_return)
    assert told.value == pytest.approx(planned.attainable_share)
    assert told.high - told.low > planned.attainable_high - planned.attainable_low


def test_demand_that_the_objective_does_not_count_is_not_looked_at() -> None:
    """A month begins on the way; for carbon alone the two windows are as good as none."""
    kept = site().unwrapped.keywords["data"].assign(carbon_g_per_kwh=lambda made: made["price_per_mwh"])
    env = charged(WINDOWS["two"], "2024-02-28T00:00Z", 72, objective="carbon", data=kept)
    found = attainable(env)
    assert found.penalty == 0.75
    assert found.value <= found.bound <= energy_gym.solve(env, continuous=True).bound + 1e-9


def test_sites_that_cannot_be_told_are_refused() -> None:
    start = "2024-02-21T00:00Z"
    quarters = {f"quarter-{number}": (6.0 * number, 6.0 * number + 6.0) for number in range(4)}
    with pytest.raises(ConfigurationError, match=r"4 running maxima.*at most 3.*energy_gym\.solve"):
        attainable(charged(quarters, start, 24))
    with pytest.raises(UnsuitableAgentError, match="two windows are open at once"):
        attainable(charged({"all": (0.0, 24.0), "day": (8.0, 16.0)}, start, 24))


def test_the_environment_stays_as_it_is() -> None:
    env = site(48)
    env.step(np.array([0.5]))
    before = env.unwrapped.steps_left, env.unwrapped.states
    found = attainable(env)
    assert (env.unwrapped.steps_left, env.unwrapped.states) == before
    assert isinstance(SDP(env).fit().ready(), SitePlanner)
    assert found.bound >= found.value
