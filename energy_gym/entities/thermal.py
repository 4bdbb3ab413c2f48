"""Units that burn fuel: a thermal unit that starts and stops, and a nuclear plant that follows by its ramp.

With p for the mean power of a step, m and P for minimum and rated power, and R for what the ramp allows in a step,

    p(t) = 0 (off)  or  m <= p(t) <= P,     -R <= p(t) - p(t-1) <= R,     starts(t) = on(t) and not on(t-1),

where the ramp holds through start and stop too: a unit starts at R at most, and stops from R at most. A plant that
never stops has no first case, and is linear.

One rule: what runs, burns. Power that the connection does not take is lost (a dump load, steam past the turbine), and
changes neither the unit's state nor its fuel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from energy_gym.backends import Namespace
from energy_gym.entities.base import Entity, Flexible, Laws, Memory, Values, no_cost, number_not_negative, register
from energy_gym.entities.base import positive_number as positive
from energy_gym.errors import ConfigurationError
from energy_gym.modelling import Model

GRAM_PER_KG = 1000.0
# Shares of rated power by which a unit may be above its ramp and still stop: as a plan counts it, and as the step does,
# so that what a solver rounds away keeps no unit running.
PLANNED, PLAYED = 0.5e-5, 1e-5


class Turbine(NamedTuple):
    """Figures of a unit for one step length, as the laws take them.

    ``half_kw`` is the power below which a wish means off; 0 or less for a unit that cannot stop.
    """

    min_kw: Any
    rated_kw: Any
    ramp_kw: Any
    half_kw: Any
    hours: Any
    fuel_per_kwh: Any
    carbon_kg_per_kwh: Any
    start_cost: Any


@dataclass(frozen=True, slots=True)
class Plant(Entity):
    """A unit that burns fuel; see `ThermalUnit` and `Nuclear`."""

    rated_kw: float = 100.0
    min_kw: float = 40.0
    ramp_kw_per_hour: float | None = None
    fuel_per_kwh: float = 0.1
    carbon_g_per_kwh: float = 0.0
    initial_kw: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "rated_kw", positive(self.kind, "rated_kw", self.rated_kw))
        if self.ramp_kw_per_hour is not None:
            object.__setattr__(self, "ramp_kw_per_hour", positive(self.kind, "ramp_kw_per_hour", self.ramp_kw_per_hour))
        for name in ("min_kw", "fuel_per_kwh", "carbon_g_per_kwh", "initial_kw"):
            object.__setattr__(self, name, number_not_negative(self.kind, name, getattr(self, name)))
        if self.min_kw > self.rated_kw:
            found = f"{self.kind} min_kw={self.min_kw}, rated_kw={self.rated_kw}"
            raise ConfigurationError(found, "the minimum is at most the rated power", "lower min_kw")
        low = self.min_kw
        if not (low <= self.initial_kw <= self.rated_kw or self._may_be_off(self.initial_kw)):
            found, rule = f"{self.kind} initial_kw={self.initial_kw}", f"must lie in [{low}, {self.rated_kw}] kW"
            raise ConfigurationError(found, rule, "pass the power it runs at when an episode starts")

    def _may_be_off(self, power: float) -> bool:
        return False

    def turbine(self, hours: float, half_kw: float, start_cost: float = 0.0) -> Turbine:
        """Return its figures for steps of ``hours`` hours."""
        ramp = self.rated_kw if self.ramp_kw_per_hour is None else self.ramp_kw_per_hour * hours
        carbon = self.carbon_g_per_kwh / GRAM_PER_KG
        return Turbine(self.min_kw, self.rated_kw, ramp, half_kw, hours, self.fuel_per_kwh, carbon, start_cost)

    def _flexible(self, name: str, laws: Laws, cell: Turbine, memory: tuple[Memory, ...] = ()) -> Flexible:
        most, span = self.rated_kw * cell.hours, (0.0, self.rated_kw)
        return Flexible(
            name, laws, cell, self.initial_kw, span, 0.0, most, worth=0.0, costs=False, unit="kW", memory=memory,
            spills=True, state_name="output_kw",
        )  # fmt: skip


@register
@dataclass(frozen=True, slots=True)
class ThermalUnit(Plant):
    """A unit that starts, runs between minimum and rated power, and stops: an engine, a gas turbine.

    Its control asks for the mean power of the step: -1 is rated power, -x the share x of it, 0 and above is off. A wish
    below half the minimum means off, one between that and the minimum means the minimum. Output and on/off are
    observed. Fuel and starts count as energy cost, its carbon as that of energy. What the connection does not take is
    lost.

    Args:
        rated_kw: Most power [kW].
        min_kw: Least power at which it runs [kW]; 0 for a unit that goes down to nothing.
        ramp_kw_per_hour: Most change of power in an hour, through start and stop too [kW/h]; None for no limit.
        fuel_per_kwh: Fuel for a kWh of electricity [currency/kWh].
        carbon_g_per_kwh: Carbon caused by a kWh of electricity [gCO2/kWh].
        initial_kw: Power it runs at when an episode starts [kW]; 0: off.
        start_cost: What a start costs, in fuel and wear [currency].

    Raises:
        NonPositiveError: Rated power or ramp is not positive.
        ConfigurationError: Another field is negative or no number, the minimum is above the rated power, the start is
            neither 0 nor within the limits, or a start costs and there is no minimum to tell it from standing still.
            When an environment is made: the ramp does not reach the minimum power within a step.

    Source:
        Carrion and Arroyo, IEEE Transactions on Power Systems 21(3), 2006, equations 2 to 4 and 14 to 20 (limits of
        power, ramps, start cost) with one ramp for running, starting and stopping. EnCortex, section 3.1.1, names
        thermal units as sources.

    Example:
        >>> from energy_gym.backends import scalars
        >>> engine = ThermalUnit(rated_kw=100.0, min_kw=40.0, ramp_kw_per_hour=50.0)
        >>> cell = engine.flexible("engine", 1.0, {}).cell
        >>> [settle((0.0, 0.0), wish, cell, scalars)[1] for wish in (-1.0, -0.3, -0.1)]
        [50.0, 40.0, 0.0]
    """

    kind: ClassVar[str] = "thermal_unit"
    carbon_g_per_kwh: float = 450.0
    start_cost: float = 5.0

    def __post_init__(self) -> None:
        Plant.__post_init__(self)
        object.__setattr__(self, "start_cost", number_not_negative(self.kind, "start_cost", self.start_cost))
        if self.start_cost and not self.min_kw:
            found, rule = f"{self.kind} min_kw=0.0, start_cost={self.start_cost}", "a start needs a minimum power"
            raise ConfigurationError(found, rule, "pass a min_kw above 0, or start_cost=0.0")

    def _may_be_off(self, power: float) -> bool:
        return power == 0.0

    def flexible(self, name: str, hours: float, values: Values) -> Flexible:
        """See `Entity.flexible`."""
        cell = self.turbine(hours, self.min_kw / 2.0, self.start_cost)
        if cell.ramp_kw < self.min_kw:
            found = f"entities.{name}: ramp_kw_per_hour={self.ramp_kw_per_hour}"
            raise ConfigurationError(
                f"{found}, {cell.ramp_kw:g} kW in a step of {hours:g} h",
                f"must reach the minimum power of {self.min_kw:g} kW within a step, or it could neither start nor stop",
                f"pass at least {self.min_kw / hours:g}, lower min_kw, or take longer steps",
            )
        if not self.min_kw:
            return self._flexible(name, Laws(settle_running, next_output, no_cost, constrain_running, burn=burn), cell)
        on = Memory("on", float(self.initial_kw > 0.0), (0.0, 1.0))
        return self._flexible(name, Laws(settle, next_state, no_cost, constrain, burn=burn_and_start), cell, (on,))


@register
@dataclass(frozen=True, slots=True)
class Nuclear(Plant):
    """A plant that never stops within an episode, and follows its control as fast as its ramp allows.

    -1 asks for rated power, -x for the share x of it, 0 and above for the minimum. Its output is observed.

    Args:
        rated_kw: Most power [kW].
        min_kw: Least power [kW].
        ramp_kw_per_hour: Most change of power in an hour [kW/h]; None for no limit.
        fuel_per_kwh: Fuel for a kWh of electricity [currency/kWh].
        carbon_g_per_kwh: Carbon caused by a kWh of electricity [gCO2/kWh].
        initial_kw: Power it runs at when an episode starts [kW].

    Raises:
        NonPositiveError: Rated power or ramp is not positive.
        ConfigurationError: Another field is negative or no number, or minimum or start lie outside the limits.

    Source:
        EnCortex, section 3.1.1, names nuclear plants as sources. Load following between half and full power: NEA,
        Technical and Economic Aspects of Load Following with Nuclear Power Plants, 2011.

    Example:
        >>> from energy_gym.backends import scalars
        >>> cell = Nuclear().flexible("reactor", 1.0, {}).cell
        >>> settle_running(1_000_000.0, 0.0, cell, scalars)[1]
        700000.0
    """

    kind: ClassVar[str] = "nuclear"
    rated_kw: float = 1_000_000.0
    min_kw: float = 500_000.0
    ramp_kw_per_hour: float | None = 300_000.0
    fuel_per_kwh: float = 0.007
    initial_kw: float = 1_000_000.0

    def flexible(self, name: str, hours: float, values: Values) -> Flexible:
        """See `Entity.flexible`."""
        laws = Laws(settle_running, next_output, no_cost, constrain_running, burn=burn)
        return self._flexible(name, laws, self.turbine(hours, 0.0))


def settle(state: Any, wish: Any, cell: Turbine, xp: Namespace, signal: Any = None) -> tuple[Any, Any, Any]:
    """Return energy drawn (none), made, and refused because the ramp does not allow it [kWh].

    Args:
        state: Power of the step before [kW], and 1.0 if it was on.
        wish: In [-1, 1].
        cell: Figures for the step.
        xp: The namespace of the numbers.
        signal: Not used.

    Source:
        The equation stands at the top of this file; a wish means the nearest power at which the unit can run.
    """
    return settle_running(state[0], wish, cell, xp)


def settle_running(power: Any, wish: Any, cell: Turbine, xp: Namespace, signal: Any = None) -> tuple[Any, Any, Any]:
    """Return the same as `settle` of a unit that has no other state than its power of the step before [kW].

    Source:
        As `settle`.
    """
    asked = _running(xp.positive(0.0 - wish) * cell.rated_kw, 0.0, cell, xp)
    low = xp.positive(power - cell.ramp_kw)
    within = low + xp.positive(xp.lesser(asked, power + cell.ramp_kw) - low)
    made = _running(within, low, cell, xp)
    return 0.0, made * cell.hours, (xp.positive(asked - made) + xp.positive(made - asked)) * cell.hours


def _running(power: Any, low: Any, cell: Turbine, xp: Namespace) -> Any:
    """Return the nearest power at which a unit can run, or 0 where it may stop [kW]."""
    off = power * 0.0 + (power < cell.half_kw) * (low <= PLAYED * cell.rated_kw)  # of the type of the powers
    return (1.0 - off) * (cell.min_kw + xp.positive(power - cell.min_kw))


def next_state(state: Any, drawn: Any, given: Any, cell: Turbine, signal: Any = None) -> tuple[Any, Any]:
    """Return the power of the step [kW], and 1.0 if the unit was on.

    Source:
        By definition.
    """
    power = given / cell.hours
    return power, power * 0.0 + (power > cell.half_kw)


def next_output(state: Any, drawn: Any, given: Any, cell: Turbine, signal: Any = None) -> Any:
    """Return the power of the step [kW].

    Source:
        By definition.
    """
    return given / cell.hours


def burn_and_start(before: Any, after: Any, cell: Turbine, xp: Namespace) -> tuple[Any, Any]:
    """Return what fuel and a start cost [currency], and the carbon caused [kg].

    Source:
        Carrion and Arroyo 2006, equations 1 and 14, with a straight line for the fuel.

    Example:
        >>> from energy_gym.backends import scalars
        >>> cell = ThermalUnit(start_cost=5.0).flexible("engine", 1.0, {}).cell
        >>> burn_and_start((0.0, 0.0), (40.0, 1.0), cell, scalars)
        (9.0, 18.0)
    """
    cost, carbon = burn(before[0], after[0], cell, xp)
    return cost + cell.start_cost * xp.positive(after[1] - before[1]), carbon


def burn(before: Any, after: Any, cell: Turbine, xp: Namespace) -> tuple[Any, Any]:
    """Return what fuel costs [currency], and the carbon caused [kg]; states are powers [kW].

    Source:
        By definition of fuel and carbon for a kWh.
    """
    made = after * cell.hours
    return cell.fuel_per_kwh * made, cell.carbon_kg_per_kwh * made


def constrain(model: Model, cell: Turbine, start: tuple[float, float], signal: Any = None) -> tuple[Any, Any, Any]:
    """State a unit that starts and stops, with a binary in each step."""
    on, power = model.variable(0.0, 1.0, whole=True), model.variable(0.0, cell.rated_kw)
    before = model.previous(power, start[0])
    model.at_most(power, on * cell.rated_kw)
    model.at_most(on * cell.min_kw, power)
    if cell.ramp_kw < cell.rated_kw:
        model.at_most(power - before, cell.ramp_kw)
        model.at_most(before - power, cell.ramp_kw + PLANNED * cell.rated_kw * (1.0 - on))
    return 0.0, power * cell.hours, (power, on)


def constrain_running(model: Model, cell: Turbine, start: float, signal: Any = None) -> tuple[Any, Any, Any]:
    """State a unit that never stops; it is linear."""
    power = model.variable(cell.min_kw, cell.rated_kw)
    before = model.previous(power, start)
    if cell.ramp_kw < cell.rated_kw - cell.min_kw:
        model.at_most(power - before, cell.ramp_kw)
        model.at_most(before - power, cell.ramp_kw)
    return 0.0, power * cell.hours, power
