"""Modules that are imported when something is first asked of them: what a library imports and training never asks for.

One rule: whoever asks gets the module itself, a moment later; what is imported already is left alone.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class Deferred(ModuleType):
    """Stands in for a module until an attribute is asked for.

    Args:
        name: Name of the module.
        others: Names of all that are stood in for, by which it tells a module inside it from an attribute.
    """

    def __init__(self, name: str, others: Sequence[str]) -> None:
        super().__init__(name)
        self._others = tuple(others)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        inner = f"{self.__name__}.{name}"
        if inner in self._others and isinstance(sys.modules.get(inner), Deferred):
            return sys.modules[inner]
        _leave(self._others)
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def deferred(*names: str) -> Iterator[None]:
    """Let what is imported in its body do without some modules until it asks something of them.

    Args:
        names: Modules that are stood in for where they are not imported yet; of a package, each module that is named.

    Example:
        >>> import sys
        >>> with deferred("sched"):
        ...     import sched
        >>> "sched" in sys.modules, sched.scheduler.__name__
        (False, 'scheduler')
    """
    for name in names:
        if name not in sys.modules:
            sys.modules[name] = Deferred(name, names)
    try:
        yield
    finally:
        _leave(names)


def _leave(names: Sequence[str]) -> None:
    for name in names:
        if isinstance(sys.modules.get(name), Deferred):
            del sys.modules[name]
