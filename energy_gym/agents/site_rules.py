"""Rules for a site with load and PV: what they all know of it, and the plainest of them, self-consumption.

One rule: a rule acts on what is forecast for the running interval, on the last interval's meter and on the states; what
load and PV will really be is never read, except of the training split while fitting.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from energy_gym.agents.base import Agent, Callback
from energy_gym.arrays import Floats
from energy_gym.backends import arrays, scalars
from energy_gym.conversions import HOURS_PER_DAY
from energy_gym.entities import Battery, Consumer
from energy_gym.entities.limits import LimitedCell
from energy_gym.entities.solar import Source
from energy_gym.envs.assembly import table_names
from energy_gym.envs.env import EnergyEnv, batch_of
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.following import ends_of, rated_of, wish_of
from energy_gym.site import Site


class SiteRule(Agent):
    """A rule for one battery behind one meter.

    The power that load and PV will draw is taken from the forecast, corrected by ``persistence`` times what the
    forecast of the last interval missed, as its meter showed. ``fit`` sets the persistence by least squares on the
    training split; without it the forecast alone counts.
    """

    selective: ClassVar[bool] = True
    decides: ClassVar[tuple[str, ...]] = ("power",)
    persistence: float = 0.0

    def __init__(self, env: Any, seed: int = 0) -> None:
        super().__init__(env, seed)
        setup = self.env.setup
        batteries = [item for item in setup.scenario.entities.values() if isinstance(item, Battery)]
        if len(setup.units) != 1 or setup.controls != 1 or len(batteries) != 1:
            found = f"{setup.controls} controls, {len(batteries)} of them batteries, on {len(setup.units)} meters"
            raise self.refused(f"plays one battery and no other control behind one meter; here are {found}")
        self.site: Site = setup.sites[0]
        self.battery: Battery = batteries[0]
        self._before: tuple[float, float] | None = None

    def reset(self) -> None:
        """See `Agent.reset`."""
        self._before = None

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        forecast_kw = float(net_kw(self.site, {name: rows[:1] for name, rows in self.env.outlook().items()})[0])
        net = forecast_kw
        if self._before is not None and "grid_kw" in info:
            measured_kw = metered_kw(self.env, info, self._before[1])
            net += self.persistence * (measured_kw - self._before[0])
            self.remember(measured_kw)
        self._before = forecast_kw, float(info["energy_kwh"])
        return self.power(float(self.wish(self.meter_kw(net), net)))

    def remember(self, measured_kw: float) -> None:
        """Note what load less PV drew in the interval that has just passed [kW]."""

    @abstractmethod
    def meter_kw(self, net: float) -> float:
        """Return the power at the meter that is aimed at [kW], where load less PV is expected to draw ``net``.

        Infinite where the battery shall go as far as it can.
        """

    def wish(self, target_kw: Any, net: float) -> Any:
        """Return what asks for a power at the meter [kW], or an array of them, where ``net`` is expected besides.

        Where the wish names that power, it is kept whatever load and PV come; else it is the battery's part in it.
        """
        setup = self.env.setup
        if setup.control == "power":
            return self.share(target_kw - net)
        unit = setup.units[0]
        ends, rated = ends_of(unit, scalars), rated_of(unit, 0)
        return wish_of(np.asarray(target_kw) * unit.hours, net * unit.hours, ends, rated, arrays)

    def share(self, power_kw: Any) -> Any:
        """Return a power [kW], or an array of them, as a share of the rated power, in [-1, 1]."""
        rated = np.where(np.greater(power_kw, 0.0), self.battery.charge_kw, self.battery.discharge_kw)
        return np.clip(power_kw / rated, -1.0, 1.0)

    def fit(
        self,
        source: Any = None,
        *,
        budget: int | None = None,
        seed: int | None = None,
        callback: Callback | None = None,
    ) -> Self:
        """See `Agent.fit`."""
        train = self.played(source, episode_steps=None)
        actual = train.setup.units[0].fixed_kwh / train.setup.feed.step_hours
        forecast = net_kw(self.site, {name: rows[:-1, 0] for name, rows in train.setup.tape.ahead.items()})
        missed = np.concatenate(([0.0], actual - forecast))[:-1]
        self.persistence = slope(missed[1:], (actual - forecast)[1:])
        self.choose(train, forecast + self.persistence * missed)
        return self

    def choose(self, train: EnergyEnv, net: Floats) -> None:  # some rules have none
        """Set the rule's figures, given load less PV as it is expected at each step of the training split [kW]."""

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        return {**super().parameters(), "persistence": self.persistence}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self.persistence = float(parameters["persistence"])


