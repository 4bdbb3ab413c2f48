"""``llms.txt``: what the project is and where each page is, for a program that reads instead of browsing.

Its form is that of the proposal of that name: a title, a summary, then lists of links with a line on each.
"""

from __future__ import annotations

import re
from pathlib import Path

HEAD = """\
# energy_gym

> Energy decisions as Gymnasium environments on public price and carbon data, with a proven optimum for every episode:
> an agent's regret against perfect foresight is part of its result. Python 3.11 or newer; `import energy_gym`.

Units: power kW, energy kWh, prices per MWh, carbon gCO2/kWh, money in the data set's currency, time UTC. Consumption is
positive: charging +, discharging -, import +, export -. Rewards are never rescaled.
"""
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
PARTS = {"": "Guides", "environments": "Environments", "reference": "Reference", "benchmarks": "Measured"}


def text(source: Path) -> str:
    """Return the file, from the pages that were gathered in a folder."""
    lines = [HEAD]
    for folder, title in PARTS.items():
        pages = sorted((source / folder).glob("*.md"))
        lines += [f"\n## {title}\n", *(_line(page, source) for page in pages)]
    return "\n".join(lines) + "\n"


def _line(page: Path, source: Path) -> str:
    content = page.read_text(encoding="utf-8")
    title = TITLE.search(content)
    address = page.relative_to(source).with_suffix(".html").as_posix()
    return f"- [{title[1] if title else page.stem}]({address}): {_first_sentence(content)}"


def _first_sentence(content: str) -> str:
    """Return the first sentence of the first paragraph of prose."""
    prose = (part for part in content.split("\n\n") if part and part[0].isalpha() and not part.startswith("gym.make"))
    plain = re.sub(r"\[([^\]]+)\]\([^)]*\)|[*`]", lambda found: found[1] or "", " ".join(next(prose, "").split()))
    return re.split(r"(?<=[.!?]) ", plain)[0]
