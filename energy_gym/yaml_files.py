"""YAML read strictly, from a text or a file.

One rule: what cannot be read, or says one thing twice, is refused with its place; nothing is guessed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import yaml

from energy_gym.errors import ConfigurationError

R = TypeVar("R", bound="Readable")


class Readable(Protocol):
    """Whatever is read from YAML text."""

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Return the object that a text holds."""


def read_file(kind: type[R], source: Any, name: str, rule: str) -> R:
    """Return an object as it is, or the one that the YAML file at a path holds.

    Args:
        kind: Class of the object.
        source: The object, or the path.
        name: What the messages call it.
        rule: What it must be, for the messages.

    Raises:
        ConfigurationError: It is neither, or no text can be read there.

    Example:
        >>> from energy_gym import Scenario
        >>> read_file(Scenario, 5, "scenario", "must be a Scenario or the path of a YAML file")
        Traceback (most recent call last):
        energy_gym.errors.ConfigurationError: scenario=5: must be a Scenario or the path of a YAML file; ...
    """
    if isinstance(source, kind):
        return source
    if not isinstance(source, str | Path):
        raise ConfigurationError(f"{name}={source!r}", rule, "pass one of them")
    try:
        return kind.from_yaml(Path(source).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{name}={str(source)!r}", "no such file can be read", "check the path") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{name}={str(source)!r}", "is no text in UTF-8", "check the path") from error


def parsed(text: str) -> Any:
    """Return what a YAML text holds; a key that occurs twice in one mapping is an error."""
    try:
        return yaml.load(text, Loader=_Loader)  # derived from the safe loader
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigurationError("scenario", f"is no valid YAML ({error})", "correct the file") from error


class _Loader(yaml.SafeLoader):
    """The safe loader, but for keys that repeat, which YAML forbids and PyYAML lets through."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            place = f"line {key.start_mark.line + 1}"
            if isinstance(name, list | dict | set):
                raise ConfigurationError(f"{name}: {place}", "is no name", "write names before the colons")
            if name in seen:
                raise ConfigurationError(f"{name}: {place}", "is a name that occurs twice", "give each its own name")
            seen.add(name)
        return super().construct_mapping(node, deep)
