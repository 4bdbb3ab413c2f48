"""Model predictive control: at each step, optimise over the look-ahead and play the first action.

One rule: it sees the environment's own forecast and the state, nothing else; what it optimises is the oracle's problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self, cast

import numpy as np

from energy_gym.agents.base import Agent, Callback
from energy_gym.agents.bid_planning import BidPlanner
from energy_gym.agents.continuation import Continuation, check_continuation, closings_of
from energy_gym.agents.day_course import FILE as COURSE
from energy_gym.agents.day_course import DayCourse
from energy_gym.agents.expecting import expected_units, fitting
from energy_gym.agents.net_load import FILE as CORRECTION
from energy_gym.agents.net_load import Correction, learnt
from energy_gym.agents.price_outlook import FILE as PRICES
from energy_gym.agents.price_outlook import PriceOutlook
from energy_gym.agents.sdp.agent import SDP
from energy_gym.agents.site_planning import SitePlanner, check_charges, plannable
from energy_gym.arrays import Floats
from energy_gym.backends import scalars
from energy_gym.bidding.env import ProducerEnv
from energy_gym.closing import Closing
from energy_gym.dynamics import STATES, compose
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.files import write_atomically
from energy_gym.following import followers
from energy_gym.oracle.milp import play_unit
from energy_gym.oracle.solution import EXACT
from energy_gym.oracle.solve import Best, best_of_unit, by_unit
from energy_gym.oracle.statement import Goal
from energy_gym.units import Unit


class Planner(Protocol):
    """What plans on the environment's forecast from its current state."""

    def action(self, info: Mapping[str, Any]) -> Any:
        """Return the action for the coming step, given the ``info`` that came with the last observation."""


