"""Learning curves: an agent trained with several seeds, and with several settings, and how its score grows with steps.

One rule: a curve's scores are those of the validation split, with an interval over seeds; the test split is never read.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from energy_gym.agents.learner import Learner
from energy_gym.agents.on_device.algorithms import FREE
from energy_gym.agents.on_device.together import fit_together
from energy_gym.agents.registry import agent_class
from energy_gym.envs.keywords import check_count
from energy_gym.errors import ConfigurationError
from energy_gym.evaluation.statistics import LEVEL, estimate, mean

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LearningCurve:
    """Trainings of an agent with several seeds and settings.

    Args:
        settings: What was tried in place of the usual settings.
        seeds: Seeds of each.
        agents: The trained agents, by settings and seed.
        seconds: How long all of it took.
    """

    settings: tuple[Mapping[str, Any], ...]
    seeds: tuple[int, ...]
    agents: tuple[tuple[Learner, ...], ...]
    seconds: float

    def table(self) -> pd.DataFrame:
        """Return a row for each settings (by place), seed and look: steps so far and the score then."""
        import pandas as pd

        rows = [
            {"settings": place, "seed": seed, "steps": steps, "score": figures["score"]}
            for place, group in enumerate(self.agents)
            for seed, agent in zip(self.seeds, group, strict=True)
            for steps, figures in agent.curve
        ]
        return pd.DataFrame(rows)

    def interval(self, settings: int = 0, level: float = LEVEL) -> pd.DataFrame:
        """Return mean score and its bootstrap interval over seeds, by steps.

        Args:
            settings: Place of the settings.
            level: Share of the draws that the interval holds.
        """
        import pandas as pd

        rows = []
        for looks in zip(*(agent.curve for agent in self.agents[settings]), strict=True):
            found = estimate(mean, {"task": [figures["score"] for _, figures in looks]}, level=level)
            rows.append({"steps": looks[0][0], "score": found.value, "low": found.low, "high": found.high})
        return pd.DataFrame(rows).set_index("steps")

    def best(self) -> int:
        """Return the place of the settings whose seeds score best on average, each at its best look."""
        scores = [[max(figures["score"] for _, figures in agent.curve) for agent in group] for group in self.agents]
        return int(np.argmax([np.mean(group) for group in scores]))


def learning_curve(
    agent: str,
    env: Any,
    *,
    seeds: int | Sequence[int] = 5,
    settings: Sequence[Mapping[str, Any]] = ({},),
    budget: int | None = None,
    source: Any = None,
    engine: str = "jax",
) -> LearningCurve:
    """Train an agent with several seeds and settings and return its learning curves.

    With ``engine="jax"`` all seeds, and settings that differ in numbers alone (learning rate, discount and the like),
    are trained by one compiled program.

    Args:
        agent: ``"ppo"``, ``"dqn"`` or ``"sac"``.
        env: The environment they are to act in; they learn on its training split.
        seeds: How many, or which.
        settings: What to try in place of the usual settings.
        budget: Steps of the environment of each training; by default the agent's own figure.
        source: As for `Learner.fit`.
        engine: ``"jax"``, or ``"sb3"``, which trains one after another.

    Raises:
        ConfigurationError: No seeds or no settings, or an agent that has no such engine.
        UnknownIdError: No such agent, engine or setting.
        MissingExtraError: The library that trains is not installed.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", actions="discrete-3", split="test", episode_steps=24)
        >>> small = {"hidden": [8], "num_envs": 8, "rollout_steps": 16, "batch_size": 64, "epochs": 1}
        >>> tried = [{**small, "learning_rate": rate} for rate in (1e-4, 1e-3)]
        >>> found = learning_curve("ppo", env, seeds=2, settings=tried, budget=256)
        >>> found.interval().columns.tolist(), found.table().shape
        (['score', 'low', 'high'], (8, 4))
    """
    chosen = tuple(range(check_count("seeds", seeds))) if isinstance(seeds, int) else tuple(seeds)
    if not chosen or not settings:
        raise ConfigurationError(f"seeds={seeds!r}, settings={settings!r}", "must not be empty", "pass one of each")
    made = _made(agent, engine)
    groups = tuple(tuple(made(env, seed, engine=engine, **one) for seed in chosen) for one in settings)
    began = time.perf_counter()
    _fit([one for group in groups for one in group], engine, source, budget)
    return LearningCurve(tuple(settings), chosen, groups, time.perf_counter() - began)


def _made(agent: str, engine: str) -> Any:
    from energy_gym.agents.sb3_learner import SB3Learner

    found = agent_class(agent)
    if not issubclass(found, SB3Learner):
        raise ConfigurationError(f"agent {agent!r}", f"has no engine={engine!r}", "choose ppo, dqn or sac")
    return cast(Any, found)


def _fit(agents: Sequence[Learner], engine: str, source: Any, budget: int | None) -> None:
    if engine != "jax":
        for agent in agents:
            agent.fit(source, budget=budget)
        return
    programs: dict[str, list[Learner]] = {}
    for agent in agents:
        shape = {name: value for name, value in agent.settings.items() if name not in FREE[agent.name]}
        programs.setdefault(repr(sorted(shape.items())), []).append(agent)
    for alike in programs.values():
        fit_together(alike, source, budget=budget)
