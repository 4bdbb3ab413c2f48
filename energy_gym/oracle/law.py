"""``solve(env, information="law")``: the best for one who knows the law of the price, but not its future.

Its value is what the best policy earns on average; no agent that cannot see the future has a higher mean. On a grid
into which the battery's powers fit a whole number of times the value function of a finite chain is exact: it is concave
and piecewise linear, and all its corners lie on the grid. Where a price is so far below zero that burning energy pays,
the value is a lower bound, of a store that is paid less than the price for what it then gives out; an upper bound comes
from a store that may charge and discharge at once.

One rule: what is promised is proven, or stands beside its bound.

Source:
    Zheng, Jaworski and Xu (arXiv 2108.06000) for the value function; Bellman, Dynamic Programming, 1957, for the rest.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import arrays
from energy_gym.contracts import spot
from energy_gym.data.price_law import PriceLaw
from energy_gym.dynamics import Course, play
from energy_gym.envs.assembly import table_names
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import check_count
from energy_gym.errors import ConfigurationError
from energy_gym.oracle.chain import PriceChain, Step, backward, between
from energy_gym.oracle.marginal import MOST_CELLS, WHOLE, EnergyGrid, counted
from energy_gym.oracle.problem import is_battery
from energy_gym.oracle.solution import EXACT, Plan


@dataclass(frozen=True)
class LawSolution:
    """The best policy under a law from the environment's current state to the end of its episode.

    Args:
        law: The law.
        value: What the policy earns on average [reward units]; where it is not exact, it may earn more.
        bound: Proven upper bound on what any policy earns on average that cannot see the future.
        seconds: Wall time.
        first: The step at which it begins.
        least: Energy below which is charged, by step and state, shape (T, states) [kWh].
        most: Energy above which is discharged, of the same shape.
        env: The environment that was solved.
        energy_kwh: What was stored then.
        after: What a kWh is worth after the first step, shape (states, cells).
        chain: The law over these steps.
    """

    law: PriceLaw = field(repr=False)
    value: float
    bound: float
    seconds: float
    first: int
    least: Floats = field(repr=False)
    most: Floats = field(repr=False)
    env: EnergyEnv = field(repr=False)
    energy_kwh: float
    after: Floats = field(repr=False)
    chain: PriceChain = field(repr=False)

    @property
    def exact(self) -> bool:
        """Whether value and bound agree within 1e-6, relative to the value where it is above 1."""
        return self.bound - self.value <= EXACT * max(1.0, abs(self.value))

    @property
    def status(self) -> str:
        """``"optimal"`` or ``"bracketed"``, and the method."""
        return f"{'optimal' if self.exact else 'bracketed'} (value function under law {self.law.name!r})"

    def share(self, step: int, energy_kwh: Any, state: Any) -> Any:
        """Return the share of rated power that the best policy asks for, of floats or of arrays.

        Args:
            step: The step, counted from the start of the split.
            energy_kwh: What is stored.
            state: State of the price in the step.
        """
        cell, at = self.env.setup.flexibles[0].bare.cell, step - self.first
        wanted = np.minimum(np.maximum(energy_kwh, self.least[at][state]), self.most[at][state]) - energy_kwh
        up = wanted / (cell.charge_kwh * cell.efficiency_charge)
        return np.clip(np.where(wanted > 0.0, up, wanted * cell.efficiency_discharge / cell.discharge_kwh), -1.0, 1.0)

    def action(self, env: Any) -> Any:
        """Return the best action in an environment now, at a step of the episode that was solved."""
        base: EnergyEnv = env.unwrapped
        step, _ = base.steps_left
        state = self.law.state_of(float(base.setup.price[step]), self.chain.hours[step - self.first])
        return np.array([float(self.share(step, base.energy_kwh, state))])

    def advantages(self, shares: Floats) -> Floats:
        """Return what each share of rated power is short of the best, where it was solved, shape (n,); 0 is the best.

        Args:
            shares: Shape (n,).
        """
        env, grid, energy = self.env, self.chain.grid, self.energy_kwh
        price = spot.energy_cost(1.0, float(env.setup.price[self.first]))
        state = self.law.state_of(float(env.setup.price[self.first]), self.chain.hours[0])
        worth = np.concatenate([[0.0], np.cumsum(self.after[state]) * grid.size_kwh])

        def earned(share: Any) -> Any:
            flexible = env.setup.flexibles[0].bare
            drawn, given, _ = flexible.laws.settle(energy, share, flexible.cell, arrays)
            end = flexible.laws.next_state(energy, drawn, given, flexible.cell)
            stored = np.interp(grid.place(end), np.arange(grid.cells + 1), worth)
            return stored - price * drawn + (price - grid.wear_per_kwh) * given

        best = earned(self.share(self.first, energy, state))
        return np.asarray(earned(np.asarray(shares, dtype=float)) - best)

    def losses(self, energy_kwh: Floats, rewards: Floats) -> Floats:
        """Return what each step of a course loses against acting best under the law, shape (T,), never negative.

        Their sum is what the course earns less than the law promises, without the luck of its prices.

        Args:
            energy_kwh: What was stored at the start of each step and at the end, shape (T + 1,).
            rewards: Reward of each step, shape (T,).
        """
        chain, grid, found = self.chain, self.chain.grid, np.empty(len(rewards))
        prices = self.env.setup.price[self.first :].tolist()
        states = [self.law.state_of(prices[step], hour) for step, hour in enumerate(chain.hours)]
        for stage in backward(chain, grid.back):
            step, state = stage.step, states[stage.step]
            now = between(stage.before.values(grid.size_kwh, [state]), grid.place(energy_kwh[step]))
            then = between(stage.after.values(grid.size_kwh, [state]), grid.place(energy_kwh[step + 1]))
            last = step + 1 == len(chain)
            found[step] = float(now[0]) - rewards[step] - (0.0 if last else float(then[0]))
        return np.maximum(found, 0.0)

    def lost_by(self, plan: Plan) -> Floats:
        """Return the same of a course that was played from where this begins, shape (T,)."""
        return self.losses(np.concatenate([plan.start[:1], plan.states[:, 0]]), plan.steps[:, -1])

    def simulate(self, episodes: int = 10_000, seed: int = 0) -> Floats:
        """Return what the policy earns in episodes drawn from the law, by the environment's own laws, shape (n,).

        Raises:
            NonPositiveError: No episodes.
        """
        check_count("episodes", episodes)
        setup, random = self.env.setup, np.random.default_rng(seed)
        state = self.law.state_of(float(setup.price[self.first]), self.chain.hours[0])
        states = np.full(episodes, state, dtype=np.int64)
        course, wishes, signals = Course(setup.units, setup.closings, setup.weights), [], []
        fixed = setup.units[0].fixed_kwh[self.first :].tolist()
        for step, hour in enumerate(self.chain.hours):
            states = self.law.follow(states, hour, random) if step else states
            price = self.law.levels[hour][states]
            signals.append((price, price, 0.0, fixed[step]))
            wishes.append(states)
        energy = np.full(episodes, self.energy_kwh)

        def wish(step: int, now: Any, drawn: Any) -> tuple[Any]:
            return (self.share(self.first + step, now[0], drawn),)

        total = np.zeros(episodes)
        for move in play(course, (energy,), wishes, signals, arrays, wish):
            total = total + move.gain
        return total


def solve_law(env: EnergyEnv, law: PriceLaw, *, continuous: bool = False) -> LawSolution:
    """Return the best policy under a law; see `energy_gym.solve`.

    Raises:
        ConfigurationError: It is not one battery at a market with one price, known at the start of each step, for
            money, or its powers do not fit a grid.
    """
    began = time.perf_counter()
    grid = checked_grid(env, law, continuous=continuous)
    setup, (first, _) = env.setup, env.steps_left
    chain, place = chain_of(env, law, grid), grid.place(env.states[0])
    start = law.state_of(float(setup.price[first]), chain.hours[0])
    least, most, after, value = _backward(chain, grid.back, place)
    bound = value
    if any((_gain(grid, price) > grid.cost(price)).any() for price in map(chain.price, range(len(chain)))):
        bound = _backward(chain, grid.burning, place)[3]
    return LawSolution(
        law=law,
        value=float(value[start]),
        bound=max(float(bound[start]), float(value[start])),
        seconds=time.perf_counter() - began,
        first=first,
        least=grid.low_kwh + grid.size_kwh * least,
        most=grid.low_kwh + grid.size_kwh * most,
        env=env,
        energy_kwh=env.states[0],
        after=after,
        chain=chain,
    )


def _gain(grid: EnergyGrid, price: Floats) -> Floats:
    return (price - grid.wear_per_kwh) * grid.efficiency_discharge


def _backward(chain: PriceChain, back: Step, place: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the cells aimed at, shape (T, states) each, the slopes after the first step, and the value by state."""
    least, most = (np.empty((len(chain), chain.states)) for _ in range(2))
    for stage in backward(chain, back):
        least[stage.step], most[stage.step] = chain.grid.aims(stage.after.slopes, stage.price)
    return least, most, stage.after.slopes, between(stage.before.values(chain.grid.size_kwh), place)


