"""Plans for one battery behind a meter with load and generation, on what is expected and how that errs.

Without demand charges the coming step is chosen by dynamic programming over outcomes. Under demand charges it is the
first of the best plan on the expected course and a margin for what may come above it: a maximum that rises is paid for
the whole of its period, one that stays low costs next to nothing.

One rule: what is known is the environment's forecast and what the meter has shown; how that errs is learnt before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from energy_gym.agents.continuation import Continuation, closings_of
from energy_gym.agents.expecting import expected_units
from energy_gym.agents.hedging import Hedge, Outlook, closing_worth
from energy_gym.agents.net_load import Correction, NetLoad, steps_per_day
from energy_gym.agents.site_rules import metered_kw
from energy_gym.arrays import Floats
from energy_gym.entities import Battery
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.oracle.peaks import charges_demand
from energy_gym.oracle.problem import is_battery
from energy_gym.oracle.statement import Goal
from energy_gym.units import Unit


class Margin(NamedTuple):
    """What a plan under demand charges allows for; tuned on the validation split of the commercial site.

    Args:
        spread: What comes above what is expected, in standard deviations of each lead.
        alike: Whether errors are taken to be alike at all times of day, their rarest ones included; else each part of
            the day errs in its own way.
        even: How much dearer energy is taken to be where the load is high, so that of hours at one price those are
            charged in that leave most room below a maximum.
        anew: Whether a period that begins within the plan is paid for anew; else it is taken for the running one.
    """

    spread: float
    alike: bool
    even: float
    anew: bool


# By what a wish names: a battery that follows the meter answers to what comes within the interval.
MARGINS = {"power": Margin(1.0, True, 0.0, True), "meter": Margin(0.3, False, 0.1, False)}
First = Callable[[EnergyEnv, list[Unit], bool], Any]


def plannable(env: EnergyEnv) -> bool:
    """Return whether it is one battery behind a meter with load or generation, and nothing more."""
    if not lone_battery(env):
        return False
    setup = env.setup
    fixed = (entity.fixed_kw(setup.feed.values) for entity in setup.sites[0].entities.values())
    return any(flow is not None for flow in fixed)


def lone_battery(env: EnergyEnv) -> bool:
    """Return whether it is one battery behind a meter that carries nothing on but its energy and running maxima."""
    unit, *more = env.setup.units
    if env.decision != "power" or more or unit.laws is not None or len(unit.flexibles) != 1:
        return False
    (flexible,), entities = unit.flexibles, env.scenario.entities.values()
    carried = len(unit.initial) == 1 + unit.registers
    billed = unit.accounts or unit.sheds or unit.refused_per_kwh
    alone = is_battery(flexible) and flexible.own is None and carried and not billed
    return alone and any(isinstance(item, Battery) for item in entities)


def check_charges(env: EnergyEnv, continuation: Any) -> None:
    """Raise ConfigurationError where plans under demand charges would end in a value that was learnt."""
    charged = any(charges_demand(unit, env.setup.weights.money) for unit in env.setup.units)
    if charged and continuation not in ("mean-price", "none"):
        found, rule = f"continuation={continuation!r}", "is not known to plans under demand charges"
        raise ConfigurationError(found, rule, "pass continuation='mean-price'")


class SitePlanner:
    """What `energy_gym.agents.mpc.MPC` plans with once it has learnt how a site's forecast errs.

    Args:
        env: The environment; see `plannable`.
        correction: What was learnt.
        first: Returns the first action of the best plan over units, as `energy_gym.agents.mpc.first_action` does.
        continuation: What is stored is worth where a plan ends before its episode.

    Raises:
        ConfigurationError: A value of what is stored that was learnt, under demand charges.
    """

    def __init__(
        self,
        env: EnergyEnv,
        correction: Correction,
        first: First,
        continuation: str | Continuation = "mean-price",
    ) -> None:
        self.env, self._first, self._continuation = env, first, continuation
        self.net = NetLoad(env, correction)
        setup = env.setup
        self._charged = charges_demand(setup.units[0], setup.weights.money)
        self._hedge = Hedge(setup.units[0], self._goal(True), setup.levels)
        check_charges(env, continuation)
        self._margin, self._day = MARGINS[setup.control], steps_per_day(env)
        self._energy: float | None = None

    def action(self, info: Mapping[str, Any]) -> Any:
        """Return the action for the coming step."""
        energy, self._energy = self._energy, float(info["energy_kwh"])
        measured = None if energy is None else metered_kw(self.env, info, energy)
        net_kw = self.net.expected_kw(self.env.outlook(), measured)
        now, stop = self.env.steps_left
        # What a day brings says how far a maximum must rise; what comes after is too uncertain to be planned for it.
        size = min(len(net_kw), stop - now, self._day if self._charged else stop)
        (unit,), ends = expected_units(self.env, size), now + size == stop
        outcomes = net_kw[:size, None] + self.net.outcomes_kw(size)
        return self._guarded(unit, outcomes, ends) if self._charged else self._hedged(unit, outcomes, ends)

    def _hedged(self, unit: Unit, net_kw: Floats, ends: bool) -> Any:
        """Return the action that is best over outcomes, shape (T, outcomes)."""
        goal, ladder = self._goal(ends), self._hedge.ladder
        end = closing_worth(ladder, unit.flexibles[0].initial, goal)
        if not ends and not isinstance(self._continuation, str):
            end = self._continuation.worth(self.env.steps_left[0] + len(unit), ladder.levels)
        wish = self._hedge.wish(Outlook(unit, net_kw * unit.hours, end), self.env.states[0])
        return self.env.setup.action(wish)

    def _guarded(self, unit: Unit, outcomes_kw: Floats, ends: bool) -> Any:
        """Return the first action of the plan on what is expected and a margin, given outcomes, (T, outcomes)."""
        spread, alike, even, anew = self._margin
        missed = self.net.correction.spread_kw[: len(unit)] if alike else outcomes_kw.std(axis=1)
        net_kw = outcomes_kw.mean(axis=1) + spread * missed
        dearer = 1.0 + even * (net_kw - net_kw.mean()) / max(float(net_kw.max()), 1.0)
        fresh = unit.fresh if anew else np.where(np.arange(len(unit)) > 0, 0.0, unit.fresh)
        planned = replace(
            unit, fixed_kwh=net_kw * unit.hours, fresh=fresh, buy=unit.buy * dearer, sell=unit.sell * dearer
        )
        return self._first(self.env, [planned], ends)

    def _goal(self, ends: bool) -> Goal:
        setup = self.env.setup
        closings = setup.closings if ends else closings_of(self.env, self._continuation)
        return Goal(setup.weights, closings[0])
