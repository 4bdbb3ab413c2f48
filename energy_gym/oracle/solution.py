"""What the oracle answers: a plan that was replayed through the environment's laws, and a proven bound on any plan.

One rule: ``value`` is what the replay earned, never what a solver claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import scalars
from energy_gym.dynamics import FIGURES, STATES, Course, play
from energy_gym.envs.setup import Setup

if TYPE_CHECKING:
    import pandas as pd

EXACT = 1e-6
COLUMNS = ("energy_kwh", *FIGURES, "reward")


@dataclass(frozen=True)
class Plan:
    """Shares of rated power for each step of a window, shape (steps, controls), and what they earn.

    ``start`` has shape (states,): the states before the first step; ``states`` has shape (steps, states): those at the
    end of each step; ``steps`` the figures named in `COLUMNS`.
    """

    setup: Setup
    first: int
    stop: int
    wishes: Floats
    start: Floats
    states: Floats
    steps: Floats

    @property
    def value(self) -> float:
        """Return of the plan [reward units]."""
        return float(sum(self.steps[:, -1].tolist()))

    @property
    def table(self) -> pd.DataFrame:
        """The plan step by step, with time, price, carbon intensity, power, states of charge and the reward's parts."""
        import pandas as pd

        setup, window = self.setup, slice(self.first, self.stop)
        begin = setup.feed.first
        times = setup.feed.times[begin + self.first : begin + self.stop]
        frame = pd.DataFrame(self.steps, columns=list(COLUMNS), index=times)
        frame.insert(0, "price_per_mwh", setup.price[window])
        frame.insert(1, "carbon_g_per_kwh", setup.carbon[window])
        for control, name in enumerate(setup.entries):
            frame.insert(2 + control, f"action({name})" if setup.controls > 1 else "action", self.wishes[:, control])
        frame.insert(2 + setup.controls, "power_kw", frame["grid_kwh"] / setup.feed.step_hours)
        for order, state in enumerate(setup.tape.states):
            name = state.slot.name.replace("state_of_charge", "soc")
            shown = (self.states[:, state.place] - state.offset) / state.scale
            value = shown if name.startswith("soc") else self.states[:, state.place]
            frame.insert(3 + setup.controls + order, name, value)
        for name, place in setup.told:
            frame[name] = self.states[:, place]
        return frame


def replay(
    setup: Setup, first: int, stop: int, states: Sequence[float], wishes: Floats, bids: Sequence[Any] | None = None
) -> Plan:
    """Play shares of rated power, shape (T, controls), on the steps ``first`` to ``stop``, as the environment does.

    Args:
        setup: What is played.
        first: The first step.
        stop: The step after the last.
        states: States at the start.
        wishes: What is asked for at each step.
        bids: Wishes and signals that each step is played with, where gates made them from the wishes.
    """
    plain = ((tuple(wish), signal) for wish, signal in zip(wishes.tolist(), setup.signals[first:stop], strict=True))
    asked, signals = zip(*(plain if bids is None else bids), strict=True)
    course = Course(setup.units, setup.closings, setup.weights)
    moves = list(play(course, states, asked, signals, scalars))
    after = [move.flow[STATES] for move in moves]
    steps = [(_stored(setup, now), *move.flow[1:], move.gain) for now, move in zip(after, moves, strict=True)]
    return Plan(setup, first, stop, wishes, np.array(states, dtype=float), np.array(after), np.array(steps))


def _stored(setup: Setup, states: tuple[float, ...]) -> float:
    return sum(worth * states[place] for place, worth in setup.stored)


def idle_plan(setup: Setup, first: int, stop: int, states: Sequence[float]) -> Plan:
    """Return the plan of doing nothing from given states."""
    return replay(setup.by_power, first, stop, states, np.zeros((stop - first, setup.controls)))


def idle_return(setup: Setup, first: int, stop: int, states: Sequence[float]) -> float:
    """Return what doing nothing earns from given states [reward units]."""
    return idle_plan(setup, first, stop, states).value


@dataclass(frozen=True)
class Solution:
    """The optimum of the rest of an episode.

    Args:
        value: Largest return that any sequence of actions can earn (exact), or the best one found [reward units].
        bound: Proven upper bound, at least ``value``.
        actions: Actions for ``env.step`` that earn ``value``; shares of rated power where ``continuous=True`` was asked
            of a discrete environment.
        status: ``"optimal"`` or ``"bracketed"``, and the method.
        seconds: Wall time of the solution, replay included.
        plan: The replayed plan.
    """

    value: float
    bound: float
    actions: list[Any] = field(repr=False)
    status: str
    seconds: float
    plan: Plan = field(repr=False)

    @property
    def exact(self) -> bool:
        """Whether value and bound agree within 1e-6, relative to the value where it is above 1."""
        return bool(self.bound - self.value <= EXACT * max(1.0, abs(self.value)))

    @property
    def physical(self) -> Solution:
        """The optimum over what physics allows, where actions can do less than that."""
        return self

    @cached_property
    def table(self) -> pd.DataFrame:
        """The plan, a row a step: price, carbon intensity, action, power, state of charge, reward and its parts."""
        return self.plan.table
