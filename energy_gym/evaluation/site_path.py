"""The path that load and generation of a site took, as the law that ``sdp`` fitted sees it, and the best on that path.

With W for the worth of an energy after a step by the state of the noise, r for what the step earns and a for a wish,

    D(a) = r(a, what came) + W(e'(a, what came)) - mean over what might have come of [ r(a, .) + W(e'(a, .)) ]
    G(e) = max over a of r(a, what came) - share x D(a) + G(e'(a, what came))     one step later

D is what the step brought against what was expected of it when it was decided: zero on average under the law, whatever
the wish. One rule: what a step earns and leads to is played by the planner's own step on arrays.

Source:
    Brown, Smith and Sun, Information relaxations and duality in stochastic dynamic programs, Operations Research 58(4),
    2010.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from energy_gym.agents.sdp.agent import SDP
from energy_gym.agents.sdp.backward import Backward, Levels, Now
from energy_gym.agents.sdp.site import SitePlanner
from energy_gym.arrays import Floats
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.oracle.peaks import charges_demand
from energy_gym.oracle.statement import Goal

ENERGIES = 121
"""Energies between which the best on a path is read off in straight lines."""


class Passed(NamedTuple):
    """A step as it was planned, and as it came.

    Args:
        planned: What it was told in the plan, and what might come.
        came: What it was told in the end, and what came.
        chances: Chance of each state of the noise at its end, as it was decided, shape (n,).
        seen: Weights of these states by what came, shape (n,).
        worth: What energies are worth at its end by state of the noise, shape (n, e) [reward units].
        held_kwh: What the agent whose law it is had stored.
        wish: Which of the wishes it had.
    """

    planned: Now
    came: Now
    chances: Floats
    seen: Floats
    worth: Floats
    held_kwh: float
    wish: int


@dataclass(frozen=True)
class SitePath:
    """The rest of an episode of a site.

    Args:
        env: The environment.
        steps: Its steps.
        earned: What the agent whose law it is earns in each step, shape (T,).
        grid: The step between the energies of the path.
    """

    env: EnergyEnv
    steps: Sequence[Passed]
    earned: Floats
    grid: Backward

    @classmethod
    def of(cls, env: EnergyEnv, agent: SDP) -> Self:
        """Return the rest of an episode, played in a copy of its environment by a fitted agent; see `check_site`."""
        twin, acting = copy.copy(env), SDP(env, noise=agent.noise)
        acting.env = twin
        law = agent.learnt
        assert law is not None
        acting.take(law)
        cell = env.setup.flexibles[0].bare.cell
        grid = Backward(env.setup, Levels(np.linspace(cell.energy_min, cell.energy_max, ENERGIES), np.zeros(1)))
        steps, earned = _played(twin, acting, grid)
        return cls(env, steps, earned, grid)

    def best(self, shares: Sequence[float], marks: Sequence[int] = (0,)) -> dict[int, Floats]:
        """Return what is best from some steps on, by share of the penalty and energy: shape (shares, e) each.

        Args:
            shares: How much of what was not expected is taken off.
            marks: The steps, counted from the first of the path.
        """
        setup, found = self.env.setup, dict[int, Floats]()
        goal = Goal(setup.weights, setup.closings[0])
        best = self.grid.closing(goal, setup.flexibles[0].initial, len(shares))
        taken = np.asarray(shares, dtype=float)[:, None, None]
        for step in range(len(self.steps) - 1, -1, -1):
            earned, energy, missed = self._tried(self.steps[step])
            best = (earned - taken * missed + self.grid.read(best, energy)).max(axis=1)
            if step in marks:
                found[step] = best
        return found

    def bound_by_day(self, share: float, marks: Sequence[int], foresight: float) -> list[float]:
        """Return what each day adds to the bound, told of what the agent had stored at its start and its end.

        How far the best on a path falls with the penalty is worked out between levels, and taken off the exact optimum;
        where it rises, as it may where a path was worse than expected, the optimum is left as it is.

        Args:
            share: Share of the penalty.
            marks: The first step of each day.
            foresight: The proven optimum.
        """
        bests = self.best([share, 0.0], marks)
        here = [self.grid.read(bests[mark], np.array(self.steps[mark].held_kwh)) for mark in marks]
        daily, seen = -np.diff(np.array([*here, np.zeros(2)]), axis=0).T
        beyond = max(float(daily.sum() - seen.sum()), 0.0)
        found: list[float] = (daily + (foresight - seen.sum() - beyond) / len(marks)).tolist()
        return found

    def _tried(self, passed: Passed) -> tuple[Floats, Floats, Floats]:
        """Return what wishes earn, where they lead, and what that brought against what was expected: (w, e) each."""
        read, worth = self.grid.read, passed.worth
        might, ends = self.grid.tried(passed.planned)
        might = might + np.stack([read(row[None], ends[:, at])[0] for at, row in enumerate(worth)], axis=1)
        expected = np.tensordot(might, passed.chances, axes=(1, 0))
        told = (passed.came, passed.planned._replace(net_kwh=passed.came.net_kwh))
        (earned, energy), (brought, reached) = ([part[:, 0] for part in self.grid.tried(now)] for now in told)
        missed = brought + read((passed.seen @ worth)[None], reached)[0] - expected
        return earned, energy, missed - read(missed[passed.wish : passed.wish + 1], np.array(passed.held_kwh))[0]


def check_site(env: EnergyEnv) -> None:
    """Raise ConfigurationError where the best on a path cannot be worked out: where demand is charged for."""
    if charges_demand(env.setup.units[0], env.setup.weights.money):
        rule = "has running maxima beside its energy, which are too many states for the best on a path"
        raise ConfigurationError("a site under demand charges", rule, "compare with energy_gym.solve(env)")


def _played(env: EnergyEnv, agent: SDP, grid: Backward) -> tuple[list[Passed], Floats]:
    """Return the steps of the rest of an episode, and what an agent earns in each, shape (T,)."""
    planner = agent.ready()
    assert isinstance(planner, SitePlanner)
    first, stop = env.steps_left
    actual, energies = env.setup.units[0].window(first, stop), planner.backward.levels.energy_kwh
    signals, net_kwh, steps, earned = actual.signals(), actual.fixed_kwh, list[Passed](), list[float]()
    info: dict[str, Any] = {"energy_kwh": env.energy_kwh}
    for at, signal in enumerate(signals):
        action = agent.act(None, info)
        planned, chances, worth = planner.stage()
        on_grid = np.stack([np.interp(grid.levels.energy_kwh, energies, row) for row in worth[..., 0]])
        came = Now(signal, net_kwh[at : at + 1], None, False)
        seen, wish = planner.after(float(net_kwh[at]) / actual.hours), int(np.abs(grid.fine - planner.wished).argmin())
        steps.append(Passed(planned, came, chances, seen, on_grid, env.energy_kwh, wish))
        _, gain, _, _, info = env.step(action)
        earned.append(float(gain))
    return steps, np.array(earned)
