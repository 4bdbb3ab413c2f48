"""The step of a single environment on floats: what its laws do, written out as one function.

One rule: no law is stated here. A composition with a part that is not this package's own is played by calling its
laws, so that they can be followed with a debugger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from energy_gym.backends import scalars
from energy_gym.dynamics import Advance, Flow, compose, gain
from energy_gym.envs.setup import Setup
from energy_gym.machine.straight import straight
from energy_gym.objective import Weights
from energy_gym.tracing import Trace, Untraceable
from energy_gym.units import Unit

# A `dynamics.Flow` with the reward behind it.
Paid = tuple[tuple[Any, ...], Any, Any, Any, Any, Any, Any, Any, Any, Any]
Earning = Callable[[Any, Any, Any], Paid]
OWN = __name__.partition(".")[0]


def advance_of(setup: Setup) -> Earning:
    """Return the step of what is played, on floats, with its reward behind the figures of a `dynamics.Flow`."""
    parts = (*setup.scenario.entities.values(), *setup.scenario.contracts.values())
    if all(type(part).__module__.partition(".")[0] == OWN for part in parts):
        try:
            return _written_out(setup.units, setup.weights)
        except Untraceable:
            pass
    return rewarded(compose(setup.units, scalars), setup.weights)


def rewarded(advance: Advance, weights: Weights) -> Earning:
    """Return a step with its reward behind its figures."""

    def play(states: Any, wishes: Any, signals: Any) -> Paid:
        flow = advance(states, wishes, signals)
        return (*flow, gain(flow, weights))

    return play


def _written_out(units: Sequence[Unit], weights: Weights) -> Earning:
    trace = Trace(num_envs=1)
    *told, flow = traced(trace, units, lambda _: trace.given(f"g{len(trace.inputs)}"))
    return straight(trace, told, (*flow, gain(flow, weights)))


def traced(trace: Trace, units: Sequence[Unit], leaf: Callable[[Any], Any]) -> tuple[Any, Any, Any, Flow]:
    """Return states, wishes and signals of a step as symbols, and what it comes to; ``leaf`` stands for a series.

    Raises:
        Untraceable: A law asks what a symbol cannot tell, or a series has more than one value per step.
    """
    states = trace.given_each("s", sum(len(unit.initial) for unit in units))
    wishes = trace.given_each("w", sum(unit.controls for unit in units))
    told = tuple(leaves(unit.series(), leaf) for unit in units)
    signals = told[0] if len(told) == 1 else told
    return states, wishes, signals, compose(units, trace)(states, wishes, signals)


def leaves(part: Any, leaf: Callable[[Any], Any]) -> Any:
    """Return series and groups of them, each series replaced.

    Raises:
        Untraceable: A series has more than one value per step.
    """
    if isinstance(part, tuple):
        return tuple(leaves(item, leaf) for item in part)
    if getattr(part, "ndim", 1) != 1:
        raise Untraceable(f"a series of shape {part.shape}")
    return leaf(part)
