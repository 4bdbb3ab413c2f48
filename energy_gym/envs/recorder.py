"""Joins an environment to its pictures: records the steps of an episode and draws them when asked.

One rule: nothing here is imported unless a render mode was asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from energy_gym.entities import Battery, Consumer
from energy_gym.entities.solar import Source
from energy_gym.envs.history import Flows, History, Image
from energy_gym.envs.rendering import ScreenWindow, draw
from energy_gym.envs.setup import Setup


class Painter:
    """Records an episode; ``human=True`` also shows it after every step."""

    def __init__(self, setup: Setup, human: bool) -> None:
        self._setup = setup
        self._window = ScreenWindow(setup.feed.title) if human else None
        self._has_carbon = setup.sites[0].energy.carbon in setup.feed.values
        self._soc = next((state for state in setup.tape.states if state.slot.name.startswith("state_of_charge")), None)
        self.restart()

    def restart(self) -> None:
        """Forget the episode."""
        self._history = History(self._setup.feed.step_hours, self._share(self._setup.initial))

    def _share(self, states: tuple[float, ...]) -> float:
        """Return the first store's state as a share; NaN where nothing is stored."""
        soc = self._soc
        return math.nan if soc is None else float((states[soc.place] - soc.offset) / soc.scale)

    def record(self, step: int, states: tuple[float, ...], info: Mapping[str, float], gain: float) -> None:
        """Note a step of the split, and show it."""
        setup, flows = self._setup, self._flows(step, states, info["grid_kw"])
        power_kw = info["grid_kw"]
        if flows is not None:
            power_kw += flows.generation_kw - flows.load_kw - info.get("curtailed_kw", 0.0)
        carbon = float(setup.carbon[step]) if self._has_carbon else math.nan
        self._history.append(
            setup.time(step), float(setup.price[step]), carbon, self._share(states), power_kw, gain, flows
        )
        if self._window is not None:
            self._window.show(self.image())

    def _flows(self, step: int, states: tuple[float, ...], grid_kw: float) -> Flows | None:
        """Return the powers of a step; None where there is neither load nor generation."""
        feed, entities = self._setup.feed, self._setup.scenario.entities.values()
        now = {name: column[feed.first + step :][:1] for name, column in feed.values.items()}
        loads = [float(item.fixed_kw(now)[0]) for item in entities if isinstance(item, Consumer)]
        made = [float(item.made_kw(now)[0]) for item in entities if isinstance(item, Source)]
        if not loads and not made:
            return None
        return Flows(sum(loads), sum(made), grid_kw, self._peak(step, states))

    def _peak(self, step: int, states: tuple[float, ...]) -> float:
        """Return the running maximum of the dearest demand window that is open [kW]; NaN where none is."""
        place, found = 0, (0.0, math.nan)
        for unit in self._setup.units:
            first = place + len(unit.flexibles)
            peaks = states[first : first + unit.registers]
            open_now = [
                (rate, peak) for rate, peak, on in zip(unit.rates, peaks, unit.active[:, step], strict=True) if on
            ]
            found = max([found, *open_now], key=lambda pair: pair[0])
            place += len(unit.initial)
        return float(found[1])

    def image(self) -> Image:
        """Return the picture of the episode so far, shape (720, 960, 3)."""
        setup = self._setup
        batteries = [entity for entity in setup.scenario.entities.values() if isinstance(entity, Battery)]
        return draw(
            self._history,
            title=setup.feed.title,
            currency=setup.feed.currency,
            limits=(batteries[0].soc_min, batteries[0].soc_max) if batteries else (0.0, 1.0),
            power_kw=setup.drawn_kw,
            reward_unit=setup.reward_unit,
        )

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()
