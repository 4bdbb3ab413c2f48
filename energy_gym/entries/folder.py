"""An entry on disk: a folder with ``agent.yaml``, what it loads, and the results that were signed for it.

One rule: the folder is read, never imported: what an entry brings runs in a process of its own alone.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from energy_gym.agents.base import FILE, read_saved, saved_actions
from energy_gym.agents.registry import AGENTS, agent_factory
from energy_gym.errors import ConfigurationError, EntryError
from energy_gym.leaderboard.suites import Suite, Task

RESULTS = "results"
LONGEST_NAME = 60
# What is written by running an entry is no part of it.
APART = (RESULTS, "__pycache__")
WHY = {
    "name": "a name",
    "authors": "its authors",
    "licence": "the licence of its code",
    "data_licence": "the licence of the data that it learnt from or brings",
    "description": "what it does, in its authors' own words",
    "agent": "what is loaded: a folder with a saved agent, module:factory, or a name of energy-gym list",
    "suite": "the suite that it plays: a name, or a YAML file of the folder",
}


@dataclass(frozen=True)
class Entry:
    """What ``agent.yaml`` says.

    Args:
        folder: Where it lies.
        name: Name, at most 60 characters.
        authors: Who made it.
        licence: Licence of its code.
        data_licence: Licence of the data that it learnt from or brings.
        description: What it does, in its authors' own words.
        agent: Folder of a saved agent, ``module:factory`` beside ``agent.yaml``, or the name of one of the package.
        suite: Name of a suite, or a YAML file of the folder.
        tasks: Tasks of the suite that it plays; none: all.
        actions: Action space that it plays with; by default that of the saved agent, else that of the task.
        install: How what it needs beside the package is installed, in its authors' own words.
    """

    folder: Path
    name: str
    authors: tuple[str, ...]
    licence: str
    data_licence: str
    description: str
    agent: str
    suite: str
    tasks: tuple[str, ...] = ()
    actions: str | None = None
    install: str = ""

    @classmethod
    def read(cls, folder: str | Path) -> Entry:
        """Read an entry.

        Raises:
            EntryError: The folder, or a field of its ``agent.yaml``, is missing or unusable.
        """
        home = Path(folder)
        tree = _tree(home)
        known = {item.name for item in fields(cls)} - {"folder"}
        for name in map(str, tree):
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise EntryError(f"{home / FILE}: {name!r}", "is no field of an entry", f"{hint}Known: {_list(known)}")
        for name, why in WHY.items():
            if not tree.get(name):
                raise EntryError(f"{home / FILE}: {name!r}", f"is missing: {why}", f"add a line {name}: ...")
        entry = cls(home, **_words(tree))
        if len(entry.name) > LONGEST_NAME:
            found = f"name of {len(entry.name)} characters"
            raise EntryError(found, f"must have at most {LONGEST_NAME}", "shorten it; the description may be longer")
        entry._check_agent()
        return entry

    @property
    def said(self) -> dict[str, Any]:
        """What is told of the entry with its results."""
        names = ("name", "licence", "data_licence", "description", "agent", "install")
        return {"authors": list(self.authors), **{name: getattr(self, name) for name in names}}

    @property
    def sha256(self) -> str:
        """Hash of its contents: of a line ``<sha256 of the file>  <path>`` for each file, in the order of the paths.

        Files in ``results``, in ``__pycache__`` and those whose name begins with a dot are no part of it.

        Raises:
            EntryError: It holds a link, or a file that cannot be read.
        """
        lines = []
        for path in sorted(self._files(self.folder), key=lambda path: path.relative_to(self.folder).as_posix()):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{content}  {path.relative_to(self.folder).as_posix()}\n")
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def results(self, suite: str) -> Path:
        """Return where its results on a suite lie."""
        return self.folder / RESULTS / f"{suite}.json"

    def chosen(self, suite: str | None = None, tasks: tuple[str, ...] = ()) -> Suite:
        """Return the suite that it plays, with the tasks that it plays of it.

        Args:
            suite: Another suite than its own.
            tasks: Other tasks than its own.

        Raises:
            UnknownIdError: No such suite or task.
            ConfigurationError: The suite's file is broken.
        """
        name = suite or self.suite
        own = self.folder / name
        read = Suite.read(own if name.endswith((".yaml", ".yml")) and own.is_file() else name)
        names = tasks or (self.tasks if suite is None else ())
        return read.only(names) if names else read

    def actions_for(self, task: Task) -> str:
        """Return the action space that it plays a task with."""
        if self.actions is not None:
            return self.actions
        if self._saved:
            return saved_actions(read_saved(self.folder / self.agent / FILE))
        return task.actions_for(agent_factory(self.agent)) if self.agent in AGENTS else task.actions

    @property
    def _saved(self) -> bool:
        return ":" not in self.agent and (self.folder / self.agent / FILE).is_file()

    def _check_agent(self) -> None:
        found = f"{self.folder / FILE}: agent {self.agent!r}"
        if ":" in self.agent or self.agent in AGENTS:
            return
        place = (self.folder / self.agent).resolve()
        if not place.is_relative_to(self.folder.resolve()) or place == self.folder.resolve():
            raise EntryError(found, "must lie in a folder within the entry", "copy it there")
        if not self._saved:
            raise EntryError(
                found, "is no saved agent, module:factory or name of an agent", "save it there, or name one"
            )
        try:
            read_saved(place / FILE)
        except ConfigurationError as error:
            raise EntryError(error.value, error.rule, error.remedy) from error

    def _files(self, folder: Path) -> Iterator[Path]:
        for path in folder.iterdir():
            if path.name in APART or path.name.startswith("."):
                continue
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise EntryError(f"{path}", "is a link or no plain file", "copy the file itself into the entry")
            if path.is_dir():
                yield from self._files(path)
            else:
                yield path


def _tree(home: Path) -> Mapping[str, Any]:
    path = home / FILE
    if not path.is_file():
        raise EntryError(f"{path}", "is not there: an entry is a folder with an agent.yaml", "see docs/leaderboard.md")
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        cause = " ".join(str(error).split())
        raise EntryError(f"{path}", f"is no valid YAML ({cause})", "correct the file") from error
    if not isinstance(tree, Mapping):
        raise EntryError(f"{path}", "must hold fields with values", "write name: ..., authors: ... and so on")
    return tree


def _words(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as words: lists for authors and tasks, and text on one line for the others."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if name in ("authors", "tasks"):
            items = value if isinstance(value, list) else [value]
            found[str(name)] = tuple(str(item) for item in items if item)
        elif isinstance(value, Mapping | list):
            raise EntryError(f"{name}={value!r:.60}", "must be one line of text", "write it without brackets")
        elif value is not None:
            found[str(name)] = " ".join(str(value).split())
    return found


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names))
