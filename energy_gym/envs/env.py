"""The single environment: one episode on Python floats.

One rule: no physics here; a step reads the action, calls `dynamics.advance` and reports what came of it.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from energy_gym.backends import scalars
from energy_gym.dynamics import advance, reward, settlement
from energy_gym.envs.setup import Setup, make_setup
from energy_gym.errors import ActionError, ResetNeededError, UnknownIdError

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.scenario import Scenario
    from energy_gym.tape import Slot

Observation = npt.NDArray[np.float32]


class EnergyEnv(gym.Env[Observation, Any]):
    """A scenario as a Gymnasium environment; keywords as in `energy_gym.envs.setup.make_setup`."""

    metadata: dict[str, Any] = {"render_modes": ["human", "rgb_array"], "render_fps": 4}  # noqa: RUF012

    def __init__(self, *, render_mode: str | None = None, **keywords: Any) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise UnknownIdError.of("render mode", render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self.keywords = keywords
        self.setup: Setup = make_setup(**keywords)
        self.observation_space = observation_space(self.setup)
        self.action_space = action_space(self.setup)
        self._prepare()

    def _prepare(self) -> None:
        """Lay out as floats and lists what every step reads."""
        setup = self.setup
        battery = setup.scenario.battery
        self._cell = setup.cell()
        self._weights = setup.weights
        self._price: list[float] = setup.price.tolist()
        self._carbon: list[float] = setup.carbon.tolist()
        self._rows = list(setup.tape.rows)
        self._levels = setup.levels
        self._hours = setup.feed.step_hours
        self._capacity = battery.capacity_kwh
        self._energy_initial = battery.energy_initial_kwh
        self._energy = self._energy_initial
        self._t = self._first = self._stop = 0
        self._painter: Any = None

    @property
    def layout(self) -> tuple[Slot, ...]:
        """Name, unit, offset and scale of each slot of the observation."""
        return self.setup.layout

    @property
    def scenario(self) -> Scenario:
        """The scenario that is played."""
        return self.setup.scenario

    @property
    def time(self) -> pd.Timestamp:
        """Start of the step that is next [UTC]."""
        return self.setup.time(self._t)

    @property
    def energy_kwh(self) -> float:
        """Energy stored now [kWh]."""
        return self._energy

    @property
    def window(self) -> tuple[int, int]:
        """First step of the episode and the step after its last, counted from the start of the split."""
        return self._first, self._stop

    @property
    def steps_left(self) -> tuple[int, int]:
        """The next step and the step after the last of the episode, counted from the start of the split."""
        return self._t, self._stop

    def variant(self, **changes: Any) -> EnergyEnv:
        """Return a new environment like this one but for the keywords given; it does not render.

        A change of ``split`` drops the ``period``, which is a part of the old one.
        """
        dropped = {"period": None} if "split" in changes else {}
        return type(self)(**{**self.keywords, **dropped, **changes})

    def outlook(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return what the forecast says now for the coming steps, by column: shape (horizon,), in the column's unit."""
        return {column: rows[self._t] for column, rows in self.setup.tape.ahead.items()}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode; ``options={"start": "2022-03-01T00:00Z", "steps": 168}`` picks its window.

        Raises:
            WindowError: The start is not a step of the split, or an option is unknown.
            EpisodeLengthError: The window runs past the end of the split.
        """
        super().reset(seed=seed)
        draw = self.setup.window(options, self.np_random) if options else self.setup.draw(self.np_random)
        self._first, self._stop = draw
        self._t = self._first
        self._energy = self._energy_initial
        if self.render_mode is not None:
            self._start_painting()
        return self._observe(), {"energy_kwh": self._energy}

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Play one step; the reward and the figures in ``info`` are those of the interval that has just passed.

        Raises:
            ActionError: The action is not a finite number, or not one of the discrete actions.
            ResetNeededError: No episode is running.
        """
        t = self._t
        if t >= self._stop:
            raise ResetNeededError("step()", "no episode is running", "call reset() first")
        wish, excess = self._read(action)
        energy, grid_kwh, energy_cost, carbon_kg, wear, refused = advance(
            self._energy, wish, self._price[t], self._carbon[t], self._cell, scalars
        )
        self._energy = energy
        self._t = t = t + 1
        done = t == self._stop
        if done:
            owed, owed_kg = settlement(energy, self._energy_initial, self.setup.settle_price, self.setup.settle_carbon)
            energy_cost += owed
            carbon_kg += owed_kg
        gain = reward(energy_cost, carbon_kg, wear, self._weights)
        refused += excess
        info = {
            "energy_kwh": energy,
            "grid_kw": grid_kwh / self._hours,
            "cost": refused,
            "clipped_kw": refused / self._hours,
            "energy_cost": energy_cost,
            "carbon_kg": carbon_kg,
            "wear": wear,
            "penalty": 0.0,
            "demand_charge": 0.0,
        }
        if self.render_mode is not None:
            self._paint(info["grid_kw"], gain)
        return self._observe(), gain, False, done, info

    def _observe(self) -> Observation:
        observation = self._rows[self._t].copy()
        soc = self._energy / self._capacity
        observation[0] = soc if 0.0 <= soc <= 1.0 else (0.0 if soc < 0.0 else 1.0)
        return observation

    def _read(self, action: Any) -> tuple[float, float]:
        """Return the share of rated power asked for, cut to [-1, 1], and the energy that the cut refuses [kWh]."""
        if self._levels is not None:
            return self._level(action), 0.0
        try:
            wish = float(action.item() if isinstance(action, np.ndarray) else np.asarray(action, dtype=float).item())
        except (TypeError, ValueError, AttributeError) as error:
            raise ActionError(f"action={action!r}", "must be one number", "pass an array of shape (1,)") from error
        if -1.0 <= wish <= 1.0:
            return wish, 0.0
        if not math.isfinite(wish):
            raise ActionError(f"action={action!r}", "must be finite", "pass a number in [-1, 1]")
        rated = self._cell.charge_kwh if wish > 0.0 else self._cell.discharge_kwh
        return math.copysign(1.0, wish), (abs(wish) - 1.0) * rated

    def _level(self, action: Any) -> float:
        levels = self._levels or ()
        try:
            index = operator.index(action)
        except TypeError:
            index = _only_index(action)
        if 0 <= index < len(levels):
            return levels[index]
        raise ActionError(f"action={index}", f"must be one of 0 to {len(levels) - 1}", "pass an int of that range")

    def render(self) -> Any:
        """Draw price, carbon, state of charge and power of the episode so far, as an RGB array or on the screen."""
        if self._painter is None:
            if self.render_mode is None:
                gym.logger.warn('render() needs gym.make(..., render_mode="rgb_array") or "human"')
            return None
        image: npt.NDArray[np.uint8] | None = self._painter.image() if self.render_mode == "rgb_array" else None
        return image

    def _start_painting(self) -> None:
        from energy_gym.envs.painting import Painter

        if self._painter is None:
            self._painter = Painter(self.setup, human=self.render_mode == "human")
        self._painter.restart()

    def _paint(self, power_kw: float, gain: float) -> None:
        self._painter.record(self._t - 1, self._energy / self._capacity, power_kw, gain)

    def close(self) -> None:
        """Close the window of ``render_mode="human"``, if one is open."""
        if self._painter is not None:
            self._painter.close()
            self._painter = None


def _only_index(action: Any) -> int:
    """Return the one whole number that an array holds, or raise ActionError."""
    try:
        return operator.index(np.asarray(action).item())
    except (TypeError, ValueError) as error:
        raise ActionError(f"action={action!r}", "must be a whole number", "pass an int of the action space") from error


def observation_space(setup: Setup) -> spaces.Box:
    """Return the flat float32 space of the observations, shape (slots,)."""
    low, high = setup.tape.bounds
    return spaces.Box(low, high, dtype=np.float32)


def action_space(setup: Setup) -> spaces.Box | spaces.Discrete:
    """Return the share of rated power in [-1, 1] as a Box, or the levels as a Discrete space."""
    if setup.levels is None:
        return spaces.Box(-1.0, 1.0, shape=(1,), dtype=np.float32)
    return spaces.Discrete(len(setup.levels))
