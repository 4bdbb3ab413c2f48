"""A tracked run played again from its record: the same task, data, agent, seed and version, and the same figures.

One rule: what is no longer the same (the data, the scenario, an agent's file) is named before anything is played.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy_gym.errors import ConfigurationError
from energy_gym.leaderboard.runs import Run, play_run, solve_task, source_hash
from energy_gym.leaderboard.stress import play_stressed, solve_stressed
from energy_gym.leaderboard.suites import Task
from energy_gym.tracking.protocol import check_same
from energy_gym.version import __version__

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Replay:
    """A run and its repetition.

    Args:
        name: What was played.
        before: Figures as they were kept, by name.
        after: The same figures as they came out now.
        version: Version of the package that the run was made with.
    """

    name: str
    before: Mapping[str, float]
    after: Mapping[str, float]
    version: str

    @property
    def differing(self) -> tuple[str, ...]:
        """Names of the figures that are not the same to the last digit."""
        return tuple(name for name, value in self.before.items() if self.after.get(name) != value)

    @property
    def same(self) -> bool:
        """Whether every figure is the same to the last digit."""
        return not self.differing

    @property
    def verdict(self) -> str:
        """What to say of it, in one line."""
        if self.same:
            return f"the same to the last digit, all {len(self.before)} figures"
        made = (
            ""
            if self.version == __version__
            else f"; it was made with energy-gym {self.version}, this is {__version__}"
        )
        return f"{len(self.differing)} of {len(self.before)} figures differ{made}"

    def table(self) -> Table:
        """Return what came out then and now: all that differs, or the figures that matter most."""
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        for name in ("figure", "kept", "now"):
            table.add_column(name, justify="left" if name == "figure" else "right", overflow="fold")
        usual = [name for name in ("score", "regret", "return") if name in self.before]
        for name in self.differing or usual or tuple(self.before):
            table.add_row(name, repr(self.before[name]), repr(self.after.get(name)))
        return table


def replayed(record: Mapping[str, Any] | Path) -> Replay:
    """Play a run again.

    Args:
        record: What it was tracked with, or the path of that.

    Raises:
        ConfigurationError: It is no record, of a kind that cannot be played, or data, scenario or agent have changed.
    """
    told = _read(record) if isinstance(record, Path) else record
    kinds = {"leaderboard": _leaderboard, "stress": _stress, "recipe": _recipe, "sweep": _sweep}
    kind = str(told.get("kind"))
    if kind not in kinds:
        raise ConfigurationError(
            f"a record of kind {kind!r}", "cannot be played again", f"name a run of a {', '.join(kinds)}"
        )
    try:
        return kinds[kind](told)
    except KeyError as error:
        raise ConfigurationError("the record", f"lacks {error}", "name a run that ended well") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{path}", "is no record of a run", "name the record.json of one") from error


def _version(told: Mapping[str, Any]) -> str:
    return str(told["versions"].get("energy-gym"))


def _leaderboard(told: Mapping[str, Any]) -> Replay:
    run = _unchanged(told)
    row = play_run(run, solve_task(run.task))
    return _replay(told, f"{run.task.name}, {run.agent}, seed {run.seed}", row)


def _stress(told: Mapping[str, Any]) -> Replay:
    run, name = _unchanged(told), told["stress"]
    (row,) = play_stressed(run, solve_task(run.task), {name: solve_stressed(run.task, name)})
    return _replay(told, f"{run.task.name} under {name}, {run.agent}, seed {run.seed}", row)


def _unchanged(told: Mapping[str, Any]) -> Run:
    """Return the run of a suite's task, once data, scenario and agent are known to be what they were."""
    task = Task(**{**told["task"], "folder": Path(told["task"]["folder"])})
    run = Run(task=task, **told["run"])
    for name in ("data", "scenario"):
        check_same(f"the {name} of task {task.name!r}", told["hashes"][name], task.hashes[name])
    check_same(f"agent {run.agent!r}", run.source, source_hash(run.agent, run.task.kind))
    return run


def _recipe(told: Mapping[str, Any]) -> Replay:
    from energy_gym.recipes import trained_again

    name = f"{told['recipe']}, {told['way']}, seed {told['seed']}"
    words, only = told["words"], (told["way"], told["seed"])
    return _replay(told, name, trained_again(told["recipe"], words, *only, hashes=told["hashes"]))


def _sweep(told: Mapping[str, Any]) -> Replay:
    from energy_gym.sweeps.playing import play_point

    return _replay(told, f"a point of {told['study']}", play_point(told["tree"]))


def _replay(told: Mapping[str, Any], name: str, row: Mapping[str, Any]) -> Replay:
    before = {key: float(value) for key, value in told["figures"].items()}
    return Replay(name, before, {key: float(row[key]) for key in before if key in row}, _version(told))
