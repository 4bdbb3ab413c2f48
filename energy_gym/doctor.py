"""What of this package is installed: its version, what it runs on, and each extra with what it lacks.

One rule: nothing is imported to find out, so that a broken library is named and breaks nothing.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

from energy_gym.errors import install_command

# What an extra takes on the disk beyond the core, with all that it needs: measured on Linux with Python 3.11 and,
# where it brings PyTorch, PyTorch's CPU build (its GPU build takes about 5 GB). What is not here was not measured.
MEGABYTES = {
    "plot": 118,
    "sql": 18,
    "sb3": 859,
    "offline": 751,
    "imitation": 997,
    "fast": 179,
    "sweep": 1,
    "jax": 572,
    "serve": 23,
    "scoring": 1,
    "track": 115,
    "wandb": 75,
}
# For who works on the package, or another name for several.
NOT_SHOWN = ("test", "lint", "docs", "all")
_OF_EXTRA = re.compile(r"""extra\s*==\s*["']([\w-]+)["']""")
_NAME = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class Extra:
    """An extra of the package, as it is found here.

    Args:
        name: Name of the extra.
        found: Version of each package that it asks for and that is installed, by name.
        missing: Names of those that are not.
        install: The command that brings them.
        megabytes: What it takes on the disk beyond the core [MB]; None where that was not measured.
    """

    name: str
    found: dict[str, str]
    missing: tuple[str, ...]
    install: str
    megabytes: int | None

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


def core() -> dict[str, str | None]:
    """Return Python, the machine and each package that the core needs, with their versions; None where one is missing.

    Example:
        >>> {"python", "gymnasium", "highspy"} <= set(core())
        True
    """
    told: dict[str, str | None] = {"python": platform.python_version(), "system": platform.platform(terse=True)}
    return told | {name: installed(name) for name, extra in _required() if extra is None}


def extras() -> tuple[Extra, ...]:
    """Return each extra as it is found here, by name.

    Example:
        >>> {extra.name for extra in extras()} >= {"plot", "sb3"}
        True
    """
    asked: dict[str, list[str]] = {}
    for name, extra in _required():
        if extra is not None and extra not in NOT_SHOWN and name != "energy-gym":
            asked.setdefault(extra, []).append(name)
    return tuple(_extra(name, asked[name]) for name in sorted(asked))


def _extra(name: str, packages: list[str]) -> Extra:
    versions = {package: installed(package) for package in packages}
    found = {package: its for package, its in versions.items() if its is not None}
    missing = tuple(package for package, its in versions.items() if its is None)
    return Extra(name, found, missing, install_command(name), MEGABYTES.get(name))


def installed(package: str) -> str | None:
    """Return the version of a package, or None where it is not installed.

    Example:
        >>> installed("numpy") is None, installed("no-such-package")
        (False, None)
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _required() -> Iterator[tuple[str, str | None]]:
    """Yield the packages that this one asks for, each with its extra; nothing where it runs without being installed."""
    try:
        asked = requires("energy-gym") or []
    except PackageNotFoundError:
        asked = []
    for requirement in asked:
        name, extra = _NAME.match(requirement), _OF_EXTRA.search(requirement)
        if name is not None:
            yield name[0], extra[1] if extra else None
