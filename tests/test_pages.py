"""Pages made from docstrings are up to date."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_the_page_of_environments_is_made_from_the_docstrings() -> None:
    made = runpy.run_path(str(DOCS / "build_environments.py"))["page"]()
    assert (DOCS / "environments.md").read_text(encoding="utf-8") == made, "run docs/build_environments.py"
