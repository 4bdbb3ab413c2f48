"""Operations compiled for this processor: one loop over environments, through LLVM (llvmlite, extra ``fast``).

LLVM is told that no two arrays overlap, which is what lets it work on several environments with one instruction; Numba,
which is built on the same compiler, cannot say so of its arguments, gives up above a dozen arrays, and took seconds
where this takes a tenth of one.

One rule: no flag that lets a compiler rearrange or fuse what was written: each operation rounds as it does in NumPy.
"""

from __future__ import annotations

import ctypes
import importlib.util
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.tracing import Line, Trace

ARITHMETIC = ("fadd", "fsub", "fmul", "fdiv")
COMPARED = ("ogt", "oge", "olt", "ole")
ZERO, ONE = 0.0, 1.0


def installed() -> bool:
    """Return whether the compiler is installed; it is not imported for it."""
    return importlib.util.find_spec("llvmlite") is not None


class Rows(NamedTuple):
    """Rows of which each environment is shown its own, with some outputs in its first places.

    Args:
        array: The rows, shape (T, width).
        ahead: How many rows past the one of its step.
        places: Which outputs are shown, in order.
    """

    array: npt.NDArray[np.float32]
    ahead: int
    places: tuple[int, ...]


class Compiled:
    """A function of arrays with a value per environment, compiled from a trace.

    Args:
        trace: The operations.
        outputs: What the function gives: symbols of the trace, arrays or numbers.
        rows: Rows that are shown.

    Example:
        >>> trace = Trace(num_envs=3)
        >>> price = trace.given("price")
        >>> half = Compiled(trace, [trace.positive(price) / 2.0], Rows(np.ones((1, 2), np.float32), 0, (0,)))
        >>> found, seen = half(np.zeros(3, dtype=int), [np.array([1.0, -1.0, 4.0])])
        >>> found.tolist(), seen.tolist()
        ([[0.5, 0.0, 2.0]], [[0.5, 1.0], [0.0, 1.0], [2.0, 1.0]])
    """

    def __init__(self, trace: Trace, outputs: Sequence[Any], rows: Rows) -> None:
        self._size, self._count, self._width = trace.num_envs, len(outputs), rows.array.shape[1]
        self._still = [np.ascontiguousarray(rows.array), *trace.each, *trace.series, *trace.tables]
        self._engine, self._run = _loaded(_Text(trace, [trace.named(value) for value in outputs], rows).whole())
        still = [*map(_address, self._still)]
        self._addresses = np.array([*still, 0, 0, 0, *[0] * len(trace.inputs)], dtype=np.uintp)
        self._open = len(still)
        self._place = ctypes.c_void_p(_address(self._addresses))

    def __call__(self, t: npt.NDArray[np.int64], given: Sequence[Floats]) -> tuple[Floats, npt.NDArray[np.float32]]:
        """Return the outputs, shape (their number, num_envs), and what is shown, shape (num_envs, width).

        Args:
            t: The step that each environment plays, shape (num_envs,).
            given: The arrays that are given, in the order of the trace's inputs.
        """
        out, seen = np.empty((self._count, self._size)), np.empty((self._size, self._width), np.float32)
        told = [item if item.flags.c_contiguous else np.ascontiguousarray(item) for item in given]
        self._addresses[self._open :] = [_address(item) for item in (t, out, seen, *told)]
        self._run(self._place, self._size)
        return out, seen


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def _loaded(text: str) -> tuple[Any, Any]:
    """Return what keeps the machine code of a text, and its function of a table of addresses and a size."""
    from importlib import import_module

    llvm = import_module("llvmlite.binding")

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
    )
    module = llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = True
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(engine.get_function_address("run"))
    return engine, run


