"""The batch: any number of environments as arrays of shape (num_envs,), sharing series and look-ahead rows.

One rule: environment i with its own seed, window and battery does bit for bit what a single environment does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from gymnasium.vector.utils import batch_space

from energy_gym.arrays import Flags, Floats
from energy_gym.backends import arrays
from energy_gym.closing import settlement
from energy_gym.dynamics import CARBON, COST, CUT, GRID, PENALTY, REFUSED, STATES, compose, gain
from energy_gym.envs.assembly import states_of
from energy_gym.envs.batch_actions import BatchActions
from energy_gym.envs.batch_ends import restarted_info
from energy_gym.envs.batch_face import BatchFace
from energy_gym.envs.batched import (
    check_room,
    chosen,
    each_battery,
    each_seed,
    gather_all,
    places,
    started,
    with_batteries,
)
from energy_gym.envs.begun import Beginnings
from energy_gym.envs.compat import autoreset_mode
from energy_gym.envs.compiled import Loop, engine_of
from energy_gym.envs.figures import kept
from energy_gym.envs.keywords import call_checked
from energy_gym.envs.setup import Setup, check_count, make_setup
from energy_gym.envs.spaces import action_space, observation_space
from energy_gym.envs.starts import Starts
from energy_gym.envs.windows import SOC_INITIAL
from energy_gym.errors import ConfigurationError, ResetNeededError

if TYPE_CHECKING:
    from energy_gym.entities import Battery
    from energy_gym.units import Unit

Step = tuple[npt.NDArray[np.float32], Floats, Flags, Flags, dict[str, Any]]


class EnergyVectorEnv(BatchFace):
    """Many episodes of a scenario at once; keywords as for `EnergyEnv`, and two more.

    Args:
        num_envs: Number of environments.
        battery: One battery for all, or a sequence of ``num_envs``. All environments share one scaling of what they
            see: with ``data=`` and without ``reference=``, powers are scaled by what the first one's site can draw.
        engine: ``"numpy"``, ``"compiled"`` (extra ``fast``), or ``"auto"``: compiled for batches of 1024 and more where
            a compiler is installed and all can be traced. The figures are the same to the last bit.
        autoreset: ``"next_step"``, ``"same_step"`` or ``"disabled"``; None takes the installed Gymnasium's own.
        max_episode_steps: Given by Gymnasium's maker; an episode's length is ``episode_steps``.
        keywords: See `energy_gym.envs.setup.make_setup`.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  # Gymnasium declares it per instance

    def __init__(
        self,
        num_envs: int = 1,
        *,
        battery: Battery | Sequence[Battery] | None = None,
        autoreset: str | None = None,
        engine: str = "auto",
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
        **keywords: Any,
    ) -> None:
        if render_mode is not None:
            raise ConfigurationError(f"render_mode={render_mode!r}", "a batch has no pictures", "render a single one")
        self.num_envs = check_room(check_count("num_envs", num_envs))
        batteries = each_battery(battery, self.num_envs)
        given = {**keywords, "battery": batteries[0]} if batteries else keywords
        self.setup = self._make_setup(**self.complete(given))
        self._mode, announced = autoreset_mode(autoreset)
        self.metadata = {**type(self).metadata, **announced}
        self.single_observation_space = observation_space(self.setup)
        self.single_action_space = action_space(self.setup)
        check_room(self.num_envs, len(self.setup.layout))
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._engine_asked = engine
        self._prepare(with_batteries(self.setup, batteries))

    @classmethod
    def complete(cls, keywords: dict[str, Any]) -> dict[str, Any]:
        """See `EnergyEnv.complete`."""
        return keywords

    def _make_setup(self, **keywords: Any) -> Setup:
        return call_checked(make_setup, keywords)

    def _prepare(self, units: tuple[Unit, ...]) -> None:
        """Lay out as arrays what every step reads; one value past the end serves those that wait for a reset."""
        setup, self._units = self.setup, units
        self._compose()
        self._weights = setup.weights
        self._rows = setup.tape.rows
        self._hours = setup.feed.step_hours
        own = units is not setup.units
        self._spans = tuple(states_of(setup.sites, units, setup.feed.statistics)) if own else setup.tape.states
        self._stored = setup.stored
        self._told = setup.told
        flexibles = tuple(item for unit in units for item in unit.flexibles) if own else setup.flexibles
        self._actions = BatchActions(setup, flexibles, self.num_envs)
        self._beginnings: Beginnings | None = None
        self._initial = started(units, self.num_envs)
        self._states = tuple(state.copy() for state in self._initial)
        self._starts = Starts(setup, self.num_envs)
        self._all = np.ones(self.num_envs, dtype=bool)
        self._all.flags.writeable = False
        self._t = np.zeros(self.num_envs, dtype=np.int64)
        self._stop = np.zeros(self.num_envs, dtype=np.int64)
        self._done = np.ones(self.num_envs, dtype=bool)
        self._countdown = 0
        self._ready = False
        self._gates = None if setup.kind.batch_gates is None else setup.kind.batch_gates(setup, self.num_envs)
        self._compile()

    def _compose(self) -> None:
        self._play = compose(self._units, arrays)
        self._gather = gather_all(self._units)

    def _compile(self) -> None:
        plays = self.setup, self._units, self._spans, self.num_envs
        self._loop = engine_of(self._engine_asked, *plays, self._laid())
        if self._gates is not None:
            self._gates.compile(self._loop is not None)
        self._masks = {f"_{name}": self._all for name in self.info_units}
        self._shown: npt.NDArray[np.float32] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_play", "_gather", "_loop")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._compose()
        self._compile()

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
        """Start all episodes, or those of ``options["reset_mask"]``.

        Args:
            seed: One seed s gives environment i the seed s + i; a sequence gives each its own.
            options: ``"start"``, ``"steps"`` and ``"soc_initial"`` as for a single environment, each one value or
                ``num_envs`` of them;
                ``"reset_mask"``: booleans of shape (num_envs,).
        """
        asked = dict(options or {})
        which = chosen(asked.pop("reset_mask", None), self.num_envs)
        seeds, begins = each_seed(seed, self.num_envs), asked.pop(SOC_INITIAL, None)
        self._starts.seed({index: seeds[index] for index in which.tolist()})
        window = self._starts.windows(which, asked) if asked else self._starts.draw(which)
        self._begin(which, begins)
        self._place(which, *window)
        self._ready = True
        begun = np.zeros(self.num_envs, dtype=bool)
        begun[which] = True
        info = {name: kept(value, begun) for name, value in self._blank().items()}
        info.update({f"_{name}": begun for name in tuple(info)})
        return self._seen(info), info

    def _begin(self, which: npt.NDArray[np.int64], asked: Any = None) -> None:
        """Let storage of the environments named begin with the states of charge asked for, or as it was made (None)."""
        if asked is not None:
            found = self._beginnings or Beginnings(self.setup, self._units, self.num_envs)
            found.place(which, asked)
            if found is not self._beginnings:
                self._beginnings, self._units = found, found.units
                self._initial = started(self._units, self.num_envs)
                self._compile()
        elif self._beginnings is not None:
            self._beginnings.restore(which)

    def _place(self, which: npt.NDArray[np.int64], first: npt.NDArray[np.int64], stop: npt.NDArray[np.int64]) -> None:
        at = places(which, self.num_envs)
        self._t[at] = first
        self._stop[at] = stop
        if self._told:
            # What `info` handed out shares its memory with the states, which a reset writes into.
            self._states = tuple(state.copy() for state in self._states)
        if self._gates is not None:
            self._gates.place(which)
        for state, initial in zip(self._states, self._initial, strict=True):
            state[at] = initial[at]
        for place in self.setup.countdowns:
            self._states[place][at] = stop - first
        self._done[at] = False
        self._countdown = int((self._stop - self._t)[~self._done].min(initial=np.iinfo(np.int64).max))

    def step(self, actions: Any) -> Step:
        """Play one step of every environment; see `EnergyEnv.step` for the figures, here arrays of shape (num_envs,).

        Raises:
            ActionError: Some action is not a finite number, or not one of the discrete actions.
            ResetNeededError: Before the first reset, or for a finished episode where autoreset is disabled.
        """
        if not self._ready:
            raise ResetNeededError("step()", "no episode is running", "call reset() first")
        waiting = self._done if np.count_nonzero(self._done) else None
        if waiting is not None and self._mode != "next_step":
            raise ResetNeededError("step()", "some episodes are over", 'call reset(options={"reset_mask": ...}) first')
        gains, done, info = self._advance(actions, waiting)
        if self._mode == "same_step" and np.count_nonzero(done):
            info = self._restart(done, info)
        else:
            self._done = done
        return self._seen(info), gains, np.zeros(self.num_envs, dtype=bool), done.copy(), info

    def _seen(self, info: dict[str, Any]) -> npt.NDArray[np.float32]:
        """Return what is observed now, what is committed included, and say what counts of the coming actions."""
        observations = self._observe()
        if self._gates is not None:
            due = self._gates.announce(self._t)
            info.update(due)
            info.update(dict.fromkeys([f"_{name}" for name in due], self._all))
        return observations

    def _advance(self, actions: Any, waiting: Flags | None) -> tuple[Floats, Flags, dict[str, Any]]:
        committed: tuple[Floats, ...] = ()
        if self._gates is None:
            wishes, excess = self._actions.read(actions, self._t)
        else:
            wishes, excess, committed = self._gates.take(self._t, actions, waiting)
        if self._loop is not None and waiting is None and excess is None:
            return self._fast(self._loop, (*wishes, *committed))
        signals = self._gather(self._t) if self._gates is None else self._gates.signals(self._t, committed)
        flow = list(self._play(self._states, wishes, signals))
        # A law may answer one number for all, which a reset of some cannot be written into.
        flow[STATES] = self._states = tuple([self._spread(state) for state in flow[STATES]])
        self._t = self._t + 1
        self._countdown -= 1
        done, closed = self._finish(flow, waiting)
        if excess is not None:
            flow[REFUSED] = flow[REFUSED] + excess
        if waiting is not None:
            done &= ~waiting
            self._revive(waiting, flow)
        return self._spread(gain(flow, self._weights)), done, self._info(flow, waiting, done, closed)

    def _fast(self, loop: Loop, asked: tuple[Floats, ...]) -> tuple[Floats, Flags, dict[str, Any]]:
        """Play a step in which no environment waits for a reset, and see its end."""
        self._countdown -= 1
        due = self._countdown <= 0
        done = self._over(self._t + 1) if due else np.zeros(self.num_envs, dtype=bool)
        played = loop.play(self._states, asked, self._t, done if due and done.any() else None, self._laid())
        self._t += 1
        self._states, figures, self._shown = played.states, played.figures, played.observations
        figures.update((name, self._states[place]) for name, place in self._told)
        if self._gates is not None:
            self._gates.tell(figures, done, played.closed, None)
            figures = {name: self._spread(value) for name, value in figures.items()}
        return played.gains, done, {**figures, **self._masks}

    def _over(self, now: npt.NDArray[np.int64]) -> Flags:
        """Return which episodes are over at steps ``now``, and count down to the next that will be."""
        left = (self._stop - now)[now < self._stop]
        self._countdown = int(left.min(initial=np.iinfo(np.int64).max))
        return now == self._stop

    def _finish(self, flow: list[Any], waiting: Flags | None) -> tuple[Flags, tuple[Any, Any] | None]:
        """Settle the episodes that end with this step; say which they are, and the cost and penalty of closing."""
        if self._countdown > 0 and waiting is None:
            return np.zeros(self.num_envs, dtype=bool), None
        done = self._over(self._t)
        owed = settlement(self._units, self.setup.closings, self._states, arrays)
        for part, more in zip((COST, CARBON, PENALTY), owed, strict=True):
            flow[part] = np.where(done, flow[part] + more, flow[part])
        return done, (owed[0], owed[2])

    def _revive(self, waiting: Flags, flow: list[Any]) -> None:
        """Start anew the episodes that ended a step ago; their action was not played and earns nothing."""
        for part in range(GRID, CUT + 1):
            flow[part] = np.where(waiting, 0.0, flow[part])
        self._done = np.zeros(self.num_envs, dtype=bool)
        which = np.flatnonzero(waiting)
        self._begin(which)
        self._place(which, *self._starts.draw(which))

    def _restart(self, done: Flags, info: dict[str, Any]) -> dict[str, Any]:
        """Keep the last observations and figures of finished episodes in ``info`` and start new ones at once."""
        last = self._observe()
        figures = {name: value for name, value in info.items() if not name.startswith("_")}
        announced = {} if self._gates is None else self._gates.announce(self._t)
        which = np.flatnonzero(done)
        self._begin(which)
        self._place(which, *self._starts.draw(which))
        return restarted_info(done, self._blank(), figures, announced, last, self._all)

    def _observe(self) -> npt.NDArray[np.float32]:
        shown, self._shown = self._shown, None
        if shown is None:
            shown = self._looked() if self._loop is None else self._loop.observe(self._states, self._t, self._laid())
        return shown
