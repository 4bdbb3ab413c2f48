"""Configuration as plain trees of names and values, such as YAML holds them: checked, and turned into dataclasses.

One rule: an error starts with the path of the value in the file, written ``contracts.supply.buy.bands[2].hours``.
"""

from __future__ import annotations

import difflib
import math
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Protocol, TypeVar

from energy_gym.errors import ConfigurationError, UnknownIdError

T = TypeVar("T")
N = TypeVar("N", bound="Named")


class Named(Protocol):
    """Whatever carries a name."""

    @property
    def name(self) -> str:
        """The name."""


def of_kind(value: Any, path: str, kinds: Mapping[str, Any], usual: str = "", name: str | None = None) -> Any:
    """Return an object from its tree, which says its ``kind``.

    Args:
        value: The tree.
        path: Where it stands in its file.
        kinds: Classes by kind: dataclasses, or such as have a ``from_tree`` of their own.
        usual: The kind where none is said.
        name: The key it stands under, which is the name of one that `carries_name` where the tree says none.

    Raises:
        UnknownIdError: There is no such kind; the nearest is suggested.
        ConfigurationError: As :func:`build`.

    Example:
        >>> from energy_gym.entities import ENTITIES
        >>> of_kind({"kind": "battery", "capacity_kwh": 20}, "entities.b", ENTITIES).capacity_kwh
        20.0
    """
    tree = dict(mapping(value, path))
    kind = str(tree.pop("kind", usual))
    if kind not in kinds:
        unknown = UnknownIdError.of("kind", kind, kinds)
        raise UnknownIdError(f"{path}: {unknown.value}", unknown.rule, unknown.remedy)
    if name is not None and carries_name(kinds[kind]):
        tree.setdefault("name", name)
    reader = getattr(kinds[kind], "from_tree", None)
    return reader(tree, path) if reader is not None else build(kinds[kind], tree, path)


