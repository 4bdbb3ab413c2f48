"""The pages that are written by hand, copied to where the site is built from, with links that lead there.

One rule: a link between pages of the repository leads to the same page of the site; to a file it becomes a download,
and a folder is named without a link.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?(?=\))")
FOLDER = re.compile(r"\[([^\]]+)\]\(FOLDER\)")
# A console session in a block that says it is plain Python: highlighted as what it is.
SESSION = re.compile(r"^```python\n(>>> .*?)\n*^```$", re.MULTILINE | re.DOTALL)
# Pages of the repository's root and what they are called on the site.
NAMED = {
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "datasets/ATTRIBUTION.md": "attribution.md",
}
# Made from the docstrings for the repository; the site has a page for each id.
MADE = ("environments.md",)


def places() -> dict[str, str]:
    """Return the path in the repository of each page that is written by hand, and its path on the site.

    Example:
        >>> places()["docs/forecasts.md"], places()["benchmarks/LEADERBOARD.md"]
        ('forecasts.md', 'benchmarks/leaderboard.md')
    """
    guides = {f"docs/{path.name}": path.name for path in sorted(ROOT.glob("docs/*.md"))}
    boards = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("benchmarks/**/*.md"))]
    return guides | {name: name.lower() for name in boards} | NAMED


def stage(into: Path) -> None:
    """Copy all pages and what they show into a folder."""
    for name, target in places().items():
        if target not in MADE:
            page = into / target
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(rewritten(name, target, into), encoding="utf-8")
    index = into / "index.md"
    index.write_text(with_all(index.read_text(encoding="utf-8")), encoding="utf-8")


def with_all(index: str) -> str:
    """Return the first page with every guide in its contents; what nobody placed comes last among the how-tos."""
    listed = set(re.findall(r"^[\w/-]+$", index, re.MULTILINE)) | {"index"}
    guides = [place.removesuffix(".md") for place in places().values() if "/" not in place]
    missing = "".join(f"{guide}\n" for guide in guides if guide not in listed)
    before, opened, after = index.partition(":caption: How to\n\n")
    here, closed, rest = after.partition("```")
    return f"{before}{opened}{here}{missing}{closed}{rest}"


def rewritten(name: str, target: str, into: Path) -> str:
    """Return the text of a page with links that lead on the site."""
    text = (ROOT / name).read_text(encoding="utf-8")

    def led(found: re.Match[str]) -> str:
        return _link(ROOT / name, target, found[1], into) + (found[2] or "")

    linked = FOLDER.sub(r"\1", LINK.sub(led, text))
    return SESSION.sub(r"```pycon\n\1\n```", linked)


def _link(page: Path, target: str, link: str, into: Path) -> str:
    """Return where a link of a page leads on the site; files that are linked are copied beside the pages."""
    meant = (page.parent / link).resolve()
    if not meant.exists():
        raise FileNotFoundError(f"{page.relative_to(ROOT)} links to {link}, which is not there")
    if meant.is_dir():
        return "FOLDER"
    name = meant.relative_to(ROOT).as_posix()
    place = places().get(name)
    if place is None:
        place = f"files/{name}"
        (into / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(meant, into / place)
    return Path(os.path.relpath(place, Path(target).parent)).as_posix()
