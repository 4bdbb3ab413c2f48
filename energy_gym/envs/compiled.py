"""The step of a batch, compiled: the laws are traced, and what they do becomes one loop over the environments.

One rule: no law is stated here. The loop holds the operations that the composed step makes of symbols, in their order,
so that it comes to the same bits as the arrays do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Flags, Floats
from energy_gym.closing import settlement
from energy_gym.dynamics import CARBON, COST, PENALTY, STATES, gain
from energy_gym.envs.figures import stored_in, usual_figures, usual_names
from energy_gym.envs.setup import Setup
from energy_gym.envs.straight import traced
from energy_gym.errors import ConfigurationError, MissingExtraError
from energy_gym.machine import Compiled, Cut, Laid, Rows, cut, installed
from energy_gym.tape import State
from energy_gym.tracing import Trace, Untraceable
from energy_gym.units import GIVEN, Unit

ENGINES = ("auto", "numpy", "compiled")
# Batches of this size and above are compiled by themselves: below it, compiling takes longer than it saves in an hour.
LARGE = 1024
REWARD = "reward"


def compiles(setup: Setup) -> bool:
    """Return whether a batch of what is played can be compiled here: a compiler is installed, and all can be traced."""
    try:
        _Program(setup, setup.units, setup.tape.states, 1).step()
    except Untraceable:
        return False
    return installed()


def engine_of(
    engine: str,
    setup: Setup,
    units: Sequence[Unit],
    spans: Sequence[State],
    num_envs: int,
    laid: Sequence[Laid] = (),
) -> Loop | None:
    """Return the compiled step of a batch, or None where arrays are to be used.

    Args:
        engine: ``"compiled"``, ``"numpy"``, or ``"auto"``: compiled for large batches, where it can be.
        setup: What the batch plays.
        units: Its units, with a battery for each environment if they differ.
        spans: How its states are observed.
        num_envs: Number of environments.
        laid: What is laid over the rows that are observed, as it lies now.

    Raises:
        ConfigurationError: Another engine; or ``"compiled"``, and what is played cannot be.
        MissingExtraError: ``"compiled"``, and no compiler is installed.
    """
    if engine not in ENGINES:
        raise ConfigurationError(f"engine={engine!r}", f"must be one of {', '.join(ENGINES)}", 'leave it at "auto"')
    if engine == "numpy" or (engine == "auto" and (num_envs < LARGE or not installed())):
        return None
    if not installed():
        raise MissingExtraError.of("llvmlite", "fast")
    try:
        return Loop(setup, units, spans, num_envs, laid)
    except Untraceable as reason:
        if engine == "auto":
            return None
        raise ConfigurationError('engine="compiled"', f"cannot be used here: {reason}", 'use "numpy"') from reason


class Played(NamedTuple):
    """What a step of all environments came to.

    Attributes:
        states: States at its end, each of shape (num_envs,).
        figures: Figures of ``info`` by name, each of shape (num_envs,).
        gains: Rewards, shape (num_envs,).
        observations: What is observed at its end, shape (num_envs, slots).
        closed: What closing an episode costs and its penalty, each of shape (num_envs,); None where none ends.
    """

    states: tuple[Floats, ...]
    figures: dict[str, Floats]
    gains: Floats
    observations: npt.NDArray[np.float32]
    closed: tuple[Floats, Floats] | None


class Loop:
    """The compiled step of a batch: what its laws do, in one pass over the environments."""

    def __init__(
        self, setup: Setup, units: Sequence[Unit], spans: Sequence[State], num_envs: int, laid: Sequence[Laid] = ()
    ) -> None:
        self.names = (*usual_names(setup.curtails), REWARD)
        self._slots = len(spans)
        pieces = cut(setup.tape.rows[:, len(spans) :])
        self._usual, self._last, self._look = (
            _Program(setup, units, spans, num_envs).compiled(part, tuple(laid), pieces)
            for part in ("step", "last", "seen")
        )

    def play(
        self,
        states: Sequence[Floats],
        asked: Sequence[Floats],
        t: npt.NDArray[np.int64],
        done: Flags | None,
        laid: Sequence[Laid] = (),
    ) -> Played:
        """Return what was asked came to at steps ``t``; the episodes that are ``done`` with it are closed (None: none).

        Args:
            states: States before it, each of shape (num_envs,).
            asked: Wishes, then what is given to the step besides.
            t: The step of each environment.
            done: Which episodes end.
            laid: What is laid over the rows that are observed.
        """
        if done is None:
            out, seen = self._usual(t, (*states, *asked), laid)
        else:
            out, seen = self._last(t, (*states, *asked, done.astype(np.float64)), laid)
        count, named = len(states), len(states) + self._slots + len(self.names)
        figures = dict(zip(self.names, out[count + self._slots : named], strict=True))
        closed = None if done is None else (out[named], out[named + 1])
        return Played(tuple(out[:count]), figures, figures.pop(REWARD), seen, closed)

    def observe(
        self, states: Sequence[Floats], t: npt.NDArray[np.int64], laid: Sequence[Laid] = ()
    ) -> npt.NDArray[np.float32]:
        """Return what is observed of some states at steps ``t``."""
        return self._look(t, states, laid)[1]


class _Program:
    """The lines that the laws leave behind, of one part of what a batch does."""

    def __init__(self, setup: Setup, units: Sequence[Unit], spans: Sequence[State], num_envs: int) -> None:
        self._setup, self._units, self._spans = setup, units, spans
        self.trace = Trace(num_envs)

    def compiled(self, part: str, laid: tuple[Laid, ...], pieces: Cut) -> Compiled:
        """Return one of the three parts that follow as a function of arrays, which shows the tape's rows, cut."""
        outputs = getattr(self, part)()
        ahead, states = (0, 0) if part == "seen" else (1, sum(len(unit.initial) for unit in self._units))
        rows = Rows(self._setup.tape.rows, ahead, tuple(range(states, states + len(self._spans))), laid)
        return Compiled(self.trace, outputs, rows, pieces, own=states)

    def step(self) -> list[Any]:
        """Return states, what is seen of them, and figures, of a step with which no episode ends."""
        return self._outcome(self._flow())

    def last(self) -> list[Any]:
        """Return the same of a step with which some episodes end, then what closing one costs and its penalty."""
        trace, flow = self.trace, self._flow()
        owed = settlement(self._units, self._setup.closings, flow[STATES], trace)
        (done,) = self.trace.given_each("done", 1)
        for part, more in zip((COST, CARBON, PENALTY), owed, strict=True):
            flow[part] = trace.chosen(done, flow[part] + more, flow[part])
        return [*self._outcome(flow), owed[0], owed[2]]

    def seen(self) -> list[Any]:
        """Return what is seen of states that are given."""
        return self._shares(self.trace.given_each("s", sum(len(unit.initial) for unit in self._units)))

    def _flow(self) -> list[Any]:
        return list(traced(self.trace, self._units, self._leaf)[-1])

    def _leaf(self, series: Any) -> Any:
        given = series is GIVEN
        return self.trace.given(f"g{len(self.trace.inputs)}") if given else self.trace.of_step(series)

    def _outcome(self, flow: Sequence[Any]) -> list[Any]:
        setup, states = self._setup, flow[STATES]
        figures = usual_figures(flow, stored_in(states, setup.stored), setup.feed.step_hours, setup.curtails)
        return [*states, *self._shares(states), *figures.values(), gain(flow, setup.weights)]

    def _shares(self, states: Sequence[Any]) -> list[Any]:
        lesser, floor = self.trace.lesser, self.trace.positive
        return [lesser(floor((states[span.place] - span.offset) / span.scale), span.top) for span in self._spans]
