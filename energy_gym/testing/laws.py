"""One statement of the physics: floats, NumPy arrays and torch tensors give the same bits.

One rule: the three play the same wishes from the same states, through `energy_gym.dynamics.compose`.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.backends import arrays, scalars, tensors
from energy_gym.dynamics import FIGURES, STATES, Course, play
from energy_gym.envs.batched import gather_all
from energy_gym.envs.setup import Setup
from energy_gym.testing.report import compare

CORNERS = (-1.0, 0.0, -0.0, 1.0)
RULE = "the laws of an entity must give the same bits on floats, NumPy arrays and torch tensors"
REMEDY = "use only + - * / and xp.positive, xp.bounded in settle, next_state and cost"


def check_laws(setup: Setup, steps: int, sequences: int, random: np.random.Generator, torch: bool | None) -> list[str]:
    """Hold the composed step to give the same on every kind of number; return which kinds were tried.

    Args:
        setup: What is played.
        steps: Steps of each sequence.
        sequences: Random sequences, each from its own first step.
        random: Source of chance.
        torch: Whether torch is tried too; None where it is installed.

    Raises:
        BrokenPromiseError: A figure differs.
        MissingExtraError: Torch is asked for and not installed.
    """
    wishes = random_wishes(random, (steps, setup.controls, sequences))
    first = random.integers(0, setup.steps - steps + 1, sequences)
    names = (*state_names(setup), *FIGURES, "reward")
    batch = _on_arrays(setup, wishes, first)
    for index in range(sequences):
        alone = _on_floats(setup, wishes[:, :, index], int(first[index]))
        compare(f"floats and NumPy, sequence {index}", names, alone, batch[:, :, index], RULE, REMEDY)
    if torch is False or (torch is None and importlib.util.find_spec("torch") is None):
        return ["floats", "NumPy"]
    compare("NumPy and torch", names, batch, _on_tensors(setup, wishes, first), RULE, REMEDY)
    return ["floats", "NumPy", "torch"]


def random_wishes(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Return shares of rated power in [-1, 1], a third of them at the corners: full, idle of both signs."""
    wishes = random.uniform(-1.0, 1.0, shape)
    corner = random.random(shape) < 1.0 / 3.0
    wishes[corner] = random.choice(CORNERS, int(corner.sum()))
    return wishes


def state_names(setup: Setup) -> tuple[str, ...]:
    """Return a name for each state."""
    names: list[str] = []
    for unit in setup.units:
        if unit.laws is not None:
            names += [f"state {place} of {unit.name}" for place in range(len(unit.initial))]
            continue
        names += [f"state of {flexible.name}" for flexible in unit.flexibles]
        names += [f"running maximum {register} of {unit.name}" for register in range(unit.registers)]
        names += [f"{told.name} of {unit.name}" for told in unit.told]
        names += [f"{memory.name} of {flexible.name}" for flexible in unit.flexibles for memory in flexible.memory]
        names += [f"{one.name} of {account.name}" for account in unit.accounts for one in account.ledger.carried]
    return tuple(names)


def _on_floats(setup: Setup, wishes: Floats, first: int) -> Floats:
    signals = setup.signals[first : first + len(wishes)]
    rows = _play(setup, scalars, setup.started(len(wishes)), [tuple(wish) for wish in wishes.tolist()], signals)
    return np.array(rows, dtype=np.float64)


def _on_arrays(setup: Setup, wishes: Floats, first: npt.NDArray[np.int64]) -> Floats:
    gather, size = gather_all(setup.units), wishes.shape[-1]
    signals = [gather(first + step) for step in range(len(wishes))]
    states = tuple(np.full(size, state) for state in setup.started(len(wishes)))
    rows = _play(setup, arrays, states, [tuple(wish) for wish in wishes], signals)
    return np.array([[np.broadcast_to(figure, (size,)) for figure in row] for row in rows])


def _on_tensors(setup: Setup, wishes: Floats, first: npt.NDArray[np.int64]) -> Floats:
    xp = tensors()
    import torch

    gather, size = gather_all(setup.units), wishes.shape[-1]
    signals = [_as_tensors(gather(first + step)) for step in range(len(wishes))]
    states = tuple(torch.full((size,), state, dtype=torch.float64) for state in setup.started(len(wishes)))
    rows = _play(setup, xp, states, [tuple(torch.as_tensor(wish)) for wish in wishes], signals)
    return np.array([[np.broadcast_to(np.asarray(figure), (size,)) for figure in row] for row in rows])


def _as_tensors(part: Any) -> Any:
    import torch

    if isinstance(part, tuple):
        return tuple(_as_tensors(item) for item in part)
    return torch.as_tensor(part) if isinstance(part, np.ndarray) else part


def _play(setup: Setup, xp: Any, states: Any, wishes: Any, signals: Any) -> list[list[Any]]:
    """Return states, figures and reward by step; the last step is settled as the end of an episode."""
    course = Course(setup.units, setup.closings, setup.weights)
    moves = play(course, states, wishes, signals, xp)
    return [[*move.flow[STATES], *move.flow[1:], move.gain] for move in moves]
