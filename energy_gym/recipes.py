"""What the recipes under ``agents/`` share: ways to train compared at equal steps, several seeds, one table at the end.

One rule: every way is played on the same episode of the test split and scored against the same proven optimum.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import joblib
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from energy_gym.agents.base import Agent
from energy_gym.envs.setup import check_count
from energy_gym.evaluation import evaluate
from energy_gym.oracle import solve

if TYPE_CHECKING:
    import pandas as pd

ID = "energy_gym/Arbitrage-v0"
# From the environment to act in, a seed and the folder of TensorBoard logs (or None) to a trained agent.
Training = Callable[[Any, int, str | None], Agent]


@dataclass(frozen=True)
class Way:
    """One way to train: its name, the training, and what it costs in steps of the environment."""

    name: str
    train: Training
    steps: str


@dataclass(frozen=True)
class Comparison:
    """Ways to train, on one task.

    Args:
        title: What is compared.
        ways: The first is the reference that the others should beat.
        keywords: Of the environment that is played in the end, its whole test split.
        seeds: Trainings of each way.
        workers: Processes.
        tensorboard: Folder of TensorBoard logs.
        save: Folder for the first seed's agent of each way.
    """

    title: str
    ways: tuple[Way, ...]
    keywords: Mapping[str, Any]
    seeds: int = 5
    workers: int = 1
    tensorboard: str | None = None
    save: str | None = None
    id: str = field(default=ID)

    def run(self) -> pd.DataFrame:
        """Train and play every way with every seed, and print the table; a row per way and seed.

        Raises:
            NonPositiveError: Seeds or workers below 1.
            MissingExtraError: The library that trains is not installed.
        """
        import pandas as pd

        seeds, workers = check_count("seeds", self.seeds), check_count("workers", self.workers)
        env = self.make()
        env.reset(seed=0)
        best = solve(env, continuous=True)
        jobs = [joblib.delayed(_trained)(self, way, seed, best) for way in self.ways for seed in range(seeds)]
        rows = []
        with _bar() as bar:
            task = bar.add_task("trainings", total=len(jobs))
            for row in joblib.Parallel(n_jobs=workers, return_as="generator")(jobs):
                rows.append(row)
                bar.advance(task)
        frame = pd.DataFrame(rows)
        Console().print(table(self, frame, env.unwrapped.setup.reward_unit))
        return frame

    def make(self) -> Any:
        """Return the environment that is played in the end."""
        keywords = {"split": "test", "episode_steps": None, **self.keywords}
        return gym.make(self.id, disable_env_checker=True, **keywords)


def _trained(comparison: Comparison, way: Way, seed: int, best: Any) -> dict[str, Any]:
    env = comparison.make()
    began = time.perf_counter()
    agent = way.train(env, seed, comparison.tensorboard)
    taken = time.perf_counter() - began
    if comparison.save is not None and seed == 0:
        agent.save(Path(comparison.save) / way.name.replace(" ", "-"))
    result = evaluate(agent, env, seed=0, oracle=best)
    figures = {"score": result.score, "regret": result.regret, "return": result.return_}
    return {"way": way.name, "seed": seed, **figures, "seconds": taken}


def table(comparison: Comparison, frame: pd.DataFrame, unit: str) -> Table:
    """Return a row per way: score and regret with 95 % bootstrap intervals, and whether it beats the first."""
    from energy_gym.statistics import estimate, mean, probability_of_improvement

    shown = Table(title=f"{comparison.title} ({comparison.seeds} seeds)", title_justify="left")
    shown.add_column("way", overflow="fold")
    for name in ("steps", "score [95 %]", f"regret [95 %], {unit}", "P(better)", "s"):
        shown.add_column(name, justify="right", overflow="fold")
    groups = {str(name): rows for name, rows in frame.groupby("way", sort=False)}
    first = _matrix(groups[comparison.ways[0].name], "score")
    for way in comparison.ways:
        rows = groups[way.name]
        score, regret = (estimate(mean, _matrix(rows, name)) for name in ("score", "regret"))
        beats = probability_of_improvement(_matrix(rows, "score"), first)
        shown.add_row(
            way.name,
            way.steps,
            f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]".replace("[", "\\["),
            f"{regret.value:.2f} [{regret.low:.2f}, {regret.high:.2f}]".replace("[", "\\["),
            "" if way is comparison.ways[0] else f"{beats.value:.2f}",
            f"{rows['seconds'].mean():.0f}",
        )
    return shown


def _matrix(rows: pd.DataFrame, name: str) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    return {"task": rows[name].to_numpy(dtype=np.float64)}


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    screen = Console(stderr=True)
    return Progress(*columns, console=screen, transient=True, disable=not sys.stderr.isatty())
