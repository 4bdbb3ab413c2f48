"""Joins an environment to its pictures: records the steps of an episode and draws them when asked.

One rule: nothing here is imported unless a render mode was asked for.
"""

from __future__ import annotations

import math

from energy_gym.envs.rendering import History, Image, Window, draw
from energy_gym.envs.setup import Setup


class Painter:
    """Records an episode; ``human=True`` also shows it after every step."""

    def __init__(self, setup: Setup, human: bool) -> None:
        self._setup = setup
        self._window = Window(setup.feed.title) if human else None
        self._has_carbon = setup.scenario.spot.carbon in setup.feed.values
        self.restart()

    def restart(self) -> None:
        """Forget the episode."""
        battery = self._setup.scenario.battery
        self._history = History(self._setup.feed.step_hours, battery.soc_initial)

    def record(self, step: int, soc: float, power_kw: float, gain: float) -> None:
        """Note a step of the split, and show it."""
        setup = self._setup
        carbon = float(setup.carbon[step]) if self._has_carbon else math.nan
        self._history.append(setup.time(step), float(setup.price[step]), carbon, soc, power_kw, gain)
        if self._window is not None:
            self._window.show(self.image())

    def image(self) -> Image:
        """Return the picture of the episode so far, shape (720, 960, 3)."""
        setup, battery = self._setup, self._setup.scenario.battery
        return draw(
            self._history,
            title=setup.feed.title,
            currency=setup.feed.currency,
            limits=(battery.soc_min, battery.soc_max),
            power_kw=max(battery.charge_kw, battery.discharge_kw),
            reward_unit=setup.reward_unit,
        )

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()
