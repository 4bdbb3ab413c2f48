"""Producers and fleets in the speed script: steps a second, one at a time and as batches of 1024.

One rule: all bid at random at every step, so that gates, refusals and calls are in the figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
from measuring import EPISODE, Row, Sizes, batch_rate, steps_per_second, take_turns

import energy_gym
from energy_gym.reserve.presets import delivered, synthetic

BATCH = 1024
ASSETS = 10
BIDDING, FLEET = "energy_gym/Bidding-v1", "energy_gym/FleetReserve-v1"


def markets(sizes: Sizes) -> Iterator[Row]:
    """Yield the rows of a single producer, of a batch of them, and of batches of fleets of ten assets, four markets."""
    yield single_producer(sizes)
    count = min(BATCH, sizes.batch)
    called = synthetic(ASSETS)
    called = replace(called, contracts={name: item for name, item in called.contracts.items() if name != "spot"})
    cases: list[tuple[str, str, dict[str, Any], float]] = [
        ("Bidding", BIDDING, {}, 2.0),
        ("FleetReserve, delivered", FLEET, {"fleet": delivered(ASSETS)}, 1.0),
        ("FleetReserve, called", FLEET, {"fleet": called}, 1.0),
    ]
    for name, task, keywords, least in cases:
        yield batch_row(f"batch of {count}, {name}", task, keywords, least, count, sizes)


def single_producer(sizes: Sizes) -> Row:
    """Return the row of one producer that bids at random."""
    env = gym.make(BIDDING, episode_steps=EPISODE)
    shape: Any = env.action_space.shape
    actions = list(np.random.default_rng(0).uniform(-1.0, 1.0, (EPISODE, *shape)).astype(np.float32))
    (rate,) = take_turns(sizes.turns, lambda: steps_per_second(env, actions, sizes.steps) / 1e3)
    return Row("single, Bidding", rate, "k steps/s", target=">= 40 k steps/s", met=rate >= 40.0)


def batch_row(name: str, task: str, keywords: dict[str, Any], least: float, count: int, sizes: Sizes) -> Row:
    """Return the row of a batch that bids at random, in million steps a second."""
    envs = energy_gym.make_vec(task, num_envs=count, **keywords)
    envs.reset(seed=0)
    shape = (16, count, *envs.single_action_space.shape)
    actions = list(np.random.default_rng(0).uniform(-1.0, 1.0, shape).astype(np.float32))
    (rate,) = take_turns(sizes.turns, lambda: batch_rate(envs, actions, sizes.batch_steps) / 1e6)
    note = f"{envs.single_observation_space.shape[0] * 4} bytes of observation a step"
    return Row(name, rate, "M steps/s", target=f">= {least:g} M steps/s", met=rate >= least, note=note)
