"""An entry played on a task: twice on the series as they are, once on days in another order.

One rule: an entry decides on what it observes. What agrees in all that it was told must be answered alike, and what it
answers on one series must not be worth more on another one, which it was never shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from energy_gym.entries.folder import Entry
from energy_gym.entries.process import EntryProcess, Limits
from energy_gym.entries.series import check_held_out, held_back, on, reordered
from energy_gym.errors import ActionError, EntryError, ForesightError
from energy_gym.evaluation.episode import Evaluation, evaluate
from energy_gym.leaderboard.runs import EPISODE_SEED
from energy_gym.leaderboard.suites import Task
from energy_gym.oracle import solve
from energy_gym.oracle.solution import Solution

SEED = 0
# By how much what it answered on one series may be worth more on another one [score]; see docs/leaderboard.md.
MARGIN = 0.1


@dataclass(frozen=True)
class Play:
    """One episode of an entry.

    Args:
        result: What it earned.
        told: A hash of what it was told before each decision.
        actions: What it answered.
        rewards: What each step earned.
        infos: What each step came to.
    """

    result: Evaluation
    told: Sequence[str]
    actions: Sequence[Any]
    rewards: Sequence[float]
    infos: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Played:
    """An entry on a task, and what its checks found.

    Args:
        env: The environment, as it is after the first play.
        best: Its optimum.
        play: The first play.
        reordered_score: What it scores on days in another order.
        unseen_score: What the same actions score on the days as they are.
    """

    env: Any
    best: Solution
    play: Play
    reordered_score: float
    unseen_score: float


def play_entry(entry: Entry, task: Task, limits: Limits, log: Path) -> Played:
    """Play a task with an entry and check what it decides on.

    Raises:
        EntryError: It cannot be played within the limits, or answers otherwise the second time.
        ForesightError: It answers by what it was not shown.
    """
    task = task.played_with(entry.actions_for(task))
    env = task.make()
    env.reset(seed=EPISODE_SEED)
    base: Any = env.unwrapped
    check_held_out(task.name, base)
    best, table = _solved(env), _Table(entry, task, on(base, held_back(base)), limits, log)
    first, second = (table.play(env, best) for _ in range(2))
    _check_same(task, first, second)
    other_data, _ = reordered(base, int(entry.sha256[:8], 16))
    other = gym.make(task.id, disable_env_checker=True, **on(base, other_data))
    third = table.play(other, _solved(other))
    _check_blind(task, first, third)
    unseen = evaluate(_Answers(third.actions), env, seed=EPISODE_SEED, oracle=best)
    _check_earned(task, third.result.score, unseen.score)
    return Played(env, best, first, third.result.score, unseen.score)


@dataclass(frozen=True)
class _Table:
    """Where an entry is played: always with the same data before it, whatever is played."""

    entry: Entry
    task: Task
    keywords: dict[str, Any]
    limits: Limits
    log: Path

    def play(self, env: Any, best: Solution) -> Play:
        """Play an environment in a fresh process."""
        noted = _Noted(env)
        table = EntryProcess(
            self.entry.folder,
            self.entry.agent,
            env.unwrapped,
            id=self.task.id,
            keywords=self.keywords,
            limits=self.limits,
            log=self.log,
            seed=SEED,
        )
        with table as process:
            witness = _Witness(process, env.unwrapped)
            try:
                result = evaluate(witness, noted, seed=EPISODE_SEED, oracle=best)
            except ActionError as error:
                when = f"the entry at decision {process.decisions}: {error.value}"
                raise EntryError(when, error.rule, error.remedy) from error
        return Play(result, witness.told, witness.actions, noted.rewards, noted.infos)


class _Noted(gym.Wrapper[Any, Any, Any, Any]):
    """Keeps rewards and infos of the episode, and changes nothing."""

    faithful = True

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.rewards: list[float] = []
        self.infos: list[Mapping[str, Any]] = []

    def step(self, action: Any) -> Any:
        taken = self.env.step(action)
        self.rewards.append(float(taken[1]))
        self.infos.append(taken[4])
        return taken


class _Witness:
    """Keeps what a process is told and what it answers."""

    def __init__(self, process: EntryProcess, env: Any) -> None:
        self.process, self.env = process, env
        self.told: list[str] = []
        self.actions: list[Any] = []
        self.reset = process.reset

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        self.told.append(_digest(self.env, observation, info))
        action = self.process.act(observation, info)
        self.actions.append(action)
        return action


class _Answers:
    """Plays actions that were noted."""

    def __init__(self, actions: Sequence[Any]) -> None:
        self.actions = actions

    def reset(self) -> None:
        self.rest = iter(self.actions)

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        return next(self.rest)


def _solved(env: Any) -> Solution:
    env.reset(seed=EPISODE_SEED)
    return solve(env, continuous=True)


def _digest(env: Any, observation: Any, info: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(observation.tobytes() + repr((info, env.states)).encode())
    for rows in (env.outlook(), env.past()):
        for name, row in rows.items():
            digest.update(name.encode() + row.tobytes())
    return digest.hexdigest()


def _parting(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the first decision before which two plays were told something different, or how many there are."""
    pairs = zip(one, other, strict=True)
    return next((step for step, (told, also) in enumerate(pairs) if told != also), len(one))


def _same(one: Any, other: Any) -> bool:
    return np.asarray(one).tobytes() == np.asarray(other).tobytes()


def _differing(one: Play, other: Play) -> int | None:
    """Return the first decision that differs although all that was told before agrees."""
    stop = _parting(one.told, other.told)
    return next((step for step in range(stop) if not _same(one.actions[step], other.actions[step])), None)


def _check_same(task: Task, first: Play, second: Play) -> None:
    step = _differing(first, second)
    if step is not None:
        told = f"{first.actions[step]!r:.40} at first and {second.actions[step]!r:.40} the second time"
        found = f"the entry on task {task.name!r}, decision {step + 1}: {told}"
        raise EntryError(found, "must answer alike when it is told the same", "seed what it draws")


def _check_blind(task: Task, first: Play, third: Play) -> None:
    step = _differing(first, third)
    if step is not None:
        found = f"the entry on task {task.name!r}, decision {step + 1}"
        rule = "answers otherwise on series that agree up to there in all that it was told, and differ later"
        raise ForesightError(found, rule, "let it decide on what it observes")


def _check_earned(task: Task, seen: float, unseen: float) -> None:
    # What earns nothing, such as an agent that draws at random, differs by chance.
    if unseen - max(seen, 0.0) > MARGIN:
        found = f"the entry on task {task.name!r}"
        rule = f"scores {seen:.3f} on the days it was shown, and with the same actions {unseen:.3f} on days it was not"
        raise ForesightError(found, rule, "let it decide on what it observes: it knows the held-out series")
