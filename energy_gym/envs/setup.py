"""What a single environment and a batch share: everything fixed before the first reset.

One rule: keywords are read and checked here, once, for both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import scalars
from energy_gym.closing import Closing
from energy_gym.data.feed import Feed
from energy_gym.entities import Battery, Flexible, PumpedHydro
from energy_gym.envs.assembly import at_the_meter, lay_out_scenario
from energy_gym.envs.figures import told_figures, units_of_info
from energy_gym.envs.gates import BatchGates, Gates
from energy_gym.envs.held_stores import check_starts
from energy_gym.envs.keywords import Common, check_settled, check_step, with_common
from energy_gym.envs.keywords import check_count as check_count  # handed on to whoever makes environments
from energy_gym.envs.windows import asked_window
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.following import INNER, ends_of
from energy_gym.forecast.past import history_steps
from energy_gym.scenario import Scenario, Weights
from energy_gym.site import Site
from energy_gym.tape import ActionSlot, Slot, Tape
from energy_gym.units import Unit

if TYPE_CHECKING:
    import pandas as pd

CONTROLS = ("power", "meter")


class Kind(NamedTuple):
    """What sets one kind of environment apart from others; given to a setup by what makes it.

    Args:
        decision: What is decided: the ``"power"`` of storage and the like, ``"bids"``, or those of a ``"fleet"``.
        expert: The agent that demonstrations are recorded from, unless another is named.
        mark_seconds: How long the optimum that is kept beside each recorded episode may be searched for [s]; None:
            until it is proven.
        gates: Makes the gates of one episode for a setup, where bids count at gate closures.
        batch_gates: Makes those of a batch: ``(setup, num_envs) -> gates``.
        figures: Figures that gates add to ``info``, with their units (`units.MONEY` for the currency of the data).
        best: ``(gates, states, time_limit) -> solution``: the best rest of an episode with gates.
        state: ``(model, gates, states)``: states that rest, and what it earns, in a solver's model.
    """

    decision: str = "power"
    expert: str = "mpc"
    mark_seconds: float | None = None
    gates: Callable[[Any], Gates] | None = None
    batch_gates: Callable[[Any, int], BatchGates] | None = None
    figures: Mapping[str, str] = {}
    best: Callable[[Any, Any, float | None], Any] | None = None
    state: Callable[[Any, Any, Any], Any] | None = None


@dataclass(frozen=True)
class Setup:
    """A scenario on a feed: its units over the split, look-ahead, action levels, closing prices and episode length.

    ``closings`` settle the end of an episode; ``continuation`` values what is stored where a plan ends before that.
    ``base`` is the setup as it was made, where this one's storage begins elsewhere.
    """

    scenario: Scenario
    feed: Feed
    tape: Tape
    sites: tuple[Site, ...]
    units: tuple[Unit, ...]
    closings: tuple[Closing, ...]
    continuation: tuple[Closing, ...]
    levels: tuple[float, ...] | None
    episode_steps: int
    whole: bool
    kind: Kind = field(default=Kind(), kw_only=True)
    base: Setup | None = field(default=None, kw_only=True)

    @property
    def undifferentiable(self) -> str | None:
        """Why `energy_gym.envs.rollout.Rollout` cannot play it; None where it can."""
        return next((unit.undifferentiable for unit in self.units if unit.undifferentiable is not None), None)

    def physical(self) -> Self:
        """Return the same with the decisions that physics allows, where those of an action are fewer."""
        units = tuple(unit.physical() for unit in self.units)
        same = all(one is other for one, other in zip(units, self.units, strict=True))
        return self if same else replace(self, units=units, levels=None)

    @property
    def control(self) -> str:
        """What the wishes of batteries name: a share of their rated ``"power"``, or a power at the ``"meter"``."""
        return CONTROLS[any(unit.usual is not None for unit in self.units)]

    @cached_property
    def by_power(self) -> Setup:
        """The same with shares of rated power as wishes, any of them: what physics allows."""
        return self if self.control == "power" else replace(self, units=tuple(unit.by_power() for unit in self.units))

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

    @cached_property
    def countdowns(self) -> tuple[int, ...]:
        """Places, among all states, of those that count the steps left of an episode."""
        found, begin = [], 0
        for unit in self.units:
            found += [begin + place for place in unit.countdowns]
            begin += len(unit.initial)
        return tuple(found)

    def started(self, steps: int) -> tuple[float, ...]:
        """Return the states at the start of an episode of so many steps."""
        states = list(self.initial)
        for place in self.countdowns:
            states[place] = float(steps)
        return tuple(states)

    @property
    def action_layout(self) -> tuple[ActionSlot, ...]:
        """What each entry of an action names, in its order."""
        return tuple(slot for unit in self.units for slot in _slots(unit))

    @property
    def choices(self) -> Floats | None:
        """What discrete actions mean that are one number for all entries, shape (choices, controls); usually None."""
        return None

    @property
    def chooses(self) -> bool:
        """Whether a discrete action is one number, not one for each of several entries."""
        return self.controls == 1 or self.kind.gates is not None or self.choices is not None

    def chosen(self, wishes: Floats) -> list[Any]:
        """Return the actions that ask for wishes, shape (T, controls): of discrete ones, those that mean them."""
        if self.levels is None:
            return list(wishes)
        numbers = np.searchsorted(np.array(self.levels), wishes)
        return [int(row[0]) for row in numbers] if wishes.shape[1] == 1 else list(numbers)

    def action(self, wish: float) -> Any:
        """Return the action that asks for a wish, where there is one control; see `chosen`."""
        return self.chosen(np.array([[wish]]))[0]

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of an action."""
        return tuple(flexible.name for flexible in self.flexibles)

    @property
    def told(self) -> tuple[tuple[str, int], ...]:
        """Names, and places among all states, of those that ``info`` tells: figures of the step before."""
        return tuple((name, place) for name, place, _ in told_figures(self.units))

    @cached_property
    def info_units(self) -> dict[str, str]:
        """Units of the figures of ``info``, by name, in their order there."""
        return units_of_info(self.curtails, told_figures(self.units), self.kind.figures, self.feed.currency)

    @property
    def drawn_kw(self) -> float:
        """The power that pictures are scaled by: what all stores together can charge or discharge [kW]."""
        return sum(max(store.charge_kw, store.discharge_kw) for store in self.stores.values()) or 1.0

    @property
    def stores(self) -> dict[str, Battery]:
        """What stores energy by name, each as a battery."""
        entities = self.scenario.entities.items()
        plain = {name: item.battery() if isinstance(item, PumpedHydro) else item for name, item in entities}
        return {name: item for name, item in plain.items() if isinstance(item, Battery)}

    @property
    def stored(self) -> tuple[tuple[int, float], ...]:
        """Place among the states, and energy that a unit of it stands for, of everything that stores energy."""
        found, place = [], 0
        for unit in self.units:
            found += [(place + k, item.worth) for k, item in enumerate(unit.flexibles) if item.span is not None]
            place += len(unit.initial)
        return tuple(found)

    @cached_property
    def flexibles(self) -> tuple[Flexible, ...]:
        """What can be decided, in the order of the controls."""
        return tuple(flexible for unit in self.units for flexible in unit.decisions)

    @property
    def curtails(self) -> bool:
        """Whether any generation may be cut."""
        spills = any(flexible.spills for flexible in self.flexibles)
        return spills or any(unit.curtailable_kwh is not None for unit in self.units)

    @cached_property
    def signals(self) -> list[tuple[Any, ...]]:
        """What the composed step is told at each step, on floats."""
        each = [unit.signals() for unit in self.units]
        return each[0] if len(each) == 1 else list(zip(*each, strict=True))

    @property
    def single_storage(self) -> bool:
        """Whether it is one storage behind a meter with one price for import and export."""
        unit = self.units[0]
        return len(self.units) == 1 and unit.plain and unit.buy is unit.sell and unit.usual is None

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
        return asked_window(self, options, rng)


