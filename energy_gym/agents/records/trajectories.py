"""Recorded episodes: what was seen, played, advised and earned, with what is needed to know which task they are of.

One rule: arrays are kept exactly as the environment gave and took them; scaling is a learner's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.errors import ConfigurationError, DataError, NonFiniteError
from energy_gym.tape import Slot

Observations = npt.NDArray[np.float32]
Actions = npt.NDArray[Any]
SHOWN = 5


@dataclass(frozen=True)
class Episode:
    """One recorded episode of T steps.

    Args:
        observations: What was seen before each step and after the last, float32 of shape (T + 1, slots).
        actions: What was played, noise included: float32 of shape (T, controls), or int64 of shape (T,) where
            discrete; (T, controls) if several controls have levels.
        advice: What the expert would have played in each of these states, of the same shape and type.
        rewards: What the environment returned, float64 of shape (T,) [reward units].
        seed: Seed of ``env.reset``.
        start: Start of the first step, ISO 8601, UTC.
        oracle_value: Optimum of the episode over the environment's own action space [reward units], where known.
        oracle_bound: Proven upper bound on it, where known.
        idle_value: Return of doing nothing, where known.
        physical_value: Optimum over the physical range of power (the yardstick of scores), where known.

    Raises:
        DataError: Arrays whose shapes or types do not fit together.
        NonFiniteError: NaN or infinity in one of them.

    Example:
        >>> import numpy as np
        >>> seen = np.zeros((3, 7), dtype=np.float32)
        >>> played = np.array([0, 2])
        >>> episode = Episode(seen, played, played, np.array([0.5, 1.0]), 0, "2024-01-01T00:00:00+00:00", 2.0, 2.0)
        >>> len(episode), episode.return_
        (2, 1.5)
    """

    observations: Observations
    actions: Actions
    advice: Actions
    rewards: Floats
    seed: int
    start: str
    oracle_value: float | None = None
    oracle_bound: float | None = None
    idle_value: float | None = None
    physical_value: float | None = None

    def __post_init__(self) -> None:
        steps = len(self.rewards)
        kind = np.dtype(np.int64 if self.discrete else np.float32)
        action = (steps, *(self.actions.shape[1:2] or (() if self.discrete else (1,))))
        slots = self.observations.shape[1:]
        _check("rewards", self.rewards, (max(steps, 1),), np.dtype(np.float64))
        _check("observations", self.observations, (steps + 1, *(slots[:1] or (1,))), np.dtype(np.float32))
        _check("actions", self.actions, action, kind)
        _check("advice", self.advice, action, kind)

    def __len__(self) -> int:
        return len(self.rewards)

    @property
    def discrete(self) -> bool:
        """Whether the actions are indices of levels."""
        return bool(self.actions.dtype.kind in "iu")

    @property
    def return_(self) -> float:
        """Sum of the rewards, in their order [reward units]."""
        return float(sum(self.rewards.tolist()))

    @property
    def score(self) -> float | None:
        """0 for doing nothing, 1 for perfect foresight over the physical range; None where that is not known."""
        if self.idle_value is None or self.physical_value is None or self.physical_value <= self.idle_value:
            return None
        return (self.return_ - self.idle_value) / (self.physical_value - self.idle_value)


@dataclass(frozen=True)
class Trajectories:
    """Episodes of one environment, played by one policy.

    Args:
        episodes: At least one.
        id: Id of the environment, for ``gym.make``.
        keywords: Keywords of ``gym.make`` as plain JSON values; see
            `energy_gym.agents.records.keywords.plain_keywords`.
        layout: Name, unit, offset and scale of each slot of an observation.
        levels: Shares of rated power that the discrete actions stand for; None where actions are continuous.
        policy: Who gave the advice: ``"oracle"``, the name of an agent, ``"log"``, or several joined by ``+``.
        noise: Probability with which a step played a random action instead.

    Raises:
        DataError: No episodes, or episodes of another kind of action or another number of slots.

    Example:
        >>> import gymnasium as gym
        >>> from energy_gym.agents.records.experts import record_expert
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=24)
        >>> expert = record_expert(env, episodes=2)
        >>> len(expert), expert.observations.shape, expert.rows.shape, int(expert.timeouts.sum())
        (48, (48, 31), (50, 31), 2)
    """

    episodes: tuple[Episode, ...]
    id: str
    keywords: dict[str, Any]
    layout: tuple[Slot, ...]
    levels: tuple[float, ...] | None
    policy: str
    noise: float

    def __post_init__(self) -> None:
        if not self.episodes:
            raise DataError("trajectories of 0 episodes", "hold nothing to learn from", "record at least one episode")
        for number, episode in enumerate(self.episodes):
            self._check(f"episode {number}", episode)

    def _check(self, name: str, episode: Episode) -> None:
        slots = episode.observations.shape[1]
        if slots != len(self.layout):
            raise DataError(f"{name}: {slots} slots", f"the layout has {len(self.layout)}", "record it again")
        if episode.discrete != (self.levels is not None):
            kind = "discrete" if episode.discrete else "continuous"
            raise DataError(f"{name}: {kind} actions", f"do not fit levels={self.levels}", "record it again")
        if self.levels is not None:
            for actions in (episode.actions, episode.advice):
                if actions.min() < 0 or actions.max() >= len(self.levels):
                    worst = int(actions.max() if actions.max() >= len(self.levels) else actions.min())
                    raise DataError(
                        f"{name}: action {worst}", f"must be one of 0 to {len(self.levels) - 1}", "record it again"
                    )

    def __len__(self) -> int:
        return sum(len(episode) for episode in self.episodes)

    @cached_property
    def rows(self) -> Observations:
        """All observations of all episodes, the last of each included: shape (steps + episodes, slots)."""
        return np.concatenate([episode.observations for episode in self.episodes])

    @cached_property
    def observations(self) -> Observations:
        """What was seen before each step, shape (steps, slots)."""
        return self.before(self.rows)

    @cached_property
    def next_observations(self) -> Observations:
        """What was seen after each step, shape (steps, slots)."""
        return self.after(self.rows)

    @cached_property
    def actions(self) -> Actions:
        """What was played: shape (steps, controls), or (steps,) where discrete."""
        return np.concatenate([episode.actions for episode in self.episodes])

    @cached_property
    def advice(self) -> Actions:
        """What the expert would have played; shape and type of ``actions``."""
        return np.concatenate([episode.advice for episode in self.episodes])

    @cached_property
    def rewards(self) -> Floats:
        """Rewards as the environment returned them, shape (steps,) [reward units]."""
        return np.concatenate([episode.rewards for episode in self.episodes])

    @cached_property
    def timeouts(self) -> npt.NDArray[np.bool_]:
        """Where an episode ended, shape (steps,): time ran out, nothing terminated."""
        flags = np.zeros(len(self), dtype=np.bool_)
        flags[np.cumsum([len(episode) for episode in self.episodes]) - 1] = True
        return flags

    def before(self, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return, of an array with a row for each of ``rows``, those before a step: (steps, ...)."""
        return rows[:-1][~self._gaps]

    def after(self, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return, of an array with a row for each of ``rows``, those after a step: (steps, ...)."""
        return rows[1:][~self._gaps]

    @cached_property
    def _gaps(self) -> npt.NDArray[np.bool_]:
        """Where a row is the last of its episode, for all rows but the very last."""
        flags = np.zeros(len(self) + len(self.episodes) - 1, dtype=np.bool_)
        flags[np.cumsum([len(episode) + 1 for episode in self.episodes])[:-1] - 1] = True
        return flags

    def check_matches(self, env: Any) -> None:
        """Check that an environment has the same observation slots and actions.

        Raises:
            ConfigurationError: It has others; the message lists them.
        """
        base = env.unwrapped
        wrong = [*slot_differences(self.layout, base.layout), *_other_levels(self.levels, base.setup.levels)]
        if wrong:
            more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
            raise ConfigurationError(
                f"data of {self.id} ({self.policy})",
                f"do not fit the environment: {'; '.join(wrong[:SHOWN])}{more}",
                f"make the environment with the keywords of the data: {self.keywords}",
            )


def mixture(first: Trajectories, *others: Trajectories) -> Trajectories:
    """Return the episodes of several records of one environment as one, such as an expert's and a rule's.

    Raises:
        DataError: Records of other slots or other levels.

    Example:
        >>> import gymnasium as gym
        >>> from energy_gym.agents.records.experts import record_expert
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=24)
        >>> both = mixture(record_expert(env), record_expert(env, policy="mpc", noise=0.5))
        >>> both.policy, len(both), both.noise
        ('oracle+mpc', 48, 0.25)
    """
    for other in others:
        wrong = [*slot_differences(first.layout, other.layout), *_other_levels(first.levels, other.levels)]
        if wrong:
            more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
            rule = f"does not fit those of {first.policy!r}: {'; '.join(wrong[:SHOWN])}{more}"
            raise DataError(f"record of {other.policy!r}", rule, "record both in environments of the same keywords")
    parts = (first, *others)
    policy = "+".join(dict.fromkeys(part.policy for part in parts))
    noise = sum(part.noise * len(part) for part in parts) / sum(map(len, parts))
    episodes = tuple(episode for part in parts for episode in part.episodes)
    return replace(first, episodes=episodes, policy=policy, noise=noise)


def slot_differences(own: tuple[Slot, ...], other: tuple[Slot, ...]) -> list[str]:
    """Return in words which slots of a layout another one lacks, adds, or scales differently.

    Example:
        >>> slot_differences((Slot("price[+0]", "USD/MWh", 0.0, 1.0),), (Slot("price[+0]", "USD/MWh", 0.0, 2.0),))
        ['slot price[+0] is (USD/MWh, 0, 1) in the data, (USD/MWh, 0, 2) in the environment']
    """
    ours: Mapping[str, Slot] = {slot.name: slot for slot in own}
    theirs: Mapping[str, Slot] = {slot.name: slot for slot in other}
    found = [f"slot {name} is only in the data" for name in ours if name not in theirs]
    found += [f"slot {name} is only in the environment" for name in theirs if name not in ours]
    for name in ours:
        if name in theirs and ours[name] != theirs[name]:
            found.append(f"slot {name} is {_scale(ours[name])} in the data, {_scale(theirs[name])} in the environment")
    if not found and own != other:
        found.append("the slots are in another order")
    return found


def _scale(slot: Slot) -> str:
    return f"({slot.unit}, {slot.offset:g}, {slot.scale:g})"


def _other_levels(own: tuple[float, ...] | None, other: tuple[float, ...] | None) -> list[str]:
    if own == other:
        return []
    names = ["continuous" if levels is None else f"discrete-{len(levels)} {levels}" for levels in (own, other)]
    return [f"actions are {names[0]} in the data, {names[1]} in the environment"]


def _check(name: str, values: npt.NDArray[Any], shape: tuple[int, ...], kind: np.dtype[Any]) -> None:
    if values.shape != shape or values.dtype != kind:
        found = f"{name} of shape {values.shape} and type {values.dtype}"
        raise DataError(found, f"must be {kind} of shape {shape}", "record the episode again")
    if kind.kind == "f" and not np.isfinite(values).all():
        place = np.argwhere(~np.isfinite(values))[0].tolist()
        raise NonFiniteError(f"{name}{place}", "must be finite", "record the episode again")
