"""Experts at play: the oracle, which knows what comes, or an agent that knows the forecast, such as the rolling MPC.

One rule: observations are the environment's own; only the advice knows the future.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from energy_gym.agents.base import Agent
from energy_gym.agents.bid_planning import BidForesight
from energy_gym.agents.mpc import first_action
from energy_gym.agents.records.keywords import environment_id, plain_keywords
from energy_gym.agents.records.trajectories import Episode, Trajectories
from energy_gym.agents.registry import agent_class, agent_ids, make_agent
from energy_gym.bidding.env import ProducerEnv
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import check_count
from energy_gym.envs.wrapped import EVERYTHING, check_faithful
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.oracle import solve
from energy_gym.oracle.solution import Solution, idle_return

ORACLE = "oracle"
WINDOW = 24
# Keeps the draws of the noise apart from those of the environment, which has the same seed.
NOISE = 1
# Called with the steps played so far, and those to be played in all.
Progress = Callable[[int, int], None]
# The expert's action in the environment's current state, given the observation and what came with it.
Advisor = Callable[[Any, dict[str, Any]], Any]
# What a student does in the state that was observed.
Student = Callable[[npt.NDArray[np.float32]], Any]


def record_expert(
    env: Any,
    *,
    policy: str = ORACLE,
    noise: float = 0.0,
    window: int | None = WINDOW,
    episode_steps: int | None = None,
    episodes: int = 1,
    seed: int = 0,
    student: Student | None = None,
    share: float = 1.0,
    judged: bool = True,
    progress: Progress | None = None,
) -> Trajectories:
    """Let an expert play episodes of an environment and record them.

    Args:
        env: An environment of this package, in no wrappers that change what is seen, done or earned; its own split and
            keywords are played.
        policy: ``"oracle"`` plans over what will really happen, ``"mpc"`` over the environment's own forecast; or the
            name of another agent that needs no training.
        noise: Probability with which a step plays a random action, drawn evenly, in place of the expert's.
        window: Steps that the oracle plans ahead, from each state anew and exactly within them (a discrete environment
            over its own levels); energy left at the end counts at the settlement price. None: the proven plan of the
            whole episode. The MPC plans over the environment's ``horizon``.
        episode_steps: Steps of an episode; by default the environment's own.
        episodes: Number of episodes.
        seed: Seed of the first episode; the others follow.
        student: From an observation to an action: it plays in the expert's place, which goes on advising, so that the
            records hold what the expert would do in the states that the student comes to.
        share: Probability with which the student plays a step.
        judged: Whether each episode is told what it could have earned at best. To learn from it needs none of that, and
            to solve it can take longer than to play it.
        progress: Called now and then with steps done and steps to do.

    Raises:
        ConfigurationError: Not an environment of this package, or a whole plan with noise or a student.
        UnknownIdError: An unknown policy.
        UnsuitableAgentError: An agent that decides on something else than the environment asks for.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=48)
        >>> plan = record_expert(env, window=None).episodes[0]
        >>> abs(plan.return_ - plan.oracle_value) < 1e-6
        True
        >>> noisy = record_expert(env, noise=0.5, seed=1)
        >>> noisy.episodes[0].return_ < noisy.episodes[0].oracle_value
        True
    """
    base = _checked(env, policy, noise, window, student, share)
    options = None if episode_steps is None else {"steps": check_count("episode_steps", episode_steps)}
    count = check_count("episodes", episodes)
    rule = None if policy == ORACLE else make_agent(policy, base, seed).fit()
    played: list[Episode] = []
    for number in range(count):
        observation, info = base.reset(seed=seed + number, options=options)
        mind = _foresight(base, window) if rule is None else _following(rule)
        played.append(
            _play(
                _Run(base, mind, noise, seed + number, number, count, judged, progress, student, share),
                observation,
                info,
            )
        )
    setup = base.setup
    keywords = plain_keywords(base)
    return Trajectories(tuple(played), environment_id(base), keywords, setup.layout, setup.levels, policy, float(noise))


def _checked(
    env: Any, policy: str, noise: float, window: int | None, student: Student | None, share: float
) -> EnergyEnv:
    base = recorded(env)
    if policy != ORACLE and policy not in agent_ids():
        raise UnknownIdError.of("expert policy", policy, (ORACLE, *agent_ids()))
    if policy != ORACLE and agent_class(policy).learns:
        raise ConfigurationError(f"policy={policy!r}", "learns, and so is no expert", "choose oracle, mpc or a rule")
    for name, chance in (("noise", noise), ("share", share)):
        if not 0.0 <= chance <= 1.0:
            raise ConfigurationError(f"{name}={chance}", "must be a probability", "pass a number in [0, 1]")
    if window is not None:
        check_count("window", window)
    elif policy == ORACLE and (noise > 0.0 or student is not None):
        told = f"noise={noise}" if student is None else "a student"
        raise ConfigurationError(
            f"window=None with {told}", "a plan made once does not hold off its path", "pass window=24, say"
        )
    return base


def recorded(env: Any) -> EnergyEnv:
    """Return the environment inside all wrappers, which is what records hold.

    Raises:
        ConfigurationError: It is none of this package, or a wrapper changes what is seen, done or earned.
    """
    base = getattr(env, "unwrapped", env)
    if not isinstance(base, EnergyEnv):
        raise ConfigurationError(f"env={env!r}", "must be a single environment of energy_gym", "pass gym.make(...)")
    check_faithful(env, EVERYTHING, "records hold those of the environment itself", "pass env.unwrapped")
    return base


def _following(rule: Agent) -> Advisor:
    rule.reset()
    return rule.act


def _foresight(env: EnergyEnv, window: int | None) -> Advisor:
    if window is not None:
        mind = foresight(env, window)
        return lambda _, info: mind(info)
    plan = iter(solve(env).actions)
    return lambda *_: next(plan)


def foresight(env: EnergyEnv, window: int) -> Callable[[dict[str, Any]], Any]:
    """Return the oracle over a rolling window; of a producer, one that reaches as far as bids do, made anew hourly."""
    if env.decision != "bids":
        return Foresight(env, window)
    bids = BidForesight(cast(ProducerEnv, env), window)
    return lambda _: bids.action()


@dataclass(frozen=True)
class Foresight:
    """The oracle over a rolling window of what will really happen: exact from the current state, at each step.

    Args:
        env: The environment, whose state is read at each call.
        window: Steps looked ahead; fewer where the episode ends before.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", actions="discrete-3", episode_steps=24)
        >>> _, info = env.reset(seed=0)
        >>> Foresight(env.unwrapped, 12)(info) in (0, 1, 2)
        True
    """

    env: EnergyEnv
    window: int

    def __call__(self, info: dict[str, Any]) -> Any:
        """Return the best first action: an index of the levels, or a share of rated power of shape (1,)."""
        env = self.env
        now, stop = env.steps_left
        end = min(now + self.window, stop)
        return first_action(env, [unit.window(now, end).unproved() for unit in env.setup.units], end == stop)


@dataclass(frozen=True)
class _Run:
    """What stays the same during an episode."""

    env: EnergyEnv
    advise: Advisor
    noise: float
    seed: int
    number: int
    count: int
    judged: bool
    progress: Progress | None
    student: Student | None = None
    share: float = 1.0

    def report(self, step: int, steps: int) -> None:
        if self.progress is not None and (step % 100 == 0 or step == steps):
            self.progress(self.number * steps + step, self.count * steps)


def _play(run: _Run, observation: npt.NDArray[np.float32], info: dict[str, Any]) -> Episode:
    env, levels = run.env, run.env.setup.levels
    first, stop = env.steps_left
    known = marks(env) if run.judged else {}
    steps = stop - first
    random = np.random.default_rng([run.seed, NOISE])
    seen = np.empty((steps + 1, len(env.layout)), dtype=np.float32)
    played = env.action_space.shape or ()
    actions, advice = _blank(steps, levels, played), _blank(steps, levels, played)
    rewards = np.empty(steps)
    seen[0] = observation
    for step in range(steps):
        advised = run.advise(seen[step], info)
        advice[step] = actions[step] = advised if levels is not None else _outward(advised)
        if run.student is not None and random.random() < run.share:
            actions[step] = run.student(seen[step])
        if random.random() < run.noise:
            drawn = random.uniform(-1.0, 1.0, played) if levels is None else random.integers(len(levels), size=played)
            actions[step] = drawn
        seen[step + 1], rewards[step], _, _, info = env.step(actions[step])
        run.report(step + 1, steps)
    return Episode(seen, actions, advice, rewards, run.seed, env.setup.time(first).isoformat(), **known)


def _blank(steps: int, levels: tuple[float, ...] | None, played: tuple[int, ...]) -> npt.NDArray[Any]:
    return np.empty((steps, *played), dtype=np.float32 if levels is None else np.int64)


def _outward(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the next float32 away from zero, so that a limit that was to be reached is reached."""
    near = shares.astype(np.float32)
    beyond = np.nextafter(near, np.copysign(2.0, shares).astype(np.float32))
    return np.where(np.abs(near.astype(np.float64)) >= np.abs(shares), near, beyond)


def marks(env: EnergyEnv) -> dict[str, float]:
    """Return what the episode could earn: at best over its own actions, at best physically, and for doing nothing."""
    limit = env.setup.kind.mark_seconds
    best: Solution = solve(env, time_limit=limit)
    physical = best if env.setup.levels is None else solve(env, continuous=True, time_limit=limit)
    first, stop = env.steps_left
    idle = idle_return(env.setup, first, stop, env.states)
    values = {"oracle_value": best.value, "oracle_bound": best.bound}
    return {**values, "idle_value": idle, "physical_value": physical.value}
