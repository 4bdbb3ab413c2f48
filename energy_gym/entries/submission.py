"""``submit``: an entry is played on the tasks of its suite and its rows are signed; or found again as they were.

One rule: an entry that breaks a rule on one task has no row on any.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from energy_gym.entries.folder import RESULTS, Entry
from energy_gym.entries.playing import play_entry
from energy_gym.entries.process import Limits
from energy_gym.entries.rows import row_of, same_figures
from energy_gym.entries.signed import FORMAT, read_signed, signed
from energy_gym.errors import ResultsError
from energy_gym.files import write_atomically
from energy_gym.leaderboard.results import versions
from energy_gym.leaderboard.suites import Suite
from energy_gym.version import __version__

Progress = Callable[[str, int, int], None]


def submit(
    folder: str | Path,
    *,
    suite: str | None = None,
    tasks: tuple[str, ...] = (),
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Play an entry, check it, and write its signed results into ``results/`` of its folder.

    Args:
        folder: The entry; see `energy_gym.entries.folder.Entry`.
        suite: Another suite than the entry's own.
        tasks: Other tasks than the entry's own.
        limits: Of time and memory.
        progress: Called with a task's name, tasks done and tasks in all.

    Returns:
        What was written.

    Raises:
        EntryError: The entry is not complete, cannot be played within the limits, or breaks a rule.
        ForesightError: It decides by what it is not shown.
        ConfigurationError: The suite is broken, or a task does not take its keywords.
    """
    entry = Entry.read(folder)
    chosen = entry.chosen(suite, tasks)
    found = signed(_played(entry, chosen, limits or Limits(), progress or (lambda *_: None)))
    text = json.dumps(found, indent=1)
    write_atomically(entry.results(chosen.name), lambda path: path.write_text(text + "\n", encoding="utf-8"))
    return found


def check(
    folder: str | Path, *, suite: str | None = None, limits: Limits | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Play an entry again, and return its signed results if all figures are found again to the last digit.

    Raises:
        ResultsError: The results were changed after they were signed, are of another entry or another version, or
            other figures are found; the message names them.
        EntryError: As in `submit`.
    """
    entry = Entry.read(folder)
    chosen = entry.chosen(suite)
    kept = read_signed(entry.results(chosen.name))
    check_entry(entry, kept)
    version = kept["versions"].get("energy-gym")
    if version != __version__:
        rule = f"can be found again with that version, and this is {__version__}"
        raise ResultsError(f"results of energy-gym {version}", rule, f"install energy-gym {version}, or submit again")
    again = _played(entry, chosen.only([row["task"] for row in kept["tasks"]]), limits or Limits(), progress or _quiet)
    for row, found in zip(kept["tasks"], signed(again)["tasks"], strict=True):
        differing = same_figures(row, found)
        if differing:
            told = f"{entry.name} on task {row['task']!r}: {', '.join(differing)}"
            raise ResultsError(told, "is not found again", "play it again with energy-gym submit, and say what changed")
    return kept


def check_entry(entry: Entry, kept: Mapping[str, Any]) -> None:
    """Raise ResultsError unless results are those of an entry as it lies there."""
    said, found = str(kept["entry"].get("sha256")), entry.sha256
    if said != found:
        told = f"were played with contents {said[:16]}..., and it now has {found[:16]}..."
        raise ResultsError(f"results of {entry.folder}", told, "play the entry again: energy-gym submit")


def _played(entry: Entry, suite: Suite, limits: Limits, progress: Progress) -> dict[str, Any]:
    log = entry.folder / RESULTS / f"{suite.name}.log"
    log.unlink(missing_ok=True)
    rows = []
    for done, task in enumerate(suite.tasks):
        progress(task.name, done, len(suite.tasks))
        rows.append(row_of(task, play_entry(entry, task, limits, log)))
    progress("done", len(rows), len(rows))
    return {
        "format": FORMAT,
        "entry": {**entry.said, "sha256": entry.sha256},
        "suite": suite.name,
        "title": suite.title,
        "versions": versions(),
        "command": f"energy-gym submit {entry.folder.resolve().name} --suite {suite.name}",
        "tasks": rows,
    }


def _quiet(*_: Any) -> None:
    """Tell nothing."""
