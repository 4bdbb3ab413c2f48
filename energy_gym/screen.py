"""What every command shares on the screen: an error of the package is one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

from energy_gym.errors import EnergyGymError


@contextmanager
def clear_errors() -> Iterator[None]:
    """Show an error of the package as one line on stderr and leave with exit code 1; others pass."""
    try:
        yield
    except EnergyGymError as error:
        message = " ".join(str(error).split())
        Console(stderr=True).print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
        sys.exit(1)
