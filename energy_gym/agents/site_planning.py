"""Plans for one battery behind a meter with load and generation, on what is expected and how that errs.

Without demand charges the coming step is chosen by dynamic programming over outcomes. Under demand charges it is the
first of the best plan on the expected course and a margin for what may come above it: a maximum that rises is paid for
the whole of its period, one that stays low costs next to nothing.

One rule: what is known is the environment's forecast and what the meter has shown; how that errs is learnt before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from energy_gym.agents.hedging import Hedge, Outlook, closing_worth
from energy_gym.agents.net_load import Correction, NetLoad
from energy_gym.agents.site_rules import metered_kw
from energy_gym.arrays import Floats
from energy_gym.entities import Battery
from energy_gym.envs.env import EnergyEnv
from energy_gym.oracle.peaks import charges_demand
from energy_gym.oracle.problem import is_battery
from energy_gym.oracle.statement import Goal
from energy_gym.units import Unit

# What a plan under demand charges allows for, in standard deviations of what comes above what is expected.
MARGIN = 1.0
Expected = Callable[[EnergyEnv, int], list[Unit]]
First = Callable[[EnergyEnv, list[Unit], bool], Any]


def plannable(env: EnergyEnv) -> bool:
    """Return whether it is one battery behind a meter with load or generation, and nothing more."""
    setup, (unit, *more) = env.setup, env.setup.units
    if env.decision != "power" or more or unit.laws is not None or len(unit.flexibles) != 1:
        return False
    (flexible,), entities = unit.flexibles, env.scenario.entities.values()
    alone = is_battery(flexible) and flexible.own is None and not (unit.accounts or unit.sheds)
    fixed = (entity.fixed_kw(setup.feed.values) for entity in setup.sites[0].entities.values())
    return alone and any(isinstance(item, Battery) for item in entities) and any(flow is not None for flow in fixed)


class SitePlanner:
    """What `energy_gym.agents.mpc.MPC` plans with once it has learnt how a site's forecast errs.

    Args:
        env: The environment; see `plannable`.
        correction: What was learnt.
        expected: Returns the units over the coming steps as the forecast has them.
        first: Returns the first action of the best plan over units, as `energy_gym.agents.mpc.first_action` does.
    """

    def __init__(self, env: EnergyEnv, correction: Correction, expected: Expected, first: First) -> None:
        self.env, self._expected, self._first = env, expected, first
        self.net = NetLoad(env, correction)
        setup = env.setup
        self._charged = charges_demand(setup.units[0], setup.weights.money)
        self._hedge = Hedge(setup.units[0], self._goal(True), setup.levels)
        self._energy: float | None = None

    def action(self, info: Mapping[str, Any]) -> Any:
        """Return the action for the coming step."""
        energy, self._energy = self._energy, float(info["energy_kwh"])
        measured = None if energy is None else metered_kw(self.env, info, energy)
        net_kw = self.net.expected_kw(self.env.outlook(), measured)
        now, stop = self.env.steps_left
        size = min(len(net_kw), stop - now)
        (unit,), ends = self._expected(self.env, size), now + size == stop
        outcomes = self.net.outcomes_kw(size)
        if self._charged:
            return self._guarded(unit, net_kw[:size] + MARGIN * outcomes.std(axis=1), ends)
        return self._hedged(unit, net_kw[:size, None] + outcomes, ends)

    def _hedged(self, unit: Unit, net_kw: Floats, ends: bool) -> Any:
        """Return the action that is best over outcomes, shape (T, outcomes)."""
        goal, ladder = self._goal(ends), self._hedge.ladder
        end = closing_worth(ladder, unit.flexibles[0].initial, goal)
        wish = self._hedge.wish(Outlook(unit, net_kw * unit.hours, end), self.env.states[0])
        return self.env.setup.chosen(np.array([[wish]]))[0]

    def _guarded(self, unit: Unit, net_kw: Floats, ends: bool) -> Any:
        """Return the first action of the plan on a course with its margin, shape (T,)."""
        return self._first(self.env, [replace(unit, fixed_kwh=net_kw * unit.hours)], ends)

    def _goal(self, ends: bool) -> Goal:
        setup = self.env.setup
        return Goal(setup.weights, (setup.closings if ends else setup.continuation)[0])
