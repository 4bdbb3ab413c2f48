"""From windows to schedules: the network proposes, the laws play, and every window ends where its battery began.

One rule: whatever is proposed, what is played keeps all limits and returns to the start, by construction.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from energy_gym.agents.l2o.acting import Acting, DayFigures, Singles
from energy_gym.agents.l2o.windows import Windows, padded
from energy_gym.arrays import Floats
from energy_gym.backends import arrays
from energy_gym.conversions import KWH_PER_MWH
from energy_gym.data.homes import DayBatch
from energy_gym.dynamics import COST, GRID, STATES, WEAR, Course, play
from energy_gym.entities import Battery
from energy_gym.entities.battery import Cell
from energy_gym.envs.rollout import DayRollout, Played
from energy_gym.errors import ConfigurationError
from energy_gym.objective import Weights


@dataclass(frozen=True)
class Schedule:
    """Plans for B windows of T steps, played.

    Args:
        wishes: Shares of rated power as an environment takes them, shape (B, T).
        energy_kwh: Energy stored at the start and at each step's end, shape (B, T + 1) [kWh].
        grid_kwh: Energy through the meter by step, import positive, shape (B, T) [kWh].
        cost: What each window costs, shape (B,) [currency].
        rated_kw: Rated power of charging and of discharging [kW].
    """

    wishes: Floats
    energy_kwh: Floats
    grid_kwh: Floats
    cost: Floats
    rated_kw: tuple[float, float]

    @property
    def charge_kw(self) -> Floats:
        """Power of charging at the terminals, shape (B, T) [kW, >= 0]."""
        return np.maximum(self.wishes, 0.0) * self.rated_kw[0]

    @property
    def discharge_kw(self) -> Floats:
        """Power of discharging at the terminals, shape (B, T) [kW, >= 0]."""
        return np.maximum(-self.wishes, 0.0) * self.rated_kw[1]

    @property
    def mode(self) -> Floats:
        """What the battery does, shape (B, T, 3): 1.0 in the place of charge, discharge or idle, 0.0 in the others."""
        up, down = self.wishes > 0.0, self.wishes < 0.0
        return np.stack([up, down, ~(up | down)], axis=2).astype(np.float64)


class Returning:
    """Changes wishes as little as needed for the battery to end a window with the energy it should.

    At each step the energy stored is held between the least from which the rest of the window can still restore the
    target, and the most from which it can still come down to it; at the last step both are the target. The law that
    settles a wish does the rest. A start that is out of reach of the target is brought as near as power allows.

    Args:
        cell: The battery for one step.
        target_kwh: Energy at the end.
        left: Steps of each window, shape (B,), an array.
        steps: Steps T of the batch.
        like: A tensor whose kind and type of number the wishes have; None for NumPy arrays.
    """

    def __init__(self, cell: Cell, target_kwh: float, left: Any, steps: int, like: Any = None) -> None:
        self._library: Any = np if like is None else importlib.import_module("torch")
        self._keep = cell.keep
        least, most = [target_kwh], [target_kwh]
        for _ in range(steps - 1):
            least.append((least[-1] - cell.charge_kwh * cell.efficiency_charge) / cell.keep)
            most.append((most[-1] + cell.discharge_kwh / cell.efficiency_discharge) / cell.keep)
        after = np.maximum(np.asarray(left) - 1 - np.arange(steps)[:, None], 0)
        # A limit of the battery binds as well, so that what is asked of the laws is never refused.
        bounds = np.array(least)[after], np.minimum(np.array(most), cell.energy_max)[after]
        ends = np.array(cell.energy_min), np.array(-1.0), np.array(1.0)
        told = [part if like is None else self._library.from_numpy(part).to(like.dtype) for part in (*bounds, *ends)]
        self._least, self._most, self._floor, self._down, self._up = told
        self._per_rise = 1.0 / (cell.efficiency_charge * cell.charge_kwh)
        self._per_fall = cell.efficiency_discharge / cell.discharge_kwh
        # Shares are two straight lines that meet at zero: the upper of them where the steeper one rises.
        steep = self._per_rise >= self._per_fall
        self._bend = self._library.maximum if steep else self._library.minimum

    def __call__(self, step: int, states: tuple[Any, ...], wishes: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the wishes of a step, so changed; the form that `DayRollout` takes."""
        upper, lower, kept = self._library.maximum, self._library.minimum, states[0] * self._keep
        # Standby losses may carry the energy below its lower limit: they are not made good at once.
        least = upper(self._least[step], lower(kept, self._floor))
        lowest, highest = self._share(least - kept), self._share(self._most[step] - kept)
        wish = lower(upper(wishes[0], lowest), highest)
        return (lower(upper(wish, self._down), self._up),)

    def _share(self, change_kwh: Any) -> Any:
        """Return the share of rated power that changes the energy stored so much."""
        return self._bend(change_kwh * self._per_rise, change_kwh * self._per_fall)


