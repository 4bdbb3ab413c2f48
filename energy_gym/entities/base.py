"""What every entity offers to a scenario, and the list of known kinds.

One rule: an entity is frozen data and pure laws; a scenario composes them without knowing which is which.

An entity may do any of four things: let energy flow whatever is decided (``fixed_kw``), make energy that may be cut
(``curtailable_kw``), take decisions (``flexible``), or limit what flows through the connection (``limits_kw``). A new
kind is one file: a frozen dataclass that derives from `Entity`, decorated with `register`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.errors import ConfigurationError, NonPositiveError
from energy_gym.trees import enrol

Values = Mapping[str, Floats]
Signal = Floats | tuple[Floats, ...] | None
E = TypeVar("E", bound="type[Entity]")


class Laws(NamedTuple):
    """The laws of a controlled entity, as functions of floats, arrays or tensors (but for the fourth).

    ``signal`` is the entity's own signal at the step; it is left out where it has none, so its default is None.

    Attributes:
        settle: ``(state, wish, cell, xp, signal) -> (drawn, given, refused)`` [kWh, all >= 0]: what a wish in [-1, 1]
            comes to. The connection may reduce ``drawn`` or ``given`` further, down to 0.
        next_state: ``(state, drawn, given, cell, signal) -> state`` at the end of the step; linear in all but ``cell``.
        cost: ``(drawn, given, cell) -> currency`` spent on the step besides energy; linear.
        constrain: ``(model, cell, start, signal) -> (drawn, given, state)``: the same as variables of a solver's model.
        untangle: ``(drawn, given, cell) -> (drawn, given)``: the same change of state without drawing and giving in one
            step, for entities that a solver may have do both; None where that cannot be, or cancels out.
        owed: ``(state, cell, xp, signal) -> (drawn, given)``: what it must draw or give whatever is wished, which the
            connection cuts last; None where nothing must be.
        burn: ``(before, after, cell, xp) -> (currency, kg)``: what fuel and the like cost on a step, and the carbon
            caused, from the states before and after it; linear but for ``xp.positive`` of what costs. Then the third
            that ``constrain`` returns is all of the state. None where nothing is burnt.
        age: ``(before, after, cell, xp) -> currency``: what ageing costs on a step, counted as wear, from the states
            before and after it; else as ``burn``. None for none.
        fine: ``(before, after, cell) -> currency``: what a state missed costs, from the states at both ends of a step,
            counted as a penalty; None for nothing. Then ``constrain`` returns ``(drawn, given, state, cost)``, with the
            penalty of each step, and there is a memory.
    """

    settle: Callable[..., Any]
    next_state: Callable[..., Any]
    cost: Callable[..., Any]
    constrain: Callable[..., Any]
    untangle: Callable[..., Any] | None = None
    fine: Callable[..., Any] | None = None
    burn: Callable[..., Any] | None = None
    owed: Callable[..., Any] | None = None
    age: Callable[..., Any] | None = None


class Memory(NamedTuple):
    """What a controlled entity carries from step to step beside its state, such as the capacity it has left.

    Args:
        name: Its name in the observation.
        initial: Its value at the start of an episode.
        span: Offset and scale of it in the observation.
        counts_down: Whether it is the number of steps that are left of the episode; then that is its initial value.
        told: Unit of what ``info`` tells of it in place of observations: a figure of the step before; None if observed.
        held: ``(energy) -> value`` at the start of an episode that begins with an energy; None where that is no matter.
    """

    name: str
    initial: float
    span: tuple[Any, Any]
    counts_down: bool = False
    told: str | None = None
    held: Callable[[Any], Any] | None = None


class Reach(NamedTuple):
    """How far the state of a store can be moved in a step, for it to be brought back to where it began.

    Args:
        keep: Share of the state that is left after a step.
        stored: What the state gains per energy drawn.
        taken: What the state loses per energy given.
        draw_kwh: Most that can be drawn in a step.
        give_kwh: Most that can be given in any step, however the data come.
        floor: Least that the state can be.
        top: Most that it can be.
        fade_per_kwh: What ``top`` falls by for each kWh given.

    Each field is a float, or an array of shape (num_envs,) where a batch mixes batteries.
    """

    keep: Any
    stored: Any
    taken: Any
    draw_kwh: Any
    give_kwh: Any
    floor: Any
    top: Any
    fade_per_kwh: Any = 0.0


@dataclass(frozen=True)
class Flexible:
    """A controlled entity for one step length and one series of signals.

    Args:
        name: The entity's name in the scenario.
        laws: Its laws.
        cell: Its figures, as the laws take them.
        initial: State at the start of an episode (a float, or an array with one value per environment).
        span: Offset and scale of the state in the observation; None for an entity without a state.
        draw_kwh: Most it can draw in a step: a float; with a signal it may be an array of shape (steps,).
        give_kwh: Most it can give in a step, likewise.
        signal: What its laws are told at each step, shape (steps,), or a tuple of such series; None if nothing.
        worth: Energy that a unit of its state stands for when an episode is settled [kWh].
        curtails: Whether what it draws is generation that it cuts.
        costs: Whether its law of cost can give anything but 0.
        unit: Unit of the state.
        memory: What it carries besides; then its laws take and return the state as a tuple ``(state, *memory)``.
        follows: Whether it can follow a meter: what it draws and gives at most is above 0 and the same at each step.
        spills: Whether what it gives is made whatever the connection takes: what does not fit is cut, as generation is.
        state_name: Name of the state in the observation, where it is not a state of charge.
        reach: How far a step moves its state, if it is a store that can be brought back to where it began.
        unsure: Why a step cannot be said to move its state so far at least, where it stores energy without a reach.
        budgets: ``(state, cell, signal) -> [(most, given, begins), ...]``: what it may give in all since a time, what
            it gave since then, and 1 where the count begins anew; None where only its power limits what it gives.
        own: The entity by itself, where laws that bring it back stand in for its own; else None.
    """

    name: str
    laws: Laws
    cell: Any
    initial: Any
    span: tuple[Any, Any] | None
    draw_kwh: Any
    give_kwh: Any
    signal: Signal = None
    worth: float = 1.0
    curtails: bool = False
    costs: bool = True
    unit: str = "1"
    memory: tuple[Memory, ...] = ()
    follows: bool = False
    spills: bool = False
    state_name: str | None = None
    reach: Reach | None = None
    unsure: str | None = None
    budgets: Callable[..., Any] | None = None
    own: Flexible | None = None

    @property
    def bare(self) -> Flexible:
        """The entity by itself: its own laws and figures, without those that bring it back to where it began."""
        return self if self.own is None else self.own

    def begun(self, initial: Any) -> Flexible:
        """Return the same with another state at the start of an episode, and what it remembers then."""
        memory = tuple(one if one.held is None else one._replace(initial=one.held(initial)) for one in self.memory)
        return replace(self, initial=initial, memory=memory)

    def window(self, part: slice) -> Flexible:
        """Return the same for a part of the steps."""
        signal: Signal = None
        if self.signal is not None:
            signal = tuple(one[part] for one in self.signal) if isinstance(self.signal, tuple) else self.signal[part]
        draw, give = self.rated(part)
        return replace(self, signal=signal, draw_kwh=draw, give_kwh=give)

    def rated(self, step: Any) -> tuple[Any, Any]:
        """Return the most it can draw and give in a step, or in many at once [kWh]."""
        if self.signal is None:
            return self.draw_kwh, self.give_kwh
        draw, give = (limit if np.ndim(limit) == 0 else limit[step] for limit in (self.draw_kwh, self.give_kwh))
        return draw, give


class WallClock(Protocol):
    """Local times of the starts of steps, such as `energy_gym.contracts.clock.LocalTimes`."""

    @property
    def stamps(self) -> npt.NDArray[np.datetime64]:
        """Wall-clock times of a zone as whole seconds, shape (steps,)."""


class Entity:
    """Base of all entities; every method but ``kind`` may be left as it is."""

    __slots__ = ()
    kind: ClassVar[str]

    def columns(self) -> tuple[str, ...]:
        """Return the columns of the data that it needs."""
        return ()

    def calendar(self, local: WallClock) -> Mapping[str, Floats]:
        """Return what the calendar tells its laws, by name, each of shape (steps,); known at all times.

        `flexible` finds a series called ``"new_day"`` of the entity ``"home"`` among its values as ``"home.new_day"``.

        Args:
            local: Wall-clock times of the starts of all steps.
        """
        return {}

    def signed_columns(self) -> tuple[str, ...]:
        """Return those of its columns that may be negative, such as a temperature."""
        return ()

    def check(self, name: str, values: Values) -> None:
        """Raise DataError where the data say what cannot be; forecasts, which may, are not asked.

        Args:
            name: Its name in the scenario.
            values: Its columns as they will be, each of shape (steps,).
        """

    def fixed_kw(self, values: Values) -> Floats | None:
        """Return the power that flows whatever is decided, shape (steps,): consumption positive [kW]."""
        return None

    def curtailable_kw(self, values: Values) -> Floats | None:
        """Return the part of its generation that the connection may cut, shape (steps,) [kW, >= 0]."""
        return None

    def flexible(self, name: str, hours: float, values: Values) -> Flexible | None:
        """Return what it decides, for steps of ``hours`` hours."""
        return None

    def limits_kw(self, name: str, values: Values) -> tuple[float | Floats, float | Floats] | None:
        """Return the largest import and export [kW], infinite where there is no limit; None if it limits nothing.

        Args:
            name: Its name in the scenario.
            values: Columns of the data and what `calendar` gives, by name, each of shape (steps,).
        """
        return None


ENTITIES: dict[str, type[Entity]] = {}


def register(entity: E) -> E:
    """Make a kind of entity known to YAML files; use it as a class decorator.

    Raises:
        ConfigurationError: The class names no kind, or one that another class has taken.
    """
    enrol(ENTITIES, entity)
    return entity


def no_cost(drawn: Any, given: Any, cell: Any) -> Any:
    """Return no cost: the law of what costs nothing but its energy."""
    return 0.0


def finite_number(entity: str, name: str, value: object) -> float:
    """Return a value as a finite float, or say which field is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer):
        raise ConfigurationError(f"{entity} {name}={value!r}", "must be a number", f"pass a float for {name}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ConfigurationError(f"{entity} {name}={number}", "must be finite", f"pass a finite float for {name}")
    return number


def positive_number(entity: str, name: str, value: object) -> float:
    """Return a value as a float above 0, or raise NonPositiveError."""
    number = finite_number(entity, name, value)
    if number <= 0.0:
        unit = {"kwh": " kWh", "kw": " kW"}.get(name.rsplit("_", 1)[-1], "") if "_per_" not in name else ""
        raise NonPositiveError(f"{entity} {name}={number}", f"must be above 0{unit}", f"pass a positive {name}")
    return number


def number_not_negative(entity: str, name: str, value: object) -> float:
    """Return a value as a float of at least 0, or raise ConfigurationError."""
    number = finite_number(entity, name, value)
    if number < 0.0:
        raise ConfigurationError(f"{entity} {name}={number}", "must not be negative", f"pass a {name} of at least 0")
    return number


def column_name(entity: str, name: str, value: object) -> str:
    """Return the name of a column, or raise ConfigurationError."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{entity} {name}={value!r}", "must name a column of the data", "pass its name")
    return value
