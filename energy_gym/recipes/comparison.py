"""Ways to train compared at equal steps, several seeds, one table at the end.

One rule: every way is played on the same episode of the test split and scored against the same proven optimum.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from energy_gym.envs.keywords import check_count
from energy_gym.evaluation.episode import evaluate
from energy_gym.oracle import solve
from energy_gym.recipes.command import COMMAND, Command
from energy_gym.recipes.options import ID
from energy_gym.recipes.tasks import played_env
from energy_gym.recipes.tracked import curve_of, folder_of, tracked_training
from energy_gym.recipes.ways import Way
from energy_gym.screen import titled
from energy_gym.tracking.packing import inputs_of, packed
from energy_gym.tracking.protocol import check_same, log_all, open_tracker

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.evaluation.statistics import Estimate


@dataclass(frozen=True)
class Comparison:
    """Ways to train, on one task.

    Args:
        title: What is compared.
        ways: The first is the reference that the others should beat.
        keywords: Of the environment that is played in the end, its whole test split.
        seeds: Trainings of each way.
        workers: Processes.
        tensorboard: Folder of TensorBoard logs; each way and seed has a folder of its own in it.
        save: Folder for the first seed's agent of each way.
        track: Name of a tracker that is told of each training; see `energy_gym.tracking`.
    """

    title: str
    ways: tuple[Way, ...]
    keywords: Mapping[str, Any]
    seeds: int = 5
    workers: int = 1
    tensorboard: str | None = None
    save: str | None = None
    id: str = field(default=ID)
    track: str | None = None

    def run(self) -> pd.DataFrame:
        """Train and play every way with every seed, and print the table; a row per way and seed.

        Raises:
            NonPositiveError: Seeds or workers below 1.
            MissingExtraError: The library that trains is not installed.
        """
        import pandas as pd

        seeds, workers = check_count("seeds", self.seeds), check_count("workers", self.workers)
        command = COMMAND.get()
        if command is not None and command.only is not None:
            command.found = self._again(*command.only, command.hashes)
            return pd.DataFrame([command.found])
        tracker = None if self.track is None else open_tracker(self.track)
        env = self.make()
        env.reset(seed=0)
        best = solve(env, continuous=True)
        asked = [(way, seed) for way in self.ways for seed in range(seeds)]
        jobs = [joblib.delayed(_trained)(self, way, seed, best) for way, seed in asked]
        rows = []
        with _bar() as bar:
            task = bar.add_task("trainings", total=len(jobs))
            for row in joblib.Parallel(n_jobs=workers, return_as="generator")(jobs):
                kept = row.pop("packed", None)
                if kept is not None:
                    log_all(
                        tracker, [tracked_training(command or Command(), self.title, self.id, self.keywords, row, kept)]
                    )
                rows.append(row)
                bar.advance(task)
        frame = pd.DataFrame(rows)
        titled(table(self, frame, env.unwrapped.setup.reward_unit), f"{self.title}; seeds: {seeds}")
        return frame

    def _again(self, way: str, seed: int, hashes: Mapping[str, str]) -> dict[str, Any]:
        """Train and play one way with one seed on data that are what they were, and leave nothing behind."""
        alone = replace(self, tensorboard=None, save=None, track=None)
        env = self.make()
        now = {its.split: its.digest for its in inputs_of(env.unwrapped)}
        for split in sorted({*hashes, *now}):
            check_same(f"the {split} data of {self.title!r}", hashes.get(split, ""), now.get(split, ""))
        env.reset(seed=0)
        chosen = next(one for one in self.ways if one.name == way)
        return _trained(alone, chosen, seed, solve(env, continuous=True))

    def make(self) -> Any:
        """Return the environment that is played in the end."""
        return played_env(self.id, self.keywords)


def _trained(comparison: Comparison, way: Way, seed: int, best: Any) -> dict[str, Any]:
    env = comparison.make()
    began = time.perf_counter()
    logs = comparison.tensorboard and str(Path(comparison.tensorboard) / folder_of(way.name) / f"seed{seed}")
    agent = way.train(env, seed, logs)
    taken = time.perf_counter() - began
    if comparison.save is not None and seed == 0:
        agent.save(Path(comparison.save) / folder_of(way.name))
    result = evaluate(agent, env, seed=0, oracle=best)
    figures = {"score": result.score, "regret": result.regret, "return": result.return_}
    row = {"way": way.name, "seed": seed, **figures, "seconds": taken}
    return row if comparison.track is None else {**row, "packed": packed(agent, env), "curve": curve_of(agent)}


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    screen = Console(stderr=True)
    return Progress(*columns, console=screen, transient=True, disable=not sys.stderr.isatty())


def table(comparison: Comparison, frame: pd.DataFrame, unit: str) -> Table:
    """Return a row per way: score and regret with 95 % bootstrap intervals, and whether it beats the first."""
    from energy_gym.evaluation.statistics import estimate, mean, probability_of_improvement

    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    shown.add_column("way", overflow="fold")
    shown.add_column("steps", justify="right", overflow="fold")
    for name in ("score", f"regret, {unit}", "P(better)", "seconds"):
        shown.add_column(name, justify="right", no_wrap=True)
    groups = {str(name): rows for name, rows in frame.groupby("way", sort=False)}
    first = _matrix(groups[comparison.ways[0].name], "score")
    for way in comparison.ways:
        rows = groups[way.name]
        score, regret = (estimate(mean, _matrix(rows, name)) for name in ("score", "regret"))
        beats = probability_of_improvement(_matrix(rows, "score"), first)
        chance = "" if way is comparison.ways[0] else f"{beats.value:.2f}"
        taken = f"{rows['seconds'].mean():.0f}"
        shown.add_row(way.name, way.steps, _interval(score, 3), _interval(regret, 2), chance, taken, end_section=True)
    return shown


def _interval(found: Estimate, digits: int) -> str:
    """Return a figure and, on a line of its own, its 95 % interval."""
    return f"{found.value:.{digits}f}\n{found.low:.{digits}f} to {found.high:.{digits}f}"


def _matrix(rows: pd.DataFrame, name: str) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    return {"task": rows[name].to_numpy(dtype=np.float64)}
