"""Scenarios as YAML text: parsing, kinds of entities and contracts, and writing.

One rule: what is written is read back as the same object; what is refused names its place in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import yaml

from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.trees import build, mapping


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


def read(tree: Any, path: str, name: str, kinds: Mapping[str, Any]) -> Any:
    """Return an entity or a contract from its mapping."""
    entries = dict(mapping(tree, path))
    kind = str(entries.pop("kind", name))
    if kind not in kinds:
        unknown = UnknownIdError.of("kind", kind, kinds)
        raise UnknownIdError(f"{path}: {unknown.value}", unknown.rule, unknown.remedy)
    reader = getattr(kinds[kind], "from_tree", None)
    return reader(entries, path) if reader is not None else build(kinds[kind], entries, path)


def written(name: str, item: Any) -> dict[str, Any]:
    """Return an entity or a contract as its mapping; its kind is left out where it is its name."""
    tree = item.to_tree() if hasattr(item, "to_tree") else to_tree(item)
    return tree if name == item.kind else {"kind": item.kind, **tree}


def to_tree(item: Any) -> dict[str, Any]:
    """Return a dataclass as a mapping of its fields, tuples as lists."""
    values = {entry.name: getattr(item, entry.name) for entry in fields(item)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