def _slots(unit: Unit) -> Iterator[ActionSlot]:
    """Yield what each entry of an action names at a unit: powers, or shares of what changes from step to step."""
    ends = ends_of(unit, scalars)
    for item in unit.decisions:
        if item.follows and unit.usual is not None:
            low, high = 0.0 - ends.going_out / unit.hours, ends.coming_in / unit.hours
            yield ActionSlot(f"meter({item.name})", "kW", low, high, INNER)
        elif unit.laws is None and np.ndim(item.draw_kwh) == np.ndim(item.give_kwh) == 0:
            yield ActionSlot(item.name, "kW", 0.0 - item.give_kwh / unit.hours, item.draw_kwh / unit.hours)
        else:
            yield ActionSlot(item.name, "1", -1.0, 1.0)


@with_common
def make_setup(common: Common, *, battery: Battery | None = None, control: str = "power") -> Setup:
    """Read and check the keywords of ``gym.make``; `ArbitrageEnv` says what each means."""
    if control not in CONTROLS:
        raise UnknownIdError.of("control", control, CONTROLS)
    chosen = common.with_objective(_scenario(common.scenario, battery))
    check_settled(chosen, ("meter",))
    feed = common.within_period(common.opened())
    laid = lay_out_scenario(chosen, feed)
    clock = chosen.clock
    check_step(clock, feed)
    back = history_steps(laid.feed, laid.columns, common.history)
    steps, whole = common.length(clock, feed), common.wanted(clock) is None
    check_starts(laid.units, steps, whole)
    return Setup(
        scenario=chosen,
        feed=laid.feed,
        tape=Tape(
            laid.feed,
            common.foreseen,
            common.ahead(clock),
            laid.columns,
            laid.states,
            history=back,
            lookahead=common.view,
        ),
        sites=laid.sites,
        units=laid.units if control == "power" else at_the_meter(laid),
        closings=laid.closings,
        continuation=laid.continuation,
        levels=common.levels,
        episode_steps=steps,
        whole=whole,
    )


def _scenario(scenario: Scenario | str | Path | None, battery: Battery | None) -> Scenario:
    """Return the scenario, with another battery where one is given."""
    base = Scenario() if scenario is None else Scenario.read(scenario)
    if battery is not None and not isinstance(battery, Battery):
        raise ConfigurationError(f"battery={battery!r}", "must be a Battery", "pass energy_gym.Battery(...)")
    return base if battery is None else base.with_battery(battery)
