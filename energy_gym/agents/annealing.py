"""Simulated annealing: at each step schedules over the look-ahead are changed at random, and the best one is begun.

One rule: it sees the environment's own forecast and the state, as `MPC` does; what a schedule is worth is what the
environment's own step says of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from energy_gym.agents.base import Agent
from energy_gym.agents.expecting import expected_units
from energy_gym.agents.schedules import Changes, UnitWindow, annealed
from energy_gym.arrays import Floats
from energy_gym.envs.keywords import check_count
from energy_gym.errors import NonPositiveError
from energy_gym.oracle.solve import by_unit
from energy_gym.oracle.statement import Goal

PROPOSALS = 8192
CHAINS = 256


class Annealing(Agent):
    """Anneals a population of schedules over the look-ahead, starting from the schedule of the step before.

    Each round changes every schedule once, by the rule of Metropolis at a falling temperature, and then draws the
    population anew in proportion to the Boltzmann weights of the fall (population annealing). Independent units are
    annealed one by one. Energy left at the end of the look-ahead is valued as `MPC` does.

    Args:
        env: The environment it acts in.
        seed: Seed of the draws: with a budget of proposals alone, the same seed gives the same actions.
        proposals: Most changes that are tried for a decision.
        seconds: Time for a decision; None: as long as the proposals take. What ends first counts; one round is played
            whatever it takes.
        chains: Schedules that are changed at once.

    Raises:
        NonPositiveError: A budget that is not positive.

    Source: Kirkpatrick, Gelatt and Vecchi, "Optimization by Simulated Annealing", Science 220, 1983; the drawing anew:
    Hukushima and Iba, "Population Annealing and Its Application to a Spin Glass", AIP Conf. Proc. 690, 2003.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=24)
        >>> observation, info = env.reset(seed=0)
        >>> agent = Annealing(env, proposals=512)
        >>> -1.0 <= agent.act(observation, info).item() <= 1.0
        True
    """

    name: ClassVar[str] = "annealing"
    stochastic: ClassVar[bool] = True
    selective: ClassVar[bool] = True
    decides: ClassVar[tuple[str, ...]] = ("power",)

    def __init__(
        self,
        env: Any,
        seed: int = 0,
        *,
        proposals: int = PROPOSALS,
        seconds: float | None = None,
        chains: int = CHAINS,
    ) -> None:
        super().__init__(env, seed)
        self._budget(proposals, seconds, chains)
        self.reset()

    def _budget(self, proposals: Any, seconds: Any, chains: Any) -> None:
        if seconds is not None and not float(seconds) > 0.0:
            raise NonPositiveError(f"seconds={seconds}", "must be positive", "pass seconds, or None")
        self.seconds = None if seconds is None else float(seconds)
        self.chains = check_count("chains", chains)
        self.proposals = check_count("proposals", proposals)

    def reset(self) -> None:
        """Forget the last schedules and start the draws anew."""
        self._random = np.random.default_rng(self.seed)
        self._at = -1
        self._plans: list[Floats] = []

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        budget = {"proposals": self.proposals, "seconds": self.seconds, "chains": self.chains}
        return {**super().parameters(), **budget}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self._budget(parameters["proposals"], parameters["seconds"], parameters["chains"])
        self.reset()

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        began = time.perf_counter()
        setup, (now, stop) = self.env.setup, self.env.steps_left
        size = min(setup.tape.horizon, stop - now)
        closings = setup.closings if now + size == stop else setup.continuation
        units = expected_units(self.env, size)
        last, self._plans = self._shifted(now, size), []
        rounds = self.proposals // (self.chains * max(sum(bool(unit.flexibles) for unit in units), 1))
        for place, (unit, states) in enumerate(zip(units, by_unit(setup, self.env.states), strict=True)):
            window = UnitWindow.of(unit, states, Goal(setup.weights, closings[place]))
            due = None if self.seconds is None else began + self.seconds * (place + 1) / len(units)
            self._plans.append(self._annealed(window, last[place] if last else None, _clock(max(rounds, 1), due)))
        self._at = now
        first = np.concatenate([plan[:1] for plan in self._plans], axis=1)
        return setup.chosen(first)[0]

    def _shifted(self, now: int, size: int) -> list[Floats]:
        """Return the last schedules from now on, idle where they do not reach; none where they are of another time."""
        passed = now - self._at
        if self._at < 0 or not 0 <= passed < size:
            return []
        kept = [plan[passed : passed + size] for plan in self._plans]
        return [np.concatenate((plan, np.zeros((size - len(plan), plan.shape[1])))) for plan in kept]

    def _annealed(self, window: UnitWindow, last: Floats | None, spent: Callable[[int], float]) -> Floats:
        """Return the best schedule found for a unit, shape (T, controls)."""
        idle = np.zeros(window.shape)
        if not window.unit.flexibles:
            return idle
        levels = self.env.setup.levels
        changes = Changes(self._random, None if levels is None else np.array(levels))
        starts = [idle] if last is None else [last, idle]
        return annealed(window, changes, starts, self.chains, spent)


def _clock(rounds: int, due: float | None) -> Callable[[int], float]:
    """Return a function from the rounds done to the part that is spent of what may be: rounds, and time until ``due``.

    The budget counts as spent where another round would end too late.
    """
    if due is None:
        return lambda done: done / rounds
    began = time.perf_counter()

    def spent(done: int) -> float:
        if done == 0:
            return 0.0
        passed = time.perf_counter() - began
        return max(done / rounds, passed * (1.0 + 1.0 / done) / max(due - began, 1e-9))

    return spent
