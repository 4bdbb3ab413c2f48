"""The pages of entries: what was signed is what is shown, and nothing else is."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from outside_entries import entry
from typer.testing import CliRunner

from energy_gym.cli import app as cli
from energy_gym.entries import write_site
from energy_gym.entries.pictures import ticks
from energy_gym.entries.signed import canonical, read_signed, signed
from energy_gym.errors import EntryError, ResultsError

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "entry"
VOID = ("meta", "link", "img", "br")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example of the documentation, played as its page says."""
    home = tmp_path_factory.mktemp("entries") / "night"
    shutil.copytree(EXAMPLE, home)
    result = CliRunner().invoke(cli.app, ["submit", str(home)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "sha256" in result.stdout
    return home


def changed(home: Path, place: Path, version: str = "0.0.1", **said: str) -> Path:
    """Return a copy of an entry whose results say something else, and are signed."""
    shutil.copytree(home, place)
    path = place / "results" / "quick.json"
    kept = read_signed(path)
    kept["versions"]["energy-gym"] = version
    kept["entry"] |= said
    path.write_text(json.dumps(signed(kept)), encoding="utf-8")
    return place


class Pages(HTMLParser):
    """Checks that what is opened is closed, and keeps what pages refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.links: list[str] = []
        self.titles: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.opened.append(tag)
        said = dict(attrs)
        self.links += [str(said[name]) for name in ("href", "src") if name in said]
        self.titles += [str(said["aria-label"])] if "aria-label" in said else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Nothing is left open."""

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag


def read(path: Path) -> Pages:
    pages = Pages()
    pages.feed(path.read_text("utf-8"))
    assert not pages.opened
    return pages


def test_the_example_has_its_page(night: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.app, ["board", str(night), "--out", str(tmp_path)], catch_exceptions=False)
    assert result.exit_code == 0
    index, own = read(tmp_path / "index.html"), read(tmp_path / "entries" / "night-charger.html")
    assert "entries/night-charger.html" in index.links
    for page, links in ((tmp_path, index.links), (tmp_path / "entries", own.links)):
        assert all(link.startswith("data:") or (page / link).resolve().is_file() for link in links)
    pictures = [title for title in own.titles if not title.startswith("Figures")]
    assert [title.split(":")[0][:13] for title in pictures[:3]] == ["Money added u", "Regret by day", "Regret by hou"]
    assert len(pictures) == 6
    (row,) = read_signed(night / "results" / "quick.json")["tasks"]
    assert f'<td data-value="{row["figures"]["score"]!r}">' in (tmp_path / "index.html").read_text("utf-8")
    text = (tmp_path / "entries" / "night-charger.html").read_text("utf-8")
    assert not re.search(r"https?://|<script>|NaN", text)


def test_another_version_stands_apart(night: Path, tmp_path: Path) -> None:
    old = changed(night, tmp_path / "old")
    assert write_site([old, night], tmp_path / "site") == 2
    text = (tmp_path / "site" / "index.html").read_text("utf-8")
    own, others = text.split("Played with other versions")
    assert "energy-gym 0.0.1" in others
    assert "energy-gym 0.0.1" not in own
    assert "entries/night-charger.html" in others
    assert "entries/night-charger-2.html" in own
    assert "not compared with it" in (tmp_path / "site" / "entries" / "night-charger.html").read_text("utf-8")


def test_what_an_entry_says_of_itself_is_text(night: Path, tmp_path: Path) -> None:
    loud = changed(night, tmp_path / "loud", description="<script>alert(1)</script>", licence="<b>", name="<i>&")
    write_site([loud], tmp_path / "site")
    for path in (tmp_path / "site").rglob("*.html"):
        text = path.read_text("utf-8")
        assert not re.search(r"<script>|<b>|<i>", text)
        read(path)


def test_a_wrong_hash_is_refused(night: Path, tmp_path: Path) -> None:
    home = tmp_path / "forged"
    shutil.copytree(night, home)
    path = home / "results" / "quick.json"
    kept = json.loads(path.read_text("utf-8"))
    kept["tasks"][0]["figures"]["score"] = 0.99
    path.write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(ResultsError, match=r"its contents give .*: it was changed; play the entry again"):
        write_site([home], tmp_path / "site")


def test_results_of_other_contents_are_refused(night: Path, tmp_path: Path) -> None:
    home = tmp_path / "other"
    shutil.copytree(night, home)
    with (home / "rules.py").open("a", encoding="utf-8") as file:
        file.write("\n")
    with pytest.raises(ResultsError, match="were played with contents"):
        write_site([home], tmp_path / "site")


def test_results_that_are_not_there(tmp_path: Path) -> None:
    home = entry(tmp_path / "new")
    with pytest.raises(EntryError, match="holds no results; play the entry"):
        write_site([home], tmp_path / "site")
    (home / "results").mkdir()
    for text in ("{", "[]", '{"format": 1}'):
        (home / "results" / "week.json").write_text(text, encoding="utf-8")
        with pytest.raises(ResultsError, match="holds no results"):
            write_site([home], tmp_path / "site")


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("entry", "authors"), None, r"entry\.authors: must be a list that is not empty"),
        (("versions",), [], "versions: must hold values by name"),
        (("tasks",), [], "tasks: must be a list"),
        (("tasks", 0, "figures", "score"), "0.9", r"tasks\[0\]\.figures\.score: must be a number or null"),
        (("tasks", 0, "figures"), {"score": 1.0}, r"tasks\[0\]\.figures\.seconds_per_decision: is missing"),
        (("tasks", 0, "days", "best"), {}, r"tasks\[0\]\.days\.best: lacks days"),
        (("tasks", 0, "heat", "rows"), [[1.0], []], r"tasks\[0\]\.heat\.rows"),
        (("tasks", 0, "heat", "first"), "July", r"tasks\[0\]\.heat\.first: must be a date"),
        (("tasks", 0, "worst", 0, "price"), [1.0], r"tasks\[0\]\.worst\[0\]: must hold rows of one length"),
    ],
)
def test_results_that_are_signed_but_hold_something_else(
    place: tuple[Any, ...], value: Any, told: str, night: Path, tmp_path: Path
) -> None:
    home = tmp_path / "odd"
    shutil.copytree(night, home)
    path = home / "results" / "quick.json"
    kept = part = json.loads(path.read_text("utf-8"))
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    path.write_text(json.dumps(signed(kept)), encoding="utf-8")
    with pytest.raises(ResultsError, match=told):
        write_site([home], tmp_path / "site")


def test_results_that_are_nested_without_end(night: Path, tmp_path: Path) -> None:
    home = tmp_path / "deep"
    shutil.copytree(night, home)
    path = home / "results" / "quick.json"
    kept = json.loads(path.read_text("utf-8"))
    for depth in (900, 100_000):
        text = json.dumps({**kept, "title": "HERE"}).replace('"HERE"', "[" * depth + "]" * depth)
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ResultsError):
            write_site([home], tmp_path / "site")


def test_the_canonical_form_knows_no_order_and_no_blanks() -> None:
    one, other = {"b": [1.5, None], "a": "ü"}, {"a": "ü", "b": (1.5, float("nan"))}
    assert canonical(one) == canonical(other) == b'{"a":"\\u00fc","b":[1.5,null]}'
    assert signed(one) == signed(signed(other))


def test_ticks_are_round_and_within() -> None:
    for low, high in ((0.0, 1.0), (-3.2, 0.7), (99.0, 101.0), (-5e6, 1e3), (1e-9, 2e-9)):
        found = ticks(low, high)
        assert 2 <= len(found) <= 6
        assert all(low - 1e-12 <= value <= high + abs(high) * 1e-9 for value in found)
