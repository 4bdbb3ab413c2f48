"""What a law does to its numbers, written down once as a list of operations, to be compiled.

The laws use only ``+ - * /`` and the functions of `energy_gym.backends`. Called with symbols in place of numbers they
leave behind the operations that they would have made, in their order. Nothing of the physics is stated here.

One rule: an operation is written as it was asked for, never rearranged, so that its result is the same to the last bit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import Table


class Untraceable(Exception):  # noqa: N818  # not an error: it is caught, and the usual way taken
    """A law asks of its numbers what a symbol cannot tell."""


class Symbol:
    """A number that is not known yet: the name of what an operation gives."""

    # NumPy leaves an operation with an array on its left to the symbol on its right.
    __array_ufunc__ = None
    __slots__ = ("name", "trace")

    def __init__(self, trace: Trace, name: str) -> None:
        self.trace, self.name = trace, name

    def __add__(self, other: Any) -> Symbol:
        return self.trace.line("fadd", self, other)

    def __radd__(self, other: Any) -> Symbol:
        return self.trace.line("fadd", other, self)

    def __sub__(self, other: Any) -> Symbol:
        return self.trace.line("fsub", self, other)

    def __rsub__(self, other: Any) -> Symbol:
        return self.trace.line("fsub", other, self)

    def __mul__(self, other: Any) -> Symbol:
        return self.trace.line("fmul", self, other)

    def __rmul__(self, other: Any) -> Symbol:
        return self.trace.line("fmul", other, self)

    def __truediv__(self, other: Any) -> Symbol:
        return self.trace.line("fdiv", self, other)

    def __rtruediv__(self, other: Any) -> Symbol:
        return self.trace.line("fdiv", other, self)

    def __neg__(self) -> Symbol:
        return self.trace.line("fneg", self)

    def __abs__(self) -> Symbol:
        return self.trace.line("fabs", self)

    def __bool__(self) -> bool:
        raise Untraceable("a law asks whether a number is true")

    def _unasked(self, *_: Any) -> Any:
        raise Untraceable("a law asks of a number what is neither + - * / nor a function of its namespace")

    def __gt__(self, other: Any) -> Symbol:
        return self.trace.line("ogt", self, other)

    def __ge__(self, other: Any) -> Symbol:
        return self.trace.line("oge", self, other)

    def __lt__(self, other: Any) -> Symbol:
        return self.trace.line("olt", self, other)

    def __le__(self, other: Any) -> Symbol:
        return self.trace.line("ole", self, other)

    __float__ = __int__ = __index__ = lambda self: bool(self)
    __eq__ = __ne__ = __pow__ = __rpow__ = __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = _unasked
    __round__ = __floor__ = __ceil__ = __trunc__ = __getitem__ = __iter__ = __len__ = _unasked
    __hash__ = object.__hash__


class Line(NamedTuple):
    """An operation: the name of its result, what it does, and the names or numbers that it takes."""

    name: str
    does: str
    takes: tuple[str | float, ...]


class Trace:
    """A list of operations, and the arrays that they take.

    It is a namespace as `energy_gym.backends.Namespace` is, with what markets ask besides: a law that is
    called with it writes into it.

    Attributes:
        lines: The operations.
        inputs: Names of the arrays with a value per environment that are given at each call.
        series: Arrays with a value per step, shape (T,), of which each environment is given its own at each call.
        each: Arrays with a value per environment, shape (num_envs,), that stay what they are.
        tables: Tables that a law looks up, shape (n,) or (n, num_envs).

    Example:
        >>> trace = Trace(num_envs=2)
        >>> price = trace.of_step(np.array([1.0, 2.0]))
        >>> (2.0 * trace.positive(price)).name
        'v1'
        >>> [line.does for line in trace.lines]
        ['positive', 'fmul']
    """

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs
        self.lines: list[Line] = []
        self.inputs: list[str] = []
        self.series: list[Floats] = []
        self.each: list[Floats] = []
        self.tables: list[Floats] = []
        self._places: dict[tuple[str, int], str] = {}
        self._kept: list[Any] = []

    def given(self, name: str) -> Symbol:
        """Return the symbol of an array that is given at each call."""
        self.inputs.append(name)
        return Symbol(self, name)

    def given_each(self, word: str, count: int) -> tuple[Symbol, ...]:
        """Return the symbols of so many arrays that are given at each call, named by a word and their place."""
        return tuple(self.given(f"{word}{place}") for place in range(count))

    def of_step(self, series: Floats) -> Symbol | float:
        """Return the symbol of a series' value at the step that is played; of one that is always zero, 0.0."""
        return Symbol(self, self._leaf("series", series)) if series.any() else 0.0

    def line(self, does: str, *operands: Any) -> Symbol:
        """Return the symbol of an operation on symbols and numbers."""
        takes = tuple(self.named(operand) for operand in operands)
        self.lines.append(Line(f"v{len(self.lines)}", does, takes))
        return Symbol(self, self.lines[-1].name)

    def named(self, value: Any) -> str | float:
        """Return the name of a symbol or of an array with a value per environment; of a number, the number.

        Raises:
            Untraceable: It is none of these.
        """
        if isinstance(value, Symbol):
            return value.name
        if isinstance(value, np.ndarray) and value.ndim:
            if value.shape != (self.num_envs,):
                raise Untraceable(f"an array of shape {value.shape}")
            return self._leaf("each", value)
        try:
            return float(value)
        except (TypeError, ValueError) as error:
            raise Untraceable(f"a number that is {type(value).__name__}") from error

    def positive(self, value: Any) -> Any:
        """See `energy_gym.backends.Namespace`."""
        return self.line("positive", value) if isinstance(value, Symbol) else np.maximum(value, 0.0) + 0.0

    def bounded(self, value: Any, limit: Any) -> Any:
        """See `energy_gym.backends.Namespace`."""
        return self.lesser(value, self.positive(limit))

    def lesser(self, value: Any, limit: Any) -> Any:
        """See `energy_gym.backends.Namespace`."""
        known = not isinstance(value, Symbol) and not isinstance(limit, Symbol)
        return np.minimum(value, limit) if known else self.line("lesser", value, limit)

    def kept(self, value: Any, test: Any) -> Any:
        """See `energy_gym.contracts.clearing.ClearingNamespace`."""
        if isinstance(test, Symbol):
            return self.chosen(self.line("oge", test, 0.0), value, 0.0)
        return value if np.all(np.asarray(test) >= 0.0) else value * 0.0

    def whole(self, value: Any) -> Any:
        """See `energy_gym.contracts.clearing.ClearingNamespace`."""
        return self.line("floor", value) if isinstance(value, Symbol) else np.floor(value)

    def looked_up(self, table: Table, place: Any) -> Any:
        """See `energy_gym.backends.Namespace`."""
        array = table.array
        if array.ndim == 2 and array.shape[1] != self.num_envs:
            raise Untraceable(f"a table of shape {array.shape}")
        does = "entry" if array.ndim == 1 else "own entry"
        name = self._leaf("tables", array)
        takes = (name, self.named(place), float(table.last))
        self.lines.append(Line(f"v{len(self.lines)}", does, takes))
        return Symbol(self, self.lines[-1].name)

    def chosen(self, flag: Symbol, one: Any, other: Any) -> Symbol:
        """Return one value where a flag is not zero, else the other."""
        return self.line("chosen", flag, one, other)

    def _leaf(self, kind: str, array: Floats) -> str:
        key = (kind, id(array))
        if key not in self._places:
            kept: list[Floats] = getattr(self, kind)
            self._places[key] = f"{kind}{len(kept)}"
            kept.append(np.ascontiguousarray(array, dtype=np.float64))
            self._kept.append(array)  # so that no other array takes its place in memory, and with it its key
        return self._places[key]
