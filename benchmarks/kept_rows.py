"""Rows of measurements that are made one at a time: the file that keeps them, and a table of their page.

One rule: a row is a line of its file, so that what was measured anew is what a change of the file shows.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file; none where there is no file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows into a file, one a line."""
    text = ",\n".join(f"  {json.dumps(one)}" for one in rows)
    path.write_text(f"[\n{text}\n]\n", encoding="utf-8")


def table(lines: list[list[str]]) -> str:
    """Return a table of Markdown, its head first: two columns of words, then figures."""
    head, *body = lines
    rule = ["---", "---", *["---:"] * (len(head) - 2)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *body))
