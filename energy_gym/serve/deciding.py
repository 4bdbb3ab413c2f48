"""Who decides on the coming interval: the agent, else what the last plan said of it, else a plain rule, else nobody.

One rule: a decision comes in time, and where it is not the agent's own the reason says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from energy_gym.agents.base import FILE, Agent, read_saved, saved_view
from energy_gym.agents.registry import agent_factory, is_saved, load_agent
from energy_gym.errors import ConfigurationError, EnergyGymError, SolverError
from energy_gym.serve.live import LiveEnv
from energy_gym.serve.metered import metered
from energy_gym.serve.plan import FALLBACK, INFEASIBLE, OPTIMAL, Plan, Schedule, scheduled, share_of, wish_of
from energy_gym.serve.safety import log


class Decision(NamedTuple):
    """A share of rated power, and how it came about."""

    share: float
    status: str
    reason: str
    schedule: Schedule | None


def view_of(name: str) -> dict[str, Any]:
    """Return the keywords of an environment for an agent: a saved one plays what it was saved with, and is shown that.

    Example:
        >>> view_of("mpc")
        {}
    """
    return saved_view(read_saved(Path(name) / FILE)) if is_saved(name) else {}


def agent_of(name: str, env: LiveEnv) -> Agent:
    """Return an agent by its name, or by the folder that it is saved in, which has learnt from the history what it can.

    Raises:
        ConfigurationError: It is no agent of the suite, or one that must be trained first.
    """
    if is_saved(name):
        return load_agent(name, env)
    made = agent_factory(name).make(env, 0)
    if not isinstance(made, Agent):
        raise ConfigurationError(f"agent={name!r}", "must be an agent of the suite", "derive from Agent")
    if made.learns:
        rule = "has learnt nothing yet"
        raise ConfigurationError(f"agent={name!r}", rule, "train it, and name the folder it is saved in")
    return made.fit()


class Decider:
    """Who decides at a site.

    Args:
        name: The agent's name, or the folder that it is saved in.
        fallback: Name of the agent that decides where the first cannot and no plan is left.
        env: The site.
        seconds: How long the agent may take [s].

    Raises:
        ConfigurationError: An agent does not fit the site.
    """

    def __init__(self, name: str, fallback: str, env: LiveEnv, seconds: float) -> None:
        self.name, self.fallback, self.env, self.seconds = name, fallback, env, seconds
        self.agent = agent_of(name, env)
        # No wish at the meter leaves a battery alone whatever comes; on what is believed one does.
        self._rests = fallback == "idle" and metered(env)
        if not self._rests:
            agent_factory(fallback).make(env, 0)
        self._planning = ThreadPoolExecutor(1, thread_name_prefix="plan")
        self._busy: Future[Decision] | None = None
        self._late = False

    def begin(self) -> None:
        """Begin a new span: the agent is made anew for it, with what it has learnt, and forgets the one before.

        What an agent works out beforehand (slots of the day, what lies beyond a plan) is of one span.
        """
        self.agent = self._again()
        self.agent.reset()

    def _again(self) -> Agent:
        with TemporaryDirectory() as folder:
            try:
                self.agent.save(folder)
                return load_agent(folder, self.env)
            except (EnergyGymError, NotImplementedError):
                return agent_of(self.name, self.env)

    def decided(self, info: Mapping[str, Any], last: Plan | None) -> Decision:
        """Return the decision on the coming interval.

        Args:
            info: What the interval before came to.
            last: The last plan.
        """
        if self._busy is not None and not self._busy.done():
            return self._instead(info, last, FALLBACK, "the planner is still busy with an earlier interval")
        if self._late:
            self.agent.reset()
        self._late = False
        self._busy = self._planning.submit(self._own, info)
        try:
            return self._busy.result(timeout=self.seconds)
        except Late:
            self._late = True
            return self._instead(info, last, FALLBACK, f"no plan within {self.seconds:g} s")
        except SolverError as error:
            return self._instead(info, last, INFEASIBLE, str(error))
        except Exception as error:
            log.error("agent failed", agent=self.name, error=repr(error))
            return self._instead(info, last, FALLBACK, f"agent {self.name} failed ({type(error).__name__}: {error})")

    def resting_after(self, *shares: float) -> Schedule | None:
        """Return a schedule of given shares, the battery at rest after them; None where it cannot be told."""
        now, stop = self.env.steps_left
        size = min(self.env.setup.tape.horizon, stop - now)
        try:
            return scheduled(self.env, *shares, *[0.0] * (size - len(shares)))
        except EnergyGymError:
            return None

    def close(self) -> None:
        """Wait for nobody any more."""
        self._planning.shutdown(wait=False, cancel_futures=True)

    def _own(self, info: Mapping[str, Any]) -> Decision:
        share = wish_of(self.env, self.agent.act(self.env.observed(), info))
        return Decision(share, OPTIMAL, "", scheduled(self.env, share))

    def _instead(self, info: Mapping[str, Any], last: Plan | None, status: str, reason: str) -> Decision:
        """Return what the last plan said of this interval, else what the plain rule does."""
        tail = self._tail(last)
        if tail:
            return Decision(tail[0], status, f"{reason}; the last plan goes on", self.resting_after(*tail))
        if self._rests:
            share = share_of(self.env, 0.0)
            return Decision(share, status, f"{reason}; {self.fallback} decides", self.resting_after(share))
        try:
            rule = agent_factory(self.fallback).make(self.env, 0)
            share = wish_of(self.env, rule.act(self.env.observed(), info))
        except Exception as error:
            log.error("fallback failed", agent=self.fallback, error=repr(error))
            return Decision(
                share_of(self.env, 0.0), status, f"{reason}; {self.fallback} failed too, the battery rests", None
            )
        return Decision(share, status, f"{reason}; {self.fallback} decides", self.resting_after(share))

    def _tail(self, last: Plan | None) -> tuple[float, ...]:
        """Return the shares that a plan has left for the coming interval and after it."""
        if last is None or last.schedule is None:
            return ()
        place = round((self.env.time - last.time).total_seconds() / 3600.0 / self.env.setup.feed.step_hours)
        return last.schedule.shares[place:] if place >= 0 else ()
