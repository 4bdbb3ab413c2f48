"""The single environment: one episode on Python floats.

One rule: no physics here; a step reads the action, plays the composed step of `dynamics` and reports what came of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from energy_gym.backends import scalars
from energy_gym.closing import settlement
from energy_gym.dynamics import compose, reward
from energy_gym.envs.begun import begun
from energy_gym.envs.face import EnergyFace
from energy_gym.envs.keywords import call_checked
from energy_gym.envs.observing import Observation, observer
from energy_gym.envs.setup import Setup, make_setup
from energy_gym.envs.single_actions import reader
from energy_gym.envs.spaces import action_space, observation_space
from energy_gym.envs.straight import advance_of, rewarded
from energy_gym.envs.windows import SOC_INITIAL
from energy_gym.errors import ResetNeededError, UnknownIdError

if TYPE_CHECKING:
    from energy_gym.envs.vector_env import EnergyVectorEnv
    from energy_gym.units import Unit


class EnergyEnv(EnergyFace):
    """A scenario as a Gymnasium environment; keywords as in `energy_gym.envs.setup.make_setup`."""

    metadata: dict[str, Any] = {"render_modes": ["human", "rgb_array"], "render_fps": 4}  # noqa: RUF012

    def __init__(self, *, render_mode: str | None = None, **keywords: Any) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise UnknownIdError.of("render mode", render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self.keywords = keywords
        self.setup: Setup = self._make_setup(**self.complete(keywords))
        self.observation_space = observation_space(self.setup)
        self.action_space = action_space(self.setup)
        self._prepare()

    @classmethod
    def complete(cls, keywords: dict[str, Any]) -> dict[str, Any]:
        """Return the keywords with what this id adds to them; an id with keywords of its own turns them into others."""
        return keywords

    @classmethod
    def batch_class(cls) -> type[EnergyVectorEnv]:
        """Return the class of batches of this kind of environment, which take the keywords that `complete` gives."""
        from energy_gym.envs.vector_env import EnergyVectorEnv

        return EnergyVectorEnv

    def _make_setup(self, **keywords: Any) -> Setup:
        return call_checked(make_setup, keywords)

    def _prepare(self) -> None:
        """Lay out as floats and lists what every step reads.

        Nothing else: with some thirty attributes CPython 3.11 stops sharing keys, and every access is a third slower.
        """
        setup = self.setup
        self._compose()
        self._signals = self._signals_of(setup)
        self._weights = setup.weights
        self._stored = setup.stored
        # The usual case, one battery, is worth a short cut: it is read at every step.
        self._one_store = self._stored == ((0, 1.0),)
        self._cuts = setup.curtails
        self._hours = setup.feed.step_hours
        self._initial = setup.initial
        self._counts_down = bool(setup.countdowns)
        self._told = setup.told
        self._states = self._initial
        self._t = self._first = self._stop = 0
        self._painter: Any = None
        self._gates = None if setup.kind.gates is None else setup.kind.gates(setup)
        self._closed = 0.0, 0.0
        # Nothing but the usual figures: the case that is worth a short cut at every step.
        self._plain = not self._told and self._gates is None and self.render_mode is None

    def _signals_of(self, setup: Setup) -> Any:
        """Return what the composed step is told, by step."""
        return setup.signals

    def _compose(self) -> None:
        self._advance = advance_of(self.setup)
        self._read = reader(self.setup)
        self._observe: Any = None

    def _look(self) -> None:
        """Lay out what is observed, before the first episode: who solves, or learns from the series, never looks."""
        if self._observe is None:
            self._observe = observer(list(self.setup.tape.rows), self.setup.tape.states)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_advance", "_read", "_observe")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._compose()
        self._look()

    def step_through(self, units: Sequence[Unit]) -> None:
        """Play steps through units that stand for the environment's own: of the same laws, such as ones that are noted.

        A copy that is pickled steps through its own units again.
        """
        self._advance = rewarded(compose(units, scalars), self._weights)

    def variant(self, **changes: Any) -> EnergyEnv:
        """Return a new environment like this one but for the keywords given; it does not render.

        A change of ``split`` drops the ``period``, which is a part of the old one. A frame that nobody split has no
        other part: the new environment plays all of it too.
        """
        whole = self.setup.feed.own and self.keywords.get("split") is None and self.keywords.get("splits") is None
        if whole and not changes.keys() & {"data", "dataset", "splits"}:
            changes.pop("split", None)
        dropped = {"period": None} if "split" in changes else {}
        return type(self)(**{**self.keywords, **dropped, **changes})

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode; ``options={"start": "2022-03-01T00:00Z", "steps": 168}`` picks its window.

        ``"soc_initial"`` lets storage begin with another state of charge than it was made with, for this episode alone:
        a fraction for all stores, or one by name, ``{"battery": 0.3}``. Its end is settled against that.
        ``info`` has the figures of a step, 0 where nothing has happened yet.

        Raises:
            WindowError: The start is not a step of the split, or an option is unknown.
            EpisodeLengthError: The window runs past the end of the split.
            StateOfChargeError: A state of charge outside the limits of its store.
        """
        super().reset(seed=seed)
        self._look()
        self._begin((options or {}).get(SOC_INITIAL))
        draw = self.setup.window(options, self.np_random) if options else self.setup.draw(self.np_random)
        self._first, self._stop = draw
        self._t = self._first
        self._states = self.setup.started(self._stop - self._first) if self._counts_down else self._initial
        if self.render_mode is not None:
            self._start_painting()
        if self._gates is not None:
            self._gates.restart(self._first, self._stop)
        info: dict[str, Any] = {**dict.fromkeys(self.setup.info_units, 0.0), "energy_kwh": self.energy_kwh}
        for name, place in self._told:
            info[name] = self._states[place]
        return self._behind_gates(info), info

    def _begin(self, asked: Any) -> None:
        """Let storage begin with the states of charge asked for, or where it was made to (None)."""
        made = self.setup.base or self.setup
        if asked is None and made is self.setup:
            return
        self.setup = made if asked is None else begun(made, asked)
        self._initial = self.setup.initial

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Play one step; the reward and the figures in ``info`` are those of the interval that has just passed.

        Raises:
            ActionError: The action is not a finite number, or not one of the discrete actions.
            ResetNeededError: No episode is running.
        """
        t = self._t
        if t >= self._stop:
            raise ResetNeededError("step()", "no episode is running", "call reset() first")
        if self._gates is None:
            wishes, excess = self._read(action, t)
            signal = self._signals[t]
        else:
            wishes, excess, signal = self._gates.take(action)
        states, grid_kwh, energy_cost, carbon_kg, wear, penalty, charge, refused, curtailed, gain = self._advance(
            self._states, wishes, signal
        )
        self._states = states
        self._t = t = t + 1
        done = t == self._stop
        if done:
            owed, owed_kg, fined = settlement(self.setup.units, self.setup.closings, states, scalars)
            self._closed = owed, fined
            energy_cost += owed
            carbon_kg += owed_kg
            penalty += fined
            gain = reward(energy_cost, carbon_kg, wear, penalty, charge, self._weights)
        refused += excess
        info = {
            "energy_kwh": states[0] if self._one_store else self._energy(states),
            "grid_kw": grid_kwh / self._hours,
            "cost": refused,
            "clipped_kw": refused / self._hours,
            "energy_cost": energy_cost,
            "carbon_kg": carbon_kg,
            "wear": wear,
            "penalty": penalty,
            "demand_charge": charge,
        }
        if self._cuts:
            info["curtailed_kw"] = curtailed / self._hours
        if self._plain:
            return self._observe(t, states), gain, False, done, info
        self._tell(info, gain)
        return self._behind_gates(info), gain, False, done, info

    def _tell(self, info: dict[str, Any], gain: float) -> None:
        """Add to ``info`` what only some environments have, and paint the step where pictures were asked for."""
        for name, place in self._told:
            info[name] = self._states[place]
        if self._gates is not None:
            self._gates.tell(info, *(self._closed if self._t == self._stop else (0.0, 0.0)))
        if self.render_mode is not None:
            self._paint(info, gain)

    def _behind_gates(self, info: dict[str, Any]) -> Observation:
        """Return what is observed now, what is committed included, and say what counts of the coming action."""
        observation = self._observe(self._t, self._states)
        if self._gates is not None:
            self._gates.show(observation)
            info.update(self._gates.announce())
        return observation

    def render(self) -> Any:
        """Draw price, carbon, state of charge and power of the episode so far, as an RGB array or on the screen."""
        if self._painter is None:
            if self.render_mode is None:
                gym.logger.warn('render() needs gym.make(..., render_mode="rgb_array") or "human"')
            return None
        image: npt.NDArray[np.uint8] | None = self._painter.image() if self.render_mode == "rgb_array" else None
        return image

    def _start_painting(self) -> None:
        from energy_gym.envs.recorder import Painter

        if self._painter is None:
            self._painter = Painter(self.setup, human=self.render_mode == "human")
        self._painter.restart(self._initial)

    def _paint(self, info: dict[str, Any], gain: float) -> None:
        self._painter.record(self._t - 1, self._states, info, gain, self._traded(info))

    def _traded(self, info: dict[str, Any]) -> dict[str, float]:
        """Return the power in each market in the step that has just passed, for its picture [kW]; positive draws."""
        return {}

    def close(self) -> None:
        """Close the window of ``render_mode="human"``, if one is open."""
        if self._painter is not None:
            self._painter.close()
            self._painter = None


def batch_of(env: EnergyEnv, num_envs: int, autoreset: str, **changes: Any) -> EnergyVectorEnv:
    """Return a batch of environments like a single one, whatever its id, but for the keywords given.

    Example:
        >>> import gymnasium as gym
        >>> home = gym.make("energy_gym/HomeSolar-v1", home=3).unwrapped
        >>> batch_of(home, 4, "disabled", split="validation").scenario == home.scenario
        True
    """
    return env.batch_class()(num_envs, autoreset=autoreset, **env.complete({**env.keywords, **changes}))
