"""``recommend``: which agent to use, given a scenario, an objective and a limit on the time of a decision.

One rule: the test split is never read; every candidate plays the same weeks of the validation split, and what could not
be played is told with its reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import yaml

from energy_gym.agents.annealing import Annealing
from energy_gym.agents.base import FILE, saved_actions
from energy_gym.agents.registry import agent_class, agent_factory, agent_ids
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import check_count
from energy_gym.errors import (
    ConfigurationError,
    EnergyGymError,
    NonPositiveError,
    UnknownIdError,
    UnsuitableAgentError,
)
from energy_gym.evaluation.statistics import Estimate, estimate, mean
from energy_gym.evaluation.trials import Progress, Trial, Weeks
from energy_gym.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

WEEKS = 8
# The part of the limit that annealing takes for its own.
ANNEALED = 0.5


@dataclass(frozen=True)
class Recommendation:
    """Which candidate to use, and how sure that is.

    Args:
        best: The candidate within the limit that earned most; None where none is within it.
        runner_up: The next one within the limit.
        margin: By how much the best earned more in a week than the next, with the 95 % bootstrap interval over weeks
            [reward units]; None where there is no next.
        trials: All that were played: those within the limit first, from the most earned down.
        left_out: Why a candidate was not played, by name.
        latency_ms: The limit; infinity for none.
        weeks: How many weeks were played.
        split: The split they are of.
        unit: Unit of the returns.
        currency: Unit of the money spent.
    """

    best: Trial | None
    runner_up: Trial | None
    margin: Estimate | None
    trials: tuple[Trial, ...]
    left_out: Mapping[str, str]
    latency_ms: float
    weeks: int
    split: str
    unit: str
    currency: str

    @property
    def certain(self) -> bool:
        """Whether the interval of the margin lies above zero."""
        return self.margin is not None and self.weeks > 1 and self.margin.low > 0.0

    @property
    def table(self) -> pd.DataFrame:
        """A row per trial, in their order; ``return`` is that of a week."""
        import pandas as pd

        rows = [{**vars(trial), "return": trial.returns.mean(), "weeks": len(trial.returns)} for trial in self.trials]
        columns = [
            "name",
            "actions",
            "score",
            "return",
            "spent",
            "carbon_kg",
            "median_ms",
            "slow_ms",
            "in_time",
            "weeks",
        ]
        return pd.DataFrame(rows, columns=columns)


def recommend(
    scenario: Scenario | str | Path,
    *,
    latency_ms: float | None = None,
    candidates: Sequence[str | Path] | None = None,
    trained: Sequence[str | Path] = (),
    weeks: int = WEEKS,
    seed: int = 0,
    progress: Progress | None = None,
    **keywords: Any,
) -> Recommendation:
    """Play candidates over weeks of the validation split and name the best within a limit on the time of a decision.

    A candidate is within the limit if 95 % of its decisions were, each asked for alone, on this machine. One that is
    not after its first week plays no other. Annealing gets half of the limit as its budget. Rules are fitted on
    the training split before; agents that learn have to be trained, and named by the folder they were saved in. Data
    without splits (``data=``) are played themselves.

    Args:
        scenario: Id of an environment, a scenario, or the path of its YAML file.
        latency_ms: The limit [ms]; None for none.
        candidates: Names of agents, ``module:factory``, or folders of saved agents; by default every agent of this
            package that does not learn, except ``uniform``.
        trained: Folders of further saved agents.
        weeks: How many weeks, evenly spread over the split; fewer where it does not hold so many.
        seed: Seed of candidates that draw.
        progress: Called with the candidate's name, weeks played and weeks in all.
        **keywords: Of the environment, such as ``dataset``, ``objective``, ``forecast``, ``actions``.

    Raises:
        ConfigurationError: ``split`` or ``episode_steps`` among the keywords, or one that no environment takes.
        NonPositiveError: A limit or a number of weeks that is not positive.
        UnknownIdError: No environment of that id.

    Example:
        >>> found = recommend("energy_gym/Arbitrage-v1", candidates=["idle", "mpc", "dqn"], weeks=2)
        >>> found.best.name, found.runner_up.name, found.margin.value > 0.0
        ('mpc', 'idle', True)
        >>> found.left_out
        {'dqn': 'has to be trained first: name the folder it was saved in'}
    """
    limit = _limit(latency_ms)
    env = _environment(scenario, keywords)
    course = Weeks(env, check_count("weeks", weeks))
    names = [*(_usual() if candidates is None else candidates), *trained]
    trials, left_out = [], {}
    for name in dict.fromkeys(str(candidate) for candidate in names):
        try:
            agent, actions = _candidate(name, env, seed, limit)
            trials.append(course.play(name, agent, actions, limit, progress or (lambda *_: None)))
        except EnergyGymError as error:
            told = isinstance(error, _UntrainedError | UnsuitableAgentError)
            left_out[name] = error.rule if told else str(error)
    return _recommended(course, trials, left_out, limit)


class _UntrainedError(ConfigurationError):
    """An agent that learns was named, and not a folder it was saved in."""


def _limit(latency_ms: float | None) -> float:
    if latency_ms is not None and not float(latency_ms) > 0.0:
        raise NonPositiveError(f"latency_ms={latency_ms}", "must be positive", "pass milliseconds, or None")
    return math.inf if latency_ms is None else float(latency_ms)


def _environment(scenario: Scenario | str | Path, keywords: dict[str, Any]) -> EnergyEnv:
    for name in ("split", "episode_steps"):
        if name in keywords:
            raise ConfigurationError(
                f"{name}={keywords[name]!r}", "candidates play weeks of the validation split", f"leave {name} out"
            )
    if isinstance(scenario, str) and not scenario.endswith((".yaml", ".yml")):
        return _made(scenario, keywords)
    return _made("energy_gym/Scenario-v1", {**keywords, "scenario": scenario})


def _made(name: str, keywords: dict[str, Any]) -> EnergyEnv:
    if name not in gym.registry:
        raise UnknownIdError.of("environment", name, [known for known in gym.registry if "energy_gym/" in known])
    foreign = ConfigurationError(f"scenario={name!r}", "must be an id of energy_gym", "see energy-gym list")
    try:
        env = gym.make(name, disable_env_checker=True, split="validation", episode_steps=None, **keywords).unwrapped
    except TypeError as error:
        raise foreign from error
    if not isinstance(env, EnergyEnv):
        raise foreign
    return env


def _usual() -> list[str]:
    return [name for name in agent_ids() if not agent_factory(name).learns and name != "uniform"]


def _candidate(name: str, env: EnergyEnv, seed: int, limit: float) -> tuple[Any, str]:
    """Return a candidate, ready to act in an environment of its own, and the actions it plays."""
    folder = Path(name)
    if (folder / FILE).is_file():
        return _saved(folder, env)
    factory = agent_factory(name)
    if factory.learns:
        raise _UntrainedError(name, "has to be trained first: name the folder it was saved in", "train it")
    kind = "continuous" if env.setup.levels is None else "discrete"
    actions = _actions(env) if kind in factory.kinds else factory.preferred_actions
    made = factory.make(env.variant(actions=actions), seed)
    if isinstance(made, Annealing) and math.isfinite(limit):
        made.seconds = ANNEALED * limit / 1e3
    return (made.fit() or made) if hasattr(made, "fit") else made, actions


def _saved(folder: Path, env: EnergyEnv) -> tuple[Any, str]:
    """Return an agent from its folder, with the actions it was saved with."""
    try:
        tree = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
        name, actions = str(tree["agent"]), saved_actions(tree)
    except (OSError, yaml.YAMLError, RecursionError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{folder}", f"holds no agent ({FILE} cannot be read)", "check the path") from error
    return agent_class(name).load(folder, env.variant(actions=actions)), actions


def _actions(env: EnergyEnv) -> str:
    return str(env.keywords.get("actions", "continuous"))


def _recommended(course: Weeks, trials: list[Trial], left_out: Mapping[str, str], limit: float) -> Recommendation:
    """Rank the trials; compare the first two week by week."""
    ranked = sorted(trials, key=lambda trial: (not trial.in_time, -trial.returns.mean()))
    fit = [trial for trial in ranked if trial.in_time]
    best, runner_up = [*fit, None, None][:2]
    margin = None
    if best is not None and runner_up is not None:
        margin = estimate(mean, {"weeks": best.returns - runner_up.returns})
    setup = course.env.setup
    split = "validation" if course.env.keywords.get("data") is None else "all of the data given"
    figures = (limit, course.count, split, setup.reward_unit, setup.feed.currency)
    return Recommendation(best, runner_up, margin, tuple(ranked), dict(left_out), *figures)
