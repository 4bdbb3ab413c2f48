"""The reference of the command line, from the commands themselves: what each does, takes and assumes.

One rule: nothing is said here that ``energy-gym COMMAND --help`` does not say.
"""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from typing import Any

HEAD = """\
# Commands

Made from the commands themselves. `energy-gym COMMAND --help` shows the same on the screen.

"""


def page() -> str:
    """Return the page of all commands."""
    return HEAD + "\n".join(section(name, command) for name, command in commands())


def commands() -> Iterator[tuple[str, Any]]:
    """Yield each command by the words that call it, groups by their members.

    Example:
        >>> sorted(name for name, _ in commands())[:2]
        ['board', 'data check']
    """
    import typer

    from energy_gym.cli.app import app

    yield from _below("", typer.main.get_command(app))


def _told(name: str, command: Any) -> Any:
    """Return a command with its options: those of a recipe stand in the recipe's own file."""
    import typer

    from energy_gym.cli.recipes import RECIPES
    from energy_gym.paths import recipe

    if name not in RECIPES:
        return command
    app = typer.Typer()
    app.command()(runpy.run_path(str(recipe(name)))["main"])
    return typer.main.get_command(app)


def _below(prefix: str, group: Any) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if getattr(command, "commands", None):
            yield from _below(f"{prefix}{name} ", command)
        elif not command.hidden:
            yield f"{prefix}{name}", _told(f"{prefix}{name}", command)


def section(name: str, command: Any) -> str:
    """Return the section of a command: usage, what it does, a table of what it takes."""
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    usage = " ".join(["energy-gym", name, *map(_word, arguments), "[OPTIONS]"])
    rows = [_row(param) for param in command.params if not getattr(param, "hidden", False) and param.name != "help"]
    table = "\n".join(["| option | what it is | default |", "| --- | --- | --- |", *rows]) if rows else ""
    return f"## {name}\n\n```text\n{usage}\n```\n\n{_plain(command.help)}\n\n{table}\n"


def _row(param: Any) -> str:
    named = param.param_type_name == "option"
    name = ", ".join(f"`{word}`" for word in (*param.opts, *param.secondary_opts)) if named else ""
    default = "" if param.default in (None, False, ()) or callable(param.default) else f"`{_shown(param.default)}`"
    cells = (name or f"`{_word(param)}`", _plain(getattr(param, "help", None)), default)
    return "| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in cells) + " |"


def _word(argument: Any) -> str:
    """Return how the screen writes an argument: in brackets where it may be left out."""
    word = (argument.metavar or argument.name).strip("[]").upper()
    return word if argument.required else f"[{word}]"


def _shown(default: Any) -> str:
    value = getattr(default, "value", default)
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _plain(text: str | None) -> str:
    """Return a help text as Markdown: no marks of typer, angle brackets as they are."""
    return re.sub(r"([<>*_])", r"\\\1", (text or "").replace("\f", "").strip())
