"""Writes docs/environments.md and README's table of ids from the docstrings: ``python docs/build_environments.py``.

One rule: what is said of an environment stands in its docstring, and here only once more.
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import gymnasium as gym

from energy_gym.scenarios.registration import SCENARIOS

ROOT = Path(__file__).resolve().parents[1]
HEAD = """\
# Environments

Made from the docstrings by `python docs/build_environments.py`. All ids share the conventions of the README: kW, kWh,
prices per MWh, consumption positive, rewards never rescaled.

`info` has the same figures after `reset`, where nothing has happened yet, and after `step`. `env.unwrapped.info_units`
states the unit of each, single or batch; the sections below list them with the data by default. `cost` is energy that
was refused [kWh], under the name that libraries of safe learning read: it is no money. The reward's money is
`energy_cost`, `wear`, `penalty` and `demand_charge`.
"""
TABLE = re.compile(r"(?<=<!-- environments -->\n).*?(?=\n<!-- /environments -->)", re.DOTALL)


def page() -> str:
    """Return the page, a section an id."""
    return "\n".join([HEAD, *(section(name) for name in SCENARIOS)])


def section(name: str) -> str:
    """Return the section of an id; its example becomes a block of code."""
    text, _, example = documentation(name).partition("\nExample:\n")
    code = f"\n```python\n{inspect.cleandoc(example)}\n\n```\n" if example else ""
    return f"## {name.partition('/')[2]}\n\n`gym.make({name!r})`\n\n{text.strip()}\n\n{figures(name)}\n{code}"


def figures(name: str) -> str:
    """Return the table of an id's figures in ``info`` by unit; of one for each market and asset, the first part."""
    units = gym.make(name).unwrapped.info_units  # type: ignore[attr-defined]
    rows = {unit: list[str]() for unit in units.values()}
    for figure, unit in units.items():
        part, dot, _ = figure.partition(".")
        rows[unit].append(f"`{part}.*`" if dot else f"`{part}`")
    lines = [f"| {unit} | {', '.join(dict.fromkeys(names))} |" for unit, names in rows.items()]
    return "\n".join(["| unit | figures of `info` |", "| --- | --- |", *lines])


def documentation(name: str) -> str:
    """Return the docstring of an id's class."""
    module, single, _ = SCENARIOS[name]
    return inspect.getdoc(getattr(importlib.import_module(module), single)) or ""


def readme() -> str:
    """Return the README with the table of ids: what each is, and the first sentence on its data."""
    rows = ["| id | what it is | data by default |", "| --- | --- | --- |", *map(row, SCENARIOS)]
    return TABLE.sub("\n".join(rows).replace("\\", r"\\"), (ROOT / "README.md").read_text(encoding="utf-8"))


def row(name: str) -> str:
    """Return an id's row of the table."""
    text = documentation(name)
    data = " ".join(re.findall(r"\*\*Data\.\*\* By default (.*?)\.\s", text, re.DOTALL)[0].split())
    return f"| `{name.partition('/')[2]}` | {text.splitlines()[0]} | {data} |"


if __name__ == "__main__":
    (ROOT / "docs" / "environments.md").write_text(page(), encoding="utf-8")
    (ROOT / "README.md").write_text(readme(), encoding="utf-8")
