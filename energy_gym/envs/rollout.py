"""The environment as a differentiable function: wishes in, rewards out, as torch tensors on any device.

One rule: no physics here; what is played is `dynamics.compose` on tensors, so that in float64 every figure is, bit for
bit, that of the single environment, and gradients flow through whatever was not clipped.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from energy_gym.backends import tensors
from energy_gym.closing import Closing
from energy_gym.dynamics import FIGURES, STATES, Course, Guard, Move, play
from energy_gym.entities import Battery
from energy_gym.envs.batched import gather_all
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.setup import Setup
from energy_gym.errors import ConfigurationError, WindowError
from energy_gym.scenario import Weights
from energy_gym.units import Unit


@dataclass(frozen=True)
class Played:
    """What a batch of B windows of T steps came to; all tensors carry gradients where the wishes do.

    Args:
        rewards: Reward of each step, shape (B, T) [reward units].
        states: States at the start and at the end of each step, shape (B, T + 1, states): of the controlled entities,
            then the running maxima [kW], unit by unit.
        wishes: Shares of rated power that were asked of the laws, shape (B, T, controls).
        parts: The figures named in `dynamics.FIGURES`, each of shape (B, T).
    """

    rewards: Any
    states: Any
    wishes: Any
    parts: dict[str, Any]

    @property
    def returns(self) -> Any:
        """Sum of the rewards of each window, shape (B,)."""
        return self.rewards.sum(dim=1)


def _played(
    course: Course, states: Sequence[Any], wishes: Any, signals: Sequence[Any], guard: Guard | None = None
) -> Played:
    """Play T steps from states, each of shape (B,), with wishes of shape (B, T, controls), cut to [-1, 1]."""
    asked = [row.unbind(dim=1) for row in wishes.clamp(-1.0, 1.0).unbind(dim=1)]
    moves = list(play(course, states, asked, signals, tensors(), guard))
    path = [tuple(states), *(move.flow[STATES] for move in moves)]
    return _stacked(path, moves, wishes)


def _stacked(path: Sequence[Sequence[Any]], moves: Sequence[Move], like: Any) -> Played:
    import torch

    def row(values: Sequence[Any]) -> Any:
        return torch.stack(
            [value if isinstance(value, torch.Tensor) else like.new_full((len(like),), value) for value in values],
            dim=1,
        )

    figures = zip(*(move.flow[1:] for move in moves), strict=True)
    parts = {name: row(values) for name, values in zip(FIGURES, figures, strict=True)}
    asked = torch.stack([row(move.wishes) for move in moves], dim=1)
    return Played(row([move.gain for move in moves]), torch.stack([row(now) for now in path], dim=1), asked, parts)


class Rollout:
    """Plays windows of an environment's split, many at once, as one differentiable function of the wishes.

    Plays every scenario of entities and metered contracts, and fleets whose dispatch is a rule; producers, whose bids
    count at gate closures, are refused. What an agent may know is not its business.

    Args:
        source: An environment, in any Gymnasium wrappers, or its setup.
        dtype: Type of the numbers, by default ``torch.float64`` (the environment's own bits); float32 trains faster.
        device: Where the series lie and the wishes are expected.

    Raises:
        ConfigurationError: The source is no environment of this package, or one that a rollout cannot play.
        MissingExtraError: If torch is not installed.

    Example:
        >>> import gymnasium as gym, torch
        >>> rollout = Rollout(gym.make("energy_gym/HomeSolar-v1", home=4))
        >>> wishes = torch.zeros(2, 24, rollout.controls, dtype=torch.float64, requires_grad=True)
        >>> played = rollout(torch.tensor([0, 480]), wishes)
        >>> played.rewards.shape, played.states.shape
        (torch.Size([2, 24]), torch.Size([2, 25, 1]))
        >>> played.returns.sum().backward()
        >>> wishes.grad.shape
        torch.Size([2, 24, 1])
    """

    def __init__(self, source: Any, *, dtype: Any = None, device: Any = "cpu") -> None:
        tensors()
        import torch

        base = getattr(source, "unwrapped", source)
        setup = base.setup if isinstance(base, EnergyEnv) else base
        if not isinstance(setup, Setup):
            raise ConfigurationError(f"source={source!r}", "must be an environment of energy_gym", "pass gym.make(...)")
        if setup.undifferentiable is not None:
            remedy = "step the environment or a batch of it, energy_gym.make_vec"
            raise ConfigurationError(f"rollout of {setup.scenario.name!r}", setup.undifferentiable, remedy)
        self.setup = setup
        self.dtype, self.device = dtype or torch.float64, torch.device(device)
        self._course = Course(setup.units, setup.closings, setup.weights)
        laid = gather_all(setup.units)(np.arange(setup.steps))
        self._series = _mapped(laid, lambda series: torch.as_tensor(series, dtype=self.dtype, device=self.device))

    @property
    def controls(self) -> int:
        """Number of decisions of a step."""
        return self.setup.controls

    def initial(self, size: int, steps: int | None = None) -> Any:
        """Return the states at the start of an episode of ``steps`` steps, shape (size, states)."""
        import torch

        states = self.setup.started(self.setup.episode_steps if steps is None else steps)
        start = torch.tensor(states, dtype=self.dtype, device=self.device)
        return start.repeat(size, 1)

    def __call__(self, first: Any, wishes: Any, states: Any = None, *, closed: bool = True) -> Played:
        """Play windows of T steps.

        Args:
            first: First step of each window, counted from the start of the split, shape (B,), whole numbers.
            wishes: Shares of rated power in [-1, 1], shape (B, T, controls); what lies beyond is cut, as the
                environment does, and passes no gradient.
            states: States at the start, shape (B, states); by default those of a new episode.
            closed: Whether the windows end their episodes, so that the end is settled in the last reward.

        Raises:
            ConfigurationError: Wishes or states of another shape.
            WindowError: A window that leaves the split.
        """
        import torch

        if wishes.ndim != 3 or wishes.shape[0] != len(first) or wishes.shape[2] != self.controls:
            raise ConfigurationError(
                f"wishes of shape {tuple(wishes.shape)}",
                f"must have the shape ({len(first)}, steps, {self.controls})",
                "pass one share of rated power for each window, step and control",
            )
        begin = torch.as_tensor(first, device=self.device)
        start = self.initial(len(begin), wishes.shape[1] if closed else None) if states is None else states
        self._check(begin, wishes.shape[1], start)
        steps = begin[:, None] + torch.arange(wishes.shape[1], device=self.device)
        signals = [_mapped(self._series, operator.itemgetter((..., at))) for at in steps.unbind(dim=1)]
        course = self._course if closed else self._course._replace(closings=None)
        return _played(course, start.unbind(dim=1), wishes, signals)

    def _check(self, first: Any, length: int, states: Any) -> None:
        if len(first) and not (int(first.min()) >= 0 and int(first.max()) + length <= self.setup.steps):
            raise WindowError(
                f"windows of {length} steps from {int(first.min())} to {int(first.max())}",
                f"must lie within the {self.setup.steps} steps of the split",
                "choose other first steps",
            )
        wanted = (len(first), len(self.setup.initial))
        if tuple(states.shape) != wanted:
            raise ConfigurationError(f"states of shape {tuple(states.shape)}", f"must be {wanted}", "see initial()")


class DayRollout:
    """Plays independent days of a home with a battery: series of shape (B, T) in place of windows of one split.

    Args:
        battery: The battery of every home.
        step_hours: Length of a step [h].
        closing: What energy missing or left at the end costs; by default nothing.
        weights: What each part counts in the reward; by default money alone.

    Example:
        >>> import torch
        >>> from energy_gym.data.homes import synthetic_days
        >>> days = synthetic_days(3, seed=0)
        >>> net_kw, buy, sell = map(torch.as_tensor, (days.load_kw - days.pv_kw, days.buy_per_mwh, days.sell_per_mwh))
        >>> played = DayRollout(Battery())(net_kw, buy, sell, torch.zeros(3, 24, dtype=torch.float64))
        >>> played.rewards.shape
        torch.Size([3, 24])
    """

    def __init__(
        self,
        battery: Battery,
        step_hours: float = 1.0,
        closing: Closing | None = None,
        weights: Weights | None = None,
    ) -> None:
        none, flexible = np.zeros((0, 1)), battery.flexible("battery", step_hours, {})
        if flexible.memory:
            raise ConfigurationError(f"battery={battery!r}", "must be of the plain kind here", "pass a Battery")
        buy, sell = np.ones(1), np.zeros(1)
        unit = Unit(
            name="home",
            flexibles=(flexible,),
            fixed_kwh=np.zeros(1),
            curtailable_kwh=None,
            import_kwh=np.inf,
            export_kwh=np.inf,
            buy=buy,
            sell=sell,
            carbon=np.zeros(1),
            rates=np.zeros(0),
            active=none,
            fresh=none,
            hours=step_hours,
        )
        self.battery, self.step_hours = battery, step_hours
        self.units = (unit,)
        self._course = Course(self.units, (closing or Closing(),), weights or Weights(1.0, 0.0, 1.0))

    def __call__(
        self,
        net_kw: Any,
        buy_per_mwh: Any,
        sell_per_mwh: Any,
        wishes: Any,
        energy_kwh: Any = None,
        guard: Guard | None = None,
    ) -> Played:
        """Play B days of T steps.

        Args:
            net_kw: Load less production, shape (B, T) [kW].
            buy_per_mwh: Price of import, shape (B, T).
            sell_per_mwh: Price of export, shape (B, T).
            wishes: Shares of the battery's rated power in [-1, 1], shape (B, T).
            energy_kwh: Energy stored at the start, shape (B,); by default that of a new episode.
            guard: See `energy_gym.dynamics.play`.

        Raises:
            ConfigurationError: The shapes differ.
        """
        for name, part in (("net_kw", net_kw), ("buy_per_mwh", buy_per_mwh), ("sell_per_mwh", sell_per_mwh)):
            if part.shape != wishes.shape:
                shapes = f"{name} of shape {tuple(part.shape)}, wishes of shape {tuple(wishes.shape)}"
                raise ConfigurationError(shapes, "must agree", "pass tensors of shape (days, steps)")
        start = wishes.new_full(wishes.shape[:1], self.battery.energy_initial_kwh) if energy_kwh is None else energy_kwh
        columns = [part.unbind(dim=1) for part in (buy_per_mwh, sell_per_mwh, net_kw * self.step_hours)]
        signals = [(buy, sell, 0.0, fixed) for buy, sell, fixed in zip(*columns, strict=True)]
        return _played(self._course, (start,), wishes[:, :, None], signals, guard)


def _mapped(tree: Any, change: Callable[[Any], Any]) -> Any:
    """Return nested tuples with their arrays changed; numbers stay as they are."""
    if isinstance(tree, tuple):
        return tuple(_mapped(part, change) for part in tree)
    return tree if isinstance(tree, float) else change(tree)
