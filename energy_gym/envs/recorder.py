"""Joins an environment to its pictures: records the steps of an episode and draws them when asked.

One rule: nothing here is imported unless a render mode was asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from energy_gym.entities import Consumer
from energy_gym.entities.solar import Source
from energy_gym.envs.history import Flows, History, Image
from energy_gym.envs.rendering import ScreenWindow, draw
from energy_gym.envs.setup import Setup

SHARE = "state_of_charge"


class Painter:
    """Records an episode; ``human=True`` also shows it after every step."""

    def __init__(self, setup: Setup, human: bool) -> None:
        self._setup = setup
        self._window = ScreenWindow(setup.feed.title) if human else None
        self._has_carbon = setup.sites[0].energy.carbon in setup.feed.values
        self._stores = [state for state in setup.tape.states if state.slot.name.startswith(SHARE)]
        self.restart(setup.initial)

    def restart(self, states: tuple[float, ...]) -> None:
        """Forget the episode; another one begins with these states."""
        shares = self._shares(states)
        self._history = History(self._setup.feed.step_hours, _first(shares))
        if len(shares) > 1:
            self._history.stores = {name: [share] for name, share in shares.items()}

    def _shares(self, states: tuple[float, ...]) -> dict[str, float]:
        """Return the state of charge of each store by name [fraction]."""
        return {
            one.slot.name.removeprefix(SHARE).strip("()"): float((states[one.place] - one.offset) / one.scale)
            for one in self._stores
        }

    def record(
        self,
        step: int,
        states: tuple[float, ...],
        info: Mapping[str, float],
        gain: float,
        markets: Mapping[str, float] | None = None,
    ) -> None:
        """Note a step of the split, and show it.

        Args:
            step: The step, counted from the start of the split.
            states: States at its end.
            info: Its figures.
            gain: Its reward.
            markets: Power in each market [kW], positive draws.
        """
        setup, flows, shares = self._setup, self._flows(step, states, info), self._shares(states)
        power_kw = info["grid_kw"]
        if flows is not None:
            power_kw += flows.generation_kw - flows.load_kw - info.get("curtailed_kw", 0.0)
        carbon = float(setup.carbon[step]) if self._has_carbon else math.nan
        price = float(setup.price[step])
        self._history.append(setup.time(step), price, carbon, _first(shares), power_kw, gain, flows, markets)
        for name, values in self._history.stores.items():
            values.append(shares[name])
        if self._window is not None:
            self._window.show(self.image())

    def _flows(self, step: int, states: tuple[float, ...], info: Mapping[str, float]) -> Flows | None:
        """Return the powers of a step; None where there is neither load nor generation."""
        feed, entities = self._setup.feed, self._setup.scenario.entities.values()
        now = {name: column[feed.first + step :][:1] for name, column in feed.values.items()}
        loads = [float(item.fixed_kw(now)[0]) for item in entities if isinstance(item, Consumer)]
        made = [float(item.made_kw(now)[0]) for item in entities if isinstance(item, Source)]
        if not loads and not made:
            return None
        # What a producer supplies may be shifted, and is told; elsewhere a load is what the data say.
        load_kw = info.get("supplied_kw", sum(loads))
        return Flows(load_kw, sum(made), info["grid_kw"], self._peak(step, states))

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
        stores = setup.stores.values()
        return draw(
            self._history,
            title=setup.feed.title,
            currency=setup.feed.currency,
            limits=(
                min((store.soc_min for store in stores), default=0.0),
                max((store.soc_max for store in stores), default=1.0),
            ),
            power_kw=setup.drawn_kw,
            reward_unit=setup.reward_unit,
        )

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()


def _first(shares: Mapping[str, float]) -> float:
    """Return the first store's state of charge; NaN where nothing is stored."""
    return next(iter(shares.values()), math.nan)