class MPC(Agent):
    """Rolling horizon on the environment's forecast, re-solved from the current state at each step.

    Energy left at the end of the look-ahead is valued at the settlement price (mean of the training split), unless the
    episode ends there or ``continuation`` says otherwise. Where a wish names a power at the meter, no power there is
    preferred to what is worth the same: it stays right whatever load and generation come. A producer's bids are planned
    at each gate and at least every hour; see `energy_gym.agents.bid_planning.BidPlanner`.

    Where one battery stands behind a meter with load or generation, `fit` learns how their forecast errs. Plans then go
    over what may come, and under demand charges leave a margin; see `energy_gym.agents.site_planning`. Without `fit`
    the forecast is taken at its word. Of a fleet `fit` learns how prices that become known after their interval follow
    the last ones, and what energy is worth where a plan ends before the day does; see
    `energy_gym.agents.price_outlook` and `energy_gym.agents.day_course`.

    Args:
        env: The environment it acts in.
        seed: Not used.
        continuation: What is stored is worth where a plan ends before the episode: ``"mean-price"``, nothing
            (``"none"``), or for plans over what may come, where no demand is charged for, what `fit` learns of it by
            dynamic programming (``"sdp"``), or what an object says that has learnt it
            (`energy_gym.agents.continuation.Continuation`).

    Raises:
        UnknownIdError: No such way to continue.
        ConfigurationError: A way to continue that this environment does not offer.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=24)
        >>> observation, info = env.reset(seed=0)
        >>> -1.0 <= MPC(env).act(observation, info).item() <= 1.0
        True
    """

    name: ClassVar[str] = "mpc"
    correction: Correction | None = None
    prices: PriceOutlook | None = None
    course: DayCourse | None = None

    def __init__(self, env: Any, seed: int = 0, continuation: str | Continuation = "mean-price") -> None:
        super().__init__(env, seed)
        check_continuation(continuation)
        if self.env.decision == "bids" and continuation != "mean-price":
            raise ConfigurationError(
                f"continuation={continuation!r} of a producer",
                "must be 'mean-price': its plans end at gates",
                "drop it",
            )
        self.continuation = continuation
        if continuation == "sdp":
            check_charges(self.env, continuation)
        self.behind = SDP(env, seed) if continuation == "sdp" else None
        self.reset()

    def reset(self) -> None:
        """Forget the plan.

        Raises:
            ConfigurationError: A value of what is stored that was learnt, where nothing plans with one.
        """
        markets = Markets(self.prices, self.course if self.continuation == "mean-price" else None)
        self._planner: Planner = planner(self.env, self.correction, self.behind or self.continuation, markets)

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`.

        Raises:
            ResetNeededError: What is stored shall be worth what nobody has learnt yet.
        """
        if self.behind is not None:
            self.behind.ready()
        return self._planner.action(info)

    def fit(
        self,
        source: Any = None,
        *,
        budget: int | None = None,
        seed: int | None = None,
        callback: Callback | None = None,
    ) -> Self:
        """See `Agent.fit`: learns how a site's load and generation, or a fleet's prices, are misforecast."""
        train = self.played(source, episode_steps=None)
        self.correction = learnt(train) if plannable(train) else None
        fleet = train.decision == "fleet"
        self.prices = PriceOutlook.learnt(train) if fleet else None
        self.course = DayCourse.learnt(train) if fleet else None
        if self.behind is not None:
            self.behind.fit(source)
        self.reset()
        return self

    def save(self, folder: str | Path) -> None:
        """See `Agent.save`."""
        if self.behind is not None:
            self.behind.save(folder)
        super().save(folder)
        if self.correction is not None:
            write_atomically(Path(folder) / CORRECTION, self.correction.write)
        if self.prices is not None:
            write_atomically(Path(folder) / PRICES, self.prices.write)
        if self.course is not None:
            write_atomically(Path(folder) / COURSE, self.course.write)

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        if not isinstance(self.continuation, str):
            found = f"continuation={self.continuation!r}"
            raise ConfigurationError(found, "is not saved with the agent", "save it by itself")
        known: dict[str, Any] = {"corrected": self.correction is not None, "priced": self.prices is not None}
        known["course"] = self.course is not None
        behind = {} if self.behind is None else {"behind": self.behind.parameters()}
        return {**super().parameters(), **known, "continuation": self.continuation, **behind}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self.continuation = str(parameters.get("continuation", "mean-price"))
        self.correction = Correction.read(folder / CORRECTION) if parameters.get("corrected") else None
        self.prices = PriceOutlook.read(folder / PRICES) if parameters.get("priced") else None
        self.course = DayCourse.read(folder / COURSE) if parameters.get("course") else None
        self.behind = SDP(self.env, self.seed) if self.continuation == "sdp" else None
        if self.behind is not None:
            self.behind.restore(parameters["behind"], folder)
        self.reset()


def planner(
    env: EnergyEnv,
    correction: Correction | None = None,
    continuation: str | Continuation = "mean-price",
    markets: Markets | None = None,
) -> Planner:
    """Return what plans in an environment.

    Args:
        env: The environment.
        correction: What was learnt of its load and generation, if anything.
        continuation: What is stored is worth where a plan ends before its episode.
        markets: What was learnt of the prices of a fleet.
    """
    if env.decision == "bids":
        return BidPlanner(cast(ProducerEnv, env))
    closings = closings_of(env, continuation)
    if correction is None or correction.exact:
        return StepPlanner(env, closings, Markets() if markets is None else markets)

    def first(env: EnergyEnv, units: list[Unit], ends: bool) -> Any:
        """Return the first action of the best plan over units that need not fit through their connection yet."""
        return actions_of(env, planned(env, [fitting(unit) for unit in units], ends, robust, closings)[:1])[0]

    return SitePlanner(env, correction, first, continuation)


class Markets(NamedTuple):
    """What a fleet has learnt of its prices, if anything."""

    prices: PriceOutlook | None = None
    course: DayCourse | None = None

    def outlook(self, env: EnergyEnv) -> dict[str, Floats] | None:
        """Return what the coming steps are expected to hold; None for the environment's forecast."""
        return None if self.prices is None else self.prices.outlook(env)

    def closings(self, env: EnergyEnv, size: int) -> tuple[Closing, ...] | None:
        """Return at what a plan of so many steps is closed, by unit; None where nothing is known of it."""
        closing = None if self.course is None else self.course.closing(env, size)
        return None if closing is None else (closing,)


@dataclass(frozen=True)
class StepPlanner:
    """The best plan over the look-ahead at each step, of which the first action is played."""

    env: EnergyEnv
    continuation: tuple[Closing, ...] | None = None
    markets: Markets = field(default_factory=lambda: Markets())

    def action(self, info: Mapping[str, Any]) -> Any:
        """Return the action for the coming step."""
        now, stop = self.env.steps_left
        size = min(self.env.setup.tape.horizon, stop - now)
        units, ends = expected_units(self.env, size, self.markets.outlook(self.env)), now + size == stop
        worth = None if ends else self.markets.closings(self.env, size)
        wishes = planned(self.env, units, ends, robust, self.continuation if worth is None else worth)
        return actions_of(self.env, wishes[:1])[0]


def first_action(env: EnergyEnv, units: Sequence[Unit], ends: bool, best: Callable[..., Best] = best_of_unit) -> Any:
    """Return the first action of the best plan over some units' windows, from the environment's states now.

    Args:
        env: The environment.
        units: Its units over a window that begins now.
        ends: Whether the episode ends with the window; if not, what is stored at its end is worth the mean price.
        best: What plans for a unit, as `best_of_unit` does.
    """
    return actions_of(env, planned(env, units, ends, best)[:1])[0]


def planned(
    env: EnergyEnv,
    units: Sequence[Unit],
    ends: bool,
    best: Callable[..., Best] = best_of_unit,
    continuation: Sequence[Closing] | None = None,
) -> Floats:
    """Return the best plan over some units' windows, shares of rated power (T, controls); see `first_action`.

    ``continuation`` closes a plan that ends before its episode, by unit; None: at the mean price.
    """
    setup = env.setup
    closings = setup.closings if ends else (setup.continuation if continuation is None else continuation)
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
