"""The compiled batch in the speed script: each id against its batch on NumPy arrays, and arbitrage against CartPole.

One rule: what is compared plays the same actions over the same steps, a whole episode a turn, its ends included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from measuring import Row, Sizes, against, batch_rate, take_turns

import energy_gym
from energy_gym.envs.compat import MODERN
from energy_gym.machine import installed

ID = "energy_gym/{}-v1"
# Batches follow the conventions of the Gymnasium that is installed, and so does CartPole's.
LANE = ", Gymnasium 1" if MODERN else ""
# Times the batch on arrays, observations whole. Commercial observes by far the most: its target is for the compact.
WANTED = {"Arbitrage": 2.0, "Microgrid": 2.0, "HomeSolar": 2.0, "Bidding": 1.5, "FleetReserve": 1.5}
AGAINST_POLE = 2.0
COMPACT = 4.0
# Of Commercial, whose episodes are of 30 days by the quarter hour, a turn is so many steps.
MOST_STEPS = 336
# A turn is longer than those of other rates.
TURNS = 9


class Played(NamedTuple):
    """A batch, the actions that it plays in turn, and how many steps a turn has."""

    envs: Any
    actions: list[Any]
    steps: int

    @property
    def bytes(self) -> int:
        """What is observed a step [bytes]."""
        return int(self.envs.single_observation_space.shape[0]) * 4

    def rate(self) -> float:
        """Return million environment steps a second."""
        return batch_rate(self.envs, self.actions, self.steps) / 1e6


def batches(sizes: Sizes, pole: Callable[[], float]) -> Iterator[Row]:
    """Yield the rows of compiled batches; none where no compiler is installed.

    Args:
        sizes: How much is measured.
        pole: Measures steps a second of CartPole's own batch, in millions.
    """
    if not installed():
        return
    turns = min(sizes.turns, TURNS)
    for name, least in WANTED.items():
        arrays, compiled = _played(name, "numpy", sizes), _played(name, "compiled", sizes)
        own, other, reference = take_turns(turns, compiled.rate, arrays.rate, pole)
        row = f"compiled batch of {sizes.batch}, {name}{LANE}"
        note = f"{compiled.bytes} bytes of observation a step; median of {turns}"
        yield against(row, own, "M steps/s", other, "NumPy batch", least, note)
        if name == "Arbitrage":
            note = "pushed at random"
            yield against(f"{row} and CartPole", own, "M steps/s", reference, "CartPole-v1 batch", AGAINST_POLE, note)
    yield from _commercial(sizes)


def _commercial(sizes: Sizes) -> Iterator[Row]:
    """Yield the rows of the id with the widest observation: compiled, compact, and both."""
    full = _played("Commercial", "numpy", sizes)
    cases = {
        "compiled batch": _played("Commercial", "compiled", sizes),
        "compact batch": _played("Commercial", "numpy", sizes, lookahead="compact"),
        "compact compiled batch": _played("Commercial", "compiled", sizes, lookahead="compact"),
    }
    other, *rates = take_turns(sizes.repeats, full.rate, *[case.rate for case in cases.values()])
    for (word, case), rate in zip(cases.items(), rates, strict=True):
        name, note = f"{word} of {sizes.batch}, Commercial{LANE}", f"{case.bytes} bytes of observation a step"
        note += f", {full.bytes} there"
        if word == "compact compiled batch":
            yield against(name, rate, "M steps/s", other, "NumPy batch", COMPACT, note)
        else:
            yield Row(name, rate, "M steps/s", other, "NumPy batch", rate / other, note=note)


def _played(name: str, engine: str, sizes: Sizes, **keywords: Any) -> Played:
    envs = energy_gym.make_vec(ID.format(name), num_envs=sizes.batch, engine=engine, **keywords)
    envs.reset(seed=0)
    shape = (16, sizes.batch, *envs.single_action_space.shape)
    actions = list(np.random.default_rng(0).uniform(-1.0, 1.0, shape).astype(np.float32))
    steps = min(envs.unwrapped.setup.episode_steps, MOST_STEPS) if sizes.turns > 1 else sizes.batch_steps
    return Played(envs, actions, steps)
