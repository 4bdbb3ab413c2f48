"""Links inside the built site: each leads to a page, and to a place on it that is there."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

TARGET = re.compile(r'<(?:a|img|link|script)\b[^>]*?\s(?:href|src)="([^"]+)"')
PLACE = re.compile(r'\sid="([^"]+)"')
ELSEWHERE = ("http:", "https:", "mailto:", "data:", "javascript:")


def broken(site: Path) -> list[str]:
    """Return a line for each link of a built site that leads nowhere, or out of it by an address of this machine."""
    pages = {page: page.read_text(encoding="utf-8") for page in sorted(site.rglob("*.html"))}
    places = {page: set(PLACE.findall(text)) for page, text in pages.items()}
    found = []
    for page, text in pages.items():
        for target in dict.fromkeys(TARGET.findall(text)):
            if not target.startswith(ELSEWHERE) and not _leads(page, target, places):
                found.append(f"{page.relative_to(site)}: {target} leads nowhere")
    return found


def _leads(page: Path, target: str, places: dict[Path, set[str]]) -> bool:
    path, _, place = unquote(target).partition("#")
    meant = (page.parent / path.partition("?")[0]).resolve() if path else page
    if meant.is_dir():
        meant /= "index.html"
    if not meant.is_file():
        return False
    return not place or meant not in places or place in places[meant] or place == "top"
