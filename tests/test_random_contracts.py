"""Contracts with ledgers drawn at random at sites drawn at random: every promise of the suite holds."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from drawn_contracts import KINDS, SUPPLIES, a_frame, a_problem
from drawn_dice import Dice
from drawn_optimum import a_control, held_to_optimum
from drawn_promises import check_promises

from energy_gym.contracts import PurchaseAgreement, TieredTariff
from energy_gym.envs.env import EnergyEnv
from energy_gym.testing import check_scenario


def test_every_kind_is_drawn() -> None:
    dice = Dice(np.random.default_rng(0), 60, "UTC")
    drawn = {type(item) for seed in range(160) for item in a_problem(seed).contracts.values()}
    assert {type(make(dice, ())) for make in (*KINDS, *SUPPLIES)} <= drawn


@pytest.mark.parametrize("seed", range(24))
def test_every_promise_short_of_the_agents(seed: int) -> None:
    keywords = {"data": a_frame(seed, 14), "horizon": 3, "episode_steps": 14, "scenario": a_problem(seed)}
    keywords |= a_control(np.random.default_rng(seed), **keywords)
    check_promises(keywords, seed, window=9, rollouts=600)


@pytest.mark.parametrize("seed", range(100, 104))
def test_no_agent_beats_the_bound(seed: int) -> None:
    assert check_scenario(a_problem(seed), a_frame(seed, 24), episodes=1, steps=8, seed=seed).exact


def held_to_its_word(seed: int) -> None:
    """Hold what the oracle says of a problem to every sequence of levels, or to Pyomo and a binary in every step."""
    random = np.random.default_rng(seed)
    minutes = int(random.choice([1440, 60, 30, 15]))
    scenario = a_problem(seed, minutes)
    keywords: dict[str, Any] = {"scenario": scenario, "horizon": 1, "episode_steps": None}
    controls = EnergyEnv(data=a_frame(seed, 3, minutes), **keywords).setup.controls
    levels = int(random.choice([0, 0, 3]))
    binaries = any(isinstance(item, TieredTariff | PurchaseAgreement) for item in scenario.contracts.values())
    steps = 6 // controls if levels else (64 if minutes == 1440 and not binaries else 10)
    keywords |= {"data": a_frame(seed, steps + 2, minutes), "actions": f"discrete-{levels}" if levels else "continuous"}
    env = EnergyEnv(**keywords, **a_control(random, **keywords))
    env.reset(seed=seed)
    env.action_space.seed(seed)
    for _ in range(2):
        env.step(env.action_space.sample())
    held_to_optimum(env, seed, rel=1e-7)


@pytest.mark.parametrize("block", range(8))
def test_problems_drawn_from_all_that_is_accepted(block: int) -> None:
    for seed in range(20 * block, 20 * (block + 1)):
        held_to_its_word(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(50))
def test_five_thousand_problems(block: int) -> None:
    """The seed of a problem that fails stands in its message; ``ENERGY_GYM_SEED`` draws others."""
    first = int(os.environ.get("ENERGY_GYM_SEED", "1000000")) + 100 * block
    for seed in range(first, first + 100):
        held_to_its_word(seed)
