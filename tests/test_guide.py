"""The guide shows the code that is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_every_piece_of_the_electrolyser_in_the_guide_is_in_its_file() -> None:
    if not DOCS.is_dir():
        pytest.skip("not a checkout")
    code = (DOCS / "electrolyser.py").read_text(encoding="utf-8")
    pieces = re.findall(r"```python\n(.*?)```", (DOCS / "scenarios.md").read_text(encoding="utf-8"), re.DOTALL)
    shown = [piece for piece in pieces if not piece.startswith(">>>")]
    assert len(shown) == 5
    for piece in shown:
        assert piece in code
