"""The path that load and generation of a site took, as the law that ``sdp`` fitted sees it, and the best on that path.

With W for the worth of an energy e and of the running maximum m whose window is open, after a step and by the state of
the noise, r for what the step earns and a for a wish,

    D(a) = r(a, what came) + W(e', m' by a and what came) - mean over what might have come of [ r(a, .) + W(e', m') ]
    G(e, m) = max over a of r(a, what came) - share x D(a) + G(e', m')     one step later

D is what the step brought against what was expected of it when it was decided: zero on average under the law, whatever
the wish. m stands for all running maxima at once where there are several (`site_values`).

One rule: what a step earns and leads to is played by the planner's own step on arrays.

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
from energy_gym.agents.sdp.net_noise import between
from energy_gym.agents.sdp.site import SitePlanner
from energy_gym.arrays import Floats
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.evaluation.site_values import Moved, SiteValues
from energy_gym.oracle.peaks import charges_demand
from energy_gym.oracle.statement import Goal

ENERGIES = 121
"""Energies between which the best on a path is read off in straight lines, where demand is not charged for."""
WISHES = 12
"""Wishes one way that are compared where it is; `energy_gym.agents.sdp.backward.FINE` where not."""
MOST_MAXIMA = 3


class Passed(NamedTuple):
    """A step as it was planned, and as it came.

    Args:
        planned: What it was told in the plan, and what might come.
        came: What it was told in the end, and what came.
        chances: Chance of each state of the noise at its end, as it was decided, shape (n,).
        seen: Weights of these states by what came, shape (n,).
        worth: What levels are worth at its end by state of the noise, shape (n, e, m) [reward units].
        states: What the agent whose law it is had stored [kWh], and where the running maxima stood [kW].
        wish: What that agent wished for.
        fresh: The running maxima that begin anew with it.
    """

    planned: Now
    came: Now
    chances: Floats
    seen: Floats
    worth: Floats
    states: tuple[float, ...]
    wish: float
    fresh: tuple[int, ...] = ()


@dataclass(frozen=True)
class SitePath:
    """The rest of an episode of a site.

    Args:
        env: The environment.
        steps: Its steps.
        earned: What the agent whose law it is earns in each step, shape (T,).
        grid: The step between the levels of the path.
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
        planner = acting.ready()
        assert isinstance(planner, SitePlanner)
        grid = _grid(env, planner)
        steps, earned = _played(twin, acting, planner, grid)
        return cls(env, steps, earned, grid)

    @property
    def registers(self) -> int:
        """Number of running maxima that are looked at."""
        return self.env.setup.units[0].registers if len(self.grid.levels.maximum_kw) > 1 else 0

    def best(self, shares: Sequence[float], marks: Sequence[int] = (0,)) -> dict[int, Floats]:
        """Return what is best from some steps on, from where the agent then stood, by share of the penalty: shape (s,).

        Args:
            shares: How much of what was not expected is taken off.
            marks: The steps, counted from the first of the path.
        """
        setup, found = self.env.setup, dict[int, Floats]()
        goal = Goal(setup.weights, setup.closings[0])
        end = self.grid.closing(goal, setup.flexibles[0].initial, len(shares))
        values = SiteValues(self.grid.levels, self.registers, end)
        taken = np.asarray(shares, dtype=float)
        for step in range(len(self.steps) - 1, -1, -1):
            values.back(self._moved(self.steps[step], taken))
            if step in marks:
                found[step] = values.at(self.steps[step].states)
        return found

    def bound_by_day(self, share: float, marks: Sequence[int], foresight: float) -> list[float]:
        """Return what each day adds to the bound, told of where the agent stood at its start and its end.

        How far the best on a path falls with the penalty is worked out between levels, and taken off the exact optimum;
        where it rises, as it may where a path was worse than expected, the optimum is left as it is.

        Args:
            share: Share of the penalty.
            marks: The first step of each day.
            foresight: The proven optimum.
        """
        bests = self.best([share, 0.0], marks)
        daily, seen = -np.diff(np.array([*(bests[mark] for mark in marks), np.zeros(2)]), axis=0).T
        beyond = max(float(daily.sum() - seen.sum()), 0.0)
        found: list[float] = (daily + (foresight - seen.sum() - beyond) / len(marks)).tolist()
        return found

    def _moved(self, passed: Passed, taken: Floats) -> Moved:
        """Return what wishes earn, less shares of what that brought against what was expected, and where they lead."""
        wishes, came = self.wishes(passed), passed.came
        missed = self._missed(passed, wishes)
        found = self.grid.tried(came, wishes)
        earned = found.earned[:, 0] - taken[:, None, None, None] * missed
        peaks = None if found.peak_kw is None else found.peak_kw[:, 0]
        fresh = passed.fresh if self.registers else ()
        return Moved(earned, found.energy_kwh[:, 0], peaks, came.register, fresh)

    def wishes(self, passed: Passed) -> Floats:
        """Return the wishes that are compared in a step, shape (w,): that of the agent among them."""
        fine = self.grid.fine
        return fine if passed.wish in fine else np.append(fine, passed.wish)

    def _missed(self, passed: Passed, wishes: Floats) -> Floats:
        """Return what wishes brought against what was expected, more than what the agent's own did: (w, e, m)."""
        told = passed.planned._replace(net_kwh=passed.came.net_kwh)
        seen = np.tensordot(passed.seen, passed.worth, axes=1)[None]
        expected = np.tensordot(self.grid.outcomes(passed.worth, passed.planned, wishes), passed.chances, axes=(1, 0))
        missed = self.grid.outcomes(seen, told, wishes)[:, 0] - expected
        register, own = passed.planned.register, missed[wishes == passed.wish][:1]
        maximum = 0.0 if register is None else passed.states[1 + register]
        return missed - self.grid.at(own, passed.states[0], maximum)[0, 0]


