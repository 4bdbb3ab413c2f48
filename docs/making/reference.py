"""The reference: a page for each public module from its docstrings, the agents by name, the data sets by card.

One rule: public is what ``__all__`` of a module names, and of the modules named here that have none, what has no
underscore.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

# Modules whose names are public, in the order in which a reader needs them.
MODULES = (
    "energy_gym",
    "energy_gym.scenario",
    "energy_gym.entities",
    "energy_gym.contracts",
    "energy_gym.reserve",
    "energy_gym.data",
    "energy_gym.data.exports",
    "energy_gym.forecast",
    "energy_gym.oracle",
    "energy_gym.agents",
    "energy_gym.evaluation",
    "energy_gym.leaderboard",
    "energy_gym.suites",
    "energy_gym.sweeps",
    "energy_gym.entries",
    "energy_gym.testing",
    "energy_gym.errors",
)
AGENTS = """\
# Agents

Made from the classes. `energy_gym.agents.make_agent(NAME, env)` makes one; [learning](../learning.md) says how those
that learn are trained, and [which to choose](../choosing.md) how to find out.

| name | what it does | learns | decides on |
| --- | --- | --- | --- |
"""
DATA = """\
# Data sets

Made from the cards. `energy_gym.load(ID)` gives one, `energy-gym data describe ID` shows its whole card: columns with
their units, when each becomes known, splits, how gaps were filled, defects, licence. Seventy more, `emsx-1` to
`emsx-70`, are industrial sites.

| id | what | step | currency | how it comes |
| --- | --- | --- | --- | --- |
"""


def pages() -> Iterator[tuple[str, str]]:
    """Yield the path of each page on the site, and its text."""
    yield "reference/agents.md", AGENTS + "\n".join(_agents()) + "\n"
    yield "reference/data.md", DATA + "\n".join(_sets()) + "\n"
    for name in MODULES:
        yield f"reference/{name}.md", module_page(name)


def module_page(name: str) -> str:
    """Return the page of a module: what it says of itself, then all its public names.

    Example:
        >>> module_page("energy_gym.suites").splitlines()[0]
        '# energy_gym.suites'
    """
    elsewhere = dict(_elsewhere(name))
    left_out = f"\n   :exclude-members: {', '.join(elsewhere)}" if elsewhere else ""
    links = ", ".join(f"{{py:obj}}`{short} <{home}.{short}>`" for short, home in elsewhere.items())
    also = f"\nAlso here: {links}.\n" if links else ""
    return f"# {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n   :members:{left_out}\n```\n{also}"


def _elsewhere(name: str) -> Iterator[tuple[str, str]]:
    """Yield the names of a module that an earlier page describes, and the module of that page."""
    module = importlib.import_module(name)
    for short in getattr(module, "__all__", ()):
        for earlier in MODULES[: MODULES.index(name)]:
            home = importlib.import_module(earlier)
            if short in getattr(home, "__all__", ()) and getattr(home, short) is getattr(module, short):
                yield short, earlier
                break


def _agents() -> Iterator[str]:
    from energy_gym.agents import agent_ids
    from energy_gym.agents.registry import agent_class

    for name in agent_ids():
        kind = agent_class(name)
        yield f"| `{name}` | {first(kind)} | {'yes' if kind.learns else ''} | {', '.join(kind.decides)} |"


def _sets() -> Iterator[str]:
    from energy_gym.data import card, card_ids

    for name in card_ids():
        its = card(name)
        cells = (f"`{name}`", its.title, f"{its.resolution_minutes} min", its.currency, its.kind)
        yield "| " + " | ".join(" ".join(str(cell).split()).replace("|", r"\|") for cell in cells) + " |"


def first(thing: Any) -> str:
    """Return the first sentence of a docstring, on one line."""
    return (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ").replace("|", r"\|")
