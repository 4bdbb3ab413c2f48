"""What a single environment and a batch share: everything fixed before the first reset.

One rule: keywords are read and checked here, once, for both.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy_gym.data.feed import Feed, open_feed
from energy_gym.dynamics import Closing
from energy_gym.entities import Battery, Flexible
from energy_gym.envs.assembly import lay_out_scenario, scaled_to_site
from energy_gym.envs.keywords import aimed, check_settled, check_step, narrowed
from energy_gym.errors import (
    ConfigurationError,
    EpisodeLengthError,
    NonPositiveError,
    UnknownIdError,
    WindowError,
)
from energy_gym.forecast import Forecast, get_forecast
from energy_gym.scenario import Scenario, Site, Weights
from energy_gym.tape import Slot, Tape
from energy_gym.units import Unit

if TYPE_CHECKING:
    import pandas as pd

WEEK_HOURS = 168.0
DEFAULT_HORIZON = 24
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Setup:
    """A scenario on a feed: its units over the split, look-ahead, action levels, closing prices and episode length.

    ``closings`` settle the end of an episode; ``keeping`` values what is stored where a plan ends before that.
    """

    scenario: Scenario
    feed: Feed
    tape: Tape
    sites: tuple[Site, ...]
    units: tuple[Unit, ...]
    closings: tuple[Closing, ...]
    keeping: tuple[Closing, ...]
    levels: tuple[float, ...] | None
    episode_steps: int
    whole: bool

    @property
    def undifferentiable(self) -> str | None:
        """Why `energy_gym.envs.rollout.Rollout` cannot play it; None where it can."""
        return None

    def physical(self) -> Setup:
        """Return the same with the decisions that physics allows, where those of an action are fewer."""
        return self

    @property
    def weights(self) -> Weights:
        """What each part counts in the reward."""
        return self.scenario.objective.weights

    @property
    def reward_unit(self) -> str:
        """Unit of the reward: the currency of the data, or kg CO2."""
        return "kg CO2" if self.scenario.objective.kind == "carbon" else self.feed.currency

    @property
    def price(self) -> Floats:
        """Price of import of the first unit, shape (steps,) [currency/MWh]."""
        return self.units[0].buy

    @property
    def carbon(self) -> Floats:
        """Carbon intensity of the first unit, shape (steps,) [gCO2/kWh]; zeros where it is unknown."""
        return self.units[0].carbon

    @property
    def controls(self) -> int:
        """Number of decisions of a step: the size of an action."""
        return len(self.flexibles)

    @property
    def initial(self) -> tuple[float, ...]:
        """States at the start of an episode, over all units."""
        return tuple(state for unit in self.units for state in unit.initial)

    @property
    def stored(self) -> tuple[tuple[int, float], ...]:
        """Place among the states, and energy that a unit of it stands for, of everything that stores energy."""
        found, place = [], 0
        for unit in self.units:
            found += [(place + k, item.worth) for k, item in enumerate(unit.flexibles) if item.span is not None]
            place += len(unit.initial)
        return tuple(found)

    @property
    def flexibles(self) -> tuple[Flexible, ...]:
        """What can be decided, in the order of the controls."""
        return tuple(flexible for unit in self.units for flexible in unit.flexibles)

    @property
    def curtails(self) -> bool:
        """Whether any generation may be cut."""
        return any(unit.curtailable_kwh is not None for unit in self.units)

    @cached_property
    def signals(self) -> list[tuple[Any, ...]]:
        """What the composed step is told at each step, on floats."""
        each = [unit.signals() for unit in self.units]
        return each[0] if len(each) == 1 else list(zip(*each, strict=True))

    @property
    def single_storage(self) -> bool:
        """Whether it is one storage behind a meter with one price for import and export."""
        unit = self.units[0]
        return len(self.units) == 1 and unit.plain and unit.buy is unit.sell

    @property
    def steps(self) -> int:
        """Number of steps in the split."""
        return self.feed.stop - self.feed.first

    @property
    def layout(self) -> tuple[Slot, ...]:
        """Slots of the observation."""
        return self.tape.layout

    def time(self, step: int) -> pd.Timestamp:
        """Return the start of a step of the split, in UTC."""
        return self.feed.span(self.feed.first + step, self.feed.first + step + 1)[0]

    def own_idle_return(self, first: int, stop: int, states: Any) -> float | None:
        """Return what doing nothing earns where the kind of environment settles it in a way of its own."""
        return None

    def draw(self, rng: np.random.Generator) -> tuple[int, int]:
        """Draw a window: first step and the step after its last."""
        if self.whole:
            return 0, self.steps
        first = int(rng.integers(0, self.steps - self.episode_steps + 1))
        return first, first + self.episode_steps

    def window(self, options: Mapping[str, Any], rng: np.random.Generator) -> tuple[int, int]:
        """Return the window that the options of ``reset`` ask for; what they leave open is drawn.

        Raises:
            WindowError: An unknown option, or a start that is not a step of the split.
            EpisodeLengthError: A window that runs past the end of the split.
        """
        for key in options:
            if key not in ("start", "steps"):
                near = difflib.get_close_matches(str(key), ("start", "steps"), n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise WindowError(f"options[{key!r}]", "is not a known option", f"{hint}Known: start, steps")
        asked = options.get("steps")
        if options.get("start") is None:
            sized = self if asked is None else replace(self, episode_steps=self._fitting(asked, 0), whole=False)
            return sized.draw(rng)
        first = self._position(options["start"])
        left = self.steps - first
        return first, first + self._fitting(asked if asked is not None else self._usual(left), first)

    def _usual(self, left: int) -> int:
        return left if self.whole else self.episode_steps

    def _position(self, start: Any) -> int:
        import pandas as pd

        try:
            stamp = pd.Timestamp(start)
            stamp = stamp.tz_localize("UTC") if stamp.tz is None else stamp.tz_convert("UTC")
        except (ValueError, TypeError) as error:
            raise WindowError(f"start={start!r}", "is no time stamp", 'write "2022-03-01T00:00Z"') from error
        position = int(self.feed.times.get_indexer(pd.DatetimeIndex([stamp]))[0]) - self.feed.first
        if not 0 <= position < self.steps:
            raise WindowError(
                f"start={stamp.isoformat()}",
                f"must be a step of the split, {self.time(0).isoformat()} to {self.time(self.steps - 1).isoformat()}",
                "choose a start in that range, or another split",
            )
        return position

    def _fitting(self, steps: Any, first: int) -> int:
        return check_steps(steps, self.steps - first, self.time(first).isoformat())


def make_setup(
    *,
    dataset: str | None = None,
    data: pd.DataFrame | None = None,
    split: str = "train",
    period: tuple[str, str] | None = None,
    forecast: str | Forecast = "published",
    horizon: int | None = None,
    actions: str = "continuous",
    objective: str | None = None,
    carbon_price: float | None = None,
    terminal: str | None = None,
    episode_steps: int | str | None = "default",
    battery: Battery | None = None,
    scenario: Scenario | str | Path | None = None,
    reference: pd.DataFrame | None = None,
) -> Setup:
    """Read and check the keywords of ``gym.make``; `ArbitrageEnv` says what each means."""
    chosen = _scenario(scenario, battery, objective, carbon_price, terminal)
    check_settled(chosen, ("meter",))
    feed = open_feed(dataset, data, split, reference)
    feed = narrowed(feed, period)
    feed = scaled_to_site(feed, chosen) if data is not None and reference is None else feed
    laid = lay_out_scenario(chosen, feed)
    clock = chosen.clock
    check_step(clock, feed)
    ahead = check_count("horizon", (clock.horizon or DEFAULT_HORIZON) if horizon is None else horizon)
    wanted = clock.episode_steps or "week" if episode_steps == "default" else episode_steps
    return Setup(
        scenario=chosen,
        feed=laid.feed,
        tape=Tape(laid.feed, get_forecast(forecast), ahead, laid.columns, laid.states),
        sites=laid.sites,
        units=laid.units,
        closings=laid.closings,
        keeping=laid.keeping,
        levels=action_levels(actions),
        episode_steps=episode_length(wanted, feed.stop - feed.first, feed),
        whole=wanted is None,
    )


def _scenario(
    scenario: Scenario | str | Path | None,
    battery: Battery | None,
    objective: str | None,
    carbon_price: float | None,
    terminal: str | None,
) -> Scenario:
    """Return the scenario, with the keywords that were given in place of its own figures."""
    base = Scenario() if scenario is None else Scenario.read(scenario)
    if battery is not None and not isinstance(battery, Battery):
        raise ConfigurationError(f"battery={battery!r}", "must be a Battery", "pass energy_gym.Battery(...)")
    goal = aimed(base.objective, objective, carbon_price, terminal)
    return replace(base if battery is None else base.with_battery(battery), objective=goal)


def action_levels(actions: str) -> tuple[float, ...] | None:
    """Return the shares of rated power that a discrete action space offers, in ascending order; None if continuous.

    Raises:
        UnknownIdError: Neither ``"continuous"`` nor ``"discrete-N"`` with an odd N of at least 3.

    Example:
        >>> action_levels("discrete-5")
        (-1.0, -0.5, 0.0, 0.5, 1.0)
    """
    if actions == "continuous":
        return None
    kind, _, count = str(actions).partition("-")
    if kind != "discrete" or not count.isdecimal() or int(count) < 3 or int(count) % 2 == 0:
        raise UnknownIdError.of("action space", actions, ("continuous", "discrete-3", "discrete-5", "discrete-7"))
    middle = int(count) // 2
    return tuple((level - middle) / middle for level in range(int(count)))


def check_count(name: str, value: Any) -> int:
    """Return a whole number of at least 1, or raise NonPositiveError or ConfigurationError."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ConfigurationError(f"{name}={value!r}", "must be a whole number", f"pass an int for {name}")
    if value < 1:
        raise NonPositiveError(f"{name}={value}", "must be at least 1", f"pass a positive {name}")
    return int(value)


def check_steps(steps: Any, available: int, start: str) -> int:
    """Return the number of steps of an episode, or raise EpisodeLengthError if the data do not hold so many."""
    wanted = check_count("steps", steps)
    if wanted > available:
        raise EpisodeLengthError(
            f"an episode of {wanted} steps",
            f"the data hold {available} steps from {start}",
            "ask for fewer steps, an earlier start or a longer split",
        )
    return wanted


def episode_length(episode_steps: int | str | None, steps: int, feed: Feed) -> int:
    """Return the number of steps of an episode: a number, ``"week"``, or None for all ``steps`` of the split."""
    if episode_steps is None:
        return steps
    if episode_steps == "week":
        return min(round(WEEK_HOURS / feed.step_hours), steps)
    return check_steps(episode_steps, steps, feed.times[feed.first].isoformat())