def check_site(env: EnergyEnv) -> None:
    """Raise ConfigurationError where the best on a path cannot be worked out: where too many maxima run at once."""
    count = env.setup.units[0].registers
    if charges_demand(env.setup.units[0], env.setup.weights.money) and count > MOST_MAXIMA:
        rule = f"is too much for the best on a path, which holds at most {MOST_MAXIMA} beside what is stored"
        raise ConfigurationError(f"a site with {count} running maxima", rule, "compare with energy_gym.solve(env)")


def _grid(env: EnergyEnv, planner: SitePlanner) -> Backward:
    """Return the step between the levels of a path: the planner's own levels where running maxima are among them."""
    own = planner.backward.levels
    if len(own.maximum_kw) > 1:
        return Backward(env.setup, own, WISHES)
    return Backward(env.setup, Levels(np.linspace(own.energy_kwh[0], own.energy_kwh[-1], ENERGIES), own.maximum_kw))


def _played(env: EnergyEnv, agent: SDP, planner: SitePlanner, grid: Backward) -> tuple[list[Passed], Floats]:
    """Return the steps of the rest of an episode, and what an agent earns in each, shape (T,)."""
    actual, registers = env.setup.units[0].window(*env.steps_left), env.setup.units[0].registers
    shares = between(planner.backward.levels.energy_kwh, grid.levels.energy_kwh)
    signals, net_kwh, steps, earned = actual.signals(), actual.fixed_kwh, list[Passed](), list[float]()
    info: dict[str, Any] = {"energy_kwh": env.energy_kwh}
    for at, signal in enumerate(signals):
        action = agent.act(None, info)
        planned, chances, worth = planner.stage()
        came = planned._replace(signal=signal, net_kwh=net_kwh[at : at + 1])
        seen = planner.after(float(net_kwh[at]) / actual.hours)
        fresh, states = tuple(np.flatnonzero(actual.fresh[:, at]).tolist()), env.states[: 1 + registers]
        steps.append(Passed(planned, came, chances, seen, shares @ worth, states, planner.wished, fresh))
        _, gain, _, _, info = env.step(action)
        earned.append(float(gain))
    return steps, np.array(earned)
