"""The sites with PV and load in the speed script: steps against arbitrage, and the oracle of a year of demand charges.

One rule: arbitrage is measured in turn with them, so that a busy machine slows both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from measuring import EPISODE, Row, Sizes, against, batch_rate, steps_per_second, take_turns

import energy_gym

ID = "energy_gym/{}-v1"
LEAST_SHARE = 0.6
LEAST_RATE = 8.0
LONGEST = 20.0


def sites(sizes: Sizes) -> Iterator[Row]:
    """Yield the rows of one site, of a batch of them, and of the oracle of a year by the quarter hour."""
    shares = list(np.random.default_rng(0).uniform(-1.0, 1.0, (EPISODE, 1)).astype(np.float32))
    made = [gym.make(ID.format(name), episode_steps=EPISODE) for name in ("Microgrid", "Arbitrage")]
    rates = take_turns(
        sizes.turns,
        *[lambda env=env: steps_per_second(env, shares, sizes.steps) / 1e3 for env in made],  # type: ignore[misc]
    )
    yield against("single, Microgrid", rates[0], "k steps/s", rates[1], "Arbitrage", LEAST_SHARE, "")
    yield from batches(sizes)
    yield demand_year(sizes)


def batches(sizes: Sizes) -> Iterator[Row]:
    """Yield the rates of batches of sites, with the batch of arbitrage beside them."""
    names = ("Microgrid", "HomeSolar", "Commercial", "Arbitrage")
    made = [energy_gym.make_vec(ID.format(name), num_envs=sizes.batch) for name in names]
    for envs in made:
        envs.reset(seed=0)
    shares = list(np.random.default_rng(0).uniform(-1.0, 1.0, (16, sizes.batch, 1)).astype(np.float32))
    rates = take_turns(
        sizes.turns,
        *[lambda envs=envs: batch_rate(envs, shares, sizes.batch_steps) / 1e6 for envs in made],  # type: ignore[misc]
    )
    for name, envs, rate in zip(names[:-1], made, rates, strict=False):
        note = f"{envs.single_observation_space.shape[0] * 4} bytes of observation a step"
        wanted = name == "Microgrid"
        yield Row(
            f"batch of {sizes.batch}, {name}",
            rate,
            "M steps/s",
            rates[-1],
            "Arbitrage batch",
            rate / rates[-1],
            f">= {LEAST_RATE} M steps/s" if wanted else "",
            rate >= LEAST_RATE if wanted else None,
            note,
        )


def demand_year(sizes: Sizes) -> Row:
    """Return the row of ``solve`` over a year by the quarter hour: demand charges, no export, PV that may be cut."""
    env: Any = gym.make(ID.format("Commercial"), split="all", episode_steps=None)
    window = {"start": env.unwrapped.setup.time(0), "steps": sizes.window}
    env.reset(options={name: value for name, value in window.items() if value is not None})
    solution = energy_gym.solve(env)
    first, stop = env.unwrapped.steps_left
    gap = (solution.bound - solution.value) / max(1.0, abs(solution.value))
    note = f"{solution.status}, relative gap {gap:.1e}"
    met = solution.seconds <= LONGEST and solution.exact
    name, target = f"solve commercial, {stop - first} steps", f"<= {LONGEST:.0f} s and exact"
    return Row(name, solution.seconds, "s", target=target, met=met, note=note)
