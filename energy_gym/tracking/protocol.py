"""What a tracker is told of a run, and what a tracker must be able to do; each tracker is one file beside this one.

One rule: a tracker that fails loses a record, never a result.
"""

from __future__ import annotations

import importlib
import json
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from energy_gym.errors import ConfigurationError, MissingExtraError, UnknownIdError

# What is imported for each, and where it is spoken to.
_TRACKERS = {
    "mlflow": ("mlflow", "energy_gym.tracking.mlflow_store:MlflowTracker"),
    "wandb": ("wandb", "energy_gym.tracking.wandb_store:WandbTracker"),
}
EXTRAS = {"mlflow": "track", "wandb": "wandb"}
RECORD = "record.json"
CANDIDATE, CHAMPION = "candidate", "champion"


@dataclass(frozen=True)
class Input:
    """A split of the data that a run learnt from, chose by, or was scored on.

    Args:
        name: Title of the data.
        split: ``train``, ``validation`` or ``test``.
        digest: Hash of its series and their clock.
        first: Its first step [ISO, UTC].
        last: Its last step [ISO, UTC].
        steps: How many steps it has.
    """

    name: str
    split: str
    digest: str
    first: str
    last: str
    steps: int


@dataclass(frozen=True)
class Model:
    """A saved agent, as it is registered.

    Args:
        name: Name in the registry.
        files: Content of the agent's folder, by file name.
        slots: Figures of an observation.
        actions: Figures of an action.
        discrete: Whether an action is the number of a level.
        score: What it is compared by with the champion of its name.
        task: Hash of what it was scored on; champions of another task are no measure.
    """

    name: str
    files: Mapping[str, bytes]
    slots: int
    actions: int
    discrete: bool
    score: float
    task: str


@dataclass(frozen=True)
class Tracked:
    """A run that is over.

    Args:
        experiment: What it belongs to, such as ``leaderboard/quick``.
        name: Name among the runs of that.
        record: What makes it again (see `energy_gym.replaying`), as JSON holds it.
        parameters: What it was made with.
        figures: What came out.
        curve: Steps, figure and value, as they were told while it learnt.
        inputs: The data.
        files: Pictures and tables, by file name.
        model: The agent, where one can be saved.
        error: Why it failed; None where it did not.
    """

    experiment: str
    name: str
    record: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    curve: Sequence[tuple[int, str, float]] = ()
    inputs: Sequence[Input] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    model: Model | None = None
    error: str | None = None

    def contents(self) -> dict[str, bytes]:
        """Return the files, with the record among them where there is one."""
        text = json.dumps(dict(self.record), indent=1, default=str)
        return {**({RECORD: text.encode()} if self.record else {}), **self.files}


class Tracker(Protocol):
    """Keeps runs, and the agents that came out of them."""

    def log(self, run: Tracked) -> str:
        """Keep a run, and return its id."""

    def record(self, run: str) -> dict[str, Any]:
        """Return the record that a run was kept with."""

    def fetch(self, model: str, alias: str, folder: Path) -> Path:
        """Write a registered agent into a folder, and return where in it the agent lies."""


def finite(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the finite numbers of a row, by name: what a tracker draws.

    Example:
        >>> finite({"score": 1, "low": float("nan"), "agent": "mpc"})
        {'score': 1.0}
    """
    numbers = {name: float(value) for name, value in row.items() if isinstance(value, int | float)}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def prefixed(what: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by names that say what they are of.

    Example:
        >>> prefixed("version", {"numpy": "2.4.6"})
        {'version.numpy': '2.4.6'}
    """
    return {f"{what}.{name}": value for name, value in values.items()}


def check_same(what: str, before: str, now: str) -> None:
    """Raise where the hash of what a run was made with is no longer what it was.

    Raises:
        ConfigurationError: The two differ.

    Example:
        >>> check_same("the data of task 'days'", "ab", "ab")
    """
    if before != now:
        raise ConfigurationError(what, "is not what the run was made with", "bring back what it was, or play it anew")


def tracker_ids() -> tuple[str, ...]:
    """Return the names of the trackers.

    Example:
        >>> tracker_ids()
        ('mlflow', 'wandb')
    """
    return tuple(_TRACKERS)


def open_tracker(name: str) -> Tracker:
    """Return a tracker by its name, set up as its own library is: by environment variables.

    Raises:
        UnknownIdError: No such tracker.
        MissingExtraError: Its library is not installed.

    Example:
        >>> open_tracker("mlfow")
        Traceback (most recent call last):
        energy_gym.errors.UnknownIdError: tracker 'mlfow': no such tracker; did you mean 'mlflow'? Known: mlflow, wandb
    """
    if name not in _TRACKERS:
        raise UnknownIdError.of("tracker", name, _TRACKERS)
    library, home = _TRACKERS[name]
    MissingExtraError.check(EXTRAS[name], library)
    module, _, kind = home.partition(":")
    made: Tracker = getattr(importlib.import_module(module), kind)()
    return made


def log_all(tracker: Tracker | None, runs: Iterable[Tracked]) -> list[str]:
    """Keep runs and return their ids; one that cannot be kept is told by a RuntimeWarning.

    Example:
        >>> log_all(None, [Tracked("leaderboard/quick", "mpc")])
        []
    """
    found = []
    for run in runs if tracker is not None else ():
        try:
            found.append(tracker.log(run))  # type: ignore[union-attr]  # asked a line above
        except Exception as error:
            told = (
                f"run {run.name!r} is not tracked ({type(error).__name__}: {error}); its results are kept all the same"
            )
            warnings.warn(told, RuntimeWarning, stacklevel=2)
    return found
