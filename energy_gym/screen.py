"""What every command shares on the screen: an error is one line, and so is how an interrupted run goes on."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from energy_gym.errors import DataNotice, EnergyGymError

INTERRUPTED = 130
# Typer brings Click as a part of its own or depends on it, by its version.
_Mistake: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def run_app(app: Any, words: Sequence[str] | None = None, name: str | None = None) -> None:
    """Run a command line and leave with its exit code: 0 done, 1 an error, 2 a wrong word, 130 interrupted."""
    with clear_errors(), short_notices():
        code = app(args=words, prog_name=name, standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)


@contextmanager
def clear_errors() -> Iterator[None]:
    """Show what a user can mend as one line on stderr and leave; faults of the package pass, with their traceback."""
    try:
        yield
    except EnergyGymError as error:
        _leave(str(error))
    except _Mistake as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            sys.exit(error.exit_code)
        path = getattr(getattr(error, "ctx", None), "command_path", None)
        _leave(error.format_message() + (f" See {path} --help" if path else ""), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever reads has heard enough.
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _leave(f"{place}cannot be read or written ({error.strerror or error}); free space or choose another folder")
    except MemoryError as error:
        cause = " ".join(str(error).split()) or "none left"
        _leave(f"memory: does not suffice ({cause}); ask for fewer environments, steps or workers")


@contextmanager
def short_notices() -> Iterator[None]:
    """Tell each notice about a user's data once, as a line on stderr that names no code."""
    told: set[str] = set()
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Any, category: Any, *rest: Any, **more: Any) -> None:
            if not issubclass(category, DataNotice):
                usual(message, category, *rest, **more)
            elif str(message) not in told:
                told.add(str(message))
                Console(stderr=True).print(f"note: {message}", highlight=False, soft_wrap=True, markup=False)

        warnings.showwarning = show
        yield


class Told:
    """Progress as lines on stderr where nobody watches a bar: in a pipe or a log, at most one in so many seconds."""

    def __init__(self, every: float = 10.0) -> None:
        self.every = every
        self._last = self._began = time.monotonic()
        self._screen = Console(stderr=True)

    def __call__(self, stage: str, done: int, of: int) -> None:
        """Say how many of a stage are done, if it is time to."""
        now = time.monotonic()
        if self._screen.is_terminal or not of or now - self._last < self.every:
            return
        self._last = now
        self._screen.print(f"{stage}: {done} of {of} after {now - self._began:.0f} s", highlight=False, markup=False)


def titled(table: Any, title: str) -> None:
    """Print a table under its title, which keeps its line where the table is narrower."""
    console = Console()
    console.print(title, style="italic", highlight=False, markup=False)
    console.print(table)


@contextmanager
def resumable(what: str) -> Iterator[None]:
    """Say at an interruption that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        Console(stderr=True).print(f"stopped: the same command goes on from the {what} that are done", highlight=False)
        raise


def _leave(message: str, code: int = 1) -> None:
    line = " ".join(message.split())
    Console(stderr=True).print(f"[bold red]error:[/] {escape(line)}", highlight=False, soft_wrap=True)
    sys.exit(code)
