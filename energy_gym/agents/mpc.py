"""Model predictive control: at each step, optimise over the look-ahead and play the first action.

One rule: it sees the environment's own forecast and the state, nothing else; what it optimises is the oracle's problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, cast

import numpy as np

from energy_gym.agents.base import Agent, Callback
from energy_gym.agents.bid_planning import BidPlanner
from energy_gym.agents.net_load import FILE as CORRECTION
from energy_gym.agents.net_load import Correction, learnt
from energy_gym.agents.site_planning import SitePlanner, plannable
from energy_gym.arrays import Floats
from energy_gym.backends import scalars
from energy_gym.bidding.env import ProducerEnv
from energy_gym.dynamics import STATES, compose
from energy_gym.envs.brought_back import as_brought_back, sure_kwh
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.meters import Registers, lay_out
from energy_gym.files import write_atomically
from energy_gym.following import followers
from energy_gym.oracle.milp import play_unit
from energy_gym.oracle.solution import EXACT
from energy_gym.oracle.solve import Best, best_of_unit, by_unit
from energy_gym.oracle.statement import Goal
from energy_gym.scenario import Site
from energy_gym.units import Unit


class Planner(Protocol):
    """What plans on the environment's forecast from its current state."""

    def action(self, info: Mapping[str, Any]) -> Any:
        """Return the action for the coming step, given the ``info`` that came with the last observation."""


class MPC(Agent):
    """Rolling horizon on the environment's forecast, re-solved from the current state at each step.

    Energy left at the end of the look-ahead is valued at the settlement price (mean of the training split), unless the
    episode ends there. Where a wish names a power at the meter, no power there is preferred to what is worth the same:
    it stays right whatever load and generation come. A producer's bids are planned at each gate and at least every
    hour; see `energy_gym.agents.bid_planning.BidPlanner`.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=24)
        >>> observation, info = env.reset(seed=0)
        >>> -1.0 <= MPC(env).act(observation, info).item() <= 1.0
        True
    """

    name: ClassVar[str] = "mpc"
    correction: Correction | None = None

    def __init__(self, env: Any, seed: int = 0) -> None:
        super().__init__(env, seed)
        self.reset()

    def reset(self) -> None:
        """Forget the plan."""
        self._planner: Planner = planner(self.env, self.correction)

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        return self._planner.action(info)

    def fit(
        self,
        source: Any = None,
        *,
        budget: int | None = None,
        seed: int | None = None,
        callback: Callback | None = None,
    ) -> Self:
        """See `Agent.fit`: learns how the forecast of a site's load and generation errs; elsewhere there is nothing."""
        train = self.played(source, episode_steps=None)
        self.correction = learnt(train) if plannable(train) else None
        self.reset()
        return self

    def save(self, folder: str | Path) -> None:
        """See `Agent.save`."""
        super().save(folder)
        if self.correction is not None:
            write_atomically(Path(folder) / CORRECTION, self.correction.write)

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        return {**super().parameters(), "corrected": self.correction is not None}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self.correction = Correction.read(folder / CORRECTION) if parameters.get("corrected") else None
        self.reset()


def planner(env: EnergyEnv, correction: Correction | None = None) -> Planner:
    """Return what plans in an environment.

    Args:
        env: The environment.
        correction: What was learnt of its load and generation, if anything.
    """
    if env.decision == "bids":
        return BidPlanner(cast(ProducerEnv, env))
    if correction is None or correction.exact:
        return StepPlanner(env)
    return SitePlanner(env, correction, expected_units, _first_robust)


def _first_robust(env: EnergyEnv, units: list[Unit], ends: bool) -> Any:
    """Return the first action of the best plan over units that need not fit through their connection yet."""
    return first_action(env, [_fitting(unit) for unit in units], ends, robust)


@dataclass(frozen=True)
class StepPlanner:
    """The best plan over the look-ahead at each step, of which the first action is played."""

    env: EnergyEnv

    def action(self, info: Mapping[str, Any]) -> Any:
        """Return the action for the coming step."""
        now, stop = self.env.steps_left
        size = min(self.env.setup.tape.horizon, stop - now)
        return first_action(self.env, expected_units(self.env, size), ends=now + size == stop, best=robust)


def expected_units(env: EnergyEnv, size: int) -> list[Unit]:
    """Return the units over the next ``size`` steps as the environment's forecast has them; nothing else is known."""
    setup, (now, _) = env.setup, env.steps_left
    outlook = {column: rows[:size] for column, rows in env.outlook().items()}
    return [
        _expected(env, site, unit.window(now, now + size), outlook)
        for site, unit in zip(setup.sites, setup.units, strict=True)
    ]


