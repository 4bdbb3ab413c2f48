"""Writes docs/environments.md from the docstrings of the environments: ``python docs/build_environments.py``.

One rule: what is said of an environment stands in its docstring, and here only once more.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

from energy_gym.scenarios.registration import SCENARIOS

HEAD = """\
# Environments

Made from the docstrings by `python docs/build_environments.py`. All ids share the conventions of the README: kW, kWh,
prices per MWh, consumption positive, rewards never rescaled.
"""


def page() -> str:
    """Return the page, a section an id."""
    return "\n".join([HEAD, *[section(name, *entry[:2]) for name, entry in SCENARIOS.items()]])


def section(name: str, module: str, single: str) -> str:
    """Return the section of an id; its example becomes a block of code."""
    text, _, example = inspect.getdoc(getattr(importlib.import_module(module), single)).partition("\nExample:\n")
    code = f"\n```python\n{inspect.cleandoc(example)}\n\n```\n" if example else ""
    return f"## {name.partition('/')[2]}\n\n`gym.make({name!r})`\n\n{text.strip()}\n{code}"


if __name__ == "__main__":
    (Path(__file__).resolve().parent / "environments.md").write_text(page(), encoding="utf-8")
