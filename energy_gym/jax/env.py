"""The environment as pure functions in JAX, over the laws that every other reading plays.

One rule: no physics here; a step is `dynamics.compose` on JAX arrays, and a bill is what `dynamics.ended` makes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from energy_gym.backends import traced
from energy_gym.closing import Closing
from energy_gym.dynamics import (
    CARBON,
    COST,
    PENALTY,
    REFUSED,
    STATES,
    compose,
    ended,
    gain,
)
from energy_gym.envs.figures import stored_in, usual_figures
from energy_gym.envs.setup import Setup
from energy_gym.jax.batteries import with_battery
from energy_gym.jax.checks import (
    check_entries,
    check_levels,
    checked_dtype,
    other_shape,
    require_playable,
    require_same_shape,
)
from energy_gym.jax.figures import Template
from energy_gym.jax.parameters import Params, State, as_arrays, register_params
from energy_gym.jax.series import ZERO, Packing
from energy_gym.jax.sources import setup_of
from energy_gym.jax.spaces import action_space, observation_space
from energy_gym.jax.windows import drawn
from energy_gym.scenario import Weights
from energy_gym.units import Unit

SETTLED = (COST, CARBON, PENALTY)


class Environment:
    """A scenario in JAX, in the calling convention of gymnax: pure functions of keys, states, actions and parameters.

    Make one with `energy_gym.jax.make`. Every function is that of one environment; `jax.vmap` makes a batch of it.

    Args:
        setup: What is played.
        dtype: Type of the numbers: ``"float32"``, or ``"float64"`` where JAX has 64 bits enabled.

    Raises:
        ConfigurationError: What cannot be played in JAX, or a type that is not enabled.
        MissingExtraError: If JAX is not installed.
    """

    def __init__(self, setup: Setup, dtype: str = "float32") -> None:
        self._xp = traced()
        register_params()
        self.setup, self.dtype = setup, checked_dtype(dtype)
        require_playable(setup)
        self._templates = tuple(Template.of(unit, self._xp) for unit in setup.units)
        self._packing = Packing(setup.units)
        self.default_params = self.params_of(setup)

    @property
    def name(self) -> str:
        """The scenario's name."""
        return self.setup.scenario.name

    @property
    def num_actions(self) -> int:
        """Number of discrete actions, or of entries of a continuous one."""
        return self.setup.controls if self.setup.levels is None else len(self.setup.levels)

    def action_space(self, params: Params | None = None) -> Any:
        """Return the space of actions, as gymnax states it."""
        return action_space(self.setup)

    def observation_space(self, params: Params | None = None) -> Any:
        """Return the space of observations, as gymnax states it."""
        return observation_space(self.setup)

    def params_of(self, source: Any) -> Params:
        """Return the parameters of another environment or setup, for this program to play.

        Args:
            source: An environment of the same shape: other batteries, tariffs, prices, another market or split.

        Raises:
            ConfigurationError: It has another shape, so that it needs a program of its own.

        Example:
            >>> import energy_gym.jax, gymnasium as gym
            >>> env = energy_gym.jax.make("energy_gym/Arbitrage-v1", dataset="ercot-2021-2022")
            >>> other = env.params_of(gym.make("energy_gym/Arbitrage-v1", dataset="ercot-2021-2022", split="test"))
            >>> env.default_params.series.shape, other.series.shape
            ((8761, 1), (4418, 1))
        """
        setup = setup_of(source)
        require_same_shape(setup, self.setup, self._templates)
        try:
            series = self._packing.packed(setup.units)
        except ValueError as error:
            raise other_shape(setup, str(error)) from error
        states = setup.tape.states
        return as_arrays(
            Params(
                figures=tuple(
                    template.figures(unit) for template, unit in zip(self._templates, setup.units, strict=True)
                ),
                initial=setup.initial,
                series=series,
                rows=setup.tape.rows,
                spans=tuple((state.offset, state.scale) for state in states),
                closings=setup.closings,
                weights=setup.weights,
                levels=self._levels(setup),
                episode_steps=setup.steps if setup.whole else setup.episode_steps,
            ),
            self.dtype,
        )

    def with_battery(self, params: Params, name: str | None = None, **figures: Any) -> Params:
        """Return parameters in which a battery has other figures, which may be tracers.

        Args:
            params: The parameters.
            name: The battery's name in the scenario; None where there is one.
            figures: Fields of `energy_gym.Battery`, each one number; checked as there unless some are tracers.

        Raises:
            ConfigurationError: A battery whose figures are constants of the program, as with ``terminal="cyclic"``; or
                figures that no battery has.
            UnknownIdError: No such battery or field.

        Example:
            >>> import jax, energy_gym.jax
            >>> env = energy_gym.jax.make("energy_gym/Arbitrage-v1", dataset="ercot-2021-2022")
            >>> def earned(capacity_kwh):
            ...     params = env.with_battery(env.default_params, capacity_kwh=capacity_kwh)
            ...     _, state = env.start(0, 1, params)
            ...     return env.step_env(None, state, -1.0, params)[2]
            >>> round(float(jax.grad(earned)(2.0)), 4)
            -0.0513
        """
        return as_arrays(with_battery(self.setup, params, name, figures), self.dtype)

    def _levels(self, setup: Setup) -> Any:
        if setup.choices is not None:
            return np.asarray(setup.choices)
        return None if setup.levels is None else np.array(setup.levels)

    def __deepcopy__(self, memo: Any) -> Environment:
        """Return the same: trainers copy their settings, and an environment never changes."""
        return self

    def reset(self, key: Any, params: Params | None = None) -> tuple[Any, State]:
        """Start an episode in a window that the key draws; returns observation and state."""
        chosen = self.default_params if params is None else params
        state = self._started(key, chosen)
        return self.observe(state, chosen), state

    def start(self, first: Any, steps: Any, params: Params | None = None) -> tuple[Any, State]:
        """Start an episode of so many steps at a step of the split; returns observation and state.

        A window that leaves the split is not refused here, where numbers may be tracers: ``setup.steps`` says how many
        there are.
        """
        chosen = self.default_params if params is None else params
        state = self._placed(first, first + steps, chosen)
        return self.observe(state, chosen), state

    def _started(self, key: Any, params: Params) -> State:
        # The last row is the moment after the last step.
        first = drawn(key, params.series.shape[0] - params.episode_steps)
        return self._placed(first, first + params.episode_steps, params)

    def _placed(self, first: Any, stop: Any, params: Params) -> State:
        import jax.numpy as jnp

        states = list(params.initial)
        for place in self.setup.countdowns:
            states[place] = jnp.asarray(stop - first, dtype=self.dtype)
        return State(tuple(states), jnp.asarray(first, dtype=jnp.int32), jnp.asarray(stop, dtype=jnp.int32))

    def observe(self, state: State, params: Params) -> Any:
        """Return what is observed in a state, shape (slots,), float32."""
        import jax.numpy as jnp

        seen = params.rows[state.step]
        # Chosen slot by slot: XLA writes this in one pass, where it joins arrays number by number.
        slots = jnp.arange(seen.shape[0])
        for slot, (one, (offset, scale)) in enumerate(zip(self.setup.tape.states, params.spans, strict=True)):
            share = jnp.clip((state.states[one.place] - offset) / scale, 0.0, one.top)
            seen = jnp.where(slots == slot, share.astype(jnp.float32), seen)
        return seen

    def step(
        self, key: Any, state: State, action: Any, params: Params | None = None
    ) -> tuple[Any, State, Any, Any, dict[str, Any]]:
        """Play a step; an episode that ends starts anew at once, in a window that the key draws.

        Returns:
            Observation (of the new episode where one ended), state, reward, whether an episode ended, and figures.
        """
        import jax
        import jax.numpy as jnp

        chosen = self.default_params if params is None else params
        after, reward, done, info = self.play(state, action, chosen)
        fresh = self._started(key, chosen)
        now = jax.tree.map(lambda new, old: jnp.where(done, new, old), fresh, after)
        return self.observe(now, chosen), now, reward, done, info

    def step_env(
        self, key: Any, state: State, action: Any, params: Params
    ) -> tuple[Any, State, Any, Any, dict[str, Any]]:
        """Play a step without starting anew."""
        after, reward, done, info = self.play(state, action, params)
        return self.observe(after, params), after, reward, done, info

    def reset_env(self, key: Any, params: Params) -> tuple[Any, State]:
        """See `reset`."""
        return self.reset(key, params)

    def play(self, state: State, action: Any, params: Params) -> tuple[State, Any, Any, dict[str, Any]]:
        """Play a step; returns the state after it, the reward, whether the episode is over, and figures of ``info``."""
        import jax.numpy as jnp

        row = params.series[state.step]
        units = [template.filled(own) for template, own in zip(self._templates, params.figures, strict=True)]
        wishes, excess = self._read(action, self._rated(row, units), params)
        flow = compose(units, self._xp)(state.states, wishes, self._packing.told(row, self._packing.places))
        done = state.step + 1 >= state.stop
        closings = [Closing(*closing) for closing in params.closings]
        settled = ended(flow, units, closings, self._xp)
        figures = list(flow)
        for part in SETTLED:
            figures[part] = jnp.where(done, settled[part], flow[part])
        figures[REFUSED] = figures[REFUSED] + excess
        reward = jnp.asarray(gain(figures, Weights(*params.weights)), dtype=self.dtype)
        after = State(tuple(jnp.asarray(one, dtype=self.dtype) for one in flow[STATES]), state.step + 1, state.stop)
        return after, reward, done, self._info(figures)

    def _read(self, action: Any, rated: Sequence[tuple[Any, Any]], params: Params) -> tuple[tuple[Any, ...], Any]:
        """Return shares of rated power, cut to [-1, 1], and the energy that a cut refuses [kWh]."""
        import jax.numpy as jnp

        controls, asked = self.setup.controls, jnp.asarray(action)
        check_entries(asked, 1 if self.setup.chooses else controls)
        if params.levels is not None:
            check_levels(asked)
            # As an index, a number below 0 would count from the end.
            meant = params.levels[jnp.clip(asked, 0, params.levels.shape[0] - 1)]
            return tuple(jnp.reshape(meant, (controls,))[place] for place in range(controls)), 0.0
        asked = jnp.reshape(asked.astype(self.dtype), (controls,))
        excess: Any = 0.0
        for place, (draw, give) in enumerate(rated):
            beyond = jnp.maximum(jnp.abs(asked[place]) - 1.0, 0.0)
            excess = excess + beyond * jnp.where(asked[place] > 0.0, draw, give)
        cut = jnp.clip(asked, -1.0, 1.0)
        return tuple(cut[place] for place in range(controls)), excess

    def _rated(self, row: Any, units: Sequence[Unit]) -> list[tuple[Any, Any]]:
        """Return the most that each control can draw and give in the step [kWh]."""
        items = [item for unit in units for item in unit.decisions]
        found = []
        for places, item in zip(self._packing.rated, items, strict=True):
            own = [0.0 if np.ndim(rated) else rated for rated in (item.draw_kwh, item.give_kwh)]
            draw, give = [one if place == ZERO else row[place] for one, place in zip(own, places, strict=True)]
            found.append((draw, give))
        return found

    def _info(self, figures: list[Any]) -> dict[str, Any]:
        import jax.numpy as jnp

        setup, states = self.setup, figures[STATES]
        energy = stored_in(states, setup.stored)
        named = usual_figures(figures, energy, setup.feed.step_hours, setup.curtails)
        named.update((name, states[place]) for name, place in setup.told)
        return {name: jnp.asarray(value, dtype=self.dtype) for name, value in named.items()}
