"""One step of dynamic programming at a site, back over it or ahead into it, by the laws of the environment.

A value has three axes: the state of the noise (n), the energy stored (e) and one running maximum of demand (m). Load
less generation of a step is set by the state at its end, so that a step back is, over wishes w, decided before it,

    V(n, e, m) = max over w of the mean over n' of [ earned(w, n', e, m) + V(n', e', m') ]

One rule: what a step earns and leads to is played by `energy_gym.dynamics.compose` on arrays; only the levels between
which values are read off in straight lines are ours.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from energy_gym.agents.sdp.net_noise import between
from energy_gym.arrays import Floats, Ints
from energy_gym.backends import arrays, scalars
from energy_gym.closing import closed
from energy_gym.dynamics import STATES, compose, gain, reward
from energy_gym.envs.setup import Setup
from energy_gym.following import INNER, TINY, ends_of
from energy_gym.oracle.statement import Goal

# Wishes that are compared in a plan, one way, and in a decision; how much closer they lie to doing nothing.
COARSE, FINE, CROWDED = 6, 40, 1.7
TIE = 1e-9
FIXED, SPARE = 3, 4


class Levels(NamedTuple):
    """Between which levels values are read off.

    Args:
        energy_kwh: Levels of stored energy, rising and evenly spaced, shape (e,).
        maximum_kw: Levels of a running maximum, rising from 0, shape (m,); of shape (1,) without demand charges.
    """

    energy_kwh: Floats
    maximum_kw: Floats

    def at_energy(self, energy_kwh: Floats) -> tuple[Ints, Floats]:
        """Return the level below each energy, and how far it lies towards the next; beyond the levels, the nearest."""
        levels = self.energy_kwh
        place = np.clip((energy_kwh - levels[0]) / (levels[1] - levels[0]), 0.0, len(levels) - 1.0)
        below = np.minimum(place.astype(np.int64), len(levels) - 2)
        return below, place - below

    def at_maximum(self, maximum_kw: Floats) -> tuple[Ints, Floats]:
        """Return the level below each of some maxima, and how far it lies towards the next, or the last of them."""
        levels = self.maximum_kw
        below = np.clip(np.searchsorted(levels, maximum_kw, side="right") - 1, 0, len(levels) - 2)
        return below, np.minimum((maximum_kw - levels[below]) / (levels[below + 1] - levels[below]), 1.0)


class Now(NamedTuple):
    """What a step is told, and what may come.

    Args:
        signal: What the composed step is told; load less generation in it is not looked at.
        net_kwh: Load less generation in each state of the noise at its end, shape (n,) [kWh].
        register: The running maximum that counts in it; None if none does.
        begins: Whether that maximum begins anew with it.
    """

    signal: tuple[Any, ...]
    net_kwh: Floats
    register: int | None
    begins: bool


class Tried(NamedTuple):
    """What wishes earn and lead to.

    Args:
        earned: What each earns, shape (w, n, e, m) [reward units].
        energy_kwh: What is stored then, shape (w, n, e).
        peak_kw: Where the maximum stands then whose window is open, shape (w, n, e, m); None if none is.
    """

    earned: Floats
    energy_kwh: Floats
    peak_kw: Floats | None


class Backward:
    """Steps of a site's one battery.

    Args:
        setup: The site.
        levels: Between which levels values are read off.
        fine: Wishes that are compared in a decision, one way.
    """

    def __init__(self, setup: Setup, levels: Levels, fine: int = FINE) -> None:
        (unit,) = setup.units
        self.levels, self._weights, self._plain = levels, setup.weights, unit.plain
        self._advance = compose(setup.units, arrays)
        self._registers, self._told = unit.registers, len(unit.told)
        self._coarse, self.fine = wishes(setup, levels.maximum_kw, COARSE), wishes(setup, levels.maximum_kw, fine)

    def closing(self, goal: Goal, initial_kwh: float, states: int) -> Floats:
        """Return what is stored is worth where a plan is closed at prices, shape (states, e)."""
        cost, kg = closed(initial_kwh - self.levels.energy_kwh, goal.closing, arrays)
        return np.repeat(np.asarray(reward(cost, kg, 0.0, 0.0, 0.0, goal.weights))[None], states, axis=0)

    def back(self, worth: Floats, now: Now, matrix: Floats) -> Floats:
        """Return the values at the start of a step, shape (n, e, m).

        Args:
            worth: The values at its end, shape (n, e, m).
            now: The step.
            matrix: Chance of each state of the noise at its end after each at its start, shape (n, n).
        """
        found = self.outcomes(worth, now, self._coarse)
        mean = matrix @ found.reshape(*found.shape[:2], -1)
        return np.asarray(mean.max(axis=0).reshape(worth.shape))

    def choose(self, worth: Floats, now: Now, chances: Floats, states: tuple[float, ...]) -> float:
        """Return the best wish of a step.

        Args:
            worth: The values at its end, shape (n, e, m).
            now: The step.
            chances: Chance of each state of the noise at its end, shape (n,).
            states: States of the unit now.
        """
        maximum = states[1 + now.register] if now.register is not None else 0.0
        energy, peak = np.full((1, 1), states[0]), np.full(1, maximum)
        flow = self._played(energy, peak, self.fine[:, None, None, None], now)
        after = self._read(worth, flow, now)
        found = np.broadcast_to((gain(flow, self._weights) + after)[..., 0, 0], (len(self.fine), len(chances)))
        mean = found @ chances
        return float(self.fine[int(np.argmax(mean >= mean.max() - TIE * max(1.0, abs(mean.max()))))])

    def tried(self, now: Now, wishes: Floats) -> Tried:
        """Return what each of some wishes, shape (w,), earns from all levels, and where it leads."""
        flow = self._from_levels(now, wishes)
        shape = self._shape(now, wishes)
        ends = np.broadcast_to(flow[STATES][0], shape)[..., 0]
        peaks = None if now.register is None else np.broadcast_to(flow[STATES][1 + now.register], shape)
        return Tried(np.broadcast_to(gain(flow, self._weights), shape), ends, peaks)

    def outcomes(self, worth: Floats, now: Now, wishes: Floats) -> Floats:
        """Return what each of some wishes, shape (w,), earns and leads to from all levels, shape (w, n, e, m).

        Args:
            worth: The values at its end, shape (n, e, m).
            now: The step.
            wishes: The wishes.
        """
        flow = self._from_levels(now, wishes)
        return np.broadcast_to(gain(flow, self._weights) + self._after(worth, flow, now), self._shape(now, wishes))

    def at(self, worth: Floats, energy_kwh: Any, maximum_kw: float) -> Floats:
        """Return values read off at energies (k,) and a maximum, shape (n, k)."""
        return np.asarray((worth @ between(self.levels.maximum_kw, maximum_kw)) @ self._shares(energy_kwh).T)

    def each(self, worth: Floats, energy_kwh: Floats, maximum_kw: Any) -> Floats:
        """Return values (e m,) read off at pairs of energy and maximum, each of shape (k,)."""
        levels = self.levels
        maxima = np.broadcast_to(between(levels.maximum_kw, maximum_kw), (len(energy_kwh), len(levels.maximum_kw)))
        shares = self._shares(energy_kwh) @ worth.reshape(len(levels.energy_kwh), -1)
        return np.asarray((shares * maxima).sum(axis=1))

    def _shares(self, energy_kwh: Any) -> Floats:
        return between(self.levels.energy_kwh, np.atleast_1d(energy_kwh))

    def _shape(self, now: Now, wishes: Floats) -> tuple[int, ...]:
        return len(wishes), len(now.net_kwh), len(self.levels.energy_kwh), len(self.levels.maximum_kw)

    def _from_levels(self, now: Now, wishes: Floats) -> Any:
        """Play wishes, shape (w,), from all levels."""
        return self._played(self.levels.energy_kwh[:, None], self.levels.maximum_kw, wishes[:, None, None, None], now)

    def _played(self, energy: Floats, maximum: Floats, wish: Floats, now: Now) -> Any:
        """Play wishes (w, 1, 1, 1) from energies (e, 1) and maxima (m,): axes (w, n, e, m), as few as there must be."""
        signal = list(now.signal)
        signal[FIXED] = now.net_kwh[:, None, None]
        if not self._plain:
            # What is generated is at least what the load does not take of it.
            signal[SPARE] = np.maximum(signal[SPARE], -signal[FIXED]) if np.any(signal[SPARE]) else signal[SPARE]
        peaks = (maximum if place == now.register else 0.0 for place in range(self._registers))
        return self._advance((energy, *peaks, *[0.0] * self._told), (wish,), tuple(signal))

    def _stored(self, worth: Floats, flow: Any) -> Floats:
        """Return the values at the energies that a step leads to, shape (w, n, e, m)."""
        below, share = self.levels.at_energy(flow[STATES][0][..., 0])
        states = np.arange(len(worth))[:, None]
        low, share = worth[states, below], share[..., None]
        return np.asarray(low + share * (worth[states, below + 1] - low))

    def _after(self, worth: Floats, flow: Any, now: Now) -> Floats:
        """Return the values that a step leads to from all levels, shape (w, n, e, m).

        A maximum is where it was, or has risen to what the lowest one has risen to.
        """
        kept = self._stored(worth, flow)
        if now.register is None:
            return kept
        peaks = flow[STATES][1 + now.register]
        risen = self._at_peak(kept, peaks[..., :1])
        if now.begins:
            return risen
        return np.where(peaks > self.levels.maximum_kw, risen, kept)

    def _read(self, worth: Floats, flow: Any, now: Now) -> Floats:
        """Return the values that a step leads to from one energy and maximum, shape (w, n, 1, 1)."""
        kept = self._stored(worth, flow)
        return kept[..., :1] if now.register is None else self._at_peak(kept, flow[STATES][1 + now.register])

    def _at_peak(self, kept: Floats, peak: Floats) -> Floats:
        """Return values (w, n, e, m) read off at one maximum each, shape (w, n, e, 1)."""
        below, share = self.levels.at_maximum(np.broadcast_to(peak, (*kept.shape[:3], 1)))
        low = np.take_along_axis(kept, below, axis=3)
        return np.asarray(low + share * (np.take_along_axis(kept, below + 1, axis=3) - low))


def wishes(setup: Setup, maximum_kw: Floats, count: int) -> Floats:
    """Return the wishes that are compared, doing nothing first: so many one way, and those that name a level.

    Args:
        setup: The site.
        maximum_kw: Levels of running maxima [kW].
        count: How many one way.
    """
    if setup.levels is not None:
        return np.array(sorted(setup.levels, key=abs))
    shares = (np.arange(count) + 1.0) / count
    if setup.control == "power":
        shares = shares**CROWDED
        return np.concatenate([[0.0], shares, -shares])
    ends = ends_of(setup.units[0], scalars)
    beyond = INNER + (1.0 - INNER) * shares[:: max(count // 4, 1)]
    out = -INNER * shares if ends.going_out > 0.0 else np.zeros(0)
    named = INNER * np.minimum(maximum_kw[1:] * setup.units[0].hours / (ends.coming_in + TINY), 1.0)
    inner = np.zeros(0) if count <= len(named) else INNER * shares
    return np.array([0.0, *sorted({*inner, *out, *beyond, *-beyond, *named, 1.0, -1.0})])