def _expected(env: EnergyEnv, site: Site, actual: Unit, outlook: Mapping[str, Floats]) -> Unit:
    """Return a unit with what is forecast in place of what will be; a price that no column holds is known."""
    if actual.laws is not None and actual.laws.expected is not None:
        expected: Unit = actual.laws.expected(actual, outlook)
        return expected
    feed, (now, _) = env.setup.feed, env.steps_left
    energy, steps = site.energy, len(actual)
    billed = (column for account in actual.accounts for column in account.ledger.columns)
    columns = (*energy.columns(), energy.carbon, *billed)
    values = {column: outlook.get(column, np.zeros(steps)) for column in columns}
    accounts = tuple(account.expected(values) for account in actual.accounts)
    for entity in site.entities.values():
        values |= {column: np.maximum(outlook[column], 0.0) for column in entity.columns() if column in outlook}
        values |= {column: outlook[column] for column in entity.signed_columns() if column in outlook}
    always = (name for name, when in feed.published.items() if when == "always" and name not in values)
    values |= {name: feed.values[name][feed.first + now : feed.first + now + steps] for name in always}
    prices = actual.buy, actual.sell
    if energy.columns():
        prices = energy.prices(values, feed.span(feed.first + now, feed.first + now + steps), feed.zone)
    registers = Registers(actual.rates, actual.active, actual.fresh)
    if not actual.flexibles:
        return actual
    laid = lay_out(site, values, prices, registers, actual.hours, accounts)
    fitting = _fitting(as_brought_back(laid, actual))
    return replace(fitting, usual=actual.usual, refused_per_kwh=actual.refused_per_kwh)


def _fitting(unit: Unit) -> Unit:
    """Return the unit with flows that fit through the connection, as the real ones do; a forecast need not.

    They leave the room that storage which is brought back surely has.
    """
    if not unit.limited:
        return unit
    spare = 0.0 if unit.curtailable_kwh is None else unit.curtailable_kwh
    drawn, given = sure_kwh(unit)
    least, most = -unit.export_kwh - spare + given, unit.import_kwh - drawn
    most = most if drawn else most + unit.most_lacking_kwh
    return replace(unit, fixed_kwh=np.clip(unit.fixed_kwh, least, most))


def first_action(env: EnergyEnv, units: Sequence[Unit], ends: bool, best: Callable[..., Best] = best_of_unit) -> Any:
    """Return the first action of the best plan over some units' windows, from the environment's states now.

    Args:
        env: The environment.
        units: Its units over a window that begins now.
        ends: Whether the episode ends with the window; if not, what is stored at its end is worth the mean price.
        best: What plans for a unit, as `best_of_unit` does.
    """
    return actions_of(env, planned(env, units, ends, best)[:1])[0]


def planned(env: EnergyEnv, units: Sequence[Unit], ends: bool, best: Callable[..., Best] = best_of_unit) -> Floats:
    """Return the best plan over some units' windows, shares of rated power (T, controls); see `first_action`."""
    setup = env.setup
    closings = setup.closings if ends else setup.continuation
    wishes = [
        best(unit, states, Goal(setup.weights, closing), setup.levels, proving=False).wishes
        for unit, states, closing in zip(units, by_unit(setup, env.states), closings, strict=True)
        if unit.flexibles
    ]
    return np.concatenate(wishes, axis=1)


def actions_of(env: EnergyEnv, wishes: Floats) -> list[Any]:
    """Return the actions that a plan's wishes are, shape (T, controls): themselves, or levels."""
    return env.setup.chosen(wishes)


def robust(unit: Unit, states: Sequence[float], goal: Goal, levels: Any = None, proving: bool = True) -> Best:
    """Return the best plan on a forecast; of those worth the same, one that begins with no power at the meter."""
    best = best_of_unit(unit, states, goal, levels, proving=proving)
    if unit.usual is None:
        return best
    begun = best.wishes[:1].copy()
    begun[:, followers(unit)] = 0.0
    after = compose([unit], scalars)(states, tuple(begun[0].tolist()), unit.signals()[0])[STATES]
    rest = unit.window(1, len(unit))
    later = best_of_unit(rest, after, goal, levels, proving=proving).wishes if len(rest) else best.wishes[1:]
    other = np.concatenate([begun, later])
    worth, same = (play_unit(unit, states, goal, plan) for plan in (best.wishes, other))
    return best._replace(wishes=other) if same >= worth - EXACT * max(1.0, abs(worth)) else best