class _Text:
    """The text of a program: ``loop`` and ``show`` over arrays that do not overlap, and ``run``, given addresses."""

    def __init__(self, trace: Trace, outputs: Sequence[str | float], rows: Rows) -> None:
        self._trace, self._outputs, self._rows = trace, outputs, rows
        numbered = {word: _numbered(word, getattr(trace, word)) for word in ("each", "series", "tables")}
        self._still = [name for names in numbered.values() for name in names]
        self._by_env = [*trace.inputs, *numbered["each"]]
        self._by_step = numbered["series"]
        self._outs = _numbered("out", outputs)

    def whole(self) -> str:
        """Return all of it."""
        arrays = [*self._outs, "t", *self._trace.inputs, *self._still]
        shown = ["rows", "t", "seen", *(self._outs[place] for place in self._rows.places)]
        every = ["rows", *self._still, "t", "out", "seen", *self._trace.inputs]
        fetched = [text for place, name in enumerate(every) for text in _fetched(place, name)]
        for place, name in enumerate(self._outs):
            fetched += [f"%n.{name} = mul i64 %n, {place}", f"%{name} = getelementptr double, ptr %out, i64 %n.{name}"]
        calls = [f"call void @{name}({_passed(given)}, i64 %n)" for name, given in (("loop", arrays), ("show", shown))]
        run = ["define void @run(ptr %addresses, i64 %n) nounwind {", *fetched, *calls, "ret void", "}"]
        declared = "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)\ndeclare double @llvm.fabs.f64(double)"
        declared += "\ndeclare double @llvm.floor.f64(double)"
        return "\n".join(
            [declared, *_over("loop", arrays, self._body()), *_over("show", shown, self._shown()), *run, ""]
        )

    def _body(self) -> list[str]:
        """Return what is done for an environment: load, operate, store."""
        lines = [text for name in self._by_env for text in _load(f"v.{name}", name, "%i")]
        if self._by_step:
            lines += ["%p.t = getelementptr i64, ptr %t, i64 %i", "%at = load i64, ptr %p.t"]
        lines += [text for name in self._by_step for text in _load(f"v.{name}", name, "%at")]
        lines += [text for line in self._trace.lines for text in _operation(line, self._trace.num_envs)]
        for name, value in zip(self._outs, self._outputs, strict=True):
            lines += [
                f"%o.{name} = getelementptr double, ptr %{name}, i64 %i",
                f"store double {_number(value)}, ptr %o.{name}",
            ]
        return lines

    def _shown(self) -> list[str]:
        """Return what shows an environment its row, and the outputs in it."""
        width = self._rows.array.shape[1]
        lines = [
            "%p.t = getelementptr i64, ptr %t, i64 %i",
            "%now = load i64, ptr %p.t",
            f"%at = add nsw i64 %now, {self._rows.ahead}",
            f"%from = mul nsw i64 %at, {width}",
            "%row = getelementptr float, ptr %rows, i64 %from",
            f"%to = mul nsw i64 %i, {width}",
            "%own = getelementptr float, ptr %seen, i64 %to",
            f"call void @llvm.memcpy.p0.p0.i64(ptr %own, ptr %row, i64 {4 * width}, i1 false)",
        ]
        for slot, place in enumerate(self._rows.places):
            lines += _load(f"d{slot}", self._outs[place], "%i")
            lines += [
                f"%f{slot} = fptrunc double %d{slot} to float",
                f"%q{slot} = getelementptr float, ptr %own, i64 {slot}",
            ]
            lines += [f"store float %f{slot}, ptr %q{slot}"]
        return lines


def _numbered(word: str, arrays: Sequence[Any]) -> list[str]:
    return [f"{word}{place}" for place in range(len(arrays))]


def _passed(names: Sequence[str]) -> str:
    return ", ".join(f"ptr %{name}" for name in names)


def _over(name: str, arrays: Sequence[str], body: Sequence[str]) -> list[str]:
    """Return a function that does something for each environment; its arrays do not overlap."""
    taken = ", ".join(f"ptr noalias %{array}" for array in arrays)
    return [
        f"define internal void @{name}({taken}, i64 %n) noinline nounwind {{",
        "entry:",
        "br label %each",
        "each:",
        "%i = phi i64 [ 0, %entry ], [ %next, %each ]",
        *body,
        "%next = add nuw nsw i64 %i, 1",
        "%more = icmp ult i64 %next, %n",
        "br i1 %more, label %each, label %end",
        "end:",
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
