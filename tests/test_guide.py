"""The guide shows the code that is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.mark.parametrize(
    ("page", "file", "count"), [("scenarios.md", "electrolyser.py", 5), ("extending.md", "tiers.py", 5)]
)
def test_every_piece_of_code_in_a_guide_is_in_its_file(page: str, file: str, count: int) -> None:
    if not DOCS.is_dir():
        pytest.skip("not a checkout")
    code = (DOCS / file).read_text(encoding="utf-8")
    pieces = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    shown = [piece for piece in pieces if not piece.startswith(">>>")]
    assert len(shown) == count
    for piece in shown:
        assert piece in code