class SelfConsumption(SiteRule):
    """Charges what PV makes beyond the load and discharges what the load draws beyond PV; never for the price.

    That is no power at the meter: with ``control="meter"`` the wish 0, which needs no forecast. With discrete actions
    the nearest level is played.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/HomeSolar-v1", split="test", forecast="perfect", episode_steps=24)
        >>> agent = SelfConsumption(env)
        >>> observation, info = env.reset(options={"start": "2017-06-01T07:00Z"})
        >>> observation, reward, terminated, truncated, info = env.step(agent.act(observation, info))
        >>> round(abs(info["grid_kw"]), 6)
        0.0
    """

    name: ClassVar[str] = "self-consumption"

    def __init__(self, env: Any, seed: int = 0) -> None:
        super().__init__(env, seed)
        kinds = tuple(self.site.entities.values())
        if not any(isinstance(item, Source) for item in kinds) or not any(isinstance(item, Consumer) for item in kinds):
            raise self.refused("needs a site with generation and load")

    def meter_kw(self, net: float) -> float:
        """See `SiteRule.meter_kw`."""
        return 0.0


def metered_kw(env: EnergyEnv, info: Mapping[str, Any], energy: float) -> float:
    """Return what load less PV drew in the last interval [kW]: what the meter says, less the one battery's part.

    Args:
        env: The environment.
        info: What it said of the interval.
        energy: What was stored before it [kWh].
    """
    through = through_kwh(env.setup.flexibles[0].bare.cell, energy, float(info["energy_kwh"]))
    return float(info["grid_kw"] - through / env.setup.feed.step_hours - info.get("curtailed_kw", 0.0))


def through_kwh(cell: Any, before: float, after: float) -> float:
    """Return what a battery drew at its terminals in a step [kWh], below 0 where it gave.

    Args:
        cell: Its figures, of any kind of battery.
        before: Energy stored at the start of the step [kWh].
        after: Energy stored at its end [kWh].

    Example:
        >>> from energy_gym.entities.limited import LimitedBattery
        >>> batteries = Battery(efficiency_charge=0.8), LimitedBattery(charge_efficiency=((0.5, 0.9), (1.0, 0.8)))
        >>> [round(through_kwh(item.flexible("b", 1.0, {}).cell, 1.0, 1.4), 6) for item in batteries]
        [0.5, 0.444444]
    """
    plain = getattr(cell, "plain", cell)
    gained = after - before * plain.keep
    if isinstance(cell, LimitedCell):
        return float(cell.filling.at(gained)) if gained > 0.0 else -float(cell.emptying.at(-gained))
    return float(gained / plain.efficiency_charge if gained > 0.0 else gained * plain.efficiency_discharge)


def net_kw(site: Site, values: Mapping[str, Floats]) -> Any:
    """Return load less generation of a site [kW], of the shape of the columns given; ``[0.0]`` where it has neither."""
    total: Any = np.zeros(1)
    for entity in site.entities.values():
        own, signed = {name: values[name] for name in entity.columns() if name in values}, entity.signed_columns()
        power = entity.fixed_kw({name: rows if name in signed else np.maximum(rows, 0.0) for name, rows in own.items()})
        total = total if power is None else total + power
    return total


def slope(before: Floats, after: Floats) -> float:
    """Return how much of one figure carries over to the next, in [0, 1], by least squares.

    Example:
        >>> slope(np.array([1.0, -2.0]), np.array([0.5, -1.0]))
        0.5
    """
    size = float(before @ before)
    return 0.0 if size == 0.0 else float(np.clip(before @ after / size, 0.0, 1.0))


def dearness(env: EnergyEnv, ahead: Mapping[str, Floats]) -> Any:
    """Return where the price of import stands now between the lowest and the highest of the coming day, in [0, 1].

    Args:
        env: The environment; where its price never changes, the answer is 0.
        ahead: Look-ahead rows by column, each of shape (horizon,) or (steps, horizon).
    """
    column = table_names(env.setup.sites[0])[0]
    if column not in ahead:
        return 0.0
    day = ahead[column][..., : max(round(HOURS_PER_DAY / env.setup.feed.step_hours), 1)]
    low, high = day.min(axis=-1), day.max(axis=-1)
    return (day[..., 0] - low) / np.where(high > low, high - low, 1.0)


def returns(
    train: EnergyEnv, count: int, steps: int, wishes: Callable[[int, EnergyVectorEnv], Any]
) -> npt.NDArray[np.float64]:
    """Play ``count`` candidates over a whole split at once; return what each earns, shape (count,).

    ``wishes`` is called with the step and the batch and gives what is wished for, shape (count,).
    """
    batch = batch_of(train, count, "disabled", actions="continuous", episode_steps=None, horizon=1)
    batch.reset(seed=0)
    total = np.zeros(count)
    for step in range(steps):
        total += batch.step(np.broadcast_to(wishes(step, batch), (count,))[:, None])[1]
    return total
