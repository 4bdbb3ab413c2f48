"""A recipe as a command; one rule: an error of the package is one line, and the same words train the same again."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.paths import recipe
from energy_gym.screen import run_app


@dataclass
class Command:
    """What is running: a recipe and its words; all of its trainings, or one way and seed on data of these hashes."""

    recipe: str = ""
    words: tuple[str, ...] = ()
    only: tuple[str, int] | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)


COMMAND: ContextVar[Command | None] = ContextVar("command", default=None)


def run(main: Callable[..., None], args: list[str] | None = None, name: str | None = None) -> None:
    """Run a recipe's ``main`` as a command; an error of the package is one line, not a traceback.

    Args:
        main: Its parameters are the command's options.
        args: Words of the command line; None: those of this process.
        name: Name of the program, for its help.
    """
    app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
    app.command()(main)
    words = tuple(sys.argv[1:] if args is None else args)
    token = COMMAND.set(Command((name or Path(sys.argv[0]).stem).rpartition(" ")[2], words))
    try:
        run_app(app, args, name)
    finally:
        COMMAND.reset(token)


def trained_again(
    recipe_name: str, words: Sequence[str], way: str, seed: int, *, hashes: Mapping[str, str]
) -> dict[str, Any]:
    """Train and play one way of a recipe with one seed, by the words that the recipe was run with; return its row.

    ``hashes`` are those of the data that it was scored on then, by split.

    Raises:
        UnknownIdError: No such recipe.
        ConfigurationError: The recipe, with these words, has no such way, or its data are no longer what they were.
    """
    path = recipe(recipe_name)
    if not path.is_file():
        raise UnknownIdError.of("recipe", recipe_name, [each.stem for each in path.parent.glob("*.py")])
    command = Command(recipe_name, tuple(words), (way, seed), hashes)
    app = typer.Typer(add_completion=False)
    app.command()(runpy.run_path(str(path))["main"])
    token = COMMAND.set(command)
    try:
        app(args=list(words), standalone_mode=False)
    except StopIteration as error:
        raise ConfigurationError(
            f"way {way!r}", f"is none of recipe {recipe_name!r} with these words", "see it"
        ) from error
    finally:
        COMMAND.reset(token)
    return dict(command.found)