class DayPlanner:
    """A network with the battery it plans for.

    Args:
        battery: The battery; a window ends at its ``soc_initial``.
        step_hours: Length of a step [h].
        price: Mean price of import by which prices are divided [currency/MWh].
        steps: Steps of a window.
        width: Of the encoder.
        candidates: Schedules that the network proposes.
        sharpness: See `Network`.
        money: What a unit of money of wear counts, where the prices count in the same units.
        mode_bias: See `Network`.

    Example:
        >>> from energy_gym.data.homes import synthetic_days
        >>> planner = DayPlanner(Battery(), 1.0, 200.0, 24, width=32, candidates=2)
        >>> schedule = planner.plan_days(synthetic_days(3, seed=0))
        >>> bool(np.abs(schedule.energy_kwh[:, -1] - 5.0).max() < 1e-9)
        True
    """

    def __init__(
        self,
        battery: Battery,
        step_hours: float,
        price: float,
        steps: int,
        width: int = 768,
        candidates: int = 2,
        sharpness: float = 10.0,
        money: float = 1.0,
        mode_bias: float = 0.0,
    ) -> None:
        self.battery, self.price, self.steps, self.step_hours = battery, price, steps, step_hours
        self.cell, self._rated = battery.cell(step_hours), (battery.charge_kw, battery.discharge_kw)
        wear = money * battery.wear_per_kwh * KWH_PER_MWH / price
        self._figures, self._shape = DayFigures(self.cell, step_hours, wear), (width, candidates, sharpness)
        self._mode_bias = mode_bias
        self._kept: Mapping[str, Singles] | None = None
        # Scaled prices are per mean price: the wear of a kWh is scaled alike.
        self._rollout = DayRollout(replace(battery, wear_per_kwh=wear / KWH_PER_MWH), step_hours)

    @cached_property
    def network(self) -> Any:
        """The network on tensors, which learns; it starts from what was read, else anew."""
        from energy_gym.agents.l2o.network import Network

        width, candidates, sharpness = self._shape
        found = Network(self.steps, width, candidates, sharpness, self._figures, self._mode_bias)
        if self._kept is not None:
            torch = importlib.import_module("torch")
            found.load_state_dict({name: torch.from_numpy(part.copy()) for name, part in self._kept.items()})
        return found

    @property
    def weights(self) -> Mapping[str, Singles]:
        """Of the network as it stands, by name."""
        if self._kept is not None and "network" not in self.__dict__:
            return self._kept
        return {name: part.numpy() for name, part in self.network.state_dict().items()}

    def read(self, weights: Mapping[str, Singles]) -> None:
        """Go on from weights; torch is asked for only when they are to learn."""
        self._kept = dict(weights)
        self.__dict__.pop("network", None)

    def acting(self) -> Acting:
        """Return the network as it acts."""
        return Acting(self.weights, self._shape[1], self._shape[2], self._figures)

    def play(self, windows: Windows, wishes: Any, returning: bool = True) -> Played:
        """Play schedules of shape (B, K, T) through the laws; figures come as (B K, T), in units of the mean price.

        ``returning`` says whether every window is made to end where its battery began.
        """
        count, dtype = wishes.shape[1], wishes.dtype
        many = Windows(*(part.repeat_interleave(count, dim=0) for part in windows)) if count > 1 else windows
        net, buy, sell, energy = (part.to(dtype) for part in many[:4])
        guard = Returning(self.cell, self.battery.energy_initial_kwh, many.left.numpy(), self.steps, like=wishes)
        return self._rollout(net, buy, sell, wishes.flatten(0, 1), energy, guard if returning else None)

    def propose(self, windows: Windows) -> Any:
        """Return what the network proposes for windows of tensors."""
        return self.network(windows)

    def plan(self, net_kw: Floats, buy_per_mwh: Floats, sell_per_mwh: Floats, energy_kwh: Any, left: Any) -> Schedule:
        """Plan windows; the cheapest candidate of each is played in float64.

        Args:
            net_kw: Load less production, shape (B, T) [kW].
            buy_per_mwh: Price of import, shape (B, T).
            sell_per_mwh: Price of export, shape (B, T).
            energy_kwh: Energy stored at the start, shape (B,) [kWh].
            left: Steps that each window has, shape (B,).

        Raises:
            ConfigurationError: Windows of another length than the network's.
        """
        if np.ndim(net_kw) != 2 or np.shape(net_kw)[1] != self.steps:
            raise ConfigurationError(
                f"windows of shape {np.shape(net_kw)}",
                f"must have {self.steps} steps",
                "train a planner for their length",
            )
        windows = padded(net_kw, buy_per_mwh / self.price, sell_per_mwh / self.price, energy_kwh, left)
        return self._chosen(windows, self.acting().wishes(windows))

    def _chosen(self, windows: Windows, wishes: Floats) -> Schedule:
        """Return the cheapest of the candidates, shape (B, K, T), as it plays."""
        size, count, _ = wishes.shape
        path, flows, asked, bills = self._played(windows, wishes)
        best = bills.reshape(size, count).argmin(axis=1) + np.arange(size) * count
        return Schedule(asked[:, best].T, path[:, best].T, flows[:, best].T, bills[best] * self.price, self._rated)

    def _played(self, windows: Windows, wishes: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Play candidates on NumPy arrays, which is four times as fast as on small tensors, and the same bit for bit.

        Returns:
            Energy stored (T + 1, B K), energy through the meter and shares of rated power (T, B K), bills (B K,).
        """
        count = wishes.shape[1]
        net, buy, sell, energy, left = (np.repeat(part, count, axis=0).T for part in windows)
        fixed, proposed = np.ascontiguousarray(net) * self.step_hours, wishes.reshape(-1, self.steps).T
        buy, sell, proposed = (np.ascontiguousarray(part) for part in (buy, sell, proposed))
        guard = Returning(self.cell, self.battery.energy_initial_kwh, left, self.steps)
        signals = [(*row, 0.0, drawn) for *row, drawn in zip(buy, sell, fixed, strict=True)]
        course = Course(self._rollout.units, None, Weights(1.0, 0.0, 1.0))
        moves = list(play(course, (energy,), [(row,) for row in proposed], signals, arrays, guard))
        path = [energy, *(move.flow[STATES][0] for move in moves)]
        bills = np.zeros(len(energy))
        for move in moves:
            bills = bills + move.flow[COST] + move.flow[WEAR]
        flows, asked = [move.flow[GRID] for move in moves], [move.wishes[0] for move in moves]
        return np.stack(path), np.stack(flows), np.stack(asked), bills

    def plan_days(self, days: DayBatch, energy_kwh: Any = None) -> Schedule:
        """Plan independent days ahead, each from ``energy_kwh`` (by default the battery's start) back to the start."""
        size = len(days)
        start = np.full(size, self.battery.energy_initial_kwh) if energy_kwh is None else energy_kwh
        net = days.load_kw - days.pv_kw
        return self.plan(net, days.buy_per_mwh, days.sell_per_mwh, start, np.full(size, self.steps))