def chain_of(env: EnergyEnv, law: PriceLaw, grid: EnergyGrid) -> PriceChain:
    """Return a law over what is left of an episode, with what energy is worth at its end."""
    setup, (first, stop) = env.setup, env.steps_left
    hours = setup.feed.span(setup.feed.first + first, setup.feed.first + stop).tz_convert(law.zone).hour.tolist()
    closing, initial = setup.closings[0], setup.flexibles[0].initial
    middle = grid.low_kwh + (np.arange(grid.cells) + 0.5) * grid.size_kwh
    missing, left = (float(spot.energy_cost(1.0, price)) for price in (closing.missing, closing.left))
    prices = spot.energy_cost(1.0, law.levels)
    return PriceChain(
        grid=grid,
        matrices=law.matrices,
        hours=hours,
        price=lambda step: prices[hours[step]],
        closing=np.where(middle < initial, missing, left),
        empty=missing * (grid.low_kwh - initial),
        fixed_kwh=setup.units[0].fixed_kwh[first:stop],
    )


def checked_grid(env: EnergyEnv, law: PriceLaw, *, continuous: bool = False) -> EnergyGrid:
    """Return the grid on which the value is exact, or raise ConfigurationError."""
    setup = env.setup
    unit, column = setup.units[0], table_names(setup.sites[0])[0]
    one = len(setup.units) == 1 and unit.plain and unit.usual is None and unit.buy is unit.sell
    money = setup.weights.money == 1.0 and not setup.weights.carbon
    if not (one and money and is_battery(unit.flexibles[0])):
        rule = "is solved for one battery at a market with one price, for money"
        raise ConfigurationError('information="law"', rule, "use energy_gym/Arbitrage-v1 with its usual objective")
    if setup.levels is not None and not continuous:
        rule = "is solved for continuous power"
        raise ConfigurationError('information="law"', rule, 'pass continuous=True, or leave out actions="discrete-..."')
    if setup.feed.published[column] != "at-start":
        rule = "is solved for a price that is known when its step begins"
        raise ConfigurationError(f"published[{column!r}]", rule, 'pass published="at-start"')
    if round(setup.feed.step_hours * 60) != law.step_minutes:
        rule = f"is of steps of {law.step_minutes} min; the data have {setup.feed.step_hours * 60:g}"
        raise ConfigurationError(f"law {law.name!r}", rule, "play a frame drawn from the law")
    cell = counted(unit.flexibles[0].cell, setup.weights)
    grid = EnergyGrid.fitting(cell)
    if grid is None:
        rule = f"must fit a grid of at most {MOST_CELLS} energies, in which each step moves whole cells"
        raise ConfigurationError("the battery's powers", rule, "choose powers and efficiencies of few digits")
    closing, kink = setup.closings[0], grid.place(unit.flexibles[0].initial)
    if closing.missing != closing.left and abs(kink - round(kink)) > WHOLE:
        rule = "must lie on the grid of energies where energy missing at the end costs more than energy left earns"
        raise ConfigurationError("soc_initial", rule, 'choose another, or terminal="settle"')
    return grid
