"""What load less generation may come to: what is expected, with courses of its own past errors.

One rule: courses are learnt on the training split, made at one time of day and of one kind of day as they were there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from energy_gym.agents.arrays_kept import Learnt
from energy_gym.agents.net_load import Correction, missed_by, slots_of, steps_per_day
from energy_gym.arrays import Floats, Ints
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError

FILE = "paths.npz"


@dataclass(frozen=True, eq=False, slots=True)
class Paths(Learnt):
    """Courses of errors of what a correction expects.

    Args:
        missed_kw: What came above it [kW], shape (slots, scenarios, horizon): slots are the times of a working day,
            then of a day of a weekend. Of each slot scenarios are the same days in the same order, from the one that
            erred lowest to the one that erred highest.
    """

    missed_kw: Floats

    @property
    def scenarios(self) -> int:
        """Number of scenarios."""
        return self.missed_kw.shape[1]

    @classmethod
    def learnt(cls, train: EnergyEnv, correction: Correction, scenarios: int) -> Self:
        """Return courses that stand for all of a training split.

        Days are taken at even distances in their order from the one that erred lowest to the one that erred highest,
        and moved so that they err by nothing on average.

        Raises:
            ConfigurationError: The split has no whole day that its look-ahead still fits into.
        """
        missed, day = missed_by(train, correction), steps_per_day(train)
        slots = slots_of(train, len(missed))
        found = [_courses(missed, _days(slots, missed, day, kind), scenarios, day) for kind in (0, 1)]
        there = [courses for courses in found if courses is not None]
        if not there:
            rule = "must have a whole day, with one before it and the look-ahead after it"
            raise ConfigurationError(f"training split of {len(missed)} steps", rule, "give it more data")
        return cls(np.concatenate([there[0] if courses is None else courses for courses in found]))


def _days(slots: Ints, missed: Floats, day: int, kind: int) -> Ints:
    """Return the first steps of the whole days of a kind, 0 for working days, whose errors are all known."""
    first = np.flatnonzero(slots == kind * day)
    first = first[first + day <= len(slots)]
    # The days on which clocks change have other lengths.
    whole = slots[first + day - 1] == kind * day + day - 1
    known = np.isfinite(missed[first]).all(axis=1) & np.isfinite(missed[first + day - 1]).all(axis=1)
    return first[whole & known]


def _courses(missed: Floats, first: Ints, scenarios: int, day: int) -> Floats | None:
    """Return errors by time of day and scenario, shape (day, scenarios, horizon); None where there are no days."""
    if not len(first):
        return None
    order = first[np.argsort(missed[first].mean(axis=1), kind="stable")]
    chosen = order[((np.arange(scenarios) + 0.5) / scenarios * len(order)).astype(np.int64)]
    found = missed[chosen[None, :] + np.arange(day)[:, None]]
    return np.asarray(found - found.mean(axis=1, keepdims=True))
