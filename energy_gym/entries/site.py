"""``write_site``: static pages of entries that were submitted; any host serves them, and a file manager opens them.

One rule: what stands on a page comes from signed results of the entry as it lies there; what was played with another
version of the package, or on other data, stands apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from energy_gym.entries.entry_page import entry_page
from energy_gym.entries.folder import RESULTS, Entry
from energy_gym.entries.index_page import index_page
from energy_gym.entries.look import SCRIPT, STYLE
from energy_gym.entries.signed import read_signed
from energy_gym.entries.submission import check_entry
from energy_gym.errors import EntryError
from energy_gym.files import write_atomically
from energy_gym.version import __version__

PAGES = "entries"


@dataclass(frozen=True)
class Shown:
    """An entry with its results, by suite, and where its page lies."""

    entry: Entry
    results: tuple[dict[str, Any], ...]
    page: str


@dataclass
class Group:
    """Results that can be compared: of one suite, one version of the package, the same data."""

    suite: str
    title: str
    version: str
    hashes: dict[str, str] = field(default_factory=dict)
    rows: list[tuple[Shown, dict[str, Any]]] = field(default_factory=list)

    def takes(self, found: Mapping[str, Any]) -> bool:
        """Return whether results can be compared with those that are there."""
        same = (self.suite, self.version) == (found["suite"], found["versions"].get("energy-gym"))
        theirs = _hashes(found)
        return same and all(theirs.get(task, value) == value for task, value in self.hashes.items())

    def add(self, shown: Shown, found: dict[str, Any]) -> None:
        """Take results in."""
        self.rows.append((shown, found))
        self.hashes |= _hashes(found)


def write_site(folders: Sequence[str | Path], out: str | Path) -> int:
    """Write the pages of entries; return how many entries there are.

    Args:
        folders: Folders of entries with results.
        out: Folder of the pages: ``index.html``, ``entries/NAME.html``, ``style.css`` and ``sort.js``.

    Raises:
        EntryError: A folder is no entry, or has no results.
        ResultsError: Results were changed after they were signed, or are those of other contents.
    """
    found = list(_read(folders))
    place = Path(out)
    _write(place / "style.css", STYLE)
    _write(place / "sort.js", SCRIPT)
    _write(place / "index.html", index_page(grouped(found), __version__))
    for shown in found:
        _write(place / PAGES / shown.page, entry_page(shown.entry, shown.results, __version__))
    return len(found)


def grouped(found: Iterable[Shown]) -> list[Group]:
    """Return results in groups that can be compared, those of this version first."""
    groups: list[Group] = []
    for shown in found:
        for result in shown.results:
            home = next((group for group in groups if group.takes(result)), None)
            if home is None:
                version = str(result["versions"].get("energy-gym"))
                home = Group(str(result["suite"]), str(result["title"]), version)
                groups.append(home)
            home.add(shown, result)
    return sorted(groups, key=lambda group: (group.version != __version__, group.suite))


def _read(folders: Sequence[str | Path]) -> Iterable[Shown]:
    taken: set[str] = set()
    for folder in folders:
        entry = Entry.read(folder)
        paths = sorted((entry.folder / RESULTS).glob("*.json"))
        if not paths:
            raise EntryError(f"{entry.folder / RESULTS}", "holds no results", "play the entry: energy-gym submit")
        results = tuple(read_signed(path) for path in paths)
        for result in results:
            check_entry(entry, result)
        yield Shown(entry, results, _page_name(entry.name, taken))


def _page_name(name: str, taken: set[str]) -> str:
    """Return a file's name that no other entry has."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "entry"
    count, chosen = 1, slug
    while chosen in taken:
        count += 1
        chosen = f"{slug}-{count}"
    taken.add(chosen)
    return f"{chosen}.html"


def _hashes(found: Mapping[str, Any]) -> dict[str, str]:
    return {row["task"]: row["hashes"]["task"] for row in found["tasks"]}


def _write(path: Path, text: str) -> None:
    write_atomically(path, lambda target: target.write_text(text, encoding="utf-8"))
