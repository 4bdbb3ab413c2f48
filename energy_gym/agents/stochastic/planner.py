"""What ``mpc-stochastic`` does at a step: scenarios of what may come, a plan over them, and the wish that begins it.

One rule: what is known is the environment's forecast and what the meter has shown; the rest was learnt before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from energy_gym.agents.continuation import closings_of
from energy_gym.agents.stochastic.futures import Futures, stacked
from energy_gym.agents.stochastic.outlook import Demand, End, Scenarios, block_lengths
from energy_gym.agents.stochastic.program import Program
from energy_gym.agents.stochastic.risk import Risk
from energy_gym.agents.stochastic.tree import grouped
from energy_gym.arrays import Floats, or_zeros
from energy_gym.backends import arrays
from energy_gym.closing import Closing
from energy_gym.contracts.spot import carbon_kg, energy_cost
from energy_gym.entities import battery
from energy_gym.envs.env import EnergyEnv
from energy_gym.following import ends_of, rated_of, share_for, wish_of
from energy_gym.scenario import Weights
from energy_gym.units import Unit

# Shares of the ways that scenarios would go now which are tried for all of them, where the battery follows the meter.
TRIED = (0.1, 0.3, 0.5, 0.7, 0.9)
# Plans whose costs differ by less are worth the same; wishes that agree in so many digits are one.
ALIKE, DIGITS = 1e-6, 6


class Settings(NamedTuple):
    """How plans are made.

    Args:
        paths: Ways in which the coming steps may turn out.
        stages: Steps at which scenarios are told apart; see `energy_gym.agents.stochastic.tree`.
        risk: What counts beside the mean cost.
        continuation: What is stored is worth where a plan ends before its episode.
        seconds: Time for a plan.
    """

    paths: int
    stages: tuple[int, ...]
    risk: Risk
    continuation: str
    seconds: float | None


class TreePlanner:
    """Plans for one battery behind a meter over scenarios.

    Args:
        env: The environment.
        settings: How.
        futures: What may come.
    """

    def __init__(self, env: EnergyEnv, settings: Settings, futures: Futures) -> None:
        self.env, self.settings, self.futures = env, settings, futures
        self._unit = env.setup.units[0]
        self._cell = self._unit.flexibles[0].bare.cell
        self._follows = self._unit.usual is not None
        size = env.setup.tape.horizon
        self._lengths = block_lengths(size, self._unit.hours)
        groups = grouped(futures.count, size, settings.stages)[np.cumsum(self._lengths) - self._lengths]
        if self._follows:
            groups[:] = np.arange(futures.count)
        self._program = Program(
            self._cell, self._unit.hours, groups, self._lengths, self._unit.registers, settings.risk, settings.seconds
        )

    def action(self, info: Mapping[str, Any]) -> Any:
        """Return the action for the coming step."""
        now, stop = self.env.steps_left
        size = min(self.env.setup.tape.horizon, stop - now)
        units = self.futures.units(info, size)
        scenarios = self._scenarios(units, now + size == stop)
        flows = self._program.flows(scenarios.blocks(self._lengths, self._unit.hours), self.env.states[0])
        wish = 0.0 if flows is None else self._wish(flows, scenarios)
        return self.env.setup.action(wish)

    def _scenarios(self, units: list[Unit], ends: bool) -> Scenarios:
        setup, unit = self.env.setup, units[0]
        fixed = stacked(units, "fixed_kwh")
        closing = (setup.closings if ends else closings_of(self.env, self.settings.continuation))[0]
        into, out = (np.broadcast_to(limit, len(unit)) for limit in (unit.import_kwh, unit.export_kwh))
        spare = np.stack([or_zeros(item.curtailable_kwh, len(item)) for item in units])
        caused = setup.weights.carbon * carbon_kg(1.0, stacked(units, "carbon"))
        buy, sell = (setup.weights.money * energy_cost(1.0, stacked(units, side)) + caused for side in ("buy", "sell"))
        peaks = np.array(self.env.states[1 : 1 + unit.registers])
        # What a battery would give beyond the export limit stays in it; to count it as lost is on the safe side.
        lost = np.where(np.isfinite(out) & (buy > 0.0), self._cell.discharge_kwh, 0.0)
        return Scenarios(
            fixed_kwh=np.clip(fixed, -out - spare, into),
            spare_kwh=spare + lost,
            buy=buy,
            sell=sell,
            import_kwh=into,
            export_kwh=out,
            demand=Demand(unit.rates * setup.weights.money, peaks, unit.active),
            end=_end(closing, unit.flexibles[0].initial, setup.weights),
            wear=setup.weights.wear * self._cell.wear_per_kwh,
        )

    def _wish(self, flows: Floats, scenarios: Scenarios) -> float:
        """Return the wish that comes nearest to flows of the coming step, shape (S,) [kWh]."""
        levels = self.env.setup.levels
        if levels is not None:
            return self._best(np.array(sorted(levels, key=abs)), scenarios)
        if not self._follows:
            share = flows[0] / (self._cell.charge_kwh if flows[0] > 0.0 else self._cell.discharge_kwh)
            return float(np.clip(share, -1.0, 1.0))
        fixed_kwh = scenarios.fixed_kwh[:, 0]
        aims = np.unique(np.quantile(fixed_kwh + flows, TRIED))
        ends, rated = ends_of(self._unit, arrays), rated_of(self._unit, 0)
        wishes = wish_of(aims, fixed_kwh.mean(), ends, rated, arrays)
        return self._lowest(np.unique([0.0, *wishes.round(DIGITS)]), scenarios)

    def _best(self, wishes: Floats, scenarios: Scenarios) -> float:
        """Return the wish that begins the cheapest plan; of equals the first."""
        if len(wishes) == 1:
            return float(wishes[0])
        costs = np.array([self._cost(wish, scenarios) for wish in wishes])
        return float(wishes[int(np.argmax(costs <= costs.min() + ALIKE * max(1.0, abs(costs.min()))))])

    def _lowest(self, wishes: Floats, scenarios: Scenarios) -> float:
        """Return the wish that begins the cheapest plan among rising ones, from the middle on down either slope.

        What is named at the meter costs less and less towards the best, and then more and more, but for limits.
        """
        costs: dict[int, float] = {}

        def cost(at: int) -> float:
            if at not in costs:
                costs[at] = self._cost(wishes[at], scenarios) if 0 <= at < len(wishes) else np.inf
            return costs[at]

        best = len(wishes) // 2
        while (better := min((best, best - 1, best + 1), key=cost)) != best:
            best = better
        return float(wishes[best])

    def _cost(self, wish: float, scenarios: Scenarios) -> float:
        """Return what the plan costs that a wish begins."""
        fixed = scenarios.fixed_kwh[:, 0]
        into, out = scenarios.import_kwh[0] - fixed, scenarios.export_kwh[0] + fixed + scenarios.spare_kwh[:, 0]
        return self._program.cost_of(self._played(wish, fixed, (into, out)))

    def _played(self, wish: float, fixed_kwh: Floats, room_kwh: tuple[Floats, Floats]) -> Floats:
        """Return what the battery draws (+) or gives in each scenario, where it is told a wish, shape (S,) [kWh].

        ``room_kwh`` is what may be drawn and given in each.
        """
        shares = np.full(len(fixed_kwh), wish)
        if self._follows:
            shares = share_for(shares, fixed_kwh, ends_of(self._unit, arrays), rated_of(self._unit, 0), arrays)
        drawn, given, _ = battery.settle(self.env.states[0], shares, self._cell, arrays)
        into, out = (np.maximum(room, 0.0) for room in room_kwh)
        flows = np.clip(drawn - given, -out, into)
        return flows if self._follows else np.full(len(flows), flows[np.argmin(np.abs(flows))])


def _end(closing: Closing, initial_kwh: float, weights: Weights) -> End:
    sides = ((closing.left, closing.left_carbon), (closing.missing, closing.missing_carbon))
    worth = [weights.money * energy_cost(1.0, price) + weights.carbon * carbon_kg(1.0, kg) for price, kg in sides]
    return End(initial_kwh, *(float(each) for each in worth))
