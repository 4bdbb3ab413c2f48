"""Pages made from docstrings are up to date."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_the_page_of_environments_and_the_table_of_ids_are_made_from_the_docstrings() -> None:
    made = runpy.run_path(str(DOCS / "build_environments.py"))
    for path, text in ((DOCS / "environments.md", made["page"]()), (DOCS.parent / "README.md", made["readme"]())):
        assert path.read_text(encoding="utf-8") == text, "run docs/build_environments.py"
