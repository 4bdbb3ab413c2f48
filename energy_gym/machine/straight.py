"""Traced operations as one Python function of floats, which calls nothing: calls are most of what a law costs there.

One rule: no operation is rearranged: each rounds as it does on arrays. What nothing depends on is left out, and so is a
factor of 1.0.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType
from typing import Any

from energy_gym.tracing import Line, Symbol, Trace, Untraceable

FORMS = {
    "fadd": "{0} + {1}",
    "fsub": "{0} - {1}",
    "fmul": "{0} * {1}",
    "fdiv": "{0} / {1}",
    "fneg": "-{0}",
    "fabs": "abs({0})",
    "floor": "float(floor({0}))",
    "ogt": "1.0 if {0} > {1} else 0.0",
    "oge": "1.0 if {0} >= {1} else 0.0",
    "olt": "1.0 if {0} < {1} else 0.0",
    "ole": "1.0 if {0} <= {1} else 0.0",
    "positive": "{0} if {0} > 0.0 else 0.0",
    "lesser": "{0} if {0} <= {1} else {1}",
    "chosen": "{1} if {0} != 0.0 else {2}",
    "entry": "{0}[int(min(max({1}, 0.0), {2}))]",
}
"""How Python writes an operation."""
KNOWN: dict[str, Any] = {
    "__builtins__": {}, "abs": abs, "float": float, "int": int, "min": min, "max": max, "floor": math.floor,
    "inf": math.inf, "nan": math.nan,
}  # fmt: skip
"""All that it may name besides."""


def straight(trace: Trace, takes: Sequence[Any], gives: Sequence[Any]) -> Callable[..., Any]:
    """Return the function of a trace.

    Args:
        trace: The operations.
        takes: What the function is given, by argument: tuples of symbols, and of tuples of these.
        gives: What it returns: symbols, numbers, and tuples of these.

    Raises:
        Untraceable: It needs an array of its environment or step, which a float has none of.

    Example:
        >>> trace = Trace(num_envs=1)
        >>> price, state = trace.given("price"), trace.given("state")
        >>> half = straight(trace, [(price,), (state,)], [trace.positive(price) / 2.0, (state,)])
        >>> half((3.0,), (1.0,)), half((-3.0,), (1.0,))
        ((1.5, (1.0,)), (0.0, (1.0,)))
    """
    if trace.each or trace.series or any(table.ndim > 1 for table in trace.tables):
        raise Untraceable("an array with a value per environment or step")
    same = _same(trace.lines)
    given = _named(trace, gives, same)
    needed = _needed(trace.lines, given, same) - set(same)
    body = [f"{line.name} = {_form(line, same)}" for line in trace.lines if line.name in needed]
    names = [f"told{place}" for place in range(len(takes))]
    unpacked = [f"{_pattern(part)} = {name}" for name, part in zip(names, takes, strict=True) if part]
    lines = [*unpacked, *body, f"return {_written(given)}"]
    text = "\n    ".join([f"def played({', '.join(names)}):", *lines, ""])
    tables = {f"tables{place}": table.tolist() for place, table in enumerate(trace.tables)}
    made = {**KNOWN, **tables}
    exec(_compiled(text), made)
    played: Callable[..., Any] = made["played"]
    return played


@functools.lru_cache(maxsize=64)
def _compiled(text: str) -> CodeType:
    """Return the code of a text; environments that differ in their series alone share it."""
    return compile(text, "<laws>", "exec")


def _same(lines: Sequence[Line]) -> dict[str, str]:
    """Return the results that are another number times 1.0, and with that the other."""
    found: dict[str, str] = {}
    for line in lines:
        others = [name for name in line.takes if isinstance(name, str)]
        if line.does == "fmul" and len(others) == 1 and 1.0 in line.takes:
            found[line.name] = found.get(others[0], others[0])
    return found


def _named(trace: Trace, value: Any, same: Mapping[str, str]) -> Any:
    """Return names in place of symbols, and floats in place of other numbers."""
    if isinstance(value, tuple | list):
        return tuple(_named(trace, part, same) for part in value)
    name = trace.named(value)
    return same.get(name, name) if isinstance(name, str) else name


def _needed(lines: Sequence[Line], given: Any, same: Mapping[str, str]) -> set[str]:
    """Return the results that what is given depends on."""
    found = set(_flat(given))
    for line in reversed(lines):
        if line.name in found:
            found.update(same.get(name, name) for name in line.takes if isinstance(name, str))
    return found


def _flat(part: Any) -> Iterator[str]:
    if isinstance(part, tuple):
        for inner in part:
            yield from _flat(inner)
    elif isinstance(part, str):
        yield part


def _form(line: Line, same: Mapping[str, str]) -> str:
    """Return an operation as Python writes it; a float is written so that it reads back to the last bit."""
    takes = [same.get(name, name) if isinstance(name, str) else repr(name) for name in line.takes]
    return FORMS[line.does].format(*takes)


def _pattern(part: Any) -> str:
    """Return what unpacks an argument."""
    if isinstance(part, Symbol):
        return part.name
    return f"({''.join(f'{_pattern(inner)}, ' for inner in part)})"


def _written(part: Any) -> str:
    """Return what is returned, as Python writes it."""
    if isinstance(part, tuple):
        return f"({''.join(f'{_written(inner)}, ' for inner in part)})"
    return part if isinstance(part, str) else repr(part)
