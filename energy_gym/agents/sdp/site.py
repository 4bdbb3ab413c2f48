"""A site whose load and generation are not known: what stored energy and the demand paid for are worth, and what to do.

Once a day the coming two days are planned, on what they are expected to be and on how that is missed; what lies beyond
is worth what the usual course of the training split makes it worth. Each decision then is one step of look-ahead.

One rule: what is known is the environment's forecast, what is published for all times and what the meter has shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from energy_gym.agents.sdp.backward import Backward, Levels, Now
from energy_gym.agents.sdp.course import Course, Expectation, LastDays, learnt_course
from energy_gym.agents.sdp.net_noise import EXACT, NetChain, Noise
from energy_gym.agents.sdp.windows import Beyond, Stretch, Sweep
from energy_gym.agents.site_planning import plannable
from energy_gym.agents.site_rules import metered_kw
from energy_gym.arrays import Floats
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.oracle.peaks import charges_demand
from energy_gym.oracle.statement import Goal

DAYS, RENEWED = 2, 7
# Levels of energy without and with running maxima, and of maxima; the same for what lies beyond plans.
ENERGIES, CHARGED_ENERGIES, MAXIMA = 41, 21, 16
# Where a maximum usually stands in a billing period: this share of the net load in its window is below.
USUAL_STAND = 0.8
# Highest level of a maximum, as a share of the highest net load seen.
HEADROOM = 1.1


class SiteLaw(NamedTuple):
    """What is learnt of a site on its training split.

    Args:
        course: Of the course of its days.
        chain: Of what is missed of what a plan expects.
        stands_kw: Where each running maximum usually stands, shape (registers,).
        most_kw: The highest net load.
    """

    course: Course
    chain: NetChain
    stands_kw: Floats
    most_kw: float


def refusal(env: EnergyEnv) -> str | None:
    """Return why a site is more than three states can hold; None where it is not."""
    if not plannable(env):
        return "holds one battery behind one meter with load or generation, with no other state than running maxima"
    (unit,) = env.setup.units
    if unit.varies:
        return "holds no connection whose limits change from step to step"
    if charges_demand(unit, env.setup.weights.money) and unit.active.sum(axis=0).max() > 1.0:
        return "holds energy, noise and one running maximum at a time; here two windows are open at once"
    return None


def learnt_law(train: EnergyEnv, noise: Noise) -> SiteLaw:
    """Return what is learnt of a training split.

    Raises:
        DataError: The split is too short for such a noise.
    """
    course, missed, places = learnt_course(train)
    unit, expectation = train.setup.units[0], Expectation(train, course)
    day, actual = expectation.day, unit.fixed_kwh / unit.hours
    exact = float(np.abs(missed).max()) <= EXACT * max(float(np.abs(actual).max()), 1.0)
    chain = NetChain.sure(day) if exact else NetChain.fit(missed, places, day, noise)
    shown = [actual[active > 0.0] for active in unit.active]
    stands = np.array([max(float(np.quantile(one, USUAL_STAND)), 0.0) if len(one) else 0.0 for one in shown])
    return SiteLaw(course, chain, stands, max(float(actual.max()), 0.0))


class SitePlanner:
    """Plans once a day, and decides by one step of look-ahead.

    Args:
        env: The environment; see `refusal`.
        law: What was learnt.
    """

    def __init__(self, env: EnergyEnv, law: SiteLaw) -> None:
        self.env, self.law = env, law
        setup = env.setup
        self._charged = charges_demand(setup.units[0], setup.weights.money)
        self.backward = Backward(setup, self._levels())
        self.expectation = Expectation(env, law.course)
        self._usual: dict[int, list[Floats]] = {}
        self._met = law.chain.usual()
        self._days: dict[int, Beyond] = {}
        longest = setup.steps if setup.whole else setup.episode_steps
        if self._charged and longest > DAYS * self.expectation.day:
            self._days = self._beyond()
        self.restart()

    def _levels(self) -> Levels:
        cell = self.env.setup.flexibles[0].bare.cell
        energies = np.linspace(cell.energy_min, cell.energy_max, CHARGED_ENERGIES if self._charged else ENERGIES)
        most = HEADROOM * max(self.law.most_kw, 1.0)
        # Few levels where a maximum never stays.
        maxima = np.concatenate([[0.0], np.linspace(0.25, 1.0, MAXIMA - 1)]) * most if self._charged else np.zeros(1)
        return Levels(energies, maxima)

    def restart(self) -> None:
        """Forget the episode."""
        self._memory = LastDays(self.expectation.day)
        self._seen = [0.0, 0.0]
        self._energy: float | None = None
        self._first = -1
        self.planned = -1
        self.wished = 0.0
        self._worths: list[Floats] = []
        self._renewed: dict[int, Beyond] = {}
        self._renewal = 0

    def wish(self, info: Mapping[str, Any]) -> float:
        """Return what to wish for now, given the ``info`` that came with the last observation."""
        self.look(info)
        now, chances, worth = self.stage()
        self.wished = self.backward.choose(worth, now, chances, self.env.states)
        return self.wished

    def stage(self) -> tuple[Now, Floats, Floats]:
        """Return the running step as it is planned: what it is told, chances of the noise, values at its end (n, e, m).

        The chance is that of each state of the noise at its end, shape (n,).
        """
        at, chain = self.env.steps_left[0] - self._first, self.law.chain
        return self._sweep.now(at), chain.seen(self._seen) @ self._sweep.matrix(at), self._worths[at]

    def after(self, net_kw: float) -> Floats:
        """Return how much each state of the noise would count after load less generation of the running step, (n,)."""
        return self.law.chain.seen([self._missed(self.env.steps_left[0], net_kw), self._seen[0]])

    def _missed(self, step: int, net_kw: float) -> float:
        """Return what load less generation of a step missed of what the plan expected [standard deviations]."""
        spread = self.law.chain.spread_kw[int(self.expectation.places[step])]
        return float((net_kw - self._sweep.stretch.net_kw[step - self._first]) / spread)

    def look(self, info: Mapping[str, Any]) -> None:
        """Take in what the meter has shown, and plan where the last plan is a day old."""
        step, _ = self.env.steps_left
        self._show(step, info)
        self._energy = float(info["energy_kwh"])
        if not self._first <= step < self._first + self.expectation.day or step >= self.planned:
            self._plan(step)

    def told(self, step: int) -> tuple[Any, ...]:
        """Return what a step of the plan is told, as it is expected."""
        return self._sweep.signals[step - self._first]

    def worth_after(self, step: int, states: tuple[Any, ...]) -> Floats:
        """Return what states of the unit, arrays of shape (k,), are worth at the end of a step of the plan, (k,)."""
        at = step - self._first
        register = self._sweep.now(at).register
        maximum = 0.0 if register is None else states[1 + register]
        return self.backward.each(self._met @ self._worths[at].reshape(len(self._met), -1), states[0], maximum)

    def value(self, step: int, energy_kwh: Any, noise: Floats | None = None, maximum_kw: float = 0.0) -> Floats:
        """Return what energies are worth at the end of a step of the plan [reward units], shape (k,).

        Args:
            step: A step of the plan in force, counted from the start of the split.
            energy_kwh: Energies (k,).
            noise: Chance of each state of the noise, shape (n,); None for as often as each is met.
            maximum_kw: Where the maximum stands whose window is open in the step.
        """
        found = self.backward.at(self._worths[step - self._first], energy_kwh, maximum_kw)
        return np.asarray((self._met if noise is None else noise) @ found)

    def usual_worth(self, step: int, energy_kwh: Any) -> Floats:
        """Return what energies are worth at the beginning of a step on the usual course [reward units], shape (k,).

        Raises:
            ConfigurationError: Under demand charges, where energy alone has no worth.
        """
        if self._charged:
            found, rule = "a site under demand charges", "has no value of energy alone"
            raise ConfigurationError(found, rule, "pass continuation='mean-price'")
        day = self.expectation.day
        begin = step // day * day
        if begin not in self._usual:
            stop = min(begin + (1 + DAYS) * day, self.env.setup.steps)
            sweep, worths = self._usual_sweep(begin, stop), dict[int, Floats]()
            end = self._closed(False, self.law.chain.states)
            first = sweep.run(end, worths.__setitem__)
            met = self._met
            self._usual = {begin: [met @ first.energy, *(met @ worths[at][..., 0] for at in range(day))]}
        return np.interp(energy_kwh, self.backward.levels.energy_kwh, self._usual[begin][step - begin])

    def _show(self, step: int, info: Mapping[str, Any]) -> None:
        """Take in what the meter has shown of the last step."""
        at = step - 1 - self._first
        if self._energy is None or not 0 <= at < len(self._worths):
            return
        shown = metered_kw(self.env, info, self._energy)
        self._seen = [self._missed(step - 1, shown), self._seen[0]]
        self._memory.show(int(self.expectation.places[step - 1]), shown)

    def _plan(self, step: int) -> None:
        """Work out the values of the coming days."""
        self._first, self.planned = step, min(step + DAYS * self.expectation.day, self.env.steps_left[1])
        net = self.expectation.net_kw(self._memory, step, self.planned)
        unit = self.expectation.unit(step, self.planned)
        stretch = Stretch(unit, net, self.expectation.places[step : self.planned])
        self._sweep = Sweep(self.backward, self.law.chain, stretch, self._stands)
        worths: list[Floats] = []
        self._sweep.run(self._end(), lambda _, values: worths.append(values))
        self._worths = worths[::-1]

    def _end(self) -> Beyond:
        """Return what lies beyond the plan."""
        ends, states = self.planned == self.env.steps_left[1], self.law.chain.states
        if self._charged and not ends:
            self._days = self._days or self._beyond()
            self._renew()
            known = {**self._days, **self._renewed}
            energy, maxima = known[max(day for day in known if day <= self.planned)]
            return Beyond(np.repeat((self._met @ energy)[None], states, axis=0), maxima)
        return self._closed(ends, states)

    def _closed(self, ends: bool, states: int) -> Beyond:
        setup, levels = self.env.setup, self.backward.levels
        closing = (setup.closings if ends else setup.continuation)[0]
        energy = self.backward.closing(Goal(setup.weights, closing), setup.flexibles[0].initial, states)
        return Beyond(energy, np.zeros((setup.units[0].registers, len(levels.maximum_kw))))

    def _beyond(self) -> dict[int, Beyond]:
        """Return what lies beyond each day of the split on the usual course, by its first step."""
        day, steps = self.expectation.day, self.env.setup.steps
        found = {steps: self._closed(True, self.law.chain.states)}
        for stop in range(steps, 0, -day):
            first = max(stop - day, 0)
            found[first] = self._usual_sweep(first, stop).run(found[stop])
        return found

    def _renew(self) -> None:
        """Work out anew what lies beyond, to where all maxima have begun anew, where the last days were not the usual.

        It is done once in `RENEWED` days, from the second day of an episode on.
        """
        day = self.expectation.day
        if self._memory.shown < day or self._first < self._renewal:
            return
        fresh = np.cumsum(self.env.setup.units[0].fresh[:, self.planned :], axis=1).min(axis=0)
        until = self.planned + int(np.searchsorted(fresh, 0.5))
        stop = min(end for end in self._days if end >= until)
        self._renewed, self._renewal = {stop: self._days[stop]}, self._first + RENEWED * day
        for end in range(stop, self._first + day, -day):
            first = max(end - day, 0)
            self._renewed[first] = self._usual_sweep(first, end, self._memory).run(self._renewed[end])

    def _usual_sweep(self, first: int, stop: int, memory: LastDays | None = None) -> Sweep:
        """Return what goes back over steps on the usual course, or off it by what lasts of the last days."""
        unit = self.expectation.unit(first, stop, told=False)
        net, places = self.expectation.usual_net_kw(first, stop, memory), self.expectation.places[first:stop]
        return Sweep(self.backward, self.law.chain, Stretch(unit, net, places), self._usual_stands)

    def _usual_stands(self, register: int, step: int) -> float:
        return float(self.law.stands_kw[register])

    def _stands(self, register: int, step: int) -> float:
        """Return where a maximum stands in a plan: where it is now, on later days at least where it usually is."""
        fresh = self._sweep.stretch.unit.fresh[register, : step + 1].any()
        now = 0.0 if fresh else float(self.env.states[1 + register])
        return max(now, self._usual_stands(register, step)) if step >= self.expectation.day else now
