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
from energy_gym.dynamics import CARBON, COST, CUT, GRID, PENALTY, REFUSED, STATES, compose, gain, settlement
from energy_gym.envs.assembly import states_of
from energy_gym.envs.batched import (
    as_array,
    check_room,
    each_battery,
    each_seed,
    each_value,
    gather_all,
    real_numbers,
    with_batteries,
)
from energy_gym.envs.begun import Beginnings
from energy_gym.envs.compat import FINAL_INFO, FINAL_OBSERVATION, MODERN, VectorEnv, autoreset_mode
from energy_gym.envs.compiled import Loop, engine_of
from energy_gym.envs.figures import kept, stored_in, usual_figures
from energy_gym.envs.keywords import call_checked
from energy_gym.envs.setup import SOC_INITIAL, Setup, check_count, make_setup
from energy_gym.envs.spaces import action_space, observation_space
from energy_gym.envs.starts import Starts
from energy_gym.errors import ActionError, ConfigurationError, ResetNeededError, WindowError

if TYPE_CHECKING:
    from energy_gym.entities import Battery
    from energy_gym.scenario import Scenario
    from energy_gym.tape import ActionSlot, Slot
    from energy_gym.units import Unit

Step = tuple[npt.NDArray[np.float32], Floats, Flags, Flags, dict[str, Any]]


