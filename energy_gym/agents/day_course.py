"""What energy in a fleet is worth where a plan ends: the course that a day's price usually takes says what comes after.

One rule: what is learnt comes from the training split; what is played, from prices that are known at the step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from energy_gym.agents.arrays_kept import Learnt
from energy_gym.agents.net_load import steps_per_day
from energy_gym.arrays import Floats, Ints
from energy_gym.closing import Closing
from energy_gym.contracts import spot
from energy_gym.entities import Battery
from energy_gym.entities.battery import Cell
from energy_gym.envs.assembly import table_names
from energy_gym.envs.env import EnergyEnv
from energy_gym.forecast.publication import known_until
from energy_gym.oracle.marginal import counted
from energy_gym.oracle.problem import Problem
from energy_gym.oracle.value_function import value_at, value_functions
from energy_gym.reserve import Trade

FILE = "course.npz"
# Shares of the training split's prices that are taken for what they are; those beyond count as the last of them.
TRUSTED = (0.01, 0.99)
# What the usual course counts, beside the last day's.
USUAL = 0.5
# So many steps on either side are taken together with a step, where a day has that many.
SMOOTHED, FINE = 3, 96
# Energy on either side of what is stored over which its worth is taken, as a share of what all can store.
AROUND = 0.15


@dataclass(frozen=True, eq=False, slots=True)
class DayCourse(Learnt):
    """The usual price of energy by time of day.

    Args:
        price_per_mwh: The price by step of the day in UTC, shape (steps of a day,).
        limits: The lowest and highest price that is believed.
    """

    price_per_mwh: Floats
    limits: Floats

    @classmethod
    def learnt(cls, train: EnergyEnv) -> Self | None:
        """Return the course of a training split; None where a fleet trades no energy, or already looks a day ahead."""
        setup, day, column = train.setup, steps_per_day(train), table_names(train.setup.sites[0])[0]
        trades = (item for item in train.scenario.contracts.values() if isinstance(item, Trade))
        settled = any(item.price == column for item in trades)
        weights, feed = setup.weights, setup.feed
        if not settled or weights.carbon or not weights.money or setup.tape.horizon >= day or setup.steps < 2 * day:
            return None
        prices = feed.values[column][feed.first : feed.stop]
        limits = np.quantile(prices, TRUSTED)
        place = slots(train, np.arange(feed.first, feed.stop))
        seen = np.maximum(np.bincount(place, minlength=day), 1)
        return cls(smooth(np.bincount(place, np.clip(prices, *limits), day) / seen), limits)

    def closing(self, env: EnergyEnv, size: int) -> Closing | None:
        """Return what energy is worth after the next ``size`` steps; None where that is too intricate to say."""
        setup = env.setup
        cell = counted(fleet_cell(env), setup.weights)
        energy, price = float(sum(env.states[: len(batteries(env))])), self.ahead(env, size)
        (end,), earned = setup.closings, spot.energy_cost(1.0, price)
        problem = Problem(cell, earned, earned - cell.wear_per_kwh, energy, float(spot.energy_cost(1.0, end.left)))
        curves = value_functions(problem)
        if curves is None:
            return None
        reach = AROUND * cell.energy_max
        sides = max(cell.energy_min, energy - reach), min(cell.energy_max, energy + reach)
        below, above = (value_at(curves[0], side) for side in sides)
        worth = (above - below) / (sides[1] - sides[0]) / float(spot.energy_cost(1.0, 1.0))
        return Closing(worth, worth, *env.setup.continuation[0][2:])

    def ahead(self, env: EnergyEnv, size: int) -> Floats:
        """Return the price expected of the day after the next ``size`` steps, or of what is left of the episode."""
        feed, day, (step, stop) = env.setup.feed, len(self.price_per_mwh), env.steps_left
        now, column = feed.first + step, table_names(env.setup.sites[0])[0]
        values = feed.values[column]
        known = int(known_until(feed.published[column], feed, now, now + 1)[0])
        at = now + size + np.arange(min(day, max(stop - step - size, 1)))
        course = self.price_per_mwh
        if min(known, now) >= day:
            past = np.arange(min(known, now) - day, min(known, now))
            last = np.empty(day)
            last[slots(env, past)] = np.clip(values[past], *self.limits)
            course = USUAL * course + (1.0 - USUAL) * smooth(last)
        expected = course[slots(env, at)]
        published = at < min(known, len(values))
        expected[published] = values[at[published]]
        return expected


def smooth(course: Floats) -> Floats:
    """Return the mean of each step of a day and those beside it; a day of fewer than 96 steps as it is."""
    if len(course) < FINE:
        return course
    around, width = np.concatenate([course[-SMOOTHED:], course, course[:SMOOTHED]]), 2 * SMOOTHED + 1
    return np.convolve(around, np.full(width, 1.0 / width), "valid")


def slots(env: EnergyEnv, at: Ints) -> Ints:
    """Return the step of the day in UTC of steps of the data, which may reach beyond them."""
    start, day = env.setup.feed.times[0], steps_per_day(env)
    first = round((start.hour + start.minute / 60.0) * day / 24.0)
    return np.asarray((first + at) % day)


def batteries(env: EnergyEnv) -> list[Battery]:
    """Return the assets of a fleet."""
    return [item for item in env.scenario.entities.values() if isinstance(item, Battery)]


def fleet_cell(env: EnergyEnv) -> Cell:
    """Return the figures of a fleet as those of one battery: sizes and powers added, the rest in proportion."""
    cells = [item.cell(env.setup.feed.step_hours) for item in batteries(env)]
    size = np.array([cell.energy_max for cell in cells])

    def mean(name: str) -> float:
        return float(np.average([getattr(cell, name) for cell in cells], weights=size))

    def total(name: str) -> float:
        return float(sum(getattr(cell, name) for cell in cells))

    summed, shared = ("charge_kwh", "discharge_kwh", "energy_min", "energy_max"), Cell._fields
    return Cell(**{name: total(name) if name in summed else mean(name) for name in shared})
