"""The text of a compiled program, in LLVM's language: what is done for an environment, and what it is shown.

One rule: no flag that lets a compiler rearrange or fuse what was written: each operation rounds as it does in NumPy.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.machine.sliding import Cut, Piece
from energy_gym.tracing import Line, Trace

ARITHMETIC = ("fadd", "fsub", "fmul", "fdiv")
COMPARED = ("ogt", "oge", "olt", "ole")
ZERO, ONE = 0.0, 1.0
# Outputs lie a cache line further apart than their length: at a distance of a power of two they would all share the few
# places that a processor's cache has for an address.
LINE_FLOATS = 8
# Of a wide row, the first cache lines are asked for while those of some environments before it are copied: a processor
# sees by itself how a row goes on, and not where the next one begins.
LINE, FETCHED, EARLY = 64, 8, 4


class Laid(NamedTuple):
    """What is laid over some places of the rows that are shown, by environment.

    Args:
        begin: The first of these places.
        array: What is shown there, float32, shape (num_envs, count): columns of an array that is kept, so that a row is
            as far from the next at each call.
    """

    begin: int
    array: npt.NDArray[np.float32]


class Rows(NamedTuple):
    """Rows of which each environment is shown its own, with some outputs in its first places.

    Args:
        array: The rows, shape (T, width).
        ahead: How many rows past the one of its step.
        places: Which outputs are shown, in order.
        laid: What is laid over them at the first call; at the others it may lie elsewhere, in the same form.
    """

    array: npt.NDArray[np.float32]
    ahead: int
    places: tuple[int, ...]
    laid: tuple[Laid, ...] = ()


class Text:
    """The text of a program: ``loop`` and ``show`` over arrays that do not overlap, and ``run``, given addresses.

    Args:
        trace: The operations.
        outputs: What the program gives, by name, or as a number.
        rows: Rows that are shown.
        cut: The same rows cut, but for the places that outputs take.
        fixed: Places of outputs that are not written.
        own: How many of the first outputs lie in an array of their own, so that the others can be let go without them.

    Attributes:
        shapes: Shapes of the arrays of these and of all others, of which each has a row, longer than it needs to be.
    """

    def __init__(
        self,
        trace: Trace,
        outputs: Sequence[str | float],
        rows: Rows,
        cut: Cut,
        fixed: Collection[int] = (),
        own: int = 0,
    ) -> None:
        self._trace, self._rows, self._cut, self._own = trace, rows, cut, own
        numbered = {word: _numbered(word, getattr(trace, word)) for word in ("each", "series", "tables")}
        self._still = [name for names in numbered.values() for name in names]
        self._by_env = [*trace.inputs, *numbered["each"]]
        self._by_step = numbered["series"]
        self._outs = {f"out{place}": value for place, value in enumerate(outputs) if place not in fixed}
        self._laid = _numbered("laid", rows.laid)
        length = (trace.num_envs // LINE_FLOATS + 1) * LINE_FLOATS
        self.shapes = (own, length), (len(self._outs) - own, length)
        began = [f"begins{place}" for place, series in enumerate(cut.series) if series.begins is not None]
        self._sources = ["table", *_numbered("moves", cut.series), *began]

    def whole(self) -> str:
        """Return all of it."""
        arrays = [*self._outs, "t", *self._trace.inputs, *self._still]
        shown = [*self._sources, "t", "seen", *self._laid, *(f"out{place}" for place in self._rows.places)]
        every = [*self._sources, *self._still, "t", "own", "out", "seen", *self._laid, *self._trace.inputs]
        fetched = [text for place, name in enumerate(every) for text in _fetched(place, name)]
        fetched += [text for place, name in enumerate(self._outs) for text in self._placed(place, name)]
        span = "i64 %first, i64 %end"
        calls = [f"call void @{name}({_passed(given)}, {span})" for name, given in (("loop", arrays), ("show", shown))]
        run = [f"define void @run(ptr %addresses, {span}) nounwind {{", *fetched, *calls, "ret void", "}"]
        declared = "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)\ndeclare double @llvm.fabs.f64(double)"
        declared += "\ndeclare double @llvm.floor.f64(double)\ndeclare void @llvm.prefetch.p0(ptr, i32, i32, i32)"
        return "\n".join(
            [declared, *_over("loop", arrays, self._body()), *_over("show", shown, self._shown()), *run, ""]
        )

    def _placed(self, place: int, name: str) -> list[str]:
        """Return what finds the row of an output."""
        own, (_, length) = place < self._own, self.shapes[0]
        row = place if own else place - self._own
        return [f"%{name} = getelementptr double, ptr %{'own' if own else 'out'}, i64 {row * length}"]

    def _body(self) -> list[str]:
        """Return what is done for an environment: load, operate, store."""
        lines = [text for name in self._by_env for text in _load(f"v.{name}", name, "%i")]
        if self._by_step:
            lines += ["%p.t = getelementptr i64, ptr %t, i64 %i", "%at = load i64, ptr %p.t"]
        lines += [text for name in self._by_step for text in _load(f"v.{name}", name, "%at")]
        lines += [text for line in self._trace.lines for text in _operation(line, self._trace.num_envs)]
        for name, value in self._outs.items():
            lines += [
                f"%o.{name} = getelementptr double, ptr %{name}, i64 %i",
                f"store double {_number(value)}, ptr %o.{name}",
            ]
        return lines

    def _shown(self) -> list[str]:
        """Return what shows an environment its row, what is laid over it, and the outputs in it."""
        lines = [*self._early(), *self._row("now", "%i"), f"%to = mul nsw i64 %i, {self._rows.array.shape[1]}"]
        lines += ["%own = getelementptr float, ptr %seen, i64 %to"]
        shown = len(self._rows.places)
        for number, piece in enumerate(self._cut.pieces):
            lines += self._found(number, piece)
            lines += [f"%to{number} = getelementptr float, ptr %own, i64 {shown + piece.begin}"]
            lines += [_copied(f"%to{number}", f"%from{number}", piece.columns)]
        for name, laid in zip(self._laid, self._rows.laid, strict=True):
            lines += [f"%s.{name} = mul nsw i64 %i, {laid.array.strides[0] // laid.array.itemsize}"]
            lines += [f"%p.{name} = getelementptr float, ptr %{name}, i64 %s.{name}"]
            lines += [f"%q.{name} = getelementptr float, ptr %own, i64 {laid.begin}"]
            lines += [_copied(f"%q.{name}", f"%p.{name}", laid.array.shape[1])]
        for slot, place in enumerate(self._rows.places):
            lines += _load(f"d{slot}", f"out{place}", "%i")
            lines += [
                f"%f{slot} = fptrunc double %d{slot} to float",
                f"%q{slot} = getelementptr float, ptr %own, i64 {slot}",
            ]
            lines += [f"store float %f{slot}, ptr %q{slot}"]
        return lines

    def _found(self, number: int, piece: Piece) -> list[str]:
        """Return what finds where the columns of a piece begin."""
        source, lines = piece.source, list[str]()
        where, at = ("%row.now", str(piece.first)) if source is None else (f"%moves{source}", "%at.now")
        if source is not None and self._cut.series[source].begins is not None:
            at = f"%b{number}"
            lines += [f"%p.b{number} = getelementptr i32, ptr %begins{source}, i64 %at.now"]
            lines += [f"%n{number} = load i32, ptr %p.b{number}", f"{at} = sext i32 %n{number} to i64"]
        return [*lines, f"%from{number} = getelementptr float, ptr {where}, i64 {at}"]

    def _row(self, word: str, place: str) -> list[str]:
        """Return what finds an environment's row of the table."""
        return [
            f"%p.t.{word} = getelementptr i64, ptr %t, i64 {place}",
            f"%t.{word} = load i64, ptr %p.t.{word}",
            f"%at.{word} = add nsw i64 %t.{word}, {self._rows.ahead}",
            f"%from.{word} = mul nsw i64 %at.{word}, {self._cut.table.shape[1]}",
            f"%row.{word} = getelementptr float, ptr %table, i64 %from.{word}",
        ]

    def _early(self) -> list[str]:
        """Return what asks for the row of an environment that comes later, if rows of the table are wide."""
        fetched = min(self._cut.table.shape[1] * self._cut.table.itemsize // LINE, FETCHED)
        if fetched < FETCHED // 2:
            return []
        lines = [
            f"%later = add nuw nsw i64 %i, {EARLY}",
            "%last = sub nsw i64 %end, 1",
            "%inside = icmp slt i64 %later, %last",
            "%other = select i1 %inside, i64 %later, i64 %last",
            *self._row("then", "%other"),
        ]
        for line in range(fetched):
            lines += [f"%e{line} = getelementptr i8, ptr %row.then, i64 {line * LINE}"]
            lines += [f"call void @llvm.prefetch.p0(ptr %e{line}, i32 0, i32 3, i32 1)"]
        return lines


def _copied(to: str, source: str, count: int) -> str:
    """Return what copies so many float32."""
    return f"call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {source}, i64 {4 * count}, i1 false)"


def _numbered(word: str, arrays: Sequence[Any]) -> list[str]:
    return [f"{word}{place}" for place in range(len(arrays))]


def _passed(names: Sequence[str]) -> str:
    return ", ".join(f"ptr %{name}" for name in names)


def _over(name: str, arrays: Sequence[str], body: Sequence[str]) -> list[str]:
    """Return a function that does something for each environment; its arrays do not overlap."""
    taken = ", ".join(f"ptr noalias %{array}" for array in arrays)
    return [
        f"define internal void @{name}({taken}, i64 %first, i64 %end) noinline nounwind {{",
        "entry:",
        "br label %each",
        "each:",
        "%i = phi i64 [ %first, %entry ], [ %next, %each ]",
        *body,
        "%next = add nuw nsw i64 %i, 1",
        "%more = icmp ult i64 %next, %end",
        "br i1 %more, label %each, label %over",
        "over:",
        "ret void",
        "}",
    ]


def _fetched(place: int, name: str) -> list[str]:
    return [f"%a.{name} = getelementptr ptr, ptr %addresses, i64 {place}", f"%{name} = load ptr, ptr %a.{name}"]


def _load(name: str, array: str, place: str) -> list[str]:
    return [f"%p.{name} = getelementptr double, ptr %{array}, i64 {place}", f"%{name} = load double, ptr %p.{name}"]


def _number(value: str | float) -> str:
    """Return how LLVM writes a number, to the last bit, or names a value."""
    if isinstance(value, float):
        return f"0x{struct.pack('>d', value).hex()}"
    return f"%{value}" if value[0] == "v" and value[1:].isdigit() else f"%v.{value}"


def _operation(line: Line, size: int) -> list[str]:
    name, does = line.name, line.does
    if does in ("entry", "own entry"):
        return _entry(line, size)
    takes = [_number(value) for value in line.takes]
    if does in ARITHMETIC:
        return [f"%{name} = {does} double {takes[0]}, {takes[1]}"]
    if does in COMPARED:
        return _selected(name, f"{does} double {takes[0]}, {takes[1]}", _number(ONE), _number(ZERO))
    if does in ("fabs", "floor"):
        return [f"%{name} = call double @llvm.{does}.f64(double {takes[0]})"]
    if does == "fneg":
        return [f"%{name} = fneg double {takes[0]}"]
    if does == "positive":
        return _selected(name, f"ogt double {takes[0]}, {_number(ZERO)}", takes[0], _number(ZERO))
    if does == "lesser":
        return _selected(name, f"ole double {takes[0]}, {takes[1]}", takes[0], takes[1])
    return _selected(name, f"one double {takes[0]}, {_number(ZERO)}", takes[1], takes[2])


def _selected(name: str, condition: str, one: str, other: str) -> list[str]:
    return [f"%c.{name} = fcmp {condition}", f"%{name} = select i1 %c.{name}, double {one}, double {other}"]


def _entry(line: Line, size: int) -> list[str]:
    """Return the lines that look up a table at a place, cut to its ends."""
    name, (table, place, last) = line.name, line.takes
    floor = _selected(f"f.{name}", f"ogt double {_number(place)}, {_number(ZERO)}", _number(place), _number(ZERO))
    top = _selected(f"t.{name}", f"olt double %f.{name}, {_number(last)}", f"%f.{name}", _number(last))
    whole = [f"%w.{name} = fptosi double %t.{name} to i64"]
    at = f"%w.{name}"
    if line.does == "own entry":
        whole += [f"%r.{name} = mul nsw i64 %w.{name}, {size}", f"%x.{name} = add nsw i64 %r.{name}, %i"]
        at = f"%x.{name}"
    return [*floor, *top, *whole, *_load(name, str(table), at)]
