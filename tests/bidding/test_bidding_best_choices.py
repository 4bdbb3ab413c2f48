"""The best discrete choices of a producer: of every sequence of choices none earns more, whatever its markets are."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import energy_gym
from energy_gym.bidding.choice_search import MOST_CONTEXTS
from energy_gym.bidding.oracle import replay_bids
from energy_gym.contracts.clearing import LinearImpact
from energy_gym.contracts.market import Ahead, Limits, Market
from energy_gym.entities import Battery, Grid, Solar
from energy_gym.objective import Objective
from energy_gym.oracle.solution import idle_return
from energy_gym.testing.optimum import check_replay

ID = "energy_gym/Bidding-v1"
START = "2024-03-01T08:00Z"
MOST_SEQUENCES = 6000


def markets_of(random: np.random.Generator) -> tuple[Market, ...]:
    """One or two markets with gates every hour or two, whose slots are of one or two steps, and overlap."""
    tick = float(random.choice([0.0, 100.0, 500.0]))
    limits = Limits(tick_kw=tick, minimum_kw=tick * int(random.integers(0, 3)))
    every, slots = [(1, 1), (2, 1), (2, 2)][random.integers(0, 3)]
    ahead = Ahead(int(random.choice([0, 60, 120])), slots)
    first = Market("first", "price_per_mwh", f"0 */{every} * * *", "UTC", ahead, 60 * every // slots)
    second = Market("second", "real_time_per_mwh", "0 * * * *", "UTC", Ahead(60, 1), 60)
    return tuple(replace(market, limits=limits) for market in (first, second)[: random.integers(1, 3)])


def drawn(producers: Any, seed: int) -> dict[str, Any]:
    """A producer with any penalty, storage, connection and markets."""
    random = np.random.default_rng(seed)
    low = float(random.uniform(0.0, 0.3))
    storage = Battery(
        capacity_kwh=float(random.uniform(1000.0, 6000.0)),
        charge_kw=float(random.uniform(500.0, 2000.0)),
        discharge_kw=float(random.uniform(500.0, 2000.0)),
        efficiency_charge=float(random.choice([1.0, random.uniform(0.6, 1.0)])),
        efficiency_discharge=float(random.choice([1.0, random.uniform(0.6, 1.0)])),
        soc_min=low,
        soc_initial=float(random.choice([low, random.uniform(low, 0.9)])),
        self_discharge_per_day=float(random.choice([0.0, random.uniform(0.0, 0.9)])),
        wear_per_kwh=float(random.choice([0.0, random.uniform(0.0, 0.1)])),
    )
    names = sorted(producers.PENALTIES)
    chosen = producers.scenario(
        producers.PENALTIES[names[seed % len(names)]],
        markets_of(random),
        storage=storage,
        objective=Objective(("cost", "joint", "carbon")[seed % 9 // 4], 100.0, ("settle", "free")[seed % 2]),
        bids=("volume", "price-volume")[seed % 5 % 2],
        **({"impact": LinearImpact(4.0)} if seed % 4 == 0 else {}),
    )
    if seed % 3 == 0:
        more = {"grid": Grid(export_kw=3500.0), "solar": Solar(curtailment="limit")}
        chosen = replace(chosen, entities={**chosen.entities, **more})
    return {"data": producers.series(30, seed), "scenario": chosen, "actions": "discrete-3"}


def telling(env: Any) -> list[list[int]]:
    """Return by step the choices that differ in what they do before the end."""
    setup, (first, stop) = env.unwrapped.setup, env.unwrapped.steps_left
    choices, each = env.unwrapped.gates.choices, []
    for step in range(first, stop):
        counts = [book.count[step] > 0 and book.first[step] < stop for book in setup.timetable.books]
        parts = [range(size if place == 0 or counts[place - 1] else 1) for place, size in enumerate(choices.sizes)]
        each.append([int(np.ravel_multi_index(line, choices.sizes)) for line in itertools.product(*parts)])
    return each


def begin(env: Any, begun: list[int]) -> Any:
    """Start an episode of which some steps are played and 2 to 4 are left; return all sequences of choices of these."""
    for left in (4, 3, 2):
        env.reset(options={"start": START, "steps": left + len(begun)})
        for action in begun:
            env.step(action)
        if math.prod(map(len, telling(env))) <= MOST_SEQUENCES:
            break
    return np.array(list(itertools.product(*telling(env))))


def best_of_all(plans: Any, keywords: dict[str, Any], begun: list[int]) -> float:
    """Return what the best of some sequences of choices earns after those that are begun with."""
    batch = energy_gym.make_vec(ID, num_envs=len(plans), autoreset="disabled", **keywords)
    batch.reset(options={"start": START, "steps": plans.shape[1] + len(begun)})
    for action in begun:
        batch.step(np.full(len(plans), action))
    return float(np.sum([batch.step(actions)[1] for actions in plans.T], axis=0).max())


@pytest.mark.parametrize("seed", range(40))
def test_no_sequence_of_choices_earns_more(producers: Any, seed: int) -> None:
    keywords = drawn(producers, seed)
    env = gym.make(ID, **keywords)
    begun = np.random.default_rng(seed).integers(0, env.action_space.n, seed % 3).tolist()
    plans = begin(env, begun)
    base, solution = env.unwrapped, energy_gym.solve(env)
    assert solution.exact, solution
    assert solution.value == pytest.approx(best_of_all(plans, keywords, begun), rel=1e-7, abs=1e-7)
    idle = replay_bids(base.gates, base.states, np.zeros((plans.shape[1], base.setup.controls)))
    assert solution.value >= idle.value - 1e-9
    check_replay(base, solution)


@pytest.mark.parametrize("preset", ["eu-hourly", "india-15min"])
def test_a_week_of_choices_is_proven(preset: str) -> None:
    month = {"period": ("2022-03-01", "2022-04-01")} if preset == "india-15min" else {}
    env = gym.make(ID, preset=preset, actions="discrete-3", episode_steps=168, **month)
    env.reset(seed=1)
    solution = energy_gym.solve(env)
    assert solution.exact, solution
    check_replay(env.unwrapped, solution)


def test_markets_without_end_are_bracketed(producers: Any) -> None:
    """Slots that many gates see, one after the other, make more contexts than can be compared."""
    count = int(np.log(MOST_CONTEXTS) / np.log(4)) + 1
    markets = tuple(
        Market(f"m{place}", "price_per_mwh", f"0 {place} * * *", "UTC", limits=Limits(tick_kw=100.0))
        for place in range(count)
    )
    chosen = producers.scenario(producers.PENALTIES["dual"], markets)
    env = gym.make(ID, data=producers.series(80), scenario=chosen, actions="discrete-3", episode_steps=60)
    env.reset(options={"start": "2024-03-01T00:00Z", "steps": 60})
    base, solution = env.unwrapped, energy_gym.solve(env)
    assert idle_return(base.setup, *base.steps_left, base.states) <= solution.value <= solution.bound
    assert "dynamic programming" in solution.status
    check_replay(base, solution)


@pytest.mark.parametrize("limit", [0.01, 0.5])
def test_choices_in_no_time_are_never_worse_than_idling(limit: float) -> None:
    env = gym.make(ID, actions="discrete-5", episode_steps=168)
    env.reset(seed=3)
    base, solution = env.unwrapped, energy_gym.solve(env, time_limit=limit)
    assert solution.seconds < limit + 1.5
    assert idle_return(base.setup, *base.steps_left, base.states) <= solution.value <= solution.bound
    check_replay(base, solution)
