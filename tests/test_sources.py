"""Each equation of an entity or a contract says where it comes from."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import energy_gym
from energy_gym.contracts import CONTRACTS
from energy_gym.entities.base import ENTITIES

PACKAGE = Path(energy_gym.__file__).parent
# A function whose first line has one of these in brackets returns a figure of physics or of money.
UNIT = re.compile(r"\[(kWh|kW|kg|currency|CRC)\b")
# Beside these, what turns a figure into another by a rule that somebody wrote down.
RULES = {"LinearPenalty", "SinglePrice", "DualPrice", "Banded", "PiecewiseLinear", "LinearImpact", "RandomActivation"}


def equations() -> Iterator[tuple[str, str]]:
    kinds = {(kind.__module__, kind.__name__) for kind in (*ENTITIES.values(), *CONTRACTS.values())}
    for path in sorted(path for folder in ("entities", "contracts") for path in (PACKAGE / folder).glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            text = ast.get_docstring(node) or ""
            function = isinstance(node, ast.FunctionDef) and UNIT.search(text.split("\n")[0])
            module = ".".join(("energy_gym", *path.relative_to(PACKAGE).with_suffix("").parts))
            if function or (module, node.name) in kinds or node.name in RULES:
                yield f"{path.parent.name}/{path.stem}:{node.name}", text


EQUATIONS = dict(equations())


def test_there_are_equations_to_look_at() -> None:
    assert {"entities/battery:next_energy", "contracts/tariff:grid_cost", "contracts/spot:Spot"} <= set(EQUATIONS)
    assert len(EQUATIONS) > 40


@pytest.mark.parametrize("name", EQUATIONS)
def test_an_equation_names_its_source(name: str) -> None:
    assert re.search(r"^Source:\n    \S", EQUATIONS[name], re.MULTILINE), f"{name} names no source"