class EnergyVectorEnv(VectorEnv):  # type: ignore[misc]  # the base class depends on the installed Gymnasium
    """Many episodes of a scenario at once; keywords as for `EnergyEnv`, and two more.

    Args:
        num_envs: Number of environments.
        battery: One battery for all, or a sequence of ``num_envs``. All environments share one scaling of what they
            see: with ``data=`` and without ``reference=``, powers are scaled by what the first one's site can draw.
        engine: ``"numpy"``, ``"compiled"`` (extra ``fast``), or ``"auto"``: compiled for batches of 1024 and more where
            a compiler is installed, and no bids are asked for. The figures are the same to the last bit.
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
        setup = self.setup
        self._units = units
        self._compose()
        self._weights = setup.weights
        self._rows = setup.tape.rows
        self._levels = None if setup.levels is None else np.array(setup.levels)
        self._levels = self._levels if setup.choices is None else setup.choices
        self._hours = setup.feed.step_hours
        own = units is not setup.units
        self._spans = tuple(states_of(setup.sites, units, setup.feed.statistics)) if own else setup.tape.states
        self._stored = setup.stored
        self._told = setup.told
        self._flexibles = tuple(item for unit in units for item in unit.flexibles) if own else setup.flexibles
        self._beginnings: Beginnings | None = None
        self._initial = self._started(units)
        self._states = tuple(state.copy() for state in self._initial)
        self._starts = Starts(setup, self.num_envs)
        self._everyone = np.arange(self.num_envs)
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
        self._loop = engine_of(self._engine_asked, self.setup, self._units, self._spans, self.num_envs)
        self._masks = {f"_{name}": self._all for name in self.info_units}
        self._shown: npt.NDArray[np.float32] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_play", "_gather", "_loop")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._compose()
        self._compile()

    @property
    def engine(self) -> str:
        """What steps the batch: ``"numpy"`` or ``"compiled"``."""
        return "numpy" if self._loop is None else "compiled"

    @property
    def layout(self) -> tuple[Slot, ...]:
        """Name, unit, offset and scale of each slot of the observation."""
        return self.setup.layout

    @property
    def action_layout(self) -> tuple[ActionSlot, ...]:
        """Name, unit and range of each entry of an action."""
        return self.setup.action_layout

    @property
    def info_units(self) -> dict[str, str]:
        """Unit of each figure of ``info``, as `EnergyEnv.info_units`; the masks ``"_NAME"`` have none."""
        return dict(self.setup.info_units)

    @property
    def energy_kwh(self) -> Floats:
        """Energy stored now, shape (num_envs,) [kWh]."""
        return self._energy()

    @property
    def states(self) -> tuple[Floats, ...]:
        """States now, each of shape (num_envs,): of the controlled entities, then the running maxima [kW]."""
        return self._states

    @property
    def autoreset(self) -> str:
        """How finished episodes start anew: ``"next_step"``, ``"same_step"`` or ``"disabled"``."""
        return self._mode

    @property
    def scenario(self) -> Scenario:
        """The scenario that is played (with the first battery)."""
        return self.setup.scenario

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
        which = self._masked(asked.pop("reset_mask", None))
        seeds, begins = each_seed(seed, self.num_envs), asked.pop(SOC_INITIAL, None)
        self._starts.seed({index: seeds[index] for index in which.tolist()})
        window = self._windows(which, asked) if asked else self._starts.draw(which)
        self._begin(which, begins)
        self._place(which, *window)
        self._ready = True
        started = np.zeros(self.num_envs, dtype=bool)
        started[which] = True
        info = {name: kept(value, started) for name, value in self._blank().items()}
        info.update({f"_{name}": started for name in tuple(info)})
        return self._seen(info), info

    def _blank(self) -> dict[str, Any]:
        """Return the figures of episodes in which nothing has happened yet, without what gates say of an action."""
        figures: dict[str, Any] = {name: np.zeros(self.num_envs) for name in self.info_units}
        figures["energy_kwh"] = self._energy()
        figures.update((name, self._states[place].copy()) for name, place in self._told)
        return figures

    def _masked(self, mask: Any) -> npt.NDArray[np.int64]:
        if mask is None:
            return self._everyone
        flags = np.asarray(mask)
        if flags.shape != (self.num_envs,) or flags.dtype != np.bool_ or not flags.any():
            raise WindowError(
                f"reset_mask of shape {flags.shape} and type {flags.dtype}",
                f"must be {self.num_envs} booleans, at least one of them true",
                "pass np.array([...], dtype=bool)",
            )
        return np.flatnonzero(flags)

    def _windows(self, which: npt.NDArray[np.int64], options: dict[str, Any]) -> tuple[Any, Any]:
        each = {key: each_value(key, value, self.num_envs) for key, value in options.items()}
        windows = [self._starts.window(i, {key: values[i] for key, values in each.items()}) for i in which.tolist()]
        first, stop = zip(*windows, strict=True)
        return np.array(first), np.array(stop)

    def _begin(self, which: npt.NDArray[np.int64], asked: Any = None) -> None:
        """Let storage of the environments named begin with the states of charge asked for, or as it was made (None)."""
        if asked is not None:
            found = self._beginnings or Beginnings(self.setup, self._units, self.num_envs)
            found.place(which, asked)
            if found is not self._beginnings:
                self._beginnings, self._units = found, found.units
                self._initial = self._started(self._units)
                self._compile()
        elif self._beginnings is not None:
            self._beginnings.restore(which)

    def _started(self, units: tuple[Unit, ...]) -> tuple[Floats, ...]:
        """Return the states at the start of an episode, each of shape (num_envs,)."""
        initial = [state for unit in units for state in unit.initial]
        return tuple(np.broadcast_to(np.asarray(state, dtype=float), (self.num_envs,)) for state in initial)

    def _place(self, which: npt.NDArray[np.int64], first: npt.NDArray[np.int64], stop: npt.NDArray[np.int64]) -> None:
        self._t[which] = first
        self._stop[which] = stop
        if self._told:
            # What `info` handed out shares its memory with the states, which a reset writes into.
            self._states = tuple(state.copy() for state in self._states)
        if self._gates is not None:
            self._gates.place(which)
        for state, initial in zip(self._states, self._initial, strict=True):
            state[which] = initial[which]
        for place in self.setup.countdowns:
            self._states[place][which] = stop - first
        self._done[which] = False
        self._countdown = int((self._stop - self._t)[~self._done].min(initial=np.iinfo(np.int64).max))

    def step(self, actions: Any) -> Step:
        """Play one step of every environment; see `EnergyEnv.step` for the figures, here arrays of shape (num_envs,).

        Raises:
            ActionError: Some action is not a finite number, or not one of the discrete actions.
            ResetNeededError: Before the first reset, or for a finished episode where autoreset is disabled.
        """
        if not self._ready:
            raise ResetNeededError("step()", "no episode is running", "call reset() first")
        waiting = self._done if self._done.any() else None
        if waiting is not None and self._mode != "next_step":
            raise ResetNeededError("step()", "some episodes are over", 'call reset(options={"reset_mask": ...}) first')
        gains, done, info = self._advance(actions, waiting)
        if self._mode == "same_step" and done.any():
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
            wishes, excess = self._read(actions)
        else:
            wishes, excess, committed = self._gates.take(self._t, actions, waiting)
        if self._loop is not None and waiting is None and excess is None:
            return self._fast(self._loop, (*wishes, *committed))
        signals = self._gather(self._t) if self._gates is None else self._gates.signals(self._t, committed)
        flow = list(self._play(self._states, wishes, signals))
        self._states = flow[STATES]
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
        before, self._t = self._t, self._t + 1
        done = self._over()
        played = loop.play(self._states, asked, before, done if done.any() else None)
        self._states, figures, self._shown = played.states, played.figures, played.observations
        figures.update((name, self._states[place]) for name, place in self._told)
        if self._gates is not None:
            self._gates.tell(figures, done, played.closed, None)
            figures = {name: self._spread(value) for name, value in figures.items()}
        return played.gains, done, {**figures, **self._masks}

    def _over(self) -> Flags:
        """Return which episodes end with this step, and count down to the next that does."""
        left = (self._stop - self._t)[self._t < self._stop]
        self._countdown = int(left.min(initial=np.iinfo(np.int64).max))
        return self._t == self._stop

    def _finish(self, flow: list[Any], waiting: Flags | None) -> tuple[Flags, tuple[Any, Any] | None]:
        """Settle the episodes that end with this step; say which they are, and the cost and penalty of closing."""
        if self._countdown > 0 and waiting is None:
            return np.zeros(self.num_envs, dtype=bool), None
        done = self._over()
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
        which = np.flatnonzero(done)
        last = self._observe()
        final = np.full(self.num_envs, None, dtype=object)
        for index in which.tolist():
            final[index] = last[index]
        figures = self._final_info(which, info)
        self._begin(which)
        self._place(which, *self._starts.draw(which))
        blank = self._blank()
        started = {name: np.where(done, value, info[name]) for name, value in blank.items() if name in info}
        masks = dict.fromkeys((f"_{name}" for name in started), self._all)
        extra = {FINAL_OBSERVATION: final, f"_{FINAL_OBSERVATION}": done, FINAL_INFO: figures, f"_{FINAL_INFO}": done}
        return {**started, **masks, **extra}

    def _final_info(self, which: npt.NDArray[np.int64], info: dict[str, Any]) -> Any:
        """Return the figures of the last step as this Gymnasium hands them over: one dict of arrays, or a dict each."""
        ended = {name: value for name, value in info.items() if not name.startswith("_")}
        if self._gates is not None:
            ended.update(self._gates.announce(self._t))
        if MODERN:
            flags = np.zeros(self.num_envs, dtype=bool)
            flags[which] = True
            values = {name: kept(value, flags) for name, value in ended.items()}
            return {**values, **{f"_{name}": flags for name in ended}}
        figures = np.full(self.num_envs, None, dtype=object)
        columns = [list(value[which]) if value.ndim > 1 else value[which].tolist() for value in ended.values()]
        for index, row in zip(which.tolist(), zip(*columns, strict=True), strict=True):
            figures[index] = dict(zip(ended, row, strict=True))
        return figures

    def _info(
        self, flow: list[Any], waiting: Flags | None, done: Flags, closed: tuple[Any, Any] | None
    ) -> dict[str, Any]:
        figures = usual_figures(flow, self._energy(), self._hours, self.setup.curtails)
        figures.update((name, self._states[place]) for name, place in self._told)
        if self._gates is not None:
            self._gates.tell(figures, done, closed, waiting)
        info: dict[str, Any] = {name: self._spread(value) for name, value in figures.items()}
        # An environment that was reset in this step says that nothing has happened yet: no figure is missing.
        info.update(dict.fromkeys([f"_{name}" for name in info], self._all))
        return info

    def _spread(self, value: Any) -> Floats:
        """Return a figure with a value per environment; what no environment has is one number."""
        return value if isinstance(value, np.ndarray) else np.full(self.num_envs, value)

    def _energy(self) -> Floats:
        return self._spread(stored_in(self._states, self._stored))

    def _observe(self) -> npt.NDArray[np.float32]:
        shown, self._shown = self._shown, None
        if shown is None:
            shown = self._looked() if self._loop is None else self._loop.observe(self._states, self._t)
        if self._gates is not None:
            self._gates.show(shown)
        return shown

    def _looked(self) -> npt.NDArray[np.float32]:
        """Return what is observed now, on arrays, but for what is committed."""
        observations = self._rows.take(self._t, axis=0)
        for index, state in enumerate(self._spans):
            share = (self._states[state.place] - state.offset) / state.scale
            observations[:, index] = np.minimum(np.maximum(share, 0.0), state.top)
        return observations

    def _read(self, actions: Any) -> tuple[tuple[Floats, ...], Floats | None]:
        """Return the shares of rated power asked for, cut to [-1, 1], and the energy that a cut refuses [kWh]."""
        controls = len(self._flexibles)
        if self._levels is not None:
            numbers = 1 if self.setup.choices is not None else controls
            return tuple(self._level(as_array(actions), numbers).reshape(self.num_envs, controls).T), None
        given = real_numbers(actions, self.num_envs, controls)
        wishes = given.astype(np.float64)
        if np.abs(wishes).max() <= 1.0:
            return tuple(wishes.T), None
        if not np.isfinite(wishes).all():
            index = int(np.argmin(np.isfinite(wishes).all(axis=1)))
            raise ActionError(f"actions[{index}]={given[index]}", "must be finite", "pass numbers in [-1, 1]")
        excess = np.zeros(self.num_envs)
        for wish, flexible in zip(wishes.T, self._flexibles, strict=True):
            draw, give = flexible.rated(np.minimum(self._t, self.setup.steps - 1))
            excess += np.maximum(np.abs(wish) - 1.0, 0.0) * np.where(wish > 0.0, draw, give)
        return tuple(np.clip(wishes, -1.0, 1.0).T), excess

    def _level(self, given: npt.NDArray[Any], controls: int) -> Floats:
        count = len(self.setup.levels or ())
        fits = given.shape == (self.num_envs, controls) or (controls == 1 and given.shape == (self.num_envs,))
        if not fits or given.dtype.kind not in "iu":
            raise ActionError(
                f"actions of shape {given.shape} and type {given.dtype}",
                f"must be {self.num_envs * controls} whole numbers",
                "pass an int array of the action space",
            )
        if given.min() < 0 or given.max() >= count:
            raise ActionError(
                f"actions from {given.min()} to {given.max()}", f"must be 0 to {count - 1}", "use the action space"
            )
        levels: Floats = np.asarray(self._levels).take(given, axis=0)
        return levels