def kind_tree(item: Any, kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object of one of some kinds as its tree, with its kind; `of_kind` reads it back.

    Raises:
        ConfigurationError: It is of none of them, and so cannot be written down.
    """
    for name, kind in kinds.items():
        if type(item) is kind:
            return {"kind": name, **to_tree(item)}
    rule = f"is of no kind that a file can name: {', '.join(kinds)}"
    raise ConfigurationError(f"{type(item).__name__}", rule, "pass the scenario as an object")


def carries_name(kind: type[Any]) -> bool:
    """Return whether a dataclass has a field ``name``; a file leaves it out where it is the key of the object.

    Example:
        >>> from energy_gym.contracts import Reserve, Spot
        >>> carries_name(Reserve), carries_name(Spot)
        (True, False)
    """
    return is_dataclass(kind) and any(item.name == "name" and item.init for item in fields(kind))


def written(name: str, item: Any) -> dict[str, Any]:
    """Return an entity or a contract as its tree; its kind and its name are left out where they are its key."""
    tree = dict(item.to_tree() if hasattr(item, "to_tree") else to_tree(item))
    if carries_name(type(item)) and tree.get("name") == name:
        del tree["name"]
    return tree if name == item.kind else {"kind": item.kind, **tree}


def to_tree(item: Any) -> dict[str, Any]:
    """Return a dataclass as a tree of its fields, tuples as lists, dataclasses in them as trees.

    Example:
        >>> from energy_gym.contracts import Spot
        >>> to_tree(Spot(parties=("battery",)))["parties"]
        ['battery']
    """
    return {entry.name: _plain(getattr(item, entry.name)) for entry in fields(item) if entry.init}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return to_tree(value)
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def mapping(value: Any, path: str) -> Mapping[str, Any]:
    """Return the value if it maps names to values.

    Raises:
        ConfigurationError: It does not.

    Example:
        >>> mapping([1, 2], "entities")
        Traceback (most recent call last):
        energy_gym.errors.ConfigurationError: entities=[1, 2]: must be a mapping of names to values; ...
    """
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{path}={value!r}", "must be a mapping of names to values", f"write {path}: {{...}}")
    return value


def sequence(name: str, value: Any) -> tuple[Any, ...]:
    """Return a list, or what else can be gone through and is no text, as a tuple.

    Raises:
        ConfigurationError: It is none.

    Example:
        >>> sequence("prequalified_kw", 5.0)
        Traceback (most recent call last):
        energy_gym.errors.ConfigurationError: prequalified_kw=5.0: must be a list; write it in brackets
    """
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise ConfigurationError(f"{name}={value!r}", "must be a list", "write it in brackets")
    return tuple(value)


def check_keys(tree: Mapping[str, Any], known: Iterable[str], path: str) -> None:
    """Raise if the tree has a key that is not known; the error suggests the nearest.

    Raises:
        ConfigurationError: There is such a key.

    Example:
        >>> check_keys({"capacity_kw": 5}, ("capacity_kwh", "charge_kw"), "entities.battery")
        Traceback (most recent call last):
        energy_gym.errors.ConfigurationError: entities.battery.capacity_kw: is not a known key; did you mean ...
    """
    names = tuple(known)
    for key in tree:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=1) or _begun(str(key), names)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ConfigurationError(f"{path}.{key}", "is not a known key", f"{hint}Known: {', '.join(names)}")


def _begun(key: str, names: Iterable[str]) -> list[str]:
    """Return the names that go on where a key ends, such as with a forgotten unit."""
    return [name for name in names if key and name.startswith(key)]


def build(kind: type[T], value: Any, path: str) -> T:
    """Return a dataclass made of a tree whose keys are its fields; absent keys take their defaults.

    Raises:
        ConfigurationError: No mapping, an unknown or a missing key, or a value the dataclass refuses, with its path.

    Example:
        >>> from energy_gym.entities import Battery
        >>> build(Battery, {"capacity_kwh": 20}, "entities.battery").capacity_kwh
        20.0
    """
    tree = mapping(value, path)
    every: tuple[Field[Any], ...] = fields(kind)  # type: ignore[arg-type]  # kind is a dataclass
    items = [item for item in every if item.init]
    check_keys(tree, (item.name for item in items), path)
    for item in items:
        if item.default is MISSING and item.default_factory is MISSING and item.name not in tree:
            raise ConfigurationError(f"{path}.{item.name}", "is missing", f"write {item.name}: ... under {path}")
    try:
        return kind(**tree)
    except ConfigurationError as error:
        raise located(error, path) from error


def build_rows(kind: type[T], value: Any, path: str, key: str, row: type[Any]) -> T:
    """Return a dataclass made of a tree in which one key holds a list of trees, each made into a ``row``.

    Raises:
        ConfigurationError: As :func:`build`, with the number of the row in the path.
    """
    tree = dict(mapping(value, path))
    rows = tree.get(key)
    if isinstance(rows, list | tuple):
        tree[key] = tuple(build(row, item, f"{path}.{key}[{index}]") for index, item in enumerate(rows))
    return build(kind, tree, path)


def located(error: ConfigurationError, path: str) -> ConfigurationError:
    """Return the error with the path of the object it is about; a field's name at its start joins the path.

    Example:
        >>> print(located(ConfigurationError("hours=[]", "must not be empty", "give some"), "buy.bands[2]"))
        buy.bands[2].hours=[]: must not be empty; give some
        >>> print(located(ConfigurationError("no bands", "leave a hole", "give some"), "buy"))
        buy: no bands: leave a hole; give some
    """
    joint = "." if re.match(r"[A-Za-z_]\w*(\[\d+\])?(\.|=|:|$)", error.value) else ": "
    return type(error)(f"{path}{joint}{error.value}", error.rule, error.remedy)


def enrol(kinds: dict[str, type[Any]], item: type[Any]) -> None:
    """Make a class known by its ``kind``; the class of the same file may be made known again.

    Raises:
        ConfigurationError: The class names no kind, or one that another class has taken.

    Example:
        >>> from energy_gym.entities import ENTITIES
        >>> enrol(ENTITIES, type("Cell", (), {"kind": "battery"}))
        Traceback (most recent call last):
        energy_gym.errors.ConfigurationError: kind 'battery': is taken by Battery; choose another name
    """
    kind = getattr(item, "kind", None)
    if not isinstance(kind, str) or not kind:
        raise ConfigurationError(f"{item.__name__}.kind={kind!r}", "must be a name", 'set kind = "..." on the class')
    known = kinds.get(kind)
    if known is not None and _origin(known) != _origin(item):
        raise ConfigurationError(f"kind {kind!r}", f"is taken by {known.__qualname__}", "choose another name")
    kinds[kind] = item


def _origin(item: type[Any]) -> tuple[str, str]:
    """Return where a class was written, the same however its file was imported."""
    module = sys.modules.get(item.__module__)
    return getattr(module, "__file__", None) or item.__module__, item.__qualname__


def number(name: str, value: Any, unit: str) -> float:
    """Return a finite number as a float.

    Raises:
        ConfigurationError: It is no number, or not finite.

    Example:
        >>> number("rate_per_kw", 12, "currency/kW")
        12.0
    """
    try:
        real = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError, OverflowError):
        real = math.nan
    if not math.isfinite(real):
        raise ConfigurationError(f"{name}={value!r}", "must be a finite number", f"give it in {unit}")
    return real


def text(name: str, value: Any) -> str:
    """Return a string that is not empty.

    Raises:
        ConfigurationError: It is none.

    Example:
        >>> text("name", "peak")
        'peak'
    """
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{name}={value!r}", "must be a text that is not empty", "pass a name")
    return value


def listed(name: str, value: Any, kind: type[N]) -> tuple[N, ...]:
    """Return a list of objects of one kind as a tuple; each carries a ``name`` of its own.

    Raises:
        ConfigurationError: It is none, it is empty, or two share a name.
    """
    items = tuple(value) if isinstance(value, list | tuple) else ()
    if not items or not all(isinstance(item, kind) for item in items):
        raise ConfigurationError(f"{name}={value!r}", f"must be a list of one {kind.__name__} or more", "add one")
    names = [item.name for item in items]
    for index, label in enumerate(names):
        if label in names[:index]:
            raise ConfigurationError(f"{name}[{index}].name={label!r}", "is taken", "give each a name of its own")
    return items
